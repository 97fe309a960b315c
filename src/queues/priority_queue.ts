/**
 * The queue that gives first what matters most.
 *
 * Invariant: `#places` has, of each task that was pushed with an id, its place in the heap.
 * In a group, each task is in once.
 *
 * @module
 */

import {
  callable,
  count,
  options as checked,
  priority,
} from "../base/check.ts";
import { Heap } from "../base/heap.ts";
import type { QueuedTask } from "../task.ts";
import { own, type OwnQueue, type Queue, type WhenFull } from "./queue.ts";

/**
 * Options of {@linkcode priorityQueue}.
 *
 * @example The shortest timeout first
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, priorityQueue, type PriorityQueueOptions } from "@cogroup/cogroup";
 *
 * const options: PriorityQueueOptions = {
 *   compare: (a, b) => (a.options?.timeout ?? 0) - (b.options?.timeout ?? 0),
 * };
 * const queue = priorityQueue(options);
 * const group = new CoGroup({ concurrency: 1, queue });
 * const log: number[] = [];
 * for (const timeout of [300, 100, 200]) {
 *   group.add(() => void log.push(timeout), { timeout });
 * }
 * await group.wait();
 * assert.deepEqual(log, [100, 200, 300]);
 * ```
 */
export interface PriorityQueueOptions {
  /**
   * How many tasks it holds before their senders wait: a non-negative integer
   * or Infinity.
   *
   * @default {Infinity}
   */
  capacity?: number | undefined;
  /**
   * Which of two tasks is first: `a` if it returns a negative number, `b` if a
   * positive one, and else the one that came first. It must not change its
   * mind about tasks that are in the queue. What it throws when a task comes in goes to
   * the call that brings it, as what `push` throws does; what it throws later aborts the
   * group. See {@linkcode Queue}.
   *
   * @param a A task.
   * @param b Another one.
   * @returns A number, as the function of `Array.sort` does.
   *
   * @default {(a, b) => (b.options?.priority ?? 0) - (a.options?.priority ?? 0)}
   */
  compare?: ((a: QueuedTask, b: QueuedTask) => number) | undefined;
}

class PriorityQueue implements OwnQueue<QueuedTask> {
  readonly capacity: number;
  readonly whenFull: WhenFull = "wait";
  readonly #heap: Heap<QueuedTask>;
  readonly #rank: (value: QueuedTask) => number;
  /** Where the tasks are that have an id. */
  readonly #places = new Map<QueuedTask, number>();

  /** The task of the lowest rank is first; of equal ranks as `compare` says. */
  constructor(
    capacity: number,
    rank: (value: QueuedTask) => number,
    compare?: (a: QueuedTask, b: QueuedTask) => number,
  ) {
    this.capacity = capacity;
    this.#rank = rank;
    this.#heap = new Heap(compare);
  }

  get size(): number {
    return this.#heap.size;
  }

  push(value: QueuedTask): void {
    const place = this.#heap.push(value, this.#rank(value));
    if (value.options?.id === undefined) return;
    this.#places.set(value, place);
    this.#heap.onMove ??= this.#onMove; // Without ids, no move costs more than itself.
  }

  readonly #onMove = (value: QueuedTask, place: number): void => {
    if (this.#places.has(value)) this.#places.set(value, place);
  };

  update(value: QueuedTask): void {
    const rank = this.#rank(value);
    const heap = this.#heap;
    // Not known if its options had no id any more when it was pushed.
    const place = this.#places.get(value) ?? heap.placeOf(value);
    heap.update(place, rank); // If that throws, nothing has moved.
  }

  peek(): QueuedTask | undefined {
    return this.#heap.first;
  }

  shift(): QueuedTask | undefined {
    const value = this.#heap.shift();
    if (this.#places.size > 0) this.#places.delete(value!);
    return value;
  }

  /** In order; if `compare` throws, as they came. */
  all(): QueuedTask[] {
    try {
      return this.#heap.all;
    } catch { // It is told where it matters: in a push, or a shift.
      return this.#heap.pushed;
    }
  }

  /** In order; if `compare` throws, the rest as they came. */
  clear(): QueuedTask[] {
    const values: QueuedTask[] = [];
    try {
      for (let v = this.shift(); v !== undefined; v = this.shift()) {
        values.push(v);
      }
    } catch {
      // An abort, say, that clears the queue goes on all the same.
      for (const value of this.#heap.pushed) values.push(value);
      this.#heap.clear();
    }
    this.#places.clear();
    return values;
  }
}

/** Read when a task comes in: a rank must not change while the task is in the heap. */
function rankOf({ options }: QueuedTask): number {
  return -priority("queue task", options?.priority);
}

/**
 * The task with the highest `priority` first; first in, first out among
 * equals. O(log n) in and out, where n tasks are queued.
 *
 * There is no ageing: while tasks of a higher priority keep coming, one of a
 * lower priority waits. A retry queues like a new task.
 *
 * @example Urgent ones first
 * ```ts
 * import assert from "node:assert/strict";
 * import { priorityQueue } from "@cogroup/cogroup";
 *
 * const someDay = () => {};
 * const today = () => {};
 * const now = () => {};
 *
 * const queue = priorityQueue();
 * queue.push({ task: someDay, options: { priority: -1 } });
 * queue.push({ task: today });
 * queue.push({ task: now, options: { priority: 10 } });
 * assert.deepEqual(
 *   queue.clear().map(({ task }) => task),
 *   [now, today, someDay],
 * );
 * ```
 *
 * @param options Its capacity, and another order than that of the numbers.
 * @returns An empty queue. To push a task whose `priority` is NaN is a
 *   RangeError, if it is no number at all a TypeError.
 * @throws {RangeError} If `capacity` is neither a non-negative integer nor Infinity.
 * @throws {TypeError} If an option is of a wrong type.
 */
export function priorityQueue(
  options: PriorityQueueOptions = {},
): Queue<QueuedTask> {
  const doing = "create queue";
  const { capacity = Infinity, compare } = checked(doing, options)!;
  count(doing, "capacity", capacity, 0);
  if (compare === undefined) return own(new PriorityQueue(capacity, rankOf));
  callable(doing, "compare", compare);
  return own(new PriorityQueue(capacity, () => 0, compare));
}
