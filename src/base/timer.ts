/**
 * One timer, of any length. It is cleared by the `clearTimeout` that stood beside the
 * `setTimeout` that has set it: a tool may have wrapped both since.
 *
 * A test may also have taken fake timers away. Those are not cleared, but do nothing
 * when they go off. WARNING: to clear them harms others: a fake that was used again
 * gives the same handles, and that of `node:test` forgets the timers that it has.
 *
 * @module
 */

import { own } from "./own.ts";
import { ignore } from "./promises.ts";

/** The most milliseconds for which a timer can be set; with more it goes off at once. */
export const LONGEST: number = 2 ** 31 - 1;

export class Timer {
  #callback: () => void;
  #handle!: ReturnType<typeof setTimeout>;
  #setBy!: typeof setTimeout;
  #clearBy!: typeof clearTimeout;

  constructor(ms: number, callback: () => void) {
    this.#callback = callback;
    this.#set(ms);
  }

  clear(): void {
    this.#callback = ignore;
    const clear = this.#clearBy; // Not as a method of the timer: browsers refuse that.
    if (!this.isLost) clear(this.#handle);
  }

  /** Lets the process end though it has not gone off, where processes do. */
  unref(): this {
    (this.#handle as { unref?: () => void }).unref?.();
    return this;
  }

  /** Whether it is a fake that a test has taken away: then it may never go off. */
  get isLost(): boolean {
    return this.#setBy !== setTimeout && this.#setBy !== own().setTimeout;
  }

  #set(ms: number): void {
    this.#setBy = setTimeout;
    this.#clearBy = clearTimeout;
    this.#handle = setTimeout(
      () => ms > LONGEST ? this.#set(ms - LONGEST) : this.#callback(),
      Math.min(ms, LONGEST),
    );
  }
}
