/**
 * The queue that gives what matters most.
 *
 * Invariant: `#turns` counts up with every push, and a task's turn decides
 * between equals; so those come first in, first out.
 *
 * @module
 */

import { callable, count, options as checked, priority } from "./check.ts";
import { CheckedQueue } from "./checked_queue.ts";
import { Heap, type Placed } from "./heap.ts";
import { OwnQueue, type WhenFull } from "./own_queue.ts";
import type { Queue } from "./queue.ts";
import type { QueuedTask } from "./task.ts";

/** Options of {@linkcode priorityQueue}. */
export interface PriorityQueueOptions {
  /**
   * How many tasks it holds before their senders wait: a non-negative integer
   * or Infinity.
   *
   * @default {Infinity}
   */
  capacity?: number;
  /**
   * Which of two tasks is first: `a` if it returns a negative number, `b` if a
   * positive one, and else the one that came first. It must not change its
   * mind about tasks that are in the queue.
   *
   * @default {(a, b) => (b.options?.priority ?? 0) - (a.options?.priority ?? 0)}
   */
  compare?: (a: QueuedTask, b: QueuedTask) => number;
}

/** A task in the heap. */
interface Ranked extends Placed {
  readonly value: QueuedTask;
  readonly rank: number;
  readonly turn: number;
}

class PriorityQueue extends OwnQueue<QueuedTask> {
  override readonly capacity: number;
  override readonly whenFull: WhenFull = "wait";
  readonly #heap: Heap<Ranked>;
  readonly #rank: (value: QueuedTask) => number;
  #turns = 0;

  constructor(
    capacity: number,
    rank: (value: QueuedTask) => number,
    before: (a: Ranked, b: Ranked) => boolean,
  ) {
    super();
    this.capacity = capacity;
    this.#rank = rank;
    this.#heap = new Heap<Ranked>(before);
  }

  override get size(): number {
    return this.#heap.size;
  }

  override push(value: QueuedTask): void {
    const rank = this.#rank(value);
    this.#heap.push({ value, rank, turn: this.#turns++, index: -1 });
  }

  override pushAgain(value: QueuedTask): void {
    let rank = 0;
    try {
      rank = this.#rank(value);
    } catch {
      // Its options were changed; where it brought them, they were in order.
    }
    this.#heap.push({ value, rank, turn: this.#turns++, index: -1 });
  }

  override peek(): QueuedTask | undefined {
    return this.#heap.first?.value;
  }

  override shift(): QueuedTask | undefined {
    return this.#heap.shift()?.value;
  }

  override drain(): QueuedTask[] {
    const values: QueuedTask[] = [];
    for (let v = this.shift(); v !== undefined; v = this.shift()) {
      values.push(v);
    }
    return values;
  }

  override vet(value: QueuedTask): void {
    this.#rank(value);
  }
}

/** Read when it comes in: what is in the heap must not change its place. */
function priorityOf({ options }: QueuedTask): number {
  return priority("queue task", options?.priority);
}

function byPriority(a: Ranked, b: Ranked): boolean {
  return a.rank > b.rank || (a.rank === b.rank && a.turn < b.turn);
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
 *   queue.drain().map(({ task }) => task),
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
  if (compare === undefined) {
    return new PriorityQueue(capacity, priorityOf, byPriority);
  }
  callable(doing, "compare", compare);
  // No better than a function of the user's, and so watched like a queue of his.
  return new CheckedQueue(
    doing,
    new PriorityQueue(capacity, () => 0, (a, b) => {
      const order = compare(a.value, b.value);
      return order < 0 || (!(order > 0) && a.turn < b.turn);
    }),
  );
}
