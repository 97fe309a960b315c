/**
 * The default queue; and the chain of blocks, which it shares with the queues that
 * differ from it in what happens when they are full.
 *
 * @module
 */

import { count } from "../base/check.ts";
import { own, type OwnQueue, type Queue, type WhenFull } from "./queue.ts";

/**
 * A block has an eighth of the slots that are in use when it is made, within
 * these bounds. Long queues have long blocks: a collector copies short ones from
 * one place to another, and stops the event loop for that (seen: 40 ms for a
 * million values in blocks of 1,024, and 12 ms in these).
 */
const LEAST = 16;
const MOST = 2 ** 17;

/** Some slots, and the next block. */
class Block<T> {
  readonly slots: (T | undefined)[];
  next: Block<T> | undefined = undefined;

  constructor(length: number) {
    this.slots = new Array(length).fill(undefined);
  }
}

/**
 * A chain of blocks. One ring of slots has to be copied to grow and to shrink: that
 * took a fifth of the time of 100,000 `add`s and their runs.
 *
 * Invariants:
 * 1. The values are in the slots from `#read` of `#head` up to `#write` of
 *    `#tail`; every other slot is undefined, so that what was given away can
 *    be collected.
 * 2. `#read` is the index of a slot of `#head`, and both indexes are 0 when it
 *    is empty; so a queue that stays short stays in one block.
 * 3. A block that was read to its end is let go of, but for one spare: a burst
 *    does not hold its memory for ever.
 * 4. `#front` and `#back` are the slots of `#head` and `#tail`. To have them at hand
 *    is worth 3 ns of the 50 that a task takes.
 */
export class Fifo<T> implements OwnQueue<T> {
  readonly capacity: number;
  readonly whenFull: WhenFull;
  readonly onEvict: ((value: T) => unknown) | undefined;
  #head = new Block<T>(LEAST);
  #tail = this.#head;
  #front = this.#head.slots;
  #back = this.#front;
  #read = 0;
  #write = 0;
  #size = 0;
  #spare: Block<T> | undefined = undefined;

  constructor(
    capacity: number,
    whenFull: WhenFull,
    onEvict?: (value: T) => unknown,
  ) {
    this.capacity = capacity;
    this.whenFull = whenFull;
    this.onEvict = onEvict;
  }

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#write === this.#back.length) this.#grow();
    this.#back[this.#write++] = value;
    this.#size++;
  }

  peek(): T | undefined {
    return this.#front[this.#read];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const front = this.#front;
    const value = front[this.#read];
    front[this.#read++] = undefined;
    if (--this.#size === 0) this.#read = this.#write = 0;
    else if (this.#read === front.length) this.#advance();
    return value;
  }

  all(): T[] {
    const values: T[] = [];
    let at = this.#read;
    for (let block = this.#head; values.length < this.#size;) {
      const end = Math.min(block.slots.length, at + this.#size - values.length);
      while (at < end) values.push(block.slots[at++] as T);
      at = 0;
      block = block.next!;
    }
    return values;
  }

  /** Takes a value in, in front of all others. */
  unshift(value: T): void {
    if (this.#size === 0) return this.push(value);
    if (this.#read === 0) {
      const block = new Block<T>(LEAST);
      block.next = this.#head;
      this.#head = block;
      this.#front = block.slots;
      this.#read = LEAST;
    }
    this.#front[--this.#read] = value;
    this.#size++;
  }

  clear(): T[] {
    const values: T[] = [];
    while (this.#size > 0) values.push(this.shift() as T);
    return values;
  }

  #grow(): void {
    const block = this.#spare ??
      new Block<T>(Math.max(LEAST, Math.min(MOST, this.#size >> 3)));
    this.#spare = undefined;
    this.#tail = this.#tail.next = block;
    this.#back = block.slots;
    this.#write = 0;
  }

  #advance(): void {
    const { next, slots } = this.#head;
    this.#head.next = undefined;
    // The largest one is kept: else a queue of one size would make blocks for ever.
    if (slots.length >= (this.#spare?.slots.length ?? 0)) {
      this.#spare = this.#head;
    }
    this.#head = next!;
    this.#front = next!.slots;
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
  count("create queue", "capacity", capacity, 0);
  return own(new Fifo<T>(capacity, "wait"));
}
