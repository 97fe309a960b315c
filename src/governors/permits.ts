/**
 * Permits, and a line of candidates that wait for one: what this library's governors
 * have in common. Each governor decides by itself when there is a permit.
 *
 * Invariants:
 * 1. While a candidate waits, a permit goes to the first in the line alone.
 * 2. A waiting call is in the line and, if it has a signal, on that. A call that was
 *    given a permit, or was aborted, is on neither (law 9).
 * 3. The first candidate is told when there is a permit, takes it in that call or in a
 *    later one, or leaves: until then the permit is kept for it. So a permit is
 *    taken in the step in which it is used (law 16).
 *
 * @module
 */

import {
  abortSignal,
  callable,
  options as checked,
  weight as checkedWeight,
} from "../base/check.ts";
import { outOfRange, wrongType } from "../base/errors.ts";
import type { AcquireOptions, Governor, Permit } from "../governor.ts";
import { Link, List } from "../base/list.ts";
import {
  ignore,
  keep,
  lastReject,
  lastResolve,
  type Settle,
} from "../base/promises.ts";
import { AbortWatcher, reasonOf, unwatch, watch } from "../base/signals.ts";

/** A group, say, that may have to wait for a permit. */
export abstract class Candidate extends Link {
  /** How much it wants, as far as it has said: what it takes may be another weight. */
  weight = 1;
  /** What it is for: see `AcquireOptions`. */
  readonly key: unknown = undefined;

  /** There is a permit for it. It takes that, or leaves, soon. */
  abstract onFree(): void;
}

/** A call of `acquire` that waits. It settles the promise that was made just before it. */
class Waiter extends Link {
  readonly weight: number;
  readonly key: unknown;
  readonly resolve: Settle<Permit> = lastResolve();
  readonly reject: Settle<unknown> = lastReject();
  watcher: AbortWatcher | undefined = undefined;

  constructor(weight: number, key: unknown) {
    super();
    this.weight = weight;
    this.key = key;
  }
}

const owners = new WeakMap<Governor, Permits>();

/**
 * The permits of a governor of this library; undefined for any other, and for one of
 * which a subclass or a test has replaced a method: that has to be called.
 */
export function permitsOf(governor: Governor): Permits | undefined {
  const permits = owners.get(governor);
  return permits?.isOf(governor) ? permits : undefined;
}

export abstract class Permits {
  // WARNING: a light one that fits must not overtake a heavy first one that does not: the
  // heavy one would never come up.
  readonly #line = new List<Candidate | Waiter>();
  readonly #kind: object | null;

  /** Makes the permits of `governor`, which the class `kind` is constructing. */
  constructor(governor: Governor, kind: { prototype: Governor }) {
    this.#kind = kind.prototype;
    owners.set(governor, this);
  }

  /** The most that a permit can weigh. */
  abstract readonly most: number;

  /** Whether nothing is left of what was done with it: a new governor would do as well. */
  abstract readonly isAsNew: boolean;

  /** Whether there is a permit of that weight now. Changes nothing that a caller could see. */
  protected abstract fits(weight: number, key?: unknown): boolean;

  /** Gives a permit that fits, and counts it; `isLater`: to a call that waited, and has it later. */
  protected abstract give(weight: number, isLater: boolean): Permit;

  /** A permit that was given later has arrived: this microtask, or the next, uses it. */
  protected onArrival?(permit: Permit): void;

  /** The line has become longer, or has another first one, or none. */
  protected onLine(): void {}

  isOf(governor: Governor): boolean {
    return Object.getPrototypeOf(governor) === this.#kind &&
      !Object.hasOwn(governor, "tryAcquire") &&
      !Object.hasOwn(governor, "acquire");
  }

  /** How many candidates wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** The first in the line. */
  protected get first(): Candidate | Waiter | undefined {
    return this.#line.first;
  }

  tryAcquire(options?: AcquireOptions): Permit | undefined {
    if (options === undefined) return this.tryTake(1, undefined);
    const doing = "acquire permit";
    const { weight, key } = checked(doing, options)!;
    return this.tryTake(this.checkedWeight(doing, weight), key);
  }

  /** A weight that a permit can have. */
  checkedWeight(doing: string, value: unknown): number {
    const weight = checkedWeight(doing, value);
    if (weight <= this.most) return weight;
    const wanted = `at most the governor's limit (${this.most})`;
    throw outOfRange(doing, "weight", wanted, weight);
  }

  /** A permit for a caller that is not in the line. */
  protected tryTake(weight: number, key: unknown): Permit | undefined {
    return this.#line.size === 0 && this.fits(weight, key)
      ? this.give(weight, false)
      : undefined;
  }

