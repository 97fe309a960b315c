/**
 * h. A queue of tasks that have not started: what it weighs, and how long it
 * takes to throw it away. All queue one and the same function, so that only
 * what they add to it is weighed.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { own, present, using, type Way } from "../support/contenders.ts";
import { heapInUse } from "../support/gc.ts";
import type { Section } from "../support/harness.ts";

type Job = () => Promise<void>;

/** A queue that starts nothing. */
interface Held {
  add(job: Job): unknown;
  clear?: () => unknown;
}

const ignore = () => {};
const job: Job = () => Promise.resolve();

const ways: readonly Way<() => Held>[] = [
  own("cogroup", () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    return { add: (job) => group.add(job), clear: () => group.abort() };
  }),
  own("cogroup go", () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    return { add: (job) => group.go(job), clear: () => group.abort() };
  }),
  // It can't pause: its one place is taken by a task without end.
  using("p-limit", ({ default: pLimit }) => () => {
    const limit = pLimit(1);
    limit(() => new Promise(ignore));
    return { add: (job) => limit(job), clear: () => limit.clearQueue() };
  }),
  // Not cleared: its `clear` rejects a promise a task in such a way that Deno
  // is busy for half a minute after the call if there were 100,000 of them.
  using("p-queue", ({ default: PQueue }) => () => {
    const queue = new PQueue({ concurrency: 1, autoStart: false });
    return { add: (job) => queue.add(job) };
  }),
  using("fastq", ({ default: fastq }) => () => {
    const queue = fastq(ignore, 1);
    queue.pause();
    return { add: (job) => queue.push(job, ignore), clear: () => queue.kill() };
  }),
  using("async.queue", ({ default: async }) => () => {
    const queue = async.queue(async (job) => await job(), 1);
    queue.pause();
    return { add: (job) => queue.push(job, ignore), clear: () => queue.kill() };
  }),
];

function fill(held: Held, count: number): Held {
  for (let i = 0; i < count; i++) held.add(job);
  return held;
}

function weigh(make: () => Held, count: number): number {
  const before = heapInUse();
  const held = fill(make(), count);
  const after = heapInUse();
  held.clear?.();
  return (after - before) / count;
}

function timeToClear(make: () => Held, count: number): number {
  const held = fill(make(), count);
  const start = performance.now();
  held.clear?.();
  return performance.now() - start;
}

export const memory: Section = {
  letter: "h",
  title: "a queue that waits",
  maxRounds: 3,
  cases: ({ peers, quick }) => {
    const count = quick ? 100_000 : 1_000_000;
    const queued = `${count.toLocaleString("en")} tasks queued`;
    const all = present(ways, peers, (name, make) => ({ name, make }));
    const among = (
      contenders: typeof all,
      measure: (make: () => Held, count: number) => number,
    ) =>
      contenders.map(({ name, make }) => ({
        name,
        measure: () => measure(make, count),
      }));
    return [
      {
        title: `heap, ${queued}`,
        unit: "bytes/task",
        base: "cogroup",
        contenders: among(all, weigh),
      },
      {
        title: `abort, ${queued}`,
        unit: "ms",
        base: "cogroup",
        contenders: among(all.filter(({ make }) => make().clear), timeToClear),
      },
    ];
  },
};
