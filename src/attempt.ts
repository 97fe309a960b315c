/**
 * What becomes of an entry: its attempts, its time, its own signal.
 *
 * Invariants:
 * 1. `state` and the books change together, before anybody is told.
 * 2. A run that has timed out, or whose caller was told early, keeps its
 *    worker until the task has ended (law 2), and is counted as overdue.
 * 3. The queue hears of the end of what it gave, and the governor of the end of
 *    every attempt, in the step in which the books change.
 * 4. There is no attempt to come after an abort of the group or of the
 *    entry's own signal, and never one beside another (law 11).
 *
 * @module
 */

import type { Books } from "./books.ts";
import type { Sink } from "./context.ts";
import { Delays } from "./delays.ts";
import { type Entry, type Home, Run, type Track } from "./entry.ts";
import type { Gate } from "./gate.ts";
import type { Line } from "./line.ts";
import { type Maybe, NONE } from "./maybe.ts";
import type { Runner } from "./runner.ts";
import { unwatch, watch } from "./signals.ts";
import type { Task } from "./task.ts";

/** What is in a group's line: a bare function where nothing else is known of it. */
export type Item = Task | Entry;

/** Whether it may still run. */
export function isLive(item: Item): boolean {
  return typeof item === "function" || item.state !== "gone";
}

/** Whether it belongs to a stream, and so stays when a group is drained. */
export function stays(item: Item): boolean {
  return typeof item !== "function" && item.isPartOfStream;
}

/** The task's own signal. */
export function signalOf(item: Item): AbortSignal | undefined {
  return typeof item === "function" ? undefined : item.traits.signal;
}

/** What the attempts have to know of the group. */
export interface AttemptsOptions {
  books: Books;
  line: Line<Item>;
  sink: Sink;
  runner: Runner;
  /** None if the group has no governor. */
  gate: Gate | undefined;
  /** Something was queued, or something left. */
  onChange: () => void;
  /** An item was taken out of the line, and was abandoned all the same. */
  onTakenBack: (item: Item) => void;
}

export class Attempts implements Home {
  readonly delays: Delays<Track> = new Delays(({ entry }) =>
    this.#requeue(entry)
  );
  readonly #books: Books;
  readonly #line: Line<Item>;
  readonly #sink: Sink;
  readonly #runner: Runner;
  readonly #gate: Gate | undefined;
  readonly #onChange: () => void;
  readonly #onTakenBack: (item: Item) => void;
  /** Why the group was aborted. */
  reason: Maybe<unknown> = NONE;

  constructor(options: AttemptsOptions) {
    this.#books = options.books;
    this.#line = options.line;
    this.#sink = options.sink;
    this.#runner = options.runner;
    this.#gate = options.gate;
    this.#onChange = options.onChange;
    this.#onTakenBack = options.onTakenBack;
  }

  get isAborted(): boolean {
    return this.reason !== NONE;
  }

  /**
   * An entry is in the line, and watches its signal from now on. If that throws,
   * so does this: then it was not accepted, and is forgotten where it is. A
   * polyfilled signal may do worse while it is listened to, and abort the group.
   */
  accept(entry: Entry): void {
    entry.state = "queued";
    const { signal } = entry.traits;
    if (signal === undefined) return;
    const isQueued = () => entry.state === "queued";
    try {
      watch(signal, entry.track!);
      if (!isQueued()) unwatch(entry.track);
    } catch (error) {
      if (isQueued()) {
        entry.state = "gone";
        this.#books.accepted--;
        this.#line.forget();
        this.#onChange();
      }
      throw error;
    }
  }

