/**
 * The workers of a group: who starts a task, and when.
 *
 * A worker is an async loop with an id, which takes a task, awaits it, and takes
 * the next one, for as long as it finds some; then it ends, and costs nothing.
 * The dispatcher iterates over a bell, rung by whoever brings something, and
 * sends workers out. It was called when the group was made, and so the workers
 * run in that async context. A {@linkcode Called} one has to start in its own one:
 * it is summoned when it is the next in line, and starts itself a microtask later.
 *
 * Invariants:
 * 1. A task leaves the line in the moment in which it starts, and `inFlight` is
 *    counted there, in `#start`, behind the gates: `#isOpen`, the governor's,
 *    and `mayStart`.
 * 2. A call that is summoned stays in line until it starts; so it can't be
 *    overtaken (law 4), and to summon it again does nothing.
 * 3. Whatever opens a gate (resume, a larger limit, a turn of the loop, the end
 *    of a task, a new one) rings the bell, or finds it rung.
 * 4. Nothing that a user's function throws gets out of the loop (law 7).
 *
 * @module
 */

import type { Attempts, Item } from "./attempt.ts";
import { Bell } from "./bell.ts";
import type { Books } from "./books.ts";
import { type Called, type Caller, starter } from "./call.ts";
import { count } from "./check.ts";
import { RunContext, type Sink } from "./context.ts";
import type { Entry } from "./entry.ts";
import type { Gate } from "./gate.ts";
import { Ids } from "./ids.ts";
import type { Line } from "./line.ts";
import type { Runner } from "./runner.ts";
import type { Task } from "./task.ts";
import { enter, isBlocked, leave, mayStart, turned } from "./turn.ts";

/** What the workers have to know of the group. */
export interface CrewOptions {
  books: Books;
  line: Line<Item>;
  sink: Sink;
  runner: Runner;
  attempts: Attempts;
  /** None if the group has no governor. */
  gate: Gate | undefined;
  concurrency: number;
  paused: boolean;
  slice: number;
  /** The dispatcher has done what there was to do, and may rest. */
  onRest: () => void;
}

export class Crew implements Caller {
  readonly #books: Books;
  readonly #line: Line<Item>;
  readonly #sink: Sink;
  readonly #runner: Runner;
  readonly #attempts: Attempts;
  readonly #gate: Gate | undefined;
  readonly #slice: number;
  readonly #onRest: () => void;
  readonly #bell = new Bell();
  readonly #ids = new Ids();
  readonly start: (place: number) => Promise<unknown> = starter(this);
  #limit: number;
  #paused: boolean;
  /** Whether its slice counts. */
  #isAtWork = false;
  /** Whether somebody waits for the group to be at rest. */
  isWatched = false;

