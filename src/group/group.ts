/**
 * A group's parts, and its life: open, closed or aborted, and at last at rest.
 *
 * Invariants:
 * 1. A group is at rest when nothing is queued, delayed, lent or in flight. `wait` and
 *    `idle` resolve when the workers have looked, some microtasks later: by then the
 *    caller of the last task has its result (law 8).
 * 2. An abort is one step (law 5): first the state, the backlog, the delays and the
 *    counts change, and only then is anything told that can run the user's code.
 * 3. It watches the upstream signal until it is aborted, or closed and at rest.
 *
 * @module
 */

import {
  abortSignal,
  milliseconds,
  options as checked,
} from "../base/check.ts";
import { CoGroupClosedError, domError, print } from "../base/errors.ts";
import { ignore, type Maybe, NONE, tell } from "../base/promises.ts";
import { AbortWatcher, reasonOf, unwatch, watch } from "../base/signals.ts";
import { Timer } from "../base/timer.ts";
import { Backlog } from "../channel/backlog.ts";
import type { OwnQueue } from "../queues/queue.ts";
import type { QueuedTask } from "../task.ts";
import { Attempts } from "./attempts.ts";
import { Bell } from "./bell.ts";
import { resultsRead } from "./call.ts";
import { Grace } from "./context.ts";
import { Diagnosis } from "./diagnosis.ts";
import { infoOf, type TaskInfo } from "./directory.ts";
import { type Entry, isLive, type Item, stays } from "./entry.ts";
import { gateTo } from "./gate.ts";
import { keyGateTo } from "./key_gate.ts";
import { Ids } from "./ids.ts";
import { Loans } from "./loans.ts";
import { optionsOver, type Settings } from "./options.ts";
import { NOWHERE, Runner } from "./runner.ts";
import { type CoGroupStats, State } from "./state.ts";
import { Watch, watchedGateTo } from "./watch.ts";
import { Workers } from "./workers.ts";

/**
 * Options of {@linkcode CoGroup.prototype.wait} and {@linkcode CoGroup.prototype.idle}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type WaitOptions } from "@cogroup/cogroup";
 *
 * const group = new CoGroup({ concurrency: 1, paused: true });
 * group.add(() => "later");
 * const options: WaitOptions = { signal: AbortSignal.abort("no time") };
 * assert.equal(await group.idle(options).catch((reason) => reason), "no time");
 * ```
 */
export interface WaitOptions {
  /** Ends the wait, not the group. The call rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Options of {@linkcode CoGroup.prototype.shutdown}.
 *
 * @example A task that would never end, and is told when its time is over
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type ShutdownOptions } from "@cogroup/cogroup";
 *
 * const options: ShutdownOptions = { grace: 5 };
 * const group = new CoGroup(1);
 * const ended = group.go(({ signal }) =>
 *   new Promise<string>((resolve) => {
 *     signal.addEventListener("abort", () => resolve("told to end"));
 *   })
 * );
 * await new Promise((resolve) => setTimeout(resolve)); // It has started.
 * assert.equal(await group.shutdown(options), 0);
 * assert.equal(await ended, "told to end");
 * ```
 */
export interface ShutdownOptions {
  /**
   * Milliseconds for which everything may go on. Then the group is aborted, and
   * `ctx.signal` of the tasks in flight speaks at once.
   *
   * @default {Infinity}
   */
  grace?: number | undefined;
}

/** Something that brings tasks in until the intake ends: a stream, an `insertAll`. */
export interface Feed {
  /** The intake has ended; with a reason, by an abort. May run the user's code. */
  stop(reason: Maybe<unknown>): void;
  /** There are more workers, or fewer; or one was lent; or the group was paused, or goes on. */
  resized?(): void;
}

export class Group {
  readonly settings: Settings;
  readonly state: State;
  readonly backlog: Backlog<Item>;
  readonly workers: Workers;
  readonly attempts: Attempts;
  readonly runner: Runner;
  /** Not there unless the options ask for it. */
  readonly diagnosis: Diagnosis | undefined;
  readonly feeds: Set<Feed> = new Set();
  readonly #grace: Grace;
  readonly #ids: Ids;
  readonly #loans: Loans;
  readonly #watch: Watch | undefined;
  /** Tells the queue's `onEvict`, if there is one. */
  readonly #onDrop: ((item: Item) => void) | undefined;
  /** Whether entries were accepted: then an abort has to look through the backlog. */
  #hasEntries = false;
  #controller: AbortController | undefined = undefined;
  #closing: AbortController | undefined = undefined;
  #upstream: AbortWatcher | undefined = undefined;
  /** What `clear` gives back after an abort. Undefined: the backlog still has it. */
  #left: Item[] | undefined = undefined;
  #done: Promise<number> | undefined = undefined;
  /** Whether `#done` has resolved. */
  #isDone = false;
  /** Callbacks for when the group is closed and at rest. Each is called once. */
  readonly #enders = new Set<() => void>();
  /** Callbacks for when the group is at rest, closed or not. Each is called once. */
  readonly #idlers = new Set<() => void>();
  /** The promise that every `idle` without a signal returns until the group is at rest. */
  #idle: Promise<void> | undefined = undefined;
  #resetting: Promise<number> | undefined = undefined;

