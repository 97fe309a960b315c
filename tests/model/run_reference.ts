// deno-coverage-ignore-file

/**
 * How tasks run: their attempts, their ends, and who hears of them; see
 * `reference.ts`.
 *
 * @module
 */

import {
  isReason,
  type Job,
  must,
  type Outcome,
  type Reason,
  type Run,
} from "./jobs.ts";
import type { ModelOptions } from "./backlog_reference.ts";
import { LoanModel } from "./loan_reference.ts";

export const LONGEST: number = 2 ** 31 - 1;

/** An error of a source that no promise and no stream carries. */
export interface SourceReport {
  /** The error; of a task that came too late, that one. */
  error: unknown;
  late?: unknown;
  given: unknown;
  options: unknown;
}

interface Judging {
  job: Job;
  run: Run;
  error: Reason;
  stage: "ask" | "tell";
  done: (failure: Reason | undefined) => void;
}

export abstract class RunModel extends LoanModel {
  readonly now: () => number;
  readonly known: () => number;
  overdue = 0;
  fulfilled = 0;
  rejected = 0;
  abandoned = 0;
  retried = 0;
  /** How many attempts failed, not because they were taken back. */
  failures = 0;
  /** Errors that `onError` has to hear of. */
  reports: Job[] = [];
  /** The same of sources. */
  sourceReports: SourceReport[] = [];
  /** How often it was seen at rest. */
  rests = 0;
  turn = 0;
  judging: Judging | undefined = undefined;
  /** Those whose time is over, and that are told so when the judging is over. */
  readonly #timingOut: { job: Job; run: Run }[] = [];

  constructor(options: ModelOptions) {
    super(options);
    this.now = options.now;
    this.known = options.known;
  }

  start(job: Job, ctx: Run["ctx"], attempt: number): void {
    this.noteRoom();
    const name = `task ${job.id}`;
    must(this.aborted === undefined, `law 5: ${name} started after the abort`);
    must(!this.paused, `${name} started while paused`);
    must(
      job.state === "queued" || job.state === "waiting",
      `${name} started when it was ${job.state}`,
    );
    must(
      this.backs.length === 0,
      `${name} started before lent task ${this.backs[0]?.id} went on`,
    );
    this.checkPlace(job, ctx.workerId);
    must(
      attempt === job.attempt + 1,
      `law 11: ${name} is at attempt ${attempt} after ${job.attempt}`,
    );
    this.#leaveLine(job, name);
    job.state = "running";
    job.attempt = attempt;
    this.running.add(job);
    const now = job.hasCaller ? this.now() : this.known();
    job.run = {
      ctx,
      workerId: ctx.workerId,
      waits: 0,
      lends: 0,
      turn: this.turn++,
      timeoutDue: job.timeout <= LONGEST ? now + job.timeout : Infinity,
      isOverdue: false,
      isLate: false,
      isSettled: false,
      hasEnded: false,
      timedOut: undefined,
      wait: 0,
      reasons: [],
    };
    this.changed();
  }

