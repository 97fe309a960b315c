/**
 * A time at which something is due, and the timers that wait for it.
 *
 * Most often there is one timer. There are two while several callers wait: a test
 * that takes its fake time away again may have laid the first one, or a request that
 * is over, and then that one never goes off. So a caller that comes later lays its
 * own, at most one a millisecond (law 15), in place of the last one that did.
 *
 * Invariant: there are one or two timers exactly from `set` until the first of them
 * goes off, or until `clear`; so nothing is left behind.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { LONGEST, Timer } from "./timer.ts";

/** How early a timer may go off, in milliseconds. */
export const EARLY = 1;

export class Alarm {
  readonly #clock: Clock;
  readonly #onTime: (due: number) => void;
  #first: Timer | undefined = undefined;
  #newest: Timer | undefined = undefined;
  #due = Infinity;
  #laidAt = -Infinity;
  #laidBy: typeof setTimeout | undefined = undefined;

  /** `onTime` is told what the timer was set for; that may be before the alarm is due. */
  constructor(clock: Clock, onTime: (due: number) => void) {
    this.#clock = clock;
    this.#onTime = onTime;
  }

  /** Sets the alarm to that time of the clock, which tells `time` now. */
  set(due: number, time: number = this.#clock.now()): void {
    const isSet = due === this.#due && this.#laidBy === setTimeout;
    if (isSet && time - this.#laidAt < 1) return;
    if (!isSet) this.clear();
    const ms = Math.min(Math.max(0, Math.ceil(due - time)), LONGEST);
    this.#due = due;
    this.#laidAt = time;
    this.#laidBy = setTimeout;
    this.#newest?.clear();
    const timer = new Timer(ms, () => this.#goOff(time + ms));
    if (this.#first === undefined) this.#first = timer;
    else this.#newest = timer;
  }

  /** Has it go off by that time, or sooner if it is set to that already. */
  setBy(due: number, time: number = this.#clock.now()): void {
    this.set(Math.min(due, this.#due), time);
  }

  clear(): void {
    this.#first?.clear();
    this.#newest?.clear();
    this.#first = this.#newest = undefined;
    this.#due = Infinity;
  }

  #goOff(due: number): void {
    this.clear();
    // By more than this: then the timer is faked, and the clock is not.
    if (due - this.#clock.now() > EARLY) this.#clock.reach(due);
    this.#onTime(due);
  }
}
