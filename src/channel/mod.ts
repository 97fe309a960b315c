/**
 * Channels alone: {@linkcode Channel}, {@linkcode select}, and the queues. All of it is
 * in the main entry point, too; of this one a bundle takes nothing else with it.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, select } from "@cogroup/cogroup/channel";
 *
 * const work = new Channel<string>();
 * const quit = new Channel<never>();
 * (async () => {
 *   for (const word of ["a", "b"]) await work.send(word);
 *   quit.close();
 * })();
 *
 * const words: string[] = [];
 * for (;;) {
 *   const { channel, value, closed } = await select([work, quit]);
 *   if (closed) break;
 *   if (channel === work) words.push(value);
 * }
 * assert.deepEqual(words, ["a", "b"]);
 * ```
 *
 * @module
 */

export { Channel } from "./channel.ts";
export { select } from "./select.ts";
export { ChannelClosedError } from "../base/errors.ts";
export { fifoQueue } from "../queues/fifo_queue.ts";
export { slidingQueue } from "../queues/sliding_queue.ts";
export { droppingQueue } from "../queues/dropping_queue.ts";
export { priorityQueue } from "../queues/priority_queue.ts";
export { keyedQueue } from "../queues/keyed_queue.ts";
export { checkedQueue } from "../queues/checked_queue.ts";

export type {
  ChannelOptions,
  ChannelReceiveOptions,
  ChannelReceiveResult,
  ChannelSendOptions,
} from "./channel_options.ts";
export type { Selected, SelectOptions } from "./select.ts";
export type { Queue } from "../queues/queue.ts";
export type { LossyQueueOptions } from "../queues/lossy_queue.ts";
export type { PriorityQueueOptions } from "../queues/priority_queue.ts";
export type { KeyedQueueOptions } from "../queues/keyed_queue.ts";

// What a priority queue and a keyed queue hold, and read.
export type { QueuedTask, Task, TaskContext, TaskOptions } from "../task.ts";
export type { RetryOptions } from "../base/retry.ts";
