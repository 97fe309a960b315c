/**
 * When the next start may be: in a sliding window, and at a steady pace.
 *
 * @module
 */

import { fifoQueue } from "../queues/fifo_queue.ts";

/** Starts that count as made at one moment. */
export class Starts {
  /** What they weigh together. */
  count = 0;
  /** How many of their permits have yet to arrive. */
  awaited = 0;
  /** When their first permit was given. */
  readonly since: number;
  /** When the last one was made: from then on all of them count. Infinity while unknown. */
  time: number;

  constructor(since: number) {
    this.since = this.time = since;
  }
}

/** At most `limit` starts in any `[t, t + interval)`; one that weighs more counts as more. */
export class Window {
  readonly limit: number;
  readonly #interval: number;
  /** The starts of the last interval, the earliest first. */
  readonly #starts = fifoQueue<Starts>();
  #last: Starts | undefined = undefined;
  #count = 0;

  constructor(limit: number, interval: number) {
    this.limit = limit;
    this.#interval = interval;
  }

  /**
   * When the next start may be made, or is to be asked for again: not before the first
   * of the others has left the window. Infinity while that is unknown.
   */
  due(time: number, weight: number): number {
    let end = -Infinity;
    for (let first; (first = this.#starts.peek()) !== undefined;) {
      end = first.time + this.#interval;
      if (end > time && first.count > 0) break;
      this.#starts.shift();
      this.#count -= first.count;
      first.count = 0;
    }
    if (this.#starts.size === 0) {
      this.#count = 0; // Parts of whole numbers do not add up to just nothing.
      return -Infinity;
    }
    return this.#count + weight <= this.limit ? -Infinity : end;
  }

  /**
   * Adds a start that is made now, or at a later moment that is not known yet. Adds it
   * to the starts of the last thousandth of the interval, if there are any.
   */
  add(time: number, isLater: boolean, weight: number): Starts {
    let last = this.#last;
    if (
      last === undefined || last.count === 0 ||
      time - last.since > this.#interval / 1000
    ) {
      last = this.#last = new Starts(time);
      this.#starts.push(last);
    }
    last.time = isLater ? Infinity : Math.max(last.time, time);
    last.count += weight;
    this.#count += weight;
    return last;
  }

  /** The last starts that were added were made by then. */
  reach(time: number): void {
    const last = this.#last!;
    last.time = Math.max(last.time, time);
  }

  /** Takes back what was no start. It is not in any more if its window is over. */
  delete(starts: Starts, weight: number): void {
    if (starts.count === 0) return;
    starts.count -= weight;
    this.#count -= weight;
  }
}

/**
 * At most `burst` starts back to back, then one every `spacing`: the generic
 * cell rate algorithm (ITU-T I.371), a token bucket that needs no refilling.
 */
export class Pace {
  readonly #spacing: number;
  readonly #burst: number;
  /** When the next start would be made if all were evenly spaced. */
  #even = -Infinity;

  constructor(spacing: number, burst: number) {
    this.#spacing = spacing;
    this.#burst = burst;
  }

  /** When the next start may be made. One above the burst waits until that is whole. */
  due(weight: number): number {
    return this.#even - Math.max(0, this.#burst - weight) * this.#spacing;
  }

  add(time: number, weight: number): void {
    // A start that is late by a part of a millisecond was not late, the timer
    // was: a spacing of 1.5 ms must not become one of 2.
    if (time - this.#even >= 1) this.#even = time;
    this.#even += weight * this.#spacing;
  }

  /** The last start was made so much later than it was added. */
  delay(ms: number): void {
    if (ms >= 1) this.#even += ms;
  }

  /** Takes back what was no start. */
  delete(weight: number): void {
    this.#even -= weight * this.#spacing;
  }
}
