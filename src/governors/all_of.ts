/**
 * A permit of each of several governors, or of none.
 *
 * Invariants:
 * 1. While its first caller waits it is in the line of one governor alone, the one
 *    that said no when all were last asked; and holds a permit of none of the others.
 * 2. It asks the governors of this library without taking anything, and those of the
 *    user between that and the taking: no step of the library's own is ever undone.
 * 3. What one of the user's governors has given is taken in the same step, or waived;
 *    or is kept for a group that was told, which takes it or leaves soon.
 *
 * @module
 */

import type { AcquireOptions, Governor, Permit } from "../governor.ts";
import { Foreign } from "./foreign.ts";
import {
  Candidate,
  checkedGovernor,
  Permits,
  permitsOf,
  waive,
} from "./permits.ts";

/** The permits of one governor of this library. */
class Own extends Candidate {
  readonly permits: Permits;
  readonly #onFree: () => void;

  constructor(permits: Permits, onFree: () => void) {
    super();
    this.permits = permits;
    this.#onFree = onFree;
  }

  override onFree(): void {
    this.#onFree();
  }

  wait(weight: number): void {
    this.permits.wait(this, weight);
  }

  leave(): void {
    this.permits.leave(this);
  }
}

/** One permit that stands for all. */
class Bundle implements Permit {
  readonly parts: readonly Permit[];
  #isOver = false;

  constructor(parts: readonly Permit[]) {
    this.parts = parts;
  }

  /** Speaks when one of them is lost. */
  get lost(): AbortSignal | undefined {
    const signals = this.parts.flatMap(({ lost }) => lost ?? []);
    return signals.length > 1 ? AbortSignal.any(signals) : signals[0];
  }

  release(failed = false): void {
    this.#end((permit) => permit.release(failed));
  }

  waive(): void {
    this.#end(waive);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Ends each of them, though one of the user's throws: with the first of these errors. */
  #end(end: (permit: Permit) => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const errors: unknown[] = [];
    for (const permit of this.parts) {
      try {
        end(permit);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

class AllPermits extends Permits {
  readonly owns: readonly Own[];
  readonly foreigns: readonly Foreign[];
  /** Which one said no when they were last asked. */
  #blocked: Own | Foreign | undefined = undefined;
  /** In whose line the first caller is: invariant 1. */
  #line: Own | Foreign | undefined = undefined;

  constructor(all: All, governors: Iterable<Governor>) {
    super(all, All);
    const onFree = () => this.admit();
    const onError = (error: unknown) => this.#fail(error);
    const owns: Own[] = [];
    const foreigns: Foreign[] = [];
    for (const governor of governors) {
      const permits = permitsOf(governor);
      if (permits !== undefined) owns.push(new Own(permits, onFree));
      else foreigns.push(new Foreign(governor, onFree, onError));
    }
    if (foreigns.filter(({ canTry }) => !canTry).length > 1) {
      throw new TypeError(
        `Cannot combine governors: at most one of them may have no tryAcquire`,
      );
    }
    this.owns = owns;
    this.foreigns = foreigns;
  }

  /** With the user's code in it, a group has to call it like the user's code. */
  override isOf(governor: Governor): boolean {
    return this.foreigns.length === 0 && super.isOf(governor);
  }

  override get most(): number {
    return Math.min(...this.owns.map(({ permits }) => permits.most));
  }

  override get isAsNew(): boolean {
    return this.owns.every(({ permits }) => permits.isAsNew);
  }

  /** If one of the user's governors throws, the first caller hears of it, and the next has its turn. */
  override admit(): void {
    for (;;) {
      try {
        return super.admit();
      } catch (error) {
        this.refuseFirst(error);
      }
    }
  }

  protected override fits(weight: number, key?: unknown): boolean {
    let isOff = true;
    try {
      this.#blocked = this.#find(weight, key);
      isOff = this.#blocked !== undefined;
    } finally {
      // Also where one throws.
      if (isOff) this.#leaveAllBut(this.#blocked);
    }
    return !isOff;
  }

  protected override give(weight: number, isLater: boolean): Permit {
    const take = (own: Own) => own.permits.take(own, weight, isLater)!;
    // WARNING: the one in whose line it is must come last: to leave that lets others in,
    // who might take what was found to be there.
    const line = this.owns.find((own) => own.list !== undefined);
    const parts = this.owns.map((own) => own === line ? undefined : take(own));
    if (line !== undefined) parts[this.owns.indexOf(line)] = take(line);
    const others = this.foreigns.map((foreign) => foreign.take());
    return new Bundle([...parts as Permit[], ...others]);
  }

  protected override onArrival(permit: Permit): void {
    for (const [i, own] of this.owns.entries()) {
      own.permits.arrive((permit as Bundle).parts[i]!);
    }
  }

  /** Keeps invariant 1. */
  protected override onLine(): void {
    const { first } = this;
    const before = this.#line;
    const next = this.#line = first && this.#blocked;
    // WARNING: not the other way round: what that frees might be what is waited for now.
    next?.wait(first!.weight, first!.key);
    if (before !== next) before?.leave();
  }

  #leaveAllBut(one: Own | Foreign | undefined): void {
    for (const foreign of this.foreigns) if (foreign !== one) foreign.leave();
  }

  /** Which one says no; undefined if all say yes, and those of the user have given. */
  #find(weight: number, key: unknown): Own | Foreign | undefined {
    return this.#findOwn(weight) ??
      this.foreigns.find((foreign) => !foreign.has(weight, key)) ??
      // The user's code may have taken something.
      (this.foreigns.length > 0 ? this.#findOwn(weight) : undefined);
  }

  #findOwn(weight: number): Own | undefined {
    return this.owns.find((own) => !own.permits.offers(own, weight));
  }

  #fail(error: unknown): void {
    this.refuseFirst(error);
    this.admit();
  }
}

class All implements Governor {
  readonly #permits: AllPermits;
  /** Those that it was made of, and those that these were made of. */
  readonly governors: ReadonlySet<Governor>;

