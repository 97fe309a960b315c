/**
 * The group, as its users see it. What it does is done below: by its intake,
 * its workers, and its core.
 *
 * @module
 */

import type { CoGroupStats } from "./books.ts";
import { Core, type WaitOptions } from "./core.ts";
import { insertAll } from "./feed.ts";
import { Intake } from "./intake.ts";
import { stream } from "./map.ts";
import { type CoGroupOptions, type MapOptions, settle } from "./options.ts";
import { Progress, type ProgressOptions } from "./progress.ts";
import type { QueuedTask, Task, TaskContext, TaskOptions } from "./task.ts";

/**
 * A fixed number of workers that take tasks from one channel.
 *
 * - **Bounded:** never more than `concurrency` tasks are in flight.
 * - **Nothing is lost:** each accepted task is fulfilled, rejected or
 *   abandoned, and {@linkcode CoGroup.stats} says how many of each.
 * - **Errors are caught.** They never cost a worker. What no promise carries
 *   goes to `onError`.
 * - **An abort starts nothing more.** What is queued is abandoned; what runs
 *   runs to its end.
 * - **`wait()` means done:** closed, and nothing queued, delayed or in flight.
 *
 * No task starts inside the call that brings it, and tasks start in the order
 * of the calls. Everything is O(1) a task; an idle group costs nothing.
 *
 * @example A batch of tasks; and one that stops early, and gives back the rest
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * const squares: number[] = [];
 * const group = new CoGroup({ concurrency: 2 });
 * for (const n of [1, 2, 3]) group.add(() => void squares.push(n * n));
 * assert.equal(await group.wait(), 0); // None was abandoned.
 * assert.deepEqual(squares, [1, 4, 9]);
 *
 * const stopped = new CoGroup(1);
 * for (let i = 0; i < 10; i++) stopped.add(() => stopped.cancel());
 * assert.equal(await stopped.wait(), 9);
 * assert.equal(stopped.drain().length, 9);
 * ```
 */
export class CoGroup implements AsyncDisposable {
  readonly #core: Core;
  readonly #intake: Intake;

  /**
   * Makes a group, and starts it unless it is to be `paused`.
   *
   * @param options The options, or just the concurrency.
   * @throws {RangeError} If a number is out of its range.
   * @throws {TypeError} If an option is not of its type.
   */
  constructor(options: CoGroupOptions | number) {
    this.#core = new Core(settle(options));
    this.#intake = new Intake(this.#core);
  }

  /**
   * Adds a task. Never waits: over capacity it is kept all the same.
   *
   * @param task The task. It starts in a later microtask, never in this call.
   * @param options What it has of its own.
   * @returns False if it was not accepted: the group is closed or aborted, or
   *   the task's own signal is.
   * @throws {TypeError} If `task` is not a function, or an option not of its type.
   */
  add(task: Task, options?: TaskOptions): boolean {
    return this.#intake.add(task, options);
  }

  /**
   * Adds a task if there is room now: nobody waits for it, and `size` is below
   * `capacity` or a worker is idle. Never waits.
   *
   * @returns False if there is no room, or `add` would return false.
   * @throws {TypeError} As `add` does.
   */
  tryInsert(task: Task, options?: TaskOptions): boolean {
    return this.#intake.tryInsert(task, options);
  }

  /**
   * Adds a task, and waits for room: a producer that awaits it is never more
   * than `capacity` tasks ahead of the workers.
   *
   * @returns A promise of true when the task is accepted, of false if it will
   *   not be: the group is closed or aborted, or the task's own signal is,
   *   before or during the wait. Rejects only with a TypeError, as `add` throws.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * await using group = new CoGroup({ concurrency: 2, capacity: 4 });
   * for (let n = 1; n <= 100; n++) {
   *   assert(await group.insert(() => Promise.resolve(n)));
   *   assert(group.size <= 4 + 2);
   * }
   * ```
   */
  insert(task: Task, options?: TaskOptions): Promise<boolean> {
    return this.#intake.insert(task, options);
  }

