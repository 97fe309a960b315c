/**
 * So many starts in any window of time, and no more.
 *
 * Invariants:
 * 1. A start counts from the moment at which it is made (law 16). A permit is given in
 *    the step in which it is used, or arrives later, if a caller waited for it.
 *    Its task begins after that, and the loop may stand still in between. So until
 *    the microtask after it the start is `#recent`, and is stamped then. A permit
 *    that has not arrived when a timer goes off is lost, with the request of its
 *    caller: its start counts as made then (law 15).
 * 2. No start is sooner than the clock allows, though timers may go off up to a
 *    millisecond early.
 * 3. There is a timer exactly while a caller waits, or a permit has yet to arrive; so a
 *    governor for which no caller waits leaves nothing behind.
 * 4. Starts that will be stamped together share a reading of the clock. It is as old as
 *    the first of them; so whatever reads the clock next, by `#now`, sets them all to that.
 *
 * @module
 */

import { Alarm, EARLY } from "../base/alarm.ts";
import { count, milliseconds, options as checked } from "../base/check.ts";
import { Clock } from "../base/clock.ts";
import { outOfRange } from "../base/errors.ts";
import type { AcquireOptions, Governor, Permit } from "../governor.ts";
import { Permits } from "./permits.ts";
import { Pace, type Starts, Window } from "./window.ts";

/**
 * Options of {@linkcode rateLimit}.
 *
 * @example Sixty a minute, evenly spaced
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateLimit, type RateLimitOptions } from "@cogroup/cogroup";
 *
 * const options: RateLimitOptions = { limit: 60, interval: 60_000, burst: 1 };
 * const rate = rateLimit(options);
 * assert(rate.tryAcquire());
 * assert.equal(rate.tryAcquire(), undefined); // for a second
 * ```
 */
export interface RateLimitOptions {
  /**
   * How many starts there are at most in any window of `interval`: a positive
   * integer; or Infinity: then only `pauseFor` holds starts back.
   */
  limit: number;
  /** The length of the window in milliseconds: a positive, finite number. */
  interval: number;
  /**
   * How many starts there may be back to back, before they are spaced
   * `interval / limit` apart: from 1 (always spaced) to `limit` (never). What
   * was used of it comes back at that rate.
   *
   * @default {limit}
   */
  burst?: number | undefined;
}

/**
 * What {@linkcode rateLimit} makes.
 *
 * @example Do as the server says
 * ```ts
 * import assert from "node:assert/strict";
 * import { type RateLimit, rateLimit } from "@cogroup/cogroup";
 *
 * const rate: RateLimit = rateLimit({ limit: 10, interval: 1000 });
 * function onResponse({ status, headers }: Response) {
 *   if (status !== 429) return;
 *   const seconds = Number(headers.get("retry-after") || NaN); // Number(null) is 0.
 *   rate.pauseFor(seconds >= 0 ? seconds * 1000 : 1000); // None, or a date: a second.
 * }
 * onResponse(new Response("", { status: 429, headers: { "retry-after": "2" } }));
 * assert.equal(rate.tryAcquire(), undefined);
 * ```
 */
export interface RateLimit extends Governor {
  /**
   * A permit, if there is one now and no caller waits for it. Never waits.
   *
   * @param options The weight, if it is not 1: as many starts does it count as.
   * @returns The permit, which its holder releases; or undefined.
   * @throws {RangeError} If `weight` is not positive and finite, or above the limit.
   * @throws {TypeError} If `weight` is not a number.
   */
  tryAcquire(options?: AcquireOptions): Permit | undefined;
  /**
   * No start for so many milliseconds from now, as a peer asks with 429 and
   * Retry-After. Of two pauses the one that ends later counts. Never waits.
   *
   * @param ms A non-negative number of milliseconds. Infinity is for good.
   * @throws {RangeError} If `ms` is negative or NaN.
   * @throws {TypeError} If `ms` is not a number.
   */
  pauseFor(ms: number): void;
}

/** Milliseconds after which a permit that has not arrived is lost, if no timer goes off before. */
const LOST = 1000;

