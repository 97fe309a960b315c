/**
 * What the queues have in common that drop what they have no room for.
 *
 * @module
 */

import { callable, count, options as checked } from "../base/check.ts";
import { Fifo } from "./fifo_queue.ts";
import { own, type WhenFull } from "./queue.ts";

/**
 * Options of {@linkcode slidingQueue} and {@linkcode droppingQueue}.
 *
 * @example Count what is lost
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type LossyQueueOptions, slidingQueue } from "@cogroup/cogroup";
 *
 * let lost = 0;
 * const options: LossyQueueOptions<number> = { onEvict: () => lost++ };
 * const channel = new Channel<number>({ queue: slidingQueue(1, options) });
 * for (const reading of [1, 2, 3]) channel.trySend(reading);
 * assert.equal(lost, 2);
 * ```
 *
 * @typeParam T The type of the values.
 */
export interface LossyQueueOptions<T> {
  /**
   * Hears of each value that the queue drops, once: when it is gone and all is in order,
   * before the call that brought a value returns. Values that are taken back,
   * withdrawn, aborted or cleared are not dropped. What it throws, or rejects with, breaks
   * no call: a group's `onError` gets it, with `workerId` -1 and `attempt` 0; in a channel
   * it is printed.
   *
   * @param value The value; in a group the task and its options, as a
   *   {@linkcode QueuedTask}.
   */
  onEvict?: ((value: T) => unknown) | undefined;
}

/** A checked queue that evicts or refuses. */
export function lossyQueue<T>(
  capacity: number,
  least: 0 | 1,
  whenFull: WhenFull,
  options: LossyQueueOptions<T>,
): Fifo<T> {
  const doing = "create queue";
  count(doing, "capacity", capacity, least);
  const { onEvict } = checked(doing, options)!;
  if (onEvict !== undefined) callable(doing, "onEvict", onEvict);
  return own(new Fifo<T>(capacity, whenFull, onEvict));
}
