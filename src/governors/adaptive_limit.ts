/**
 * A number of permits that follows what the peer can take.
 *
 * The control law is that of FAST TCP (D. X. Wei, C. Jin, S. H. Low, S. Hegde:
 * "FAST TCP: Motivation, Architecture, Algorithms, Performance", IEEE/ACM
 * Transactions on Networking 14(6), 2006), which comes to rest where TCP Vegas does:
 * `limit = (limit + limit * base / latency + queue) / 2`, once a round trip. A
 * peer whose latency grows with what it has in hand is left with `queue`
 * requests more than it works on at once. Requests stand in place of packets, as in
 * Netflix's concurrency-limits (Vegas and Gradient2); from there, too, comes that a
 * limit which is not used does not change. Failures halve the limit, as losses do in
 * TCP Reno (RFC 5681). `base` is measured again at times, with half of the requests,
 * as BBR's ProbeRTT does (Cardwell et al., ACM Queue 14(5), 2016).
 *
 * Invariants:
 * 1. At most `#cap` permits are given out; `min <= #cap <= limit <= max`.
 *    `#cap` is the whole limit except while `#isProbing`.
 * 2. A round measures only permits that were acquired in it, so it sees the effect of
 *    the present limit, not of an earlier one.
 * 3. A failure of a permit that was acquired before the last cut is no news.
 *
 * @module
 */

import { count, options as checked } from "../base/check.ts";
import { Clock } from "../base/clock.ts";
import { outOfRange } from "../base/errors.ts";
import type { AcquireOptions, Governor, Permit } from "../governor.ts";
import { Hold, type Holder, Permits } from "./permits.ts";

/**
 * Options of {@linkcode adaptiveLimit}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { adaptiveLimit, type AdaptiveLimitOptions } from "@cogroup/cogroup";
 *
 * const options: AdaptiveLimitOptions = { min: 2, max: 50, initial: 10 };
 * assert.equal(adaptiveLimit(options).limit, 10);
 * ```
 */
export interface AdaptiveLimitOptions {
  /**
   * What the limit never goes below: a positive integer.
   *
   * @default {1}
   */
  min?: number | undefined;
  /** What the limit never goes above: a positive integer, at least `min`; or Infinity. */
  max: number;
  /**
   * The limit to begin with, from `min` to `max`. Better too low than too high:
   * it is doubled as long as the peer does not slow down.
   *
   * @default {4, or the nearest to it that min and max allow}
   */
  initial?: number | undefined;
}

/**
 * What {@linkcode adaptiveLimit} makes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type AdaptiveLimit, adaptiveLimit } from "@cogroup/cogroup";
 *
 * const governor: AdaptiveLimit = adaptiveLimit({ max: 100 });
 * const permit = await governor.acquire();
 * permit.release(true); // The peer was overloaded.
 * assert.equal(governor.limit, 2);
 * ```
 */
export interface AdaptiveLimit extends Governor {
  /**
   * A permit, if there is one now and no caller waits for it. Never waits.
   *
   * @param options A weight is checked, and makes no difference.
   * @returns The permit, which its holder releases; or undefined.
   */
  tryAcquire(options?: AcquireOptions): Permit | undefined;
  /** How many permits may be held at once, as far as is known now. */
  readonly limit: number;
}

/** How many latencies make a round; with a larger limit, as many as the limit. */
const SAMPLES = 24;
/** After how many rounds the base is measured again. */
const ROUNDS = 20;
/** Which part of the limit is to queue at the peer: at least one request. */
const QUEUE = 0.1;
/** From which ratio on (as a logarithm) two latencies count as different. */
const DIFFERENT = 0.35;
/** The default of `initial`. */
const INITIAL = 4;

function between(least: number, value: number, most: number): number {
  return Math.min(Math.max(least, value), most);
}

/**
 * The latencies since a moment, as logarithms: their mean is what a typical
 * request takes, which a few that take ten times as long hardly change.
 */
class Round {
  /** How many permits had been acquired when it began. */
  readonly since: number;
  size = 0;
  /** The most permits that were held in it. */
  peak: number;
  #sum = 0;

