/**
 * Which of the laws of ours a contender keeps, found out by trying: what is faster may
 * be so because it promises less. Laws that cost time on every task are tried, those of
 * aborts and books are not.
 *
 * - 3: no job starts inside the call that brings it;
 * - 10: jobs that never leave the microtask queue let a timer through;
 * - 13: a job runs in its caller's async context.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { RunAll } from "./add_ways.ts";
import type { MakeLimiter } from "./go_ways.ts";

/** The laws that a limiter does not keep, as a note: "not 3, 13". */
export async function lawsOfLimiter(make: MakeLimiter): Promise<string> {
  const broken = [
    await startsInTheCall((job) => make(1)(job)) ? 3 : 0,
    await holdsTheLoop((jobs) => {
        const limit = make(4);
        return Promise.all(jobs.map((job) => limit(job)));
      })
      ? 10
      : 0,
    await losesTheContext(make) ? 13 : 0,
  ];
  return note(broken);
}

/** The same of a way to run a batch, which has no contexts of its jobs. */
export async function lawsOfBatch(run: RunAll): Promise<string> {
  return note([
    await startsInTheCall((job) => run([job], 1)) ? 3 : 0,
    await holdsTheLoop((jobs) => run(jobs, 4)) ? 10 : 0,
  ]);
}

function note(broken: number[]): string {
  const laws = broken.filter((law) => law > 0);
  return laws.length === 0 ? "" : `not ${laws.join(", ")}`;
}

type Job = () => Promise<void>;

async function startsInTheCall(
  run: (job: Job) => Promise<unknown>,
): Promise<boolean> {
  let isIn = true;
  let startedIn = false;
  const done = run(() => {
    startedIn = isIn;
    return Promise.resolve();
  });
  isIn = false;
  await done;
  return startedIn;
}

/** A tenth of a second of work in all, and a timer that is due at once. */
async function holdsTheLoop(
  run: (jobs: Job[]) => Promise<unknown>,
): Promise<boolean> {
  let left = 200;
  let leftAtTimer = 0;
  const job = () => {
    const end = performance.now() + 0.5;
    while (performance.now() < end);
    left--;
    return Promise.resolve();
  };
  const timer = new Promise<void>((resolve) =>
    setTimeout(() => {
      leftAtTimer = left;
      resolve();
    })
  );
  await run(Array.from({ length: left }, () => job));
  await timer;
  return leftAtTimer === 0;
}

async function losesTheContext(make: MakeLimiter): Promise<boolean> {
  const context = new AsyncLocalStorage<string>();
  const limit = make(1);
  const seen = (name: string) =>
    context.run(name, () =>
      limit(async () => {
        await undefined;
        return context.getStore() === name;
      }));
  const all = await Promise.all(["a", "b", "c"].map(seen));
  return all.includes(false);
}
