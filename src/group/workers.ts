/**
 * The workers of a group: what starts a task, and when.
 *
 * A worker is an async loop with an id. It starts a task, awaits it, and starts the
 * next one, as long as it finds one; then it ends, and costs nothing. It works for a
 * host, and runs in the host's async context (law 13): the group's own workers in that
 * of the constructor, those of a stream in that of its `map`, and that of a call of
 * `go` in its own. If the next item is another host's, the worker wakes that host.
 *
 * Invariants:
 * 1. `nextOf` is the one place that asks which item is next, and whether it may start.
 *    The item leaves the backlog, and is counted, in the moment in which it starts; so
 *    a clear, a withdrawal and an abort reach every item that has not started.
 * 2. An item whose host was woken stays in the backlog until it starts; so it can't
 *    be overtaken (law 4), and to wake the host again does nothing.
 * 3. Whatever makes a start possible (resume, a larger limit, a turn of the loop, a
 *    permit, the end of a task, a new task) must lead to a look: by the bell, or directly.
 * 4. Nothing that the user's functions throw gets out of a worker (law 7).
 *
 * @module
 */

import { type Maybe, NONE } from "../base/promises.ts";
import { Turn } from "../base/turn.ts";
import type { Backlog } from "../channel/backlog.ts";
import type { OwnQueue } from "../queues/queue.ts";
import type { Attempts, AttemptsOptions } from "./attempts.ts";
import type { Bell } from "./bell.ts";
import { type Call, type Caller, starter, wokenAgain } from "./call.ts";
import { type Grace, RunContext } from "./context.ts";
import { CallWorker, type OnCallEnd } from "./call_worker.ts";
import type { Entry, Host, Item } from "./entry.ts";
import type { Gate } from "./gate.ts";
import { type Ids, NO_ID } from "./ids.ts";
import type { Loans } from "./loans.ts";
import type { Runner } from "./runner.ts";
import type { State } from "./state.ts";
import type { Task } from "../task.ts";
import type { Watch } from "./watch.ts";

/** The parts of a group that its workers work with. */
export interface WorkersOptions extends AttemptsOptions {
  readonly ids: Ids;
  readonly grace: Grace;
  readonly attempts: Attempts;
  readonly slice: number;
  /** The group's own workers have looked, and have started what they could. */
  readonly onLooked: () => void;
  /** The queue of the user's own has thrown. */
  readonly onBroken: (error: unknown) => void;
}

/** So many workers for calls are kept while they have nothing to do. */
const FEW = 64;

export class Workers implements Host {
  readonly lingers = false;
  isAwake = false;
  readonly turn: Turn;
  readonly #caller: Caller = starter(this);
  readonly #mayBePrompt: boolean;
  readonly #state: State;
  readonly #queue: OwnQueue<Item>;
  readonly #backlog: Backlog<Item>;
  readonly #bell: Bell;
  readonly #grace: Grace;
  readonly #runner: Runner;
  readonly #attempts: Attempts;
  readonly #gate: Gate | undefined;
  readonly #onLooked: () => void;
  readonly #onBroken: (error: unknown) => void;
  readonly #ids: Ids;
  readonly #loans: Loans;
  /** Those that are free. */
  readonly #callWorkers: CallWorker[] = [];
  readonly #watch: Watch | undefined;
  /** Whether a caller waits for the group to be at rest. */
  isWatched = false;
  /** Whether the user's code, while it was asked, has changed which item is next. */
  #hasChanged = false;

  constructor(options: WorkersOptions) {
    this.#state = options.state;
    this.#queue = options.queue;
    this.#backlog = options.backlog;
    this.#bell = options.bell;
    this.#grace = options.grace;
    this.#ids = options.ids;
    this.#loans = options.loans;
    this.#watch = options.watch;
    this.#runner = options.runner;
    this.#attempts = options.attempts;
    this.#gate = options.gate;
    this.#mayBePrompt = options.gate === undefined &&
      options.watch === undefined && options.queue.lost === undefined;
    this.#onLooked = options.onLooked;
    this.#onBroken = options.onBroken;
    this.turn = new Turn(options.slice, () => this.look());
    this.#bell.answer(() => this.#dispatch());
  }

  /** Sets how many workers there are. */
  resize(limit: number): void {
    const isOther = this.#state.limit !== limit;
    this.#state.limit = limit;
    this.#ids.resize(limit);
    if (isOther) this.#watch?.group({ type: "resized", concurrency: limit });
    this.look();
  }

