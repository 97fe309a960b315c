/**
 * How tasks come in: checked, counted, and in the order of the calls (law 4).
 *
 * Invariants:
 * 1. A task comes into the backlog and is counted in the same step, or neither.
 * 2. An insert that waits for room leaves the backlog and its signal when it is let in,
 *    when it is turned away, and when its task's own signal is aborted (law 9).
 *
 * @module
 */

import {
  abortSignal,
  callable,
  milliseconds,
  options as checked,
  priority,
  weight as checkedWeight,
} from "../base/check.ts";
import { CoGroupClosedError, domError, wrongType } from "../base/errors.ts";
import {
  keep,
  lastReject,
  lastResolve,
  type Maybe,
  NONE,
  rejectQuietly,
  type Settle,
} from "../base/promises.ts";
import { RetryPolicy } from "../base/retry.ts";
import { AbortWatcher, reasonOf, unwatch, watch } from "../base/signals.ts";
import { type Permits, permitsOf } from "../governors/permits.ts";
import { Sender } from "../channel/backlog.ts";
import type { QueuedTask, Task, TaskOptions } from "../task.ts";
import { Call } from "./call.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { Entry, type Item, signalOf, type Traits } from "./entry.ts";
import type { Group } from "./group.ts";

const YES = Promise.resolve(true);
const NO = Promise.resolve(false);

/**
 * A call that waits for room: with a task, or (NONE) for a place to be held. It settles
 * the promise that was made just before it, with `keep`: see promises.ts.
 */
export class WaitingInsert extends Sender<Item> {
  // Declared: see `Entry`. Fields, so that no closure is made.
  declare readonly group: Group;
  declare readonly resolve: Settle<boolean>;
  declare readonly reject: Settle<unknown>;
  declare watcher: AbortWatcher | undefined;

  constructor(group: Group, item: Maybe<Item>) {
    super(item);
    this.group = group;
    this.resolve = lastResolve();
    this.reject = lastReject();
    this.watcher = undefined;
  }

  override get isGone(): boolean {
    return this.value !== NONE && signalOf(this.value)?.aborted === true;
  }

  /** Waits until the signal is aborted. */
  leaveBy(signal: AbortSignal): void {
    this.watcher = new AbortWatcher(() => {
      this.group.backlog.leave(this);
      this.resolve(false);
      this.group.workers.look();
    });
    watch(signal, this.watcher);
  }

  override admitted(): void {
    if (this.value !== NONE) this.group.accept(this.value);
    unwatch(this.watcher); // Last: the task watches the signal by now, whose listener stays.
    this.resolve(true);
  }

  override refused(): void {
    unwatch(this.watcher);
    this.resolve(false);
  }

  override failed(error: unknown): void {
    unwatch(this.watcher);
    this.reject(error);
  }
}

export class Intake {
  readonly #group: Group;
  /** Whether a task without options can be queued as it is. */
  readonly #isBare: boolean;
  /** Those of the group's governor, if it is one of this library. */
  readonly #permits: Permits | undefined;
  /** The traits of a task without options. */
  readonly #traits: Traits;
  /** The last ones that have nothing of one task alone. */
  #last: Traits;

