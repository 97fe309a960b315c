/**
 * A channel between senders, which have values, and receivers, which want them.
 *
 * @module
 */

import type {
  ChannelOptions,
  ChannelReceiveOptions,
  ChannelReceiveResult,
  ChannelSendOptions,
} from "./channel_options.ts";
import { abortSignal, options as checked } from "../base/check.ts";
import { ChannelIterator } from "./channel_iterator.ts";
import { channelStream } from "./channel_stream.ts";
import { takeQueue } from "../queues/take_queue.ts";
import { ChannelClosedError } from "../base/errors.ts";
import { Exchange } from "./exchange.ts";
import { keep, NONE } from "../base/promises.ts";
import { reasonOf } from "../base/signals.ts";
import { Receiver, WaitingSend } from "./waiter.ts";

/** The inside of a channel; undefined if it is none. For `select`. */
export let exchangeOf: <T>(channel: Channel<T>) => Exchange<T> | undefined;

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
 * - **`undefined`** is a value like any other. A promise is awaited by `receive`
 *   and by iteration; `tryReceive` gives the promise itself.
 * - **Several consumers:** each value goes to exactly one of them, and a consumer that
 *   leaves, while it waits or awaits, takes no value with it.
 * - **With a queue that evicts or refuses** no sender waits for room: `send`
 *   resolves at once, and one value is gone: the oldest, or the new one. The queue's
 *   `onEvict` hears of it.
 * - **A queue of your own that throws** closes the channel with that error, which
 *   receivers get when they have what is left. What its `push` throws goes to the
 *   sender, and the channel stays open.
 *
 * Everything is O(1), also to leave by a signal.
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
  readonly #exchange: Exchange<T>;

  static {
    exchangeOf = (channel) =>
      typeof channel === "object" && channel !== null && #exchange in channel
        ? channel.#exchange
        : undefined;
  }

  /**
   * Makes a channel.
   *
   * @param options A rendezvous (capacity 0) if there are none.
   * @throws {RangeError} If `capacity` is neither a non-negative integer nor Infinity.
   * @throws {TypeError} If there are both a `queue` and a `capacity`; if the
   *   `queue` is no queue, is not empty, or is used already.
   */
  constructor(options: ChannelOptions<T> = {}) {
    const doing = "create channel";
    const queue = takeQueue(doing, checked(doing, options)!, 0);
    this.#exchange = new Exchange(queue);
  }

  /**
   * Sends a value. Waits for room; with capacity 0, for a receiver.
   *
   * @param value The value.
   * @param options A signal to end the wait; without a wait it is not looked at.
   * @returns A promise that resolves when the value is in, or handed over; or
   *   refused, by a queue that does that.
   * @throws {ChannelClosedError} If the channel is closed, before or during the
   *   wait; its `value` is the unsent one. It rejects, too, with the reason of the
   *   signal, with a TypeError if that is no signal, and with what the `push` of a queue
   *   of your own throws.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>();
   * const sent = channel.send("a"); // Waits for a receiver.
   * assert.equal(await channel.receive(), "a");
   * await sent;
   * ```
   */
  send(value: T, options?: ChannelSendOptions): Promise<void> {
    const exchange = this.#exchange;
    if (exchange.isClosed) {
      return Promise.reject(
        new ChannelClosedError("Cannot send to a closed channel", value),
      );
    }
    try {
      if (exchange.give(value)) return SENT;
      if (exchange.backlog.whenFull === "refuse") return SENT;
      return this.#waitToSend(value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives a value. Waits until there is one.
   *
   * @param options A signal to end the wait; without a wait it is not looked at.
   * @returns A promise of the next value.
   * @throws {ChannelClosedError} If the channel is closed and empty, before or
   *   during the wait; the reason instead, if `close` was given one. It rejects, too,
   *   with the reason of the signal, and with a TypeError if that is no signal.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel, ChannelClosedError } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * await channel.send("last");
   * channel.close();
   * assert.equal(await channel.receive(), "last");
   * await assert.rejects(channel.receive(), ChannelClosedError);
   * ```
   */
  receive(options?: ChannelReceiveOptions): Promise<T> {
    const exchange = this.#exchange;
    const value = exchange.take();
    if (value !== NONE) return Promise.resolve(value);
    if (exchange.isClosed) return Promise.reject(exchange.error);
    try {
      return this.#waitToReceive(options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends a value if that can be done now. Never waits; throws only what the `push`
   * of a queue of your own throws.
   *
   * @param value The value.
   * @returns False if the channel is full or closed, or has capacity 0 and no
   *   receiver waits.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * assert.equal(channel.trySend("a"), true);
   * assert.equal(channel.trySend("b"), false);
   * ```
   */
  trySend(value: T): boolean {
    return !this.#exchange.isClosed && this.#exchange.give(value);
  }

  /**
   * Receives a value if there is one now. Never waits; throws only what a queue of
   * your own throws.
   *
   * @returns `{ state: "ok", value }`, `{ state: "empty" }` if there is none
   *   yet, `{ state: "closed" }` if there will be none.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * assert.deepEqual(channel.tryReceive(), { state: "empty" });
   * channel.trySend("a");
   * assert.deepEqual(channel.tryReceive(), { state: "ok", value: "a" });
   * ```
   */
  tryReceive(): ChannelReceiveResult<T> {
    const exchange = this.#exchange;
    const { reason } = exchange;
    const value = exchange.take();
    if (value !== NONE) return { state: "ok", value };
    if (exchange.reason !== reason) throw exchange.error; // What the queue threw.
    return (exchange.isClosed ? CLOSED : EMPTY) as ChannelReceiveResult<T>;
  }

  /**
   * Closes the channel, without a reason. What is in it can still be received; then
   * iteration ends, and receivers get a {@linkcode ChannelClosedError}.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * await channel.send("last");
   * channel.close();
   * assert.deepEqual(await Array.fromAsync(channel), ["last"]);
   * ```
   */
  close(): void;
  /**
   * Closes the channel. What is in it can still be received; then receivers
   * get `reason`. Senders that wait get a {@linkcode ChannelClosedError}. To
   * close it again does nothing.
   *
   * @param reason What receivers get; without it a `ChannelClosedError`, and
   *   iteration just ends.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * await channel.send("a");
   * channel.close(new Error("no more"));
   * assert.equal(await channel.receive(), "a");
   * await assert.rejects(channel.receive(), /no more/);
   * ```
   */
  close(reason: unknown): void;
  close(...reason: [reason: unknown] | []): void {
    this.#exchange.close(reason.length > 0 ? reason[0] : NONE);
  }

  /** Whether the channel was closed. */
  get closed(): boolean {
    return this.#exchange.isClosed;
  }

  /** How many values are in the channel. Those of waiting senders do not count. */
  get size(): number {
    return this.#exchange.backlog.size;
  }

  /** How many values it holds before `send` waits. */
  get capacity(): number {
    return this.#exchange.backlog.capacity;
  }

  /**
   * Receives until the channel is closed and empty. Throws the reason of
   * `close`, if there was one, or what a promise in the channel rejects with;
   * the channel itself goes on after that.
   *
   * To break off does not close the channel, and takes nothing from it: a `next`
   * that waits ends, and a promise that it awaits is the next value again.
   *
   * @returns An iterator; each is a consumer of its own, and answers one `next`
   *   at a time. It inherits from `%AsyncIteratorPrototype%`.
   *
   * @example A consumer that leaves, and the next one
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>();
   * {
   *   await using values = channel[Symbol.asyncIterator]();
   *   values.next(); // Waits.
   * }
   * const value = channel.receive();
   * await channel.send("job");
   * assert.equal(await value, "job");
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> & AsyncDisposable {
    return new ChannelIterator(this.#exchange);
  }

  /**
   * The channel as a stream: a consumer of its own, which takes one value before
   * it is asked for it. It ends or fails as iteration does. To cancel the stream closes
   * the channel, and the value that was taken ahead is the next one again.
   *
   * @returns A stream of the values. A stream that takes nothing ahead, and does not
   *   close the channel, is `ReadableStream.from(channel)`.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 2 });
   * channel.trySend("a");
   * channel.trySend("b");
   * channel.close();
   * const stream = channel.toReadableStream();
   * assert.deepEqual(await Array.fromAsync(stream), ["a", "b"]);
   * ```
   */
  toReadableStream(): ReadableStream<T> {
    return channelStream(this.#exchange);
  }

  /**
   * Closes the channel, at the end of a `using` block.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>();
   * {
   *   using _ = channel;
   * }
   * assert.equal(channel.closed, true);
   * ```
   */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Closes the channel, at the end of an `await using` block.
   *
   * @returns A resolved promise: it does not wait for the channel to be empty.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Channel } from "@cogroup/cogroup";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * {
   *   await using _ = channel;
   *   await channel.send("last");
   * }
   * assert.deepEqual([channel.closed, channel.size], [true, 1]);
   * ```
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return SENT;
  }

  // Apart: with a closure in `send` or `receive`, each call would make a scope.

  #waitToSend(
    value: T,
    options: ChannelSendOptions | undefined,
  ): Promise<void> {
    const { backlog } = this.#exchange;
    const signal = abortSignal("send", options?.signal);
    if (signal?.aborted) throw reasonOf(signal);
    const sent = new Promise<void>(keep);
    const sender = new WaitingSend<T>(value);
    if (signal) sender.leaveBy(signal, () => backlog.leave(sender));
    backlog.join(sender);
    return sent;
  }

  #waitToReceive(options: ChannelReceiveOptions | undefined): Promise<T> {
    const exchange = this.#exchange;
    const signal = abortSignal("receive", options?.signal);
    if (signal?.aborted) throw reasonOf(signal);
    const received = new Promise<T>(keep);
    const receiver = new Receiver<T>();
    if (signal) receiver.leaveBy(signal, () => exchange.leave(receiver));
    exchange.wait(receiver);
    return received;
  }
}
