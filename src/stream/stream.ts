/**
 * A stream of results. Its {@linkcode Supply} pulls items from a source and runs the
 * function over them; the stream gives the results to a reader, which sets the pace.
 *
 * Invariants:
 * 1. `#live`: pulled, not ended. `#out`: to deliver; with `ordered` from the pull on,
 *    else from its end on. Together they have at most `concurrency + ahead` items, for
 *    `#allowed` grows only when a result is delivered (law 12). An item that comes when
 *    `#end` is known is in neither: it is dropped.
 * 2. `#end` says how the stream ends when everything that was pulled is
 *    delivered. When the stream `#isOver`, nothing is pulled, started or delivered any
 *    more, and errors of items that still run go to `onError`.
 * 3. The source is closed once. An error of it that no reader gets any more goes to
 *    `onError`, once (law 7).
 *
 * @module
 */

import type { Lack } from "../group/diagnosis.ts";
import type { Feed } from "../group/group.ts";
import { CoGroupClosedError } from "../base/errors.ts";
import {
  type Deferred,
  deferred,
  ignore,
  type Maybe,
  NONE,
  rejectQuietly,
  SETTLED,
} from "../base/promises.ts";
import { fifoQueue } from "../queues/fifo_queue.ts";
import { DONE, Steps } from "../base/steps.ts";
import type { Item } from "./item.ts";
import {
  type Demand,
  type End,
  OVER,
  type StreamParts,
  Supply,
} from "./supply.ts";

export class Stream extends Steps<unknown> implements Feed, Demand {
  readonly #parts: StreamParts;
  /** Whether a failure is a result like any other. */
  readonly #isSettled: boolean;
  readonly #supply: Supply;
  readonly #readers = fifoQueue<Deferred<IteratorResult<unknown>>>();
  readonly #out = fifoQueue<Item>();
  readonly #live: Item[] = [];
  /** The next item to deliver, taken from `#out` to look at it. */
  #head: Item | undefined = undefined;
  /** The first item that failed, where a failure ends the stream. */
  #failure: Item | undefined = undefined;
  #pulled = 0;
  #delivered = 0;
  #allowed = 0;
  #hasBegun = false;
  #isOver = false;
  isHalted = false;
  #end: End | undefined = undefined;

  constructor(parts: StreamParts) {
    super();
    this.#parts = parts;
    this.#isSettled = parts.doing === "mapSettled";
    this.#supply = new Supply(parts, this);
  }

