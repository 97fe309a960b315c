/**
 * A task of which more has to be known than the function: its options, how
 * often it was tried, who waits for its result.
 *
 * Invariants:
 * 1. An entry is in one state at a time, and only its {@linkcode Home} moves it.
 * 2. It watches its own signal from its acceptance to its end (law 9).
 * 3. Its caller is told once: by `fulfilled`, `failed` or `abandoned`.
 *
 * @module
 */

import { RunContext, type Sink } from "./context.ts";
import { type Delayable, LONGEST } from "./delays.ts";
import { type Maybe, NONE } from "./line.ts";
import type { RetryPolicy } from "./retry.ts";
import { Watcher } from "./signals.ts";
import type { QueuedTask, Task, TaskOptions } from "./task.ts";

/** Who has the entry, and can take it out of wherever it is. */
export interface Home {
  /** The entry's own signal was aborted. */
  withdraw(entry: Entry, reason: unknown): void;
  /** The time for the entry's current run is over. */
  timeOut(entry: Entry, run: Run): void;
}

/** Where an entry is. */
export type EntryState = "new" | "queued" | "delayed" | "running" | "gone";

/** What an entry has beyond its task; entries of one kind may share it. */
export interface Traits {
  readonly options: TaskOptions | undefined;
  readonly timeout: number;
  readonly retry: RetryPolicy | undefined;
  readonly home: Home;
}

export class Entry extends Watcher implements QueuedTask, Delayable {
  readonly task: Task;
  readonly traits: Traits;
  state: EntryState = "new";
  /** How often it was started. */
  attempt = 0;
  /** Its run, while it is running. */
  run: Run | undefined = undefined;
  index = -1;
  ms = 0;
  due = 0;
  turn = 0;

  constructor(task: Task, traits: Traits) {
    super();
    this.task = task;
    this.traits = traits;
  }

  get options(): TaskOptions | undefined {
    return this.traits.options;
  }

  /** Nothing can be told of it before its end, and once is enough. */
  get isPlain(): boolean {
    const { retry, timeout, options } = this.traits;
    return retry === undefined && timeout === Infinity &&
      options?.signal === undefined;
  }

  /**
   * Whether it starts in the async context of whoever brought it (law 13), and
   * so has to be called to its start instead of being started.
   */
  get isCalled(): boolean {
    return false;
  }

  /** Who starts all of its kind; a worker of theirs can go on with it. */
  get caller(): unknown {
    return undefined;
  }

  /** Whether somebody waits for its result, who can be told before it ends. */
  get hasCaller(): boolean {
    return false;
  }

  /** Whether it belongs to a stream, and is nothing to be inserted elsewhere. */
  get isPartOfStream(): boolean {
    return false;
  }

  override onAbort(reason: unknown): void {
    this.traits.home.withdraw(this, reason);
  }

  /** It has a result. */
  fulfilled(_value: unknown): void {}

  /** It has failed for good. False if that is nobody's but `onError`'s to know. */
  failed(_error: unknown, _run: RunContext): boolean {
    return false;
  }

  /** It will never run. Nobody has to read this (law 6). */
  abandoned(_reason: unknown): void {}
}

/** One run of an entry. */
export class Run extends RunContext {
  readonly #entry: Entry;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  /** Whether the caller was told before the end; then the end changes nothing. */
  settled = false;
  /** Whether it is counted as overdue. */
  overdue = false;
  /** If there is an attempt to come: the error of this one, which timed out. */
  timeout: Maybe<unknown> = NONE;
  /** Milliseconds until that attempt. */
  wait = 0;

  constructor(entry: Entry, workerId: number, sink: Sink) {
    super(workerId, entry.attempt, sink);
    this.#entry = entry;
    const { home, timeout } = entry.traits;
    if (timeout <= LONGEST) {
      this.#timer = setTimeout(() => home.timeOut(entry, this), timeout);
    }
  }

  override end(): void {
    super.end();
    clearTimeout(this.#timer);
    this.#entry.run = undefined;
  }
}
