/**
 * The leases of messages, and the beats that renew them: one alarm for all.
 *
 * A lease is lost when the engine says so, or when no beat was confirmed for as long as it
 * lasts: because the connection is gone, or because the process stood still.
 *
 * Invariants:
 * 1. A lease is among the delays from its start until it is stopped or lost.
 * 2. `until` counts from the call of the last beat that was confirmed, not from its answer:
 *    so the engine's own lease never ends before.
 *
 * @module
 */

import { isThenable } from "../base/promises.ts";
import { type Delayable, Delays } from "../group/delays.ts";

/** Has a lease. */
export interface Tenant {
  /** Renews it, as far as the engine knows. */
  beat(): unknown;
  /** It is lost; with what the last beat failed with, if one did. */
  lose(cause: unknown): void;
}

export class Lease implements Delayable {
  readonly tenant: Tenant;
  /** When it ends; Infinity if it never does. */
  until: number = Infinity;
  /** What the last beat failed with. */
  cause: unknown = undefined;
  index = -1;
  due = 0;
  turn = 0;

  constructor(tenant: Tenant) {
    this.tenant = tenant;
  }
}

export class Leases {
  readonly #ms: number;
  readonly #delays = new Delays<Lease>((lease) => this.#beat(lease));

  /** `ms` is how long a lease lasts. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  now(): number {
    return this.#delays.now();
  }

  start(lease: Lease): void {
    if (this.#ms === Infinity) return;
    lease.until = this.now() + this.#ms;
    this.#delays.add(lease, this.#ms / 3);
  }

  stop(lease: Lease): void {
    if (lease.index >= 0) this.#delays.delete(lease);
  }

  /** Whether it has ended, and the alarm may only be late. */
  isOver(lease: Lease): boolean {
    return this.now() >= lease.until;
  }

  /** It is lost, and not renewed any more. Its tenant is told, once. */
  lose(lease: Lease): void {
    const isTold = lease.until === -Infinity;
    this.stop(lease);
    lease.until = -Infinity;
    if (!isTold) lease.tenant.lose(lease.cause);
  }

  #beat(lease: Lease): void {
    const time = this.now();
    if (time >= lease.until) return this.lose(lease);
    this.#delays.add(lease, Math.min(this.#ms / 3, lease.until - time));
    const onFailure = (cause: unknown) => {
      lease.cause = cause;
    };
    const onAnswer = (answer: unknown) => this.#answered(lease, time, answer);
    try {
      const answer = lease.tenant.beat();
      if (isThenable(answer)) answer.then(onAnswer, onFailure);
      else onAnswer(answer);
    } catch (error) {
      onFailure(error);
    }
  }

  /** The beat that was made at that time has its answer. */
  #answered(lease: Lease, time: number, answer: unknown): void {
    if (lease.index < 0) return; // It was stopped, or lost.
    lease.cause = undefined;
    if (answer === false) this.lose(lease);
    else lease.until = Math.max(lease.until, time + this.#ms);
  }
}