/** The permit of a start. */
class Start implements Permit {
  readonly starts: Starts;
  readonly #weight: number;
  #permits: RatePermits | undefined;

  constructor(permits: RatePermits, starts: Starts, weight: number) {
    this.#permits = permits;
    this.starts = starts;
    this.#weight = weight;
  }

  /** Does nothing but end the permit: it was a start, and stays one. */
  release(): void {
    this.#permits = undefined;
  }

  waive(): void {
    this.#permits?.takeBack(this.starts, this.#weight);
    this.#permits = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

class RatePermits extends Permits {
  readonly #clock = new Clock();
  readonly #alarm = new Alarm(this.#clock, (due) => this.#goOff(due));
  readonly #window: Window;
  /** Not there if `burst` is the whole limit. */
  readonly #pace: Pace | undefined;
  /** When `fits` looked last, */
  #time = 0;
  /** and when the last permit was given, or was known to have been used. */
  #given = 0;
  /** The starts whose time is not known yet: invariant 1. */
  #recent: Starts[] = [];
  #pausedUntil = -Infinity;
  /** The least milliseconds for the next timer. */
  #least = 0;
  readonly #stampSoon = () => this.#stamp();
  /** Whether that is to come: one is enough for all that was given before. */
  #isStamping = false;
  /** Whether a start was added with the time of an earlier one. */
  #isShared = false;

  constructor(rate: Rate, window: Window, pace: Pace | undefined) {
    super(rate, Rate);
    this.#window = window;
    this.#pace = pace;
  }

  pauseFor(ms: number): void {
    const until = this.#clock.now() + milliseconds("pause", "ms", ms);
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
    this.onLine();
  }

  takeBack(starts: Starts, weight: number): void {
    this.#window.delete(starts, weight);
    this.#pace?.delete(weight);
    this.admit();
  }

  override get most(): number {
    return this.#window.limit;
  }

  override get isAsNew(): boolean {
    const time = this.#now();
    return this.#due(time, Infinity) <= time;
  }

  /** Without a permit the caller lays a timer of its own: the others may be of requests that are over. */
  protected override tryTake(weight: number, key: unknown): Permit | undefined {
    const permit = super.tryTake(weight, key);
    if (permit === undefined) this.onLine();
    return permit;
  }

  protected override fits(weight: number): boolean {
    // To read the clock takes a fifth of what a task takes here (bench: j, governors). So
    // starts that will be stamped together share a reading, while it shows room: by a later
    // one there is no less. Not with a pace: that goes by when each is made.
    const mayShare = this.#isStamping && this.#pace === undefined;
    if (mayShare && this.#due(this.#time, weight) <= this.#time) {
      return this.#isShared = true;
    }
    const time = this.#time = this.#now();
    return this.#due(time, weight) <= time;
  }

  protected override give(weight: number, isLater: boolean): Permit {
    const time = this.#given = this.#time;
    // In a test's fake time none goes by from here to the start.
    const isFaked = !this.#isStamping && this.#clock.isFaked;
    const starts = this.#window.add(time, isLater && !isFaked, weight);
    this.#pace?.add(time, weight);
    if (isLater) starts.awaited++;
    else if (!isFaked && !this.#isStamping) {
      this.#isStamping = true;
      queueMicrotask(this.#stampSoon);
    }
    if (!isFaked && this.#recent.at(-1) !== starts) this.#recent.push(starts);
    return new Start(this, starts, weight);
  }

  protected override onArrival(permit: Permit): void {
    const { starts } = permit as Start;
    if (starts.awaited > 0) starts.awaited--;
    else if (!this.#clock.isFaked) this.#recent.push(starts); // It was not lost, only late.
    queueMicrotask(this.#stampSoon);
  }

  /** Keeps invariant 3. */
  protected override onLine(): void {
    const isAwaiting = this.#recent.some(({ awaited }) => awaited > 0);
    if (this.waiting === 0 && !isAwaiting) return this.#alarm.clear();
    const time = this.#now();
    const { first } = this;
    const due = first === undefined ? Infinity : this.#due(time, first.weight);
    const lost = isAwaiting ? this.#given + LOST : Infinity;
    this.#alarm.set(Math.max(Math.min(due, lost), time + this.#least), time);
  }

  /** What the time is. By now those starts were made that share an earlier time. */
  #now(): number {
    const time = this.#clock.now();
    if (this.#isShared) this.#window.reach(time);
    this.#isShared = false;
    return time;
  }

  #due(time: number, weight: number): number {
    const paced = this.#pace?.due(weight) ?? -Infinity;
    return Math.max(this.#window.due(time, weight), paced, this.#pausedUntil);
  }

  /** The recent starts have been made, but for those that are awaited: their tasks have begun. */
  #stamp(): void {
    this.#isStamping = false;
    const recent = this.#recent;
    this.#recent = recent.filter(({ awaited }) => awaited > 0);
    if (this.#recent.length === recent.length) return;
    const time = this.#now();
    for (const starts of recent) if (starts.awaited === 0) starts.time = time;
    this.#pace?.delay(time - this.#given);
    this.#given = time;
    this.onLine();
  }

  #goOff(due: number): void {
    const isEarly = due > this.#clock.now();
    // The next timer is longer than that, lest a clock that stands still hold it up.
    this.#least = isEarly ? 2 * EARLY : 0;
    for (const starts of this.#recent) starts.awaited = 0;
    this.#stamp();
    this.admit();
    this.#least = 0;
  }
}

class Rate implements RateLimit {
  readonly #permits: RatePermits;

  constructor(limit: number, interval: number, burst: number) {
    const pace = burst < limit ? new Pace(interval / limit, burst) : undefined;
    this.#permits = new RatePermits(this, new Window(limit, interval), pace);
  }

  tryAcquire(options?: AcquireOptions): Permit | undefined {
    return this.#permits.tryAcquire(options);
  }

  acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#permits.acquire(options);
  }

  pauseFor(ms: number): void {
    this.#permits.pauseFor(ms);
  }
}

/**
 * A governor of the rate: never more than `limit` starts in any window of
 * `interval` milliseconds. The window slides: a start counts for `interval`
 * from its own time on, and one at its very end is in the next window. As long
 * as work waits, the rate is used up.
 *
 * - **A permit is a start**, and its release changes nothing: how long a task
 *   takes does not count, and how many run at once is for another governor. A
 *   permit that is not used is to be waived; then it was no start.
 * - **A start counts from when it is made**: in the step in which `tryAcquire` gives
 *   the permit, or in which the caller goes on after `acquire`. No permit ages.
 * - **A `weight`** counts as that many starts: tokens or points of a peer that counts
 *   those. A heavy one waits until all of it fits, and lighter ones wait behind it. One
 *   above `burst` begins when nothing of that is used, and the next ones wait for it.
 * - **`burst`** is for peers that mind `limit` starts at once: with 1, starts are
 *   `interval / limit` apart. Timers count whole milliseconds and are a little
 *   late on a busy machine; where starts are only a few milliseconds apart, it
 *   takes a `burst` of several to use the rate up.
 * - **Time is monotonic**: a system clock that is set changes nothing. A test's fake
 *   time counts if the test fakes timers, with or without a clock. `Date` that is faked
 *   without timers is a system clock that was set.
 * - **A timer runs exactly while a caller waits**, and keeps the process alive
 *   that long. Memory: a few numbers for each start of the last `interval`.
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
 * @example A thousand tokens a minute
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateLimit } from "@cogroup/cogroup";
 *
 * const tokens = rateLimit({ limit: 1000, interval: 60_000 });
 * assert(tokens.tryAcquire({ weight: 700 }));
 * assert.equal(tokens.tryAcquire({ weight: 400 }), undefined);
 * assert(tokens.tryAcquire({ weight: 300 }));
 * await assert.rejects(tokens.acquire({ weight: 1001 }), RangeError);
 * ```
 *
 * @example A pause, and a caller that waits for its end
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
