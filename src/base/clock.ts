/**
 * Time that never goes back, for durations (law 15). It comes from
 * `performance.now`; a wall clock that is set changes nothing.
 *
 * A test that fakes timers means this clock, too:
 *
 * - `performance.now` with them: there is nothing to do, the clock reads that.
 * - `Date` with them (`node:test`, @std's FakeTime): the clock follows `Date` as long
 *   as both are faked.
 * - Timers alone: a timer that goes off tells the time, see `reach`.
 * - `Date` alone, without its timers: that is a wall clock that was set, and changes
 *   nothing.
 * - `performance.now` alone: the clock reads it, and real timers that go off tell the
 *   time where it stands still.
 *
 * What only waits (a timeout, `grace`) needs no clock: it moves with the timers.
 *
 * @module
 */

import { own } from "./own.ts";

/** Tells how many milliseconds have gone by since it was made. */
export class Clock {
  #time = 0;
  #source = findSource();
  #last = read(this.#source);

  now(): number {
    const source = findSource();
    const time = read(source);
    // Between two clocks no time goes by, and a faked one may be set back.
    if (source === this.#source) this.#time += Math.max(0, time - this.#last);
    this.#source = source;
    this.#last = time;
    return this.#time;
  }

  /** Whether it follows a test's time, which stands still while work is done. */
  get isFaked(): boolean {
    return this.#source !== performance.now;
  }

  /** It is at least this late: a timer has told. */
  reach(time: number): void {
    this.#time = Math.max(this.#time, time);
  }
}

/**
 * What tells one clock from another: the timers of one that fakes them and `Date`, or
 * the function that tells the time.
 */
function findSource(): unknown {
  const { setTimeout, dateNow } = own();
  const isFaked = globalThis.setTimeout !== setTimeout && Date.now !== dateNow;
  return isFaked ? globalThis.setTimeout : performance.now;
}

function read(source: unknown): number {
  return source === performance.now ? performance.now() : Date.now();
}
