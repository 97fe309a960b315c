/**
 * Watches a queue, and throws when it does not keep what {@linkcode Queue} promises.
 *
 * Invariants:
 * 1. `#held` has every value that is in the queue, as often as it is; `#running` the
 *    values that were shifted and have not ended, if the queue has a `done`.
 * 2. `#peeked` is what `peek` gave last, if nothing has happened since.
 * 3. What is found wrong is `#fault`, and changes neither of them. The queue is not
 *    asked any more then: `clear` gives what is held, every other call throws that.
 *
 * @module
 */

import { show } from "../base/errors.ts";
import { type Maybe, NONE } from "../base/promises.ts";
import {
  own,
  type OwnQueue,
  type Queue,
  type QueueOwner,
  type WhenFull,
} from "./queue.ts";
import { take } from "./take_queue.ts";

/** A set that can have a value more than once. */
class Bag<T> {
  readonly #counts = new Map<T, number>();
  size = 0;

  constructor(values: Iterable<T> = []) {
    for (const value of values) this.add(value);
  }

  has(value: T): boolean {
    return this.#counts.has(value);
  }

  add(value: T): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
    this.size++;
  }

  /** False if it is not in. */
  delete(value: T): boolean {
    const times = this.#counts.get(value);
    if (times === undefined) return false;
    if (times > 1) this.#counts.set(value, times - 1);
    else this.#counts.delete(value);
    this.size--;
    return true;
  }

  /** All that is in, the one that has been for the longest time first. */
  *values(): Generator<T> {
    for (const [value, times] of this.#counts) {
      for (let i = 0; i < times; i++) yield value;
    }
  }
}

class CheckedQueue<T> implements OwnQueue<T> {
  readonly capacity: number;
  readonly whenFull: WhenFull;
  readonly onEvict: ((value: T) => unknown) | undefined;
  /** There only if the queue has one: a `done` says that the queue limits what runs. */
  declare readonly done?: (value: T) => void;
  declare asItCame?: (values: T[]) => T[];
  declare discard?: () => void;
  declare update?: (value: T) => void;
  declare attach?: (owner: QueueOwner) => void;
  declare ended?: (value: T, failed: boolean) => void;
  declare lost?: (value: T) => AbortSignal | undefined;
  declare withdrawn?: (value: T) => void;
  declare rest?: () => void;
  #isGoverned = false;
  readonly #queue: OwnQueue<T>;
  #held = new Bag<T>();
  readonly #running = new Bag<T>();
  #peeked: Maybe<T> = NONE;
  #fault: Maybe<unknown> = NONE;

  constructor(queue: OwnQueue<T>) {
    this.#queue = queue;
    this.capacity = queue.capacity;
    this.whenFull = queue.whenFull;
    this.onEvict = queue.onEvict;
    if (queue.done !== undefined) this.done = (value) => this.#end(value);
    if (queue.asItCame !== undefined) {
      this.asItCame = (values) => queue.asItCame!(values);
    }
    if (queue.discard !== undefined) this.discard = () => this.#discard(queue);
    if (queue.update !== undefined) this.update = (v) => this.#update(queue, v);
    if (queue.attach !== undefined) this.#attach(queue);
  }

  get size(): number {
    return this.#held.size;
  }

