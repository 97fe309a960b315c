/**
 * The queue that has no room for what is too much.
 *
 * @module
 */

import { count } from "./check.ts";
import { Fifo } from "./fifo_queue.ts";
import type { Queue } from "./queue.ts";

/**
 * First in, first out, and who comes when it is full is refused. For more work
 * than can be done, where it is better to say so than to be late. O(1) in and
 * out.
 *
 * In a {@linkcode CoGroup} nobody waits for room: `add` and `insert` are false
 * where there is none, and `insertAll` goes through its source without waiting
 * and leaves out what is refused. In a {@linkcode Channel} `trySend` is false, and `send`
 * drops the value.
 *
 * @example The first two callers
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, droppingQueue } from "@cogroup/cogroup";
 *
 * const channel = new Channel<string>({ queue: droppingQueue(2) });
 * assert.deepEqual(
 *   ["Ann", "Bo", "Cy"].map((caller) => channel.trySend(caller)),
 *   [true, true, false],
 * );
 * assert.equal(await channel.receive(), "Ann");
 * ```
 *
 * @typeParam T The type of the values.
 * @param capacity How many values it holds: a non-negative integer or
 *   Infinity. With 0 a value gets in only if somebody is there to take it.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is a number but not one of those.
 * @throws {TypeError} If `capacity` is not a number.
 */
export function droppingQueue<T>(capacity: number): Queue<T> {
  return new Fifo<T>(count("create queue", "capacity", capacity, 0), "refuse");
}
