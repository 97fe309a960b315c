/**
 * What becomes of an entry: its attempts, its time, its own signal, its end.
 *
 * Invariants:
 * 1. The state of an entry and the counts change together, before anything is told.
 * 2. After a time-out, or after its caller was told early, a run keeps its worker until
 *    the task ends (law 2). Until then it counts as overdue.
 * 3. When an attempt ends, the governor is told first. When an entry that has started
 *    ends, the queue is told, in the step in which the counts change.
 * 4. After an abort of the group, or of the entry's own signal, no attempt is to come;
 *    and there is never an attempt beside another (law 11).
 * 5. While the user's functions take their time to judge a failure, `#judged` has the
 *    entry. Once no attempt is to come, the wait for them ends, and what they say is
 *    ignored.
 *
 * @module
 */

import { domError, show } from "../base/errors.ts";
import { deferred, type Maybe, NONE } from "../base/promises.ts";
import { unwatch, watch } from "../base/signals.ts";
import { Timer } from "../base/timer.ts";
import type { Backlog } from "../channel/backlog.ts";
import type { OwnQueue } from "../queues/queue.ts";
import type { Bell } from "./bell.ts";
import type { RunContext } from "./context.ts";
import { Delays } from "./delays.ts";
import { Directory } from "./directory.ts";
import { type Entry, type Item, Track } from "./entry.ts";
import type { Gate } from "./gate.ts";
import { NO_ID } from "./ids.ts";
import type { Loans } from "./loans.ts";
import type { Place, Runner } from "./runner.ts";
import type { State } from "./state.ts";
import { Timeouts } from "./timeouts.ts";
import type { Watch, Why } from "./watch.ts";

/** The parts of a group that its attempts work with. */
export interface AttemptsOptions {
  readonly state: State;
  readonly queue: OwnQueue<Item>;
  readonly backlog: Backlog<Item>;
  readonly bell: Bell;
  readonly loans: Loans;
  readonly runner: Runner;
  /** Not there if the group has no governor. */
  readonly gate: Gate | undefined;
  /** Not there if the group has no observer. */
  readonly watch: Watch | undefined;
}

export class Attempts {
  readonly delays: Delays<Track> = new Delays(({ entry }) =>
    this.#requeue(entry)
  );
  readonly timeouts: Timeouts<Track> = new Timeouts(({ entry, ctx }) =>
    this.#timeOut(entry, ctx!)
  );
  readonly directory: Directory = new Directory();
  /**
   * The last entry with an id or a signal, until it ends: the next one may share its traits.
   * WARNING: no longer. They may know much.
   */
  last: Entry | undefined = undefined;
  readonly #state: State;
  readonly #queue: OwnQueue<Item>;
  readonly #backlog: Backlog<Item>;
  readonly #bell: Bell;
  readonly #loans: Loans;
  readonly #runner: Runner;
  readonly #gate: Gate | undefined;
  readonly #watch: Watch | undefined;
  /** What ends the judging of each entry. */
  readonly #judged = new Map<Entry, () => void>();

  constructor(options: AttemptsOptions) {
    this.#state = options.state;
    this.#queue = options.queue;
    this.#backlog = options.backlog;
    this.#bell = options.bell;
    this.#loans = options.loans;
    this.#runner = options.runner;
    this.#gate = options.gate;
    this.#watch = options.watch;
  }

  /** An entry is in the backlog, and watches its signal from now on. */
  accept(entry: Entry): void {
    entry.state = "queued";
    const { id, signal } = entry.traits;
    const isOwn = id !== undefined || signal !== undefined;
    if (isOwn && !entry.isPartOfStream) this.last = entry;
    if (id !== undefined) this.directory.add(entry);
    if (this.#watch !== undefined) {
      this.track(entry);
      this.#watch.accepted(entry);
    }
    if (signal === undefined) return;
    watch(signal, this.track(entry));
  }