  constructor(group: Group) {
    this.#group = group;
    const { governor, isRead, observer, retry, timeout } = group.settings;
    this.#permits = governor && permitsOf(governor);
    const isPlain = timeout === Infinity;
    this.#isBare = isPlain && retry === undefined && !isRead &&
      governor === undefined && observer === undefined;
    this.#traits = this.#last = {
      host: group.workers,
      id: undefined,
      signal: undefined,
      timeout,
      retry,
      weight: 1,
      isPlain,
    };
  }

  add(task: Task, options: TaskOptions | undefined): boolean {
    return this.bring(this.#item("add", task, options));
  }

  /** Brings in an item as `add` does. */
  bring(item: Item): boolean {
    return !this.#isRefused(item) && this.#group.backlog.keep(item) &&
      this.#accept(item);
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
      if (this.#group.backlog.whenFull === "refuse") return NO;
      return this.#insertLater(item);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #insertLater(item: Item): Promise<boolean> {
    const isIn = new Promise<boolean>(keep);
    const sender = new WaitingInsert(this.#group, item);
    const signal = signalOf(item);
    if (signal !== undefined) sender.leaveBy(signal);
    const { backlog, diagnosis } = this.#group;
    backlog.join(sender);
    if (diagnosis === undefined || signal !== undefined) return isIn;
    diagnosis.look();
    return diagnosis.watch(isIn, {
      doing: "insert",
      lack: () => sender.list === undefined ? "nothing" : "worker",
      fail: (error) => {
        backlog.leave(sender);
        sender.failed(error);
      },
    });
  }

  go(task: Task, options: TaskOptions | undefined): Promise<unknown> {
    try {
      callable("go", "task", task);
      const traits = this.traits("go", options);
      const refusal = this.refusal("go", traits);
      if (refusal !== NONE) return rejectQuietly(refusal);
      const { backlog, workers } = this.#group;
      const call = new Call(task, options, traits);
      call.promise = workers.promise(call);
      if (!backlog.keep(call)) {
        const why = "Cannot go: the queue is full";
        return rejectQuietly(domError(why, "AbortError"));
      }
      this.#group.accept(call);
      if (call.takeTurn !== undefined) workers.wakeCall(call);
      return this.#group.diagnosis === undefined
        ? call.promise
        : this.#watched(this.#group.diagnosis, call);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The promise of a call. Its own signal, if it has one, can end a wait for it. */
  #watched(diagnosis: Diagnosis, call: Call): Promise<unknown> {
    if (call.traits.signal !== undefined) return call.promise;
    let isTold = false;
    return diagnosis.watch(call.promise, {
      doing: "go",
      lack: () => {
        if (isTold || call.state === "gone") return "nothing";
        return call.state === "running" ? "tasks" : "worker";
      },
      fail: (error) => {
        isTold = true;
        if (call.state === "running") call.abandoned(error); // It runs on, for nothing.
        else this.#group.attempts.withdraw(call, error);
      },
    });
  }

  /** Why a call can't be accepted; NONE if it can. */
  refusal(doing: string, { signal }: Traits): Maybe<unknown> {
    const { reason, closed } = this.#group.state;
    if (reason !== NONE) return reason;
    if (closed) {
      const why =
        `Cannot ${doing}: the group is closed (idle() leaves it open)`;
      return new CoGroupClosedError(why);
    }
    return signal?.aborted ? reasonOf(signal) : NONE;
  }

  /** What `insertAll` has pulled, as an item; NONE if its own signal is aborted already. */
  pulled(value: Task | QueuedTask): Maybe<Item> {
    if (typeof value === "function") {
      return this.#item("insertAll", value, undefined);
    }
    if (typeof value !== "object" || value === null) {
      const wanted = "a function, or an object with one";
      throw wrongType("insertAll", "task", wanted, value);
    }
    const { task, options } = value;
    const item = this.#item("insertAll", task, options);
    return signalOf(item)?.aborted ? NONE : item;
  }

  /** Puts the item in a place that is held, which is then taken. */
  fill(item: Item): boolean {
    return this.#group.backlog.fill(item) && this.#accept(item);
  }

  #offer(item: Item): boolean {
    return this.#group.backlog.offer(item) && this.#accept(item);
  }

  #accept(item: Item): true {
    this.#group.accept(item);
    this.#group.workers.wake();
    return true;
  }

  #isRefused(item: Item): boolean {
    return this.#group.state.isClosed || signalOf(item)?.aborted === true;
  }

  #item(doing: string, task: Task, options: TaskOptions | undefined): Item {
    callable(doing, "task", task);
    if (options === undefined && this.#isBare) return task;
    return new Entry(task, options, this.traits(doing, options));
  }

  /** The traits by these options; what they leave open is as the group's options say. */
  traits(doing: string, options: TaskOptions | undefined): Traits {
    if (options === undefined) return this.#traits;
    // Each property is read once: the value that was checked is the one that counts.
    const given = checked(doing, options)!;
    const signal = abortSignal(doing, given.signal);
    const { id, timeout: ms, retry: rule } = given;
    priority(doing, given.priority);
    const weight = this.#weight(doing, given.weight);
    const timeout = ms === undefined
      ? this.#traits.timeout
      : milliseconds(doing, "timeout", ms);
    const policy = rule === undefined
      ? undefined
      : RetryPolicy.of(doing, rule, this.#last.retry);
    const retry = policy ?? this.#traits.retry;
    // WARNING: not kept for good if they have a signal, or a function of the user's. The
    // group would keep that, and all that it knows.
    const isOwn = id !== undefined || signal !== undefined ||
      policy?.asksUser === true;
    const last = isOwn ? this.#group.attempts.last?.traits : this.#last;
    const isSame = last !== undefined && id === last.id &&
      signal === last.signal && timeout === last.timeout &&
      weight === last.weight && retry === last.retry;
    if (isSame) return last;
    const isPlain = signal === undefined && timeout === Infinity;
    const { host } = this.#traits;
    const traits = { host, id, signal, timeout, retry, weight, isPlain };
    if (!isOwn) this.#last = traits;
    return traits;
  }

  #weight(doing: string, value: unknown): number {
    if (value === undefined) return 1;
    return this.#permits === undefined
      ? checkedWeight(doing, value)
      : this.#permits.checkedWeight(doing, value);
  }
}
