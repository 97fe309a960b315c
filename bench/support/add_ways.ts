/**
 * How each library runs tasks whose results are not wanted: each peer in the
 * way its README shows for that, and where it shows several, in the fastest.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { kept, own, using, type Way } from "./contenders.ts";

type Tasks = (() => Promise<void>)[];

/** Runs the tasks, `concurrency` at once; resolves when all have ended. */
export type RunAll = (tasks: Tasks, concurrency: number) => Promise<unknown>;

const ignore = () => {};

/** The baseline: workers over an array, without counts, errors or an abort. */
export async function bareLoop(
  tasks: Tasks,
  concurrency: number,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < tasks.length) await tasks[next++]!();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

export function addAndWait(
  tasks: Tasks,
  concurrency: number,
): Promise<unknown> {
  const group = kept(new CoGroup(concurrency));
  for (const task of tasks) group.add(task);
  return group.wait();
}

export const addWays: readonly Way<RunAll>[] = [
  own("cogroup", addAndWait),
  own("bare loop", bareLoop),
  // The one way there is: a promise for each, and all of them awaited.
  using("p-limit", ({ default: pLimit }) => (tasks, concurrency) => {
    const limit = kept(pLimit(concurrency));
    return Promise.all(tasks.map((task) => limit(task)));
  }),
  // `onIdle` spares it the `Promise.all`; `addAll` would add one.
  using("p-queue", ({ default: PQueue }) => (tasks, concurrency) => {
    const queue = kept(new PQueue({ concurrency }));
    for (const task of tasks) queue.add(task);
    return queue.onIdle();
  }),
  // The callback form, which its README calls the fast one; errors handled.
  using("fastq", ({ default: fastq }) => (tasks, concurrency) => {
    const queue = kept(fastq((task, done) => {
      task().then(() => done(null), done);
    }, concurrency));
    for (const task of tasks) queue.push(task, ignore);
    return new Promise<void>((resolve) => queue.drain = resolve);
  }),
  // No queue, but the batch as a whole, which it is at its best with.
  using(
    "p-map",
    ({ default: pMap }) => (tasks, concurrency) =>
      pMap(tasks, (task) => task(), { concurrency }),
  ),
  using(
    "promise-pool",
    ({ PromisePool }) => (tasks, concurrency) =>
      kept(PromisePool.for(tasks)).withConcurrency(concurrency)
        .process((task) => task()),
  ),
  // With a callback, for without one it makes a promise for each task.
  using("async.queue", ({ default: async }) => (tasks, concurrency) => {
    const queue = kept(async.queue(async (task) => await task(), concurrency));
    for (const task of tasks) queue.push(task, ignore);
    return queue.drain();
  }),
  using("@henrygd/queue", ({ newQueue }) => (tasks, concurrency) => {
    const queue = kept(newQueue(concurrency));
    for (const task of tasks) queue.add(task);
    return queue.done();
  }),
  // No queue, but a batch: it asks for the next task.
  using("es6-promise-pool", ({ default: Pool }) => (tasks, concurrency) => {
    let next = 0;
    return kept(new Pool(() => tasks[next++]?.(), concurrency)).start();
  }),
  using("effect", ({ Effect }) => (tasks, concurrency) =>
    Effect.runPromise(
      Effect.forEach(tasks, (task) => Effect.promise(task), { concurrency }),
    )),
  using("rxjs", (rx) => (tasks, concurrency) =>
    rx.lastValueFrom(
      rx.from(tasks).pipe(
        rx.mergeMap((task: Tasks[number]) => task(), concurrency),
        rx.toArray(),
      ),
    )),
];