  constructor(since: number, held: number) {
    this.since = since;
    this.peak = held;
  }

  get mean(): number {
    return this.#sum / this.size;
  }

  add(latency: number): void {
    this.#sum += Math.log(latency);
    this.size++;
  }
}

/** A permit: the how manieth, and when it was given. */
class Timed extends Hold {
  readonly number: number;
  readonly start: number;

  constructor(permits: Holder, weight: number, number: number, start: number) {
    super(permits, weight);
    this.number = number;
    this.start = start;
  }
}

class AdaptivePermits extends Permits implements Holder {
  readonly #clock = new Clock();
  readonly #min: number;
  readonly #max: number;
  #limit: number;
  #cap: number;
  #held = 0;
  /** How many permits were ever acquired. */
  #acquired = 0;
  /** How many permits had been acquired at the last cut. */
  #cutAt = 0;
  #round = new Round(0, 0);
  /** The logarithm of the latency of a peer that has nothing queued. */
  #base: number | undefined = undefined;
  /** Whether the limit has only been doubled so far. */
  #isStarting = true;
  #isProbing = false;
  /** How many rounds have gone by since the base was measured. */
  #rounds = 0;
  /** The highest limit since then. */
  #highest = 0;

  constructor(governor: Adaptive, min: number, max: number, initial: number) {
    super(governor, Adaptive);
    this.#min = min;
    this.#max = max;
    this.#limit = this.#cap = initial;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  override get most(): number {
    return Infinity;
  }

  /** What it has learnt does not count: that is for its user to keep. */
  override get isAsNew(): boolean {
    return this.#held === 0;
  }

  protected override fits(): boolean {
    return this.#held < this.#cap;
  }

