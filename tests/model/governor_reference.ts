// deno-coverage-ignore-file

/**
 * When a governor should give a permit, and to whom: counters, and a list of
 * those who wait.
 *
 * @module
 */

import { must } from "./jobs.ts";

/** Someone who has asked for a permit. */
export interface Ask {
  state: "waits" | "granted" | "gone";
  readonly weight: number;
}

export abstract class GovernorModel {
  waiting: Ask[] = [];
  /** What the permits weigh that are held. */
  held = 0;
  /** How many groups wait that nobody has heard ask, when nothing moves; undefined if all are heard. */
  unheard: number | undefined = undefined;
  /** How much the first of them wants. */
  unheardWeight = 1;

  /** Whether there is a permit of that weight now, for who comes first. */
  abstract offers(weight: number): "yes" | "no" | "either";

  /** Whether who does not wait gets one. */
  offer(weight: number): "yes" | "no" | "either" {
    return this.waiting.length > 0 ? "no" : this.offers(weight);
  }

  take(weight: number): void {
    this.held += weight;
  }

  ask(weight: number): Ask {
    const ask: Ask = { state: "waits", weight };
    const isFirst = this.waiting.length === 0;
    this.waiting.push(ask);
    if (isFirst) this.admit();
    return ask;
  }

  giveUp(ask: Ask): void {
    if (ask.state !== "waits") return;
    ask.state = "gone";
    const isFirst = this.waiting[0] === ask;
    this.waiting = this.waiting.filter((other) => other !== ask);
    if (isFirst) this.admit(); // A light one may have been behind a heavy one.
  }

  /** Who asked has got a permit. */
  answered(ask: Ask): void {
    must(ask.state === "granted", "a permit was given that there is not");
  }

  /** Who asked has heard that it gave up. */
  refused(_ask: Ask): void {}

  release(weight: number): void {
    this.held -= weight;
    this.admit();
  }

  admit(): void {
    for (;;) {
      const [first] = this.waiting;
      if (first === undefined || this.offers(first.weight) !== "yes") return;
      this.grant();
    }
  }

  protected grant(): void {
    const first = this.waiting.shift()!;
    first.state = "granted";
    this.take(first.weight);
  }

  standsStill(): void {}

  /** How many permits there are at least when none is held, if any are sure to be there. */
  abstract readonly least: number;

  /** When timers have to go off. */
  get timers(): number[] {
    return [];
  }

  /** A timer goes off that may be its own. */
  goesOff(_due: number): boolean {
    return false;
  }
}

/** At most `limit` at once. */
export class SemaphoreModel extends GovernorModel {
  limit: number;

  constructor(limit: number) {
    super();
    this.limit = limit;
  }

  override offers(weight: number): "yes" | "no" {
    return this.held + weight <= this.limit ? "yes" : "no";
  }

  override get least(): number {
    return this.limit;
  }
}

/** At most `limit` in any interval, of which `burst` may be back to back. */
export class RateModel extends GovernorModel {
  readonly #limit: number;
  readonly #interval: number;
  /** How many milliseconds a start takes. */
  readonly #spacing: number;
  readonly #most: number;
  readonly #now: () => number;
  readonly #starts: { time: number; weight: number }[] = [];
  /** Milliseconds that were saved up to be used. */
  #saved: number;
  #since: number;
  pausedUntil: number = -Infinity;
  /** Whether no more is known of it than that no window has more than its limit. */
  readonly isRough: boolean;

  constructor(
    { limit, interval, burst, knowsWork }: {
      limit: number;
      interval: number;
      burst: number;
      knowsWork: boolean;
    },
    now: () => number,
  ) {
    super();
    this.isRough = knowsWork;
    this.#limit = limit;
    this.#interval = interval;
    this.#spacing = interval / limit;
    this.#most = this.#saved = burst * this.#spacing;
    this.#now = now;
    this.#since = now();
  }

  override offers(weight: number): "yes" | "no" | "either" {
    const now = this.#now();
    const hasRoom = this.#roomAt(now, weight) <= now;
    if (this.isRough) return hasRoom ? "either" : "no";
    return hasRoom && this.#isPaced(now, weight) ? "yes" : "no";
  }

  override get least(): number {
    return 0; // What has begun still counts.
  }

