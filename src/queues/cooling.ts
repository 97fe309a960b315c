/**
 * Keys of a queue that have no tasks any more, kept until their governors have nothing
 * to remember.
 *
 * The queue's work has some looked at, again and again. Where it has no more work, and
 * they are many, a timer does: it keeps no process alive, and waits twice as long each
 * time it has found none to forget. WARNING: not for a few: a test of the user's, in
 * which a timer is left, is told of a leak.
 *
 * @module
 */

import { type Link, List } from "../base/list.ts";
import { Timer } from "../base/timer.ts";

/** So many do no harm. */
const FEW = 256;

/** The least milliseconds between two looks of the timer. */
const SOON = 1000;

/** The milliseconds until the next one, where there may be many more to forget. */
const AT_ONCE = 10;

/** The most keys that one look of the timer takes: it must not hold the event loop. */
const MANY = 10_000;

export class Cooling<K extends Link> {
  readonly #keys = new List<K>();
  /** Forgets the key, if it may be forgotten. */
  readonly #forget: (key: K) => boolean;
  #timer: Timer | undefined = undefined;
  #wait = SOON;

  constructor(forget: (key: K) => boolean) {
    this.#forget = forget;
  }

  add(key: K): void {
    this.#keys.push(key);
    if (this.#timer === undefined && this.#keys.size > FEW) {
      this.#setTimer(SOON);
    }
  }

  /** The key has tasks again. */
  delete(key: K): void {
    this.#keys.delete(key);
    if (this.#keys.size <= FEW) this.#clearTimer();
  }

  /** Looks at so many, those first that were looked at longest ago. How many it has forgotten. */
  look(most: number): number {
    let gone = 0;
    for (let n = Math.min(most, this.#keys.size); n > 0; n--) {
      const key = this.#keys.shift()!;
      if (this.#forget(key)) gone++;
      else this.#keys.push(key);
    }
    if (this.#keys.size <= FEW) this.#clearTimer();
    return gone;
  }

  #setTimer(ms: number): void {
    this.#wait = ms;
    this.#timer = new Timer(ms, () => {
      const gone = this.look(MANY);
      if (this.#keys.size <= FEW) return;
      const wait = gone > 0 ? SOON : this.#wait * 2;
      this.#setTimer(gone === MANY ? AT_ONCE : wait);
    }).unref();
  }

  #clearTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }
}
