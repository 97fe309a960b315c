/**
 * What the calls of a channel take, and what they give.
 *
 * @module
 */

import type { Queue } from "../queues/queue.ts";

/**
 * What {@linkcode Channel.prototype.tryReceive} has found: a value, nothing yet, or
 * nothing any more.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type ChannelReceiveResult } from "@cogroup/cogroup";
 *
 * const channel = new Channel<string>({ capacity: 1 });
 * channel.trySend("a");
 * const result: ChannelReceiveResult<string> = channel.tryReceive();
 * assert.equal(result.state === "ok" && result.value, "a");
 * assert.equal(channel.tryReceive().state, "empty");
 * channel.close();
 * assert.equal(channel.tryReceive().state, "closed");
 * ```
 *
 * @typeParam T The type of the values.
 */
export type ChannelReceiveResult<T> =
  | { state: "ok"; value: T }
  | { state: "empty" }
  | { state: "closed" };

/**
 * Options of a {@linkcode Channel}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type ChannelOptions } from "@cogroup/cogroup";
 *
 * const options: ChannelOptions<number> = { capacity: 2 };
 * const channel = new Channel<number>(options);
 * assert.equal(channel.capacity, 2);
 * ```
 *
 * @typeParam T The type of the values.
 */
export interface ChannelOptions<T = unknown> {
  /**
   * How many values it holds before `send` waits: a non-negative integer or
   * Infinity. 0 is a rendezvous: `send` waits for a receiver.
   *
   * @default {0}
   */
  capacity?: number | undefined;
  /**
   * Which value is next, the capacity, and what happens when it is full; in
   * place of `capacity`.
   */
  queue?: Queue<T> | undefined;
}

/**
 * Options of {@linkcode Channel.prototype.send}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type ChannelSendOptions } from "@cogroup/cogroup";
 *
 * const channel = new Channel<string>();
 * const options: ChannelSendOptions = { signal: AbortSignal.timeout(1) };
 * await assert.rejects(channel.send("a", options), { name: "TimeoutError" });
 * assert.equal(channel.tryReceive().state, "empty"); // It was not sent.
 * ```
 */
export interface ChannelSendOptions {
  /** Ends the wait for room; `send` rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Options of {@linkcode Channel.prototype.receive}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type ChannelReceiveOptions } from "@cogroup/cogroup";
 *
 * const channel = new Channel<string>({ capacity: 1 });
 * const options: ChannelReceiveOptions = { signal: AbortSignal.timeout(1) };
 * await assert.rejects(channel.receive(options), { name: "TimeoutError" });
 * await channel.send("a"); // It is for the next receiver.
 * assert.equal(await channel.receive(), "a");
 * ```
 */
export interface ChannelReceiveOptions {
  /** Ends the wait for a value; `receive` rejects with its reason. */
  signal?: AbortSignal | undefined;
}