  constructor(settings: Settings) {
    const { concurrency, paused } = settings;
    const state = this.state = new State(concurrency, paused);
    const diagnosis = this.diagnosis = settings.diagnose
      ? Diagnosis.of(state)
      : undefined;
    if (diagnosis !== undefined) {
      const worker = diagnosis.around(settings.worker);
      const observer = diagnosis.beside(settings.observer);
      settings = { ...settings, worker, observer };
    }
    this.settings = settings;
    const { queue } = settings;
    const { onEvict } = queue as OwnQueue<unknown>;
    this.#onDrop = onEvict && ((item) => this.#tell(onEvict, item));
    const backlog = this.backlog = new Backlog(queue, {
      isLive,
      idle: () => state.idle,
      onRefuse: this.#onDrop,
    });
    const bell = new Bell();
    const grace = this.#grace = new Grace(settings.grace);
    const runner = this.runner = new Runner(settings.worker, settings.onError);
    const onBroken = (error: unknown) => this.#fail(error);
    const { observer } = settings;
    const watch = this.#watch = observer && new Watch(observer);
    const keeper = { onOpen: () => this.workers.look(), onBroken };
    const gate = settings.governor &&
      (watch === undefined
        ? gateTo(settings.governor, keeper)
        : watchedGateTo(settings.governor, keeper, watch));
    const ids = this.#ids = new Ids();
    const loans = this.#loans = new Loans(
      state,
      ids,
      () => this.#moved(),
      () => this.workers.turn.mayStart(),
      watch,
    );
    const parts = {
      state,
      queue,
      backlog,
      bell,
      grace,
      ids,
      loans,
      runner,
      gate,
      watch,
    };
    const attempts = this.attempts = new Attempts(parts);
    const { slice } = settings;
    const onLooked = () => this.#rest();
    this.workers = new Workers({
      ...parts,
      attempts,
      slice,
      onLooked,
      onBroken,
    });
    watch?.created(concurrency, paused);
    queue.attach?.({
      gateTo: (governor, key, keeper) => {
        if (governor !== settings.governor) {
          return keyGateTo(governor, key, keeper);
        }
        throw new TypeError(
          "Cannot queue task: the governor of a key must not be the group's own",
        );
      },
      onReady: () => bell.ring(),
      isLive: (value) => isLive(value as Entry),
    });
    this.#follow();
  }

  get size(): number {
    return this.state.isAborted ? 0 : this.backlog.size;
  }

