/**
 * A channel between those who have values and those who want them.
 *
 * Invariants:
 * 1. A receiver waits only while there is nothing to take; so there is never
 *    a receiver waiting beside a sender, or beside a value.
 * 2. A waiter's promise settles in the call that decides its fate, and its
 *    watcher is off its signal before that (law 9).
 *
 * @module
 */

import type {
  ChannelOptions,
  ChannelReceiveOptions,
  ChannelReceiveResult,
  ChannelSendOptions,
} from "./channel_options.ts";
import { abortSignal, options as checked } from "./check.ts";
import { queueFrom, WrongQueueError } from "./checked_queue.ts";
import { ChannelClosedError } from "./errors.ts";
import { Line } from "./line.ts";
import { type Maybe, NONE } from "./maybe.ts";
import { List } from "./list.ts";
import { keep } from "./settlers.ts";
import { endBy, Reader, Receiver, type Taker, WaitingSend } from "./waiter.ts";

const SENT = Promise.resolve();
const EMPTY = Object.freeze({ state: "empty" });
const CLOSED = Object.freeze({ state: "closed" });

/**
 * A channel with the contract of @std/async `Channel`, method for method, and
 * two things more: `capacity` may be Infinity, and a {@linkcode Queue} can
 * stand in its place.
 *
 * - **First in, first out**, and so are the senders and receivers that wait
 *   (unless a queue of another order was given).
 * - **Backpressure:** `send` waits while the channel is full; with capacity 0
 *   until a receiver comes.
 * - **Close asymmetry:** receivers get what is still there, then the reason of
 *   `close`, or a {@linkcode ChannelClosedError}. Senders always get a
 *   `ChannelClosedError`, with the value that was not sent.
 * - **`undefined`** is a value like any other.
 * - **Several consumers:** each value goes to exactly one of them.
 * - **A queue that evicts or refuses** lets nobody wait for room: `send`
 *   resolves at once, and one value is gone: the oldest, or the new one.
 * - **A queue of your own that is wrong** closes the channel: the call that
 *   meets it gets the error, and receivers do, when they have what is left.
 *
 * Everything is O(1), leaving by a signal too.
 *
 * @example A producer and a consumer
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel } from "@cogroup/cogroup";
 *
 * const channel = new Channel<number>({ capacity: 2 });
 * const producer = (async () => {
 *   for (let i = 1; i <= 5; i++) await channel.send(i);
 *   channel.close();
 * })();
 *
 * let sum = 0;
 * for await (const value of channel) sum += value;
 * await producer;
 * assert.equal(sum, 15);
 * ```
 *
 * @typeParam T The type of the values.
 */
