/**
 * How tasks come in: checked, counted, and in the order of the calls (law 4).
 *
 * Invariants:
 * 1. A task is in the line and in the books in the same step, or in neither.
 * 2. Who waits for room leaves the line, and its signal, when it is let in,
 *    turned away, or its task's own signal is aborted (law 9).
 *
 * @module
 */

import { type Item, signalOf } from "./attempt.ts";
import { PlainCall, TrackedCall } from "./call.ts";
import {
  abortSignal,
  callable,
  milliseconds,
  options as checked,
  priority,
} from "./check.ts";
import type { Core } from "./core.ts";
import { Entry, type Traits } from "./entry.ts";
import { CoGroupClosedError } from "./errors.ts";
import { type Maybe, NONE } from "./maybe.ts";
import { Sender } from "./sender.ts";
import { RetryPolicy } from "./retry.ts";
import { keep, lastReject, lastResolve, type Settle } from "./settlers.ts";
import { type Cancel, cancelBy, unwatch } from "./signals.ts";
import type { QueuedTask, Task, TaskOptions } from "./task.ts";

const YES = Promise.resolve(true);
const NO = Promise.resolve(false);

/** A rejection that nobody has to read (law 6). */
export function rejectQuietly(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  return promise;
}

/**
 * Someone who waits for room: with a task, or for a place to be held. Settles the
 * promise that was made just before it: see settlers.ts.
 */
export class WaitingInsert extends Sender<Item> {
  // Declared, as those of an entry are. Its own, so that no closure has to be made.
  declare readonly core: Core;
  declare readonly resolve: Settle<boolean>;
  declare readonly reject: Settle<unknown>;
  declare cancel: Cancel | undefined;

  constructor(core: Core, item: Maybe<Item>) {
    super(item);
    this.core = core;
    this.resolve = lastResolve();
    this.reject = lastReject();
    this.cancel = undefined;
  }

  override get isGone(): boolean {
    return this.value !== NONE && signalOf(this.value)?.aborted === true;
  }

  override admitted(): void {
    try {
      if (this.value !== NONE) this.core.accept(this.value);
      this.resolve(true);
    } catch (error) {
      this.reject(error);
    }
    unwatch(this.cancel); // Last: a signal that it shares with its task is kept.
  }

  override refused(): void {
    unwatch(this.cancel);
    this.resolve(false);
  }

  /** It waits no longer, of itself. */
  leave(): void {
    this.core.line.leave(this);
    this.resolve(false);
    this.core.crew.stir();
  }
}

export class Intake {
  readonly core: Core;
  /** Whether a task without options can go into the line as it is. */
  readonly #isBare: boolean;
  /** Whether somebody has to hear of every attempt's end, or every task's. */
  readonly #isTracked: boolean;
  /** Those of a task without options. */
  readonly #traits: Traits;

  constructor(core: Core) {
    this.core = core;
    const { governor, isRead, queue, retry, timeout } = core.settings;
    this.#isTracked = governor !== undefined || queue.done !== undefined;
    const isPlain = retry === undefined && timeout === Infinity &&
      !this.#isTracked;
    this.#isBare = isPlain && !isRead;
    this.#traits = {
      options: undefined,
      signal: undefined,
      retry,
      timeout,
      home: core.attempts,
      isPlain,
    };
  }

  add(task: Task, options: TaskOptions | undefined): boolean {
    const item = this.#item("add", task, options);
    return !this.#isRefused(item) && this.keep(item);
  }

  tryInsert(task: Task, options: TaskOptions | undefined): boolean {
    const item = this.#item("tryInsert", task, options);
    return !this.#isRefused(item) && this.#offer(item);
  }

  insert(task: Task, options: TaskOptions | undefined): Promise<boolean> {
    try {
      const item = this.#item("insert", task, options);
      if (this.#isRefused(item)) return NO;
      if (this.#offer(item)) return YES;
      if (this.core.line.whenFull === "refuse") return NO;
      return this.#insertLater(item);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #insertLater(item: Item): Promise<boolean> {
    const isIn = new Promise<boolean>(keep);
    const sender = new WaitingInsert(this.core, item);
    this.core.line.join(sender);
    const signal = signalOf(item);
    if (signal === undefined) return isIn;
    try {
      sender.cancel = cancelBy(signal, sender, () => sender.leave());
    } catch (error) {
      this.core.line.leave(sender);
      sender.reject(error);
    }
    return isIn;
  }

  go(task: Task, options: TaskOptions | undefined): Promise<unknown> {
    try {
      callable("go", "task", task);
      const traits = this.traits("go", options);
      const refusal = this.refusal("go", traits);
      if (refusal !== undefined) return rejectQuietly(refusal.reason);
      const CallOf = traits.isPlain ? PlainCall : TrackedCall;
      const call = new CallOf(task, traits, this.core.crew);
      if (!this.keep(call)) call.refuse();
      return call.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Why a result can't be had; undefined if it can. */
  refusal(
    doing: string,
    { signal }: Traits,
  ): { reason: unknown } | undefined {
    const { reason, isClosed } = this.core;
    if (reason !== NONE) return { reason };
    if (isClosed) {
      return {
        reason: new CoGroupClosedError(`Cannot ${doing}: the group is closed`),
      };
    }
    return signal?.aborted ? { reason: signal.reason } : undefined;
  }

  /** The task for `insertAll`; NONE if its own signal is aborted already. */
  pulled(value: Task | QueuedTask): Maybe<Item> {
    if (typeof value === "function") {
      return this.#item("insertAll", value, undefined);
    }
    const { task, options } = checked("insertAll", value, "task")!;
    const item = this.#item("insertAll", task, options);
    return signalOf(item)?.aborted ? NONE : item;
  }

  /** Takes an item in, room or not; false if the queue refuses it. */
  keep(item: Item): boolean {
    return this.core.line.keep(item) && this.#accept(item);
  }

  /** Takes it in at a place that was held, and is held no longer. */
  fill(item: Item): boolean {
    return this.core.line.fill(item) && this.#accept(item);
  }

  #offer(item: Item): boolean {
    return this.core.line.offer(item) && this.#accept(item);
  }

  #accept(item: Item): true {
    this.core.accept(item);
    this.core.crew.wake();
    return true;
  }

  #isRefused(item: Item): boolean {
    return this.core.isClosed || signalOf(item)?.aborted === true;
  }

  #item(doing: string, task: Task, options: TaskOptions | undefined): Item {
    callable(doing, "task", task);
    if (options === undefined && this.#isBare) return task;
    return new Entry(task, this.traits(doing, options));
  }

  /** What the options, and the group's where they say nothing, make of a task. */
  traits(doing: string, options: TaskOptions | undefined): Traits {
    if (options === undefined) return this.#traits;
    // Each is read once: what is checked is what counts.
    const given = checked(doing, options)!;
    const signal = abortSignal(doing, given.signal);
    const { timeout: ms, retry: rule } = given;
    priority(doing, given.priority);
    const timeout = ms === undefined
      ? this.#traits.timeout
      : milliseconds(doing, "timeout", ms);
    const retry = rule === undefined
      ? this.#traits.retry
      : new RetryPolicy(doing, rule);
    const isPlain = signal === undefined && timeout === Infinity &&
      retry === undefined && !this.#isTracked;
    const { home } = this.#traits;
    return { options, signal, timeout, retry, home, isPlain };
  }
}