  get stats(): CoGroupStats {
    return this.state.snapshot(this.size, this.attempts.delays.size);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const { reason } = this.state;
      if (reason !== NONE) this.#controller.abort(reason);
    }
    return this.#controller.signal;
  }

  /** Aborted when the intake has ended. */
  get closing(): AbortSignal {
    const closing = this.#closing ??= new AbortController();
    if (this.state.isClosed) this.#tellClosing();
    return closing.signal;
  }

  #tellClosing(): void {
    const { reason } = this.state;
    this.#closing?.abort(
      reason === NONE ? new CoGroupClosedError("The group is closed") : reason,
    );
  }

  /** What `console.log` shows: its state, and what it has counted, without the zeros. */
  get shown(): [state: string, details: object] {
    const { isAborted, isClosed, limit, paused } = this.state;
    const life = isClosed && this.isAtRest
      ? "done"
      : isAborted
      ? "aborted"
      : isClosed
      ? "closed"
      : "open";
    const counts = Object.entries(this.stats).filter(([, n]) => n > 0);
    const details = { concurrency: limit, ...Object.fromEntries(counts) };
    return [`(${paused ? `${life}, paused` : life})`, details];
  }

  /** Whether nothing is queued, delayed, lent or in flight. */
  get isAtRest(): boolean {
    const { inFlight, lent } = this.state;
    return inFlight === 0 && lent === 0 && this.size === 0 &&
      this.attempts.delays.size === 0;
  }

  /** Counts an item, which is in the backlog already. */
  accept(item: Item): void {
    this.state.accepted++;
    const { delays } = this.attempts;
    if (delays.size > 0) delays.look();
    const isEvicting = this.backlog.whenFull === "evict";
    const evicted = isEvicting ? this.#evict() : undefined;
    if (typeof item !== "function") {
      this.#hasEntries = true;
      this.attempts.accept(item);
    }
    if (evicted !== undefined) this.#tellEvicted(evicted);
  }

  close(): void {
    if (this.state.closed) return;
    this.state.closed = true;
    this.#watch?.group({ type: "closed" });
    this.workers.isWatched = true; // The end is to be seen, though no call waits for it.
    if (!this.state.isAborted) this.#stopIntake();
  }

  abort(
    reason: unknown = domError("The group was aborted", "AbortError"),
  ): void {
    if (this.state.isAborted) return;
    this.state.reason = reason;
    this.#abandonAll(reason);
    unwatch(this.#upstream);
    this.#controller?.abort(reason);
    const { inFlight, lent } = this.state;
    if (inFlight > 0 || lent > 0) this.#grace.abort(reason);
    this.#stopIntake();
  }

  /** Sets how many workers there are. */
  resize(limit: number): void {
    this.workers.resize(limit);
    for (const feed of this.feeds) feed.resized?.();
  }

  /** A worker was lent, or is wanted back. */
  #moved(): void {
    this.workers.look();
    for (const feed of this.feeds) feed.resized?.();
  }

  setPaused(paused: boolean): void {
    const isOther = this.state.paused !== paused;
    this.state.paused = paused;
    if (isOther) this.#watch?.group({ type: paused ? "paused" : "resumed" });
    this.workers.look();
    for (const feed of this.feeds) feed.resized?.();
  }

  /** Closes the group. Resolves when it is at rest, with how many were abandoned. */
  wait(options?: WaitOptions): Promise<number> {
    try {
      const signal = abortSignal("wait", checked("wait", options)?.signal);
      this.close();
      this.attempts.delays.look();
      if (signal?.aborted) return Promise.reject(reasonOf(signal));
      const abandoned = () => this.state.abandoned;
      this.#done ??= this.#until(this.#enders, undefined, abandoned);
      return signal === undefined || this.#isDone
        ? this.#answer("wait", this.#done)
        : this.#until(this.#enders, signal, abandoned);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves when it is at rest, now or for the first time from now on. */
  idle(options?: WaitOptions): Promise<void> {
    try {
      const signal = abortSignal("idle", checked("idle", options)?.signal);
      if (signal?.aborted) return Promise.reject(reasonOf(signal));
      if (this.isAtRest) return resultsRead();
      this.attempts.delays.look();
      if (signal !== undefined) {
        return this.#until(this.#idlers, signal, ignore);
      }
      // One for all: a caller may ask again and again, and race it against something.
      this.#idle ??= this.#until(this.#idlers, undefined, ignore);
      return this.#answer("idle", this.#idle);
    } catch (error) {
      return Promise.reject(error);
    }
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

  /** What is queued, in order, delayed, running and lent. */
  get tasks(): TaskInfo[] {
    const queued = this.state.isAborted ? [] : this.backlog.all;
    return [
      ...queued.map((item) => infoOf(item, "queued")),
      ...this.attempts.delays.all.map(({ entry }) => infoOf(entry, "delayed")),
      ...(this.#ids.all as [number, Item][])
        .filter(([, item]) => isRunning(item))
        .map(([id, item]) => infoOf(item, "running", id)),
      ...this.#loans.all.map((item) => infoOf(item as Item, "lent")),
    ];
  }

  /** Sets the priority of the queued tasks with that id. How many they are. */
  setPriority(id: unknown, priority: number): number {
    if (!this.backlog.isMovable) {
      throw new TypeError(
        "Cannot set priority: the group has no priorityQueue as its queue",
      );
    }
    const isQueued = ({ state }: Entry) => state === "queued";
    const entries = this.attempts.directory.get(id).filter(isQueued);
    for (const entry of entries) {
      const { options } = entry;
      entry.options = optionsOver(options, { priority });
      try {
        this.backlog.update(entry);
      } catch (error) { // The `compare` of its queue throws: the task stays where it is.
        entry.options = options;
        throw error;
      }
    }
    if (entries.length > 0) this.workers.look();
    return entries.length;
  }

  /** Abandons the queued and delayed tasks with that id. How many they are. */
  withdraw(
    id: unknown,
    reason: unknown = domError("The task was withdrawn", "AbortError"),
  ): number {
    const waits = ({ state }: Entry) =>
      state === "queued" || state === "delayed";
    const entries = this.attempts.directory.get(id).filter(waits);
    // The end of one may be the end of others: of a stream's items, say.
    for (const entry of entries) {
      if (waits(entry)) this.attempts.withdraw(entry, reason);
    }
    return entries.filter(({ state }) => state === "gone").length;
  }

  clear(): QueuedTask[] {
    const items = this.state.isAborted ? this.#takeLeft() : this.#clearLive();
    return items.map(queuedTask);
  }

  /** After an abort: keeps an item that came too late, for `clear` to give back. */
  handBack(item: Item): void {
    (this.#left ??= this.backlog.clear()).push(item);
  }

  /** Closes the group; when the time is over, aborts it, and running tasks are told. */
  shutdown(options?: ShutdownOptions): Promise<number> {
    try {
      const given = checked("shutdown", options)?.grace ?? Infinity;
      const grace = milliseconds("shutdown", "grace", given);
      const done = this.wait();
      if (grace < Infinity && !this.#isDone) {
        const timer = new Timer(grace, () => this.#endNow());
        const clear = () => timer.clear();
        this.#enders.add(clear);
      }
      return done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #endNow(): void {
    this.abort(domError("The group was shut down", "AbortError"));
    const { inFlight, lent, reason } = this.state;
    if (inFlight > 0 || lent > 0) this.#grace.speak(reason);
  }

  reset(): Promise<number> {
    this.#resetting ??= this.wait().then((abandoned) => {
      this.#resetting = this.#done = undefined;
      this.#isDone = false;
      this.#controller = this.#closing = this.#left = undefined;
      this.backlog.clear();
      this.feeds.clear(); // A stream may be read on, whatever becomes of the next life.
      this.state.reset();
      this.#grace.reset();
      this.#watch?.group({ type: "reset" });
      this.#follow();
      return abandoned;
    });
    return this.#answer("reset", this.#resetting);
  }

  /** An answer that comes when the group is at rest, for one caller. */
  #answer<T>(doing: string, answer: Promise<T>): Promise<T> {
    return this.diagnosis?.ownAnswer(doing, answer) ?? answer;
  }

  #follow(): void {
    const { signal } = this.settings;
    if (signal === undefined) return;
    if (signal.aborted) return this.abort(reasonOf(signal));
    this.#upstream = new AbortWatcher((reason) => this.abort(reason));
    watch(signal, this.#upstream);
  }

  /** Tells calls that wait for room, and feeds; a copy of these, for they leave at once. */
  #stopIntake(): void {
    this.backlog.dismiss();
    for (const feed of [...this.feeds]) feed.stop(this.state.reason);
    this.workers.look();
    this.#tellClosing();
  }

  /** O(1) if there are only bare tasks: those stay in the backlog, for `clear`. */
  #abandonAll(reason: unknown): void {
    if (!this.#hasEntries) {
      this.state.abandoned += this.backlog.size;
      this.#watch?.group({ type: "aborted", reason });
      return;
    }
    const { size } = this.backlog;
    const items = this.backlog.clearAtEnd(print);
    this.attempts.endAllJudging();
    // A queue of the user's own may not have given all away.
    this.state.abandoned += size - items.length;
    const delayed = this.attempts.delays.clear(() => false);
    for (const { entry } of delayed) items.push(entry);
    const left = this.#left ??= []; // Not spread: the stack is not that large.
    for (const item of items) if (!stays(item)) left.push(item);
    this.attempts.countAbandoned(items);
    this.#watch?.group({ type: "aborted", reason });
    this.attempts.tellAbandoned(items, "aborted", reason);
  }

  /** Counts what was evicted. It is told of that when the newcomer is counted, too. */
  #evict(): readonly Item[] {
    const items = this.backlog.takeEvicted();
    this.attempts.countAbandoned(items);
    return items;
  }

  /** Makes the error only if a caller hears it: it costs as much as a hundred tasks. */
  #tellEvicted(items: readonly Item[]): void {
    const isHeard = items.some((item) =>
      typeof item !== "function" && item.hasCaller
    );
    const reason = isHeard ? taskGone("evicted") : undefined;
    this.attempts.tellAbandoned(items, "evicted", reason);
    if (this.#onDrop !== undefined) items.forEach(this.#onDrop);
  }

  #tell(onEvict: (value: QueuedTask) => unknown, item: Item): void {
    const queued = queuedTask(item);
    tell(
      () => onEvict(queued),
      (error) => this.runner.report(error, queued, NOWHERE),
    );
  }

  #takeLeft(): Item[] {
    const left = this.#left ?? this.backlog.clear();
    this.#left = [];
    return left;
  }

  #clearLive(): Item[] {
    const items = this.backlog.clear(stays);
    const delayed = this.attempts.delays.clear(({ entry }) => stays(entry));
    for (const { entry } of delayed) items.push(entry);
    this.attempts.countAbandoned(items);
    this.attempts.tellAbandoned(items, "cleared", taskGone("cleared"));
    this.workers.look();
    return items;
  }

  /** The queue or the governor has thrown: the group goes no further. */
  #fail(error: unknown): void {
    this.abort(error);
    print(error);
  }

  /** A wait that is given up leaves nothing behind, here or on the signal (law 9). */
  #until<T>(
    callbacks: Set<() => void>,
    signal: AbortSignal | undefined,
    result: () => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const watcher = new AbortWatcher((reason) => {
        callbacks.delete(callback);
        reject(reason);
      });
      const callback = () => {
        unwatch(watcher);
        resolve(result());
      };
      if (signal !== undefined) watch(signal, watcher);
      callbacks.add(callback);
      this.#watchForRest();
    });
  }

  #watchForRest(): void {
    this.workers.isWatched = true;
    this.workers.look();
  }

  /** Whether it is at rest is seen now, and told when each reader of a result has that. */
  #rest(): void {
    if (!this.workers.isWatched || !this.isAtRest) return;
    const { isClosed } = this.state;
    const callbacks = [...this.#idlers];
    this.#idlers.clear();
    this.#idle = undefined;
    this.workers.isWatched = !isClosed && this.#enders.size > 0;
    if (isClosed) {
      this.#isDone ||= this.#done !== undefined;
      unwatch(this.#upstream);
      for (const ender of this.#enders) callbacks.push(ender);
      this.#enders.clear();
    }
    this.#tellRest(callbacks);
  }

  async #tellRest(callbacks: readonly (() => void)[]): Promise<void> {
    await resultsRead();
    for (const callback of callbacks) callback();
  }
}

/** The task as its caller knows it. */
function queuedTask(item: Item): QueuedTask {
  return typeof item === "function"
    ? { task: item }
    : { task: item.task, options: item.options };
}

/** Not so if its end is counted, and its worker is not back yet. */
function isRunning(item: Item): boolean {
  return typeof item === "function" || item.state === "running";
}

/** Why a task will never run, where the user gave no reason. */
function taskGone(how: "cleared" | "evicted"): Error {
  return domError(`The task was ${how}`, "AbortError");
}
