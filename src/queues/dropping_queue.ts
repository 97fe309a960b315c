/**
 * The queue that refuses what it has no room for.
 *
 * @module
 */

import { lossyQueue, type LossyQueueOptions } from "./lossy_queue.ts";
import type { Queue } from "./queue.ts";

/**
 * First in, first out; a value that comes when it is full is refused. For more work
 * than can be done, where it is better to say so than to be late. O(1) in and
 * out.
 *
 * In a {@linkcode CoGroup} no call waits for room: where there is none, `add` and
 * `insert` are false, `go` rejects with an AbortError, and `insertAll` leaves the task
 * out and goes on. In a {@linkcode Channel} `trySend` is false, and `send` drops the
 * value. `onEvict` hears of each that is refused, whichever call brought it.
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
 * @example Those who were turned away
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, droppingQueue } from "@cogroup/cogroup";
 *
 * const away: string[] = [];
 * const queue = droppingQueue<string>(1, { onEvict: (name) => away.push(name) });
 * const channel = new Channel({ queue });
 * for (const caller of ["Ann", "Bo", "Cy"]) await channel.send(caller);
 * assert.deepEqual(away, ["Bo", "Cy"]);
 * ```
 *
 * @typeParam T The type of the values.
 * @param capacity How many values it holds: a non-negative integer or
 *   Infinity. With 0 a value gets in only if a worker or a receiver waits for it.
 * @param options What hears of the values that it refuses.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is a number but not one of those.
 * @throws {TypeError} If `capacity` is not a number, or an option is of a wrong type.
 */
export function droppingQueue<T>(
  capacity: number,
  options: LossyQueueOptions<T> = {},
): Queue<T> {
  return lossyQueue(capacity, 0, "refuse", options);
}