  /**
   * Runs an entry that is not plain, and has just left the line. Resolves when
   * it has ended; never rejects.
   */
  async attempt(entry: Entry, workerId: number): Promise<void> {
    entry.state = "running";
    const track = entry.track!;
    track.attempt++;
    const run = track.run = new Run(track, workerId, this.#sink);
    let value: unknown;
    let error: Maybe<unknown> = NONE;
    try {
      value = await this.#runner.invoke(entry.task, run);
    } catch (reason) {
      error = reason;
    }
    run.end();
    if (track.permit !== undefined) this.#release(track, run, error !== NONE);
    if (run.overdue) this.#books.overdue--;
    if (run.settled) this.#end(entry, "rejected");
    else if (run.timeout !== NONE) this.#putOff(entry, run, run.timeout);
    else if (error !== NONE) this.#fail(entry, run, error);
    else {
      this.#end(entry, "fulfilled");
      entry.fulfilled(value);
    }
  }

  /**
   * Abandons an item that was taken, and counted, if it must not start after all: a
   * queue of one's own may do anything while another one is let in. False if it may.
   * (A pause, or a smaller limit, comes too late for it.)
   */
  takesBack(item: Item): boolean {
    const isEntry = typeof item !== "function";
    if (isEntry ? !this.#isLast(item) : !this.isAborted) return false;
    this.#onTakenBack(item);
    if (!isEntry) {
      this.#books.inFlight--;
      this.#books.abandoned++;
      return true;
    }
    const { track, traits } = item;
    if (track?.permit !== undefined) this.#gate!.release(track.permit, false);
    this.#book(item, "abandoned");
    const reason = this.isAborted ? this.reason : traits.signal?.reason;
    this.#tellAbandoned(item, reason);
    return true;
  }

  /** A task that was taken back has not failed for any fault of the peer's. */
  #release(track: Track, run: Run, failed: boolean): void {
    const permit = track.permit!;
    track.permit = undefined;
    const isTakenBack = track.entry.traits.signal?.aborted === true;
    this.#gate!.release(permit, run.timedOut || (failed && !isTakenBack));
  }

  timeOut(entry: Entry, run: Run): void {
    const error = new DOMException(
      `The task timed out after ${entry.traits.timeout} ms`,
      "TimeoutError",
    );
    run.timedOut = true;
    if (!run.settled) {
      this.#overdue(run);
      const failure = this.#judge(entry, run, error);
      if (failure === NONE) run.timeout = error;
      // Else the caller may know already: its own signal has spoken meanwhile.
      else if (!run.settled) this.#settleEarly(entry, run, failure);
    }
    run.abort(error);
  }

  withdraw(entry: Entry, reason: unknown): void {
    if (entry.state === "running") {
      const { run } = entry.track!;
      // None: it has ended, and is being judged by who aborts the signal now; or it
      // was just taken, and who takes it looks at the signal.
      if (run !== undefined) this.#interrupt(entry, run, reason);
    } else if (entry.state !== "gone") {
      const wasQueued = entry.state === "queued";
      if (!wasQueued) this.delays.delete(entry.track!);
      this.#book(entry, "abandoned");
      if (wasQueued) this.#line.forget();
      this.#tellAbandoned(entry, reason);
      this.#onChange();
    }
  }

  /**
   * Items that were accepted will never run. Whoever held them has let go of them.
   * All are off the books before anybody is told, which may run the user's code.
   */
  abandon(items: readonly Item[], reason: unknown): void {
    this.writeOff(items);
    this.tellAbandoned(items, reason);
  }

  /** The first half of it: nobody has heard yet. */
  writeOff(items: readonly Item[]): void {
    for (const item of items) {
      if (typeof item === "function") this.#books.abandoned++;
      else this.#book(item, "abandoned");
    }
  }

  /** The second half. */
  tellAbandoned(items: readonly Item[], reason: unknown): void {
    for (const item of items) {
      if (typeof item !== "function") this.#tellAbandoned(item, reason);
    }
  }

  #tellAbandoned(entry: Entry, reason: unknown): void {
    unwatch(entry.track);
    entry.abandoned(reason);
  }

  /** The entry's own signal speaks while it runs. */
  #interrupt(entry: Entry, run: Run, reason: unknown): void {
    if (entry.hasCaller && !run.settled) {
      this.#overdue(run);
      run.settled = true;
      entry.abandoned(reason);
    }
    run.abort(reason);
  }

  #fail(entry: Entry, run: Run, error: unknown): void {
    const failure = this.#judge(entry, run, error);
    if (failure === NONE) this.#putOff(entry, run, error);
    else this.#reject(entry, run, failure);
  }

  /**
   * What the entry has failed with; nothing if there is an attempt to come,
   * after `run.wait`. Asks the user's functions, who may cancel the group.
   */
  #judge(entry: Entry, run: Run, error: unknown): Maybe<unknown> {
    const { retry } = entry.traits;
    if (retry === undefined || this.#isLast(entry)) return error;
    try {
      const wait = retry.wait(error, entry.track!.attempt);
      if (wait === undefined) return error;
      run.wait = wait;
      return NONE;
    } catch (reason) {
      return reason;
    }
  }

  #isLast(entry: Entry): boolean {
    return this.isAborted || entry.isUnwanted ||
      entry.traits.signal?.aborted === true;
  }

  /** Delays the entry, unless there is no attempt to come any more. */
  #putOff(entry: Entry, run: Run, error: unknown): void {
    if (this.#isLast(entry)) return this.#reject(entry, run, error);
    entry.state = "delayed";
    this.#books.inFlight--;
    this.#books.retried++;
    this.delays.add(entry.track!, run.wait);
  }

  #requeue(entry: Entry): void {
    entry.state = "queued";
    this.#line.requeue(entry);
    this.#onChange();
  }

  #reject(entry: Entry, run: Run, error: unknown): void {
    this.#end(entry, "rejected");
    if (!entry.failed(error, run)) this.#runner.report(error, entry, run);
  }

  #settleEarly(entry: Entry, run: Run, error: unknown): void {
    run.settled = true;
    if (!entry.failed(error, run)) this.#runner.report(error, entry, run);
  }

  #overdue(run: Run): void {
    if (!run.overdue) this.#books.overdue++;
    run.overdue = true;
  }

  #end(entry: Entry, fate: "fulfilled" | "rejected"): void {
    this.#book(entry, fate);
    unwatch(entry.track);
  }

  #book(entry: Entry, fate: "fulfilled" | "rejected" | "abandoned"): void {
    const { state } = entry;
    this.#books[fate]++;
    if (state === "running") this.#books.inFlight--;
    entry.state = "gone";
    // One that is queued again has given its place back (see `requeue`).
    if (state === "running" || state === "delayed") this.#line.done(entry);
  }
}
