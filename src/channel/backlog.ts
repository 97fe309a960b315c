/**
 * Values in a queue, and behind them, in a line, senders that wait for room with a
 * value in hand: what a channel and a group have in common.
 *
 * Invariants:
 * 1. While no sender waits, the line is empty; while some do, the first in the line
 *    is a sender, never a {@linkcode Kept} value. `admit`, `leave` and `dismiss`
 *    restore this.
 * 2. `size` is the number of values that were taken in and are not given away,
 *    forgotten or cleared: in the queue, or kept behind a sender.
 * 3. A forgotten value stays where it is until it comes up, or until more than
 *    half of the values are forgotten, whichever is first: O(1) each (law 9).
 * 4. Where the queue evicts or refuses, no sender waits and no place is held: what
 *    becomes of a value is known in the call that brings it.
 * 5. What the queue throws when no call brings a value is `#error`, for the next
 *    look. A value that it won't take back is not lost, but `#stranded`: next before
 *    all others.
 *
 * @module
 */

import { Link, List } from "../base/list.ts";
import { type Maybe, NONE } from "../base/promises.ts";
import { Fifo } from "../queues/fifo_queue.ts";
import type { OwnQueue, WhenFull } from "../queues/queue.ts";

/** A call that waits for room. */
export abstract class Sender<T> extends Link {
  /** The value that it brings; {@linkcode NONE} if it wants a place to be held instead. */
  declare readonly value: Maybe<T>;

  constructor(value: Maybe<T>) {
    super();
    this.value = value;
  }

  /** Whether it may not be let in any more: it is about to leave. */
  abstract readonly isGone: boolean;

  /** The value is in, or the place is held. */
  abstract admitted(): void;

  /** There will never be room. */
  abstract refused(): void;

  /** The queue has thrown when the value was pushed. */
  abstract failed(error: unknown): void;
}

/** A value that was taken in over capacity, behind senders that still wait. */
class Kept<T> extends Link {
  readonly value: T;

  constructor(value: T) {
    super();
    this.value = value;
  }
}

/** What the owner of a backlog knows. */
export interface BacklogOptions<T> {
  /** Whether a value still counts. Not there: `forget` is never called. */
  isLive?: (value: T) => boolean;
  /** How many takers are idle: so much room is there beyond the capacity. */
  idle?: () => number;
  /** The queue has refused the value. Nothing has changed; it may run the user's code. */
  onRefuse?: ((value: T) => void) | undefined;
}

/** So many forgotten values are not worth a clean-up. */
const FEW = 32;

export class Backlog<T> {
  /** What becomes of a value for which there is no room. */
  readonly whenFull: WhenFull;
  readonly #queue: OwnQueue<T>;
  readonly #options: BacklogOptions<T>;
  /** Whether the queue has no order of its own: then a value may wait in the line. */
  readonly #isFifo: boolean;
  readonly #line = new List<Sender<T> | Kept<T>>();
  /** How many values are not in the queue: kept in the line, or stranded. */
  #kept = 0;
  #reserved = 0;
  #forgotten = 0;
  #evicted: T[] = [];
  #error: Maybe<unknown> = NONE;
  #stranded: T[] | undefined = undefined;

  constructor(queue: OwnQueue<T>, options: BacklogOptions<T> = {}) {
    this.#queue = queue;
    this.#options = options;
    this.whenFull = queue.whenFull;
    this.#isFifo = queue instanceof Fifo;
  }

  get capacity(): number {
    return this.#queue.capacity;
  }

  get size(): number {
    return this.#queue.size + this.#kept - this.#forgotten;
  }

  /** How many senders wait for room, and values are kept behind them. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Takes the value in, if there is room now and no sender waits, or room can be made. */
  offer(value: T): boolean {
    if (this.#line.size > 0 || !this.#hasRoom()) {
      return this.whenFull !== "wait" && this.#squeezeIn(value);
    }
    this.#queue.push(value);
    return true;
  }

  /** Takes the value in behind all others, also over capacity. False if the queue refuses it. */
  keep(value: T): boolean {
    if (this.whenFull !== "wait") return this.#squeezeIn(value);
    this.force(value);
    return true;
  }

