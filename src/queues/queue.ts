/**
 * Which value is next: the interface of every queue.
 *
 * A queue knows nothing of channels, workers or waiting. It has one user at a time,
 * and answers at once.
 *
 * @module
 */

import type { QueuedTask } from "../task.ts";

/**
 * Decides which value is next, and what becomes of one for which there is no
 * room. Give one to a {@linkcode Channel} or a {@linkcode CoGroup} in place of
 * a capacity; from then on it belongs to that.
 *
 * **A queue is trusted.** It must not lie: it gives each value once, and none that it
 * does not have, loses none, and tells its true size. Its methods must not use the
 * channel or the group that has it. No channel and no group looks after that; a test
 * finds out with {@linkcode checkedQueue}.
 *
 * **A queue refuses by its `push` alone.** What `push` throws goes to the call that
 * brings the value, and the value is not in; of an item of a `map`, to the stream; and a
 * task that comes back for its next attempt has failed with that. A queue must not throw
 * later: what another method throws aborts the group, or closes the channel.
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
 *   clear() {
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
   * next value is evicted to make room, or the value is refused. The queue only says
   * which; the channel or the group does it.
   *
   * @default {"wait"}
   */
  readonly whenFull?: "wait" | "evict" | "refuse";
  /** How many values it holds. */
  readonly size: number;
  /**
   * Takes a value in. It may be called over capacity, and must keep the value.
   * A value that was shifted, and comes again before it was reported `done`, is a
   * task that is tried again.
   *
   * @param value The value.
   */
  push(value: T): void;
  /**
   * The value that `shift` would give away now; `undefined` if it would give
   * none. A queue gives a value whenever it has one, unless it has a `done` that it
   * waits for.
   *
   * @returns The value, which stays.
   */
  peek(): T | undefined;
  /**
   * Gives the next value away.
   *
   * @returns The value; `undefined`, and nothing given away, if there is none.
   */
  shift(): T | undefined;
  /**
   * Gives all values away, in the order in which `shift` would have. None of them is
   * reported `done`.
   *
   * @returns The values.
   */
  clear(): T[];
  /**
   * A value that was shifted has ended. Only a queue that limits what runs
   * needs it: such a queue may give nothing, though it holds something, for as long as
   * something that it gave has not ended.
   *
   * @param value The value.
   */
  done?(value: T): void;
}

/** What happens to a value for which there is no room. */
export type WhenFull = NonNullable<Queue<unknown>["whenFull"]>;

/** What a queue of this library may have beyond that. */
export interface OwnQueue<T> extends Queue<T> {
  readonly whenFull: WhenFull;
  /** Is told by the channel or the group of each value that is evicted or refused. */
  readonly onEvict?: ((value: T) => unknown) | undefined;
  /** All values; they stay. In the order in which `clear` would give them away, if that can be told. */
  all(): T[];
  /**
   * What `clear` has just given away, in the order in which it is to be pushed again. Not
   * there: as it was given.
   */
  asItCame?(values: T[]): T[];
  /**
   * Takes out the value that `peek` has just given and that will not be used: for the
   * others it is as if that value had never been here. Default: `shift` and `done`.
   */
  discard?(): void;
  /**
   * The options of a value that is here have changed: puts it where it belongs now. Only
   * of a value that has an `id`. Not there: the queue's order does not depend on them.
   */
  update?(value: T): void;
  /** Only in a group, which says once how a key of it comes by its permits. */
  attach?(owner: QueueOwner): void;
  /** An attempt of a value that was shifted has ended; more may come before it is `done`. */
  ended?(value: T, failed: boolean): void;
  /** Speaks when the permit of its key, with which a value runs, is lost. */
  lost?(value: T): AbortSignal | undefined;
  /** A value that is here will not be used, and is discarded when it is next. */
  withdrawn?(value: T): void;
  /** Nothing can start now: lets others have what is kept for it. */
  rest?(): void;
}

const owned = new WeakSet<object>();

/** Marks a queue that is given to users as one of this library. One of theirs may have members of any name. */
export function own<Q extends object>(queue: Q): Q {
  owned.add(queue);
  return queue;
}

/** Whether it is one of this library. */
export function isOwn<T>(queue: Queue<T>): queue is OwnQueue<T> {
  return owned.has(queue);
}

/** The group, as a queue sees it that has governors. */
export interface QueueOwner {
  /** The way to a governor, if it is one. */
  gateTo(governor: unknown, key: unknown, keeper: KeyKeeper): KeyGate;
  /** It may give something that it did not give before. */
  onReady(): void;
  /** Whether a value that is here will be used. */
  isLive(value: QueuedTask): boolean;
}

/** What the gate of a key tells. */
export interface KeyKeeper {
  /** There is a permit: it is kept until `take` or `leave`. */
  onFree(): void;
  /** The governor, which is the user's code, has thrown. */
  onBroken(error: unknown): void;
}

/** The way of a key to its governor. */
export interface KeyGate {
  /** Whether the governor has nothing to remember, as far as can be known. */
  readonly isAsNew: boolean;
  /** A weight that a permit can have. Throws if this is none. */
  checkedWeight(value: unknown): number;
  /** Whether there is a permit for `take`. */
  offers(weight: number): boolean;
  /** Takes a permit; undefined if there is none after all. */
  take(weight: number): KeyPermit;
  /** Waits until `onFree`. */
  wait(weight: number): void;
  /** Waits no more, and has nothing kept. */
  leave(): void;
}

/** What a key has from its governor for each attempt that runs. */
export interface KeyPermit {
  readonly lost?: AbortSignal | undefined;
  release(failed?: boolean): void;
}
