/**
 * When a task may start, and how many may run, beyond a group's own workers:
 * the interface of every governor.
 *
 * A governor knows nothing of groups and tasks. It gives out permits: whoever
 * holds one may go on.
 *
 * @module
 */

/**
 * The right to run one task. Given back by its holder, in whichever of the two
 * ways comes first; after that, neither does anything.
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
}

/** Options of {@linkcode Governor.acquire}. */
export interface AcquireOptions {
  /** Ends the wait. A permit that was given already is not taken back. */
  signal?: AbortSignal;
}

/**
 * Decides when, and how many. One governor may serve many groups, and whoever
 * else asks it.
 *
 * - **First come, first served.** The next permit is for who has waited the
 *   longest. While somebody waits, `tryAcquire` gives nothing to anybody.
 * - **A permit is for one start.** Hold none while there is nothing to do;
 *   others may be waiting for it.
 * - **Whoever stops waiting is gone**: at once, and from his signal too.
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
   * A permit, if there is one now and nobody waits for it. Never waits.
   *
   * @returns The permit, which its holder releases; or undefined.
   */
  tryAcquire(): Permit | undefined;
  /**
   * A permit, as soon as there is one and everybody who came before has his.
   *
   * @param options The signal that ends the wait.
   * @returns The permit, which its holder releases, also if he has no use for
   *   it any more. Rejects with the signal's reason if that is aborted, or
   *   was; then there is nothing to release.
   */
  acquire(options?: AcquireOptions): Promise<Permit>;
}
