/**
 * A channel as a stream of the platform.
 *
 * Invariants:
 * 1. At most one value is taken and not handed on, and it is here. The queue of the
 *    stream itself holds none: a value in there is lost when the stream is cancelled.
 * 2. A value is handed on only when a read was asked for and a reader has the stream. A
 *    reader that gives the stream up while its read waits takes the next value with it,
 *    if another one has the stream by then: streams do not tell of that.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import type { Link, List } from "../base/list.ts";
import { type Maybe, NONE, promiseIn } from "../base/promises.ts";
import type { Taker } from "./waiter.ts";

/** Makes a stream that is a consumer of the channel. */
export function channelStream<T>(exchange: Exchange<T>): ReadableStream<T> {
  return new ChannelSource(exchange).stream;
}

class ChannelSource<T> implements UnderlyingDefaultSource<T>, Taker<T> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly stream: ReadableStream<T>;
  readonly #exchange: Exchange<T>;
  #controller: ReadableStreamDefaultController<T> | undefined = undefined;
  /** The value that was taken, as it was in the channel, */
  #taken: Maybe<T> = NONE;
  /** and the value to be handed on: the same, or what that promise came to. */
  #ready: Maybe<T> = NONE;
  /** Whether a read waits. */
  #isAsked = false;
  #isCancelled = false;

  constructor(exchange: Exchange<T>) {
    this.#exchange = exchange;
    // With a mark of 0 the stream pulls only when a read waits.
    this.stream = new ReadableStream<T>(this, { highWaterMark: 0 });
  }

  start(controller: ReadableStreamDefaultController<T>): void {
    this.#controller = controller;
    this.#takeAhead();
  }

  pull(): void {
    this.#isAsked = true;
    if (this.#ready !== NONE) this.#handOn(this.#ready);
  }

  cancel(reason: unknown): void {
    this.#isCancelled = true;
    if (this.#taken !== NONE) this.#exchange.giveBack(this.#taken);
    this.#exchange.close(reason === undefined ? NONE : reason);
  }

  deliver(value: T): void {
    this.#taken = value;
    const promise = promiseIn(value);
    if (promise === undefined) this.#arrived(value);
    else {
      promise.then(
        (value) => this.#arrived(value),
        (error) => this.#finish(error),
      );
    }
  }

  end(): void {
    this.#finish(this.#exchange.reason);
  }

  /** In a later microtask: a consumer that has just got a value goes behind the others. */
  #takeAhead(): void {
    Promise.resolve().then(() => this.#take());
  }

  #take(): void {
    if (this.#isCancelled) return;
    const value = this.#exchange.take();
    if (value !== NONE) this.deliver(value);
    else if (this.#exchange.isClosed) this.end();
    else this.#exchange.wait(this);
  }

  #arrived(value: T): void {
    if (this.#isCancelled) return;
    this.#ready = value;
    // A reader that was released has taken its reads with it.
    this.#isAsked &&= this.stream.locked;
    if (this.#isAsked) this.#handOn(value);
  }

  #handOn(value: T): void {
    this.#taken = this.#ready = NONE;
    this.#isAsked = false; // First: the stream may pull again at once.
    this.#controller!.enqueue(value);
    this.#takeAhead();
  }

  #finish(error: Maybe<unknown>): void {
    if (this.#isCancelled) return;
    if (error === NONE) this.#controller!.close();
    else this.#controller!.error(error);
  }
}
