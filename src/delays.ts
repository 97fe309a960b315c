/**
 * Tasks that wait for their next attempt, without a worker (law 11), and one
 * timer for all of them.
 *
 * Invariants:
 * 1. There is a timer exactly while something is delayed, set for the first
 *    one due; so nothing is left behind by a group that has nothing delayed.
 * 2. A timer that goes off proves that its time has come, whatever the clock
 *    says: clocks are set back, and nobody may wait for longer than he asked.
 *
 * @module
 */

import { Heap, type Placed } from "./heap.ts";

/** What a timer can be set for; above it, it would go off at once. */
export const LONGEST: number = 2 ** 31 - 1;

/** Something that can be delayed. */
export interface Delayable extends Placed {
  /** How long it was to wait. Written by {@linkcode Delays} alone, as is the rest. */
  ms: number;
  /** When it is due. */
  due: number;
  /** Which came first, of two that are due together. */
  turn: number;
}

export class Delays<D extends Delayable> {
  readonly #heap = new Heap<D>((a, b) =>
    a.due < b.due || (a.due === b.due && a.turn < b.turn)
  );
  readonly #onDue: (delayed: D) => void;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #proves = false;
  #turns = 0;

  constructor(onDue: (delayed: D) => void) {
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#heap.size;
  }

  add(delayed: D, ms: number): void {
    delayed.ms = ms;
    delayed.due = Date.now() + ms;
    delayed.turn = this.#turns++;
    this.#heap.push(delayed);
    if (this.#heap.first === delayed) this.#set(ms);
  }

  /** Puts one in again that was drained: it is due when it was. */
  putBack(delayed: D): void {
    const left = Math.max(0, delayed.due - Date.now());
    this.add(delayed, Math.min(left, delayed.ms)); // The clock may be set back.
  }

  delete(delayed: D): void {
    const wasFirst = this.#heap.first === delayed;
    this.#heap.delete(delayed);
    if (wasFirst) this.#setForFirst(Date.now());
  }

  /** Takes all of them out, the first one due first. */
  drain(): D[] {
    const all: D[] = [];
    for (let d = this.#heap.shift(); d; d = this.#heap.shift()) all.push(d);
    this.#clear();
    return all;
  }

  #goOff(): void {
    this.#timer = undefined;
    const { due } = this.#heap.first!;
    const time = this.#proves ? Math.max(Date.now(), due) : Date.now();
    for (
      let first = this.#heap.first;
      first !== undefined && first.due <= time;
      first = this.#heap.first
    ) {
      this.#heap.shift();
      this.#onDue(first);
    }
    this.#setForFirst(time);
  }

  #setForFirst(time: number): void {
    const first = this.#heap.first;
    if (first === undefined) this.#clear();
    else this.#set(Math.min(Math.max(0, first.due - time), first.ms));
  }

  #set(ms: number): void {
    this.#clear();
    this.#proves = ms <= LONGEST;
    this.#timer = setTimeout(() => this.#goOff(), Math.min(ms, LONGEST));
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