  override next(): Promise<IteratorResult<unknown>> {
    const { feeds, state: { reason } } = this.#parts.group;
    if (!this.#hasBegun && !this.#isOver) {
      const refusal = this.#begin();
      if (refusal !== undefined) return refusal;
    } else if (reason !== NONE && feeds.has(this)) this.stop(reason); // Law 5: one step.
    if (this.#isOver) return this.#takeEnd();
    // Once an end is known, queue the reader first: `#flush` may run user code that calls
    // `next` again.
    const isNow = this.#end === undefined && this.#readers.size === 0;
    const step = isNow ? this.#nextStep() : undefined;
    this.#allow();
    return step === undefined ? this.#queueUp() : Promise.resolve(step);
  }

  override leave(): Promise<void> {
    this.#finish(OVER);
    return this.#supply.closed();
  }

  /** An error of the clean-up does not hide the reason. */
  override async throw(
    reason?: unknown,
  ): Promise<IteratorResult<unknown>> {
    await this.leave().catch((error) => this.#supply.lost(error));
    throw reason;
  }

  stop(reason: Maybe<unknown>): void {
    if (reason !== NONE) this.#finish({ error: reason, isQuiet: true });
    else if (this.#end === undefined) {
      const error = new CoGroupClosedError(
        "Cannot go on with map: the group is closed",
      );
      this.ended({ error, isQuiet: true });
    }
  }

  resized(): void {
    this.#allow();
  }

  get wantsMore(): boolean {
    return this.#pulled < this.#allowed && this.#end === undefined;
  }

  get isEnding(): boolean {
    return this.#end !== undefined;
  }

  pulled(item: Item): void {
    this.#pulled++;
    item.place = this.#live.push(item) - 1;
    if (this.#parts.ordered) this.#out.push(item);
  }

  /** The stream ends when what was pulled is delivered. */
  ended(end: End): void {
    this.#end = end;
    this.#flush();
    this.#supply.stop();
  }

  drops(item: Item): boolean {
    // After an abort of the group the stream ends by `stop`, a little later. Not here: the
    // group's state is not in order yet, and stopping runs user code.
    if (item.fate !== "dropped" && !this.#parts.group.state.isAborted) {
      return false;
    }
    item.fate = "dropped";
    this.#leave(item);
    return true;
  }

  settled(item: Item): boolean {
    this.#leave(item);
    if (this.#isOver) return false;
    if (!this.#parts.ordered) this.#out.push(item);
    if (
      item.fate === "rejected" && !this.#isSettled &&
      this.#failure === undefined
    ) this.#failed(item);
    else this.#flush();
    return true;
  }

  /** Begins, with the first `next`. If the group has ended by then, that rejects, and all is over. */
  #begin(): Promise<never> | undefined {
    this.#hasBegun = true;
    const { group, intake, traits } = this.#parts;
    const refusal = intake.refusal("map", traits);
    if (refusal === NONE) {
      group.feeds.add(this);
      return undefined;
    }
    this.#isOver = true;
    this.#end = OVER;
    this.#supply.stop();
    return rejectQuietly(refusal);
  }

  #queueUp(): Promise<IteratorResult<unknown>> {
    const { doing, group } = this.#parts;
    const reader: Deferred<IteratorResult<unknown>> = group.diagnosis?.deferred(
      doing,
      () => this.#lack(),
      (error) => this.#finish({ error, isQuiet: false }),
    ) ?? deferred();
    this.#readers.push(reader);
    if (this.#end !== undefined) this.#flush();
    return reader.promise;
  }

  /** What a reader that waits for a result lacks. */
  #lack(): Lack {
    if (this.#live.length === 0) return "source";
    const isQueued = this.#live.some(({ state }) => state !== "running");
    return isQueued ? "worker" : "tasks";
  }

  /** Lets as many be pulled as there are free places. */
  #allow(): void {
    const { group, ahead } = this.#parts;
    this.#allowed = this.#delivered + group.state.limit + ahead;
    this.#supply.wakeToPull();
  }

  /** The first failure: nothing more starts, and the reader gets it in its order. */
  #failed(item: Item): void {
    const before = this.#end;
    this.#end = OVER;
    this.#failure = item;
    this.#halt();
    this.#flush();
    this.#undelivered(before);
  }

  /** Takes the item out of `#live`. */
  #leave(item: Item): void {
    const last = this.#live.pop()!;
    if (last !== item) this.#live[last.place = item.place] = last;
    item.place = -1;
  }

  /** Gives what is ready to the readers that wait. */
  #flush(): void {
    if (this.#readers.size === 0) return;
    while (this.#readers.size > 0) {
      const step = this.#nextStep();
      if (step === undefined) break;
      this.#readers.shift()!.resolve(step);
    }
    // Also when no reader waits any more: while it works on its result, the place of
    // that is free.
    this.#allow();
  }

  /** The next result, if it is there; ends the stream if there will be none. */
  #nextStep(): IteratorResult<unknown> | undefined {
    const item = this.#head ??= this.#out.shift();
    if (item === undefined) {
      if (this.#end !== undefined && this.#pulled === this.#delivered) {
        this.#finish(this.#end);
      }
      return undefined;
    }
    const { fate, value, input, index } = item;
    const settled = this.#isSettled;
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
      ? { status: fate, value, item: input, index }
      : { status: fate, reason: value, item: input, index };
    return { value: result, done: false };
  }

  /**
   * Ends the stream with a failure, which its reader gets here and now. Where the next
   * item is a dropped one, that is the first failure, because of which it was dropped;
   * after an abort there is no next step.
   */
  #fail(failure: Item): void {
    failure.failedAt = undefined;
    this.#head = undefined;
    this.#finish({ error: failure.value, isQuiet: false });
  }

  /** Ends the stream, now. */
  #finish(end: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const before = this.#end;
    const { group } = this.#parts;
    group.feeds.delete(this);
    let left = end.error; // For the first reader; the others have nothing but the end.
    for (const { promise, resolve, reject } of this.#readers.clear()) {
      if (end.isQuiet) promise.catch(ignore);
      if (left === NONE) resolve(DONE);
      else reject(left);
      left = NONE;
    }
    this.#end = { error: left, isQuiet: end.isQuiet };
    this.#halt();
    const unread = [this.#head, ...this.#out.clear()];
    this.#head = undefined;
    if (before !== end) this.#undelivered(before);
    for (const item of unread) {
      if (item?.failedAt === undefined) continue;
      group.runner.report(item.value, item, item.failedAt);
    }
  }

  /** Pulls and starts nothing more. What runs runs to its end, in the group. */
  #halt(): void {
    const { group } = this.#parts;
    this.isHalted = true;
    // A copy: an item that is withdrawn leaves at once.
    for (const item of [...this.#live]) {
      if (item.state === "running") {
        group.attempts.endJudging(item);
        continue;
      }
      item.fate = "dropped"; // Also one that is on its way in, which will not start.
      if (item.state !== "new") group.attempts.withdraw(item, undefined);
    }
    this.#supply.stop();
  }

  /** The stream ends in another way than was known: no reader gets the error of that. */
  #undelivered(end: End | undefined): void {
    if (end === undefined || end.error === NONE || end.isQuiet) return;
    // A microtask later: this may be in the middle of a change of the group's state.
    SETTLED.then(() => this.#supply.lost(end.error));
  }

  /** The step after the last one: rejects with the error of the end, once; then it is done. */
  #takeEnd(): Promise<IteratorResult<unknown>> {
    const { error } = this.#end!;
    this.#end = OVER;
    if (error === NONE) return Promise.resolve(DONE);
    return rejectQuietly(error); // A reader that waits has a promise of its own.
  }
}
