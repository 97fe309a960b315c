/**
 * The queue that makes room for what is new.
 *
 * @module
 */

import { count } from "./check.ts";
import { Fifo } from "./fifo_queue.ts";
import type { Queue } from "./queue.ts";

/**
 * First in, first out, and never full: where there is no room the oldest value
 * is evicted. For a stream of news of which only the latest counts. O(1) in
 * and out.
 *
 * In a {@linkcode CoGroup} nobody waits for room, and an evicted task is
 * abandoned. Items of a `map` are tasks like any others, and one that is evicted
 * ends its stream: give a map a group of its own. In a {@linkcode Channel} an
 * evicted value is gone.
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
 * @typeParam T The type of the values.
 * @param capacity How many values it holds: a positive integer or Infinity.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is a number but not one of those.
 * @throws {TypeError} If `capacity` is not a number.
 */
export function slidingQueue<T>(capacity: number): Queue<T> {
  return new Fifo<T>(count("create queue", "capacity", capacity, 1), "evict");
}
