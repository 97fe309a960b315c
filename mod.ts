/**
 * A coroutine group: a fixed number of workers that take tasks from a channel,
 * with an abort that can be trusted. For Deno, Bun, Node and browsers, without
 * dependencies and permissions.
 *
 * You have 50,000 URLs, rows or files. Started all at once they melt the peer; one
 * after the other they take all day. A {@linkcode CoGroup} runs them a few at a time,
 * loses none, hides no error, and stops when you say stop, without tearing apart what
 * is half done.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * const lengths: number[] = [];
 * const group = new CoGroup({ concurrency: 2, capacity: 100 });
 * for (const word of ["a", "bc", "def"]) {
 *   // Waits while a hundred are queued.
 *   await group.insert(() => void lengths.push(word.length));
 * }
 * const abandoned = await group.wait(); // All have run.
 * assert.equal(abandoned, 0);
 * assert.deepEqual(lengths, [1, 2, 3]);
 * ```
 *
 * ## Bring tasks in
 *
 * | you want | call |
 * | --- | --- |
 * | to hand a task over, whatever is queued | {@linkcode CoGroup.prototype.add add} |
 * | a task only if there is room now | {@linkcode CoGroup.prototype.tryInsert tryInsert} |
 * | to be slowed down to the pace of the workers | {@linkcode CoGroup.prototype.insert insert}, {@linkcode CoGroup.prototype.insertAll insertAll} |
 * | the task's own result | {@linkcode CoGroup.prototype.go go} |
 * | a stream of results of one function | {@linkcode CoGroup.prototype.map map} |
 * | the same, where failures are results | {@linkcode CoGroup.prototype.mapSettled mapSettled} |
 *
 * A stream is pulled by its reader, so memory stays flat, and stages chain:
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * await using fetching = new CoGroup({
 *   concurrency: 8,
 *   timeout: 10_000, // ms, for each attempt.
 *   retry: { maxAttempts: 3 }, // Its wait holds no worker.
 * });
 * await using parsing = new CoGroup(2);
 * // In earnest it is `fetch(url, { signal })`.
 * const load = (url: string) => Promise.resolve(`body of ${url}`);
 * const parse = (body: string) => body.toUpperCase();
 *
 * const pages: string[] = [];
 * const bodies = fetching.map(["a", "b"], load);
 * for await (const page of parsing.map(bodies, parse)) {
 *   pages.push(page); // In order, unless `ordered: false`.
 * }
 * assert.deepEqual(pages, ["BODY OF A", "BODY OF B"]);
 * ```
 *
 * ## End
 *
 * {@linkcode CoGroup.prototype.wait wait} closes the group and waits for all of it;
 * {@linkcode CoGroup.prototype.idle idle} waits, and leaves it open;
 * {@linkcode CoGroup.prototype.shutdown shutdown} gives it so many milliseconds. After
 * {@linkcode CoGroup.prototype.abort abort}, or an abort of the `signal` it was made with,
 * nothing starts, and what runs runs to its end, so that no data is left half written:
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * const stop = new AbortController();
 * // process.once("SIGINT", () => stop.abort());
 * const group = new CoGroup({ concurrency: 1, signal: stop.signal });
 * const written: number[] = [];
 * for (const n of [1, 2, 3]) {
 *   group.add(() => {
 *     stop.abort();
 *     written.push(n);
 *   });
 * }
 * assert.equal(await group.wait(), 2); // So many were abandoned,
 * assert.equal(group.clear().length, 2); // and here they are.
 * assert.deepEqual(written, [1]);
 * ```
 *
 * ## Which, when, how many
 *
 * A `queue` says which task is next, a `governor` when, and how many beyond the
 * workers of this group; one governor may serve many groups.
 *
 * | you need | make |
 * | --- | --- |
 * | some tasks before others | {@linkcode priorityQueue} |
 * | tasks of one user in order, users taking turns | {@linkcode keyedQueue} |
 * | only the newest, or to turn away what comes when it is full | {@linkcode slidingQueue}, {@linkcode droppingQueue} |
 * | at most so many starts in a second | {@linkcode rateLimit} |
 * | one limit for several groups | {@linkcode Semaphore} |
 * | to find out how many a server can take | {@linkcode adaptiveLimit} |
 * | two limits at once | {@linkcode allOf} |
 *
 * ## Channels
 *
 * {@linkcode Channel} and {@linkcode select} stand alone, too: values between coroutines,
 * with the contract of the one in @std/async. An entry point of their own,
 * `@cogroup/cogroup/channel`, keeps all else out of a bundle.
 *
 * What is promised, how it is tested, recipes and the way from p-limit, p-queue and the
 * like are in the README of the repository, and in its folder docs/.
 *
 * @module
 */

// Classes.
export { CoGroup } from "./src/cogroup.ts";
export { Channel } from "./src/channel/channel.ts";
export { Semaphore } from "./src/governors/semaphore.ts";
export { ChannelClosedError, CoGroupClosedError } from "./src/base/errors.ts";

// Functions: select, queues and governors.
export { select } from "./src/channel/select.ts";
export { fifoQueue } from "./src/queues/fifo_queue.ts";
export { slidingQueue } from "./src/queues/sliding_queue.ts";
export { droppingQueue } from "./src/queues/dropping_queue.ts";
export { priorityQueue } from "./src/queues/priority_queue.ts";
export { keyedQueue } from "./src/queues/keyed_queue.ts";
export { checkedQueue } from "./src/queues/checked_queue.ts";
export { rateLimit } from "./src/governors/rate_limit.ts";
export { allOf } from "./src/governors/all_of.ts";
export { adaptiveLimit } from "./src/governors/adaptive_limit.ts";

// What a group takes, and what it gives.
export type {
  ItemContext,
  QueuedTask,
  SettledItem,
  Task,
  TaskContext,
  TaskFailure,
  TaskOptions,
  WorkerFunction,
} from "./src/task.ts";
export type { CoGroupOptions, MapOptions } from "./src/group/options.ts";
export type { RetryOptions } from "./src/base/retry.ts";
export type { ShutdownOptions, WaitOptions } from "./src/group/group.ts";
export type { TaskInfo } from "./src/group/directory.ts";
export type { ProgressOptions } from "./src/group/progress.ts";
export type { CoGroupStats } from "./src/group/state.ts";

// What an observer is, and hears.
export type {
  GroupStep,
  ObservedTask,
  Observer,
  Step,
  TaskStep,
} from "./src/group/observer.ts";

// What a channel takes, and what it gives.
export type {
  ChannelOptions,
  ChannelReceiveOptions,
  ChannelReceiveResult,
  ChannelSendOptions,
} from "./src/channel/channel_options.ts";
export type { Selected, SelectOptions } from "./src/channel/select.ts";

// What queues and governors are, and take.
export type { Queue } from "./src/queues/queue.ts";
export type { LossyQueueOptions } from "./src/queues/lossy_queue.ts";
export type { PriorityQueueOptions } from "./src/queues/priority_queue.ts";
export type { KeyedQueueOptions } from "./src/queues/keyed_queue.ts";
export type { AcquireOptions, Governor, Permit } from "./src/governor.ts";
export type {
  RateLimit,
  RateLimitOptions,
} from "./src/governors/rate_limit.ts";
export type {
  AdaptiveLimit,
  AdaptiveLimitOptions,
} from "./src/governors/adaptive_limit.ts";
