/**
 * What a running task sees, and what of the group's abort reaches it.
 *
 * Invariants:
 * 1. A context has a controller only if its task has looked at `ctx.signal`.
 * 2. {@linkcode Grace} knows of a context only while its task is in flight, and only if
 *    the task has looked at `ctx.signal`.
 * 3. `Grace` has a timer only between the abort and the end of the last task.
 * 4. What of a context is one task's alone makes it that task's own: then it ends with
 *    the task, and its worker goes on with another one.
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

/**
 * What has come between the start of an attempt and a plain end: a time of its own, a
 * signal, a failure to be judged.
 */
export class Trouble {
  /** Goes off when the attempt's time is over, where no other tells that. */
  timer: Timer | undefined = undefined;
  /** What the task's signal says, once it looks at that. The first reason stays. */
  reason: Maybe<unknown> = NONE;
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
  watchers: AbortWatcher[] | undefined = undefined;
}

/** That of all attempts that have had none. Nothing writes into it. */
const NO_TROUBLE: Readonly<Trouble> = new Trouble();

/** The context of one run, or of runs that can't tell each other apart. */
export class RunContext implements TaskContext, Desk {
  /** Another one when a task that has lent its worker goes on. */
  workerId: number;
  attempt = 1;
  /** The task that has it now. */
  item: Task | QueuedTask | undefined = undefined;
  /** Whether no other task may share it: that one has it, or something of it is in here. */
  isOwn = false;
  /** Whether its task has lent its worker. Only its lender writes it. */
  isLent = false;
  /** To be read. To be written: `troubled()`. */
  trouble: Readonly<Trouble> = NO_TROUBLE;
  readonly #lender: Lender;
  /** Not there when the task has ended. */
  #grace: Grace | undefined;
  #controller: AbortController | undefined = undefined;

  constructor(workerId: number, grace: Grace, lender: Lender) {
    this.workerId = workerId;
    this.#lender = lender;
    this.#grace = grace;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.isOwn = true;
      this.#controller = new AbortController();
      const { reason } = this.trouble;
      if (reason === NONE) this.#grace?.join(this);
      else this.#controller.abort(reason);
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

  /** Whether the caller was told what it came to, before the task has ended. */
  get isToldEarly(): boolean {
    return this.trouble.told !== NONE;
  }

  /** What has come between; from now on there is something. */
  troubled(): Trouble {
    this.isOwn = true;
    if (this.trouble === NO_TROUBLE) this.trouble = new Trouble();
    return this.trouble as Trouble;
  }

  /** Lets the signal speak, even if the task looks at it only later. */
  abort(reason: unknown): void {
    if (this.trouble.reason !== NONE || this.#grace === undefined) return;
    const { reason: first } = this.#grace;
    const trouble = this.troubled();
    trouble.reason = first === NONE ? reason : first;
    this.#controller?.abort(trouble.reason);
  }

  /** Its signal is to speak when this one, if there is one, does. */
  heed(lost: AbortSignal | undefined): void {
    if (lost === undefined) return;
    if (lost.aborted) return this.abort(reasonOf(lost));
    const watcher = new AbortWatcher((reason) => this.abort(reason));
    (this.troubled().watchers ??= []).push(watcher);
    watch(lost, watcher);
  }

  /** The task has ended: the group's abort does not concern it any more. */
  end(): void {
    if (this.#controller !== undefined) this.#grace?.leave(this);
    this.#grace = undefined;
    this.trouble.watchers?.forEach(unwatch);
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
