/**
 * The way of one key of a queue to its governor: see keyed_queue.ts.
 *
 * A governor of this library gives a permit in the very step of the start (law 16). Any
 * other one gives it when the key may start, and it is kept until a task of it does.
 *
 * @module
 */

import { weight as checkedWeight } from "../base/check.ts";
import { Foreign } from "../governors/foreign.ts";
import type { Governor, Permit } from "../governor.ts";
import {
  Candidate,
  checkedGovernor,
  type Permits,
  permitsOf,
} from "../governors/permits.ts";
import type { KeyGate, KeyKeeper } from "../queues/queue.ts";

const DOING = "queue task";

export function keyGateTo(
  given: unknown,
  key: unknown,
  keeper: KeyKeeper,
): KeyGate {
  const governor = checkedGovernor(DOING, given as Governor);
  const permits = permitsOf(governor);
  return permits === undefined
    ? new ForeignKeyGate(governor, key, keeper)
    : new OwnKeyGate(permits, keeper);
}

class OwnKeyGate extends Candidate implements KeyGate {
  readonly #permits: Permits;
  readonly #keeper: KeyKeeper;

  constructor(permits: Permits, keeper: KeyKeeper) {
    super();
    this.#permits = permits;
    this.#keeper = keeper;
  }

  get isAsNew(): boolean {
    return this.#permits.isAsNew;
  }

  checkedWeight(value: unknown): number {
    return this.#permits.checkedWeight(DOING, value);
  }

  offers(weight: number): boolean {
    return this.#permits.offers(this, weight);
  }

  take(weight: number): Permit {
    return this.#permits.take(this, weight)!;
  }

  wait(weight: number): void {
    this.#permits.wait(this, weight);
  }

  leave(): void {
    this.#permits.leave(this);
  }

  override onFree(): void {
    this.#keeper.onFree();
  }
}

class ForeignKeyGate implements KeyGate {
  /** What it remembers is for the user to keep. */
  readonly isAsNew = true;
  readonly #foreign: Foreign;
  readonly #key: unknown;

  constructor(governor: Governor, key: unknown, keeper: KeyKeeper) {
    const onFree = () => keeper.onFree();
    const onBroken = (error: unknown) => keeper.onBroken(error);
    this.#foreign = new Foreign(governor, onFree, onBroken);
    this.#key = key;
  }

  checkedWeight(value: unknown): number {
    return checkedWeight(DOING, value);
  }

  offers(weight: number): boolean {
    return this.#foreign.has(weight, this.#key);
  }

  take(): Permit {
    return this.#foreign.take()!;
  }

  wait(weight: number): void {
    this.#foreign.wait(weight, this.#key);
  }

  leave(): void {
    this.#foreign.leave();
  }
}