  acquire(options: AcquireOptions | undefined): Promise<Permit> {
    try {
      const doing = "acquire permit";
      const given = checked(doing, options);
      const signal = abortSignal(doing, given?.signal);
      const weight = this.checkedWeight(doing, given?.weight);
      const key = given?.key;
      if (signal?.aborted) throw reasonOf(signal);
      const permit = this.tryTake(weight, key);
      if (permit !== undefined) return Promise.resolve(permit);
      return this.#acquireLater(weight, key, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Apart: with a closure in `acquire`, each call would make a scope. */
  #acquireLater(
    weight: number,
    key: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Permit> {
    const promise = new Promise<Permit>(keep);
    const waiter = new Waiter(weight, key);
    if (signal !== undefined) {
      waiter.watcher = new AbortWatcher((reason) => {
        this.leave(waiter);
        waiter.reject(reason);
      });
      watch(signal, waiter.watcher);
    }
    this.#join(waiter);
    // Before any reaction of the caller, whose first one uses the permit.
    if (this.onArrival !== undefined) {
      promise.then((permit) => this.onArrival!(permit), ignore);
    }
    return promise;
  }

  /** Whether `take` would give a permit. Changes nothing. */
  offers(candidate: Candidate, weight: number): boolean {
    const { first } = this.#line;
    return (first === undefined || first === candidate) &&
      this.fits(weight, candidate.key);
  }

  /**
   * As `tryAcquire`; the candidate may be the first in the line. `isLater`: what it
   * is for begins later, and `arrive` tells when.
   */
  take(
    candidate: Candidate,
    weight: number,
    isLater = false,
  ): Permit | undefined {
    if (!this.offers(candidate, weight)) return undefined;
    const permit = this.give(weight, isLater);
    if (this.#line.first === candidate) this.leave(candidate);
    else if (isLater) this.onLine();
    return permit;
  }

  /** A permit that was taken for later has arrived. */
  arrive(permit: Permit): void {
    this.onArrival?.(permit);
  }

  /** Puts the candidate into the line, unless it is in, with the weight that it wants. */
  wait(candidate: Candidate, weight: number): void {
    candidate.weight = weight;
    if (candidate.list === undefined) this.#join(candidate);
    else this.onLine(); // The first may want another weight than before.
  }

  /** Takes the candidate out of the line, if it is in: what was kept for it is the next one's. */
  leave(candidate: Candidate | Waiter): void {
    const isFirst = this.#line.first === candidate;
    if (!this.#line.delete(candidate) || !isFirst) return;
    if (this.#line.size === 0) this.onLine();
    else this.admit();
  }

  /** There may be permits: gives them to the candidates that wait, as long as there are any. */
  admit(): void {
    let first = this.#line.first;
    while (first !== undefined && this.fits(first.weight, first.key)) {
      if (first instanceof Candidate) return first.onFree();
      this.#line.shift();
      const { watcher, resolve } = first;
      unwatch(watcher);
      resolve(this.give(first.weight, true));
      first = this.#line.first;
    }
    this.onLine();
  }

  /** Takes the first call out of the line, with an error. */
  protected refuseFirst(error: unknown): void {
    const first = this.#line.shift() as Waiter; // No group is in such a line.
    unwatch(first.watcher);
    first.reject(error);
  }

  #join(candidate: Candidate | Waiter): void {
    this.#line.push(candidate);
    this.onLine();
  }
}

/** Throws unless it is a governor. */
export function checkedGovernor(doing: string, governor: Governor): Governor {
  if (typeof governor !== "object" || governor === null) {
    throw wrongType(doing, "governor", "a Governor", governor);
  }
  if (governor.tryAcquire !== undefined) {
    callable(doing, "governor.tryAcquire", governor.tryAcquire);
  }
  callable(doing, "governor.acquire", governor.acquire);
  return governor;
}

/** What one of the user's governors gives, if it is a permit. */
export function checkedPermit(doing: string, permit: Permit): Permit {
  if (typeof permit?.release !== "function") {
    throw wrongType(doing, "what the governor gives", "a Permit", permit);
  }
  abortSignal(doing, permit.lost, "`lost` of a permit");
  return permit;
}

/** Gives a permit back that was not used. */
export function waive(permit: Permit): void {
  if (permit.waive === undefined) permit.release(false);
  else permit.waive();
}

/** What is told of the end of a permit: whether its task failed, or that it was not used. */
export interface Holder {
  ended(hold: Hold, end: boolean | "unused"): void;
}

/** A permit that was given out. */
export class Hold implements Permit {
  readonly weight: number;
  #holder: Holder | undefined;

  constructor(holder: Holder, weight: number) {
    this.#holder = holder;
    this.weight = weight;
  }

  release(failed = false): void {
    this.#end(failed);
  }

  waive(): void {
    this.#end("unused");
  }

  [Symbol.dispose](): void {
    this.#end(false);
  }

  #end(end: boolean | "unused"): void {
    const holder = this.#holder;
    this.#holder = undefined;
    holder?.ended(this, end);
  }
}
