// deno-coverage-ignore-file

/**
 * Plays a program against the group and against the model, and checks after
 * every step that they are in the same state.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type {
  CoGroup,
  CoGroupOptions,
  QueuedTask,
  RetryOptions,
  TaskContext,
  TaskFailure,
  TaskOptions,
} from "../../mod.ts";
import { clock, drainMicrotasks } from "./clock.ts";
import type {
  GroupSpec,
  Program,
  RetrySpec,
  SignalName,
  SourceSpec,
  Step,
  TaskSpec,
} from "./program.ts";
import {
  type FeedModel,
  GroupModel,
  isReason,
  Job,
  must,
  type Reason,
  type RetryRule,
  type Run,
  Violation,
} from "./reference.ts";
import { CountedSignal } from "./signals.ts";
import { type Pending, ProgramSource } from "./source.ts";
import { type Reader, StreamModel } from "./stream_reference.ts";

/** What the driver plays with. */
export interface Subject {
  CoGroup: typeof CoGroup;
  /** Whether nothing may start before the loop has turned. */
  isBlocked: () => boolean;
}

/** An error of the program's own. */
class Failure {
  readonly name = "Failure";
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

interface Gate {
  job: Job;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

interface Looker {
  job: Job;
  run: Run;
  signal: AbortSignal;
}

interface Stream {
  model: StreamModel;
  source: ProgramSource;
  iterator: AsyncIterableIterator<unknown>;
  readers: { reader: Reader; isHeard: boolean }[];
}

interface Waiter {
  kind: "wait" | "idle" | "reset";
  epoch: number;
  rests: number;
  signal: CountedSignal | undefined;
  isSettled: boolean;
}

type Body = (ctx: TaskContext) => unknown;

/** Fractions of a millisecond by which timers are told apart. */
const FRACTION = 1 / 8192;
const SINK = 8191 * FRACTION;
const PROGRESS = 8190 * FRACTION;
/** What can be in line, or has to know who is. */
const queuesUp: ReadonlySet<Step["op"]> = new Set<Step["op"]>([
  "add",
  "go",
  "insert",
  "tryInsert",
  "insertAll",
]);
/** Enough for every program, and not too much for one that feeds itself. */
const MOST_NESTED = 20;

/** Milliseconds above the slice: so many tasks of one millisecond. */
const HANDFUL = 8;
/** After so many tasks, a feed looks for its next place a microtask later. */
const AT_ONCE = 8;

const context = new AsyncLocalStorage<string>();
const HOME = "home";

/** Rejections that nobody handled, as the runtime tells of them. */
export const unhandled: unknown[] = [];

export class Driver {
  readonly #spec: GroupSpec;
  readonly #program: Program;
  readonly #group: CoGroup;
  readonly #model: GroupModel;
  readonly #isBlocked: () => boolean;
  readonly #signals: Record<SignalName, CountedSignal>;
  readonly #own = new Map<Job, CountedSignal>();
  readonly #jobs: Job[] = [];
  readonly #tasks = new Map<unknown, Job>();
  readonly #options = new Map<Job, TaskOptions | undefined>();
  readonly #gates: Gate[] = [];
  #lookers: Looker[] = [];
  readonly #streams: Stream[] = [];
  readonly #sources: ProgramSource[] = [];
  readonly #pending = new Set<Pending>();
  readonly #waiters: Waiter[] = [];
  readonly #promised: { job: Job; isHeard: boolean }[] = [];
  readonly #unread: Job[] = [];
  #violation: unknown = undefined;
  /** How deep in calls of the group the program is. */
  #depth = 0;
  #nested = 0;
  #epoch = 0;
  #isResetting = false;
  #lastAbandoned = 0;
  #prints = 0;
  #feeds = 0;
  #watchers = 0;
  /** Work that was done since the loop has turned. */
  #worked = 0;
  /** What feeds do that may wait for the loop to turn. */
  #afterTurn: (() => void)[] = [];
  #last: Job | undefined = undefined;
  steps = 0;

