// deno-coverage-ignore-file

/**
 * Groups under random programs whose signals, and a queue, throw or use the
 * group while it is in the middle of something. After every step, and inside of
 * every such use, the books balance; at the end every promise has settled, and
 * no listener is left. Deno's alone: it needs an npm package. A failure prints
 * the shortest program that shows it, what came of it, and its seed.
 *
 * @module
 */

import fc from "npm:fast-check@4.10.2";
import {
  type Brought,
  governors,
  Hostile,
  HostileProgram,
  queues,
  SIGNALS,
  type Step,
  type Surprise,
} from "../support/hostile_program.ts";
import { assertEquals, FakeTime } from "../support/std.ts";
import { test } from "../support/test.ts";
import { unhandled } from "../support/unhandled.ts";

const few = fc.nat(3);
const brought: fc.Arbitrary<Brought> = fc.record({
  signal: fc.option(fc.nat(SIGNALS - 1), { nil: undefined, freq: 4 }),
  key: few,
  timed: fc.boolean(),
  ticks: few,
  fails: fc.boolean(),
});

function steps(
  weight: number,
  record: { [K in string]: fc.Arbitrary<unknown> },
): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary: fc.record(record) as fc.Arbitrary<Step> };
}

/** What may be done anywhere. */
const inside = [
  steps(10, {
    do: fc.constantFrom("add", "go", "insert", "insert", "tryInsert"),
    with: brought,
  }),
  steps(2, {
    do: fc.constant("insertAll"),
    with: fc.array(brought, { maxLength: 4 }),
  }),
  steps(2, {
    do: fc.constant("map"),
    with: brought,
    n: fc.integer({ min: 1, max: 5 }),
    later: fc.boolean(),
    settled: fc.boolean(),
  }),
  steps(6, { do: fc.constantFrom("abort", "return"), which: fc.nat(9) }),
  steps(3, { do: fc.constantFrom("drain", "resume") }),
  steps(2, { do: fc.constant("resize"), n: fc.integer({ min: 1, max: 3 }) }),
  steps(1, { do: fc.constantFrom("cancel", "close") }),
];
const outside = [
  ...inside,
  steps(1, { do: fc.constantFrom("pause", "pause", "reset") }),
  steps(6, {
    do: fc.constantFrom("microtasks", "microtasks", "tick"),
    n: fc.integer({ min: 1, max: 6 }),
  }),
];
const surprise: fc.Arbitrary<Surprise> = fc.record({
  does: fc.option(fc.oneof(...inside), { nil: undefined, freq: 4 }),
  throws: fc.oneof(
    { weight: 2, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

const programs = fc.record({
  queue: fc.constantFrom(...Object.keys(queues)),
  capacity: few,
  governor: fc.constantFrom("none", ...Object.keys(governors)),
  concurrency: fc.integer({ min: 1, max: 3 }),
  retry: fc.boolean(),
  paused: fc.boolean(),
  upstream: fc.boolean(),
  sink: fc.boolean(),
  steps: fc.array(fc.oneof(...outside), { maxLength: 30, size: "max" }),
  surprises: fc.array(surprise, { maxLength: 30, size: "max" }),
});

test("Laws 1, 6 and 9 hold whatever signals and queues do in the middle of it", async () => {
  const { error } = console;
  await fc.assert(
    fc.asyncProperty(programs, async (given) => {
      using time = new FakeTime();
      const printed: unknown[] = [];
      console.error = (reason: unknown) => printed.push(reason);
      const program = new HostileProgram(given, time);
      try {
        const reasons = await unhandled(() => program.run());
        program.wrong.push(...reasons.map((reason) => `unhandled: ${reason}`));
      } finally {
        console.error = error;
      }
      for (const reason of printed) {
        if (reason instanceof Hostile) continue;
        program.wrong.push(`printed: ${(reason as Error).stack}`);
      }
      assertEquals(program.wrong, [], program.story.join("\n"));
    }),
    { numRuns: 300 },
  );
});
