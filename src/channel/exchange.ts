/**
 * The inside of a channel: the values, the senders, and the takers of each kind:
 * receivers, iterators and streams.
 *
 * Invariants:
 * 1. A taker waits only while there is nothing to take: never beside a value, and
 *    never beside a sender.
 * 2. A waiter is told in the call that ends its wait, when it waits no more and the
 *    state is in order: it may come back at once.
 *
 * @module
 */

import { ChannelClosedError, print } from "../base/errors.ts";
import { Backlog } from "./backlog.ts";
import { List } from "../base/list.ts";
import { type Maybe, NONE, tell } from "../base/promises.ts";
import type { OwnQueue } from "../queues/queue.ts";
import type { Taker } from "./waiter.ts";

export class Exchange<T> {
  readonly backlog: Backlog<T>;
  readonly #takers = new List<Taker<T>>();
  isClosed = false;
  /** Why it was closed, if `close` was given a reason. */
  reason: Maybe<unknown> = NONE;
  /** When a select was last served by it: see select.ts. */
  served = 0;
  #closedError: ChannelClosedError | undefined = undefined;

  readonly #onDrop: ((value: T) => void) | undefined;

  constructor(queue: OwnQueue<T>) {
    const { onEvict } = queue;
    const onDrop = onEvict &&
      ((value: T) => tell(() => onEvict(value), print));
    this.#onDrop = onDrop;
    this.backlog = new Backlog(queue, { onRefuse: onDrop });
  }

  /** Whether a taker need not wait: there is a value, or an end. */
  get isReady(): boolean {
    const { backlog } = this;
    return backlog.size > 0 || backlog.waiting > 0 || this.isClosed;
  }

  /** The next value, or NONE. A queue that throws closes the channel. */
  take(): Maybe<T> {
    const { backlog } = this;
    try {
      const value = backlog.shift();
      if (backlog.waiting > 0) backlog.admit();
      return value;
    } catch (error) {
      this.#fail(error);
      return NONE;
    }
  }

  /** Hands the value to a taker, or puts it into the backlog, if that can be done now. */
  give(value: T): boolean {
    const taker = this.#takers.shift();
    if (taker === undefined) {
      const { backlog } = this;
      const isIn = backlog.offer(value);
      if (backlog.whenFull === "evict") this.#dropEvicted();
      return isIn;
    }
    taker.deliver(value);
    return true;
  }

  #dropEvicted(): void {
    for (const value of this.backlog.takeEvicted()) this.#onDrop?.(value);
  }

  /** Makes the value that a consumer had taken when it left the next one again. */
  giveBack(value: T): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) return taker.deliver(value);
    try {
      this.backlog.putBack(value);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Lets the taker wait. There must be nothing to take. */
  wait(taker: Taker<T>): void {
    this.#takers.push(taker);
  }

  /** Ends the wait of the taker, if it waits. */
  leave(taker: Taker<T>): void {
    this.#takers.delete(taker);
  }

  close(reason: Maybe<unknown>): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.reason = reason;
    this.backlog.dismiss();
    const takers = this.#takers;
    for (let t = takers.shift(); t; t = takers.shift()) t.end(this);
  }

  /** The queue has thrown. Whatever it was closed for before, that is why now. */
  #fail(error: unknown): void {
    this.close(error);
    this.reason = error;
  }

  /** Why nothing can be received any more. */
  get error(): unknown {
    if (this.reason !== NONE) return this.reason;
    return this.#closedError ??= new ChannelClosedError(
      "Cannot receive from a closed channel",
    );
  }
}