  constructor(program: Program, { CoGroup, isBlocked }: Subject) {
    this.#program = program;
    this.#isBlocked = isBlocked;
    const spec = this.#spec = program.group;
    const upstream = new CountedSignal("upstream");
    this.#signals = {
      own: upstream, // Never used: each task has one of its own.
      a: new CountedSignal("a"),
      b: new CountedSignal("b"),
      upstream,
    };
    if (spec.upstream === "aborted") upstream.mark(new Failure("upstream"));
    this.#model = new GroupModel({
      concurrency: spec.concurrency,
      capacity: spec.capacity,
      paused: spec.paused,
      sink: typeof spec.sink === "number" ? spec.sink + SINK : spec.sink,
      upstream: spec.upstream === "none" ? undefined : upstream,
      now: () => clock.now,
      isLax: spec.feeds === "many",
    });
    this.#group = context.run(HOME, () => new CoGroup(this.#groupOptions()));
  }

  /** Plays it to the end. Throws a {@linkcode Violation} if a law is broken. */
  async play(): Promise<void> {
    const { error } = console;
    console.error = () => void this.#prints++;
    unhandled.length = 0;
    try {
      for (const step of this.#program.steps) {
        // Only a step that is to wait gives anything time to happen.
        const waiting = this.#take(step);
        if (waiting !== undefined) await waiting;
        this.#check();
      }
      await this.#finish();
    } finally {
      console.error = error;
    }
  }

  #groupOptions(): CoGroupOptions {
    const { spec, model } = { spec: this.#spec, model: this.#model };
    const { timeout, retry } = spec;
    return {
      concurrency: spec.concurrency,
      capacity: spec.capacity,
      paused: spec.paused,
      sink: model.sink,
      slice: spec.slice,
      ...(spec.upstream !== "none" && {
        signal: this.#signals.upstream.signal,
      }),
      ...(timeout !== undefined && { timeout: timeout + FRACTION }),
      ...(retry !== undefined && { retry: this.#retryOptions(retry, 0) }),
      ...(spec.worker !== "none" && {
        worker: (task, ctx) => this.#worker(task as Body, ctx) as never,
      }),
      onError: (error, failure) => this.#onError(error, failure) as never,
    };
  }

  // Checks.

  readonly guard = (check: () => void): void => {
    if (this.#violation !== undefined) return;
    try {
      check();
    } catch (error) {
      this.#violation = error;
    }
  };

  #sync(): void {
    this.#model.sync(this.#group.stats.accepted);
  }

  #check(): void {
    this.steps++;
    this.guard(() => {
      const group = this.#group;
      const model = this.#model;
      this.#sync();
      const stats = group.stats as unknown as Record<string, number>;
      const wanted = model.stats;
      for (const name in wanted) {
        must(
          stats[name] === wanted[name],
          `law 1: ${name} is ${stats[name]}, not ${wanted[name]}`,
        );
      }
      must(group.size === wanted.queued, "size is not what is queued");
      must(
        group.inFlight === wanted.inFlight,
        "inFlight is not what stats says",
      );
      must(group.closed === model.isClosed, `closed is ${group.closed}`);
      must(group.paused === model.paused, `paused is ${group.paused}`);
      must(group.concurrency === model.limit, "concurrency is another");
      for (const { name, listeners } of this.#allSignals()) {
        must(listeners <= 1, `law 9: ${listeners} listeners on signal ${name}`);
      }
      this.#lookers = this.#lookers.filter(({ job, run }) =>
        job.run === run && !run.hasEnded
      );
      for (const looker of this.#lookers) this.#checkLooker(looker);
    });
    if (this.#violation !== undefined) throw this.#violation;
  }

  #checkLooker({ job, run, signal }: Looker): void {
    const { spoken } = this.#model;
    const reasons = spoken === undefined
      ? run.reasons
      : [...run.reasons, { is: spoken.reason }];
    must(
      signal.aborted === reasons.length > 0,
      `task ${job.id}: ctx.signal ${
        signal.aborted ? "speaks for no reason" : "is quiet"
      }`,
    );
    must(
      !signal.aborted ||
        reasons.some((reason) => isReason(reason, signal.reason)),
      `task ${job.id}: ctx.signal has another reason`,
    );
  }

  /** Nothing moves any more. */
  async #settle(): Promise<void> {
    await drainMicrotasks();
    for (let turns = 0; clock.immediates > 0; turns++) {
      if (turns > 1000) throw new Violation("law 10: it never comes to rest");
      this.#turn();
      await drainMicrotasks();
    }
    this.#check();
    this.guard(() => this.#checkStandstill());
    this.#check();
  }

  #checkStandstill(): void {
    const model = this.#model;
    model.standsStill();
    for (const { job, isHeard } of this.#promised) {
      const outcome = job.call === "go" ? job.outcome : job.answer;
      must(
        isHeard === (outcome !== undefined),
        `law 6: ${job.call} of task ${job.id} is ${
          isHeard ? "settled" : "not settled"
        }`,
      );
    }
    for (const { model, readers } of this.#streams) {
      for (const { reader, isHeard } of readers) {
        must(
          isHeard === (reader.step !== undefined),
          `law 12: a next() of stream ${model.id} is ${
            isHeard ? "settled" : "not settled"
          }`,
        );
      }
    }
    for (const waiter of this.#waiters) {
      const isDue = waiter.epoch < this.#epoch || waiter.signal?.aborted ||
        (model.isAtRest && (model.isClosed || waiter.kind === "idle"));
      must(
        waiter.isSettled || !isDue,
        `law 8: ${waiter.kind}() is not settled`,
      );
    }
    this.#checkTimers();
    for (const signal of this.#allSignals()) this.#checkListeners(signal);
  }

  #checkTimers(): void {
    const due = [...clock.timers].map((timer) => timer.due)
      .filter((due) => due % 1 !== PROGRESS).sort((a, b) => a - b);
    const wanted = this.#model.timers.sort((a, b) => a - b);
    must(
      due.join() === wanted.join(),
      `timers are set for ${due.join()}, not for ${wanted.join()}`,
    );
  }

  #checkListeners(signal: CountedSignal): void {
    const model = this.#model;
    const isWatched = !signal.aborted && (
      (signal === model.upstream && model.aborted === undefined &&
        !(model.closed && model.isAtRest)) ||
      this.#jobs.some((job) =>
        job.signal === signal && job.state !== "gone" && job.state !== "new"
      ) ||
      this.#waiters.some((waiter) =>
        waiter.signal === signal && !waiter.isSettled
      )
    );
    must(
      signal.listeners === Number(isWatched),
      `law 9: ${signal.listeners} listeners on signal ${signal.name}`,
    );
  }

  *#allSignals(): Iterable<CountedSignal> {
    yield this.#signals.a;
    yield this.#signals.b;
    yield this.#signals.upstream;
    yield* this.#own.values();
  }

  // The functions that the group calls.

  #job(
    call: Job["call"],
    spec: TaskSpec,
    stream?: StreamModel,
    options?: TaskOptions,
  ): { job: Job; body: Body; options: TaskOptions | undefined } {
    const id = this.#jobs.length;
    options ??= stream === undefined ? this.#taskOptions(spec, id) : undefined;
    const group = this.#spec;
    const signal = options?.signal as CountedSignal | undefined;
    const retry = spec.retry ?? group.retry;
    const job = new Job(id, call, {
      signal,
      timeout: options?.timeout ??
        (group.timeout === undefined ? Infinity : group.timeout + FRACTION),
      retry: retry && rule(retry, options?.retry?.minTimeout ?? retry.ms),
      stream,
    });
    this.#jobs.push(job);
    if (spec.signal === "own" && signal) this.#own.set(job, signal);
    const body = (ctx: TaskContext) => this.#run(job, spec, ctx);
    this.#tasks.set(body, job);
    this.#options.set(job, options);
    return { job, body, options };
  }

  #taskOptions(spec: TaskSpec, id: number): TaskOptions | undefined {
    const { signal, timeout, retry } = spec;
    if (!signal && timeout === undefined && retry === undefined) return;
    const mine = signal === "own"
      ? new CountedSignal(`of task ${id}`)
      : signal && this.#signals[signal];
    const fraction = (2 * (id % 4000) + 2) * FRACTION;
    return {
      ...(mine && { signal: mine.signal }),
      ...(timeout !== undefined && { timeout: timeout + fraction + FRACTION }),
      ...(retry && { retry: this.#retryOptions(retry, fraction) }),
    };
  }

  #retryOptions(spec: RetrySpec, fraction: number): RetryOptions {
    const { maxAttempts, ms, ask, tell } = spec;
    const thrown = new Failure("isRetriable or delay");
    return {
      maxAttempts,
      minTimeout: ms + fraction,
      multiplier: 1,
      ...(ask && {
        isRetriable: (error) => {
          this.guard(() => this.#model.asked(error));
          this.#nest(spec.nested);
          const answer = ask === "throws" ? { thrown } : ask === "yes";
          this.guard(() => this.#model.answers(answer));
          if (ask === "throws") throw thrown;
          return ask === "yes";
        },
      }),
      ...(tell && {
        delay: (error) => {
          this.guard(() => this.#model.askedDelay(error));
          this.#nest(spec.nested);
          const answer = tell === "number"
            ? ms + fraction + 1
            : tell === "bad"
            ? -1
            : undefined;
          this.guard(() =>
            this.#model.tells(tell === "throws" ? { thrown } : answer)
          );
          if (tell === "throws") throw thrown;
          return answer;
        },
      }),
    };
  }

  #run(job: Job, spec: TaskSpec, ctx: TaskContext): unknown {
    const { attempt } = ctx;
    this.#last = job;
    this.guard(() => {
      must(this.#depth === 0, `law 3: task ${job.id} started inside a call`);
      // Some may be in before it has started, some because it has.
      this.#model.follow(this.#group.stats.accepted);
      this.#model.start(job, ctx.workerId, attempt);
      this.#sync();
      this.#checkContext(job);
      this.#work(spec.work ?? 0);
    });
    const run = job.run;
    if (this.#violation !== undefined || run === undefined) return;
    const failure = new Failure(`task ${job.id}, attempt ${attempt}`);
    let gate: Gate | undefined;
    if (spec.looks !== undefined) {
      const { signal } = ctx;
      this.#lookers.push({ job, run, signal });
      if (spec.looks === "obeys") {
        signal.addEventListener("abort", () => {
          if (gate !== undefined) this.#open(gate, false);
        });
      }
    }
    this.#nest(spec.nested);
    const fails = attempt <= spec.fails;
    if (spec.ends === "now") {
      if (fails) {
        this.#end(job, run, false, failure);
        throw failure;
      }
      queueMicrotask(() => this.#end(job, run, true, job.id));
      return job.id;
    }
    const promise = new Promise((resolve, reject) => {
      gate = { job, resolve, reject: () => reject(failure) };
      if (spec.ends === "gate") this.#gates.push(gate);
      else {microtasks(spec.ends as number, () =>
          fails ? reject(failure) : resolve(job.id));}
    });
    // First of all who wait for it; so the model hears of it just before the group.
    promise.then(
      (value) => this.#end(job, run, true, value),
      (error) => this.#end(job, run, false, error),
    );
    return promise;
  }

  #end(job: Job, run: Run, isFulfilled: boolean, value: unknown): void {
    if (job.run !== run || run.hasEnded) return;
    this.guard(() => this.#model.end(job, isFulfilled, value));
  }

  #checkContext(job: Job): void {
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

  #work(ms: number): void {
    const { slice } = this.#spec;
    must(
      this.#worked <= slice + HANDFUL,
      `law 10: ${this.#worked} ms without a turn, the slice is ${slice} ms`,
    );
    this.#worked += ms;
    clock.worked += ms;
  }

  #worker(task: Body, ctx: TaskContext): unknown {
    const result = task(ctx);
    const job = this.#last;
    const run = job?.run;
    if (
      this.#spec.worker === "throws" && job !== undefined && job.id % 7 === 5 &&
      run !== undefined && !run.hasEnded && this.#violation === undefined
    ) {
      const failure = new Failure("worker");
      this.#end(job, run, false, failure);
      if (result instanceof Promise) result.catch(() => {});
      throw failure;
    }
    return result;
  }

  #onError(error: unknown, failure: TaskFailure): unknown {
    this.guard(() => {
      const { reports } = this.#model;
      const at = reports.findIndex((job) =>
        isReason(job.error!, error) &&
        failure.workerId === job.failedOn!.workerId &&
        failure.attempt === job.failedOn!.attempt &&
        failure.options === this.#options.get(job) &&
        (job.call === "map" || this.#tasks.get(failure.task) === job)
      );
      must(at >= 0, `law 7: onError hears of ${describe(error)} for nothing`);
      reports.splice(at, 1)[0]!.error = undefined;
    });
    this.#nest(this.#spec.nested);
    const { onError } = this.#spec;
    if (onError === "hears") return;
    this.#printsDue++;
    if (onError === "throws") throw new Failure("onError");
    return Promise.reject(new Failure("onError"));
  }
  #printsDue = 0;

  #nest(step: Step | undefined): void {
    if (step === undefined || ++this.#nested > MOST_NESTED) return;
    if (this.#violation === undefined) this.guard(() => this.#act(step));
  }

  // Steps.

  #take(step: Step): Promise<void> | void {
    switch (step.op) {
      case "microtasks":
        return new Promise((resolve) => microtasks(step.n - 1, resolve));
      case "settle":
        return this.#settle();
      case "turn":
        return this.#turn();
      case "tick":
        return this.#tick(step.ms);
      default:
        this.guard(() => this.#act(step));
    }
  }

  #turn(): void {
    this.#worked = 0;
    clock.turn();
    for (const then of this.#afterTurn.splice(0)) microtasks(2, then);
  }

  async #tick(ms: number): Promise<void> {
    clock.now += ms;
    this.#turn(); // Time goes by between the turns of the loop.
    for (let timer = clock.next(); timer; timer = clock.next()) {
      await this.#goOff(timer);
    }
  }

  async #goOff(timer: { due: number; callback: () => void }): Promise<void> {
    clock.timers.delete(timer as never);
    if (timer.due % 1 !== PROGRESS) {
      this.guard(() => {
        this.#sync();
        must(
          this.#model.goesOff(timer.due),
          `a timer goes off at ${timer.due} that nobody needs`,
        );
      });
    }
    this.#turn();
    timer.callback();
    // As everywhere: all microtasks, then the next timer.
    await drainMicrotasks();
    this.#check();
  }

  /** Calls the group, in an async context of the call's own. */
  #call<T>(name: string, call: () => T): T {
    this.#depth++;
    try {
      return context.run(name, call);
    } finally {
      this.#depth--;
    }
  }

  #act(step: Step): void {
    const group = this.#group;
    const model = this.#model;
    this.#sync();
    // Whether a feed is already in line can't be seen; nobody gets in line then.
    if (!model.isLax && model.isLooking && queuesUp.has(step.op)) return;
    switch (step.op) {
      case "add": {
        const { job, body, options } = this.#job("add", step.task);
        const isIn = !model.refuses(job.signal);
        if (isIn) model.keep(job);
        const answer = this.#call("add", () => group.add(body, options));
        return must(answer === isIn, `add() is ${answer}`);
      }
      case "tryInsert":
        return this.#tryInsert(step.task);
      case "insert":
        return this.#insert(step.task);
      case "go":
        return this.#go(step.task, step.unread === true);
      case "insertAll":
        return this.#insertAll(step.source, step.task);
      case "map":
      case "mapSettled":
        return this.#map(step);
      case "read":
      case "break":
      case "throw":
        return this.#read(step.op, step.which);
      case "answer": {
        const pending = pick([...this.#pending], step.which);
        return pending?.answer(step.well);
      }
      case "end": {
        const gate = pick(this.#gates, step.which);
        return gate && this.#open(gate, step.well);
      }
      case "look":
        return this.#look();
      case "withdraw": {
        const live = [...this.#own.values()].filter((signal) =>
          !signal.aborted
        );
        const signal = pick(live, step.which);
        return signal && this.#abort(signal);
      }
      case "signal":
        return this.#abort(this.#signals[step.name]);
      case "resize":
        model.limit = step.n;
        return this.#call("resize", () => {
          group.concurrency = step.n;
        });
      case "cancel": {
        const reason = new Failure("cancel");
        model.abort(reason);
        this.#call("cancel", () => group.cancel(reason));
        return this.#checkSignal();
      }
      case "close":
        model.close();
        return this.#call("close", () => group.close());
      case "pause":
      case "resume":
        model.paused = step.op === "pause";
        return this.#call(
          step.op,
          () => step.op === "pause" ? group.pause() : group.resume(),
        );
      case "drain":
        return this.#drain();
      case "reset":
        return this.#reset();
      case "wait":
        return this.#wait(undefined);
      case "waitFor":
        return this.#wait(this.#signals[step.name]);
      case "idle": {
        const waiter = this.#waiter("idle", undefined);
        const { isAtRest } = model;
        this.#call("idle", () => group.idle()).then(() => {
          waiter.isSettled = true;
          this.guard(() =>
            must(
              isAtRest || model.rests > waiter.rests,
              "idle() resolved, and was never at rest",
            )
          );
        });
        return;
      }
      case "progress":
        this.#watch();
    }
  }

  #tryInsert(spec: TaskSpec): void {
    const model = this.#model;
    const { job, body, options } = this.#job("tryInsert", spec);
    const offer = model.refuses(job.signal) ? "no" : model.offers();
    const answer = this.#call(
      "tryInsert",
      () => this.#group.tryInsert(body, options),
    );
    must(
      offer === "either" || answer === (offer === "yes"),
      `law 4: tryInsert() is ${answer}, there is ${
        offer === "yes" ? "" : "no "
      }room`,
    );
    if (answer) model.keep(job);
    this.#sync();
  }

  #insert(spec: TaskSpec): void {
    const model = this.#model;
    const { job, body, options } = this.#job("insert", spec);
    const isRefused = model.refuses(job.signal);
    const offer = isRefused ? "no" : model.offers();
    const promise = this.#call(
      "insert",
      () => this.#group.insert(body, options),
    );
    const isIn = this.#group.stats.accepted > model.accepted;
    must(
      offer === "either" || isIn === (offer === "yes"),
      `law 4: insert() ${isIn ? "got in" : "waits"}, there is ${
        offer === "yes" ? "" : "no "
      }room`,
    );
    if (isRefused) job.answer = false;
    else if (!isIn) model.wait(job);
    else {
      model.keep(job);
      job.answer = true;
    }
    const promised = { job, isHeard: false };
    this.#promised.push(promised);
    promise.then((answer) => {
      promised.isHeard = true;
      this.guard(() => {
        // A worker has taken it from who waits; nobody else has looked since.
        if (job.answer === undefined) this.#sync();
        must(job.answer === answer, `insert() of task ${job.id} is ${answer}`);
      });
    }, (error) => {
      this.guard(() => {
        throw new Violation(`insert() rejects with ${describe(error)}`);
      });
    });
  }

  #go(spec: TaskSpec, isUnread: boolean): void {
    const model = this.#model;
    const { job, body, options } = this.#job("go", spec);
    const reason = model.refusal(job.signal);
    if (reason === undefined) model.keep(job);
    else job.outcome = { ok: false, reason, isQuiet: true };
    const promise = this.#call(
      `go ${job.id}`,
      () => this.#group.go(body, options),
    );
    if (isUnread) return void this.#unread.push(job);
    const promised = { job, isHeard: false };
    this.#promised.push(promised);
    const hears = (ok: boolean, value: unknown) => {
      promised.isHeard = true;
      this.guard(() => {
        const { outcome } = job;
        const isRight = outcome?.ok === ok &&
          (outcome.ok
            ? outcome.value === value
            : isReason(outcome.reason, value));
        must(
          isRight,
          `law 6: go() of task ${job.id} ${ok ? "fulfils" : "rejects"} with ${
            describe(value)
          }`,
        );
      });
    };
    promise.then((value) => hears(true, value), (error) => hears(false, error));
  }

  #insertAll(sourceSpec: SourceSpec, spec: TaskSpec): void {
    const model = this.#model;
    if (model.feeds.size > 0 && !model.isLax) return;
    // A task whose signal is aborted is left out, and nobody can see when.
    const given = sourceSpec.kind === "sync" ? spec : withoutSignal(spec);
    let ending: { error: { is: unknown } | undefined } | undefined;
    const feed: FeedModel = {
      id: this.#feeds++,
      state: "looking",
      accepted: 0,
      mayHold: false,
      hadRoom: false,
      stop: () => {
        if (feed.state === "holding") model.vacate();
        feed.state = "over";
        source.close();
      },
    };
    let joins = model.joins;
    let taken = 0;
    let wasSkipped = false;
    const goOn = () => {
      if (model.feeds.has(feed) && feed.state === "looking") {
        // Who came meanwhile may be before it or behind it.
        if (joins !== model.joins) feed.hadRoom = true;
        model.feedLooks(feed);
      }
    };
    // It may have to wait for the loop to turn before it looks, or have looked
    // in the moment before that: either will do. A pull tells that it has.
    const goOnUnblocked = (ofTask = taken) => {
      if (ofTask !== taken || feed.state !== "looking") return;
      if (!this.#isBlocked()) return this.guard(goOn);
      this.#afterTurn.push(() => goOnUnblocked(ofTask));
    };
    const jobs = new Map<unknown, Job>();
    const source: ProgramSource = this.#source(
      `insertAll ${feed.id}`,
      sourceSpec,
      {
        pulls: () => {
          this.#sync();
          if (feed.state === "looking") goOn();
          model.feedPulls(feed);
        },
        make: () => {
          const { job, body, options } = this.#job("feed", given);
          const value = options === undefined ? body : { task: body, options };
          jobs.set(value, job);
          return value;
        },
        comes: (value, isAtHand) => {
          if (feed.state === "over") return;
          this.#sync();
          const job = jobs.get(value)!;
          const isSkipped = job.signal?.aborted === true;
          wasSkipped = isSkipped;
          if (isSkipped) model.vacate();
          else model.fill(feed, job);
          feed.state = "looking";
          joins = model.joins;
          feed.hadRoom = model.hasRoomNow;
          // A little after the group does; a pull may come before.
          const ofTask = ++taken;
          const hops = isAtHand && !isSkipped ? 1 : 2;
          microtasks(
            ofTask % AT_ONCE === 0 ? hops + 1 : hops,
            () => goOnUnblocked(ofTask),
          );
        },
        ended: (error) => {
          ending = { error };
          model.feeds.delete(feed);
          if (feed.state === "over") return;
          model.vacate();
          feed.state = "over";
        },
        gaveUp: () => {},
      },
    );
    const { iterable } = source;
    if (model.isClosed) feed.stop();
    else {
      model.feeds.add(feed);
      feed.hadRoom = model.hasRoomNow;
    }
    let isHeard = false;
    const ends = (check: () => void) => {
      isHeard = true;
      this.guard(() => {
        check();
        model.feeds.delete(feed);
        feed.state = "over";
      });
    };
    const promise = this.#call(
      "insertAll",
      () => this.#group.insertAll(iterable),
    );
    // In this call; after one that was left out, a microtask later.
    if (!wasSkipped && (taken % AT_ONCE > 0 || taken === 0)) goOnUnblocked();
    promise.then(
      (accepted) =>
        ends(() => {
          must(accepted === feed.accepted, `insertAll() is ${accepted}`);
          must(ending?.error === undefined, "insertAll() hides an error");
          must(
            ending !== undefined || feed.state === "over",
            "insertAll() gave up",
          );
        }),
      (error) =>
        ends(() =>
          must(
            error !== undefined && error === source.error,
            `insertAll() rejects with ${describe(error)}`,
          )
        ),
    );
    this.#endings.push(() =>
      must(isHeard, `law 6: insertAll ${feed.id} is not settled`)
    );
  }
  /** What has to hold at the very end. */
  readonly #endings: (() => void)[] = [];

  #map(step: Step & { op: "map" | "mapSettled" }): void {
    const model = this.#model;
    const id = this.#streams.length;
    const taskOptions = this.#taskOptions(step.task, 3000 + id) ?? {};
    const { ordered, ahead } = step;
    const options = { ...taskOptions, ordered, ahead };
    const isAtHand = step.source.kind === "sync";
    const stream: StreamModel = new StreamModel(id, model, {
      isSettled: step.op === "mapSettled",
      ordered,
      ahead,
      signal: options.signal as CountedSignal | undefined,
      closeSource: () => source.close(),
    });
    if (step.task.signal === "own") {
      // Its signal is one like any other, from the first item on.
      const { job } = this.#job("map", step.task, stream, options);
      job.state = "gone";
    }
    const arrives = (then: () => void) => {
      stream.isPulling = false;
      this.#sync();
      then();
    };
    const source: ProgramSource = this.#source(`stream ${id}`, step.source, {
      pulls: () => {
        this.#sync();
        stream.pulls();
        stream.isPulling = !isAtHand;
        const store = context.getStore();
        must(
          store === `map ${id}`,
          `law 13: pulled in the context of ${store}`,
        );
      },
      make: () => this.#job("map", step.task, stream, options).job,
      comes: (job) => arrives(() => stream.comes(job as Job)),
      ended: (error) => arrives(() => stream.ended(error, 1)),
      gaveUp: () => arrives(() => stream.ended(undefined, 1)),
    });
    const fn = (job: Job, ctx: TaskContext) => this.#run(job, step.task, ctx);
    const iterator = this.#call(
      `map ${id}`,
      () => this.#group[step.op](source.iterable, fn as never, options),
    );
    this.#streams.push({ model: stream, source, iterator, readers: [] });
    for (let i = 0; i < step.reads; i++) this.#read("read", id);
  }

  #source(
    name: string,
    spec: SourceSpec,
    puller: ConstructorParameters<typeof ProgramSource>[3],
  ): ProgramSource {
    const source = new ProgramSource(name, spec, {
      guard: this.guard,
      nested: ({ nested }) => this.#nest(nested),
      pending: this.#pending,
      error: (what) => new Failure(what),
    }, puller);
    this.#sources.push(source);
    return source;
  }

  #read(op: "read" | "break" | "throw", which: number): void {
    const stream = pick(this.#streams, which);
    if (stream === undefined) return;
    const { iterator, model, readers } = stream;
    if (op !== "read") {
      model.return();
      const reason = new Failure("throw");
      const value = {};
      const promise = this.#call(
        op,
        () =>
          op === "break" ? iterator.return!(value) : iterator.throw!(reason),
      );
      promise.then(
        (step) =>
          this.guard(() =>
            must(
              op === "break" && step.done === true && step.value === value,
              `${op} of stream ${model.id} is another step`,
            )
          ),
        (error) =>
          this.guard(() =>
            must(
              op === "throw" && error === reason,
              `${op} of stream ${model.id} rejects`,
            )
          ),
      );
      return;
    }
    const mine = { reader: model.next(), isHeard: false };
    readers.push(mine);
    const hears = (ok: boolean, value: unknown) => {
      mine.isHeard = true;
      this.guard(() => {
        const { step } = mine.reader;
        must(
          step !== undefined &&
            isStep(step, model.options.isSettled, ok, value),
          `law 12: a next() of stream ${model.id} ${
            ok ? "is" : "rejects with"
          } ${describe(value)}`,
        );
      });
    };
    this.#call("read", () => iterator.next()).then(
      (value) => hears(true, value),
      (error) => hears(false, error),
    );
  }

  #open(gate: Gate, isWell: boolean): void {
    const at = this.#gates.indexOf(gate);
    if (at < 0) return;
    this.#gates.splice(at, 1);
    if (isWell) gate.resolve(gate.job.id);
    else gate.reject(undefined);
  }

  /** The signals of all who run are looked at again. */
  #look(): void {
    for (const { job, signal } of this.#lookers) {
      must(signal instanceof AbortSignal, `task ${job.id} has no signal`);
    }
    this.#checkSignal();
  }

  #checkSignal(): void {
    if (this.#depth > 0) return; // An abort may be half told.
    const { signal } = this.#group;
    const { aborted } = this.#model;
    must(
      signal.aborted === (aborted !== undefined) &&
        (aborted === undefined || signal.reason === aborted.reason),
      "the group's signal is not aborted as the group is",
    );
  }

  #abort(signal: CountedSignal): void {
    if (signal.aborted) return;
    const reason = new Failure(`signal ${signal.name}`);
    signal.mark(reason);
    // A group that is done has left its signal; when, it may choose.
    const isDone = this.#model.closed && this.#model.isAtRest;
    if (signal === this.#model.upstream && (!isDone || signal.listeners > 0)) {
      this.#model.abort(reason);
    }
    for (const job of this.#jobs) {
      if (job.signal === signal) this.#model.withdraw(job, reason);
    }
    this.#call("abort", () => signal.fire());
  }

  #drain(): void {
    const wanted = this.#model.drain();
    const got: QueuedTask[] = this.#call("drain", () => this.#group.drain());
    const jobs = got.map(({ task }) => this.#tasks.get(task));
    if (this.#model.isLax) {
      jobs.sort((a, b) => a!.id - b!.id);
      wanted.sort((a, b) => a.id - b.id);
      got.sort((a, b) =>
        this.#tasks.get(a.task)!.id - this.#tasks.get(b.task)!.id
      );
    }
    must(
      jobs.length === wanted.length &&
        jobs.every((job, i) => job === wanted[i]),
      `drain() gave ${jobs.map((job) => job?.id)}, not ${
        wanted.map((job) => job.id)
      }`,
    );
    must(
      got.every(({ options }, i) => options === this.#options.get(wanted[i]!)),
      "drain() gave other options",
    );
  }

  #waiter(kind: Waiter["kind"], signal: CountedSignal | undefined): Waiter {
    const waiter: Waiter = {
      kind,
      epoch: this.#epoch,
      rests: this.#model.rests,
      signal,
      isSettled: false,
    };
    this.#waiters.push(waiter);
    return waiter;
  }

  #wait(signal: CountedSignal | undefined): void {
    this.#model.close();
    const waiter = this.#waiter("wait", signal);
    const options = signal && { signal: signal.signal };
    const isAborted = signal?.aborted === true;
    this.#call("wait", () => this.#group.wait(options)).then(
      (abandoned) => {
        waiter.isSettled = true;
        this.guard(() => {
          must(!isAborted, "wait() overlooks that its signal is aborted");
          this.#checkWait(waiter, abandoned);
        });
      },
      (reason) => {
        waiter.isSettled = true;
        this.guard(() =>
          must(
            signal?.aborted === true && signal.reason === reason,
            `wait() rejects with ${describe(reason)}`,
          )
        );
      },
    );
  }

  #checkWait(waiter: Waiter, abandoned: number): void {
    const model = this.#model;
    if (waiter.epoch < this.#epoch) {
      return must(
        abandoned === this.#lastAbandoned || waiter.epoch + 1 < this.#epoch,
        `law 8: ${waiter.kind}() is ${abandoned}`,
      );
    }
    must(
      model.isClosed && model.isAtRest,
      `law 8: ${waiter.kind}() resolves too early`,
    );
    must(
      abandoned === model.abandoned,
      `law 8: ${waiter.kind}() is ${abandoned}, not ${model.abandoned}`,
    );
  }

  #reset(): void {
    const model = this.#model;
    model.close();
    const waiter = this.#waiter("reset", undefined);
    if (!this.#isResetting) {
      this.#isResetting = true;
      // Asked for before; so the model hears of it just before the group.
      this.#call("wait", () => this.#group.wait()).then((abandoned) => {
        this.guard(() => {
          this.#checkWait(waiter, abandoned);
          this.#lastAbandoned = abandoned;
          this.#isResetting = false;
          this.#epoch++;
          model.reset();
        });
      });
    }
    this.#call("reset", () => this.#group.reset()).then((abandoned) => {
      waiter.isSettled = true;
      this.guard(() => this.#checkWait(waiter, abandoned));
    });
  }

  #watch(): void {
    const interval = 20 + PROGRESS;
    let isOver = false;
    const epoch = this.#epoch;
    const watch = async () => {
      let last = "";
      for await (const stats of this.#group.progress({ interval })) {
        this.guard(() => {
          const { accepted, overdue: _, retried: __, ...parts } = stats;
          const sum = Object.values(parts).reduce((a, b) => a + b);
          must(sum === accepted, "law 1: progress() does not balance");
          must(JSON.stringify(stats) !== last, "progress() repeats itself");
          last = JSON.stringify(stats);
        });
      }
      isOver = true;
      this.guard(() =>
        must(
          this.#epoch > epoch ||
            (this.#model.isClosed && this.#model.isAtRest),
          "progress() ends too early",
        )
      );
    };
    if (++this.#watchers > 3) return;
    watch();
    this.#endings.push(() => must(isOver, "progress() does not end"));
  }

  // The end.

  async #finish(): Promise<void> {
    const model = this.#model;
    await this.#settle();
    const { finish } = this.#spec;
    if (finish !== "wait") this.guard(() => this.#act({ op: finish }));
    for (let round = 0;; round++) {
      if (round > 200) throw new Violation("law 6: it never comes to an end");
      if (model.paused) this.guard(() => this.#act({ op: "resume" }));
      await this.#settle();
      for (const pending of [...this.#pending]) pending.answer(true);
      for (const { model } of this.#streams) {
        if (!model.isOver) {
          this.guard(() => this.#read(round < 50 ? "read" : "break", model.id));
        }
      }
      for (const gate of [...this.#gates]) this.#open(gate, true);
      await this.#settle();
      const isOver = this.#streams.every(({ model }) => model.isOver);
      if (isOver && model.feeds.size === 0) {
        if (!model.isClosed) this.guard(() => this.#act({ op: "wait" }));
        if (model.isAtRest && !this.#isResetting && model.isClosed) break;
      }
      if (clock.firstDue < Infinity) {
        await this.#tick(Math.max(0, Math.ceil(clock.firstDue - clock.now)));
      }
    }
    await this.#settle();
    await this.#tick(1000);
    await this.#settle();
    this.guard(() => this.#checkEnd());
    this.#check();
  }

  #checkEnd(): void {
    for (const check of this.#endings) check();
    for (const source of this.#sources) source.check();
    for (const { isSettled, kind } of this.#waiters) {
      must(isSettled, `law 6: ${kind}() is not settled`);
    }
    must(clock.timers.size === 0, "a timer is left");
    must(
      this.#prints === this.#printsDue,
      `law 7: ${this.#prints} errors were printed, not ${this.#printsDue}`,
    );
    const own = this.#unread.filter(({ outcome }) =>
      outcome?.ok === false && !outcome.isQuiet
    );
    must(
      own.length === unhandled.length,
      `law 6: ${unhandled.length} unhandled rejections, not ${own.length}`,
    );
    this.#checkSignal();
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

function withoutSignal({ signal: _, ...spec }: TaskSpec): TaskSpec {
  return spec;
}

function microtasks(n: number, then: () => void): void {
  if (n <= 0) then();
  else queueMicrotask(() => microtasks(n - 1, then));
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % from.length];
}

function isStep(
  step: NonNullable<Reader["step"]>,
  isSettled: boolean,
  ok: boolean,
  value: unknown,
): boolean {
  if ("error" in step) return !ok && isReason(step.error, value);
  const result = value as IteratorResult<unknown>;
  if (!ok) return false;
  if ("done" in step) return result.done === true;
  if (result.done) return false;
  const { outcome } = step.item;
  if (!isSettled) return outcome!.ok && outcome!.value === result.value;
  const settled = result.value as PromiseSettledResult<unknown>;
  return outcome!.ok
    ? settled.status === "fulfilled" && settled.value === outcome!.value
    : settled.status === "rejected" &&
      isReason(outcome!.reason, settled.reason);
}

function describe(value: unknown): string {
  if (value instanceof Failure) return value.what;
  if (value instanceof Error) return String(value);
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

export type { Reason };