  constructor(options: CrewOptions) {
    this.#books = options.books;
    this.#line = options.line;
    this.#sink = options.sink;
    this.#runner = options.runner;
    this.#attempts = options.attempts;
    this.#gate = options.gate;
    this.#slice = options.slice;
    this.#onRest = options.onRest;
    this.#limit = options.concurrency;
    this.#paused = options.paused;
    this.#dispatch();
  }

  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = count("set concurrency", "concurrency", limit, 1);
    this.#ids.resize(limit);
    this.stir();
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.stir();
  }

  /** How many workers could take one more task. None while paused. */
  get idle(): number {
    return this.#paused ? 0 : Math.max(0, this.#limit - this.#books.inFlight);
  }

  /** Something is in the line: if a worker is free, have it taken. */
  wake(): void {
    if (!this.#bell.isRung && this.#isOpen(undefined)) this.#bell.ring();
  }

  /** Anything may have changed: what is in the line, the gates, the end. */
  stir(): void {
    // After an abort they are about to be turned away, whatever is called until then.
    if (this.#line.waiting > 0 && !this.#attempts.isAborted) this.#line.admit();
    this.#bell.ring();
  }

  claim(call: Called): number {
    if (
      !this.#isOpen(undefined) || this.#line.peek() !== call ||
      !this.#hasPassed() || !this.#start(call)
    ) {
      this.#bell.ring();
      return -1;
    }
    call.state = "running";
    const id = this.takeId();
    this.callNext();
    return id;
  }

  /** Starts the next one in line, if it is of this caller, whose worker may have an id. */
  nextOf(caller: unknown, id: number | undefined): Called | undefined {
    if (!this.#isOpen(id)) return undefined;
    const item = this.#line.peek();
    if (
      item === undefined || typeof item === "function" ||
      item.caller !== caller || !this.#hasPassed() || !this.#start(item)
    ) return undefined;
    item.state = "running";
    return item as Called;
  }

  /** An id for one more worker, who has just started a task. */
  takeId(): number {
    if (!this.#isAtWork) {
      this.#isAtWork = true;
      enter(this.#slice);
    }
    return this.#ids.take();
  }

  context(workerId: number): RunContext {
    return new RunContext(workerId, this.#sink);
  }

  invoke(task: Task, context: RunContext): unknown {
    return this.#runner.invoke(task, context);
  }

  settle(entry: Entry, isFulfilled: boolean): void {
    entry.state = "gone";
    this.#books.inFlight--;
    if (isFulfilled) this.#books.fulfilled++;
    else this.#books.rejected++;
  }

  attempt(call: Called, workerId: number): Promise<void> {
    return this.#attempts.attempt(call, workerId);
  }

  release(workerId: number): void {
    this.#ids.release(workerId);
    if (this.#line.waiting > 0) this.#line.admit();
    if (this.callNext() || this.#ids.used > 0) return;
    this.#rest();
    if (this.isWatched) this.#bell.ring();
  }

  /**
   * From any async context: summons who is next, or leaves it to the
   * dispatcher. False if there is nobody to start now.
   */
  callNext(): boolean {
    if (this.#bell.isRung) return true;
    if (!this.#isOpen(undefined)) return false;
    const item = this.#line.peek();
    if (item === undefined) return false;
    if (
      typeof item !== "function" && item.isCalled && !isBlocked() &&
      this.#hasPassed()
    ) (item as Called).summon();
    else this.#bell.ring();
    return true;
  }

  async #dispatch(): Promise<void> {
    for await (const _ of this.#bell) {
      for (;;) {
        const item = this.#next(undefined);
        if (item !== undefined) this.#work(item);
        else if (isBlocked()) await turned();
        else if (!this.#leaveGate()) break;
      }
      if (this.#ids.used === 0) this.#rest();
      this.#onRest();
    }
  }

  /** One worker. Everything here is on the hot path. */
  async #work(first: Item): Promise<void> {
    const books = this.#books;
    const id = this.takeId();
    // Plain tasks can't tell their runs apart, so they share a context, until
    // one of them looks at its signal: that one is its own.
    let ctx = this.context(id);
    for (
      let item: Item | undefined = first;
      item !== undefined;
      item = this.#next(id)
    ) {
      if (typeof item !== "function") {
        if (item.track !== undefined) await this.#attempts.attempt(item, id);
        else await this.#runPlain(item, ctx);
      } else {
        try {
          await this.#runner.invoke(item, ctx);
          books.inFlight--;
          books.fulfilled++;
        } catch (error) {
          books.inFlight--;
          books.rejected++;
          this.#runner.report(error, { task: item }, ctx);
        }
      }
      if (ctx.looked) {
        ctx.end();
        ctx = this.context(id);
      }
    }
    ctx.end();
    this.release(id);
  }

  /** Runs a task whose options are for the queue alone. */
  async #runPlain(entry: Entry, ctx: RunContext): Promise<void> {
    try {
      await this.#runner.invoke(entry.task, ctx);
      this.settle(entry, true);
    } catch (error) {
      this.settle(entry, false);
      this.#runner.report(error, entry, ctx);
    }
  }

  /**
   * Whether one more task may start now, as far as the group is concerned, in
   * a worker with this id, or one that has none yet.
   */
  #isOpen(id: number | undefined): boolean {
    // WARNING: it takes more than a place in flight. The end of a task is
    // counted before its worker is back, which still has the id.
    const hasId = id === undefined
      ? this.#ids.used < this.#limit
      : id < this.#limit;
    return hasId && this.#books.inFlight < this.#limit && !this.#paused &&
      !this.#attempts.isAborted;
  }

  /** Starts the next task; if that is a call, leaves it to be started. */
  #next(id: number | undefined): Item | undefined {
    if (!this.#isOpen(id) || !this.#mayPass(id)) return undefined;
    const item = this.#line.peek();
    if (item === undefined) return undefined;
    if (typeof item !== "function" && item.isCalled) {
      (item as Called).summon();
      return undefined;
    }
    return this.#start(item) ? item : undefined;
  }

  /** Whether the governor, if there is one, has let one more start. */
  #hasPassed(): boolean {
    return this.#gate === undefined || this.#gate.isOpen;
  }

  /** The same, and asks it; from the group's own async context alone. */
  #mayPass(id: number | undefined): boolean {
    const gate = this.#gate;
    if (gate === undefined) return true;
    // WARNING: to ask the governor is to call the user's code. So whoever has
    // asked looks at everything only then.
    return this.#line.peek() !== undefined && gate.open() && this.#isOpen(id);
  }

  /**
   * Gives back what nothing is to be started with. Whether there was anything:
   * then the user's code ran, and there may well be something to start.
   */
  #leaveGate(): boolean {
    if (this.#gate === undefined) return false;
    const hasNext = this.#isOpen(undefined) && this.#line.peek() !== undefined;
    return !hasNext && this.#gate.leave();
  }

  /**
   * Takes the item, which is next and may pass, out of the line and counts it:
   * whoever calls this runs it. False if it may not start in this turn.
   */
  #start(item: Item): boolean {
    const line = this.#line;
    if (!mayStart(this.#slice) || !line.take()) return false;
    this.#books.inFlight++;
    if (this.#gate !== undefined) {
      (item as Entry).track!.permit = this.#gate.take();
    }
    return line.waiting === 0 || this.#admitBeside(item);
  }

  /** Lets in who waits for the item's place. False if that has ended the item. */
  #admitBeside(item: Item): boolean {
    if (typeof item !== "function") item.state = "running";
    this.#line.admit();
    this.wake(); // A worker that found nothing before may find who was let in.
    return !this.#attempts.takesBack(item);
  }

  #rest(): void {
    if (!this.#isAtWork) return;
    this.#isAtWork = false;
    leave(this.#slice);
    this.#sink.rest();
  }
}
