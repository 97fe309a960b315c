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
 *   peek() {
 *     return this.#values.at(-1);
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
  /** The value that `shift` would give away now; `undefined` if it would not. */
  peek(): T | undefined;
  /**
   * Gives the next value away; `undefined`, and nothing given away, if there
   * is none or none may be taken yet.
   */
  shift(): T | undefined;
  /** Gives all values away, in the order in which `shift` would have. */
  drain(): T[];
}

/** Slots of the first block; each block has twice as many as the one before, up to MOST. */
const LEAST = 16;
const MOST = 1024;

/** Some slots, and where it goes on after them. */
class Block<T> {
  readonly slots: (T | undefined)[];
  next: Block<T> | undefined = undefined;

  constructor(length: number) {
    this.slots = new Array(length).fill(undefined);
  }
}

/**
 * A chain of blocks. Not one ring of slots, which has to be copied to grow and
 * to shrink: that was a fifth of what 100,000 `add`s and their runs took.
 *
 * Invariants:
 * 1. The values are in the slots from `#read` of `#head` up to `#write` of
 *    `#tail`; every other slot is undefined, so that what was given away can
 *    be collected.
 * 2. `#read` is the index of a slot of `#head`, and both indexes are 0 when it
 *    is empty; so a queue that stays short stays in one block.
 * 3. What was read to its end is let go of, but for one spare block: a burst
 *    does not hold its memory for ever.
 */
class Fifo<T> implements Queue<T> {
  readonly capacity: number;
  #head = new Block<T>(LEAST);
  #tail = this.#head;
  #read = 0;
  #write = 0;
  #size = 0;
  #spare: Block<T> | undefined = undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#write === this.#tail.slots.length) this.#grow();
    this.#tail.slots[this.#write++] = value;
    this.#size++;
  }

  peek(): T | undefined {
    return this.#head.slots[this.#read];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const { slots } = this.#head;
    const value = slots[this.#read];
    slots[this.#read++] = undefined;
    if (--this.#size === 0) this.#read = this.#write = 0;
    else if (this.#read === slots.length) this.#advance();
    return value;
  }

  drain(): T[] {
    const values: T[] = [];
    while (this.#size > 0) values.push(this.shift() as T);
    return values;
  }

  #grow(): void {
    const block = this.#spare ??
      new Block<T>(Math.min(MOST, 2 * this.#tail.slots.length));
    this.#spare = undefined;
    this.#tail = this.#tail.next = block;
    this.#write = 0;
  }

  #advance(): void {
    const { next } = this.#head;
    this.#head.next = undefined;
    this.#spare = this.#head;
    this.#head = next!;
    this.#read = 0;
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
  return new Fifo<T>(count("create queue", "capacity", capacity, 0));
}
