/**
 * a. Tasks with results that are not wanted: what a group costs in itself.
 *
 * @module
 */

import { addWays } from "../support/add_ways.ts";
import { batch, present } from "../support/contenders.ts";
import { type Section, timed } from "../support/harness.ts";
import { lawsOfBatch } from "../support/laws.ts";

export const add: Section = {
  letter: "a",
  title: "add + wait, no-op async tasks",
  cases: ({ peers, quick }) => {
    const count = quick ? 10_000 : 100_000;
    const { tasks, verify } = batch(count);
    return [1, 4, 16, 64, 256, 1024].map((concurrency) => ({
      title: `concurrency ${concurrency}`,
      x: concurrency,
      unit: "ns/task",
      base: "cogroup",
      contenders: present(addWays, peers, (name, runAll) => ({
        name,
        laws: () => lawsOfBatch(runAll),
        measure: timed(count, async () => {
          await runAll(tasks, concurrency);
          verify();
        }),
      })),
    }));
  },
};
