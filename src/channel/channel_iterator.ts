/**
 * The iteration of a channel.
 *
 * Invariants:
 * 1. The iterator takes one value at a time, for the first `next` that waits. Until
 *    that one is settled the iterator waits in the channel, or holds the value that
 *    it took, and the other `next`s wait behind. So they settle in order.
 * 2. When the iterator `#isOver` it takes and holds nothing, and no `next` waits.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { type Link, List } from "../base/list.ts";
import {
  ignore,
  keep,
  lastReject,
  lastResolve,
  type Maybe,
  NONE,
  promiseIn,
  type Settle,
} from "../base/promises.ts";
import { DONE, Steps } from "../base/steps.ts";
import { Turn } from "../base/turn.ts";
import { Reader, type Taker } from "./waiter.ts";

/** Milliseconds for which values at hand may keep the event loop. */
const SLICE = 10;

export class ChannelIterator<T> extends Steps<T> implements Taker<T> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly #exchange: Exchange<T>;
  readonly #turn = new Turn(SLICE, () => this.#onTurn());
  /** What settles the first `next` that waits, if any. Fields: 5 ns a value. */
  #resolve: Settle<IteratorResult<T>> | undefined = undefined;
  #reject: Settle<unknown> | undefined = undefined;
  readonly #others = new List<Reader<T>>();
  /** The promise that was taken for that `next`, as it was in the channel. */
  #held: Maybe<T> = NONE;
  /** The value that was taken for it, to be given when the event loop has turned. */
  #heldUp: Maybe<T> = NONE;
  #isOver = false;

  constructor(exchange: Exchange<T>) {
    super();
    this.#exchange = exchange;
  }

  override next(): Promise<IteratorResult<T>> {
    // What is rare is elsewhere: written out here, it costs Bun 4 ns a value.
    if (this.#isOver || this.#resolve !== undefined) return this.#queueUp();
    // The value is taken now, whether it may be given now or not: else it would lose its
    // place to a later call.
    const mayGive = this.#turn.mayStart();
    const value = this.#exchange.take();
    if (value === NONE) return this.#begin();
    if (!mayGive) return this.#beginHeldUp(value);
    const promise = promiseIn(value);
    if (promise !== undefined) return this.#beginWith(value, promise);
    return Promise.resolve({ value, done: false });
  }

  override leave(): void {
    this.#exchange.leave(this);
    const held = this.#heldUp === NONE ? this.#held : this.#heldUp;
    this.#held = this.#heldUp = NONE;
    this.#finish(NONE);
    if (held !== NONE) this.#exchange.giveBack(held);
  }

  deliver(value: T): void {
    if (this.#answer(value) && this.#resolve !== undefined) this.#goOn();
  }

  end(): void {
    this.#finish(this.#exchange.reason);
  }

  /** The first `next` waits for a value. */
  #begin(): Promise<IteratorResult<T>> {
    const step = this.#step();
    this.#wait();
    return step;
  }

  /** The first `next` waits for the promise that was taken. */
  #beginWith(
    value: T,
    promise: Promise<Awaited<T>>,
  ): Promise<IteratorResult<T>> {
    const step = this.#step();
    this.#hold(value, promise);
    return step;
  }

  /** The first `next` waits until the event loop has turned (law 10). */
  #beginHeldUp(value: T): Promise<IteratorResult<T>> {
    const step = this.#step();
    this.#holdUp(value);
    return step;
  }

  #holdUp(value: T): void {
    this.#heldUp = value;
    if (value instanceof Promise) value.catch(ignore); // Until then.
  }

  /** The event loop has turned. */
  #onTurn(): void {
    this.#turn.leave();
    const value = this.#heldUp;
    this.#heldUp = NONE;
    if (value !== NONE) this.deliver(value);
  }

  /** The promise of the first `next`. */
  #step(): Promise<IteratorResult<T>> {
    const step = new Promise<IteratorResult<T>>(keep);
    this.#resolve = lastResolve();
    this.#reject = lastReject();
    return step;
  }

  #queueUp(): Promise<IteratorResult<T>> {
    if (this.#isOver) return Promise.resolve(DONE);
    const step = new Promise<IteratorResult<T>>(keep);
    this.#others.push(new Reader<T>());
    return step;
  }

  /** Takes values for the `next`s that wait, one after the other. */
  #goOn(): void {
    while (this.#resolve !== undefined) {
      const value = this.#exchange.take();
      if (value === NONE) return this.#wait();
      if (!this.#answer(value)) return;
    }
  }

  #wait(): void {
    if (this.#exchange.isClosed) this.end();
    else this.#exchange.wait(this);
  }

  /** Gives the value to the first `next`. False if that has to wait. */
  #answer(value: T): boolean {
    if (this.#turn.isWaiting) {
      this.#holdUp(value);
      return false;
    }
    const promise = promiseIn(value);
    if (promise !== undefined) {
      this.#hold(value, promise);
      return false;
    }
    const resolve = this.#resolve!;
    if (this.#others.size > 0) this.#advance();
    else this.#resolve = this.#reject = undefined;
    resolve({ value, done: false });
    return true;
  }

  #hold(value: T, promise: Promise<Awaited<T>>): void {
    this.#held = value;
    promise.then((value) => {
      if (this.#isOver) return;
      this.#held = NONE;
      this.#settle({ value, done: false });
      this.#goOn();
    }, (error) => {
      this.#held = NONE;
      this.#finish(error);
    });
  }

  /** Settles the first `next`; then the one behind it is the first. */
  #settle(step: IteratorResult<T>): void {
    const resolve = this.#resolve!;
    this.#advance();
    resolve(step);
  }

  #advance(): void {
    const next = this.#others.shift();
    this.#resolve = next?.resolve;
    this.#reject = next?.reject;
  }

  /** Rejects the first `next` if there is an error; all others are done. */
  #finish(error: Maybe<unknown>): void {
    this.#isOver = true;
    this.#turn.leave(); // It may wait for a turn, and have no value.
    if (error !== NONE) this.#reject?.(error); // To settle it once more does nothing.
    while (this.#resolve !== undefined) this.#settle(DONE);
  }
}
