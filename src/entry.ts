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
import type { Permit } from "./governor.ts";
import { type Maybe, NONE } from "./maybe.ts";
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
  /** The options' signal, read once: the object may be used again with another. */
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly retry: RetryPolicy | undefined;
  readonly home: Home;
  /** Nothing can be told of such an entry before its end, and once is enough. */
  readonly isPlain: boolean;
}

/** What is kept of an entry that is not plain: its signal, attempts, delay, run. */
export class Track extends Watcher implements Delayable {
  readonly entry: Entry;
  /** How often it was started. */
  attempt = 0;
  /** Its run, while it is running. */
  run: Run | undefined = undefined;
  /** What the group's governor gave for this run, if there is one. */
  permit: Permit | undefined = undefined;
  index = -1;
  ms = 0;
  due = 0;
  turn = 0;

  constructor(entry: Entry) {
    super();
    this.entry = entry;
  }

  override onAbort(reason: unknown): void {
    this.entry.traits.home.withdraw(this.entry, reason);
  }
}

// The fields of an entry, and of what is derived from it, are declared here and
// made in the constructor. V8 makes those that a derived class defines, private
// ones too, in a function of their own: that was an eighth of what `map` takes.
export class Entry implements QueuedTask {
  declare readonly task: Task;
  declare readonly traits: Traits;
  declare state: EntryState;
  // Not fields of the entry: a plain one would be three times the size, and
  // `go` half as fast again, for what it doesn't use.
  declare readonly track: Track | undefined;

  constructor(task: Task, traits: Traits) {
    this.task = task;
    this.traits = traits;
    this.state = "new";
    this.track = traits.isPlain ? undefined : new Track(this);
  }

  get options(): TaskOptions | undefined {
    return this.traits.options;
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

  /** Whether nobody wants one more attempt, whatever becomes of this one. */
  get isUnwanted(): boolean {
    return false;
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

/** One run of an entry that is not plain. */
export class Run extends RunContext {
  readonly #track: Track;
  readonly #attempt: number;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #reason: Maybe<unknown> = NONE;
  /** Whether the caller was told before the end; then the end changes nothing. */
  settled = false;
  /** Whether it is counted as overdue. */
  overdue = false;
  timedOut = false;
  /** If there is an attempt to come: the error of this one, which timed out. */
  timeout: Maybe<unknown> = NONE;
  /** Milliseconds until that attempt. */
  wait = 0;

  constructor(track: Track, workerId: number, sink: Sink) {
    super(workerId, sink);
    this.#track = track;
    this.#attempt = track.attempt;
    const { home, timeout } = track.entry.traits;
    if (timeout <= LONGEST) {
      const onTime = () => home.timeOut(track.entry, this);
      this.#timer = setTimeout(onTime, timeout);
    }
  }

  override get attempt(): number {
    return this.#attempt;
  }

  /** Lets the signal speak, also to those who look later. The first reason stays. */
  override abort(reason: unknown): void {
    if (this.#reason !== NONE) return;
    this.#reason = reason;
    super.abort(reason);
  }

  override end(): void {
    super.end();
    clearTimeout(this.#timer);
    this.#track.run = undefined;
  }

  protected override join(sink: Sink | undefined): void {
    if (this.#reason === NONE) super.join(sink);
    else super.abort(this.#reason);
  }
}
