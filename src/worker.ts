/**
 * The workers of a group: who starts a task, and when.
 *
 * A worker is an async loop with an id, which takes a task, awaits it, and takes
 * the next one, for as long as it finds some; then it ends, and costs nothing.
 * The dispatcher iterates over a bell, rung by whoever brings something, and
 * sends workers out. It was called when the group was made, and so the workers
 * run in that async context. A {@linkcode Called} one has to start in its own one:
 * it is made the next in line and called, and starts itself a microtask later.
 *
 * Invariants:
 * 1. A task leaves the line in the moment in which it starts, and `inFlight` is
 *    counted there: in `#next` or in `claim`, behind the same gates.
 * 2. A call that is called stays the next in line until it starts, a microtask
 *    later; so it can't be overtaken (law 4), and to call it again does nothing.
 * 3. Whatever opens a gate (resume, a larger limit, a turn of the loop, the end
 *    of a task, a new one) rings the bell, or finds it rung.
 * 4. Nothing that a user's function throws gets out of the loop (law 7).
 *
 * @module
 */

import type { Attempts, Item } from "./attempt.ts";
import { Bell } from "./bell.ts";
import type { Books } from "./books.ts";
import type { Called, Caller } from "./call.ts";
import { count } from "./check.ts";
import { RunContext, type Sink } from "./context.ts";
import { Ids } from "./ids.ts";
import { type Line, type Maybe, NONE } from "./line.ts";
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
  readonly #slice: number;
  readonly #onRest: () => void;
  readonly #bell = new Bell();
  readonly #ids: Ids;
  #limit: number;
  #paused: boolean;
  /** Whether somebody waits for the group to be at rest. */
  isWatched = false;

  constructor(options: CrewOptions) {
    this.#books = options.books;
    this.#line = options.line;
    this.#sink = options.sink;
    this.#runner = options.runner;
    this.#attempts = options.attempts;
    this.#slice = options.slice;
    this.#onRest = options.onRest;
    this.#limit = options.concurrency;
    this.#paused = options.paused;
    this.#ids = new Ids(options.concurrency);
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
    if (this.#isOpen()) this.#bell.ring();
  }

  /** Anything may have changed: what is in the line, the gates, the end. */
  stir(): void {
    if (this.#line.waiting > 0) this.#line.admit(this.idle);
    this.#bell.ring();
  }

  claim(call: Called): number {
    if (!this.#isOpen() || !mayStart(this.#slice)) {
      call.arm();
      this.#bell.ring();
      return -1;
    }
    this.#line.shift();
    this.#books.inFlight++;
    call.state = "running";
    const workerId = this.#takeId();
    this.#callNext();
    return workerId;
  }

  context(workerId: number): RunContext {
    return new RunContext(workerId, 1, this.#sink);
  }

  invoke(task: Task, context: RunContext): unknown {
    return this.#runner.invoke(task, context);
  }

  /** Starts the next one in line for this worker, if it is of this caller. */
  nextOf(caller: unknown, workerId: number): Called | undefined {
    if (workerId >= this.#limit || !this.#isOpen()) return undefined;
    if (!mayStart(this.#slice)) return undefined;
    const line = this.#line;
    const item = line.shift();
    if (item === NONE) return undefined;
    if (typeof item === "function" || item.caller !== caller) {
      line.putBack(item);
      return undefined;
    }
    this.#books.inFlight++;
    item.state = "running";
    if (line.waiting > 0) line.admit(this.idle);
    return item as Called;
  }

  settle(call: Called, isFulfilled: boolean): void {
    call.state = "gone";
    this.#books.inFlight--;
    if (isFulfilled) this.#books.fulfilled++;
    else this.#books.rejected++;
  }

  attempt(call: Called, workerId: number): Promise<void> {
    return this.#attempts.attempt(call, workerId);
  }

  release(workerId: number): void {
    this.#ids.release(workerId);
    if (this.#ids.used === 0) {
      leave(this.#slice);
      this.#sink.rest();
      if (this.isWatched) this.#bell.ring();
    }
    if (this.#line.waiting > 0) this.#line.admit(this.idle);
    this.#callNext();
  }

  async #dispatch(): Promise<void> {
    for await (const _ of this.#bell) {
      for (;;) {
        const item = this.#next();
        if (item !== NONE) this.#work(item);
        else if (isBlocked()) await turned();
        else break;
      }
      this.#onRest();
    }
  }

  /** One worker. Everything here is on the hot path. */
  async #work(first: Item): Promise<void> {
    const books = this.#books;
    const id = this.#takeId();
    // Plain tasks can't tell their runs apart, so they share a context, until
    // one of them looks at its signal: that one is its own.
    let ctx = this.context(id);
    for (
      let item: Maybe<Item> = first;
      item !== NONE;
      item = id < this.#limit ? this.#next() : NONE
    ) {
      if (typeof item !== "function") {
        await this.#attempts.attempt(item, id);
        continue;
      }
      try {
        await this.#runner.invoke(item, ctx);
        books.inFlight--;
        books.fulfilled++;
      } catch (error) {
        books.inFlight--;
        books.rejected++;
        this.#runner.report(error, { task: item }, ctx);
      }
      if (ctx.looked) {
        ctx.end();
        ctx = this.context(id);
      }
    }
    ctx.end();
    this.release(id);
  }

  /** Whether one more task may start now, as far as the group is concerned. */
  #isOpen(): boolean {
    return this.#books.inFlight < this.#limit && !this.#paused &&
      !this.#attempts.isAborted;
  }

  /** Starts the next task: counts it, and has the caller of this run it. */
  #next(): Maybe<Item> {
    if (!this.#isOpen() || !mayStart(this.#slice)) return NONE;
    const line = this.#line;
    const item = line.shift();
    if (item === NONE) return NONE;
    if (typeof item !== "function" && item.isCalled) {
      this.#call(item as Called);
      return NONE;
    }
    this.#books.inFlight++;
    if (line.waiting > 0) line.admit(this.idle);
    return item;
  }

  /** From any async context: calls what is next, or leaves it to the dispatcher. */
  #callNext(): void {
    if (this.#bell.isRung || !this.#isOpen()) return;
    if (isBlocked()) return this.#bell.ring();
    const item = this.#line.shift();
    if (item === NONE) return;
    if (typeof item !== "function" && item.isCalled) {
      this.#call(item as Called);
    } else {
      this.#line.putBack(item);
      this.#bell.ring();
    }
  }

  #call(call: Called): void {
    this.#line.putBack(call);
    call.summon();
  }

  #takeId(): number {
    if (this.#ids.used === 0) enter(this.#slice);
    return this.#ids.take();
  }
}
