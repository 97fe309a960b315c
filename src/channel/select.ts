/**
 * `select`: the first value of several channels.
 *
 * Invariants:
 * 1. A select takes one value, from one channel, and only when that is its result; so
 *    the others lose nothing (law 1).
 * 2. It waits in all of its channels or in none: before it settles it has left them,
 *    and its signal (law 9).
 * 3. Of the channels that have something, the one is next that no select was served by
 *    for the longest time. So a channel that has something waits for at most one turn
 *    of each of the others, whatever lists of channels are selected from.
 *
 * @module
 */

import { abortSignal, options as checked } from "../base/check.ts";
import { wrongType } from "../base/errors.ts";
import type { Link, List } from "../base/list.ts";
import {
  ignore,
  keep,
  lastReject,
  lastResolve,
  type Maybe,
  NONE,
  promiseIn,
} from "../base/promises.ts";
import { type AbortWatcher, reasonOf, unwatch } from "../base/signals.ts";
import { Turn } from "../base/turn.ts";
import { type Channel, exchangeOf } from "./channel.ts";
import type { Exchange } from "./exchange.ts";
import { type Taker, watchToLeave } from "./waiter.ts";

// A `Channel<unknown>` would be no other channel.
// deno-lint-ignore no-explicit-any
type Any = Channel<any>;

/**
 * Options of {@linkcode select}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, select, type SelectOptions } from "@cogroup/cogroup";
 *
 * const channels = [new Channel<string>(), new Channel<number>()];
 * const options: SelectOptions = { signal: AbortSignal.timeout(1) };
 * await assert.rejects(select(channels, options), { name: "TimeoutError" });
 * ```
 */
