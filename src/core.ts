/**
 * A group's parts, and its life: open, closed or aborted, and at last at rest.
 *
 * Invariants:
 * 1. It is at rest when nothing is queued, delayed or in flight. `wait` and
 *    `idle` resolve from the dispatcher, a few microtasks after that, when
 *    whoever awaited the last task's result has heard of it.
 * 2. An abort is one step (law 5): gates, line, delays and books first, and
 *    only then anything that can run the user's code.
 * 3. It watches the upstream signal until it is aborted, or closed and at rest.
 *
 * @module
 */

import { Attempts, isLive, type Item, stays } from "./attempt.ts";
import { Books, type CoGroupStats } from "./books.ts";
import { abortSignal, options as checked } from "./check.ts";
import { CheckedQueue } from "./checked_queue.ts";
import { Sink } from "./context.ts";
import { taskGone } from "./errors.ts";
import { Gate } from "./gate.ts";
import { Line } from "./line.ts";
import { type Maybe, NONE } from "./maybe.ts";
import type { Settings } from "./options.ts";
import { print } from "./print.ts";
import { Runner } from "./runner.ts";
import { Cancel, unwatch, watch } from "./signals.ts";
import type { QueuedTask } from "./task.ts";
import { Crew } from "./worker.ts";

/** Options of {@linkcode CoGroup.wait}. */
export interface WaitOptions {
  /** Ends the wait, not the group. */
  signal?: AbortSignal;
}

/** Something that goes on until the intake ends: a stream, a feed. */
export interface Feed {
  /** No more intake; with a reason because of an abort. Runs the user's code. */
  stop(reason: Maybe<unknown>): void;
}

export class Core {
  readonly settings: Settings;
  readonly line: Line<Item>;
  readonly crew: Crew;
  readonly attempts: Attempts;
  readonly runner: Runner;
  readonly feeds: Set<Feed> = new Set();
  readonly #books = new Books();
  readonly #sink: Sink;
  #hasEntries: boolean;
  #closed = false;
  #reason: Maybe<unknown> = NONE;
  #controller: AbortController | undefined = undefined;
  #upstream: Cancel | undefined = undefined;
  /** What an abort abandoned, where it had to be looked through. */
  #left: Item[] | undefined = undefined;
  #done: Promise<number> | undefined = undefined;
  /** Who wants to know when it is closed and at rest. */
  readonly #enders = new Set<() => void>();
  #idlers: (() => void)[] = [];
  #resetting: Promise<number> | undefined = undefined;

  constructor(settings: Settings) {
    this.settings = settings;
    this.#hasEntries = settings.isRead; // Before there are any: it may cancel.
    const books = this.#books;
    const onEvict = (item: Item) => this.#evict(item);
    const idle = () => this.crew.idle;
    const line = this.line = new Line(settings.queue, isLive, onEvict, idle);
    const sink = this.#sink = new Sink(settings.sink);
    const runner = this.runner = new Runner(settings.worker, settings.onError);
    const onChange = () => this.crew.stir();
    const onBroken = (error: unknown) => this.#fail(error);
    if (settings.queue instanceof CheckedQueue) {
      settings.queue.onWrong = onBroken;
    }
    const gate = settings.governor &&
      new Gate(settings.governor, { onOpen: onChange, onBroken });
    const onTakenBack = (item: Item) => this.#keepForDrain(item);
    const attempts = this.attempts = new Attempts({
      books,
      line,
      sink,
      runner,
      gate,
      onChange,
      onTakenBack,
    });
    const { concurrency, paused, slice } = settings;
    const onRest = () => this.#rest();
    this.crew = new Crew({
      books,
      line,
      sink,
      runner,
      attempts,
      gate,
      concurrency,
      paused,
      slice,
      onRest,
    });
    this.#follow();
  }

  get isClosed(): boolean {
    return this.#closed || this.#reason !== NONE;
  }

  /** Why the group was aborted; NONE if it was not. */
  get reason(): Maybe<unknown> {
    return this.#reason;
  }

  get size(): number {
    return this.#reason === NONE ? this.line.size : 0;
  }

  get stats(): CoGroupStats {
    return this.#books.snapshot(this.size, this.attempts.delays.size);
  }

