/**
 * When a task may start, and how many may run, beyond a group's own workers:
 * the interface of every governor.
 *
 * A governor knows nothing of groups and tasks. It gives out permits, and the holder of
 * a permit may go on.
 *
 * @module
 */

/**
 * The right to run one task. Its holder gives it back once, by `release` or by
 * `waive`; after that, neither does anything.
 *
 * @example Hold a permit for a block
 * ```ts
 * import assert from "node:assert/strict";
 * import { Semaphore } from "@cogroup/cogroup";
 *
 * const semaphore = new Semaphore(1);
 * {
 *   using _permit = await semaphore.acquire();
 *   assert.equal(semaphore.tryAcquire(), undefined);
 * }
 * assert(semaphore.tryAcquire());
 * ```
 */
export interface Permit extends Disposable {
  /**
   * Gives the permit back. A second time does nothing.
   *
   * @param failed Whether what it was held for failed, for governors that
   *   learn from that. Default: false, as at the end of a `using` block.
   */
  release(failed?: boolean): void;
  /**
   * Gives the permit back unused: what it was for did not begin, so it is as if
   * the permit had never been given. A second time, or after `release`, does nothing.
   *
   * For a governor of your own: a group asks it for a permit before it knows that
   * the task will start, as the task may be withdrawn, the group paused or aborted, or
   * the event loop have to turn first. Then the group waives the permit, and a
   * governor that counts starts must not count this one. Where a permit costs nothing
   * once it is released, as that of a {@linkcode Semaphore}, there need be no `waive`:
   * without it, the group calls `release(false)`.
   *
   * @example A quota of starts
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup, type Governor, type Permit } from "@cogroup/cogroup";
   *
   * let left = 3;
   * function permit(): Permit {
   *   left--;
   *   return {
   *     release() {}, // It was a start, and stays one.
   *     waive: () => void left++,
   *     [Symbol.dispose]() {},
   *   };
   * }
   * const quota: Governor = {
   *   tryAcquire: () => left > 0 ? permit() : undefined,
   *   acquire: ({ signal } = {}) =>
   *     new Promise((_, reject) => { // There will be no more.
   *       signal?.addEventListener("abort", () => reject(signal.reason));
   *     }),
   * };
   * const group = new CoGroup({ concurrency: 2, governor: quota });
   * let started = 0;
   * for (let i = 0; i < 5; i++) group.add(() => void started++);
   * await new Promise((resolve) => setTimeout(resolve, 20));
   * assert.equal(started, 3);
   * group.abort();
   * assert.equal(await group.wait(), 2);
   * ```
   */
  waive?(): void;
  /**
   * Speaks when the permit is its holder's no more, though it was not given back: that of
   * a governor over a network, whose lease has run out. Then `ctx.signal` of the task
   * that runs with it speaks, with the same reason; the permit is given back all the same,
   * when the task has ended. No governor of this library takes a permit away.
   *
   * @example A permit that is taken away
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup, type Governor } from "@cogroup/cogroup";
   *
   * const lease = new AbortController();
   * const governor: Governor = {
   *   acquire: () =>
   *     Promise.resolve({
   *       lost: lease.signal,
   *       release() {},
   *       [Symbol.dispose]() {},
   *     }),
   * };
   * const group = new CoGroup({ concurrency: 1, governor });
   * const told = group.go(({ signal }) =>
   *   new Promise((resolve) => {
   *     signal.addEventListener("abort", () => resolve(signal.reason));
   *     lease.abort("the lease has run out");
   *   })
   * );
   * assert.equal(await told, "the lease has run out");
   * ```
   */
  readonly lost?: AbortSignal | undefined;
}

/**
 * Options of {@linkcode Governor.acquire} and {@linkcode Governor.tryAcquire}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type AcquireOptions, Semaphore } from "@cogroup/cogroup";
 *
 * const semaphore = new Semaphore(1);
 * using _permit = await semaphore.acquire();
 * const options: AcquireOptions = { signal: AbortSignal.timeout(1) };
 * await assert.rejects(semaphore.acquire(options), { name: "TimeoutError" });
 * ```
 */
export interface AcquireOptions {
  /**
   * Ends the wait. A permit that was given by then is not taken back. `tryAcquire`, which
   * never waits, does not read it.
   */
  signal?: AbortSignal | undefined;
  /**
   * How much of the limit the permit takes: a positive, finite number, of whatever the
   * limit counts. A group gives the `weight` of the task that is next.
   *
   * @default {1}
   */
  weight?: number | undefined;
  /**
   * The `key` of the task that is next, for a governor of your own. No governor of
   * this library reads it.
   */
  key?: unknown;
}

/**
 * Decides when, and how many. One governor may serve many groups, and other callers
 * beside them.
 *
 * - **First come, first served.** The next permit is for the caller that has waited
 *   longest. While a caller waits, `tryAcquire` gives nothing.
 * - **A permit is for one start.** Hold none while there is nothing to do;
 *   others may be waiting for it.
 * - **A caller that stops waiting is gone** at once, and has left its signal, too.
 *
 * - **A permit has a weight**, and waits for its turn until all of it fits: a lighter one
 *   that came later does not overtake it.
 *
 * @example A governor of one's own: nothing starts before the gate is open
 * ```ts
 * import assert from "node:assert/strict";
 * import type { Governor, Permit } from "@cogroup/cogroup";
 *
 * class Gate implements Governor {
 *   #isOpen = false;
 *   #opened = Promise.withResolvers<void>();
 *
 *   open() {
 *     this.#isOpen = true;
 *     this.#opened.resolve();
 *   }
 *   tryAcquire(): Permit | undefined {
 *     if (!this.#isOpen) return undefined;
 *     return { release() {}, [Symbol.dispose]() {} };
 *   }
 *   async acquire({ signal }: { signal?: AbortSignal } = {}) {
 *     signal?.throwIfAborted();
 *     const aborted = Promise.withResolvers<never>();
 *     const abort = () => aborted.reject(signal!.reason);
 *     signal?.addEventListener("abort", abort);
 *     try {
 *       await Promise.race([this.#opened.promise, aborted.promise]);
 *     } finally {
 *       signal?.removeEventListener("abort", abort);
 *     }
 *     return this.tryAcquire()!;
 *   }
 * }
 *
 * const gate = new Gate();
 * assert.equal(gate.tryAcquire(), undefined);
 * const permit = gate.acquire();
 * gate.open();
 * (await permit).release();
 * ```
 */
export interface Governor {
  /**
   * A permit, if there is one now and no caller waits for it. Never waits. It saves a
   * wait: without it, a group calls `acquire` for every permit.
   *
   * @param options The weight and the key of what it is for.
   * @returns The permit, which its holder releases; or undefined.
   */
  tryAcquire?(options?: AcquireOptions): Permit | undefined;
  /**
   * A permit, as soon as there is one and every earlier caller has its own.
   *
   * @param options The signal that ends the wait, and what it is for. A group that waits
   *   for a task of another weight or key than before ends the wait, and asks again.
   * @returns The permit, which its holder releases, also without a use for it any
   *   more. Rejects with the signal's reason if that is aborted, or was; then there is
   *   nothing to release.
   */
  acquire(options?: AcquireOptions): Promise<Permit>;
}