  /** Does so without refusal, and without an eviction of another value. */
  force(value: T): void {
    // WARNING: to push the value past senders that wait would let it barge in (law 4).
    // Not so in a queue with an order of its own, which alone says what is next: there,
    // behind senders, the value might wait for room that only its own end would make.
    if (this.#line.size === 0 || !this.#isFifo) return this.#queue.push(value);
    this.#line.push(new Kept<T>(value));
    this.#kept++;
  }

  /**
   * A value that was taken is the next one again, unless the queue has an order of
   * its own. It is here again even if the queue throws.
   */
  putBack(value: T): void {
    const queue = this.#queue;
    if (queue instanceof Fifo) return queue.unshift(value);
    try {
      queue.push(value);
    } catch (error) {
      this.#strand(value);
      throw error;
    }
  }

  /** A value that was taken has ended: it will not come in again. */
  done(value: T): void {
    try {
      this.#queue.done?.(value);
    } catch (error) {
      this.#error = error;
    }
  }

  /**
   * Holds a place, if there is room now, until `fill` or `vacate`. Where the queue
   * evicts or refuses there is nothing to hold.
   */
  reserve(): boolean {
    if (this.whenFull !== "wait") return true;
    if (this.#line.size > 0 || !this.#hasRoom()) return false;
    this.#reserved++;
    return true;
  }

  /** Takes a value in at a place that is held; from then on it is not. */
  fill(value: T): boolean {
    if (this.whenFull !== "wait") return this.keep(value);
    this.#reserved--;
    this.#queue.push(value);
    return true;
  }

  /** The values that were evicted to make room since the last call. */
  takeEvicted(): T[] {
    const evicted = this.#evicted;
    if (evicted.length > 0) this.#evicted = [];
    return evicted;
  }

  /** Gives up a place that is held. */
  vacate(): void {
    if (this.whenFull === "wait") this.#reserved--;
  }

  /** Has the sender wait behind all others. Not with a queue that evicts or refuses. */
  join(sender: Sender<T>): void {
    this.#line.push(sender);
  }

  /** Takes the sender out of the line, if it is in. */
  leave(sender: Sender<T>): void {
    this.#line.delete(sender);
    this.#release();
  }

  /** The next value, for a taker that does not tell its end; NONE if there is none. */
  shift(): Maybe<T> {
    const queue = this.#queue;
    if (this.#stranded !== undefined) return this.#shiftStranded();
    // Before the loop, which V8 inlines nowhere: most takers find it so.
    if (queue.size === 0) {
      if (this.#line.size === 0) return NONE;
      if (this.#isFifo) return this.#passOn();
    }
    for (;;) {
      const { size } = queue;
      if (size > 0) {
        const value = queue.shift() as T;
        if (value === undefined && queue.size === size) return NONE;
        queue.done?.(value);
        if (this.#counts(value)) return value;
      } else if (!this.#admitForTaker()) return NONE;
    }
  }

  /**
   * The next value, for a taker that may yet leave it where it is; undefined if
   * there is none, or none that may be taken yet. Only for values that are never
   * undefined. Throws what the queue has thrown since the last `clear` of all.
   */
  peek(): T | undefined {
    if (this.#error !== NONE) throw this.#error;
    const value = this.#queue.peek();
    return value !== undefined && this.#forgotten === 0 ? value : this.#find();
  }

  /** Apart, so that V8 inlines `peek`: 2 ns a task. */
  #find(): T | undefined {
    const queue = this.#queue;
    for (;;) {
      const value = queue.peek();
      if (value !== undefined) {
        if (this.#isLive(value)) return value;
        this.#discard(value); // First: a queue that throws has it still.
        this.#forgotten--;
      } else if (queue.size > 0 || !this.#admitForTaker()) return undefined;
    }
  }

  /**
   * Takes the value that `peek` has just given. Its end is to be told: see `done`. False
   * if it is not to be had after all.
   */
  take(): boolean {
    return this.#queue.shift() !== undefined;
  }

  /** Whether the queue can put a value in another place: see `update`. */
  get isMovable(): boolean {
    return this.#queue.update !== undefined;
  }

  /** The options of a value that is here have changed. */
  update(value: T): void {
    this.#queue.update!(value);
  }

  /** All values, in order. */
  get all(): T[] {
    const stranded = this.#stranded ?? [];
    const queued = this.#queue.all();
    const values = stranded.concat(queued)
      .filter((value) => this.#isLive(value));
    for (let link = this.#line.first; link; link = link.after as typeof link) {
      if (link instanceof Kept && this.#isLive(link.value)) {
        values.push(link.value);
      }
    }
    return values;
  }

  /** A value here does not count any more. */
  forget(): void {
    this.#forgotten++;
    // With the last one at once: the queue may have laid a timer for them.
    const isFew = this.#forgotten <= FEW || this.#forgotten <= this.size;
    if (isFew && this.size > 0) return;
    try {
      const all = this.#takeAll(this.#queue.clear());
      this.#pushAgain(all.filter((value) => this.#counts(value)));
    } catch (error) {
      this.#error = error;
    }
  }

  /** Lets senders in for which there is room, first come, first served. */
  admit(): void {
    for (;;) {
      this.#release();
      if (this.#line.size === 0 || !this.#hasRoom()) return;
      this.#admitFirst();
    }
  }

  /** Turns all senders away; the values kept behind them stay. */
  dismiss(): void {
    while (this.#line.size > 0) {
      const sender = this.#line.shift() as Sender<T>; // Invariant 1.
      sender.refused();
      this.#release();
    }
  }

  /** Gives away all values but those that stay, in order. Senders go on waiting. */
  clear(stays?: (value: T) => boolean): T[] {
    return this.#giveAway(this.#queue.clear(), stays); // First: it may throw.
  }

  /**
   * Gives away all values, at the end. If the queue throws, it is asked once more: one
   * that was checked gives all of them then. What it keeps even so is lost.
   */
  clearAtEnd(onThrow: (error: unknown) => void): T[] {
    let queued: T[] = [];
    try {
      queued = this.#queue.clear();
    } catch (error) {
      onThrow(error);
      try {
        queued = this.#queue.clear();
      } catch {
        // It has thrown, and that was told.
      }
    }
    return this.#giveAway(queued);
  }

  #giveAway(queued: T[], stays?: (value: T) => boolean): T[] {
    const values: T[] = [];
    const staying: T[] = [];
    for (const value of this.#takeAll(queued)) {
      if (this.#counts(value)) (stays?.(value) ? staying : values).push(value);
    }
    this.#pushAgain(staying);
    if (stays === undefined) this.#error = NONE;
    for (let link = this.#line.first; link !== undefined;) {
      const next = link.after as typeof link | undefined;
      if (link instanceof Kept && !stays?.(link.value)) {
        this.#line.delete(link);
        this.#kept--;
        if (this.#counts(link.value)) values.push(link.value);
      }
      link = next;
    }
    return values;
  }

  #hasRoom(): boolean {
    const used = this.size + this.#reserved;
    const { capacity } = this.#queue;
    return used < capacity ||
      used < capacity + (this.#options.idle?.() ?? 0);
  }

  /** Takes the value in where there is room, or room can be made. If it throws, all is as it was. */
  #squeezeIn(value: T): boolean {
    try {
      if (this.#makeRoom()) {
        this.#queue.push(value);
        return true;
      }
    } catch (error) {
      this.#restore(this.takeEvicted());
      throw error;
    }
    this.#options.onRefuse?.(value);
    return false;
  }

  /**
   * Evicts what is next until there is room. False if the queue refuses instead. A
   * queue that can't give anything now has to hold one more.
   */
  #makeRoom(): boolean {
    while (!this.#hasRoom()) {
      if (this.whenFull === "refuse") return false;
      const value = this.shift();
      if (value === NONE) break;
      this.#evicted.push(value);
    }
    return true;
  }

  /** Takes out a forgotten value that the queue's `peek` has just given. */
  #discard(value: T): void {
    const queue = this.#queue;
    if (queue.discard !== undefined) return queue.discard();
    queue.shift();
    this.done(value);
  }

  #shiftStranded(): Maybe<T> {
    const value = this.#stranded!.shift() as T;
    this.#kept--;
    if (this.#stranded!.length === 0) this.#stranded = undefined;
    return this.#counts(value) ? value : this.shift();
  }

  #strand(value: T): void {
    (this.#stranded ??= []).push(value);
    this.#kept++;
  }

  /** All values in order, forgotten ones too, when the queue has given what was in it. */
  #takeAll(queued: T[]): T[] {
    const stranded = this.#stranded;
    if (stranded === undefined) return queued;
    this.#stranded = undefined;
    this.#kept -= stranded.length;
    return stranded.concat(queued);
  }

  /** Puts back what a `clear` of the queue has given away. */
  #pushAgain(values: T[]): void {
    this.#restore(this.#queue.asItCame?.(values) ?? values);
  }

  /** Puts values back. See invariant 5. */
  #restore(values: T[]): void {
    for (const value of values) {
      try {
        this.#queue.push(value);
      } catch (error) {
        this.#error = error;
        this.#strand(value);
      }
    }
  }

  #isLive(value: T): boolean {
    return this.#forgotten === 0 || this.#options.isLive!(value);
  }

  /** Whether a value that was taken out counts; if not, it is not missed any more. */
  #counts(value: T): boolean {
    if (this.#isLive(value)) return true;
    this.#forgotten--;
    return false;
  }

  /** Keeps invariant 1: a value that is behind no sender any more goes into the queue. */
  #release(): void {
    let { first } = this.#line;
    while (first instanceof Kept) {
      this.#line.shift();
      this.#kept--;
      this.#queue.push(first.value);
      first = this.#line.first;
    }
  }

  /**
   * Lets the first sender in for a taker that has found nothing: there is always room
   * for what a taker takes. False if there is none; or if a place is held, for the task
   * that comes into it is for the taker. Values that are kept behind the senders can't
   * wait for that task.
   */
  #admitForTaker(): boolean {
    if (this.#line.size === 0) return false;
    if (this.#reserved > 0 && this.size === 0) return false;
    this.#admitFirst();
    this.#release();
    return true;
  }

  /**
   * The value of the first sender, for a taker that finds nothing before it: it would come
   * out of the queue at once (bench: e). Only a group has senders that want a place.
   */
  #passOn(): Maybe<T> {
    const sender = this.#line.shift() as Sender<T>; // Invariant 1.
    sender.admitted();
    this.#release();
    return sender.value;
  }

  #admitFirst(): void {
    const sender = this.#line.shift() as Sender<T>; // Invariant 1.
    if (sender.isGone) return sender.refused();
    try {
      if (sender.value === NONE) this.#reserved++;
      else this.#queue.push(sender.value);
    } catch (error) {
      return sender.failed(error);
    }
    sender.admitted();
  }
}