  get inFlight(): number {
    return this.#books.inFlight;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== NONE) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Nothing is queued, delayed or in flight. */
  get isAtRest(): boolean {
    return this.#books.inFlight === 0 && this.size === 0 &&
      this.attempts.delays.size === 0;
  }

  /** Writes an item, which is in the line, into the books. See `Attempts.accept`. */
  accept(item: Item): void {
    this.#books.accepted++;
    // Gone already: a queue of one's own has drained the group in its `push`.
    if (typeof item !== "function" && item.state !== "gone") {
      this.#hasEntries = true;
      if (this.#reason === NONE) this.attempts.accept(item);
    }
    // Somebody's code ran while another one was evicted for it.
    if (this.#reason !== NONE) this.#abandonAll(this.#reason);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.crew.isWatched = true; // Its end is to be seen, whoever waits or not.
    if (this.#reason === NONE) this.#stopIntake();
  }

  cancel(
    reason: unknown = new DOMException("The group was cancelled", "AbortError"),
  ): void {
    this.abort(reason);
  }

  abort(reason: unknown): void {
    if (this.#reason !== NONE) return;
    this.#reason = reason;
    this.attempts.reason = reason;
    this.#abandonAll(reason);
    unwatch(this.#upstream);
    this.#controller?.abort(reason);
    if (this.#books.inFlight > 0) this.#sink.abort(reason);
    this.#stopIntake();
  }

  /** Closes the group, and resolves when it is at rest with what was abandoned. */
  wait(options?: WaitOptions): Promise<number> {
    let signal: AbortSignal | undefined;
    try {
      signal = abortSignal("wait", checked("wait", options)?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
    this.close();
    const done = this.#done ??= new Promise((resolve) =>
      this.onEnd(() => resolve(this.#books.abandoned))
    );
    if (signal === undefined) return done;
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const cancel = new Cancel(reject);
      watch(signal, cancel);
      done.then((abandoned) => {
        unwatch(cancel);
        resolve(abandoned);
      });
    });
  }

  /** Calls back, a little later, when it is closed and at rest. */
  onEnd(callback: () => void): void {
    this.#enders.add(callback);
    this.#watchForRest();
  }

  /** Takes `onEnd` back. */
  offEnd(callback: () => void): void {
    this.#enders.delete(callback);
  }

  idle(): Promise<void> {
    if (this.isAtRest) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idlers.push(resolve);
      this.#watchForRest();
    });
  }

  drain(): QueuedTask[] {
    const items = this.#reason === NONE ? this.#drainLive() : this.#takeLeft();
    return items.map((item) =>
      typeof item === "function"
        ? { task: item }
        : { task: item.task, options: item.options }
    );
  }

  reset(): Promise<number> {
    this.#resetting ??= this.wait().then((abandoned) => {
      this.#resetting = this.#done = undefined;
      this.#closed = false;
      this.#reason = NONE;
      this.#controller = this.#left = undefined;
      this.line.drain();
      this.#books.reset();
      this.#sink.reset();
      this.attempts.reason = NONE;
      this.#follow();
      return abandoned;
    });
    return this.#resetting;
  }

  #follow(): void {
    const { signal } = this.settings;
    if (signal === undefined) return;
    if (signal.aborted) return this.abort(signal.reason);
    this.#upstream = new Cancel((reason) => this.abort(reason));
    try {
      watch(signal, this.#upstream);
    } catch (error) {
      this.abort(error); // What can't be heard of may have come.
      throw error;
    }
  }

  /** Who waits for room is told; a copy of the feeds, for they leave at once. */
  #stopIntake(): void {
    this.line.dismiss();
    for (const feed of [...this.feeds]) feed.stop(this.#reason);
    this.crew.stir();
  }

  /** O(1) if there are only plain tasks: they stay in the line, for `drain`. */
  #abandonAll(reason: unknown): void {
    if (!this.#hasEntries) {
      this.#books.abandoned += this.line.size;
      return;
    }
    const items: Item[] = this.line.drain();
    for (const { entry } of this.attempts.delays.drain()) items.push(entry);
    const left = this.#left ??= []; // Not spread: the stack is not that large.
    for (const item of items) if (!stays(item)) left.push(item);
    this.attempts.abandon(items, reason);
  }

  #evict(item: Item): void {
    // A reason takes a hundred times as long to make as a task does to run.
    const isHeard = typeof item !== "function" && item.hasCaller;
    this.attempts.abandon([item], isHeard ? taskGone("evicted") : undefined);
  }

  /** It was before all that is in the line. */
  #keepForDrain(item: Item): void {
    if (this.#reason === NONE || stays(item)) return;
    (this.#left ??= this.line.drain()).unshift(item);
  }

  #takeLeft(): Item[] {
    const left = this.#left ?? this.line.drain();
    this.#left = [];
    return left;
  }

  #drainLive(): Item[] {
    const items: Item[] = [];
    this.line.drain(stays, (left) => {
      for (const item of left) items.push(item);
      const { delays } = this.attempts;
      for (const track of delays.drain()) {
        if (stays(track.entry)) delays.putBack(track);
        else items.push(track.entry);
      }
      this.attempts.writeOff(items);
    });
    // A queue of one's own, which is wrong or calls back, may have aborted us.
    const isLive = this.#reason === NONE;
    this.attempts.tellAbandoned(items, taskGone("drained"));
    this.crew.stir();
    return isLive ? items : items.concat(this.#takeLeft());
  }

  /** The queue or the governor can't be relied on: the group goes no further. */
  #fail(error: unknown): void {
    this.abort(error);
    print(error);
  }

  #watchForRest(): void {
    this.crew.isWatched = true;
    this.crew.stir();
  }

  #rest(): void {
    if (!this.crew.isWatched || !this.isAtRest) return;
    const callbacks = this.#idlers;
    this.#idlers = [];
    this.crew.isWatched = !this.isClosed && this.#enders.size > 0;
    if (this.isClosed) {
      unwatch(this.#upstream);
      for (const ender of this.#enders) callbacks.push(ender);
      this.#enders.clear();
    }
    if (callbacks.length > 0) afterResults(callbacks);
  }
}

/** What `go` promised is two microtasks behind the end of its task. */
async function afterResults(callbacks: (() => void)[]): Promise<void> {
  await undefined;
  await undefined;
  for (const callback of callbacks) callback();
}