  /** An attempt of an entry that is not plain, which has just started in that context, begins. */
  begin(entry: Entry, ctx: RunContext): void {
    const track = this.#enter(entry, ctx);
    this.#watch?.started(entry, ctx);
    ctx.heed(entry.permit?.lost);
    ctx.heed(this.#queue.lost?.(entry));
    const { timeout } = entry.traits;
    if (timeout === Infinity) return;
    // A caller's goes off in its own async context (law 13).
    if (entry.hasCaller) this.#setTimer(entry, ctx);
    else this.timeouts.add(track, timeout);
  }

  #enter(entry: Entry, ctx: RunContext): Track {
    const track = this.track(entry);
    track.ctx = ctx;
    ctx.attempt = ++track.attempt;
    // Else tasks share it: what comes between makes it this one's own then (bench: j).
    ctx.isOwn ||= track.attempt > 1 || entry.takesContext ||
      this.#runner.isWrapped;
    return track;
  }

  /** Apart: with a closure in `begin`, each call would make a scope. So in `endRun`. */
  #setTimer(entry: Entry, ctx: RunContext): void {
    const onTime = () => this.#timeOut(entry, ctx);
    ctx.troubled().timer = new Timer(entry.traits.timeout, onTime);
  }

  /**
   * The task with that context has ended with a value or an error. Gives a promise, which
   * never rejects, if the end of the attempt has to be awaited.
   */
  endRun(
    ctx: RunContext,
    value: unknown,
    error: Maybe<unknown>,
  ): Promise<void> | undefined {
    const entry = ctx.item as Entry;
    const track = entry.track!;
    // First: it lends nothing any more, and from here on the user's code may be called.
    // A failure is judged, and until then the worker is at it: so the context is its own.
    ctx.isOwn ||= error !== NONE;
    if (ctx.isOwn) ctx.end();
    else ctx.item = undefined;
    this.endTime(track);
    this.#loans.leave(ctx);
    track.ctx = undefined;
    const { timedOut } = ctx.trouble;
    this.#release(entry, timedOut || (error !== NONE && !entry.isExcused));
    const judging = timedOut || ctx.isToldEarly || error === NONE
      ? ctx.trouble.judging
      : this.#judge(entry, ctx, error);
    if (judging === undefined) return this.#settle(entry, ctx, value, error);
    track.ctx = ctx; // The task's own signal may speak meanwhile.
    return this.#settleLater(judging, entry, ctx, value, error);
  }

  async #settleLater(
    judging: Promise<void>,
    entry: Entry,
    ctx: RunContext,
    value: unknown,
    error: Maybe<unknown>,
  ): Promise<void> {
    await judging;
    entry.track!.ctx = undefined;
    this.#settle(entry, ctx, value, error);
  }

  /** The time of the attempt does not matter any more. */
  endTime(track: Track): void {
    if (track.index >= 0) this.timeouts.delete(track);
    track.ctx?.trouble.timer?.clear();
  }

  /** The attempt has ended, and the user's functions have judged it. */
  #settle(
    entry: Entry,
    ctx: RunContext,
    value: unknown,
    error: Maybe<unknown>,
  ): undefined {
    const { overdue, told, timeoutError, failure } = ctx.trouble;
    // WARNING: not before it is judged: it has no worker, and is not in flight (law 2).
    this.#loans.end(ctx);
    if (overdue) this.#state.overdue--;
    if (told !== NONE) this.#endAs("rejected", entry, ctx, told);
    else if (timeoutError !== NONE) this.#putOff(entry, ctx, timeoutError);
    else if (error === NONE) {
      this.#endAs("fulfilled", entry, ctx, undefined);
      entry.fulfilled(value);
    } else if (failure === NONE) this.#putOff(entry, ctx, error);
    else this.#reject(entry, ctx, failure);
  }

  /** From now on the entry is not plain. */
  track(entry: Entry): Track {
    return entry.track ??= new Track(entry, this);
  }

  /** The entry's own signal speaks. */
  withdraw(entry: Entry, reason: unknown): void {
    if (entry.state === "running") {
      // No context: the attempt is over, and the judge has not decided yet.
      const { ctx } = entry.track!;
      if (ctx !== undefined) this.#interrupt(entry, ctx, reason);
      this.endJudging(entry);
    } else if (entry.state !== "gone") {
      const isQueued = entry.state === "queued";
      if (!isQueued) this.delays.delete(entry.track!);
      // After an abort: the queue did not give it away in `clear`. It is counted already.
      if (this.#state.isAborted) entry.state = "gone";
      else {
        this.#count(entry, "abandoned");
        if (isQueued) {
          this.#queue.withdrawn?.(entry);
          this.#backlog.forget();
        }
        this.#watch?.abandoned([entry], "withdrawn", reason);
      }
      this.#tellAbandoned(entry, reason);
      this.#bell.ring();
    }
  }

  /**
   * These items were accepted, have left the backlog and the delays, and will never run.
   * All are counted before the first is told: see `tellAbandoned`.
   */
  countAbandoned(items: readonly Item[]): void {
    for (const item of items) {
      if (typeof item === "function") this.#state.abandoned++;
      else this.#count(item, "abandoned");
    }
  }

  /** Tells that these were abandoned. Runs the user's code. */
  tellAbandoned(items: readonly Item[], why: Why, reason: unknown): void {
    this.#watch?.abandoned(items, why, reason);
    for (const item of items) {
      if (typeof item !== "function") this.#tellAbandoned(item, reason);
    }
  }

  /** No attempt of the entry is to come: ends the wait for what the user's functions say. */
  endJudging(entry: Entry): void {
    this.#judged.get(entry)?.();
  }

  /** The same of all entries: the group was aborted. */
  endAllJudging(): void {
    for (const end of this.#judged.values()) end();
  }

  /** A plain entry has ended; its caller tells it so. */
  end(entry: Entry, fate: "fulfilled" | "rejected"): void {
    this.#release(entry, fate === "rejected");
    this.#count(entry, fate);
  }

  /** A plain entry has failed. If it may be retried, more is to be known of it from here on. */
  fail(
    entry: Entry,
    ctx: RunContext,
    error: unknown,
  ): Promise<void> | undefined {
    if (entry.traits.retry !== undefined) {
      this.#enter(entry, ctx);
      return this.endRun(ctx, undefined, error);
    }
    ctx.item = undefined;
    this.#loans.end(ctx);
    this.end(entry, "rejected");
    this.#tellFailed(entry, ctx, error);
    return undefined;
  }

  /** Ends an entry whose run is over. */
  #endAs(
    fate: "fulfilled" | "rejected",
    entry: Entry,
    place: Place,
    error: unknown,
  ): void {
    this.#count(entry, fate);
    unwatch(entry.track);
    if (fate === "fulfilled") this.#watch?.ran(fate, entry, place);
    else this.#watch?.rejected(entry, place, error);
  }

  /** Gives the permit back. A task that its own signal ended does not count as failed. */
  #release(entry: Entry, isFailure: boolean): void {
    this.#queue.ended?.(entry, isFailure);
    const { permit } = entry;
    if (permit === undefined) return;
    entry.permit = undefined;
    this.#gate!.release(permit, isFailure);
  }

  #timeOut(entry: Entry, ctx: RunContext): void {
    const { timeout, id } = entry.traits;
    const which = id === undefined ? "The task" : `The task ${show(id)}`;
    const message = `${which} timed out after ${timeout} ms`;
    const error = domError(message, "TimeoutError");
    const trouble = ctx.troubled();
    trouble.timedOut = true;
    if (!ctx.isToldEarly) {
      this.#countOverdue(entry, ctx, "timeout");
      const judging = this.#judge(entry, ctx, error);
      const onJudged = () => this.#timedOut(entry, ctx, error);
      if (judging === undefined) onJudged();
      else trouble.judging = judging.then(onJudged);
    }
    ctx.abort(error);
  }

  #timedOut(entry: Entry, ctx: RunContext, error: unknown): void {
    const trouble = ctx.troubled();
    if (trouble.failure === NONE) trouble.timeoutError = error;
    // Else the caller may know already: the task's own signal may have spoken.
    else if (!ctx.isToldEarly) {
      trouble.told = trouble.failure;
      this.#tellFailed(entry, ctx, trouble.failure);
    }
  }

  #interrupt(entry: Entry, ctx: RunContext, reason: unknown): void {
    if (entry.hasCaller && !ctx.isToldEarly) {
      this.#countOverdue(entry, ctx, "signal");
      ctx.troubled().told = reason;
      entry.abandoned(reason);
    }
    ctx.abort(reason);
  }

  /**
   * Decides whether to retry. Sets `wait` of its trouble if so; otherwise `failure`. Calls
   * the user's functions, which may abort the group, or return promises.
   */
  #judge(
    entry: Entry,
    ctx: RunContext,
    error: unknown,
  ): Promise<void> | undefined {
    const trouble = ctx.troubled();
    trouble.failure = error;
    const { retry } = entry.traits;
    if (retry === undefined || this.#isLast(entry)) return undefined;
    const onWait = (wait: number | undefined) => {
      if (wait === undefined) return;
      trouble.wait = wait;
      trouble.failure = NONE;
    };
    const onThrow = (reason: unknown) => {
      trouble.failure = reason;
    };
    try {
      const wait = retry.wait(error, entry.track!.attempt);
      if (wait instanceof Promise) {
        return this.hear(entry, wait).then(onWait, onThrow);
      }
      onWait(wait);
    } catch (reason) {
      onThrow(reason);
    }
    return undefined;
  }

  /** The wait that the user's functions ask for; undefined if there is no attempt to come. */
  async hear(
    entry: Entry,
    wait: Promise<number | undefined>,
  ): Promise<number | undefined> {
    const { promise, resolve } = deferred<undefined>();
    this.#judged.set(entry, () => resolve(undefined));
    if (this.#isLast(entry)) this.endJudging(entry); // The user's functions have just ended it.
    try {
      return await Promise.race([promise, wait]);
    } finally {
      this.#judged.delete(entry);
    }
  }

  #isLast(entry: Entry): boolean {
    return this.#state.isAborted || entry.isUnwanted ||
      entry.traits.signal?.aborted === true;
  }

  /** Delays the entry, unless no attempt is to come any more. */
  #putOff(entry: Entry, ctx: RunContext, error: unknown): void {
    if (this.#isLast(entry)) return this.#reject(entry, ctx, error);
    const { wait } = ctx.trouble;
    entry.state = "delayed";
    this.#state.inFlight--;
    this.#state.retried++;
    this.delays.add(entry.track!, wait);
    this.#watch?.delayed(entry, ctx, error, wait);
  }

  #requeue(entry: Entry): void {
    entry.state = "queued";
    try {
      this.#backlog.force(entry);
      this.#watch?.due(entry);
    } catch (error) { // A queue of the user's own throws: then the task has failed.
      entry.state = "delayed";
      const { attempt } = entry.track!;
      this.#reject(entry, { workerId: NO_ID, attempt }, error);
    }
    this.#bell.ring();
  }

  #reject(entry: Entry, place: Place, error: unknown): void {
    this.#endAs("rejected", entry, place, error);
    this.#tellFailed(entry, place, error);
  }

  #tellFailed(entry: Entry, place: Place, error: unknown): void {
    if (!entry.failed(error, place)) this.#runner.report(error, entry, place);
  }

  #tellAbandoned(entry: Entry, reason: unknown): void {
    unwatch(entry.track);
    entry.abandoned(reason);
  }

  #countOverdue(
    entry: Entry,
    ctx: RunContext,
    why: "timeout" | "signal",
  ): void {
    const trouble = ctx.troubled();
    if (trouble.overdue) return;
    this.#state.overdue++;
    trouble.overdue = true;
    if (this.#watch === undefined) return;
    const { attempt, isLent } = ctx;
    const workerId = isLent ? NO_ID : ctx.workerId;
    this.#watch.overdue(entry, { attempt, workerId }, why);
  }

  #count(entry: Entry, fate: "fulfilled" | "rejected" | "abandoned"): void {
    const { state } = entry;
    this.#state[fate]++;
    if (entry.traits.id !== undefined) this.directory.delete(entry);
    if (entry === this.last) this.last = undefined;
    if (state === "running") this.#state.inFlight--;
    entry.state = "gone";
    // No `done` for a queued entry: it has not started, or pushing it again has told the
    // queue that its last run ended.
    if (state === "running" || state === "delayed") this.#backlog.done(entry);
  }
}
