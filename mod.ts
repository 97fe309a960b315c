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
export {
  Channel,
  type ChannelOptions,
  type ChannelReceiveOptions,
  type ChannelReceiveResult,
  type ChannelSendOptions,
} from "./src/channel.ts";
export { fifoQueue, type Queue } from "./src/queue.ts";
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