  /**
   * Adds tasks from an iterable, and waits for room before it asks for each.
   * Stops, and closes the iterable, when the group is closed or aborted.
   *
   * @param tasks Tasks, or tasks with options, as `drain` returns them. Those
   *   whose own signal is aborted already are left out.
   * @returns A promise of how many were accepted. Rejects with the iterable's
   *   error, or with a TypeError if it yields what is no task.
   */
  insertAll(
    tasks: Iterable<Task | QueuedTask> | AsyncIterable<Task | QueuedTask>,
  ): Promise<number> {
    return insertAll(this.#intake, tasks);
  }

  /**
   * Adds a task whose result is wanted. Never waits for room. The task runs
   * in the async context of this call (`AsyncLocalStorage`).
   *
   * @typeParam T The type of the result.
   * @returns A promise of the task's result. Rejects with the task's own error;
   *   with a TimeoutError; if the task is abandoned, with the reason of the
   *   abort or of its own signal, or an AbortError if it was drained; with a
   *   {@linkcode CoGroupClosedError} if the group is closed. A rejection that is
   *   not the task's own need not be handled.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * await using group = new CoGroup(2);
   * const squares = [1, 2, 3].map((n) => group.go(() => n * n));
   * assert.deepEqual(await Promise.all(squares), [1, 4, 9]);
   * ```
   */
  go<T>(task: Task<T>, options?: TaskOptions): Promise<T> {
    return this.#intake.go(task, options) as Promise<T>;
  }

  /**
   * Runs a function over the items of a source, and gives its results as a
   * stream, whose reader sets the pace: nothing is pulled before the first
   * `next()`, and no more than `concurrency + ahead` items are between the
   * source and the reader. The items share the workers with the group's other
   * tasks, first come, first served. Source and function run in the async
   * context of this call.
   *
   * To break off closes the source and drops what has not started; what runs
   * runs to its end. So does a failure, of the function or the source, whose
   * error the stream then throws; errors after that go to `onError`.
   *
   * @typeParam T The type of the items.
   * @typeParam R The type of the results.
   * @param source The items; an iterable of promises is one of their values.
   * @param fn Called with each item and its context, as a task is.
   * @param options Order, and how far to run ahead; and options for each task.
   * @returns The results. Throws, when the group is closed, a
   *   {@linkcode CoGroupClosedError} after what was pulled already; when it is
   *   aborted, the reason.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * await using group = new CoGroup(2);
   * const lengths = group.map(["a", "bc", "def"], (word) => word.length);
   * let sum = 0;
   * for await (const length of lengths) sum += length;
   * assert.equal(sum, 6);
   * ```
   */
  map<T, R>(
    source: Iterable<T> | AsyncIterable<T>,
    fn: (item: T, ctx: TaskContext) => R | PromiseLike<R>,
    options?: MapOptions,
  ): AsyncIterableIterator<R> {
    return stream("map", this.#intake, source, fn, options);
  }

  /**
   * As {@linkcode CoGroup.map}, but a failure of the function is a result like
   * any other: `{ status: "rejected", reason }` among
   * `{ status: "fulfilled", value }`. So is an item whose signal withdrew it.
   *
   * @returns What became of each item. Throws as `map` does, but for failures
   *   of the function.
   */
  mapSettled<T, R>(
    source: Iterable<T> | AsyncIterable<T>,
    fn: (item: T, ctx: TaskContext) => R | PromiseLike<R>,
    options?: MapOptions,
  ): AsyncIterableIterator<PromiseSettledResult<R>> {
    return stream("mapSettled", this.#intake, source, fn, options);
  }

  /**
   * Ends the intake. What is queued still runs; inserts that wait resolve
   * false. Never waits; to close again does nothing.
   */
  close(): void {
    this.#core.close();
  }

  /**
   * Aborts the group: nothing more starts, what is queued or delayed is
   * abandoned, what runs runs to its end (and sees it if `sink` says so).
   * O(1) if only plain tasks are queued. To cancel again does nothing.
   *
   * @param reason What abandoned results reject with; an AbortError by default.
   */
  cancel(reason?: unknown): void {
    this.#core.cancel(reason);
  }

  /**
   * Closes the group and waits until nothing is queued, delayed or in flight.
   * A paused group waits for `resume` or an abort.
   *
   * @param options A signal to give the wait up; the group goes on, closed.
   * @returns A promise of how many tasks were abandoned; the same one however
   *   often, and however late, it is asked for. Rejects only with the reason
   *   of `options.signal`.
   */
  wait(options?: WaitOptions): Promise<number> {
    return this.#core.wait(options);
  }

  /**
   * Waits until nothing is queued, delayed or in flight, now or for the first
   * time from now on. The intake stays open: for tasks that add tasks.
   *
   * @returns A promise that resolves then.
   */
  idle(): Promise<void> {
    return this.#core.idle();
  }

  /**
   * Takes back what has not started, to insert it elsewhere; after an abort,
   * what the abort abandoned. Those tasks count as abandoned; what `go`
   * promised of them rejects. Items of a `map` are not taken.
   *
   * @returns The queued tasks in order, then the delayed ones.
   */
  drain(): QueuedTask[] {
    return this.#core.drain();
  }

  /**
   * Waits as `wait` does, then opens the group again: counts and signal fresh,
   * workers as before. Under an upstream signal that is aborted it stays aborted.
   *
   * @returns A promise of how many tasks were abandoned before.
   */
  reset(): Promise<number> {
    return this.#core.reset();
  }

  /** Starts nothing more until `resume`. What runs goes on. */
  pause(): void {
    this.#core.crew.paused = true;
  }

  /** Starts again after `pause`, or a group that was made paused. */
  resume(): void {
    this.#core.crew.paused = false;
  }

  /**
   * Snapshots of `stats`: the first at once, then one whenever something has
   * changed, at most one in `interval`; at last the one in which the closed
   * group has nothing left. Costs nothing until it is iterated.
   *
   * @param options The least milliseconds between two of them; 1000 by default.
   * @returns The snapshots. To break off is fine.
   * @throws {RangeError} If `interval` is not a non-negative number.
   */
  progress(options?: ProgressOptions): AsyncIterableIterator<CoGroupStats> {
    return new Progress(this.#core, options);
  }

  /**
   * How many workers there are. To set it higher starts more at once; lower,
   * and nothing starts until fewer are in flight.
   */
  get concurrency(): number {
    return this.#core.crew.limit;
  }

  set concurrency(concurrency: number) {
    this.#core.crew.limit = concurrency;
  }

  /** How many tasks the queue holds before `insert` waits. */
  get capacity(): number {
    return this.#core.line.capacity;
  }

  /** How many tasks are queued. */
  get size(): number {
    return this.#core.size;
  }

  /** How many tasks have started and not ended. */
  get inFlight(): number {
    return this.#core.inFlight;
  }

  /** Whether the intake has ended, by `close`, `wait` or an abort. */
  get closed(): boolean {
    return this.#core.isClosed;
  }

  /** Whether it is paused. */
  get paused(): boolean {
    return this.#core.crew.paused;
  }

  /** Aborted when the group is, by `cancel` or from upstream. */
  get signal(): AbortSignal {
    return this.#core.signal;
  }

  /** A snapshot of the books. */
  get stats(): CoGroupStats {
    return this.#core.stats;
  }

  /**
   * Waits as `wait` does, at the end of an `await using` block: the queue runs
   * to its end, also when the block threw.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#core.wait();
  }
}
