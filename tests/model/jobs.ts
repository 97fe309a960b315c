// deno-coverage-ignore-file

/**
 * Tasks, as the model knows them, and what becomes of them.
 *
 * @module
 */

import type { StreamModel } from "./stream_reference.ts";

/** A law that was broken, or anything else that must not be. */
export class Violation extends Error {
  override name = "Violation";
}

/** Objects unless it holds. */
export function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Violation(message);
}

/** What somebody is told: exactly this, or an error of the library's by its name. */
export type Reason = { is: unknown } | { named: string };

/** Whether the one that came is the one that was meant. */
export function isReason(reason: Reason, actual: unknown): boolean {
  return "is" in reason
    ? reason.is === actual
    : (actual as { name?: string } | null)?.name === reason.named;
}

/** What becomes of a promise. */
export type Outcome =
  | { ok: true; value: unknown }
  | { ok: false; reason: Reason; isQuiet: boolean };

/** What is asked, and what is known, before a failed task is tried again. */
export interface RetryRule {
  maxAttempts: number;
  minTimeout: number;
  /** Whether there is an `isRetriable`, and a `delay`. */
  asks: boolean;
  tells: boolean;
}

/** A signal, as far as it matters here. */
export interface SignalState {
  aborted: boolean;
  reason: unknown;
}

/** One run of a job. */
export interface Run {
  /** Where the group says that it runs. */
  readonly ctx: { readonly workerId: number };
  /** Where it runs, or did before it lent that worker; -1 if it has ended without one. */
  workerId: number;
  /** How many waits of its loan are not over, */
  waits: number;
  /** of how many that it has had. */
  lends: number;
  readonly turn: number;
  timeoutDue: number;
  isOverdue: boolean;
  /** Whether its time was over. */
  isLate: boolean;
  isSettled: boolean;
  hasEnded: boolean;
  /** The error of an attempt that timed out, and that another one follows. */
  timedOut: Reason | undefined;
  wait: number;
  /** What its own signal and its timeout have to say. */
  readonly reasons: Reason[];
}

/** A task, and what became of it. */
export class Job {
  readonly id: number;
  readonly call: "add" | "tryInsert" | "insert" | "go" | "feed" | "map";
  readonly signal: SignalState | undefined;
  readonly timeout: number;
  readonly retry: RetryRule | undefined;
  readonly stream: StreamModel | undefined;
  /** Which item of its stream it is. */
  index = -1;
  /** What its options say, and how the group tells of them. */
  readonly name: unknown;
  readonly key: unknown;
  priority: number;
  readonly weight: number;
  /** Whether its priority was set: then its options are others. */
  isMoved = false;
  state: "new" | "waiting" | "queued" | "delayed" | "running" | "gone" = "new";
  attempt = 0;
  /** When its timer goes off, */
  due = 0;
  /** and which of those that go off together. */
  turn = 0;
  run: Run | undefined = undefined;
  /** What `insert` resolves with. */
  answer: boolean | undefined = undefined;
  /** What `go` settles with, and what a stream makes of it. */
  outcome: Outcome | undefined = undefined;
  /** Whether the stream may not show it. */
  isDropped = false;
  /** An error of its own that somebody has to hear of. */
  error: Reason | undefined = undefined;
  /** Those before which it is in the line, but which may be before it. */
  readonly mayFollow: Set<Job> = new Set();
  failedOn: { workerId: number; attempt: number } | undefined = undefined;

  constructor(
    id: number,
    call: Job["call"],
    options: {
      signal?: SignalState | undefined;
      timeout: number;
      retry: RetryRule | undefined;
      stream?: StreamModel | undefined;
      key?: unknown;
      name?: unknown;
      priority?: number | undefined;
      weight?: number | undefined;
    },
  ) {
    this.id = id;
    this.call = call;
    this.signal = options.signal;
    this.timeout = options.timeout;
    this.retry = options.retry;
    this.stream = options.stream;
    this.key = options.key;
    this.name = options.name;
    this.priority = options.priority ?? 0;
    this.weight = options.weight ?? 1;
  }

  /** Whether somebody can be told before it ends. */
  get hasCaller(): boolean {
    return this.call === "go" || this.call === "map";
  }

  get isPartOfStream(): boolean {
    return this.call === "map";
  }
}

/** An `insertAll`. */
export interface FeedModel {
  readonly id: number;
  state: "looking" | "waiting" | "holding" | "over";
  accepted: number;
  /** Whether there was room for it while it was waiting: it may hold its place. */
  mayHold: boolean;
  /** Whether there was room for it when it began to look. */
  hadRoom: boolean;
  /** Whether there was none at a time since then: it may wait though it is said to hold. */
  lackedRoom: boolean;
  /** What its promise has to reject with, the first error. */
  error: { is: unknown } | { late: unknown } | undefined;
  /** What the `return` of its source has failed with, if that is yet to be told. */
  closeError: { is: unknown } | undefined;
  /** Until when it waits for its source at least. */
  patientUntil: number;
  /** Whether it has waited for as long as that. */
  gaveUp: boolean;
  /** Has its source closed. */
  stop(): void;
}

export interface Place {
  readonly job?: Job;
  readonly feed?: FeedModel;
  isIn: boolean;
  /** Whether there was room for it while it was waiting. */
  hadRoom?: boolean;
}
