/**
 * So many starts in any window of time, and no more.
 *
 * Invariants:
 * 1. There is a timer exactly while somebody waits, so that nothing is left
 *    behind by a governor that nobody waits for.
 * 2. The clock never goes back, and a timer that goes off proves that its time
 *    has passed, whatever the system's clock says: that one is set back at
 *    times, and nobody may wait for longer than the rate asks.
 * 3. No start is sooner than `Date.now()` allows, though timers may go off up
 *    to a millisecond early.
 *
 * @module
 */

import { count, milliseconds, options as checked } from "./check.ts";
import { LONGEST } from "./delays.ts";
import { outOfRange } from "./errors.ts";
import type { AcquireOptions, Governor, Permit } from "./governor.ts";
import { Hold, Permits } from "./permits.ts";
import { fifoQueue } from "./fifo_queue.ts";

/** Options of {@linkcode rateLimit}. */
export interface RateLimitOptions {
  /**
   * How many starts there are at most in any window of `interval`: a positive
   * integer, or Infinity, with which only `pauseFor` holds anybody back.
   */
  limit: number;
  /** The length of the window in milliseconds: a positive, finite number. */
  interval: number;
  /**
   * How many starts there may be back to back, before they are spaced
   * `interval / limit` apart: from 1 (always spaced) to `limit` (never). What
   * is not used of it comes back at that rate.
   *
   * @default {limit}
   */
  burst?: number;
}

/** What {@linkcode rateLimit} makes. */
export interface RateLimit extends Governor {
  /**
   * No starts for so many milliseconds from now, as a peer asks with 429 and
   * Retry-After. Of two pauses the one that ends later counts. Never waits.
   *
   * @param ms A non-negative number of milliseconds. Infinity is for good.
   * @throws {RangeError} If `ms` is negative or NaN.
   * @throws {TypeError} If `ms` is not a number.
   */
  pauseFor(ms: number): void;
}

/** How early a timer may go off, in milliseconds. */
const EARLY = 1;

const ignore = () => {};

/** Milliseconds since it was made, which never go back. */
class Clock {
  #time = 0;
  #last = Date.now();

  now(): number {
    const date = Date.now();
    this.#time += Math.max(0, date - this.#last);
    this.#last = date;
    return this.#time;
  }

  /** It is known to be this late at least. */
  reach(time: number): void {
    this.#time = Math.max(this.#time, time);
  }
}

/** At most `limit` starts in any `[t, t + interval)`. */
class Window {
  readonly #limit: number;
  readonly #interval: number;
  /** The starts of the last interval, the first one first. */
  readonly #starts = fifoQueue<number>();

  constructor(limit: number, interval: number) {
    this.#limit = limit;
    this.#interval = interval;
  }

  /** When the next start may be. */
  due(time: number): number {
    let end = -Infinity;
    while (this.#starts.size > 0) {
      end = this.#starts.peek()! + this.#interval;
      if (end > time) break;
      this.#starts.shift();
    }
    return this.#starts.size < this.#limit ? -Infinity : end;
  }

  start(time: number): void {
    if (this.#limit !== Infinity) this.#starts.push(time);
  }
}

/**
 * At most `burst` starts back to back, then one every `spacing`: the generic
 * cell rate algorithm (ITU-T I.371), a token bucket that needs no refilling.
 */
class Pace {
  readonly #spacing: number;
  readonly #lead: number;
  /** When the next start would be if all were evenly spaced. */
  #even = -Infinity;

  constructor(spacing: number, burst: number) {
    this.#spacing = spacing;
    this.#lead = (burst - 1) * spacing;
  }

  /** When the next start may be. */
  due(): number {
    return this.#even - this.#lead;
  }

  start(time: number): void {
    // A start that is late by a part of a millisecond was not late, the timer
    // was: a spacing of 1.5 ms must not become one of 2.
    if (time - this.#even >= 1) this.#even = time;
    this.#even += this.#spacing;
  }
}

class Rate implements RateLimit {
  readonly #permits = new Permits(() => this.#grant(), () => this.#setTimer());
  readonly #clock = new Clock();
  readonly #window: Window;
  /** Not there if the window allows no larger burst than it. */
  readonly #pace: Pace | undefined;
  #pausedUntil = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(limit: number, interval: number, burst: number) {
    this.#window = new Window(limit, interval);
    this.#pace = burst < limit ? new Pace(interval / limit, burst) : undefined;
  }

