/**
 * Which value is next: the interface of every queue, and the default one.
 *
 * A queue knows nothing of channels, tasks or waiting. It is asked from one
 * place at a time and never asynchronously.
 *
 * @module
 */

import { count } from "./check.ts";

/**
 * Decides which value is next. Give one to a {@linkcode Channel} or a
 * {@linkcode CoGroup} in place of a capacity.
 *
 * @example A queue of one's own: last in, first out
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type Queue } from "@cogroup/cogroup";
 *
 * class Stack<T> implements Queue<T> {
 *   readonly capacity = Infinity;
 *   #values: T[] = [];
 *   get size() {
 *     return this.#values.length;
 *   }
 *   push(value: T) {
 *     this.#values.push(value);
 *   }
 *   shift() {
 *     return this.#values.pop();
 *   }
 *   drain() {
 *     return this.#values.splice(0).reverse();
 *   }
 * }
 *
 * const channel = new Channel<string>({ queue: new Stack() });
 * await channel.send("a");
 * await channel.send("b");
 * assert.equal(await channel.receive(), "b");
 * ```
 *
 * @typeParam T The type of the values.
 */
export interface Queue<T> {
  /** How many values it holds before a sender has to wait; Infinity for no end. */
  readonly capacity: number;
  /** How many values it holds. */
  readonly size: number;
  /** Takes a value in. It may be called over capacity, and must keep the value. */
  push(value: T): void;
  /**
   * Gives the next value away; `undefined`, and nothing given away, if there
   * is none or none may be taken yet.
   */
  shift(): T | undefined;
  /** Gives all values away, in the order in which `shift` would have. */
  drain(): T[];
}

/** Never smaller than this: growing from nothing again and again costs more. */
const LEAST = 16;

/**
 * A ring of slots.
 *
 * Invariants:
 * 1. The number of slots is a power of two, so that `& mask` wraps an index.
 * 2. The values are in the `#size` slots from `#head` on; every other slot is
 *    undefined, so that what was given away can be collected.
 * 3. At least a quarter of the slots is in use, or there are only LEAST of
 *    them: a burst does not hold its memory for ever. Growing and shrinking
 *    by a factor of two between those marks makes both O(1) a value.
 */
class Ring<T> implements Queue<T> {
  readonly capacity: number;
  #slots: (T | undefined)[] = new Array(LEAST).fill(undefined);
  #mask = LEAST - 1;
  #head = 0;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#size > this.#mask) this.#resize(this.#slots.length * 2);
    this.#slots[(this.#head + this.#size++) & this.#mask] = value;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    if (--this.#size < this.#slots.length >> 2 && this.#mask >= LEAST) {
      this.#resize(this.#slots.length / 2);
    }
    return value;
  }

  drain(): T[] {
    const values = this.#inOrder() as T[];
    this.#slots = new Array(LEAST).fill(undefined);
    this.#mask = LEAST - 1;
    this.#head = this.#size = 0;
    return values;
  }

  #inOrder(): (T | undefined)[] {
    const end = this.#head + this.#size;
    const values = this.#slots.slice(this.#head, end);
    return end <= this.#slots.length
      ? values
      : values.concat(this.#slots.slice(0, end & this.#mask));
  }

  #resize(length: number): void {
    const values = this.#inOrder();
    // Filled, not just lengthened: an array with holes is slower to read.
    while (values.length < length) values.push(undefined);
    this.#slots = values;
    this.#mask = length - 1;
    this.#head = 0;
  }
}

/**
 * First in, first out: the default queue. O(1) in and out; its memory grows
 * with what it holds and shrinks again.
 *
 * @example A channel with room for two
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, fifoQueue } from "@cogroup/cogroup";
 *
 * const channel = new Channel<string>({ queue: fifoQueue(2) });
 * assert.deepEqual(
 *   ["a", "b", "c"].map((value) => channel.trySend(value)),
 *   [true, true, false],
 * );
 * assert.equal(await channel.receive(), "a");
 * ```
 *
 * @typeParam T The type of the values.
 * @param capacity How many values it holds before a sender waits: a
 *   non-negative integer or Infinity, the default.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is a number but not one of those.
 * @throws {TypeError} If `capacity` is not a number.
 */
export function fifoQueue<T>(capacity: number = Infinity): Queue<T> {
  return new Ring<T>(count("create queue", "capacity", capacity, 0));
}
