// deno-coverage-ignore-file

/**
 * The functions that the group calls: tasks, and what goes around them.
 *
 * @module
 */

import type {
  CoGroupOptions,
  RetryOptions,
  TaskContext,
  TaskFailure,
  TaskOptions,
} from "../../mod.ts";
import { clock } from "./clock.ts";
import type { SemaphoreModel } from "./governor_reference.ts";
import {
  type LendSpec,
  type RetrySpec,
  type TaskSpec,
  usable,
} from "./program.ts";
import { isReason, Job, must, type RetryRule, type Run } from "./jobs.ts";
import { queueOption } from "./queues.ts";
import { CountedSignal } from "./signals.ts";
import type { StreamModel } from "./stream_reference.ts";
import {
  type Body,
  context,
  describe,
  type Desk,
  Failure,
  FRACTION,
  type Gate,
  HOME,
  microtasks,
  RETRY,
  World,
} from "./world.ts";

/** Milliseconds above the slice: so many tasks of one millisecond. */
const HANDFUL = 8;

export abstract class Tasks extends World {
  /** The task lends its worker. */
  protected abstract lend(desk: Desk, spec: LendSpec): void;

  protected override groupOptions(): CoGroupOptions {
    const { spec, model } = { spec: this.spec, model: this.model };
    const { timeout, retry } = spec;
    return {
      concurrency: spec.concurrency,
      ...(this.way !== undefined && { governor: this.way.governor }),
      ...queueOption(
        this.subject.mod,
        usable(spec.queue),
        () => void this.drops++,
        this.semaphores,
      ),
      paused: spec.paused,
      ...(spec.isObserved && { observer: this.replayer }),
      grace: model.grace,
      slice: spec.slice,
      ...(spec.upstream !== "none" && {
        signal: this.signals.upstream.signal,
      }),
      ...(timeout !== undefined && { timeout: timeout + FRACTION }),
      ...(retry !== undefined && { retry: this.retryOptions(retry, RETRY) }),
      ...(spec.worker !== "none" && {
        worker: (task, ctx) => this.worker(task as Body, ctx) as never,
      }),
      onError: (error, failure) => this.onError(error, failure) as never,
    };
  }

  job(
    call: Job["call"],
    spec: TaskSpec,
    stream?: StreamModel,
    options?: TaskOptions,
  ): { job: Job; body: Body; options: TaskOptions | undefined } {
    const id = this.jobs.length;
    options ??= stream === undefined ? this.taskOptions(spec, id) : undefined;
    const group = this.spec;
    const signal = options?.signal as CountedSignal | undefined;
    const retry = spec.retry ?? group.retry;
    const job = new Job(id, call, {
      signal,
      timeout: options?.timeout ??
        (group.timeout === undefined ? Infinity : group.timeout + FRACTION),
      retry: retry &&
        rule(retry, options?.retry?.minTimeout ?? retry.ms + RETRY),
      stream,
      name: options?.id,
      key: options?.key,
      priority: options?.priority,
      weight: options?.weight,
    });
    this.jobs.push(job);
    if (spec.signal === "own" && signal) this.own.set(job, signal);
    const body = (ctx: TaskContext) => this.run(job, spec, ctx);
    this.tasks.set(body, job);
    this.options.set(job, options);
    return { job, body, options };
  }

  taskOptions(spec: TaskSpec, id: number): TaskOptions | undefined {
    const { signal, timeout, retry, key, priority, id: name } = spec;
    const weight = spec.weight && Math.min(spec.weight, this.mostWeight(key));
    const given = [signal, timeout, retry, key, priority, name, weight];
    if (given.every((option) => option === undefined)) return;
    const mine = signal === "own"
      ? new CountedSignal(`of task ${id}`)
      : signal && this.signals[signal];
    const fraction = (2 * (id % 4000) + 2) * FRACTION;
    return {
      ...(mine && { signal: mine.signal }),
      ...(timeout !== undefined && { timeout: timeout + fraction + FRACTION }),
      ...(retry && { retry: this.retryOptions(retry, fraction) }),
      ...(key !== undefined && { key }),
      ...(priority !== undefined && { priority }),
      ...(name !== undefined && { id: name }),
      ...(weight !== undefined && { weight }),
    };
  }

  /** One that weighs more is a RangeError. */
  mostWeight(key: unknown): number {
    const { governor, queue: { keys } } = this.spec;
    const limits = governor.type === "semaphore" || governor.type === "all"
      ? [
        governor.limit,
        ...this.governed!.parts.map(({ model }) =>
          (model as SemaphoreModel).limit
        ),
      ]
      : governor.type === "rate"
      ? [governor.limit]
      : [];
    if (keys !== undefined && key !== undefined) limits.push(keys.limit);
    return Math.min(...limits);
  }

  retryOptions(spec: RetrySpec, fraction: number): RetryOptions {
    const { maxAttempts, ms, ask, tell } = spec;
    const thrown = new Failure("isRetriable or delay");
    return {
      maxAttempts,
      minTimeout: ms + fraction,
      multiplier: 1,
      ...(ask && {
        isRetriable: (error) => {
          this.guard(() => this.model.asked(error));
          this.nest(spec.nested);
          const answer = ask === "throws" ? { thrown } : ask === "yes";
          this.guard(() => this.model.answers(answer));
          if (ask === "throws") throw thrown;
          return ask === "yes";
        },
      }),
      ...(tell && {
        delay: (error) => {
          this.guard(() => this.model.askedDelay(error));
          this.nest(spec.nested);
          const answer = tell === "number"
            ? ms + fraction + 1
            : tell === "bad"
            ? -1
            : undefined;
          this.guard(() =>
            this.model.tells(tell === "throws" ? { thrown } : answer)
          );
          if (tell === "throws") throw thrown;
          return answer;
        },
      }),
    };
  }

