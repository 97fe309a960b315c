/**
 * A message, as a task of a group: what becomes of its attempts.
 *
 * Invariants:
 * 1. It has its answer when its attempt ends; so the group waits for that, and a key's
 *    next message does. Only an attempt in place that is to be followed by another one
 *    ends without.
 * 2. It ends once: see `Answers`.
 *
 * @module
 */

import { domError } from "../base/errors.ts";
import { type Deferred, deferred, type Maybe, NONE } from "../base/promises.ts";
import type { Retries } from "../base/retry.ts";
import type { Run } from "../group/context.ts";
import { Entry, type Traits } from "../group/entry.ts";
import type { Group } from "../group/group.ts";
import type { Runner } from "../group/runner.ts";
import type { Answers } from "./answers.ts";
import { Lease, type Leases, type Tenant } from "./leases.ts";
import type { Message } from "./message.ts";
import type { Settings } from "./options.ts";

/** What the deliveries of a consumption share. */
export interface Home<M extends Message> {
  readonly group: Group;
  readonly settings: Settings<M>;
  readonly answers: Answers<M>;
  readonly leases: Leases;
}

export class Delivery<M extends Message> extends Entry
  implements Tenant, Retries {
  readonly message: M;
  readonly lease: Lease = new Lease(this);
  isEnded = false;
  /** Why its lease is lost; NONE if it is not. */
  #loss: Maybe<unknown> = NONE;
  readonly #home: Home<M>;
  /** Whether an attempt is being made. */
  #isRunning = false;
  /** Milliseconds until the next attempt in place; undefined if there is none to come. */
  #next: number | undefined = undefined;
  /** What the attempt has failed with, if its time is over. */
  #timeout: Maybe<unknown> = NONE;
  /** Resolves with `#next` when the attempt has ended, where the group asks before. */
  #judging: Deferred<number | undefined> | undefined = undefined;

  /** `deliveries`: how often the message was delivered. Its traits may be set later. */
  constructor(home: Home<M>, message: M, deliveries: number, traits: Traits) {
    const { handler } = home.settings;
    super((ctx) => handler(message, ctx), traits);
    this.message = message;
    this.#home = home;
    this.track!.attempt = deliveries - 1;
  }

  /** It belongs to its engine: it can't be inserted elsewhere. */
  override get isPartOfStream(): boolean {
    return true;
  }

  beat(): unknown {
    return this.message.working!();
  }

  lose(cause: unknown): void {
    const { answers, group } = this.#home;
    const reason = domError("The lease of the message is lost", "AbortError");
    this.#loss = reason;
    if (cause !== undefined) Object.assign(reason, { cause });
    if (this.state === "running") this.track!.run?.abort(reason);
    else if (this.state !== "new") group.attempts.withdraw(this, reason);
    answers.report(reason, this.message);
  }

  /** Whether its lease is lost. Looks at the time, for the alarm may be late. */
  isLost(): boolean {
    const { leases } = this.#home;
    if (leases.isOver(this.lease)) leases.lose(this.lease);
    return this.#loss !== NONE;
  }

  override async attempt(runner: Runner, run: Run): Promise<unknown> {
    this.#isRunning = true;
    this.#next = undefined;
    this.#timeout = NONE;
    try {
      if (this.isLost()) throw this.#loss;
      const value = await super.attempt(runner, run);
      run.timer?.clear();
      if (this.#timeout !== NONE) throw this.#timeout;
      await this.#home.answers.ack(this);
      return value;
    } catch (error) {
      run.timer?.clear();
      if (this.#timeout !== NONE) await this.judge(this.#timeout);
      else if (this.#isToldToEnd(run)) this.abandoned();
      else await this.judge(error);
      throw error;
    } finally {
      this.#isRunning = false;
      this.#judging?.resolve(this.#next);
      this.#judging = undefined;
    }
  }

  /** Whether the abort of the group has told it: then it has not failed by itself. */
  #isToldToEnd(run: Run): boolean {
    return this.#home.group.state.isAborted && run.signal.aborted;
  }

  /** The group asks: when the attempt has ended, or when its time is over. */
  wait(error: unknown): number | undefined | Promise<number | undefined> {
    if (!this.#isRunning) return this.#next;
    this.#timeout = error;
    this.#judging = deferred();
    return this.#judging.promise;
  }

  override failed(error: unknown): boolean {
    if (this.#isRunning) this.#timeout = error;
    // An abort has come between the attempt and the next one in place.
    else this.#home.answers.nak(this, "retried", this.#next);
    return true;
  }

  override abandoned(): void {
    const { answers } = this.#home;
    if (this.isLost()) answers.forget(this);
    else answers.nak(this, "returned");
  }

  /** Whether its next attempt is made here. */
  get #isInPlace(): boolean {
    return this.traits.retry !== undefined && this.state === "running";
  }

  /** An attempt has failed, or it could not be queued. */
  async judge(error: unknown): Promise<void> {
    const { answers, group, settings: { policy } } = this.#home;
    if (this.isLost()) return answers.forget(this);
    const { attempt } = this.track!;
    let wait: number | undefined;
    try {
      wait = await policy.wait(
        error,
        this.state === "new" ? attempt + 1 : attempt,
      );
    } catch (thrown) {
      error = thrown;
    }
    if (this.isLost()) answers.forget(this);
    else if (wait === undefined) await answers.bury(this, error);
    else if (this.#isInPlace && !group.state.isAborted) this.#next = wait;
    else answers.nak(this, "retried", wait);
  }
}
