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
  readonly workerId: number;
  readonly turn: number;
  timeoutDue: number;
  isOverdue: boolean;
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
  state: "new" | "waiting" | "queued" | "delayed" | "running" | "gone" = "new";
  attempt = 0;
  due = 0;
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
    },
  ) {
    this.id = id;
    this.call = call;
    this.signal = options.signal;
    this.timeout = options.timeout;
    this.retry = options.retry;
    this.stream = options.stream;
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
  /** Has its source closed. */
  stop(): void;
}

interface Place {
  readonly job?: Job;
  readonly feed?: FeedModel;
  isIn: boolean;
}

interface Judging {
  job: Job;
  run: Run;
  error: Reason;
  stage: "ask" | "tell";
  done: (failure: Reason | undefined) => void;
}

/** What a model is made of. */
export interface ModelOptions {
  concurrency: number;
  capacity: number;
  paused: boolean;
  sink: boolean | number;
  upstream: SignalState | undefined;
  now: () => number;
  /** Whether to overlook in which order tasks come to their places. */
  isLax: boolean;
}

const LONGEST = 2 ** 31 - 1;

export class GroupModel {
  readonly capacity: number;
  readonly sink: boolean | number;
  readonly upstream: SignalState | undefined;
  readonly now: () => number;
  readonly isLax: boolean;
  limit: number;
  paused: boolean;
  closed = false;
  aborted: { reason: unknown } | undefined = undefined;
  line: Place[] = [];
  /** Places that are held. */
  reserved = 0;
  delayed: Job[] = [];
  readonly running: Set<Job> = new Set();
  accepted = 0;
  overdue = 0;
  fulfilled = 0;
  rejected = 0;
  abandoned = 0;
  retried = 0;
  /** What an abort abandoned. */
  left: Job[] = [];
  /** Errors that `onError` has to hear of. */
  reports: Job[] = [];
  readonly feeds: Set<FeedModel> = new Set();
  readonly streams: Set<StreamModel> = new Set();
  /** What the sink has said, and when it will. */
  spoken: { reason: unknown } | undefined = undefined;
  sinkDue: number = Infinity;
  /** How many have come into the line. */
  joins = 0;
  /** How often it was seen at rest. */
  rests = 0;
  #turn = 0;
  #judging: Judging | undefined = undefined;

  constructor(options: ModelOptions) {
    this.limit = options.concurrency;
    this.capacity = options.capacity;
    this.paused = options.paused;
    this.sink = options.sink;
    this.upstream = options.upstream;
    this.now = options.now;
    this.isLax = options.isLax;
    if (this.upstream?.aborted) this.abort(this.upstream.reason);
  }

  get isClosed(): boolean {
    return this.closed || this.aborted !== undefined;
  }

  get size(): number {
    let size = 0;
    for (const place of this.line) if (place.isIn) size++;
    return size;
  }

  get idle(): number {
    return this.paused ? 0 : Math.max(0, this.limit - this.running.size);
  }

  get isAtRest(): boolean {
    return this.running.size === 0 && this.size === 0 &&
      this.delayed.length === 0;
  }

  /** Whether somebody looks for room, and nobody knows whether it has looked. */
  get isLooking(): boolean {
    for (const { state } of this.feeds) if (state === "looking") return true;
    return false;
  }

  /** Whether there is room, and nobody who waits for it. */
  get hasRoomNow(): boolean {
    return this.#hasRoom() && this.line.every((place) => place.isIn);
  }

  get stats(): Record<string, number> {
    return {
      accepted: this.accepted,
      queued: this.size,
      delayed: this.delayed.length,
      inFlight: this.running.size,
      overdue: this.overdue,
      fulfilled: this.fulfilled,
      rejected: this.rejected,
      abandoned: this.abandoned,
      retried: this.retried,
    };
  }

  // How tasks come in.

  refuses(signal: SignalState | undefined): boolean {
    return this.isClosed || signal?.aborted === true;
  }

  /** Why a result can't be had. */
  refusal(signal: SignalState | undefined): Reason | undefined {
    if (this.aborted !== undefined) return { is: this.aborted.reason };
    if (this.closed) return { named: "CoGroupClosedError" };
    return signal?.aborted ? { is: signal.reason } : undefined;
  }

  /** Taken in, room or not. */
  keep(job: Job): void {
    this.joins++;
    this.line.push({ job, isIn: true });
    this.#accept(job);
  }