  run(job: Job, spec: TaskSpec, ctx: TaskContext): unknown {
    const { attempt } = ctx;
    this.last = job;
    this.guard(() => {
      must(this.depth === 0, `law 3: task ${job.id} started inside a call`);
      // Some may be in before it has started, some because it has.
      this.model.follow(this.group.stats.accepted);
      this.model.followLoans(this.group.stats.lent);
      this.model.start(job, ctx, attempt);
      this.way?.begins(job.weight);
      this.sync();
      this.checkContext(job);
      this.work(spec.work ?? 0);
    });
    const run = job.run;
    if (this.violation !== undefined || run === undefined) return;
    const failure = new Failure(`task ${job.id}, attempt ${attempt}`);
    let gate: Gate | undefined;
    if (spec.looks !== undefined) {
      const { signal } = ctx;
      this.lookers.push({ job, run, signal });
      if (spec.looks === "obeys") {
        signal.addEventListener("abort", () => {
          if (gate !== undefined) this.open(gate, false);
        });
      }
    }
    const desk = { job, run, ctx };
    if (spec.lends !== undefined) this.lend(desk, spec.lends);
    this.nest(spec.nested);
    const fails = attempt <= spec.fails;
    if (spec.ends === "now") {
      if (fails) {
        this.end(job, run, false, failure);
        throw failure;
      }
      queueMicrotask(() => this.end(job, run, true, job.id));
      return job.id;
    }
    const promise = new Promise((resolve, reject) => {
      gate = { job, resolve, reject: () => reject(failure) };
      if (spec.ends === "gate") {
        this.gates.push(gate);
        this.desks.push(desk);
      } else {microtasks(spec.ends as number, () =>
          fails ? reject(failure) : resolve(job.id));}
    });
    // First of all who wait for it; so the model hears of it just before the group.
    promise.then(
      (value) => this.end(job, run, true, value),
      (error) => this.end(job, run, false, error),
    );
    return promise;
  }

  open(gate: Gate, isWell: boolean): void {
    const at = this.gates.indexOf(gate);
    if (at < 0) return;
    this.gates.splice(at, 1);
    if (isWell) gate.resolve(gate.job.id);
    else gate.reject(undefined);
  }

  end(job: Job, run: Run, isFulfilled: boolean, value: unknown): void {
    if (job.run !== run || run.hasEnded) return;
    // Who was let in before has come before who can go on now.
    this.guard(() => this.model.follow(this.group.stats.accepted));
    this.guard(() => this.model.followLoans(this.group.stats.lent));
    this.guard(() => this.model.end(job, isFulfilled, value));
  }

  /** Whether these are the options of that job: the ones given, or others where its priority was set. */
  isOptions(job: Job, options: TaskOptions | undefined): boolean {
    if (!job.isMoved) return options === this.options.get(job);
    return options?.id === job.name && options?.priority === job.priority;
  }

  checkContext(job: Job): void {
    const wanted = job.call === "go"
      ? `go ${job.id}`
      : job.call === "map"
      ? `map ${job.stream!.id}`
      : HOME;
    const store = context.getStore();
    must(
      store === wanted,
      `law 13: ${job.call} of task ${job.id} runs in the context of ${store}`,
    );
  }

  work(ms: number): void {
    const { slice } = this.spec;
    must(
      this.worked <= slice + HANDFUL,
      `law 10: ${this.worked} ms without a turn, the slice is ${slice} ms`,
    );
    this.worked += ms;
    clock.worked += ms;
  }

  worker(task: Body, ctx: TaskContext): unknown {
    const result = task(ctx);
    const job = this.last;
    const run = job?.run;
    if (
      this.spec.worker === "throws" && job !== undefined && job.id % 7 === 5 &&
      run !== undefined && !run.hasEnded && this.violation === undefined
    ) {
      const failure = new Failure("worker");
      this.end(job, run, false, failure);
      if (result instanceof Promise) result.catch(() => {});
      throw failure;
    }
    return result;
  }

  onError(error: unknown, failure: TaskFailure): unknown {
    this.guard(() => {
      const { reports, sourceReports } = this.model;
      const ofSource = sourceReports.findIndex((report) =>
        failure.workerId === -1 && failure.attempt === 0 &&
        failure.options === report.options &&
        failure.task(undefined as never) === report.given &&
        ("late" in report
          ? (error as { value?: unknown }).value === report.late
          : error === report.error)
      );
      if (ofSource >= 0) return void sourceReports.splice(ofSource, 1);
      const at = reports.findIndex((job) =>
        isReason(job.error!, error) &&
        failure.workerId === job.failedOn!.workerId &&
        failure.attempt === job.failedOn!.attempt &&
        this.isOptions(job, failure.options) &&
        (job.call === "map" || this.tasks.get(failure.task) === job)
      );
      must(at >= 0, `law 7: onError hears of ${describe(error)} for nothing`);
      reports.splice(at, 1)[0]!.error = undefined;
    });
    this.nest(this.spec.nested);
    const { onError } = this.spec;
    if (onError === "hears") return;
    this.printsDue++;
    if (onError === "throws") throw new Failure("onError");
    return Promise.reject(new Failure("onError"));
  }
}

function rule(spec: RetrySpec, minTimeout: number): RetryRule {
  const { maxAttempts, ask, tell } = spec;
  return {
    maxAttempts,
    minTimeout,
    asks: ask !== undefined,
    tells: tell !== undefined,
  };
}
