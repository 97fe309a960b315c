// deno-coverage-ignore-file

/**
 * What a `map` or `mapSettled` should do; see `reference.ts`.
 *
 * @module
 */

import { type Job, must, type Reason, type SignalState } from "./jobs.ts";
import type { GroupModel } from "./reference.ts";

/** What a `next()` has to come to. */
export type Step =
  | { item: Job }
  | { done: true }
  | { error: Reason };

/** Someone who has called `next()`. */
export interface Reader {
  step: Step | undefined;
}

/** What a stream is made of. */
export interface StreamOptions {
  isSettled: boolean;
  ordered: boolean;
  ahead: number;
  signal: SignalState | undefined;
  /** Has the source closed, if it has not ended. */
  closeSource: () => void;
  /** `onError` has to hear of an error of the source. */
  report: (error: unknown) => void;
}

export class StreamModel {
  readonly id: number;
  readonly options: StreamOptions;
  readonly #group: GroupModel;
  /** Those that were pulled and are not read: in order, or as they ended. */
  out: Job[] = [];
  readonly live: Set<Job> = new Set();
  readonly #readers: Reader[] = [];
  pulled = 0;
  delivered = 0;
  allowed = 0;
  hasBegun = false;
  isPulling = false;
  isOver = false;
  /** Whether nothing more may start, a further attempt neither. */
  isHalted = false;
  /** What its first `return()` or `throw()` was, and what that has to reject with. */
  broken: { op: "break" | "throw"; error: Reason | undefined } | undefined =
    undefined;
  #end: { error: Reason | undefined; isOfSource?: boolean } | undefined =
    undefined;
  #failure: Job | undefined = undefined;

  constructor(id: number, group: GroupModel, options: StreamOptions) {
    this.id = id;
    this.#group = group;
    this.options = options;
  }

  /** Whether it has nothing more to come but what was pulled. */
  get isEnding(): boolean {
    return this.#end !== undefined;
  }

  next(): Reader {
    const reader: Reader = { step: undefined };
    // One that was broken off before has nothing to begin with.
    if (!this.hasBegun && !this.isOver) {
      this.hasBegun = true;
      const refusal = this.#group.refusal(this.options.signal);
      if (refusal !== undefined) {
        this.isOver = true;
        this.#end = { error: undefined };
        this.options.closeSource();
        reader.step = { error: refusal };
        return reader;
      }
      this.#group.streams.add(this);
    }
    if (this.#readers.length === 0) reader.step = this.#nextStep();
    if (this.isOver) reader.step = this.#takeEnd();
    else {
      this.#allow();
      if (reader.step === undefined) this.#readers.push(reader);
    }
    return reader;
  }

  return(op: "break" | "throw"): void {
    this.#finish(undefined);
    this.broken ??= { op, error: undefined };
  }

  /** The `return` of the source has failed. */
  closedBadly(error: unknown): void {
    if (this.broken?.op === "break") this.broken.error = { is: error };
    else this.options.report(error);
  }

  /** The source is asked. */
  pulls(): void {
    must(this.hasBegun, "law 12: pulled before the first next()");
    must(!this.isOver && !this.isEnding, "law 12: pulled after the end");
    must(!this.isPulling, "law 12: two pulls at once");
    must(
      this.pulled < this.allowed,
      `law 12: pulled one more than ${this.pulled} of ${this.allowed}, ${this.delivered} are read`,
    );
  }

  /** What was pulled comes. The job to be accepted, if it is one. */
  comes(job: Job): void {
    if (this.isEnding || this.isOver) return;
    const refusal = this.#group.refusal(this.options.signal);
    if (refusal !== undefined) {
      this.options.closeSource();
      return this.#ended({ error: refusal });
    }
    job.index = this.pulled++;
    this.live.add(job);
    if (this.options.ordered) this.out.push(job);
    this.#group.keep(job);
  }

  /** The source has ended, or failed. */
  ended(error: { is: unknown } | undefined): void {
    if (!this.isEnding) this.#ended({ error, isOfSource: true });
    else if (error !== undefined) this.options.report(error.is);
  }

  /** A promise that was pulled is rejected: an item that failed. */
  itemFails(job: Job, error: { is: unknown }): void {
    if (this.isEnding) return this.options.report(error.is);
    job.index = this.pulled++;
    job.outcome = { ok: false, reason: error, isQuiet: false };
    job.error = error;
    if (this.options.ordered) this.out.push(job);
    this.settled(job);
  }

  #ended(end: { error: Reason | undefined; isOfSource?: boolean }): void {
    this.#end = end;
    this.#flush();
    this.options.closeSource();
  }