  /** Takes it out of the line, if it may be the next one. */
  #leaveLine(job: Job, name: string): void {
    if (this.queue.keepsBehind) this.#leaveInOrder(job, name);
    else {
      const { queue, queued } = this;
      const next = queue.next(queued);
      const mayBeNext = this.isLax
        ? job.state === "queued" && queue.mayRun(job, queued)
        : next.includes(job) || this.candidates.has(job);
      must(
        mayBeNext,
        `law 4: ${name} started before ${
          next.length === 0 ? "it could" : `task ${next[0]!.id}`
        }`,
      );
      this.line = this.line.filter((place) => place.job !== job);
    }
    this.queue.left(job, "started");
  }

  #leaveInOrder(job: Job, name: string): void {
    let head = this.isLax
      ? this.line.find((place) => place.job === job)
      : this.head();
    while (head?.job !== job && head?.job?.mayFollow.has(job)) {
      const at = this.line.indexOf(head);
      head = this.line.find((place, i) => i > at && place.isIn);
    }
    must(
      head?.job === job,
      `law 4: ${name} started before ${
        head === undefined ? "it could" : this.name(head)
      }`,
    );
    for (const place of [...this.line]) {
      if (!place.isIn && (place.feed !== undefined || place === head)) {
        this.admit(place);
      }
      if (place === head) break;
    }
    this.line.splice(this.line.indexOf(head), 1);
  }

  /** The function of a job has come to its end. */
  end(job: Job, isFulfilled: boolean, value: unknown): void {
    this.#end(job, isFulfilled, value);
    this.noteRoom();
  }

  #end(job: Job, isFulfilled: boolean, value: unknown): void {
    const run = job.run!;
    run.hasEnded = true;
    this.stays(job);
    const isTakenBack = job.signal?.aborted === true;
    if (run.isLate || (!isFulfilled && !isTakenBack)) this.failures++;
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
    const judging = this.judging;
    must(judging?.stage === "ask", "isRetriable was asked for nothing");
    must(isReason(judging.error, error), "isRetriable got another error");
  }

  answers(answer: boolean | { thrown: unknown }): void {
    const { job, run, error, done } = this.judging!;
    if (answer !== true) {
      return this.#judged(done, answer ? { is: answer.thrown } : error);
    }
    if (job.retry!.tells) this.judging!.stage = "tell";
    else {
      run.wait = job.retry!.minTimeout;
      this.#judged(done, undefined);
    }
  }

  /** The user's `delay` is asked. */
  askedDelay(error: unknown): void {
    const judging = this.judging;
    must(judging?.stage === "tell", "delay was asked for nothing");
    must(isReason(judging.error, error), "delay got another error");
  }

  tells(answer: number | undefined | { thrown: unknown }): void {
    const { job, run, done } = this.judging!;
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
      this.abandon(job, { is: reason });
    } else if (state === "running" && !run!.hasEnded) {
      if (job.hasCaller && !run!.isSettled) {
        this.#isOverdue(run!);
        run!.isSettled = true;
        this.#tell(job, { ok: false, reason: { is: reason }, isQuiet: true });
      }
      run!.reasons.push({ is: reason });
    }
  }

  timeOut(job: Job, run: Run): void {
    run.timeoutDue = Infinity;
    if (this.judging !== undefined) { // One timer serves many: they are told in turn.
      this.#timingOut.push({ job, run });
      return;
    }
    run.isLate = true;
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
    must(this.judging === undefined, "two errors are judged at once");
    const stage = retry.asks ? "ask" : "tell";
    this.judging = { job, run, error, stage, done };
  }

  #judged(done: Judging["done"], failure: Reason | undefined): void {
    this.judging = undefined;
    done(failure);
    while (this.judging === undefined && this.#timingOut.length > 0) {
      const { job, run } = this.#timingOut.shift()!;
      this.timeOut(job, run);
    }
  }

  #putOff(job: Job, run: Run, error: Reason): void {
    if (this.#isLast(job)) return this.#reject(job, run, error);
    this.leaves(job);
    job.state = "delayed";
    job.run = undefined;
    this.retried++;
    this.#delay(job, run.wait);
  }

  #delay(job: Job, ms: number): void {
    job.due = this.known() + ms;
    job.turn = this.turn++;
    this.delayed.push(job);
    this.delayed.sort((a, b) => a.due - b.due || a.turn - b.turn);
    this.changed();
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

  protected override evict(job: Job): void {
    if (job.state === "queued") this.abandon(job, { named: "AbortError" });
  }

  abandon(job: Job, reason: Reason): void {
    if (job.state === "delayed") {
      this.delayed = this.delayed.filter((other) => other !== job);
    } else {
      this.line = this.line.filter((place) => place.job !== job);
      this.queue.left(job, "withdrawn");
    }
    this.#close(job, "abandoned");
    const outcome: Outcome = { ok: false, reason, isQuiet: true };
    if (job.call !== "map") job.outcome = outcome;
    else if (this.aborted !== undefined || job.isDropped) job.isDropped = true;
    else this.#tell(job, outcome);
  }

  #close(job: Job, fate: "fulfilled" | "rejected" | "abandoned"): void {
    this[fate]++;
    this.leaves(job);
    job.state = "gone";
    this.changed();
    if (this.isAtRest) this.rests++;
  }
}
