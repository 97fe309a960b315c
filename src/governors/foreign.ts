/**
 * The way to a governor that is not of this library: it is the user's code.
 *
 * Invariants:
 * 1. It has a permit, or waits for one, or neither; and `#weight` and `#key` say for what.
 * 2. A permit that comes when it waits no more is given back at once.
 *
 * @module
 */

import type { Governor, Permit } from "../governor.ts";
import { checkedPermit, waive } from "./permits.ts";

const DOING = "acquire permit";

/** The way to one governor of the user's. */
export class Foreign {
  readonly #governor: Governor;
  readonly #onFree: () => void;
  readonly #onError: (error: unknown) => void;
  #wait: AbortController | undefined = undefined;
  #weight = 1;
  #key: unknown = undefined;
  #spare: Permit | undefined = undefined;

  constructor(
    governor: Governor,
    onFree: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#governor = governor;
    this.#onFree = onFree;
    this.#onError = onError;
  }

  /** Whether it can be asked without a wait. */
  get canTry(): boolean {
    return this.#governor.tryAcquire !== undefined;
  }

  /** Whether it has a permit for that now. Asks nothing. */
  isReady(weight: number, key: unknown): boolean {
    return this.#spare !== undefined && this.#isFor(weight, key);
  }

  /** Whether it waits for a permit. */
  get isWaiting(): boolean {
    return this.#wait !== undefined;
  }

  /** Whether it has a permit, or waits for one. */
  get isBusy(): boolean {
    return this.#spare !== undefined || this.#wait !== undefined;
  }

  /** Whether there is a permit, which it has now, until it is taken or waived. */
  has(weight: number, key: unknown): boolean {
    if (!this.#isFor(weight, key)) this.leave();
    this.#weight = weight;
    this.#key = key;
    if (this.#spare === undefined && this.#wait === undefined) {
      const given = this.#governor.tryAcquire?.({ weight, key });
      if (given !== undefined) this.#spare = checkedPermit(DOING, given);
    }
    return this.#spare !== undefined;
  }

  take(): Permit {
    const permit = this.#spare!;
    this.#spare = undefined;
    return permit;
  }

  async wait(weight: number, key: unknown): Promise<void> {
    if (this.#wait !== undefined && this.#isFor(weight, key)) return;
    this.leave();
    const wait = this.#wait = new AbortController();
    this.#weight = weight;
    this.#key = key;
    try {
      const { signal } = wait;
      const given = await this.#governor.acquire({ signal, weight, key });
      const permit = checkedPermit(DOING, given);
      if (this.#wait !== wait) return waive(permit);
      this.#wait = undefined;
      this.#spare = permit;
      this.#onFree();
    } catch (error) {
      if (this.#wait !== wait) return; // The end of the wait that was given up.
      this.#wait = undefined;
      this.#onError(error);
    }
  }

  /** Waits no more, and has nothing any more. */
  leave(): void {
    const wait = this.#wait;
    const spare = this.#spare;
    this.#wait = this.#spare = undefined;
    wait?.abort();
    if (spare !== undefined) waive(spare);
  }

  #isFor(weight: number, key: unknown): boolean {
    return weight === this.#weight && Object.is(key, this.#key);
  }
}
