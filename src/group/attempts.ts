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
import { unwatch, watch, Watcher } from "../base/signals.ts";
import { Timer } from "../base/timer.ts";
import type { Backlog } from "../channel/backlog.ts";
import type { OwnQueue } from "../queues/queue.ts";
import type { Bell } from "./bell.ts";
import { type Grace, Run, type RunContext } from "./context.ts";
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
  readonly grace: Grace;
  readonly loans: Loans;
  readonly runner: Runner;
  /** Not there if the group has no governor. */
  readonly gate: Gate | undefined;
  /** Not there if the group has no observer. */
  readonly watch: Watch | undefined;
}

/** Withdraws an entry when its own signal speaks. A closure for that is twice as large. */
class Withdrawal extends Watcher {
  readonly #attempts: Attempts;
  readonly #entry: Entry;

  constructor(attempts: Attempts, entry: Entry) {
    super();
    this.#attempts = attempts;
    this.#entry = entry;
  }

  override onAbort(reason: unknown): void {
    this.#attempts.withdraw(this.#entry, reason);
  }
}

export class Attempts {
  readonly delays: Delays<Track> = new Delays(({ entry }) =>
    this.#requeue(entry)
  );
  readonly timeouts: Timeouts<Track> = new Timeouts(({ entry, run }) =>
    this.#timeOut(entry, run!)
  );
  readonly directory: Directory = new Directory();
  readonly #state: State;
  readonly #queue: OwnQueue<Item>;
  readonly #backlog: Backlog<Item>;
  readonly #bell: Bell;
  readonly #grace: Grace;
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
    this.#grace = options.grace;
    this.#loans = options.loans;
    this.#runner = options.runner;
    this.#gate = options.gate;
    this.#watch = options.watch;
  }

  /** An entry is in the backlog, and watches its signal from now on. */
  accept(entry: Entry): void {
    entry.state = "queued";
    const { id, signal } = entry.traits;
    if (id !== undefined) this.directory.add(entry);
    if (this.#watch !== undefined) {
      this.track(entry);
      this.#watch.accepted(entry);
    }
    if (signal === undefined) return;
    const watcher = new Withdrawal(this, entry);
    this.track(entry).watcher = watcher;
    watch(signal, watcher);
  }

  /** An attempt of an entry that is not plain, which has just started, begins. */
  begin(entry: Entry, workerId: number): Run {
    const track = this.track(entry);
    const run = track.run = new Run(
      workerId,
      this.#grace,
      this.#loans,
      ++track.attempt,
    );
    run.item = entry;
    this.#watch?.started(entry, run);
    const { timeout } = entry.traits;
    run.heed(entry.permit?.lost);
    run.heed(this.#queue.lost?.(entry));
    if (timeout === Infinity) return run;
    // A caller's goes off in its own async context (law 13).
    if (!entry.hasCaller) this.timeouts.add(track, timeout);
    else run.timer = new Timer(timeout, () => this.#timeOut(entry, run));
    return run;
  }

  /**
   * The task of that attempt, which had this context, has ended with a value or an error.
   * Gives a promise, which never rejects, if the end of the attempt has to be awaited.
   */
  endRun(
    run: Run,
    value: unknown,
    error: Maybe<unknown>,
    ctx: RunContext = run,
  ): Promise<void> | undefined {
    const entry = run.item as Entry;
    const track = entry.track!;
    run.end();
    this.endTime(track);
    this.#loans.leave(ctx);
    track.run = undefined;
    const isFailure = run.timedOut || (error !== NONE && !entry.isExcused);
    this.#release(entry, isFailure);
    const judging = run.timedOut || run.isToldEarly || error === NONE
      ? run.judging
      : this.#judge(entry, run, error);
    if (judging === undefined) return this.#settle(run, value, error, ctx);
    track.run = run; // The task's own signal may speak meanwhile.
    return judging.then(() => {
      track.run = undefined;
      this.#settle(run, value, error, ctx);
    });
  }

  /** The time of the attempt does not matter any more. */
  endTime(track: Track): void {
    if (track.index >= 0) this.timeouts.delete(track);
    track.run?.timer?.clear();
  }

  /** The attempt has ended, and the user's functions have judged it. */
  #settle(
    run: Run,
    value: unknown,
    error: Maybe<unknown>,
    ctx: RunContext,
  ): undefined {
    const entry = run.item as Entry;
    // WARNING: not before it is judged: it has no worker, and is not in flight (law 2).
    this.#loans.end(ctx);
    run.workerId = ctx.workerId;
    if (run.overdue) this.#state.overdue--;
    if (run.told !== NONE) this.#endAs("rejected", entry, run, run.told);
    else if (run.timeoutError !== NONE) {
      this.#putOff(entry, run, run.timeoutError);
    } else if (error === NONE) {
      this.#endAs("fulfilled", entry, run, undefined);
      entry.fulfilled(value);
    } else if (run.failure === NONE) this.#putOff(entry, run, error);
    else this.#reject(entry, run, run.failure);
  }

  /** From now on the entry is not plain. */
  track(entry: Entry): Track {
    return entry.track ??= new Track(entry);
  }

  /** The entry's own signal speaks. */
  withdraw(entry: Entry, reason: unknown): void {
    if (entry.state === "running") {
      // No run: the attempt is over, and the judge has not decided yet.
      const { run } = entry.track!;
      if (run !== undefined) this.#interrupt(entry, run, reason);
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
      const run = this.begin(entry, ctx.workerId);
      return this.endRun(run, undefined, error, ctx);
    }
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
    unwatch(entry.track!.watcher);
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

  #timeOut(entry: Entry, run: Run): void {
    const { timeout, id } = entry.traits;
    const which = id === undefined ? "The task" : `The task ${show(id)}`;
    const message = `${which} timed out after ${timeout} ms`;
    const error = domError(message, "TimeoutError");
    run.timedOut = true;
    if (!run.isToldEarly) {
      this.#countOverdue(entry, run, "timeout");
      const judging = this.#judge(entry, run, error);
      const onJudged = () => this.#timedOut(entry, run, error);
      if (judging === undefined) onJudged();
      else run.judging = judging.then(onJudged);
    }
    run.abort(error);
  }

  #timedOut(entry: Entry, run: Run, error: unknown): void {
    if (run.failure === NONE) run.timeoutError = error;
    // Else the caller may know already: the task's own signal may have spoken.
    else if (!run.isToldEarly) {
      run.told = run.failure;
      this.#tellFailed(entry, run, run.failure);
    }
  }

  #interrupt(entry: Entry, run: Run, reason: unknown): void {
    if (entry.hasCaller && !run.isToldEarly) {
      this.#countOverdue(entry, run, "signal");
      run.told = reason;
      entry.abandoned(reason);
    }
    run.abort(reason);
  }

  /**
   * Decides whether to retry. Sets `run.wait` if so; otherwise `run.failure`. Calls the
   * user's functions, which may abort the group, or return promises.
   */
  #judge(entry: Entry, run: Run, error: unknown): Promise<void> | undefined {
    run.failure = error;
    const { retry } = entry.traits;
    if (retry === undefined || this.#isLast(entry)) return undefined;
    const onWait = (wait: number | undefined) => {
      if (wait === undefined) return;
      run.wait = wait;
      run.failure = NONE;
    };
    const onThrow = (reason: unknown) => {
      run.failure = reason;
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
  #putOff(entry: Entry, run: Run, error: unknown): void {
    if (this.#isLast(entry)) return this.#reject(entry, run, error);
    entry.state = "delayed";
    this.#state.inFlight--;
    this.#state.retried++;
    this.delays.add(entry.track!, run.wait);
    this.#watch?.delayed(entry, run, error, run.wait);
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
    if (entry.track !== undefined) unwatch(entry.track.watcher);
    entry.abandoned(reason);
  }

  #countOverdue(entry: Entry, run: Run, why: "timeout" | "signal"): void {
    if (run.overdue) return;
    this.#state.overdue++;
    run.overdue = true;
    if (this.#watch === undefined) return;
    const { attempt, isLent } = run;
    const workerId = isLent ? NO_ID : run.workerId;
    this.#watch.overdue(entry, { attempt, workerId }, why);
  }

  #count(entry: Entry, fate: "fulfilled" | "rejected" | "abandoned"): void {
    const { state } = entry;
    this.#state[fate]++;
    if (entry.traits.id !== undefined) this.directory.delete(entry);
    if (state === "running") this.#state.inFlight--;
    entry.state = "gone";
    // No `done` for a queued entry: it has not started, or pushing it again has told the
    // queue that its last run ended.
    if (state === "running" || state === "delayed") this.#backlog.done(entry);
  }
}
