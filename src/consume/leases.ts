/**
 * The leases of messages, and the beats that renew them: one alarm for all.
 *
 * A lease is lost when the engine says so, or when no beat was confirmed for as long as it
 * lasts: because the connection is gone, or because the process stood still.
 *
 * Invariants:
 * 1. What is leased is among the delays from `start` until `stop`, or until it is lost.
 * 2. `until` counts from the call of the last beat that was confirmed, not from its answer:
 *    so the engine's own lease never ends before.
 *
 * @module
 */

import { promiseIn } from "../base/promises.ts";
import type { Turn } from "../base/turn.ts";
import type { Delayable } from "../group/delays.ts";
import { Timeouts } from "../group/timeouts.ts";
import type { Message } from "./message.ts";

/** What has a lease. */
export interface Leased extends Delayable {
  readonly message: Message;
  /** When the lease ends; Infinity if it never does, -Infinity when it is lost. */
  until: number;
  /** What the last beat failed with. */
  cause: unknown;
  /** The lease is lost. */
  lose(): void;
}

export class Leases {
  readonly #ms: number;
  readonly #delays: Timeouts<Leased>;

  /** `ms` is how long a lease lasts. Each beat counts as a start: see `look`. */
  constructor(ms: number, turn: Turn) {
    this.#ms = ms;
    this.#delays = new Timeouts(
      (leased) => this.#beat(leased),
      () => turn.mayStart(),
    );
  }

  /** The loop has turned: there may be beats that were put off until then (law 10). */
  look(): void {
    this.#delays.look();
  }

  start(leased: Leased): void {
    if (this.#ms === Infinity || !leased.message.working) return;
    leased.until = this.#delays.now() + this.#ms;
    this.#delays.add(leased, this.#ms / 3);
  }

  stop(leased: Leased): void {
    if (leased.index < 0) return;
    this.#delays.delete(leased);
    this.#delays.rest();
  }

  /** How many milliseconds are left of it. */
  left({ until }: Leased): number {
    return until - this.#delays.now();
  }

  /** Whether it is lost. Looks at the time, for the alarm may be late. */
  isLost(leased: Leased): boolean {
    const isLost = this.left(leased) <= 0;
    if (isLost) this.#lose(leased);
    return isLost;
  }

  #beat(leased: Leased): void {
    const left = this.left(leased);
    if (left <= 0) return this.#lose(leased);
    const until = leased.until - left + this.#ms;
    this.#delays.add(leased, Math.min(this.#ms / 3, left));
    const onFailure = (cause: unknown) => {
      leased.cause = cause;
    };
    const onAnswer = (answer: unknown) => {
      if (leased.index < 0) return; // It was stopped, or is lost.
      leased.cause = undefined;
      if (answer === false) this.#lose(leased);
      else leased.until = Math.max(leased.until, until);
    };
    try {
      const answer = leased.message.working!();
      const promise = promiseIn(answer);
      if (promise === undefined) onAnswer(answer);
      else promise.then(onAnswer, onFailure);
    } catch (error) {
      onFailure(error);
    }
  }

  #lose(leased: Leased): void {
    if (leased.until === -Infinity) return;
    this.stop(leased);
    leased.until = -Infinity;
    leased.lose();
  }
}
