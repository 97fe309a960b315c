/**
 * A queue of the user's own, as this library's: with what `Queue` has, and no more. What
 * else it has, by whatever name, is its own affair.
 *
 * @module
 */

import type { OwnQueue, Queue, WhenFull } from "./queue.ts";

export class UserQueue<T> implements OwnQueue<T> {
  readonly whenFull: WhenFull;
  declare readonly done?: (value: T) => void;
  readonly #queue: Queue<T>;

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
  }

  peek(): T | undefined {
    return this.#queue.peek();
  }

  shift(): T | undefined {
    return this.#queue.shift();
  }

  clear(): T[] {
    return this.#queue.clear();
  }
}
