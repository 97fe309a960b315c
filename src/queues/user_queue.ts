/**
 * A queue of the user's own, as this library's: with what `Queue` has, and no more. What
 * else it has, by whatever name, is its own affair.
 *
 * Its order may depend on that in which its values came: last in, first out, say. So that
 * is kept here. WARNING: to take all out and to push it again, as `clear` gives it, would
 * turn such a queue around.
 *
 * @module
 */

import type { OwnQueue, Queue, WhenFull } from "./queue.ts";

export class UserQueue<T> implements OwnQueue<T> {
  readonly whenFull: WhenFull;
  declare readonly done?: (value: T) => void;
  readonly #queue: Queue<T>;
  /** What is in, as it came. Only for groups, in which no task is queued twice. */
  #held = new Set<T>();
  /** What was in before the last `clear`. */
  #cleared = new Set<T>();

  constructor(queue: Queue<T>) {
    this.#queue = queue;
    this.whenFull = queue.whenFull ?? "wait";
    if (queue.done !== undefined) this.done = (value) => queue.done!(value);
  }

  get capacity(): number {
    return this.#queue.capacity;
  }

  get size(): number {
    return this.#queue.size;
  }

  push(value: T): void {
    this.#queue.push(value);
    this.#held.add(value);
    // It lets go of values by itself, as one in a channel may: nothing is to keep those.
    if (this.#held.size > this.#queue.size) this.#held.clear();
  }

  peek(): T | undefined {
    return this.#queue.peek();
  }

  shift(): T | undefined {
    const value = this.#queue.shift();
    if (value !== undefined) this.#held.delete(value);
    return value;
  }

  clear(): T[] {
    const values = this.#queue.clear(); // First: it may throw.
    this.#cleared = this.#held;
    this.#held = new Set();
    return values;
  }

  all(): T[] {
    return [...this.#held];
  }

  asItCame(values: T[]): T[] {
    const turns = new Map([...this.#cleared].map((value, i) => [value, i]));
    this.#cleared = new Set();
    const turn = (value: T) => turns.get(value) ?? -1;
    return values.sort((a, b) => turn(a) - turn(b));
  }
}
