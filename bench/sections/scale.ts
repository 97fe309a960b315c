/**
 * g. The cost of a task does not depend on how many there are, nor on how many
 * workers there are (law 14). What of a difference is the machine's is shown by
 * an array that the tasks are pushed to (memory that is touched for the first
 * time has its price), and by the bare loop.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { expect } from "../support/contenders.ts";
import { type Case, type Section, timed } from "../support/harness.ts";

let ran = 0;
// deno-lint-ignore require-await -- An async task that has nothing to wait for.
const task = async () => {
  ran++;
};

type Run = (count: number, concurrency: number) => Promise<unknown>;

const cogroup: Run = (count, concurrency) => {
  const group = new CoGroup(concurrency);
  for (let i = 0; i < count; i++) group.add(task);
  return group.wait();
};

const bareLoop: Run = (count, concurrency) => {
  let next = 0;
  const worker = async () => {
    while (next++ < count) await task();
  };
  return Promise.all(Array.from({ length: concurrency }, worker));
};

const array: Run = async (count, concurrency) => {
  const tasks: (typeof task)[] = [];
  for (let i = 0; i < count; i++) tasks.push(task);
  let next = 0;
  const worker = async () => {
    while (next < count) await tasks[next++]!();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
};

/** So many tasks in all; small batches again and again, to be measurable. */
function measured(run: Run, count: number, concurrency: number, total: number) {
  const times = Math.max(1, Math.round(total / count));
  return timed(times * count, async () => {
    ran = 0;
    for (let i = 0; i < times; i++) await run(count, concurrency);
    expect(ran, times * count);
  });
}

const short = (n: number) => n.toExponential().replace("+", "");

export const scale: Section = {
  letter: "g",
  title: "cost of a task, add + wait",
  maxRounds: 5,
  cases: ({ quick }) => {
    const counts = quick ? [1e3, 1e4, 1e5] : [1e3, 1e4, 1e5, 1e6, 1e7];
    const levels = quick ? [1, 16, 1e3] : [1, 16, 256, 1e3, 1e4, 1e5];
    const total = quick ? 1e5 : 1e6;
    const byCount = (name: string, run: Run): Case => ({
      title: `by number of tasks, concurrency 16: ${name}`,
      unit: "ns/task",
      base: `${name}, 1e5`,
      contenders: counts.map((count) => ({
        name: `${name}, ${short(count)}`,
        measure: measured(run, count, 16, Math.min(count * 1e3, total)),
      })),
    });
    const byConcurrency = (name: string, run: Run): Case => ({
      title: `by concurrency, ${short(total)} tasks: ${name}`,
      unit: "ns/task",
      base: `${name}, 16`,
      contenders: levels.map((concurrency) => ({
        name: `${name}, ${concurrency}`,
        measure: measured(run, total, concurrency, total),
      })),
    });
    return [
      byCount("cogroup", cogroup),
      byCount("array", array),
      byConcurrency("cogroup", cogroup),
      byConcurrency("bare loop", bareLoop),
    ];
  },
};
