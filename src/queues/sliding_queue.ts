/**
 * The queue that makes room for what is new.
 *
 * @module
 */

import { lossyQueue, type LossyQueueOptions } from "./lossy_queue.ts";
import type { Queue } from "./queue.ts";

/**
 * First in, first out, and never full: where there is no room the oldest value
 * is evicted. For a stream of news of which only the latest counts. O(1) in
 * and out.
 *
 * In a {@linkcode CoGroup} no call waits for room, and an evicted task is
 * abandoned. Items of a `map` are tasks like any others, and an evicted item
 * ends its stream: give a map a group of its own. In a {@linkcode Channel} an
 * evicted value is gone. `onEvict` hears of each.
 *
 * @example The last two readings
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, slidingQueue } from "@cogroup/cogroup";
 *
 * const channel = new Channel<number>({ queue: slidingQueue(2) });
 * for (const reading of [1, 2, 3, 4]) await channel.send(reading);
 * channel.close();
 * assert.deepEqual(await Array.fromAsync(channel), [3, 4]);
 * ```
 *
 * @example Say what will not be done
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, slidingQueue } from "@cogroup/cogroup";
 *
 * const skipped: unknown[] = [];
 * const group = new CoGroup({
 *   concurrency: 1,
 *   queue: slidingQueue(1, {
 *     onEvict: ({ options }) => skipped.push(options?.key),
 *   }),
 * });
 * for (const key of ["a", "b", "c", "d"]) group.add(() => {}, { key });
 * assert.equal(await group.wait(), 2); // Room for one, and for the idle worker.
 * assert.deepEqual(skipped, ["a", "b"]);
 * ```
 *
 * @typeParam T The type of the values.
 * @param capacity How many values it holds: a positive integer or Infinity.
 * @param options What hears of the values that it evicts.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is a number but not one of those.
 * @throws {TypeError} If `capacity` is not a number, or an option is of a wrong type.
 */
export function slidingQueue<T>(
  capacity: number,
  options: LossyQueueOptions<T> = {},
): Queue<T> {
  return lossyQueue(capacity, 1, "evict", options);
}
