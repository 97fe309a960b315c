/**
 * A stream of results: pulls items from a source, has the group's workers run
 * the function over them, and gives the results to a reader, who sets the pace.
 *
 * Items are pulled by the workers of its {@linkcode Carrier}, and so the source
 * and the function run in the async context of the `map` (law 13).
 *
 * Invariants:
 * 1. An item that was pulled and not delivered is in `#live` (not settled) or
 *    waits in `#out`; in order, all of them are in `#out` from the start.
 *    There are never more than `concurrency + ahead` of them, for `#allowed`
 *    grows only when a reader asks (law 12).
 * 2. `#end` says how the stream ends when everything that was pulled is
 *    delivered. Once it `#isOver` nothing is pulled, started or delivered any
 *    more, and errors of what still runs go to `onError`.
 * 3. The source is closed once, by {@linkcode Source}.
 *
 * @module
 */

import { Carrier } from "./carrier.ts";
import type { Core, Feed } from "./core.ts";
import type { Traits } from "./entry.ts";
import { CoGroupClosedError } from "./errors.ts";
import { type Intake, rejectQuietly } from "./intake.ts";
import { type Maybe, NONE } from "./maybe.ts";
import { fifoQueue } from "./fifo_queue.ts";
import { type Deferred, deferred } from "./settlers.ts";
import type { Source } from "./source.ts";
import { type ItemHome, StreamItem } from "./stream_item.ts";
import type { TaskContext } from "./task.ts";
import { mayStart, turned } from "./turn.ts";

/** What a stream is made of. */
export interface StreamParts {
  core: Core;
  intake: Intake;
  source: Source<unknown>;
  fn: (item: never, ctx: TaskContext) => unknown;
  traits: Traits;
  ordered: boolean;
  ahead: number;
  /** Whether a failure is a result like any other. */
  settled: boolean;
}

interface End {
  error: Maybe<unknown>;
  /** Whether nobody has to read that (law 6). */
  isQuiet: boolean;
}

/** How many items that are at hand are pulled before one of them is started. */
const AT_ONCE = 8;

const DONE: IteratorResult<never> = { value: undefined, done: true };
const OVER: End = { error: NONE, isQuiet: false };

