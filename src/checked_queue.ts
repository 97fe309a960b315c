/**
 * Watches a queue of the user's own, and catches it when it does not keep what
 * {@linkcode Queue} promises.
 *
 * Invariants:
 * 1. `#held` has every value that was pushed and is not given away, as often
 *    as it is in.
 * 2. What is wrong is told once, by the next call that takes: to `onWrong`, or
 *    it is thrown if there is none. A value that it can't give stays held. `push`
 *    and `done` never throw: who brings a value has it in.
 * 3. After that the user's queue is not asked any more: one of this library's
 *    takes its place, with what is held, which it gives away as it came.
 *
 * @module
 */

import { callable, count } from "./check.ts";
import { outOfRange, show, wrongType } from "./errors.ts";
import { Fifo } from "./fifo_queue.ts";
import { OwnQueue, type WhenFull } from "./own_queue.ts";
import type { Queue } from "./queue.ts";

/** What a wrong queue gets its taker. */
export class WrongQueueError extends TypeError {}

const NOTHING = Symbol("nothing");

/** A set in which a value can be more than once. */
class Bag<T> {
  readonly #counts = new Map<T, number>();
  #size = 0;

  constructor(values: Iterable<T> = []) {
    for (const value of values) this.add(value);
  }

  get size(): number {
    return this.#size;
  }

  has(value: T): boolean {
    return this.#counts.has(value);
  }

  add(value: T): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
    this.#size++;
  }

  /** False if it is not in. */
  delete(value: T): boolean {
    const times = this.#counts.get(value);
    if (times === undefined) return false;
    if (times > 1) this.#counts.set(value, times - 1);
    else this.#counts.delete(value);
    this.#size--;
    return true;
  }

  /** All that is in, the one that has been for the longest time first. */
  *[Symbol.iterator](): Generator<T> {
    for (const [value, times] of this.#counts) {
      for (let i = 0; i < times; i++) yield value;
    }
  }
}

export class CheckedQueue<T> extends OwnQueue<T> {
  override readonly capacity: number;
  override readonly whenFull: WhenFull;
  /** Only if the user's queue has one: to have one is to say that it limits what runs. */
  declare readonly done?: (value: T) => void;
  /** The user's; when that was found to be wrong, another one. */
  #queue: Queue<T>;
  #held = new Bag<T>();
  /** What was shifted and has not ended, in a queue that wants to know. */
  readonly #running = new Bag<T>();
  /** What `peek` gave last, if nothing has happened since. */
  #peeked: T | typeof NOTHING = NOTHING;
  /** Hears of what is wrong, in the call that meets it. */
  onWrong: ((error: unknown) => void) | undefined = undefined;
  /** What is wrong, until it is told. */
  #error: WrongQueueError | undefined = undefined;

  constructor(doing: string, queue: Queue<T>) {
    super();
    this.#queue = checked(doing, queue);
    this.capacity = queue.capacity;
    this.whenFull = queue.whenFull ?? "wait";
    if (queue.done !== undefined) this.done = (value) => this.#end(value);
  }

  override get size(): number {
    return this.#held.size;
  }

  override push(value: T): void {
    this.#peeked = NOTHING;
    this.#running.delete(value);
    this.#held.add(value);
    this.#tell("push", () => this.#queue.push(value));
  }

  override peek(): T | undefined {
    return this.#safely(() => this.#peek());
  }

  override shift(): T | undefined {
    return this.#safely(() => this.#shift());
  }

  override drain(): T[] {
    return this.#safely(() => this.#drain());
  }

