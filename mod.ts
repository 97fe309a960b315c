/**
 * A coroutine group: a fixed number of workers that take tasks from a channel,
 * with an abort that can be trusted. Start with {@linkcode CoGroup}.
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
