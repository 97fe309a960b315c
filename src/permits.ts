/**
 * Permits, and those who wait for one: what all governors have in common. When
 * there is a permit is the governor's own business.
 *
 * Invariants:
 * 1. While somebody waits, no permit goes to anybody but the first one who
 *    does: `admit` alone gives permits then.
 * 2. Who waits is in the list and, if he has a signal, on it. Who was given a
 *    permit, or was aborted, is on neither (law 9).
 * 3. A hold tells of its release once.
 *
 * @module
 */

import { abortSignal, options as checked } from "./check.ts";
import type { AcquireOptions, Permit } from "./governor.ts";
import { Link, List } from "./list.ts";
import { type Cancel, cancelBy, unwatch } from "./signals.ts";

/** Hears of a permit's release. */
export type OnRelease = (failed: boolean) => void;

/** A permit that was given out. */
export class Hold implements Permit {
  #onRelease: OnRelease | undefined;

  constructor(onRelease: OnRelease) {
    this.#onRelease = onRelease;
  }

  release(failed = false): void {
    const onRelease = this.#onRelease;
    this.#onRelease = undefined;
    onRelease?.(failed);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

class Waiter extends Link {
  readonly resolve: (permit: Permit) => void;
  cancel: Cancel | undefined = undefined;

  constructor(resolve: (permit: Permit) => void) {
    super();
    this.resolve = resolve;
  }
}

export class Permits {
  readonly #waiters = new List<Waiter>();
  readonly #grant: () => Permit | undefined;
  readonly #onWaiters: (() => void) | undefined;

  /**
   * `grant` gives a permit if there is one now, and writes down that it did.
   * `onWaiters` hears that the first one waits, or that the last one gave up.
   */
  constructor(grant: () => Permit | undefined, onWaiters?: () => void) {
    this.#grant = grant;
    this.#onWaiters = onWaiters;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  tryAcquire(): Permit | undefined {
    return this.#waiters.size > 0 ? undefined : this.#grant();
  }

  acquire(options: AcquireOptions | undefined): Promise<Permit> {
    // What is thrown in here is what the promise rejects with.
    return new Promise((resolve, reject) => {
      const doing = "acquire permit";
      const signal = abortSignal(doing, checked(doing, options)?.signal);
      if (signal?.aborted) throw signal.reason;
      const permit = this.tryAcquire();
      if (permit === undefined) this.#wait(resolve, reject, signal);
      else resolve(permit);
    });
  }

  /** Gives permits to those who wait, as long as there are any. */
  admit(): void {
    while (this.#waiters.size > 0) {
      const permit = this.#grant();
      if (permit === undefined) return;
      const { cancel, resolve } = this.#waiters.shift()!;
      unwatch(cancel);
      resolve(permit);
    }
  }

  #wait(
    resolve: (permit: Permit) => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ): void {
    const waiter = new Waiter(resolve);
    this.#waiters.push(waiter);
    if (signal !== undefined) {
      try {
        waiter.cancel = cancelBy(signal, waiter, (reason) => {
          this.#waiters.delete(waiter);
          reject(reason);
          if (this.#waiters.size === 0) this.#onWaiters?.();
        });
      } catch (error) {
        this.#waiters.delete(waiter);
        throw error;
      }
    }
    if (this.#waiters.size === 1) this.#onWaiters?.();
  }
}