export class Stream implements AsyncIterableIterator<unknown>, Feed, ItemHome {
  readonly #parts: StreamParts;
  readonly #carrier: Carrier;
  readonly #readers = fifoQueue<Deferred<IteratorResult<unknown>>>();
  readonly #out = fifoQueue<StreamItem>();
  readonly #live: StreamItem[] = [];
  /** The next one to deliver, taken from `#out` to look at it. */
  #head: StreamItem | undefined = undefined;
  /** The first one that failed, where that ends the stream. */
  #failure: StreamItem | undefined = undefined;
  #pulled = 0;
  #delivered = 0;
  #allowed = 0;
  #hasBegun = false;
  /** Whether a pull, or a turn of the event loop, is awaited. */
  #isPulling = false;
  #isOver = false;
  isHalted = false;
  #end: End | undefined = undefined;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#carrier = new Carrier(parts.core, () => this.#pull());
  }

  next(): Promise<IteratorResult<unknown>> {
    const { reason } = this.#parts.core;
    if (!this.#hasBegun && !this.#isOver) {
      const refusal = this.#begin();
      if (refusal !== undefined) return refusal;
    } else if (reason !== NONE && !this.#isOver) this.stop(reason); // Law 5: one step.
    if (this.#isOver) return this.#takeEnd();
    // Near an end it gets in line, before who asks when what went wrong is reported.
    const isNow = this.#end === undefined && this.#readers.size === 0;
    const step = isNow ? this.#nextStep() : undefined;
    this.#allow();
    return step === undefined ? this.#queueUp() : Promise.resolve(step);
  }

  return(value?: unknown): Promise<IteratorResult<unknown>> {
    this.#finish(NONE);
    return Promise.resolve({ value, done: true });
  }

  throw(reason?: unknown): Promise<IteratorResult<unknown>> {
    this.#finish(NONE);
    return Promise.reject(reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  stop(reason: Maybe<unknown>): void {
    if (reason !== NONE) this.#finish(reason, true);
    else if (this.#end === undefined) {
      this.#parts.source.stop();
      const error = new CoGroupClosedError(
        "Cannot go on with map: the group is closed",
      );
      this.#sourceEnded(error, 0, true);
    }
  }

  drops(item: StreamItem): boolean {
    // An abort of the group stops the whole stream as soon as its books are
    // in order; to do it for the first item would run the user's code before.
    if (item.fate !== "dropped" && this.#parts.core.reason === NONE) {
      return false;
    }
    item.fate = "dropped";
    this.#leave(item);
    return true;
  }

  settled(item: StreamItem): boolean {
    this.#leave(item);
    if (this.#isOver) return false;
    const { ordered, settled } = this.#parts;
    if (!ordered) this.#out.push(item);
    if (item.fate === "rejected" && !settled && this.#failure === undefined) {
      this.#failure = item;
      this.#halt();
    }
    this.#flush();
    return true;
  }

  /** The group may be closed by the time of the first step; then it is the last. */
  #begin(): Promise<never> | undefined {
    this.#hasBegun = true;
    const { core, intake, source, traits } = this.#parts;
    const refusal = intake.refusal("map", traits);
    if (refusal === undefined) {
      core.feeds.add(this);
      return undefined;
    }
    this.#isOver = true;
    this.#end = OVER;
    source.stop();
    return rejectQuietly(refusal.reason);
  }

  #queueUp(): Promise<IteratorResult<unknown>> {
    const reader = deferred<IteratorResult<unknown>>();
    this.#readers.push(reader);
    if (this.#end !== undefined) this.#flush();
    return reader.promise;
  }

  /** Lets more be pulled: whoever asks is about to take what there is. */
  #allow(): void {
    const { core, ahead } = this.#parts;
    this.#allowed = this.#delivered + core.crew.limit + ahead;
    if (this.#wantsMore()) this.#carrier.wake();
  }

  #wantsMore(): boolean {
    return this.#pulled < this.#allowed && this.#end === undefined &&
      !this.#isPulling && !this.#isOver;
  }

  /** Pulls what may be pulled now; called in the context of the `map` alone. */
  #pull(): void {
    const { core, source } = this.#parts;
    for (let n = 0; this.#wantsMore(); n++) {
      // The workers first: what is at hand would use up every turn.
      if (n === AT_ONCE) return this.#carrier.wake();
      // The first one is about to be started, and counts as that (law 10).
      if (n > 0 && !mayStart(core.settings.slice)) {
        return this.#pullAfter(turned());
      }
      this.#pulled++;
      try {
        const value = source.pull();
        if (value instanceof Promise) {
          return this.#pullAfter(value.then(
            (value) => this.#start(value),
            (error) => this.#sourceEnded(error, 1),
          ));
        }
        this.#start(value);
      } catch (error) {
        this.#sourceEnded(error, 1);
      }
    }
  }

  #pullAfter(promise: Promise<void>): void {
    this.#isPulling = true;
    promise.then(() => {
      this.#isPulling = false;
      this.#carrier.wake();
    });
  }

  /** Brings an item in, like any other task; from the context of the `map`. */
  #start(value: Maybe<unknown>): void {
    if (value === NONE || this.#end !== undefined || this.#isOver) {
      return this.#sourceEnded(NONE, 1);
    }
    const { core, fn, intake, ordered, source, traits } = this.#parts;
    const refusal = intake.refusal("map", traits);
    if (refusal !== undefined) {
      source.stop();
      return this.#sourceEnded(refusal.reason, 1, true);
    }
    const item = new StreamItem(
      (ctx) => fn(value as never, ctx),
      traits,
      this,
      this.#carrier,
    );
    item.place = this.#live.push(item) - 1;
    if (ordered) this.#out.push(item);
    // Its reader makes room for it; and who pulls is a worker, and looks next.
    try {
      core.line.force(item);
      core.accept(item);
      // The queue has ended the stream while it took it in.
      if (item.fate === "dropped") core.attempts.withdraw(item, undefined);
    } catch (error) {
      item.abandoned(error); // It was not accepted, and its reader is told why.
    }
  }

  /** It has left already if its end came while it came in. */
  #leave(item: StreamItem): void {
    if (item.place < 0) return;
    const last = this.#live.pop()!;
    if (last !== item) this.#live[last.place = item.place] = last;
    item.place = -1;
  }

  /**
   * No more from the source; `missing` pulls brought nothing. Nobody has to read
   * an error that is no failure (law 6).
   */
  #sourceEnded(error: Maybe<unknown>, missing: 0 | 1, isQuiet = false): void {
    this.#pulled -= missing;
    this.#end ??= { error, isQuiet };
    this.#flush();
  }

  /** Gives what is ready to who waits for it. */
  #flush(): void {
    while (this.#readers.size > 0) {
      const step = this.#nextStep();
      if (step === undefined) break;
      this.#readers.shift()!.resolve(step);
    }
    if (this.#readers.size > 0) this.#allow();
  }

  /** The next result, if it is there; ends the stream if there will be none. */
  #nextStep(): IteratorResult<unknown> | undefined {
    const item = this.#head ??= this.#out.shift();
    if (item === undefined) {
      if (this.#end !== undefined && this.#pulled === this.#delivered) {
        this.#finish(this.#end.error, this.#end.isQuiet);
      }
      return undefined;
    }
    const { fate, value } = item;
    const { settled } = this.#parts;
    if (fate === "dropped" || (fate === "rejected" && !settled)) {
      this.#fail(fate === "dropped" ? this.#failure! : item);
      return undefined;
    }
    if (fate === "open") return undefined;
    this.#head = undefined;
    this.#delivered++;
    const result = !settled
      ? value
      : fate === "fulfilled"
      ? { status: fate, value }
      : { status: fate, reason: value };
    return { value: result, done: false };
  }

  /**
   * Ends the stream with a failure, which is read here and now. What was dropped
   * was so because of the first one: after an abort nobody gets here.
   */
  #fail(failure: StreamItem): void {
    failure.failedRun = undefined;
    this.#head = undefined;
    this.#finish(failure.value);
  }

  /** Ends the stream, now: with an error, or without. */
  #finish(error: Maybe<unknown>, isQuiet = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end = { error, isQuiet };
    const { core } = this.#parts;
    core.feeds.delete(this);
    for (const { promise, resolve, reject } of this.#readers.drain()) {
      if (isQuiet) promise.catch(() => {});
      this.#takeEnd().then(resolve, reject);
    }
    this.#halt();
    const unread = [this.#head, ...this.#out.drain()];
    this.#head = undefined;
    for (const item of unread) {
      if (item?.failedRun === undefined) continue;
      core.runner.report(item.value, item, item.failedRun);
    }
  }

  /** Pulls and starts nothing more. What runs runs to its end, in the group. */
  #halt(): void {
    const { core, source } = this.#parts;
    this.isHalted = true;
    this.#end ??= OVER;
    // A copy: who is withdrawn leaves at once.
    for (const item of [...this.#live]) {
      if (item.state === "running") continue;
      item.fate = "dropped"; // One that is on its way in: see `#start`.
      if (item.state !== "new") core.attempts.withdraw(item, undefined);
    }
    source.stop();
  }

  /** The error of the end, once; after it, and without one, nothing but the end. */
  #takeEnd(): Promise<IteratorResult<unknown>> {
    const { error } = this.#end!;
    this.#end = OVER;
    if (error === NONE) return Promise.resolve(DONE);
    return rejectQuietly(error); // A reader that waits has a promise of its own.
  }
}
