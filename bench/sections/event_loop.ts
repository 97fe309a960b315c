/**
 * i. The event loop (law 10): how long no timer gets through while tasks run
 * that never wait, and when an abort by a timer does.
 *
 * The clock starts when all tasks have been brought: that much is one call
 * after another in the program's own loop, whichever library gets them.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { addWays, type RunAll } from "../support/add_ways.ts";
import { present } from "../support/contenders.ts";
import { collect } from "../support/gc.ts";
import type { Case, Contender, Section } from "../support/harness.ts";

const CONCURRENCY = 8;
const ABORT_AFTER = 50;

type Tasks = (() => Promise<void>)[];

const nothing = async () => {};

// deno-lint-ignore require-await -- Plain CPU work.
const oneMillisecond = async () => {
  const end = performance.now() + 1;
  while (performance.now() < end);
};

/**
 * Has the loop done with what the one before has left. (Seen: the first turn
 * after p-queue takes 300 ms, whichever library is next.)
 */
async function cleanUp(): Promise<void> {
  collect();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The longest time in ms that went by without a timer going off. */
async function longestGap(runAll: RunAll, tasks: Tasks): Promise<number> {
  await cleanUp();
  let longest = 0;
  const done = runAll(tasks, CONCURRENCY);
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const turn = () => {
    look();
    timer = setTimeout(turn, 0);
  };
  let timer = setTimeout(turn, 0);
  await done;
  clearTimeout(timer);
  look();
  return longest;
}

/** When the group is done that a timer aborts, in ms. */
async function abortByTimer(tasks: Tasks): Promise<number> {
  await cleanUp();
  const abort = new AbortController();
  const group = new CoGroup({
    concurrency: CONCURRENCY,
    signal: abort.signal,
  });
  for (const task of tasks) group.add(task);
  const start = performance.now();
  const timer = setTimeout(() => abort.abort(), ABORT_AFTER);
  await group.wait();
  clearTimeout(timer);
  return performance.now() - start;
}

/** When the timer goes off that would abort a peer, in ms: not later than its end. */
async function timerBeside(runAll: RunAll, tasks: Tasks): Promise<number> {
  await cleanUp();
  const done = runAll(tasks, CONCURRENCY);
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, ABORT_AFTER));
  const time = performance.now() - start;
  await done;
  return time;
}

export const eventLoop: Section = {
  letter: "i",
  title: `the event loop, concurrency ${CONCURRENCY}`,
  maxRounds: 3,
  cases: ({ peers, quick }) => {
    const works: [string, Tasks][] = quick
      ? [
        ["100,000 no-op tasks", Array(100_000).fill(nothing)],
        ["200 tasks of 1 ms", Array(200).fill(oneMillisecond)],
      ]
      : [
        ["1,000,000 no-op tasks", Array(1_000_000).fill(nothing)],
        ["2,000 tasks of 1 ms", Array(2_000).fill(oneMillisecond)],
      ];
    const gap = (tasks: Tasks) => (name: string, runAll: RunAll): Contender => (
      { name, measure: () => longestGap(runAll, tasks) }
    );
    const abort =
      (tasks: Tasks) => (name: string, runAll: RunAll): Contender => ({
        name,
        measure: () =>
          name === "cogroup" ? abortByTimer(tasks) : timerBeside(runAll, tasks),
      });
    return works.flatMap(([what, tasks]): Case[] => [
      {
        title: `longest gap, ${what}`,
        unit: "ms",
        base: "cogroup",
        contenders: present(addWays, peers, gap(tasks)),
      },
      {
        title: `${ABORT_AFTER} ms abort timer, ${what}`,
        unit: "ms",
        base: "cogroup",
        contenders: present(addWays, peers, abort(tasks)),
      },
    ]);
  },
};
