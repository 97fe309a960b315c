/**
 * Those who wait in a channel, and the signal that may end their wait. Each
 * settles the promise that was made just before it: see settlers.ts.
 *
 * @module
 */

import { ChannelClosedError } from "./errors.ts";
import type { Link, List } from "./list.ts";
import { Sender } from "./sender.ts";
import { lastReject, lastResolve } from "./settlers.ts";
import { type Cancel, cancelBy, unwatch } from "./signals.ts";

/** Someone whose wait a signal may end. */
interface Waiter extends Link {
  cancel: Cancel | undefined;
  fail(reason: unknown): void;
}

/** Has the signal end the wait; `leave` is called before that. Never throws. */
export function endBy(
  signal: AbortSignal,
  waiter: Waiter,
  leave: () => void,
): void {
  const end = (reason: unknown) => {
    leave();
    waiter.fail(reason);
  };
  try {
    waiter.cancel = cancelBy(signal, waiter, end);
  } catch (error) {
    end(error); // A polyfilled signal, to which nobody can listen.
  }
}

/** A `send` that waits for room. */
export class WaitingSend<T> extends Sender<T> {
  readonly #resolve = lastResolve<void>();
  readonly #reject = lastReject();
  cancel: Cancel | undefined = undefined;

  override admitted(): void {
    unwatch(this.cancel);
    this.#resolve();
  }

  override refused(): void {
    this.fail(
      new ChannelClosedError("Cannot send to a closed channel", this.value),
    );
  }

  fail(reason: unknown): void {
    unwatch(this.cancel);
    this.#reject(reason);
  }
}

/**
 * Someone who waits for a value. An interface, and links that are no sub-classes
 * of {@linkcode Link}: to construct an object of a derived class takes V8 15 ns
 * more, a seventh of what it takes to send and receive a value.
 */
export interface Taker<T> extends Link {
  deliver(value: T): void;
  /** The channel is closed, and there is no value: why. */
  fail(reason: unknown): void;
  /** The same, without a reason. False if that is to be an error. */
  end(): boolean;
}

/** A `receive` that waits. */
export class Receiver<T> implements Taker<T> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly #resolve = lastResolve<T>();
  readonly #reject = lastReject();
  cancel: Cancel | undefined = undefined;

  deliver(value: T): void {
    unwatch(this.cancel);
    this.#resolve(value);
  }

  fail(reason: unknown): void {
    unwatch(this.cancel);
    this.#reject(reason);
  }

  end(): boolean {
    return false;
  }
}

/** A `next` that waits, for an iterator that may be over then. */
export class Reader<T> implements Taker<T> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly #iteration: { isOver: boolean };
  readonly #resolve = lastResolve<IteratorResult<T>>();
  readonly #reject = lastReject();

  constructor(iteration: { isOver: boolean }) {
    this.#iteration = iteration;
  }

  deliver(value: T): void {
    this.#resolve({ value, done: false });
  }

  fail(reason: unknown): void {
    this.#iteration.isOver = true;
    this.#reject(reason);
  }

  end(): boolean {
    this.#iteration.isOver = true;
    this.#resolve({ value: undefined, done: true });
    return true;
  }
}
