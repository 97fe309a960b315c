/**
 * A task of which more is known than the function: its options, how often it was
 * tried, what is told of its end.
 *
 * Invariants:
 * 1. An entry is in one state at a time, and only `Attempts` and `Workers` change that.
 * 2. It watches its own signal from its acceptance to its end (law 9).
 * 3. It is told of its end once: by `fulfilled`, `failed` or `abandoned`.
 *
 * @module
 */

import type { Retries } from "../base/retry.ts";
import type { Link, List } from "../base/list.ts";
import type { Watcher } from "../base/signals.ts";
import type { Permit } from "../governor.ts";
import type { QueuedTask, Task, TaskOptions } from "../task.ts";
import type { RunContext } from "./context.ts";
import type { Delayable } from "./delays.ts";
import type { Place, Runner } from "./runner.ts";
import type { Seen } from "./seen.ts";

/** What is queued: the bare function where nothing else is known of the task. */
export type Item = Task | Entry;

/**
 * Starts its items, in an async context of its own (law 13): the group's own workers,
 * a call of `go`, a stream. See workers.ts.
 */
export interface Host {
  /** An item of this host is next: the host looks, in a later microtask. */
  wake(): void;
  /** If the next item is this host's, and may start, starts it in the worker with this id. */
  next(workerId: number): Item | undefined;
  /** Whether a worker that finds nothing looks once more, a microtask later. */
  readonly lingers: boolean;
  /** Its worker is about to look, so `wake` does nothing now. */
  isAwake: boolean;
}

/** Where an entry is. */
export type EntryState = "new" | "queued" | "delayed" | "running" | "gone";

/**
 * What an entry has beyond its task and its options. Entries that say the same one after
 * the other share it: most often nothing but a priority or a key is given (bench: j).
 */
export interface Traits {
  /** What starts it. A call of `go` is its own. */
  readonly host: Host;
  /** The id of the options; undefined for none. */
  readonly id: unknown;
  /** The signal of the options, read once: the caller may change the object later. */
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly retry: Retries | undefined;
  /** How much of the governor's limit it takes. */
  readonly weight: number;
  /** It has no timeout and no signal. */
  readonly isPlain: boolean;
}

/** What withdraws entries. */
export interface Withdrawer {
  withdraw(entry: Entry, reason: unknown): void;
}

/** What more an entry has that is not plain: its attempts, delay, context. It watches the entry's own signal. */
export class Track implements Watcher, Delayable {
  // Declared: see `Entry`.
  declare readonly entry: Entry;
  declare readonly withdrawer: Withdrawer;
  /** How often it was started. */
  declare attempt: number;
  /** The context of its run, while the task runs. */
  declare ctx: RunContext | undefined;
  /** What the group's observer, if there is one, knows it by. */
  declare seen: Seen | undefined;
  declare index: number;
  // Those of a `Link`.
  declare list: List<Link> | undefined;
  declare before: Link | undefined;
  declare after: Link | undefined;

  constructor(entry: Entry, withdrawer: Withdrawer) {
    this.entry = entry;
    this.withdrawer = withdrawer;
    this.attempt = 0;
    this.ctx = undefined;
    this.seen = undefined;
    this.index = -1;
    this.list = this.before = this.after = undefined;
  }

  onAbort(reason: unknown): void {
    this.withdrawer.withdraw(this.entry, reason);
  }
}

// The fields of an entry, and of its derived classes, are declared here and made in the
// constructor. V8 makes fields that a derived class defines, private ones too, in a
// function of their own: that was an eighth of what `map` takes.
export class Entry implements QueuedTask {
  declare readonly task: Task;
  /** Replaced where its priority is set. */
  declare options: TaskOptions | undefined;
  declare traits: Traits;
  declare state: EntryState;
  /** What the group's governor, if there is one, gave for this attempt. */
  declare permit: Permit | undefined;
  // Kept in an object of their own: otherwise a plain entry would be three times as large,
  // and `go` would take half as long again. Made when it is first needed.
  declare track: Track | undefined;

  constructor(task: Task, options: TaskOptions | undefined, traits: Traits) {
    this.task = task;
    this.options = options;
    this.traits = traits;
    this.state = "new";
    this.permit = undefined;
    this.track = undefined;
  }

  get host(): Host {
    return this.traits.host;
  }

  /** Whether nothing but its end need be known of its next attempt. */
  get isPlain(): boolean {
    return this.traits.isPlain && this.track === undefined;
  }

  /** Whether its function takes the context; as far as can be told. */
  get takesContext(): boolean {
    return this.task.length > 0;
  }

  /** Whether a caller waits for its result, and can be told before the task ends. */
  get hasCaller(): boolean {
    return false;
  }

  /** Whether it belongs to a stream; then it can't be inserted elsewhere. */
  get isPartOfStream(): boolean {
    return false;
  }

  /** Whether no further attempt is wanted, whatever becomes of this one. */
  get isUnwanted(): boolean {
    return false;
  }

  /** Whether the attempt that has just failed was told to end: the governor hears of no failure. */
  get isExcused(): boolean {
    return this.traits.signal?.aborted === true;
  }

  /** Makes an attempt, which has ended when this has. Only if it is not plain. */
  attempt(runner: Runner, ctx: RunContext): unknown {
    return runner.invoke(this.task, ctx);
  }

  /** It has a result. */
  fulfilled(_value: unknown): void {}

  /** It has failed for good. False if that goes to `onError`. */
  failed(_error: unknown, _place: Place): boolean {
    return false;
  }

  /** It will never run. The reason need not be read (law 6). */
  abandoned(_reason: unknown): void {}
}

/** Whether it may still run. */
export function isLive(item: Item): boolean {
  return typeof item === "function" || item.state !== "gone";
}

/** Whether it belongs to a stream, and so stays when a group is cleared. */
export function stays(item: Item): boolean {
  return typeof item !== "function" && item.isPartOfStream;
}

/** The task's own signal. */
export function signalOf(item: Item): AbortSignal | undefined {
  return typeof item === "function" ? undefined : item.traits.signal;
}