  /** Something has come into the backlog. */
  wake(): void {
    if (!this.#bell.isRung && this.#isOpen(NO_ID)) this.#bell.ring();
  }

  /** Anything may have changed: the workers look at what is queued, and whether all has ended. */
  look(): void {
    this.#loans.admit();
    this.#letIn();
    this.#bell.ring();
  }

  /**
   * Wakes the host of the next item; in any async context. False if there is nothing
   * to start now.
   */
  wakeNext(): boolean {
    if (this.#bell.isRung) return true;
    if (!this.#isOpen(NO_ID)) return false;
    if (this.#backlog.waiting > 0 && this.#watch !== undefined) {
      this.#bell.ring(); // A look lets senders in, and a start may not be told yet.
      return true;
    }
    const item = this.#peek();
    if (item === undefined) return false;
    if (typeof item === "function" || !this.#mayWake(item)) this.#bell.ring();
    else item.host.wake();
    return true;
  }

  /** What settles as a call does that is about to come in. */
  promise(call: Call): Promise<unknown> {
    const isNext = this.#mayBePrompt && call.isPlain &&
      call.traits.retry === undefined && this.#backlog.size === 0 &&
      this.#backlog.waiting === 0 && !this.#bell.isRung &&
      !this.turn.isWaiting && this.#isOpen(NO_ID);
    return isNext ? this.#workSoon(call) : call.turn().then(this.#caller.start);
  }

  /** A call has come in. If it is next, it is woken without a look of the workers. */
  wakeCall(call: Call): void {
    const isNext = !this.#bell.isRung && this.#isOpen(NO_ID) &&
      this.#peek() === call && this.#mayWake(call);
    if (isNext) call.wake();
    else this.wake();
  }

  next(workerId: number): Item | undefined {
    return this.nextOf(this, workerId);
  }

  /**
   * Starts the next item, if it is this host's and may start now, in a worker with this
   * id; then the caller runs it. To be called in the host's async context.
   */
  nextOf(host: Host, workerId: number): Item | undefined {
    // WARNING: stop here until the loop has turned: else hosts would wake each other for
    // ever.
    if (this.turn.isWaiting && !this.turn.mayStart()) return undefined;
    if (!this.#isOpen(workerId) || !this.#mayPass(host, workerId)) {
      return undefined;
    }
    const item = this.#peek();
    if (item === undefined) return undefined;
    const itsHost = typeof item === "function" ? this : item.host;
    if (itsHost === host) return this.#start(item) ? item : undefined;
    itsHost.wake();
    return undefined;
  }

  /** One worker for one call. It looks for nothing more: a call has one item (bench: b). */
  workCall(call: Call): Promise<unknown> {
    const isOnce = call.isPlain && call.traits.retry === undefined &&
      call.result === undefined;
    if (isOnce) {
      const worker = this.#callWorkers.pop() ?? new CallWorker(this.#onCallEnd);
      const ctx = this.#context();
      ctx.item = call;
      return worker.run(call, ctx, this.#runner);
    }
    const { promise } = call.later();
    this.work(call, call);
    return promise;
  }

  readonly #onCallEnd: OnCallEnd = (worker, call, ctx, fate) => {
    this.#end(ctx);
    this.#attempts.end(call, fate);
    if (this.#callWorkers.length < FEW) this.#callWorkers.push(worker);
    this.#release(ctx.workerId);
  };

  /**
   * One worker for a call that is next when it comes. Settles as the call does, which
   * can't be told early: one promise, where a call that waits takes three (bench: b).
   */
  async #workSoon(call: Call): Promise<unknown> {
    await undefined; // Law 3.
    while (this.nextOf(call, NO_ID) !== call) {
      this.look();
      await wokenAgain(call);
    }
    const ctx = this.#context();
    ctx.item = call;
    this.wakeNext(); // There may be more to do.
    try {
      const value = await this.#runner.invoke(call.task, ctx);
      this.#end(ctx);
      this.#attempts.end(call, "fulfilled");
      return value;
    } catch (error) {
      ctx.end();
      this.#attempts.fail(call, ctx, error);
      throw error;
    } finally {
      this.#release(ctx.workerId);
    }
  }

  /** One worker, which starts with this item. */
  work(host: Host, first: Item): Promise<void> {
    const ctx = this.#context();
    return typeof first === "function"
      ? this.#workBare(first, ctx)
      : this.#workEntries(host, first, ctx);
  }

  // Two loops: in one, what an entry needs would be saved and restored at each `await` of
  // a bare task, which takes a tenth of its time (bench: a). Neither ever rejects.

  async #workBare(first: Task, ctx: RunContext): Promise<void> {
    const state = this.#state;
    const runner = this.#runner;
    const { isWrapped } = runner;
    let item: Item | undefined = first;
    while (typeof item === "function") {
      ctx.item = item;
      if (isWrapped || item.length > 0) ctx.isOwn = true;
      try {
        await (isWrapped ? runner.invoke(item, ctx) : item(ctx));
        ctx.item = undefined;
        if (ctx.isOwn) this.#loans.end(ctx);
        state.inFlight--;
        state.fulfilled++;
      } catch (error) {
        ctx.item = undefined;
        if (ctx.isOwn) this.#loans.end(ctx);
        state.inFlight--;
        state.rejected++;
        runner.report(error, { task: item }, ctx);
      }
      if (ctx.isOwn) ctx = this.#anew(ctx);
      if (ctx.workerId === NO_ID) break;
      item = this.nextOf(this, ctx.workerId);
    }
    if (item === undefined || typeof item === "function") this.#leave(ctx);
    else this.#workEntries(this, item, ctx);
  }

  async #workEntries(
    host: Host,
    first: Entry,
    ctx: RunContext,
  ): Promise<void> {
    const runner = this.#runner;
    const { isWrapped } = runner;
    let item: Item | undefined = first;
    while (item !== undefined && typeof item !== "function") {
      ctx.item = item;
      if (!item.isPlain) {
        this.#attempts.begin(item, ctx);
        if (this.#watch !== undefined) this.#letIn(); // It has heard of the start by now.
        let value: unknown;
        let error: Maybe<unknown> = NONE;
        try {
          value = await item.attempt(runner, ctx);
        } catch (reason) {
          error = reason;
        }
        const end = this.#attempts.endRun(ctx, value, error);
        if (end !== undefined) await end; // Only if need be: that takes a microtask.
      } else {
        if (isWrapped || item.takesContext) ctx.isOwn = true;
        try {
          const value = await runner.invoke(item.task, ctx);
          ctx.item = undefined; // First, as above: then it can lend nothing any more.
          if (ctx.isOwn) this.#loans.end(ctx);
          host.isAwake = true;
          this.#attempts.end(item, "fulfilled");
          item.fulfilled(value);
        } catch (error) {
          if (ctx.isOwn) ctx.end();
          const end = this.#attempts.fail(item, ctx, error);
          if (end !== undefined) await end;
        }
      }
      ctx.item = undefined;
      if (ctx.isOwn) ctx = this.#anew(ctx);
      if (ctx.workerId === NO_ID) break;
      item = host.next(ctx.workerId);
      if (item === undefined && host.lingers) {
        host.isAwake = true;
        await undefined;
        item = host.next(ctx.workerId);
      }
    }
    if (typeof item === "function") this.#workBare(item, ctx);
    else this.#leave(ctx);
  }

  /**
   * A context for a worker that has just come, with an id. Tasks share it where they take
   * none. Or one that is forgotten in a callback would, after the end of its task, lend
   * the worker of another.
   */
  #context(): RunContext {
    if (this.#ids.used === 0) this.turn.enter();
    const ctx = new RunContext(NO_ID, this.#grace, this.#loans);
    ctx.workerId = this.#ids.take(ctx);
    return ctx;
  }

  /**
   * The context with which the worker goes on, after a task whose own this one was. It has
   * no id if that task has lent its worker to the end: then another one has the id.
   */
  #anew(ctx: RunContext): RunContext {
    ctx.end();
    const { workerId } = ctx;
    if (workerId === NO_ID) return ctx;
    const next = new RunContext(workerId, this.#grace, this.#loans);
    this.#ids.move(workerId, next);
    return next;
  }

  /** The worker finds nothing more. */
  #leave(ctx: RunContext): void {
    ctx.end();
    this.#release(ctx.workerId);
  }

  /** The task of that context has ended. */
  #end(ctx: RunContext): void {
    ctx.end();
    this.#loans.end(ctx);
  }

  #release(id: number): void {
    if (id !== NO_ID) this.#ids.release(id);
    this.#loans.admit(); // Before anything starts.
    if (this.#backlog.waiting > 0) this.#admit();
    if (this.wakeNext() || this.#ids.used > 0) return;
    this.#rest();
    if (this.isWatched) this.#bell.ring();
  }

  /** Sends the group's own workers out. */
  #dispatch(): void {
    for (;;) {
      // Let senders in on every round: a withdrawal frees room without any worker ending,
      // and a task just started may have withdrawn something.
      this.#letIn();
      const item = this.nextOf(this, NO_ID);
      if (item !== undefined) this.work(this, item);
      else if (this.#hasChanged) this.#hasChanged = false; // A ring in here is not heard.
      else if (!this.#leaveGate()) break;
    }
    if (this.turn.isWaiting || !this.#isOpen(NO_ID)) this.#queue.rest?.();
    if (this.#ids.used === 0) this.#rest();
    this.#onLooked();
  }

  /**
   * Whether the state of the group allows one more start now, in a worker with this id,
   * or in one that has none yet.
   */
  #isOpen(workerId: number): boolean {
    const { inFlight, limit, paused, isAborted } = this.#state;
    // WARNING: `inFlight < limit` is not enough. The end of a task is counted before its
    // worker is back, and that worker still has its id.
    const hasId = workerId === NO_ID
      ? this.#ids.used < limit
      : workerId < limit;
    return hasId && inFlight < limit && !paused && !isAborted &&
      this.#loans.waiting === 0;
  }

  /** Whether the host of the next item, if it is woken now, may start it. */
  #mayWake(next: Entry): boolean {
    return !this.turn.isWaiting &&
      (this.#gate === undefined || this.#gate.isOpen(next));
  }

  /** Whether the governor, if there is one, allows one more start. Only the group's own workers ask it. */
  #mayPass(host: Host, workerId: number): boolean {
    const gate = this.#gate;
    if (gate === undefined) return true;
    const next = this.#peek() as Entry | undefined;
    if (next === undefined) return false;
    if (host !== this) return gate.isOpen(next);
    // WARNING: to ask the governor may run the user's code, which may change anything. So
    // it is asked only for an item, and the state is looked at again after that.
    return gate.open(next) && this.#isOpen(workerId);
  }

  /**
   * Leaves the gate, if nothing can start now. True if that has run the user's code:
   * then there may be something to start after all.
   */
  #leaveGate(): boolean {
    return this.#gate !== undefined &&
      (this.turn.isWaiting || !this.#hasNext) && this.#gate.leave();
  }

  /** Whether there is an item, and the state of the group allows a start. */
  get #hasNext(): boolean {
    return this.#isOpen(NO_ID) && this.#peek() !== undefined;
  }

  /**
   * Takes the item, which is next, out of the backlog and counts it. False if it may
   * not start now.
   */
  #start(item: Item): boolean {
    if (!this.turn.mayStart()) return false;
    // Here, where nothing else is in the way of the start (law 16).
    const permit = this.#gate?.take(item as Entry);
    if (this.#gate !== undefined) {
      if (permit === undefined) return this.#isPassed();
      (item as Entry).permit = permit;
    }
    if (!this.#take()) {
      if (permit !== undefined) this.#gate!.waive(permit);
      return this.#isPassed();
    }
    this.#state.inFlight++;
    if (typeof item !== "function") {
      item.state = "running";
      if (this.#mayBeLost(item)) this.#attempts.track(item);
    }
    // Else senders come in when the observer has heard of the start: see `#workEntries`.
    if (this.#backlog.waiting > 0 && this.#watch === undefined) this.#admit();
    return true;
  }

  /** Whether a permit of it may be lost while it runs. Then it needs a context of its own. */
  #mayBeLost(entry: Entry): boolean {
    return entry.permit?.lost !== undefined ||
      this.#queue.lost?.(entry) !== undefined;
  }

  /** The item may not start now, but another one may be next. */
  #isPassed(): false {
    this.#hasChanged = true;
    return false;
  }

  /** Takes the next item out of the backlog. False if it is not to be had: its key's permit has gone. */
  #take(): boolean {
    try {
      if (this.#backlog.take()) return true;
      this.#bell.ring();
    } catch (error) {
      this.#onBroken(error);
    }
    return false;
  }

  /** The next item. A queue of the user's own may throw. */
  #peek(): Item | undefined {
    try {
      return this.#backlog.peek();
    } catch (error) {
      this.#onBroken(error);
      return undefined;
    }
  }

  /** Lets senders in. Not after an abort: `#stopIntake` refuses them. */
  #letIn(): void {
    if (this.#backlog.waiting > 0 && !this.#state.isAborted) this.#admit();
  }

  #admit(): void {
    this.#backlog.admit();
    this.wake(); // A worker that found nothing before may find what has come in.
  }

  #rest(): void {
    const { turn } = this;
    if (turn.isWaiting && (this.#hasNext || this.#loans.waiting > 0)) return;
    turn.leave();
    this.#attempts.timeouts.rest();
    if (this.#state.lent === 0) this.#grace.rest();
  }
}
