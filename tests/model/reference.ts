// deno-coverage-ignore-file

/**
 * What a group should do: arrays, counters, and no haste. It knows nothing of
 * promises and microtasks. A driver tells it what is called and what happens;
 * it says what has to come of it, and objects to what must not be.
 *
 * It is told of things that happen in the moment before the group hears of
 * them. Only two things are left to the group: when, between the moment in
 * which it may and the next standstill, it starts a task or lets in who waits
 * for room.
 *
 * @module
 */

import type { Job, Reason, SignalState } from "./jobs.ts";
import type { ModelOptions } from "./backlog_reference.ts";
import { must } from "./jobs.ts";
import { LONGEST, RunModel } from "./run_reference.ts";
import type { StreamModel } from "./stream_reference.ts";

/** What was taken out of a group. */
export interface Cleared {
  readonly queued: readonly Job[];
  readonly delayed: readonly Job[];
  /** Those that came after an abort. */
  readonly late: Job[];
}

export class GroupModel extends RunModel {
  readonly grace: number;
  readonly isGoverned: boolean;
  readonly upstream: SignalState | undefined;
  /** What an abort abandoned. */
  left: Cleared = { queued: [], delayed: [], late: [] };
  readonly streams: Set<StreamModel> = new Set();
  /** What running tasks were told, and when they will be. */
  spoken: Reason | undefined = undefined;
  graceDue: number = Infinity;
  /** When `shutdown` aborts it. */
  shutdowns: number[] = [];

  constructor(options: ModelOptions) {
    super(options);
    this.grace = options.grace;
    this.isGoverned = options.isGoverned;
    this.upstream = options.upstream;
    this.#follow();
  }

  get stats(): Record<string, number> {
    return {
      accepted: this.accepted,
      queued: this.size,
      delayed: this.delayed.length,
      inFlight: this.running.size,
      lent: this.lent.size,
      overdue: this.overdue,
      fulfilled: this.fulfilled,
      rejected: this.rejected,
      abandoned: this.abandoned,
      retried: this.retried,
    };
  }

  refuses(signal: SignalState | undefined): boolean {
    return this.isClosed || signal?.aborted === true;
  }

  /** Why a result can't be had. */
  refusal(signal: SignalState | undefined): Reason | undefined {
    if (this.aborted !== undefined) return this.aborted;
    if (this.closed) return { named: "CoGroupClosedError" };
    return signal?.aborted ? { is: signal.reason } : undefined;
  }

  /** Which one may start now. */
  get next(): Job | undefined {
    if (
      this.aborted !== undefined || this.paused ||
      this.running.size >= this.limit || this.backs.length > 0
    ) return undefined;
    if (this.queue.keepsBehind) return this.head()?.job;
    return this.queue.next(this.queued)[0];
  }

  /** When timers have to go off. */
  get timers(): number[] {
    const due: number[] = [];
    for (const { run } of [...this.running, ...this.lent]) {
      if (run!.timeoutDue < Infinity) due.push(run!.timeoutDue);
    }
    if (this.graceDue < Infinity && this.started > 0) due.push(this.graceDue);
    if (!this.isClosed || !this.isAtRest) due.push(...this.shutdowns);
    return due;
  }

  /** A timer goes off. False if it can't be one of the group's. */
  goesOff(due: number): boolean {
    if (due === this.graceDue) {
      this.graceDue = Infinity;
      this.spoken = this.aborted;
      return true;
    }
    if (this.shutdowns.includes(due)) {
      this.shutdowns.splice(this.shutdowns.indexOf(due), 1);
      this.abort({ named: "AbortError" });
      this.spoken = this.aborted;
      return true;
    }
    let late: Job | undefined;
    for (const job of [...this.running, ...this.lent]) {
      if (job.run!.timeoutDue !== due) continue;
      if (late === undefined || job.run!.turn < late.run!.turn) late = job;
    }
    if (late !== undefined) {
      this.timeOut(late, late.run!);
      return true;
    }
    return false;
  }