export interface SelectOptions {
  /** Ends the wait; `select` rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * What {@linkcode select} has found: a value and the channel it is from, or a channel
 * that has ended.
 *
 * `channel` and `value` belong together, also when they are taken apart: where
 * `channel === work` is true TypeScript knows the type of `value`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, select, type Selected } from "@cogroup/cogroup";
 *
 * const words = new Channel<string>({ capacity: 1 });
 * words.trySend("a");
 * words.close();
 * const first: Selected<typeof words> = await select([words]);
 * assert.deepEqual(first, { channel: words, value: "a" });
 * assert.deepEqual(await select([words]), { closed: words });
 * ```
 *
 * @typeParam C The types of the channels, as a union.
 */
export type Selected<C> =
  | (C extends Channel<infer T> ? {
      /** Where the value is from; undefined if a channel has ended. */
      channel: C;
      /** The value; a promise in the channel was awaited. */
      value: Awaited<T>;
      /** The channel that has ended; undefined if there is a value. */
      closed?: undefined;
    }
    : never)
  | { channel?: undefined; value?: undefined; closed: C };

type Found = Selected<Any>;

/** Milliseconds for which values at hand may keep the event loop. */
const SLICE = 10;

/** How many times a select was served; so, when the last time of a channel was. */
let serves = 0;
/** Asks for the next select whether the loop has turned. */
let turn: Turn | undefined = undefined;

/**
 * Receives the first value of several channels. Waits until one of them has one, or
 * has ended; the others lose nothing.
 *
 * - **Fair:** of the channels that have something the one is next that was not for the
 *   longest time; of those that never were, the first in the list. No channel starves
 *   beside a full one.
 * - **The end** of a channel, which is closed and empty, is something, too:
 *   `{ closed: channel }`. So a channel that is only ever closed says stop, as in Go.
 *   It is a result and no rejection because it says which channel it is; and it has no
 *   `channel`, so that a loop that asks `channel === work` never takes the end for a
 *   value. A channel that was closed with a reason ends with an error, as it does
 *   in iteration: `select` rejects with that reason.
 * - **Leave a channel out** when it has ended: it would say so again, in its turns.
 * - **The event loop turns** also when there is a value at hand every time.
 *
 * O(n) for n channels, and O(1) in each to leave it.
 *
 * @example Work, control and quit
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, select } from "@cogroup/cogroup";
 *
 * const work = new Channel<string>();
 * const control = new Channel<{ loud: boolean }>();
 * const quit = new Channel<never>();
 *
 * (async () => {
 *   await work.send("a");
 *   await control.send({ loud: true });
 *   await work.send("b");
 *   quit.close();
 * })();
 *
 * const said: string[] = [];
 * let isLoud = false;
 * for (;;) {
 *   const { channel, value, closed } = await select([work, control, quit]);
 *   if (closed) break; // quit; or no more work.
 *   if (channel === control) isLoud = value.loud;
 *   if (channel === work) said.push(isLoud ? value.toUpperCase() : value);
 * }
 * assert.deepEqual(said, ["a", "B"]);
 * ```
 *
 * @example Until all of them have ended
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, select } from "@cogroup/cogroup";
 *
 * const [odd, even] = [0, 1].map(() => new Channel<number>({ capacity: 3 }));
 * for (const n of [1, 2, 3, 4]) (n % 2 ? odd : even)!.trySend(n);
 * odd!.close();
 * even!.close();
 *
 * const open = new Set([odd!, even!]);
 * const values: number[] = [];
 * while (open.size > 0) {
 *   const { value, closed } = await select(open);
 *   if (closed) open.delete(closed);
 *   else values.push(value);
 * }
 * assert.deepEqual(values, [1, 2, 3, 4]);
 * ```
 *
 * @typeParam C The types of the channels, as a union.
 * @param channels One channel or more: an array, a set, or any other iterable.
 * @param options A signal to end the wait; without a wait it does not matter whether it
 *   is aborted.
 * @returns A promise of `{ channel, value }`, or of `{ closed }`.
 * @throws {TypeError} If `channels` is no iterable of channels, or `signal` is no signal;
 *   and a {RangeError} if there is no channel. It rejects with that; with the
 *   reason of the signal; with that for which a channel was closed; and with that
 *   of a promise that was in a channel.
 */
export function select<
  // One of `never`, which is only ever closed, is no `Channel<any>`.
  // deno-lint-ignore no-explicit-any
  C extends Channel<any> | Channel<never>,
>(
  channels: Iterable<C>,
  options: SelectOptions = {},
): Promise<Selected<C>> {
  try {
    const list = listOf(channels);
    const given = checked("select", options);
    const signal = abortSignal("select", given?.signal);
    const turned = holdUp();
    const result = take(list);
    const selected = result !== NONE
      ? turned === undefined ? Promise.resolve(result) : after(turned, result)
      : wait(list, signal, turned);
    return selected as Promise<Selected<C>>;
  } catch (error) {
    return Promise.reject(error);
  }
}

function listOf(channels: Iterable<unknown>): readonly Any[] {
  if (typeof channels?.[Symbol.iterator] !== "function") {
    throw wrongType("select", "channels", "an iterable of Channels", channels);
  }
  const list = (Array.isArray(channels) ? channels : [...channels]) as Any[];
  for (let at = 0; at < list.length; at++) {
    if (exchangeOf(list[at]!) !== undefined) continue;
    throw wrongType("select", `channels[${at}]`, "a Channel", list[at]);
  }
  if (list.length > 0) return list;
  throw new RangeError(
    "Cannot select: channels must have at least one Channel, received none",
  );
}

/** The result, if there is one now. */
function take(list: readonly Any[]): Maybe<Found | Promise<Found>> {
  // Most often the first try gives one. Only a queue of the user's own may have values
  // and give none: then another channel is next.
  for (let tries = 0; tries < list.length; tries++) {
    const channel = longestUnserved(list);
    if (channel === undefined) return NONE;
    const exchange = exchangeOf(channel)!;
    const value = exchange.take();
    exchange.served = ++serves;
    if (value !== NONE) return found(channel, value);
    if (exchange.isClosed) return ended(channel, exchange);
  }
  return NONE;
}

/** Of the channels that have something: keeps invariant 3. */
function longestUnserved(list: readonly Any[]): Any | undefined {
  let channel: Any | undefined;
  let least = Infinity;
  for (let at = 0; at < list.length; at++) {
    const { isReady, served } = exchangeOf(list[at]!)!;
    if (!isReady || served >= least) continue;
    channel = list[at];
    least = served;
  }
  return channel;
}

function found(channel: Any, value: unknown): Found | Promise<Found> {
  const promise = promiseIn(value);
  return promise === undefined
    ? { channel, value }
    : promise.then((value) => ({ channel, value }));
}

function ended(
  channel: Any,
  { reason }: Exchange<unknown>,
): Found | Promise<Found> {
  return reason === NONE ? { closed: channel } : Promise.reject(reason);
}

function wait(
  list: readonly Any[],
  signal: AbortSignal | undefined,
  turned: Promise<void> | undefined,
): Promise<Found> {
  if (signal?.aborted) throw reasonOf(signal);
  const selected = new Promise<Found>(keep);
  const selection = new Selection(list, turned);
  if (signal !== undefined) selection.leaveBy(signal);
  return selected;
}

/** A select that waits. It settles the promise that was made just before it. */
class Selection {
  readonly #cases: readonly Case[];
  /** Resolves when the loop has turned, if the result has to wait for that. */
  readonly #turned: Promise<void> | undefined;
  readonly #resolve = lastResolve<Found | Promise<Found>>();
  readonly #reject = lastReject();
  #watcher: AbortWatcher | undefined = undefined;

