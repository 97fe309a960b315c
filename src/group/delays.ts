/**
 * Tasks that wait for their next attempt, without a worker (law 11).
 *
 * One alarm is set to when the first of them is due, and when it goes off all that are
 * due by the clock are told of. WARNING: it may never go off: a test has taken its fake
 * time away, or the request in which it was set is over. So each newcomer, a delay, a
 * task or a caller that waits, sets it anew (law 15).
 *
 * Invariant: the alarm is set, to when the first task is due, exactly while there is one;
 * but not after `mayTell` has said no, until the next look.
 *
 * @module
 */

import { Alarm } from "../base/alarm.ts";
import { Clock } from "../base/clock.ts";
import { Heap, type Placed } from "../base/heap.ts";

const clock = new Clock();

/** Milliseconds by which a sum of times may be wrong: none is to become a whole one. */
const ROUNDING = 1e-6;

/** Something that can be delayed. Only {@linkcode Delays} writes what it has. */
export interface Delayable extends Placed {
  /** When it is due. */
  due: number;
  /** Which one it is of those that were delayed: of two due together the first is told first. */
  turn: number;
}

export class Delays<D extends Delayable> {
  readonly #delayed = new Heap<D>(isEarlier);
  protected readonly alarm: Alarm = new Alarm(clock, (due) => this.#goOff(due));
  readonly #onDue: (delayed: D) => void;
  readonly #mayTell: () => boolean;
  #turns = 0;

  /**
   * `mayTell` says whether one more may be told now. After a no nothing is told until the
   * next `look`, which is the caller's to make. WARNING: no timer is set before: a test's
   * fake time would go off for ever, while the loop does not turn.
   */
  constructor(
    onDue: (delayed: D) => void,
    mayTell: () => boolean = () => true,
  ) {
    this.#onDue = onDue;
    this.#mayTell = mayTell;
  }

  /** The first one that is due. */
  protected get first(): D | undefined {
    return this.#delayed.first;
  }

  get size(): number {
    return this.#delayed.size;
  }

  /** What the time is, in milliseconds. */
  now(): number {
    return clock.now();
  }

  /** All, in the order in which they are due. */
  get all(): D[] {
    return inOrder(this.#delayed.all);
  }

  add(delayed: D, ms: number): void {
    const time = clock.now();
    delayed.due = time + ms - ROUNDING;
    delayed.turn = this.#turns++;
    this.#delayed.push(delayed, delayed.due);
    this.look(time);
  }

  delete(delayed: D): void {
    const isFirst = delayed === this.first;
    this.take(delayed);
    if (isFirst) this.look();
  }

  /** Takes it out, and leaves the alarm as it is. */
  protected take(delayed: D): void {
    this.#delayed.delete(delayed);
  }

  /** Takes all out but those that stay, in the order in which they are due. */
  clear(stays: (delayed: D) => boolean): D[] {
    const leaving: D[] = [];
    for (const delayed of this.#delayed.clear()) {
      if (stays(delayed)) this.#delayed.push(delayed, delayed.due);
      else leaving.push(delayed);
    }
    this.look();
    return inOrder(leaving);
  }

  /** Sets the alarm, for a newcomer too: its timer may be the only one that goes off. */
  look(time: number = clock.now()): void {
    const { first } = this;
    if (first === undefined) this.alarm.clear();
    else this.alarm.set(first.due, time);
  }

  #goOff(due: number): void {
    const time = Math.max(due, clock.now());
    let { first } = this;
    while (first !== undefined && first.due <= time) {
      if (!this.#mayTell()) return;
      this.take(first);
      this.#onDue(first);
      ({ first } = this);
    }
    this.look();
  }
}

function inOrder<D extends Delayable>(delayed: D[]): D[] {
  return delayed.sort((a, b) => a.due - b.due || a.turn - b.turn);
}

function isEarlier(a: Delayable, b: Delayable): boolean {
  return a.turn < b.turn;
}
