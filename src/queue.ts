/**
 * Which value is next: the interface of every queue.
 *
 * A queue knows nothing of channels, workers or waiting. It is asked from one
 * place at a time and never asynchronously.
 *
 * @module
 */

/**
 * Decides which value is next, and what becomes of one for which there is no
 * room. Give one to a {@linkcode Channel} or a {@linkcode CoGroup} in place of
 * a capacity; it is theirs from then on.
 *
 * One of your own is watched. If it gives a value twice or one that it does
 * not have, loses one, lies about its size, or gives nothing though nothing
 * keeps it from that, whoever takes from it gets a TypeError that says so.
 * What it had is not lost: it comes first in, first out from then on.
 *
 * @example A queue of one's own: last in, first out
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, type Queue } from "@cogroup/cogroup";
 *
 * class Stack<T> implements Queue<T> {
 *   readonly capacity = Infinity;
 *   #values: T[] = [];
 *   get size() {
 *     return this.#values.length;
 *   }
 *   push(value: T) {
 *     this.#values.push(value);
 *   }
 *   peek() {
 *     return this.#values.at(-1);
 *   }
 *   shift() {
 *     return this.#values.pop();
 *   }
 *   drain() {
 *     return this.#values.splice(0).reverse();
 *   }
 * }
 *
 * const channel = new Channel<string>({ queue: new Stack() });
 * await channel.send("a");
 * await channel.send("b");
 * assert.equal(await channel.receive(), "b");
 * ```
 *
 * @typeParam T The type of the values.
 */
export interface Queue<T> {
  /**
   * How many values it holds before it is full: a non-negative integer, or
   * Infinity for no end. At least 1 if it evicts.
   */
  readonly capacity: number;
  /**
   * What happens to a value for which there is no room: its sender waits, the
   * next value is evicted to make room, or it is refused. The queue has no
   * part in that but to say so.
   *
   * @default {"wait"}
   */
  readonly whenFull?: "wait" | "evict" | "refuse";
  /** How many values it holds. */
  readonly size: number;
  /**
   * Takes a value in. It may be called over capacity, and must keep the value.
   * A value that was shifted, and pushed again without having been reported
   * `done`, is tried again.
   */
  push(value: T): void;
  /**
   * The value that `shift` would give away now; `undefined` if it would give
   * none. It gives one whenever it has one, unless it has a `done` that it
   * waits for.
   */
  peek(): T | undefined;
  /** Gives the next value away; `undefined`, and nothing given away, if there is none. */
  shift(): T | undefined;
  /** Gives all values away, in the order in which `shift` would have. None of them is reported `done`. */
  drain(): T[];
  /**
   * A value that was shifted has ended. Only a queue that limits what runs
   * needs it: it may give nothing, though it holds something, for as long as
   * something that it gave has not ended.
   */
  done?(value: T): void;
}