  /** The timer of the delayed tasks goes off: for the first one, and for all that are due by then. */
  delaysGoOff(): boolean {
    const [first] = this.delayed;
    if (first === undefined) return false;
    const time = Math.max(first.due, this.known());
    while (this.delayed.length > 0 && this.delayed[0]!.due <= time) {
      this.noteRoom(); // It may take the room, but not from who had it.
      const job = this.delayed.shift()!;
      job.state = "queued";
      this.joins++;
      this.push(job);
      this.changed();
    }
    return true;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.aborted === undefined) this.#stopIntake();
  }

  abort(reason: Reason): void {
    if (this.aborted !== undefined) return;
    this.aborted = reason;
    this.dismiss();
    const queued = this.line.map(({ job }) => job!);
    const items = [...queued, ...this.delayed];
    this.left = {
      queued: queued.filter((job) => !job.isPartOfStream),
      delayed: this.delayed.filter((job) => !job.isPartOfStream),
      late: [],
    };
    for (const job of items) this.abandon(job, reason);
    if (this.started > 0) {
      if (this.grace === 0) this.spoken = reason;
      else if (this.grace <= LONGEST) {
        this.graceDue = this.now() + this.grace;
      }
    }
    this.#stopIntake();
  }

  clear(): Cleared {
    if (this.aborted !== undefined) {
      const { left } = this;
      this.left = { queued: [], delayed: [], late: [] };
      return left;
    }
    const stays = (job: Job) => job.isPartOfStream;
    const queued = this.queued.jobs.filter((job) => !stays(job));
    const cleared = {
      queued,
      delayed: this.delayed.filter((job) => !stays(job)),
      late: [],
    };
    for (const job of [...queued, ...cleared.delayed]) {
      this.abandon(job, { named: "AbortError" });
    }
    this.queue.cleared();
    return cleared;
  }

  /** It opens again. */
  reset(): void {
    must(
      this.isClosed && this.isAtRest,
      "law 8: reset() before it was at rest",
    );
    this.closed = false;
    this.aborted = undefined;
    this.left = { queued: [], delayed: [], late: [] };
    this.streams.clear(); // What they have left is for their readers alone.
    this.accepted = this.overdue = this.fulfilled = 0;
    this.rejected = this.abandoned = this.retried = 0;
    this.spoken = undefined;
    this.graceDue = Infinity;
    this.shutdowns = [];
    this.#follow();
  }

  /** What has to be so when nothing moves any more. */
  standsStill(): void {
    if (this.isAtRest) this.rests++;
    const { next } = this;
    must(
      next === undefined || this.isGoverned,
      `task ${next?.id} does not start: ${this.running.size} of ${this.limit} are in flight`,
    );
    must(
      this.isClosed || this.isLax || !this.isAdmissible(),
      "law 4: somebody waits though there is room",
    );
    for (const feed of this.feeds) {
      must(feed.state !== "waiting" || !this.isClosed, "a feed waits for ever");
    }
    must(this.reports.length === 0, "law 7: onError was not told");
    must(this.sourceReports.length === 0, "law 7: nor of a source's error");
    must(this.judging === undefined, "isRetriable or delay was not asked");
    must(
      this.backs.length === 0 || this.running.size >= this.limit,
      `lent task ${this.backs[0]?.id} does not go on`,
    );
    if (this.started === 0) this.graceDue = Infinity;
    if (this.isClosed && this.isAtRest) this.shutdowns = [];
    for (const stream of this.streams) stream.standsStill();
  }

  /** In so many milliseconds it is aborted. */
  shutdown(ms: number): void {
    this.close();
    if (ms <= LONGEST) this.shutdowns.push(this.now() + ms);
  }

  /** The tasks with that name that have not started, or wait for another attempt. */
  named(name: unknown, ...states: Job["state"][]): Job[] {
    return [...this.queued.jobs, ...this.delayed].filter((job) =>
      job.name === name && states.includes(job.state)
    );
  }

  /** Abandons the tasks with that name. How many they are. */
  withdrawAll(name: unknown, reason: Reason): number {
    const jobs = this.named(name, "queued", "delayed");
    for (const job of jobs) this.abandon(job, reason);
    return jobs.length;
  }

  /** Abandons those of a stream that have not started. */
  halt(items: Iterable<Job>): void {
    for (const job of [...items]) {
      if (job.state === "running" || job.state === "gone") continue;
      job.isDropped = true;
      this.abandon(job, { is: undefined });
    }
  }

  #follow(): void {
    const { upstream } = this;
    if (upstream?.aborted) this.abort({ is: upstream.reason });
  }

  #stopIntake(): void {
    this.dismiss();
    for (const feed of [...this.feeds]) feed.stop();
    for (const stream of [...this.streams]) stream.stop(this.aborted);
  }
}
