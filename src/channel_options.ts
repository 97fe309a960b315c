/**
 * What the calls of a channel take, and what they give.
 *
 * @module
 */

import type { Queue } from "./queue.ts";

/**
 * What {@linkcode Channel.tryReceive} found: a value, nothing yet, or nothing
 * any more.
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
 * @typeParam T The type of the values.
 */
export interface ChannelOptions<T = unknown> {
  /**
   * How many values it holds before `send` waits: a non-negative integer or
   * Infinity. 0 is a rendezvous: `send` waits for a receiver.
   *
   * @default {0}
   */
  capacity?: number;
  /**
   * Which value is next, the capacity, and what happens when it is full; in
   * place of `capacity`.
   */
  queue?: Queue<T>;
}

/** Options of {@linkcode Channel.send}. */
export interface ChannelSendOptions {
  /** Ends the wait for room; `send` rejects with its reason. */
  signal?: AbortSignal;
}

/** Options of {@linkcode Channel.receive}. */
export interface ChannelReceiveOptions {
  /** Ends the wait for a value; `receive` rejects with its reason. */
  signal?: AbortSignal;
}
