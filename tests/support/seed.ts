// deno-coverage-ignore-file

/**
 * Where the random tests start: at the same seed in every run, so that a run
 * says of the code, and not of its luck. Fresh seeds are for `deno task
 * test:soak`, which gives its own: `deno test tests/properties/*.ts -- --seed S`.
 *
 * @module
 */

import { parseArgs } from "node:util";

const { values } = parseArgs({
  args: Deno.args,
  options: { seed: { type: "string", default: "1" } },
  strict: false, // The runner of the tests may have been given more.
});

/** The first seed of the random programs, and that of each property. */
export const seed: number = Number(values.seed);