  override take(weight: number): void {
    super.take(weight);
    const now = this.#now();
    this.#saved = this.#savedAt(now) - weight * this.#spacing;
    this.#since = now;
    this.#starts.push({ time: now, weight });
  }

  /** Changes nothing; and who waits is let in by a timer. */
  override release(weight: number): void {
    this.held -= weight;
  }

  override get timers(): number[] {
    if (this.waiting.length + (this.unheard ?? 0) === 0) return [];
    const weight = this.waiting[0]?.weight ?? this.unheardWeight;
    const now = this.#now();
    let due = Math.max(now, this.#roomAt(now, weight));
    while (!this.#isPaced(due, weight)) due++;
    return [due];
  }

  /**
   * The same as the timer that is set. For a heavy one that may be sooner: it was set when
   * an older start was the first of the window, and asks again then.
   */
  seen(due: number): number {
    const [wanted] = this.timers;
    const weight = this.waiting[0]?.weight ?? this.unheardWeight;
    const isSooner = wanted !== undefined && weight > 1 && due % 1 === 0 &&
      due > this.#now() && due < wanted;
    return isSooner ? wanted : due;
  }

  override goesOff(due: number): boolean {
    if (due % 1 !== 0) return false;
    must(
      this.waiting.length > 0 || this.unheard !== undefined,
      "law 9: a timer for nobody who waits",
    );
    this.admit();
    return true;
  }

  #savedAt(time: number): number {
    return Math.min(this.#most, this.#saved + time - this.#since);
  }

  /**
   * When there may be room for a start in the window, and no pause: law 16, by the clocks
   * of those that start. A heavy one asks again when the first start has left.
   */
  #roomAt(time: number, weight: number): number {
    const last = this.#starts.filter((start) =>
      start.time + this.#interval > time
    );
    let sum = weight;
    for (const start of last) sum += start.weight;
    const end = sum <= this.#limit || last.length === 0
      ? -Infinity
      : last[0]!.time + this.#interval;
    return Math.max(end, this.pausedUntil);
  }

  /** Whether enough was saved up: for one above the burst, all of it. The window does it where that is no less. */
  #isPaced(time: number, weight: number): boolean {
    if (this.#most === this.#interval) return true;
    const needed = Math.min(weight * this.#spacing, this.#most);
    return this.#savedAt(time) >= needed;
  }
}

/** Between `min` and `max`; how many, is its own to find out. */
export class AdaptiveModel extends GovernorModel {
  readonly #min: number;
  readonly #max: number;
  readonly #limit: () => number;
  #before = 0;
  /** Who gave up, and may have been given a permit in the moment before. */
  readonly #unsure = new Set<Ask>();

  constructor(min: number, max: number, limit: () => number) {
    super();
    this.#min = min;
    this.#max = max;
    this.#limit = limit;
  }

  override offers(): "yes" | "no" | "either" {
    if (this.held + this.#unsure.size < this.least) return "yes";
    return this.held < this.#limit() ? "either" : "no";
  }

  /** While it is in doubt of itself it gives out half of them. */
  override get least(): number {
    return Math.max(this.#min, Math.floor(this.#limit() / 2));
  }

  override giveUp(ask: Ask): void {
    super.giveUp(ask);
    if (ask.state === "gone") this.#unsure.add(ask);
  }

  override refused(ask: Ask): void {
    this.#unsure.delete(ask);
  }

  override answered(ask: Ask): void {
    if (ask.state === "granted") return;
    if (this.#unsure.delete(ask)) return this.take(ask.weight);
    must(this.waiting[0] === ask, "a permit was given to who came later");
    this.grant();
  }

  override release(weight: number): void {
    this.#before = this.#limit();
    super.release(weight);
  }

  /** The permit that it heard of last was given back. */
  released(failed: boolean): void {
    const limit = this.#limit();
    const least = Math.max(this.#min, Math.floor(this.#before / 2));
    must(
      limit >= this.#min && limit <= this.#max,
      `the limit is ${limit}, not from ${this.#min} to ${this.#max}`,
    );
    must(
      !failed || (limit <= this.#before && limit >= least),
      `a failure sets the limit from ${this.#before} to ${limit}`,
    );
  }

  override standsStill(): void {
    must(
      this.waiting.length === 0 || this.held >= this.least,
      "somebody waits for a permit that there is",
    );
  }
}
