/**
 * Calls that wait in a channel, and the signals that may end the waits. A waiter
 * settles the promise that was made just before it: see promises.ts.
 *
 * Invariant: a waiter is off its signal before its promise settles (law 9).
 *
 * @module
 */

import { ChannelClosedError } from "../base/errors.ts";
import type { Link, List } from "../base/list.ts";
import { lastReject, lastResolve, type Settle } from "../base/promises.ts";
import { AbortWatcher, unwatch, watch } from "../base/signals.ts";
import type { Sender } from "./backlog.ts";

/**
 * A consumer that may wait for a value. This is an interface, and what waits in a
 * channel is of no sub-class of {@linkcode Link}: to construct an object of a derived class
 * takes V8 15 ns more, a seventh of what it takes to send and receive a value.
 */
export interface Taker<T> extends Link {
  deliver(value: T): void;
  /** There will be no value: the channel, which is closed, tells why. */
  end(channel: { readonly error: unknown }): void;
}

/** A `send` that waits for room. */
export class WaitingSend<T> implements Sender<T> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly value: T;
  readonly #resolve = lastResolve<void>();
  readonly #reject = lastReject();
  #watcher: AbortWatcher | undefined = undefined;

  constructor(value: T) {
    this.value = value;
  }

  get isGone(): boolean {
    return false;
  }

  /** Has the signal end the wait; `leave` is called before that. */
  leaveBy(signal: AbortSignal, leave: () => void): void {
    this.#watcher = watchToLeave(signal, leave, this.#reject);
  }

  admitted(): void {
    unwatch(this.#watcher);
    this.#resolve();
  }

  refused(): void {
    this.failed(
      new ChannelClosedError("Cannot send to a closed channel", this.value),
    );
  }

  failed(error: unknown): void {
    unwatch(this.#watcher);
    this.#reject(error);
  }
}

/** A `receive` that waits. */
export class Receiver<T> implements Taker<T> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly #resolve = lastResolve<T>();
  readonly #reject = lastReject();
  #watcher: AbortWatcher | undefined = undefined;

  /** Has the signal end the wait; `leave` is called before that. */
  leaveBy(signal: AbortSignal, leave: () => void): void {
    this.#watcher = watchToLeave(signal, leave, this.#reject);
  }

  deliver(value: T): void {
    unwatch(this.#watcher);
    this.#resolve(value);
  }

  end(channel: { readonly error: unknown }): void {
    unwatch(this.#watcher);
    this.#reject(channel.error);
  }
}

/** A `next` that waits. */
export class Reader<T> implements Link {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly resolve: Settle<IteratorResult<T>> = lastResolve();
  readonly reject: Settle<unknown> = lastReject();
}

/** Has the signal end a wait: `leave`, then `reject` with its reason. */
export function watchToLeave(
  signal: AbortSignal,
  leave: () => void,
  reject: Settle<unknown>,
): AbortWatcher {
  const watcher = new AbortWatcher((reason) => {
    leave();
    reject(reason);
  });
  watch(signal, watcher);
  return watcher;
}