export class Channel<T>
  implements AsyncIterable<T>, Disposable, AsyncDisposable {
  readonly #line: Line<T>;
  readonly #takers = new List<Taker<T>>();
  #closed = false;
  /** Why it was closed, if `close` was given a reason. */
  #reason: Maybe<unknown> = NONE;
  #closedError: ChannelClosedError | undefined = undefined;
  /** What the queue threw, on its way to the call that met it. */
  #failure: Maybe<unknown> = NONE;

  /**
   * Makes a channel.
   *
   * @param options A rendezvous (capacity 0) if there are none.
   * @throws {RangeError} If `capacity` is neither a non-negative integer nor Infinity.
   * @throws {TypeError} If there are both a `queue` and a `capacity`, or the
   *   `queue` is none.
   */
  constructor(options: ChannelOptions<T> = {}) {
    const doing = "create channel";
    this.#line = new Line(queueFrom(doing, checked(doing, options)!, 0));
  }

  /**
   * Sends a value. Waits for room; with capacity 0, for a receiver.
   *
   * @param value The value.
   * @param options A signal to end the wait; without a wait it is not looked at.
   * @returns A promise that resolves when the value is in, or handed over; or
   *   refused, by a queue that does that.
   * @throws {ChannelClosedError} If the channel is closed, before or during the
   *   wait; its `value` is the unsent one.
   */
  send(value: T, options?: ChannelSendOptions): Promise<void> {
    if (this.#closed) {
      return Promise.reject(
        new ChannelClosedError("Cannot send to a closed channel", value),
      );
    }
    if (this.#pass(value)) return SENT;
    if (this.#failure !== NONE) return Promise.reject(this.#error());
    if (this.#line.whenFull === "refuse") return SENT;
    const sent = new Promise<void>(keep);
    const sender = new WaitingSend<T>(value);
    try {
      const signal = abortSignal("send", options?.signal);
      if (signal?.aborted) throw signal.reason;
      this.#line.join(sender); // Throws if the queue won't have such a value.
      if (signal) endBy(signal, sender, () => this.#line.leave(sender));
    } catch (error) {
      sender.fail(error);
    }
    return sent;
  }

  /**
   * Receives a value. Waits until there is one.
   *
   * @param options A signal to end the wait; without a wait it is not looked at.
   * @returns A promise of the next value.
   * @throws {ChannelClosedError} If the channel is closed and empty, before or
   *   during the wait; the reason instead, if `close` was given one.
   */
  receive(options?: ChannelReceiveOptions): Promise<T> {
    const value = this.#take();
    if (value !== NONE) return Promise.resolve(value);
    if (this.#closed) return Promise.reject(this.#error());
    const received = new Promise<T>(keep);
    const receiver = new Receiver<T>();
    try {
      const signal = abortSignal("receive", options?.signal);
      if (signal?.aborted) throw signal.reason;
      this.#takers.push(receiver);
      if (signal) endBy(signal, receiver, () => this.#takers.delete(receiver));
    } catch (error) {
      receiver.fail(error);
    }
    return received;
  }

  /**
   * Sends a value if that can be done now. Never waits; throws only what a
   * queue throws that can't take this value, or is wrong.
   *
   * @param value The value.
   * @returns False if the channel is full or closed, or nobody waits for a
   *   value at capacity 0.
   */
  trySend(value: T): boolean {
    if (this.#closed) return false;
    const isIn = this.#pass(value);
    if (this.#failure !== NONE) throw this.#error();
    return isIn;
  }

  /**
   * Receives a value if there is one now. Never waits; throws only if a queue
   * of your own is found to be wrong.
   *
   * @returns `{ state: "ok", value }`, `{ state: "empty" }` if there is none
   *   yet, `{ state: "closed" }` if there won't be one.
   */
  tryReceive(): ChannelReceiveResult<T> {
    const value = this.#take();
    if (value !== NONE) return { state: "ok", value };
    if (this.#failure !== NONE) throw this.#error();
    return (this.#closed ? CLOSED : EMPTY) as ChannelReceiveResult<T>;
  }

  /** Closes the channel. See {@linkcode Channel.close} with a reason. */
  close(): void;
  /**
   * Closes the channel. What is in it can still be received, then receivers
   * get `reason`. Senders that wait get a {@linkcode ChannelClosedError}. To
   * close it again does nothing.
   *
   * @param reason What receivers get; without it a `ChannelClosedError`, and
   *   iteration just ends.
   */
  close(reason: unknown): void;
  close(...reason: [reason: unknown] | []): void {
    if (this.#closed) return;
    this.#closed = true;
    if (reason.length > 0) this.#reason = reason[0];
    this.#line.dismiss();
    for (let t = this.#takers.shift(); t; t = this.#takers.shift()) {
      if (this.#reason !== NONE || !t.end()) t.fail(this.#error());
    }
  }

  /** Whether the channel was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many values are in the channel; those of waiting senders are not. */
  get size(): number {
    return this.#line.size;
  }

  /** How many values it holds before `send` waits. */
  get capacity(): number {
    return this.#line.capacity;
  }

  /**
   * Receives until the channel is closed and empty. Throws the reason of
   * `close`, if there was one. To break off does not close the channel.
   *
   * @returns An iterator; each is a consumer of its own.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const iteration = { isOver: false };
    const end = (): IteratorResult<T> => {
      iteration.isOver = true;
      return { value: undefined, done: true };
    };
    // Not an async generator: that costs three promises and three times the
    // microtasks for every value.
    const iterator: AsyncIterableIterator<T> = {
      next: () => {
        if (iteration.isOver) return Promise.resolve(end());
        const value = this.#take();
        if (value !== NONE) return Promise.resolve({ value, done: false });
        if (this.#closed) {
          const result = end();
          return this.#reason === NONE && this.#failure === NONE
            ? Promise.resolve(result)
            : Promise.reject(this.#error());
        }
        const next = new Promise<IteratorResult<T>>(keep);
        this.#takers.push(new Reader<T>(iteration));
        return next;
      },
      return: () => Promise.resolve(end()),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * The channel as a stream, a consumer of its own. It ends or fails as
   * iteration does; to cancel it closes the channel.
   *
   * @returns A stream of the values.
   */
  toReadableStream(): ReadableStream<T> {
    const values = this[Symbol.asyncIterator]();
    return new ReadableStream<T>({
      pull: async (controller) => {
        const { value, done } = await values.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => {
        if (reason === undefined) this.close();
        else this.close(reason);
      },
    });
  }

  /** Closes the channel, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Closes the channel, at the end of an `await using` block.
   *
   * @returns A resolved promise: it does not wait for the channel to be empty.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return SENT;
  }

  #take(): Maybe<T> {
    const line = this.#line;
    try {
      const value = line.shift();
      if (line.waiting > 0) line.admit();
      return value;
    } catch (error) {
      this.close(error); // A queue that is wrong is not one to wait for.
      this.#failure = error;
      return NONE;
    }
  }

  /** Hands the value over, or puts it into the line, if that can be done now. */
  #pass(value: T): boolean {
    const taker = this.#takers.shift();
    try {
      if (taker === undefined) return this.#line.offer(value);
    } catch (error) {
      if (error instanceof WrongQueueError) this.close(error);
      this.#failure = error;
      return false;
    }
    taker.deliver(value);
    return true;
  }

  /** What the queue threw, if it did, for one call; else why nothing can be received. */
  #error(): unknown {
    const failure = this.#failure;
    this.#failure = NONE;
    if (failure !== NONE) return failure;
    if (this.#reason !== NONE) return this.#reason;
    return this.#closedError ??= new ChannelClosedError(
      "Cannot receive from a closed channel",
    );
  }
}
