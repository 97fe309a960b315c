// deno-coverage-ignore-file

/**
 * `Deno.test`, as far as these tests use it, on Deno, Bun and Node.
 *
 * @module
 */

type Body = () => void | Promise<void>;
type Register = (name: string, body: Body) => void;

const runtime = (globalThis as {
  Deno?: { test: Register & { ignore: Register } };
}).Deno;
const [run, ignore] = runtime === undefined
  ? await import("node:test").then(({ test }) => [test, test.skip])
  : [runtime.test, runtime.test.ignore];

/** Registers a test. Its name is a sentence: the symbol and what it does. */
export const test: Register = (name, body) => void run(name, body);

/** Registers a test that can't run here. Its name says why. */
export const ignored: Register = (name, body) => void ignore(name, body);
