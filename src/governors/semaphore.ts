/**
 * A number of permits, given in the order of the calls.
 *
 * Invariant: while a caller waits, what is held leaves no room for its weight; more than
 * the limit may be held, if that was lowered meanwhile. A release and a new limit
 * restore this.
 *
 * @module
 */

import { count } from "../base/check.ts";
import { showBy } from "../base/inspect.ts";
import type { AcquireOptions, Governor, Permit } from "../governor.ts";
import { Hold, type Holder, Permits } from "./permits.ts";

class Places extends Permits implements Holder {
  limit: number;
  /** How many permits are held, */
  #count = 0;
  /** and what they weigh. */
  #held = 0;
  constructor(semaphore: Semaphore, limit: number) {
    super(semaphore, Semaphore);
    this.limit = limit;
  }

  override get most(): number {
    return this.limit;
  }

  override get isAsNew(): boolean {
    return this.#count === 0;
  }

  /** What `console.log` shows. */
  get shown(): [state: string, details: object] {
    const { limit, waiting } = this;
    return ["", { limit, held: this.#held, waiting }];
  }

  protected override fits(weight: number): boolean {
    return this.#held + weight <= this.limit;
  }

  protected override give(weight: number): Permit {
    this.#count++;
    this.#held += weight;
    return new Hold(this, weight);
  }

  ended({ weight }: Hold): void {
    // Parts of whole numbers do not add up to just nothing.
    this.#held = --this.#count === 0 ? 0 : this.#held - weight;
    if (this.waiting > 0) this.admit();
  }
}

/**
 * One limit for several groups, or for other code that shares a resource: at
 * most `limit` permits are held at once. First come, first served: a freed
 * permit belongs to the caller that has waited longest. O(1) each, and no timers.
 *
 * A permit counts as much as its `weight`: megabytes, say, or connections. A heavy one
 * that comes next holds nothing while it waits, and lighter ones wait behind it.
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
 *
 * @example A memory budget
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, Semaphore } from "@cogroup/cogroup";
 *
 * const megabytes = new Semaphore(1000);
 * const group = new CoGroup({ concurrency: 8, governor: megabytes });
 * let used = 0;
 * let most = 0;
 * for (const weight of [400, 500, 300, 50]) {
 *   group.add(async () => {
 *     most = Math.max(most, used += weight);
 *     await Promise.resolve();
 *     used -= weight;
 *   }, { weight });
 * }
 * await group.wait();
 * assert(most <= 1000);
 * assert.throws(() => group.add(() => {}, { weight: 1001 }), RangeError);
 * ```
 */
export class Semaphore implements Governor {
  readonly #permits: Places;

  static {
    showBy(
      "Semaphore",
      this.prototype,
      (semaphore) =>
        #permits in semaphore ? semaphore.#permits.shown : undefined,
    );
  }

  /**
   * Makes a semaphore whose permits are all free.
   *
   * @param limit How many permits there are: a positive integer or Infinity.
   * @throws {RangeError} If `limit` is a number but not one of those.
   * @throws {TypeError} If `limit` is not a number.
   */
  constructor(limit: number) {
    const places = count("create semaphore", "limit", limit, 1);
    this.#permits = new Places(this, places);
  }

  /**
   * How many permits there are. Set higher, it gives the new ones at once to the
   * callers that wait. Set lower, it takes no permit away, and gives none before
   * fewer than the new limit are held; a caller that waits for more than that waits on,
   * as do all behind it, until the limit is raised or its signal speaks. Setting it
   * throws what the constructor does, and changes nothing then.
   *
   * @returns The limit.
   *
   * @example Make room while a caller waits
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
    return this.#permits.limit;
  }

  set limit(limit: number) {
    this.#permits.limit = count("set limit", "limit", limit, 1);
    this.#permits.admit();
  }

  /**
   * A permit, if there is room for its weight and no caller waits. Never waits.
   *
   * @param options The weight, if it is not 1.
   * @returns The permit, which its holder releases; or undefined.
   * @throws {RangeError} If `weight` is not positive and finite, or above the limit.
   * @throws {TypeError} If `weight` is not a number.
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
  tryAcquire(options?: AcquireOptions): Permit | undefined {
    return this.#permits.tryAcquire(options);
  }

  /**
   * A permit, as soon as there is room for its weight and every earlier caller has
   * its own.
   *
   * @param options The weight, if it is not 1, and the signal that ends the wait.
   * @returns The permit, which its holder releases. Rejects with the signal's
   *   reason if that is aborted, or was; with a TypeError or a RangeError if `signal` is
   *   no signal, or `weight` not a positive number up to the limit.
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
}