  /** Whether there is room for one who does not wait. */
  offers(): "yes" | "no" | "either" {
    if (this.isLax) return "either";
    const waiting = this.line.filter((place) => !place.isIn);
    if (waiting.length === 0) return this.#hasRoom() ? "yes" : "no";
    // Those who want a place held may have it already: nobody can see that.
    this.#noteRoom();
    const areIn = waiting.every(({ feed }) => feed?.mayHold) &&
      this.#hasRoom(waiting.length);
    return areIn ? "either" : "no";
  }

  wait(job: Job): void {
    job.state = "waiting";
    this.line.push({ job, isIn: false });
  }

  /** Lets in who waits and has room, as far as the group has accepted so many. */
  follow(accepted: number): void {
    this.#noteRoom();
    while (this.accepted < accepted) {
      const first = this.line.find((place) => !place.isIn);
      if (first === undefined) return;
      if (!this.#mayEnter(first)) return;
      this.#admit(first);
      this.#noteRoom();
    }
  }

  /** The group says that it has accepted so many. */
  sync(accepted: number): void {
    this.follow(accepted);
    const first = this.line.find((place) => !place.isIn);
    must(
      this.accepted >= accepted || first === undefined,
      `law 4: ${first && this.#name(first)} was let in without room`,
    );
    must(
      this.accepted === accepted,
      `law 1: ${this.accepted} tasks were accepted, the group knows of ${accepted}`,
    );
  }

  // insertAll

  /** A feed looks for room for its next task. */
  feedLooks(feed: FeedModel): void {
    if (this.isClosed) feed.state = "over";
    if (feed.state === "over") return;
    const waits = this.line.some((place) => !place.isIn);
    if (!waits && this.#hasRoom()) {
      this.reserved++;
      feed.state = "holding";
    } else {
      this.line.push({ feed, isIn: false });
      feed.state = "waiting";
      feed.mayHold = feed.hadRoom;
    }
  }

  /** A feed asks its source. */
  feedPulls(feed: FeedModel): void {
    this.#noteRoom();
    while (feed.state === "waiting") {
      const first = this.line.find((place) =>
        this.isLax ? place.feed === feed : !place.isIn
      );
      must(
        first?.feed !== undefined && this.#mayEnter(first),
        `law 4: insertAll ${feed.id} pulled before it had room`,
      );
      this.#admit(first);
    }
    must(feed.state === "holding", "insertAll pulled without a place");
  }

  /** The task of a feed comes to the place that is held for it. */
  fill(feed: FeedModel, job: Job): void {
    this.reserved--;
    this.joins++;
    feed.accepted++;
    this.#noteRoom();
    const first = this.line.findIndex((place) => !place.isIn);
    const at = first < 0 ? this.line.length : first;
    // If those behind it hold their places, others were let past them.
    for (const place of this.line.slice(at)) {
      if (place.isIn) job.mayFollow.add(place.job!);
      else if (!place.feed?.mayHold) break;
    }
    this.line.splice(at, 0, { job, isIn: true });
    this.#accept(job);
  }

  vacate(): void {
    this.reserved--;
  }

  // How they start and end.

  /** Which one may start now. */
  get next(): Job | undefined {
    if (
      this.aborted !== undefined || this.paused ||
      this.running.size >= this.limit
    ) return undefined;
    return this.#head()?.job;
  }

  start(job: Job, workerId: number, attempt: number): void {
    this.#noteRoom();
    const name = `task ${job.id}`;
    must(this.aborted === undefined, `law 5: ${name} started after the abort`);
    must(!this.paused, `${name} started while paused`);
    must(
      job.state === "queued" || job.state === "waiting",
      `${name} started when it was ${job.state}`,
    );
    must(
      this.running.size < this.limit,
      `law 2: ${name} started beside ${this.running.size} of ${this.limit}`,
    );
    must(
      workerId >= 0 && workerId < this.limit,
      `${name} has worker id ${workerId} of ${this.limit}`,
    );
    for (const other of this.running) {
      must(other.run!.workerId !== workerId, `two with worker id ${workerId}`);
    }
    must(
      attempt === job.attempt + 1,
      `law 11: ${name} is at attempt ${attempt} after ${job.attempt}`,
    );
    let head = this.isLax
      ? this.line.find((place) => place.job === job)
      : this.#head();
    while (head?.job !== job && head?.job?.mayFollow.has(job)) {
      const at = this.line.indexOf(head);
      head = this.line.find((place, i) => i > at && place.isIn);
    }
    must(
      head?.job === job,
      `law 4: ${name} started before ${
        head === undefined ? "it could" : this.#name(head)
      }`,
    );
    for (const place of [...this.line]) {
      if (!place.isIn && (place.feed !== undefined || place === head)) {
        this.#admit(place);
      }
      if (place === head) break;
    }
    this.line.splice(this.line.indexOf(head), 1);
    job.state = "running";
    job.attempt = attempt;
    this.running.add(job);
    job.run = {
      workerId,
      turn: this.#turn++,
      timeoutDue: job.timeout <= LONGEST ? this.now() + job.timeout : Infinity,
      isOverdue: false,
      isSettled: false,
      hasEnded: false,
      timedOut: undefined,
      wait: 0,
      reasons: [],
    };
  }

  /** The function of a job has come to its end. */
  end(job: Job, isFulfilled: boolean, value: unknown): void {
    this.#end(job, isFulfilled, value);
    this.#noteRoom();
  }

  #end(job: Job, isFulfilled: boolean, value: unknown): void {
    const run = job.run!;
    run.hasEnded = true;
    run.timeoutDue = Infinity;
    if (run.isOverdue) this.overdue--;
    if (run.isSettled) return this.#close(job, "rejected");
    if (run.timedOut !== undefined) return this.#putOff(job, run, run.timedOut);
    if (isFulfilled) {
      this.#close(job, "fulfilled");
      this.#tell(job, { ok: true, value });
      return;
    }
    const error = { is: value };
    this.#judge(job, run, error, (failure) => {
      if (failure === undefined) this.#putOff(job, run, error);
      else this.#reject(job, run, failure);
    });
  }

  /** The user's `isRetriable` is asked. */
  asked(error: unknown): void {
    const judging = this.#judging;
    must(judging?.stage === "ask", "isRetriable was asked for nothing");
    must(isReason(judging.error, error), "isRetriable got another error");
  }

  answers(answer: boolean | { thrown: unknown }): void {
    const { job, run, error, done } = this.#judging!;
    if (answer !== true) {
      return this.#judged(done, answer ? { is: answer.thrown } : error);
    }
    if (job.retry!.tells) this.#judging!.stage = "tell";
    else {
      run.wait = job.retry!.minTimeout;
      this.#judged(done, undefined);
    }
  }

  /** The user's `delay` is asked. */
  askedDelay(error: unknown): void {
    const judging = this.#judging;
    must(judging?.stage === "tell", "delay was asked for nothing");
    must(isReason(judging.error, error), "delay got another error");
  }

  tells(answer: number | undefined | { thrown: unknown }): void {
    const { job, run, done } = this.#judging!;
    if (typeof answer === "object") {
      return this.#judged(done, { is: answer.thrown });
    }
    const wait = answer ?? job.retry!.minTimeout;
    if (!(wait >= 0 && wait < Infinity)) {
      return this.#judged(done, { named: "RangeError" });
    }
    run.wait = wait;
    this.#judged(done, undefined);
  }

  /** The signal of a job speaks. */
  withdraw(job: Job, reason: unknown): void {
    const { run, state } = job;
    if (state === "waiting") {
      this.line = this.line.filter((place) => place.job !== job);
      job.state = "gone";
      job.answer = false;
    } else if (state === "queued" || state === "delayed") {
      this.#abandon(job, { is: reason });
    } else if (state === "running" && !run!.hasEnded) {
      if (job.hasCaller && !run!.isSettled) {
        this.#isOverdue(run!);
        run!.isSettled = true;
        this.#tell(job, { ok: false, reason: { is: reason }, isQuiet: true });
      }
      run!.reasons.push({ is: reason });
    }
  }

  // Time.

  /** When timers have to go off. */
  get timers(): number[] {
    const due: number[] = [];
    if (this.delayed.length > 0) due.push(this.delayed[0]!.due);
    for (const { run } of this.running) {
      if (run!.timeoutDue < Infinity) due.push(run!.timeoutDue);
    }
    if (this.sinkDue < Infinity && this.running.size > 0) {
      due.push(this.sinkDue);
    }
    return due;
  }

  /** A timer goes off. False if it can't be one of the group's. */
  goesOff(due: number): boolean {
    if (due === this.sinkDue) {
      this.sinkDue = Infinity;
      this.spoken = this.aborted;
      return true;
    }
    let late: Job | undefined;
    for (const job of this.running) {
      if (job.run!.timeoutDue !== due) continue;
      if (late === undefined || job.run!.turn < late.run!.turn) late = job;
    }
    if (late !== undefined) {
      this.#timeOut(late, late.run!);
      return true;
    }
    if (this.delayed[0]?.due !== due) return false;
    while (this.delayed.length > 0 && this.delayed[0]!.due <= this.now()) {
      const job = this.delayed.shift()!;
      job.state = "queued";
      this.joins++;
      this.line.push({ job, isIn: true });
    }
    return true;
  }

  // Its life.

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.aborted === undefined) this.#stopIntake();
  }

  abort(reason: unknown): void {
    if (this.aborted !== undefined) return;
    this.aborted = { reason };
    this.#dismiss();
    const items = this.line.map(({ job }) => job!);
    items.push(...this.delayed);
    this.left = items.filter((job) => !job.isPartOfStream);
    for (const job of items) this.#abandon(job, { is: reason });
    if (this.running.size > 0) {
      if (this.sink === true) this.spoken = { reason };
      else if (this.sink !== false && this.sink <= LONGEST) {
        this.sinkDue = this.now() + this.sink;
      }
    }
    this.#stopIntake();
  }

  drain(): Job[] {
    if (this.aborted !== undefined) {
      const { left } = this;
      this.left = [];
      return left;
    }
    const stays = (job: Job) => job.isPartOfStream;
    const taken = this.line.filter((place) => place.isIn && !stays(place.job!))
      .map((place) => place.job!);
    const { delayed } = this;
    this.delayed = [];
    for (const job of delayed) {
      if (stays(job)) this.#delay(job, job.due - this.now());
      else taken.push(job);
    }
    for (const job of taken) this.#abandon(job, { named: "AbortError" });
    return taken;
  }

  /** It opens again. */
  reset(): void {
    must(
      this.isClosed && this.isAtRest,
      "law 8: reset() before it was at rest",
    );
    this.closed = false;
    this.aborted = undefined;
    this.left = [];
    this.accepted = this.overdue = this.fulfilled = 0;
    this.rejected = this.abandoned = this.retried = 0;
    this.spoken = undefined;
    this.sinkDue = Infinity;
    if (this.upstream?.aborted) this.abort(this.upstream.reason);
  }

  /** What has to be so when nothing moves any more. */
  standsStill(): void {
    if (this.isAtRest) this.rests++;
    const { next } = this;
    must(
      next === undefined,
      `task ${next?.id} does not start: ${this.running.size} of ${this.limit} are in flight`,
    );
    must(
      this.isClosed || this.isLax || !this.#isAdmissible(),
      "law 4: somebody waits though there is room",
    );
    for (const feed of this.feeds) {
      must(feed.state !== "waiting" || !this.isClosed, "a feed waits for ever");
    }
    must(this.reports.length === 0, "law 7: onError was not told");
    must(this.#judging === undefined, "isRetriable or delay was not asked");
    if (this.running.size === 0) this.sinkDue = Infinity;
    for (const stream of this.streams) stream.standsStill();
  }

  /** Abandons those of a stream that have not started. */
  halt(items: Iterable<Job>): void {
    for (const job of [...items]) {
      if (job.state === "running" || job.state === "gone") continue;
      job.isDropped = true;
      this.#abandon(job, { is: undefined });
    }
  }

  /** Who waits for a place to be held may have it from now on. */
  #noteRoom(): void {
    if (this.isLooking && this.hasRoomNow) {
      for (const feed of this.feeds) feed.hadRoom = true;
    }
    const kept = this.size > 0;
    let isFirst = this.idle > 0;
    let more = 0;
    for (const { feed, isIn } of this.line) {
      if (isIn) isFirst = false;
      else if (feed === undefined) return;
      else {
        // A worker that finds the queue empty takes from who waits.
        const isTaken = isFirst &&
          (kept || (more === 0 && this.reserved === 0));
        if (!feed.mayHold && !isTaken && !this.#hasRoom(more)) return;
        feed.mayHold = true;
        more++;
      }
    }
  }

  #mayEnter(first: Place): boolean {
    return this.isLax || this.#isAdmissible() || first.feed?.mayHold === true;
  }

  #accept(job: Job): void {
    this.accepted++;
    job.state = "queued";
  }

  #hasRoom(more = 0): boolean {
    return this.size + this.reserved + more < this.capacity + this.idle;
  }

  /** Whether the first of those who wait may be let in. */
  #isAdmissible(): boolean {
    const first = this.line.findIndex((place) => !place.isIn);
    if (first < 0) return false;
    if (this.#hasRoom()) return true;
    // A worker that finds the queue empty takes from who waits.
    return this.idle > 0 && first === 0 &&
      (this.size > 0 || this.reserved === 0);
  }

  #admit(place: Place): void {
    if (place.job !== undefined) {
      place.isIn = true;
      place.job.answer = true;
      this.#accept(place.job);
    } else {
      this.line.splice(this.line.indexOf(place), 1);
      this.reserved++;
      place.feed!.state = "holding";
    }
  }

  /** The one that a free worker takes. */
  #head(): Place | undefined {
    const first = this.line[0];
    if (first === undefined || first.isIn) return first;
    if (this.size > 0) {
      return this.line.find(({ job }) => job !== undefined);
    }
    return this.reserved === 0 && first.job !== undefined ? first : undefined;
  }

  #timeOut(job: Job, run: Run): void {
    run.timeoutDue = Infinity;
    const error = { named: "TimeoutError" };
    const speaks = () => void run.reasons.push(error);
    if (run.isSettled) return speaks();
    this.#isOverdue(run);
    this.#judge(job, run, error, (failure) => {
      if (failure === undefined) run.timedOut = error;
      // If its own signal has spoken meanwhile, it is told already.
      else if (!run.isSettled) {
        run.isSettled = true;
        this.#fails(job, run, failure);
      }
      speaks();
    });
  }

  #isOverdue(run: Run): void {
    if (!run.isOverdue) this.overdue++;
    run.isOverdue = true;
  }

  #isLast(job: Job): boolean {
    return this.aborted !== undefined || job.signal?.aborted === true ||
      job.stream?.isHalted === true;
  }

  #judge(job: Job, run: Run, error: Reason, done: Judging["done"]): void {
    const { retry } = job;
    if (
      retry === undefined || this.#isLast(job) ||
      job.attempt >= retry.maxAttempts
    ) return done(error);
    if (!retry.asks && !retry.tells) {
      run.wait = retry.minTimeout;
      return done(undefined);
    }
    must(this.#judging === undefined, "two errors are judged at once");
    const stage = retry.asks ? "ask" : "tell";
    this.#judging = { job, run, error, stage, done };
  }

  #judged(done: Judging["done"], failure: Reason | undefined): void {
    this.#judging = undefined;
    done(failure);
  }

  #putOff(job: Job, run: Run, error: Reason): void {
    if (this.#isLast(job)) return this.#reject(job, run, error);
    this.running.delete(job);
    job.state = "delayed";
    job.run = undefined;
    this.retried++;
    this.#delay(job, run.wait);
  }

  #delay(job: Job, ms: number): void {
    job.due = this.now() + Math.max(0, ms);
    job.turn = this.#turn++;
    this.delayed.push(job);
    this.delayed.sort((a, b) => a.due - b.due || a.turn - b.turn);
  }

  #reject(job: Job, run: Run, error: Reason): void {
    this.#close(job, "rejected");
    this.#fails(job, run, error);
  }

  /** Somebody has to hear of it. */
  #fails(job: Job, run: Run, error: Reason): void {
    job.error = error;
    job.failedOn = { workerId: run.workerId, attempt: job.attempt };
    if (job.call === "go") {
      job.outcome = { ok: false, reason: error, isQuiet: false };
    } else if (job.call !== "map" || !job.stream!.fails(job, error)) {
      this.reports.push(job);
    }
  }

  #tell(job: Job, outcome: Outcome): void {
    job.outcome = outcome;
    if (job.call === "map") job.stream!.settled(job);
  }

  #abandon(job: Job, reason: Reason): void {
    if (job.state === "delayed") {
      this.delayed = this.delayed.filter((other) => other !== job);
    } else this.line = this.line.filter((place) => place.job !== job);
    this.#close(job, "abandoned");
    const outcome: Outcome = { ok: false, reason, isQuiet: true };
    if (job.call !== "map") job.outcome = outcome;
    else if (this.aborted !== undefined || job.isDropped) job.isDropped = true;
    else this.#tell(job, outcome);
  }

  #close(job: Job, fate: "fulfilled" | "rejected" | "abandoned"): void {
    this[fate]++;
    this.running.delete(job);
    job.state = "gone";
    if (this.isAtRest) this.rests++;
  }

  #dismiss(): void {
    for (const { job, feed } of this.line.filter((place) => !place.isIn)) {
      if (job !== undefined) {
        job.state = "gone";
        job.answer = false;
      } else feed!.state = "over";
    }
    this.line = this.line.filter((place) => place.isIn);
  }

  #stopIntake(): void {
    this.#dismiss();
    for (const feed of [...this.feeds]) feed.stop();
    for (const stream of [...this.streams]) stream.stop(this.aborted);
  }

  #name(place: Place): string {
    return place.job === undefined
      ? `insertAll ${place.feed!.id}`
      : `task ${place.job.id}`;
  }
}
