/**
 * A number of permits, for whoever asks first.
 *
 * Invariant: while somebody waits, as many permits are held as there are, or
 * more, if the limit was lowered since. A release and a new limit restore this.
 *
 * @module
 */

import { count } from "./check.ts";
import type { AcquireOptions, Governor, Permit } from "./governor.ts";
import { Hold, Permits } from "./permits.ts";

/**
 * One limit for several groups, or for whatever else shares a resource: at
 * most `limit` permits are held at once. First come, first served; a freed
 * permit belongs to who has waited the longest. O(1) each, and no timers.
 *
 * @example At most two at once, from wherever they come
 * ```ts
 * import assert from "node:assert/strict";
 * import { Semaphore } from "@cogroup/cogroup";
 *
 * const connections = new Semaphore(2);
 * let open = 0;
 * let most = 0;
 * async function query() {
 *   using _permit = await connections.acquire();
 *   most = Math.max(most, ++open);
 *   await Promise.resolve();
 *   open--;
 * }
 * await Promise.all([query(), query(), query(), query()]);
 * assert.equal(most, 2);
 * ```
 */
export class Semaphore implements Governor {
  readonly #permits: Permits = new Permits(() => this.#grant());
  readonly #onRelease = () => {
    this.#held--;
    this.#permits.admit();
  };
  #limit: number;
  #held = 0;

  /**
   * Makes a semaphore whose permits are all free.
   *
   * @param limit How many permits there are: a positive integer or Infinity.
   * @throws {RangeError} If `limit` is a number but not one of those.
   * @throws {TypeError} If `limit` is not a number.
   */
  constructor(limit: number) {
    this.#limit = count("create semaphore", "limit", limit, 1);
  }

  /**
   * How many permits there are. Set higher, it admits at once who waits for
   * the new ones. Set lower, it lets those who hold a permit end; nobody is
   * admitted before fewer than the new limit are held. Setting it throws what
   * the constructor does, and changes nothing then.
   *
   * @returns The limit.
   *
   * @example Make room while somebody waits
   * ```ts
   * import assert from "node:assert/strict";
   * import { Semaphore } from "@cogroup/cogroup";
   *
   * const semaphore = new Semaphore(1);
   * using _first = await semaphore.acquire();
   * const second = semaphore.acquire();
   * semaphore.limit = 2;
   * (await second).release();
   * assert.equal(semaphore.limit, 2);
   * ```
   */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = count("set limit", "limit", limit, 1);
    this.#permits.admit();
  }

  /**
   * A permit, if fewer than `limit` are held and nobody waits. Never waits.
   *
   * @returns The permit, which its holder releases; or undefined.
   *
   * @example Do it now or not at all
   * ```ts
   * import assert from "node:assert/strict";
   * import { Semaphore } from "@cogroup/cogroup";
   *
   * const semaphore = new Semaphore(1);
   * const permit = semaphore.tryAcquire();
   * assert.equal(semaphore.tryAcquire(), undefined);
   * permit?.release();
   * assert(semaphore.tryAcquire());
   * ```
   */
  tryAcquire(): Permit | undefined {
    return this.#permits.tryAcquire();
  }

  /**
   * A permit, as soon as fewer than `limit` are held and everybody who came
   * before has his.
   *
   * @param options The signal that ends the wait.
   * @returns The permit, which its holder releases. Rejects with the signal's
   *   reason if that is aborted, or was; with a TypeError if `signal` is none.
   *
   * @example Give up waiting
   * ```ts
   * import assert from "node:assert/strict";
   * import { Semaphore } from "@cogroup/cogroup";
   *
   * const semaphore = new Semaphore(1);
   * using _permit = await semaphore.acquire();
   * const controller = new AbortController();
   * const waiting = semaphore.acquire({ signal: controller.signal });
   * controller.abort(new Error("no more time"));
   * await assert.rejects(waiting, /no more time/);
   * ```
   */
  acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#permits.acquire(options);
  }

  #grant(): Permit | undefined {
    if (this.#held >= this.#limit) return undefined;
    this.#held++;
    return new Hold(this.#onRelease);
  }
}