  #safely<R>(take: () => R): R {
    try {
      return take();
    } catch (error) {
      if (this.onWrong === undefined) throw error;
      this.onWrong(error);
      return take(); // Of the queue that took its place.
    }
  }

  #peek(): T | undefined {
    this.#look();
    const value = this.#ask("peek", () => this.#queue.peek());
    if (value === undefined && !this.#held.has(undefined as T)) {
      this.#mayGiveNone("peek");
      return undefined;
    }
    this.#mustHold("peek", value as T);
    this.#peeked = value as T;
    return value;
  }

  #shift(): T | undefined {
    this.#look();
    const value = this.#ask("shift", () => this.#queue.shift());
    const size = this.#ask("size", () => this.#queue.size);
    if (value === undefined && size === this.size) {
      this.#mustBePeeked(value);
      this.#mayGiveNone("shift");
      return undefined;
    }
    this.#mustHold("shift", value as T);
    this.#mustBePeeked(value);
    this.#mustBeOf(size, this.size - 1);
    this.#held.delete(value as T);
    this.#peeked = NOTHING;
    if (this.done !== undefined) this.#running.add(value as T);
    return value;
  }

  #drain(): T[] {
    this.#look();
    const values = this.#ask("drain", () => this.#queue.drain());
    this.#mustBeAll(values);
    this.#mustBeOf(this.#ask("size", () => this.#queue.size), 0);
    this.#held = new Bag();
    this.#peeked = NOTHING;
    return values;
  }

  #end(value: T): void {
    this.#peeked = NOTHING;
    if (!this.#running.delete(value)) return;
    this.#tell("done", () => this.#queue.done?.(value));
  }

  /** Before anything is taken: is it in order, as far as can be seen? */
  #look(): void {
    if (this.#error !== undefined) this.#break(this.#error);
    this.#mustBeOf(this.#ask("size", () => this.#queue.size), this.size);
  }

  #mustBeOf(size: number, expected: number): void {
    if (size === expected) return;
    this.#fail(`its size is ${String(size)}, where ${expected} are in it`);
  }

  #mustHold(asked: string, value: T, held: Bag<T> = this.#held): void {
    if (held.has(value)) return;
    this.#fail(`its ${asked}() gave what is not, or not any more, in it`);
  }

  #mustBePeeked(value: T | undefined): void {
    if (this.#peeked === NOTHING || Object.is(this.#peeked, value)) return;
    this.#fail("its shift() gave something else than its peek() just before");
  }

  #mustBeAll(values: unknown): void {
    if (!Array.isArray(values)) this.#fail("its drain() gave no array");
    const missing = new Bag(this.#held);
    for (const value of values) {
      this.#mustHold("drain", value, missing);
      missing.delete(value);
    }
    if (missing.size > 0) {
      this.#fail(`its drain() gave ${values.length} of ${this.size} values`);
    }
  }

  /** It may hold things back only for those that run. Else nobody would ask again. */
  #mayGiveNone(asked: string): void {
    if (this.size === 0 || this.#running.size > 0) return;
    this.#fail(
      `its ${asked}() gave none of ${this.size} values, though nothing runs that they could wait for`,
    );
  }

  #ask<R>(asked: string, call: () => R): R {
    try {
      return call();
    } catch (error) {
      return this.#break(threw(asked, error));
    }
  }

  #tell(asked: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#error ??= threw(asked, error);
    }
  }

  #fail(what: string): never {
    this.#break(new WrongQueueError(`Cannot take from queue: ${what}`));
  }

  #break(error: WrongQueueError): never {
    this.#error = undefined;
    this.#queue = new Fifo(Infinity, "wait");
    for (const value of this.#held) this.#queue.push(value);
    this.#peeked = NOTHING;
    throw error;
  }
}

function threw(asked: string, cause: unknown): WrongQueueError {
  const message = cause instanceof Error ? cause.message : show(cause);
  return new WrongQueueError(
    `Cannot take from queue: its ${asked} threw: ${message}`,
    { cause },
  );
}

/** Whether it is a queue at all, and one that can be used. */
function checked<T>(doing: string, queue: Queue<T>): Queue<T> {
  if (typeof queue !== "object" || queue === null) {
    throw wrongType(doing, "queue", "a Queue", queue);
  }
  for (const name of ["push", "peek", "shift", "drain"] as const) {
    callable(doing, `queue.${name}`, queue[name]);
  }
  if (queue.done !== undefined) callable(doing, "queue.done", queue.done);
  const { whenFull = "wait", size } = queue;
  if (!["wait", "evict", "refuse"].includes(whenFull)) {
    const wanted = '"wait", "evict" or "refuse"';
    throw wrongType(doing, "queue.whenFull", wanted, whenFull);
  }
  const least = whenFull === "evict" ? 1 : 0;
  count(doing, "queue.capacity", queue.capacity, least);
  if (size !== 0) throw outOfRange(doing, "queue.size", "0 at first", size);
  return queue;
}

/** The queue of a channel or a group, whatever the options say of it. */
export function queueFrom<T>(
  doing: string,
  { capacity, queue }: { capacity?: number; queue?: Queue<T> },
  initial: number,
): Queue<T> {
  if (queue === undefined) {
    return new Fifo(count(doing, "capacity", capacity ?? initial, 0), "wait");
  }
  if (capacity !== undefined) {
    throw new TypeError(
      `Cannot ${doing}: queue stands in place of capacity, received both`,
    );
  }
  if (!(queue instanceof OwnQueue)) return new CheckedQueue(doing, queue);
  if (queue.isTaken || queue.size > 0) {
    throw new TypeError(
      `Cannot ${doing}: queue must be empty, and used by nothing else`,
    );
  }
  queue.isTaken = true;
  return queue;
}
