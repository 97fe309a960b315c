/**
 * A coroutine group: a fixed number of workers that take tasks from a channel,
 * with cancellation that can be trusted. Start with {@linkcode CoGroup}.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * const lengths: number[] = [];
 * const group = new CoGroup({ concurrency: 2 });
 * for (const word of ["a", "bc", "def"]) {
 *   await group.insert(() => void lengths.push(word.length));
 * }
 * await group.wait();
 * assert.deepEqual(lengths, [1, 2, 3]);
 * ```
 *
 * @module
 */

export { CoGroup } from "./src/cogroup.ts";
export type { WaitOptions } from "./src/core.ts";
export type { ProgressOptions } from "./src/progress.ts";
export type { CoGroupOptions, MapOptions } from "./src/options.ts";
export type { CoGroupStats } from "./src/books.ts";
export type {
  QueuedTask,
  Task,
  TaskContext,
  TaskFailure,
  TaskOptions,
  WorkerFunction,
} from "./src/task.ts";
export type { RetryOptions } from "./src/retry.ts";
export { Channel } from "./src/channel.ts";
export type {
  ChannelOptions,
  ChannelReceiveOptions,
  ChannelReceiveResult,
  ChannelSendOptions,
} from "./src/channel_options.ts";
export type { Queue } from "./src/queue.ts";
export { fifoQueue } from "./src/fifo_queue.ts";
export { slidingQueue } from "./src/sliding_queue.ts";
export { droppingQueue } from "./src/dropping_queue.ts";
export {
  priorityQueue,
  type PriorityQueueOptions,
} from "./src/priority_queue.ts";
export { keyedQueue, type KeyedQueueOptions } from "./src/keyed_queue.ts";
export type { AcquireOptions, Governor, Permit } from "./src/governor.ts";
export { Semaphore } from "./src/semaphore.ts";
export {
  type RateLimit,
  rateLimit,
  type RateLimitOptions,
} from "./src/rate_limit.ts";
export {
  type AdaptiveLimit,
  adaptiveLimit,
  type AdaptiveLimitOptions,
} from "./src/adaptive_limit.ts";
export { ChannelClosedError, CoGroupClosedError } from "./src/errors.ts";