  protected override give(weight: number): Permit {
    this.#round.peak = Math.max(this.#round.peak, ++this.#held);
    return new Timed(this, weight, this.#acquired++, this.#clock.now());
  }

  ended(hold: Hold, end: boolean | "unused"): void {
    const { number, start } = hold as Timed;
    this.#held--;
    if (end === true) this.#failed(number);
    else if (end === false) this.#succeeded(number, this.#clock.now() - start);
    this.admit();
  }

  /** Cuts the limit, unless that is no news: invariant 3. */
  #failed(number: number): void {
    if (number < this.#cutAt) return;
    this.#cutAt = this.#acquired;
    this.#isStarting = false;
    this.#isProbing = false;
    this.#highest = 0;
    this.#set(this.#limit / 2);
    this.#beginRound();
  }

  /**
   * Adds the latency to the round, if it belongs there: invariant 2. Nothing is learnt
   * from a time that was too short for the clock.
   */
  #succeeded(number: number, latency: number): void {
    if (number < this.#round.since || latency <= 0) return;
    this.#round.add(latency);
    if (this.#round.size < Math.max(SAMPLES, this.#cap)) return;
    if (this.#isProbing) this.#endProbe();
    else this.#endRound();
    this.#beginRound();
  }

  #beginRound(): void {
    this.#round = new Round(this.#acquired, this.#held);
  }

  #endRound(): void {
    const { mean } = this.#round;
    const base = this.#base ?? mean;
    this.#base = base - mean > DIFFERENT ? mean : base;
    this.#adjust();
    this.#rounds++;
    // Fewer requests and still as slow: it may be the base that has changed.
    if (this.#rounds >= ROUNDS || this.#limit < this.#highest / 2) {
      this.#beginProbe();
    }
  }

  #adjust(): void {
    const { mean, peak } = this.#round;
    if (peak < this.#cap / 2) return;
    const part = Math.exp(Math.min(0, this.#base! - mean));
    this.#isStarting &&= part > 1 - QUEUE;
    const queue = Math.max(1, QUEUE * this.#limit);
    const next = this.#isStarting
      ? this.#limit * 2
      : (this.#limit + this.#limit * part + queue) / 2;
    if (this.#isStarting) this.#learn();
    if (next < this.#limit || peak >= this.#cap) this.#set(next);
  }

  #beginProbe(): void {
    this.#isProbing = true;
    this.#cap = Math.max(this.#min, Math.floor(this.#limit / 2));
  }

  #endProbe(): void {
    const base = this.#base!;
    this.#learn();
    this.#isProbing = false;
    // If the base has fallen, and may fall further, the next probe is not far away.
    this.#rounds = base - this.#base! > QUEUE ? ROUNDS - 2 : 0;
    this.#highest = 0;
    this.#set(this.#limit);
  }

  /** Takes the latency of the round as that of a peer that has nothing queued. */
  #learn(): void {
    const change = this.#round.mean - this.#base!;
    this.#base! += Math.abs(change) > DIFFERENT ? change : change / 2;
  }

  #set(limit: number): void {
    this.#limit = between(this.#min, limit, this.#max);
    this.#cap = Math.floor(this.#limit);
    this.#highest = Math.max(this.#highest, this.#limit);
  }
}

class Adaptive implements AdaptiveLimit {
  readonly #permits: AdaptivePermits;

  constructor(min: number, max: number, initial: number) {
    this.#permits = new AdaptivePermits(this, min, max, initial);
  }

  get limit(): number {
    return this.#permits.limit;
  }

  tryAcquire(options?: AcquireOptions): Permit | undefined {
    return this.#permits.tryAcquire(options);
  }

  acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#permits.acquire(options);
  }
}

/**
 * A governor that finds out how many requests the peer can take at once. It
 * needs nothing but the time for which each permit is held, and
 * `release(true)` for what the peer refused.
 *
 * - **It grows while it is used**, doubling at first, as long as the latency
 *   stays what it is with little to do; and comes to rest where about a tenth of
 *   the requests, but at least one, wait at the peer. A limit that is not
 *   reached tells nothing, and stays.
 * - **It shrinks when the latency grows**, to what the peer works on at once.
 * - **It is halved by a failure**, once for all permits that were held at that time.
 *   Call `release(true)` for what tells of overload (429, 503, a timeout):
 *   constant failures of another kind keep the limit down to `min`.
 * - **It doubts itself**: from time to time, and when a lower limit did not
 *   help, it gives out half of its permits for a moment, to see what the
 *   latency is then. So a peer that has become slower for good, or faster, is
 *   no peer that has too much to do.
 *
 * To change the limit again it takes the latencies of 24 permits, or of `limit` of
 * them if that is more, that were acquired after the last change. They should be of
 * one kind: for two peers take two governors. Each permit counts as one request,
 * whatever its `weight`. The time is monotonic; a permit that
 * is waived tells nothing. There are no timers, and a permit is O(1).
 *
 * @example As many at once as the peer can take
 * ```ts
 * import assert from "node:assert/strict";
 * import { adaptiveLimit } from "@cogroup/cogroup";
 *
 * const governor = adaptiveLimit({ max: 100 });
 * async function request(send: () => Promise<{ status: number }>) {
 *   using permit = await governor.acquire();
 *   const { status } = await send();
 *   permit.release(status === 429);
 *   return status;
 * }
 * assert.equal(governor.limit, 4);
 * assert.equal(await request(() => Promise.resolve({ status: 429 })), 429);
 * assert.equal(governor.limit, 2);
 * ```
 *
 * @param options The bounds of the limit, and where it begins.
 * @returns The governor; no permit is held.
 * @throws {RangeError} If an option is a number but not one of those it may be.
 * @throws {TypeError} If an option is of the wrong type.
 */
export function adaptiveLimit(options: AdaptiveLimitOptions): AdaptiveLimit {
  const doing = "create adaptive limit";
  const given = checked(doing, options) ?? ({} as AdaptiveLimitOptions);
  const { min = 1, max } = given;
  count(doing, "max", max, 1);
  count(doing, "min", min, 1);
  if (min > max) {
    throw outOfRange(doing, "min", `at most max (${max})`, min);
  }
  const { initial = between(min, INITIAL, max) } = given;
  count(doing, "initial", initial, 1);
  if (initial < min || initial > max) {
    const wanted = `from min to max (${min} to ${max})`;
    throw outOfRange(doing, "initial", wanted, initial);
  }
  return new Adaptive(min, max, initial);
}
