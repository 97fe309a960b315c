/**
 * What a running task sees, and what of the group's abort reaches it.
 *
 * Invariants:
 * 1. A context has a controller only if its task has looked at `ctx.signal`.
 * 2. {@linkcode Grace} knows of a context only while its task is in flight, and only if
 *    the task has looked at `ctx.signal`.
 * 3. `Grace` has a timer only between the abort and the end of the last task.
 *
 * @module
 */

import { type Maybe, NONE } from "../base/promises.ts";
import { AbortWatcher, reasonOf, unwatch, watch } from "../base/signals.ts";
import { Timer } from "../base/timer.ts";
import type { QueuedTask, Task, TaskContext } from "../task.ts";
import type { Desk } from "./ids.ts";

/** What lends the worker of a context to others. */
export interface Lender {
  lend<T>(ctx: RunContext, wait: () => T | PromiseLike<T>): Promise<T>;
}

/** The context of one run, or of runs that can't tell each other apart. */
export class RunContext implements TaskContext, Desk {
  /** Another one when a task that has lent its worker goes on. */
  workerId: number;
  readonly attempt: number;
  /** The task that has it now. */
  item: Task | QueuedTask | undefined = undefined;
  /** Whether that task has read the signal or lent the worker: no other may share it then. */
  isOwn = false;
  /** Whether its task has lent its worker. Only its lender writes it. */
  isLent = false;
  readonly #lender: Lender;
  /** Not there when the task has ended. */
  #grace: Grace | undefined;
  #controller: AbortController | undefined = undefined;

  constructor(workerId: number, grace: Grace, lender: Lender, attempt = 1) {
    this.workerId = workerId;
    this.#lender = lender;
    this.attempt = attempt;
    this.#grace = grace;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.isOwn = true;
      this.#controller = new AbortController();
      this.join(this.#grace);
    }
    return this.#controller.signal;
  }

  lend<T>(wait: () => T | PromiseLike<T>): Promise<T> {
    this.isOwn = true;
    return this.#lender.lend(this, wait);
  }

  /** Whether the task has ended. */
  get hasEnded(): boolean {
    return this.#grace === undefined;
  }

  /** Lets the signal speak, if the task has looked at it. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  /** The task has ended: the group's abort does not concern it any more. */
  end(): void {
    if (this.#controller !== undefined) this.#grace?.leave(this);
    this.#grace = undefined;
  }

  /** The reason of the group's abort, once running tasks are told; NONE before. */
  protected get groupReason(): Maybe<unknown> {
    return this.#grace!.reason;
  }

  /** The task has looked at its signal. `grace` is undefined if the task has ended already. */
  protected join(grace: Grace | undefined): void {
    grace?.join(this);
  }
}

/** The context of one attempt of a task that may be told to end early. */
export class Run extends RunContext {
  /** Goes off when the attempt's time is over. */
  timer: Timer | undefined = undefined;
  #reason: Maybe<unknown> = NONE;
  /** What its caller was told before the task has ended, if it was; then the end tells it nothing. */
  told: Maybe<unknown> = NONE;
  /** Whether it is counted as overdue. */
  overdue = false;
  timedOut = false;
  /** Resolves when the user's functions, if they are async, have judged the failure. */
  judging: Promise<void> | undefined = undefined;
  /** What it has failed with for good; NONE if an attempt is to come. */
  failure: Maybe<unknown> = NONE;
  /** The error of a time-out after which an attempt is to come. */
  timeoutError: Maybe<unknown> = NONE;
  /** Milliseconds until that attempt. */
  wait = 0;
  /** They watch what its permits may be lost by. */
  #watchers: AbortWatcher[] | undefined = undefined;

  get isToldEarly(): boolean {
    return this.told !== NONE;
  }

  /** Lets the signal speak, even if the task looks at it only later. The first reason stays. */
  override abort(reason: unknown): void {
    if (this.#reason !== NONE || this.hasEnded) return;
    const { groupReason } = this;
    this.#reason = groupReason === NONE ? reason : groupReason;
    super.abort(this.#reason);
  }

  override end(): void {
    super.end();
    this.timer?.clear();
    this.#watchers?.forEach(unwatch);
  }

  /** Its signal is to speak when this one, if there is one, does. */
  heed(lost: AbortSignal | undefined): void {
    if (lost === undefined) return;
    if (lost.aborted) return this.abort(reasonOf(lost));
    const watcher = new AbortWatcher((reason) => this.abort(reason));
    (this.#watchers ??= []).push(watcher);
    watch(lost, watcher);
  }

  protected override join(grace: Grace | undefined): void {
    if (this.#reason === NONE) super.join(grace);
    else super.abort(this.#reason);
  }
}

/** Keeps the group's abort from running tasks for a while, or for good. */
export class Grace {
  readonly #ms: number;
  readonly #contexts = new Set<RunContext>();
  #timer: Timer | undefined = undefined;
  /** Why running tasks were told to end; NONE until they are. */
  reason: Maybe<unknown> = NONE;

  /** `ms` is how long; Infinity is for good. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  join(context: RunContext): void {
    if (this.reason === NONE) this.#contexts.add(context);
    else context.abort(this.reason);
  }

  leave(context: RunContext): void {
    this.#contexts.delete(context);
  }

  /** The group was aborted, with tasks in flight. */
  abort(reason: unknown): void {
    if (this.#ms === 0) this.speak(reason);
    else if (this.#ms < Infinity) {
      this.#timer = new Timer(this.#ms, () => this.speak(reason));
    }
  }

  /** Nothing is in flight any more. */
  rest(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** The group opens again; nothing has been in flight since `rest`. */
  reset(): void {
    this.reason = NONE;
  }

  /** Tells the running tasks, now; once. */
  speak(reason: unknown): void {
    if (this.reason !== NONE) return;
    this.reason = reason;
    // A copy: a task that is told may end at once, and leave.
    for (const context of [...this.#contexts]) context.abort(reason);
    this.#contexts.clear();
  }
}
