/**
 * A message, as a task of a group: what becomes of its attempts.
 *
 * Invariants:
 * 1. When its attempt ends, the engine has confirmed an `ack` or `term`, or was told a
 *    `nak`: so the group waits for that, and a key's next message does. Only an attempt in
 *    place that is to be followed by another one ends without.
 * 2. It ends once: see `Answers`.
 *
 * @module
 */

import { domError } from "../base/errors.ts";
import { type Deferred, deferred, type Maybe, NONE } from "../base/promises.ts";
import type { Retries } from "../base/retry.ts";
import type { RunContext } from "../group/context.ts";
import { Entry, type Traits } from "../group/entry.ts";
import type { Group } from "../group/group.ts";
import type { Runner } from "../group/runner.ts";
import type { Answers, Desk, Held } from "./answers.ts";
import type { Aside, Line } from "./aside.ts";
import type { Message } from "./message.ts";

/** What the deliveries of a consumption have in common. */
export interface Home<M extends Message> extends Desk<M> {
  readonly group: Group;
  readonly answers: Answers<M>;
  readonly aside: Aside;
  /** No more are to wait in place, but where the order of a key needs it. */
  readonly isCrowded: boolean;
  /** Tells `onRetry`. */
  retried(message: M, error: unknown, ms: number): void;
}

export class Delivery<M extends Message> extends Entry
  implements Held<M>, Retries {
  readonly message: M;
  isEnded = false;
  until: number = Infinity;
  cause: unknown = undefined;
  index = -1;
  line: Line | undefined = undefined;
  readonly #home: Home<M>;
  /** Milliseconds until the next attempt in place; undefined if there is none to come. */
  #next: number | undefined = undefined;
  /** What the attempt has failed with, if its time is over. */
  #timeout: Maybe<unknown> = NONE;
  /** While an attempt is made: resolves with `#next` when it has ended. */
  #end: Deferred<number | undefined> | undefined = undefined;
  /** The attempt has not failed by itself: an abort has told it to end, or it was not made. */
  #isExcused = false;

  /** `deliveries`: how often the message was delivered. Its traits may be set later. */
  constructor(home: Home<M>, message: M, deliveries: number, traits: Traits) {
    const { handler } = home.settings;
    super((ctx) => handler(message, ctx), undefined, traits);
    this.message = message;
    this.#home = home;
    const track = home.group.attempts.track(this); // So it is not plain.
    track.attempt = deliveries - 1;
  }

  /** It belongs to its engine: it can't be inserted elsewhere. */
  override get isPartOfStream(): boolean {
    return true;
  }

  override get isExcused(): boolean {
    return this.#isExcused;
  }

  lose(): void {
    const { group } = this.#home;
    const reason = domError("The lease is lost", "AbortError");
    reason.cause = this.cause;
    // Not queued yet, its failure may be being judged.
    if (this.state === "new") group.attempts.endJudging(this);
    else group.attempts.withdraw(this, reason);
    this.#home.report(reason, this.message);
  }

  override async attempt(runner: Runner, ctx: RunContext): Promise<unknown> {
    const { answers, group } = this.#home;
    this.#next = undefined;
    this.#timeout = NONE;
    this.#isExcused = false;
    if (this.#isLost) { // It does not start.
      this.#isExcused = true;
      answers.end(this, "lost");
      throw domError("The lease is lost", "AbortError");
    }
    const { resolve } = this.#end = deferred<number | undefined>();
    let error: Maybe<unknown> = NONE;
    let value: unknown;
    try {
      value = await super.attempt(runner, ctx);
    } catch (thrown) {
      error = this.#timeout === NONE ? thrown : this.#timeout;
    }
    group.attempts.endTime(this.track!); // It was for the handler.
    this.#isExcused = this.#timeout === NONE && group.state.isAborted &&
      ctx.signal.aborted;
    if (error === NONE) await answers.ack(this); // Also a late one: what is done is done.
    else if (this.#isExcused) this.abandoned();
    else await this.judge(error, ctx.attempt);
    this.#end = undefined;
    resolve(this.#next);
    if (error !== NONE) throw error;
    return value;
  }

  /** The group asks: when the attempt has ended, or when its time is over. */
  wait(error: unknown): number | undefined | Promise<number | undefined> {
    if (this.#end === undefined) return this.#next;
    this.#timeout = error;
    return this.#end.promise;
  }

  /** Its time is over, or it has ended: the books know of that already. */
  override failed(error: unknown): boolean {
    if (this.#end !== undefined) this.#timeout = error;
    // Else an abort has come between the attempt and the next one in place.
    else if (!this.isEnded) this.abandoned();
    return true;
  }

  override abandoned(): void {
    const { answers } = this.#home;
    if (this.#isLost) answers.end(this, "lost");
    else answers.nak(this);
  }

  /** Only to be asked while it has not ended. */
  get #isLost(): boolean {
    return this.#home.leases.isLost(this);
  }

  /** Whether its next attempt is made here. */
  get #isInPlace(): boolean {
    const { group, isCrowded } = this.#home;
    return this.traits.retry !== undefined && this.state === "running" &&
      !group.state.isAborted && (!isCrowded || this.line!.held > 1);
  }

  /** That attempt has failed, or the message could not be queued for it. */
  async judge(error: unknown, attempt: number): Promise<void> {
    const { answers, group, settings: { policy } } = this.#home;
    let wait: number | undefined;
    try {
      const told = policy.wait(error, attempt);
      if (told instanceof Promise) {
        wait = await group.attempts.hear(this, told);
        // The abort, or the loss of the lease, does not wait for what is said.
        if (wait === undefined && group.state.isAborted) {
          return this.abandoned();
        }
      } else wait = told;
    } catch (thrown) {
      error = thrown;
    }
    if (this.#isLost) return answers.end(this, "lost");
    if (wait === undefined) return answers.bury(this, error);
    if (this.#isInPlace) {
      this.#next = wait;
      this.#home.aside.fail(this.line!);
      this.#home.look(); // There is room for another one.
    } else answers.nak(this, wait);
    this.#home.retried(this.message, error, wait);
  }
}