  tryAcquire(): Permit | undefined {
    return this.#permits.tryAcquire();
  }

  acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#permits.acquire(options);
  }

  pauseFor(ms: number): void {
    const until = this.#clock.now() + milliseconds("pause", "ms", ms);
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
    this.#setTimer();
  }

  #grant(): Permit | undefined {
    const time = this.#clock.now();
    if (this.#due(time) > time) return undefined;
    this.#window.start(time);
    this.#pace?.start(time);
    return new Hold(ignore);
  }

  #due(time: number): number {
    const paced = this.#pace?.due() ?? -Infinity;
    return Math.max(this.#window.due(time), paced, this.#pausedUntil);
  }

  /** Invariant 1. */
  #setTimer(least = 0): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#permits.waiting === 0) return;
    const time = this.#clock.now();
    const left = Math.ceil(this.#due(time) - time);
    const ms = Math.min(Math.max(left, least), LONGEST);
    this.#timer = setTimeout(() => this.#goOff(time + ms), ms);
  }

  #goOff(expected: number): void {
    const time = this.#clock.now();
    // Invariants 2 and 3: by more than this it was not the timer's fault.
    const isEarly = expected - time <= EARLY && this.#due(time) > time;
    if (!isEarly) this.#clock.reach(expected);
    this.#permits.admit();
    // For longer than a timer is early, lest a clock that stands holds it up.
    this.#setTimer(isEarly ? 2 * EARLY : 0);
  }
}

/**
 * A governor of the rate: never more than `limit` starts in any window of
 * `interval` milliseconds. The window slides: a start counts for `interval`
 * from its own time on, and one at its very end is in the next window. As long
 * as work waits, the rate is used up.
 *
 * - **A permit that was given is a start**, whether it is used or not; its
 *   release changes nothing. So a task's length does not count, and how many
 *   run at once is for others to limit.
 * - **`burst`** is for peers that mind `limit` at once: with 1, starts are
 *   `interval / limit` apart. Timers count whole milliseconds and are a little
 *   late on a busy machine; where starts are only a few milliseconds apart, it
 *   takes a `burst` of several to use the rate up.
 * - **The time is `Date.now()`'s**, to the millisecond. Setting that clock
 *   back makes nobody wait for longer.
 * - **A timer runs exactly while somebody waits**, and keeps the process alive
 *   that long. Memory: a number for every start of the last `interval`.
 *
 * @example Two per second
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateLimit } from "@cogroup/cogroup";
 *
 * const rate = rateLimit({ limit: 2, interval: 1000 });
 * assert(rate.tryAcquire());
 * assert(rate.tryAcquire());
 * assert.equal(rate.tryAcquire(), undefined); // for the next second
 * ```
 *
 * @example A pause, and somebody who waits for its end
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateLimit } from "@cogroup/cogroup";
 *
 * const rate = rateLimit({ limit: 100, interval: 1000 });
 * rate.pauseFor(10);
 * assert.equal(rate.tryAcquire(), undefined);
 * await rate.acquire();
 * ```
 *
 * @param options How many starts, in which time.
 * @returns The governor; nothing has started yet.
 * @throws {RangeError} If an option is a number but not one of those it may be.
 * @throws {TypeError} If an option is of the wrong type.
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  const doing = "create rate limit";
  const given = checked(doing, options) ?? ({} as RateLimitOptions);
  const { limit, interval, burst = limit } = given;
  count(doing, "limit", limit, 1);
  milliseconds(doing, "interval", interval);
  if (interval === 0 || interval === Infinity) {
    const wanted = "a positive, finite number of milliseconds";
    throw outOfRange(doing, "interval", wanted, interval);
  }
  count(doing, "burst", burst, 1);
  if (burst > limit) {
    throw outOfRange(doing, "burst", `at most the limit (${limit})`, burst);
  }
  return new Rate(limit, interval, burst);
}
