/**
 * Values in a queue, and behind them those who wait for room with a value in
 * hand: what a channel and a group have in common. It never calls back at a
 * bad moment: a {@linkcode Sender} is told of its fate when the line is in order.
 *
 * Invariants:
 * 1. While nobody waits, nothing is behind the queue; while somebody does, the
 *    first sender is one that waits for room, never a {@linkcode Kept} value.
 *    `admit`, `leave` and `dismiss` restore this.
 * 2. `size` is the number of values that were taken in and are not given away,
 *    forgotten or drained: in the queue, or kept behind a sender.
 * 3. A forgotten value stays where it is until it comes up, or until more than
 *    half of what is here is forgotten, whichever is first: O(1) each (law 9).
 *
 * @module
 */

import { Link, List } from "./list.ts";
import type { Queue } from "./queue.ts";

/** No value: `undefined` is one. */
export const NONE: unique symbol = Symbol("none");

/** Nothing to take, or a value. */
export type Maybe<T> = T | typeof NONE;

/** Someone in the line, behind the queue. */
export abstract class Sender<T> extends Link {
  /** What it brings; {@linkcode NONE} if it wants a place held for it instead. */
  readonly value: Maybe<T>;

  constructor(value: Maybe<T>) {
    super();
    this.value = value;
  }

  /** The value is in, or the place is held. */
  abstract admitted(): void;

  /** There will be no room any more. */
  abstract refused(): void;
}

/** A value that was taken in over capacity, behind those who still wait. */
class Kept<T> extends Link {
  readonly value: T;

  constructor(value: T) {
    super();
    this.value = value;
  }
}

/** Forgotten values are not worth a clean-up below this number. */
const FEW = 32;

export class Line<T> {
  readonly #queue: Queue<T>;
  readonly #isLive: ((value: T) => boolean) | undefined;
  readonly #senders = new List<Sender<T> | Kept<T>>();
  #reserved = 0;
  #kept = 0;
  #forgotten = 0;

  /** `isLive` tells a value that counts from one that was forgotten, if any are. */
  constructor(queue: Queue<T>, isLive?: (value: T) => boolean) {
    this.#queue = queue;
    this.#isLive = isLive;
  }

  get capacity(): number {
    return this.#queue.capacity;
  }

  get size(): number {
    return this.#queue.size + this.#kept - this.#forgotten;
  }

  /** How many wait for room, and values kept behind them. */
  get waiting(): number {
    return this.#senders.size;
  }

  /** Takes the value in if there is room now, for `idle` takers more, and nobody waits. */
  offer(value: T, idle: number): boolean {
    if (this.#senders.size > 0 || !this.#hasRoom(idle)) return false;
    this.#queue.push(value);
    return true;
  }

  /** Takes the value in, room or not, behind all who came before. */
  keep(value: T): void {
    if (this.#senders.size === 0) this.#queue.push(value);
    else {
      // WARNING: the queue has room again sooner than the first sender may
      // have it; to push the value there would be to let it barge in (law 4).
      this.#senders.push(new Kept<T>(value));
      this.#kept++;
    }
  }

  /** Holds a place if there is room now. `fill` or `vacate` ends it. */
  reserve(idle: number): boolean {
    if (this.#senders.size > 0 || !this.#hasRoom(idle)) return false;
    this.#reserved++;
    return true;
  }

  /** Takes a value in at a place that was held. */
  fill(value: T): void {
    this.#reserved--;
    this.#queue.push(value);
  }

  /** Gives a held place up. */
  vacate(): void {
    this.#reserved--;
  }

  /** Waits for room behind all who came before. */
  join(sender: Sender<T>): void {
    this.#senders.push(sender);
  }

  /** Leaves without having been admitted. False if it was not waiting. */
  leave(sender: Sender<T>): boolean {
    const left = this.#senders.delete(sender);
    this.#release();
    return left;
  }

  /** The next value, for a taker, or NONE. */
  shift(): Maybe<T> {
    const queue = this.#queue;
    for (;;) {
      const { size } = queue;
      if (size > 0) {
        const value = queue.shift() as T;
        return value === undefined && queue.size === size ? NONE : value;
      }
      if (!this.#admitForTaker()) return NONE;
    }
  }

  /**
   * The next value, for a taker who may yet leave it where it is; undefined if
   * there is none, or none that may be taken yet. Only for a line of values
   * that are never undefined.
   */
  peek(): T | undefined {
    const queue = this.#queue;
    for (;;) {
      const value = queue.peek();
      if (value !== undefined) {
        if (this.#counts(value)) return value;
        queue.shift();
      } else if (queue.size > 0 || !this.#admitForTaker()) return undefined;
    }
  }

  /** Takes the value that was just peeked at. */
  take(): void {
    this.#queue.shift();
  }

  /** One of the values here is not live any more. */
  forget(): void {
    if (++this.#forgotten > FEW && this.#forgotten > this.size) this.#sweep();
  }

  /** Lets in who waits and has room, first come, first served. */
  admit(idle: number): void {
    for (;;) {
      this.#release();
      if (this.#senders.size === 0 || !this.#hasRoom(idle)) return;
      this.#admitFirst();
    }
  }

  /** Turns away everybody who waits; what was kept behind them stays. */
  dismiss(): void {
    while (this.#senders.size > 0) {
      const sender = this.#senders.shift() as Sender<T>; // Invariant 1.
      sender.refused();
      this.#release();
    }
  }

  /** Gives away all values but those that stay, in order. Who waits goes on waiting. */
  drain(stays: (value: T) => boolean = () => false): T[] {
    const values: T[] = [];
    for (const value of this.#queue.drain()) {
      if (!this.#counts(value)) continue;
      if (stays(value)) this.#queue.push(value);
      else values.push(value);
    }
    for (let sender = this.#senders.first; sender !== undefined;) {
      const next = sender.after as typeof sender | undefined;
      if (sender instanceof Kept && !stays(sender.value)) {
        this.#senders.delete(sender);
        this.#kept--;
        if (this.#counts(sender.value)) values.push(sender.value);
      }
      sender = next;
    }
    return values;
  }

  #hasRoom(idle: number): boolean {
    return this.size + this.#reserved < this.#queue.capacity + idle;
  }

  #counts(value: T): boolean {
    if (this.#forgotten === 0 || this.#isLive!(value)) return true;
    this.#forgotten--;
    return false;
  }

  /** Invariant 1: what is kept behind nobody belongs into the queue. */
  #release(): void {
    for (
      let sender = this.#senders.first;
      sender instanceof Kept;
      sender = this.#senders.first
    ) {
      this.#senders.shift();
      this.#kept--;
      this.#queue.push(sender.value);
    }
  }

  /**
   * With nothing in the queue there is always room for what a taker takes.
   * False if nobody can be let in. A place that is held is the taker's, too;
   * only what was kept behind who waits can't wait for it.
   */
  #admitForTaker(): boolean {
    if (this.#senders.size === 0) return false;
    if (this.#reserved > 0 && this.#kept === 0) return false;
    this.#admitFirst();
    this.#release();
    return true;
  }

  #admitFirst(): void {
    const sender = this.#senders.shift() as Sender<T>; // Invariant 1.
    if (sender.value === NONE) this.#reserved++;
    else this.#queue.push(sender.value);
    sender.admitted();
  }

  /** Invariant 3. Kept values are few, and come up by themselves. */
  #sweep(): void {
    for (const value of this.#queue.drain()) {
      if (this.#counts(value)) this.#queue.push(value);
    }
  }
}
