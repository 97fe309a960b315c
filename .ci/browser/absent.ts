/**
 * What a browser does not have.
 *
 * @module
 */

/** Thrown by whatever of `node:` a test uses. */
export class Absent extends Error {}

/**
 * A `node:` module: anything can be imported from it, and nothing used. The
 * proxy is its prototype, since a bundler copies own properties.
 */
export const absent: unknown = Object.create(
  new Proxy({}, {
    get: () =>
      function () {
        throw new Absent("not in a browser");
      },
  }),
);