  /** A queue with governors, of this library, which may give none for that. */
  #attach(queue: OwnQueue<T>): void {
    this.#isGoverned = true;
    this.attach = (owner) => queue.attach!(owner);
    this.ended = (value, failed) => queue.ended!(value, failed);
    this.lost = (value) => queue.lost!(value);
    this.withdrawn = (value) => queue.withdrawn!(value);
    this.rest = () => queue.rest!();
  }

  /** Of the value that it has just peeked at. */
  #discard(queue: OwnQueue<T>): void {
    this.#checkSize();
    queue.discard!();
    this.#held.delete(this.#peeked as T);
    this.#peeked = NONE;
  }

  #update(queue: OwnQueue<T>, value: T): void {
    this.#checkSize();
    queue.update!(value);
    this.#peeked = NONE;
  }

  push(value: T): void {
    this.#checkSize();
    this.#queue.push(value); // First: a value for which it throws is not in.
    this.#peeked = NONE;
    this.#running.delete(value);
    this.#held.add(value);
  }

  peek(): T | undefined {
    this.#checkSize();
    const value = this.#queue.peek();
    this.#checkGiven("peek", value);
    this.#peeked = value as T;
    return value;
  }

  shift(): T | undefined {
    this.#checkSize();
    const value = this.#queue.shift();
    if (this.#peeked !== NONE && !Object.is(this.#peeked, value)) {
      this.#fail("its shift() gave something else than its peek() just before");
    }
    this.#checkGiven("shift", value);
    if (value === undefined && this.#queue.size === this.size) return undefined;
    this.#checkSize(this.size - 1);
    this.#held.delete(value as T);
    this.#peeked = NONE;
    if (this.done !== undefined) this.#running.add(value as T);
    return value;
  }

  all(): T[] {
    return this.#queue.all();
  }

  clear(): T[] {
    const values = this.#fault === NONE
      ? this.#clear()
      : [...this.#held.values()];
    this.#held = new Bag();
    this.#peeked = NONE;
    return values;
  }

  #clear(): T[] {
    let values: T[];
    try {
      values = this.#queue.clear();
    } catch (error) {
      throw this.#fault = error;
    }
    if (!Array.isArray(values)) this.#fail("its clear() gave no array");
    const missing = new Bag(this.#held.values());
    for (const value of values) {
      if (!missing.delete(value)) {
        this.#fail("its clear() gave what is not, or not any more, in it");
      }
    }
    if (missing.size > 0) {
      this.#fail(`its clear() gave ${values.length} of ${this.size} values`);
    }
    this.#checkSize(0);
    return values;
  }

  #end(value: T): void {
    if (!this.#running.delete(value)) {
      throw new TypeError("Cannot end what the queue has not given");
    }
    this.#peeked = NONE;
    if (this.#fault === NONE) this.#queue.done!(value);
  }

  #checkSize(expected: number = this.size): void {
    if (this.#fault !== NONE) throw this.#fault;
    const { size } = this.#queue;
    if (size === expected) return;
    this.#fail(`its size is ${show(size)}, where ${expected} are in it`);
  }

  /** It may give none only if it has none, or holds values back for others that run. */
  #checkGiven(asked: string, value: T | undefined): void {
    if (this.#held.has(value as T)) return;
    if (value !== undefined) {
      this.#fail(`its ${asked}() gave what is not, or not any more, in it`);
    }
    if (this.size > 0 && this.#running.size === 0 && !this.#isGoverned) {
      this.#fail(
        `its ${asked}() gave none of ${this.size} values, though nothing runs that they could wait for`,
      );
    }
  }

  #fail(what: string): never {
    throw this.#fault = new TypeError(`Cannot use queue: ${what}`);
  }
}

/**
 * Watches a queue of your own, for tests. Where the queue gives a value twice or one
 * that it does not have, loses one, tells a wrong size, or gives none though
 * nothing keeps it from that, the call throws a TypeError that says so; and so does
 * every later call, but for `clear`, which gives back all that should be in it. In a
 * {@linkcode CoGroup} that aborts the group, in a {@linkcode Channel} it closes the
 * channel, with that error. O(1) a call on top of the queue's own, and O(n) memory.
 *
 * @example A stack that forgets to take out what it gives
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, checkedQueue } from "@cogroup/cogroup";
 *
 * const values: string[] = [];
 * const queue = checkedQueue<string>({
 *   capacity: Infinity,
 *   get size() {
 *     return values.length;
 *   },
 *   push: (value) => void values.push(value),
 *   peek: () => values.at(-1),
 *   shift: () => values.at(-1),
 *   clear: () => values.splice(0).reverse(),
 * });
 * const channel = new Channel({ queue });
 * await channel.send("a");
 * await assert.rejects(channel.receive(), TypeError);
 * ```
 *
 * @typeParam T The type of the values.
 * @param queue The queue to watch. It is empty, and from now on used by nothing else.
 * @returns A queue that does what that one does.
 * @throws {TypeError} If `queue` is no queue, is not empty, or is used already.
 * @throws {RangeError} If its capacity or its size is not one that a queue can have.
 */
export function checkedQueue<T>(queue: Queue<T>): Queue<T> {
  return own(new CheckedQueue(take("check queue", queue)));
}
