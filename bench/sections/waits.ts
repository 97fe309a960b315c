/**
 * f. Tasks that really wait, as most do: what is left of the difference then.
 *
 * @module
 */

import { addWays } from "../support/add_ways.ts";
import { expect, present } from "../support/contenders.ts";
import { type Section, timed } from "../support/harness.ts";

const CONCURRENCY = 64;

export const waits: Section = {
  letter: "f",
  title: `tasks that wait, concurrency ${CONCURRENCY}`,
  cases: ({ peers, quick }) => {
    const count = quick ? 1_000 : 10_000;
    let ran = 0;
    const tasks = Array.from(
      { length: count },
      (_, i) => () =>
        new Promise<void>((resolve) => {
          ran++;
          setTimeout(resolve, i % 3);
        }),
    );
    return [{
      title: "timers of 0 to 2 ms",
      x: CONCURRENCY,
      unit: "ns/task",
      base: "bare loop",
      contenders: present(addWays, peers, (name, runAll) => ({
        name,
        measure: timed(count, async () => {
          ran = 0;
          await runAll(tasks, CONCURRENCY);
          expect(ran, count);
        }),
      })),
    }];
  },
};