  constructor(
    list: readonly Any[],
    turned: Promise<void> | undefined,
  ) {
    this.#turned = turned;
    this.#cases = list.map((channel) => new Case(channel, this));
  }

  leaveBy(signal: AbortSignal): void {
    this.#watcher = watchToLeave(signal, () => this.leave(), this.#reject);
  }

  leave(): void {
    unwatch(this.#watcher);
    for (const one of this.#cases) one.leave();
  }

  settle(result: Found | Promise<Found>): void {
    const turned = this.#turned;
    this.#resolve(turned === undefined ? result : after(turned, result));
  }
}

/** A select, as one of its channels sees it. */
class Case implements Taker<unknown> {
  list: List<Link> | undefined = undefined;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  readonly #channel: Any;
  readonly #exchange: Exchange<unknown>;
  readonly #selection: Selection;

  constructor(channel: Any, selection: Selection) {
    this.#channel = channel;
    this.#selection = selection;
    this.#exchange = exchangeOf(channel)!;
    this.#exchange.wait(this);
  }

  leave(): void {
    this.#exchange.leave(this);
  }

  deliver(value: unknown): void {
    this.#serve();
    this.#selection.settle(found(this.#channel, value));
  }

  end(): void {
    this.#serve();
    this.#selection.settle(ended(this.#channel, this.#exchange));
  }

  /** First: to look at a value may run the user's code. */
  #serve(): void {
    this.#exchange.served = ++serves;
    this.#selection.leave();
  }
}

/**
 * Undefined if the result may be given as soon as it is there; else what resolves when
 * the event loop has turned (law 10). Each that waits for that has a turn of its own:
 * so they go on one by one.
 */
function holdUp(): Promise<void> | undefined {
  turn ??= new Turn(SLICE);
  if (turn.mayStart()) return undefined;
  const waiting = turn;
  turn = undefined;
  return waiting.turned().then(() => waiting.leave());
}

/** The result, which is there already, when the loop has turned. */
function after(
  turned: Promise<void>,
  result: Found | Promise<Found>,
): Promise<Found> {
  if (result instanceof Promise) result.catch(ignore); // Until then.
  return turned.then(() => result);
}
