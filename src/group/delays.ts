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
import { Heap } from "../base/heap.ts";

const clock = new Clock();

/** Milliseconds by which a sum of times may be wrong: none is to become a whole one. */
const ROUNDING = 1e-6;

/** Something that can be delayed. Only {@linkcode Delays} writes what it has. */
export interface Delayable {
  /** Where it is among those that are delayed; -1 if it is not. */
  index: number;
}

export class Delays<D extends Delayable> {
  readonly #delayed = new Heap<D>(undefined, moved);
  protected readonly alarm: Alarm = new Alarm(clock, (due) => this.#goOff(due));
  readonly #onDue: (delayed: D) => void;
  readonly #mayTell: () => boolean;

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

  /** When the first one is due; Infinity if there is none. */
  protected get due(): number {
    return this.#delayed.firstRank;
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
    return this.#delayed.all;
  }

  add(delayed: D, ms: number): void {
    const time = clock.now();
    this.#delayed.push(delayed, time + ms - ROUNDING);
    this.look(time);
  }

  delete(delayed: D): void {
    const isFirst = delayed === this.#delayed.first;
    this.take(delayed);
    if (isFirst) this.look();
  }

  /** Takes it out, and leaves the alarm as it is. */
  protected take(delayed: D): void {
    this.#delayed.delete(delayed.index);
    delayed.index = -1;
  }

  /** Takes all out but those that stay, in the order in which they are due. */
  clear(stays: (delayed: D) => boolean): D[] {
    const { all } = this;
    const leaving = all.filter((delayed) => !stays(delayed));
    if (leaving.length < all.length) {
      for (const one of leaving) {
        this.take(one);
      }
    } else {
      this.#delayed.clear();
      for (const one of leaving) one.index = -1;
    }
    this.look();
    return leaving;
  }

  /** Sets the alarm, for a newcomer too: its timer may be the only one that goes off. */
  look(time: number = clock.now()): void {
    if (this.size === 0) this.alarm.clear();
    else this.alarm.set(this.due, time);
  }

  #goOff(due: number): void {
    const time = Math.max(due, clock.now());
    while (this.due <= time) {
      if (!this.#mayTell()) return;
      const first = this.#delayed.first!;
      this.take(first);
      this.#onDue(first);
    }
    this.look();
  }
}

function moved(delayed: Delayable, place: number): void {
  delayed.index = place;
}
