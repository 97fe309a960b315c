/**
 * How a channel, a group or a checked queue comes by its queue.
 *
 * @module
 */

import { callable, count } from "../base/check.ts";
import { outOfRange, wrongType } from "../base/errors.ts";
import { Fifo } from "./fifo_queue.ts";
import { isOwn, type OwnQueue, type Queue } from "./queue.ts";
import { UserQueue } from "./user_queue.ts";

/** Queues that belong to a channel or a group already. */
const taken = new WeakSet<object>();

/** The queue that the options give, or a default one of their capacity. */
export function takeQueue<T>(
  doing: string,
  { capacity, queue }: {
    capacity?: number | undefined;
    queue?: Queue<T> | undefined;
  },
  initial: number,
): OwnQueue<T> {
  if (queue === undefined) {
    return new Fifo(count(doing, "capacity", capacity ?? initial, 0), "wait");
  }
  if (capacity !== undefined) {
    throw new TypeError(
      `Cannot ${doing}: queue stands in place of capacity, received both`,
    );
  }
  return take(doing, queue);
}

/** Has the queue be used by nothing else from now on. */
export function take<T>(doing: string, queue: Queue<T>): OwnQueue<T> {
  checkShape(doing, queue);
  if (taken.has(queue) || queue.size > 0) {
    throw new TypeError(
      `Cannot ${doing}: queue must be empty, and used by nothing else`,
    );
  }
  taken.add(queue);
  return isOwn(queue) ? queue : new UserQueue(queue);
}

/** Throws unless it is a queue, and one that can be used. */
export function checkShape<T>(doing: string, queue: Queue<T>): void {
  if (typeof queue !== "object" || queue === null) {
    throw wrongType(doing, "queue", "a Queue", queue);
  }
  for (const name of ["push", "peek", "shift", "clear"] as const) {
    callable(doing, `queue.${name}`, queue[name]);
  }
  if (queue.done !== undefined) callable(doing, "queue.done", queue.done);
  const { capacity, size, whenFull = "wait" } = queue;
  if (!["wait", "evict", "refuse"].includes(whenFull)) {
    const wanted = '"wait", "evict" or "refuse"';
    throw wrongType(doing, "queue.whenFull", wanted, whenFull);
  }
  count(doing, "queue.capacity", capacity, whenFull === "evict" ? 1 : 0);
  if (!Number.isInteger(size) || size < 0) {
    throw outOfRange(doing, "queue.size", "a non-negative integer", size);
  }
}