  constructor(given: readonly Governor[]) {
    this.governors = new Set(
      given.flatMap((one) => one instanceof All ? [...one.governors] : [one]),
    );
    this.#permits = new AllPermits(this, this.governors);
  }

  tryAcquire(options?: AcquireOptions): Permit | undefined {
    return this.#permits.tryAcquire(options);
  }

  acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#permits.acquire(options);
  }
}

/**
 * Several governors at once: a permit of each, or of none. While it waits it holds
 * nothing and uses nothing up: it asks all, and where one says no it waits for that one,
 * and asks all again. So one that is short of permits never keeps those of another.
 *
 * - **First come, first served** among its own callers. In the line of each governor it
 *   stands like any other caller, in one line at a time.
 * - **The end of its permit** (`release(failed)`, `waive`) is that of all of them. The
 *   weight goes to each; one above the lowest limit is a RangeError.
 * - **A governor of your own** may be among them. What it gives is waived if another one
 *   says no. It needs a `tryAcquire`, but for one of them: of two that can only be
 *   waited for, one would have to be held meanwhile.
 * - **Nested** ones count as what they are made of, and one that is named twice as one.
 *
 * @example Twenty a second, and a hundred a minute
 * ```ts
 * import assert from "node:assert/strict";
 * import { allOf, rateLimit } from "@cogroup/cogroup";
 *
 * const governor = allOf(
 *   rateLimit({ limit: 20, interval: 1000 }),
 *   rateLimit({ limit: 100, interval: 60_000 }),
 * );
 * let started = 0;
 * while (governor.tryAcquire?.()) started++;
 * assert.equal(started, 20);
 * ```
 *
 * @example A limit of its own, and a share of another
 * ```ts
 * import assert from "node:assert/strict";
 * import { allOf, CoGroup, Semaphore } from "@cogroup/cogroup";
 *
 * const sockets = new Semaphore(10);
 * const uploads = new Semaphore(2);
 * const group = new CoGroup({ concurrency: 8, governor: allOf(sockets, uploads) });
 * let most = 0;
 * for (let i = 0; i < 5; i++) {
 *   group.add(async () => {
 *     most = Math.max(most, group.inFlight);
 *     await Promise.resolve();
 *   });
 * }
 * await group.wait();
 * assert.equal(most, 2);
 * ```
 *
 * @param governors One or more governors. They may be used elsewhere, too.
 * @returns The governor; no permit is held.
 * @throws {TypeError} If there is none, one is no governor, or two of them have no
 *   `tryAcquire`.
 */
export function allOf(...governors: Governor[]): Governor {
  const doing = "combine governors";
  if (governors.length === 0) {
    throw new TypeError(`Cannot ${doing}: received none`);
  }
  for (const governor of governors) checkedGovernor(doing, governor);
  return new All(governors);
}