  /** It ends in another way than it was to. */
  #undelivered(end: { error: Reason | undefined; isOfSource?: boolean }): void {
    if (end.isOfSource && end.error !== undefined && "is" in end.error) {
      this.options.report(end.error.is);
    }
  }

  /** The group is closed or aborted. */
  stop(aborted: Reason | undefined): void {
    if (aborted !== undefined) this.#finish(aborted);
    else if (!this.isEnding) {
      this.#ended({ error: { named: "CoGroupClosedError" } });
    }
  }

  /** An item failed. False if nobody will read of it. */
  fails(job: Job, error: Reason): boolean {
    job.outcome = { ok: false, reason: error, isQuiet: false };
    return this.settled(job);
  }

  /** An item has its result. False if nobody will read it. */
  settled(job: Job): boolean {
    this.live.delete(job);
    if (this.isOver) return false;
    if (!this.options.ordered) this.out.push(job);
    if (
      !job.outcome!.ok && !this.options.isSettled &&
      this.#failure === undefined
    ) {
      this.#failure = job;
      const before = this.#end;
      this.#end = { error: undefined };
      this.#halt();
      if (before !== undefined) this.#undelivered(before);
    }
    this.#flush();
    return true;
  }

  standsStill(): void {
    if (this.isOver) return;
    must(
      this.isPulling || this.isEnding || this.pulled >= this.allowed,
      `law 12: stream ${this.id} pulls no more after ${this.pulled} of ${this.allowed}`,
    );
    if (this.#readers.length === 0) return;
    must(
      this.isPulling || this.live.size > 0,
      `law 12: stream ${this.id} has a reader and nothing to wait for`,
    );
  }

  resized(): void {
    this.#allow();
  }

  #allow(): void {
    this.allowed = this.delivered + this.#group.limit + this.options.ahead;
  }

  #nextStep(): Step | undefined {
    const job = this.out[0];
    if (job === undefined) {
      if (this.#end !== undefined && this.pulled === this.delivered) {
        this.#finish(this.#end.error, this.#end);
      }
      return undefined;
    }
    const isFailure = job.isDropped ||
      (job.outcome?.ok === false && !this.options.isSettled);
    if (isFailure) {
      const failure = job.isDropped ? this.#failure! : job;
      failure.error = undefined; // It is read, here and now.
      this.out.shift();
      const { outcome } = failure;
      this.#finish(outcome!.ok ? undefined : outcome!.reason);
      return undefined;
    }
    if (job.outcome === undefined) return undefined;
    this.out.shift();
    job.error = undefined;
    this.delivered++;
    return { item: job };
  }

  #flush(): void {
    if (this.#readers.length === 0) return;
    while (this.#readers.length > 0) {
      const step = this.#nextStep();
      if (step === undefined) break;
      this.#readers.shift()!.step = step;
    }
    this.#allow();
  }

  #finish(error: Reason | undefined, end = { error }): void {
    if (this.isOver) return;
    this.isOver = true;
    const before = this.#end;
    this.#end = end;
    this.#group.streams.delete(this);
    for (const reader of this.#readers.splice(0)) reader.step = this.#takeEnd();
    this.#halt();
    if (before !== undefined && before !== end) this.#undelivered(before);
    for (const job of this.out.splice(0)) {
      if (job.error !== undefined) this.#group.reports.push(job);
    }
  }

  #halt(): void {
    this.isHalted = true;
    this.#group.halt(this.live);
    for (const job of [...this.live]) if (job.isDropped) this.live.delete(job);
    this.options.closeSource();
  }

  #takeEnd(): Step {
    const { error } = this.#end!;
    this.#end = { error: undefined };
    return error === undefined ? { done: true } : { error };
  }
}
