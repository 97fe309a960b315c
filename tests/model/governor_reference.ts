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
}

export abstract class GovernorModel {
  waiting: Ask[] = [];
  held = 0;
  /** How many groups wait that nobody has heard ask, when nothing moves; undefined if all are heard. */
  unheard: number | undefined = undefined;

  /** Whether there is a permit now, for who comes first. */
  protected abstract offers(): "yes" | "no" | "either";

  /** Whether who does not wait gets one. */
  get offer(): "yes" | "no" | "either" {
    return this.waiting.length > 0 ? "no" : this.offers();
  }

  take(): void {
    this.held++;
  }

  ask(): Ask {
    const ask: Ask = { state: "waits" };
    const isFirst = this.waiting.length === 0;
    this.waiting.push(ask);
    if (isFirst) this.admit();
    return ask;
  }

  giveUp(ask: Ask): void {
    if (ask.state !== "waits") return;
    ask.state = "gone";
    this.waiting = this.waiting.filter((other) => other !== ask);
  }

  /** Who asked has got a permit. */
  answered(ask: Ask): void {
    must(ask.state === "granted", "a permit was given that there is not");
  }

  /** Who asked has heard that it gave up. */
  refused(_ask: Ask): void {}

  release(): void {
    this.held--;
    this.admit();
  }

  admit(): void {
    while (this.waiting.length > 0 && this.offers() === "yes") this.grant();
  }

  protected grant(): void {
    this.waiting.shift()!.state = "granted";
    this.take();
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

  protected override offers(): "yes" | "no" {
    return this.held < this.limit ? "yes" : "no";
  }

  override get least(): number {
    return this.limit;
  }
}

/** At most `limit` in any interval, of which `burst` may be back to back. */
export class RateModel extends GovernorModel {
  readonly #limit: number;
  readonly #interval: number;
  readonly #most: number;
  readonly #now: () => number;
  readonly #starts: number[] = [];
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
    this.#most = this.#saved = burst * interval / limit;
    this.#now = now;
    this.#since = now();
  }

  protected override offers(): "yes" | "no" | "either" {
    const now = this.#now();
    if (!this.isRough) return this.#mayStart(now) ? "yes" : "no";
    return this.#hasRoom(now) ? "either" : "no";
  }

  override get least(): number {
    return 0; // What has begun still counts.
  }

  override take(): void {
    super.take();
    const now = this.#now();
    this.#saved = this.#savedAt(now) - this.#interval / this.#limit;
    this.#since = now;
    this.#starts.push(now);
  }

  /** Changes nothing; and who waits is let in by a timer. */
  override release(): void {
    this.held--;
  }

  override get timers(): number[] {
    if (this.waiting.length + (this.unheard ?? 0) === 0) return [];
    let due = this.#now();
    while (!this.#mayStart(due)) due++;
    return [due];
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

  /** Law 16, by the clocks of those that start. */
  #hasRoom(time: number): boolean {
    const last = this.#starts.filter((start) => start + this.#interval > time);
    return last.length < this.#limit && time >= this.pausedUntil;
  }

  #mayStart(time: number): boolean {
    return this.#hasRoom(time) &&
      this.#savedAt(time) >= this.#interval / this.#limit;
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

  protected override offers(): "yes" | "no" | "either" {
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
    if (this.#unsure.delete(ask)) return this.take();
    must(this.waiting[0] === ask, "a permit was given to who came later");
    this.grant();
  }

  override release(): void {
    this.#before = this.#limit();
    super.release();
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
