// deno-coverage-ignore-file

/**
 * `Deno.test`, as far as these tests use it, on Deno, Bun and Node.
 *
 * @module
 */

type Body = () => void | Promise<void>;

const runtime = (globalThis as {
  Deno?: { test: (name: string, body: Body) => void };
}).Deno;

/** Registers a test. Its name is a sentence: the symbol and what it does. */
export const test: (name: string, body: Body) => void = runtime === undefined
  ? (await import("node:test")).test as (name: string, body: Body) => void
  : (name, body) => runtime.test(name, body);
