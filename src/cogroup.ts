/**
 * The group, as its users see it.
 *
 * @module
 */

import type { CoGroupStats } from "./books.ts";
import { abortSignal, count, options as checked } from "./check.ts";
import { Core } from "./core.ts";
import { insertAll } from "./feed.ts";
import { Intake } from "./intake.ts";
import { type CoGroupOptions, settle } from "./options.ts";
import { Cancel, unwatch, watch } from "./signals.ts";
import type { QueuedTask, Task, TaskOptions } from "./task.ts";

/** Options of {@linkcode CoGroup.wait}. */
export interface WaitOptions {
  /** Ends the wait, not the group. */
  signal?: AbortSignal;
}

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
 * A task costs about as much as a call in a hand-written worker loop; an idle
 * group costs nothing.
 *
 * @example A batch of tasks, four at a time
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * const squares: number[] = [];
 * const group = new CoGroup({ concurrency: 4 });
 * for (const n of [1, 2, 3, 4, 5]) {
 *   group.add(async () => {
 *     squares.push(await Promise.resolve(n * n));
 *   });
 * }
 * assert.equal(await group.wait(), 0); // None was abandoned.
 * assert.deepEqual(squares.sort((a, b) => a - b), [1, 4, 9, 16, 25]);
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
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * let ran = 0;
   * const group = new CoGroup(2);
   * assert(group.add(() => ran++));
   * assert.equal(ran, 0);
   * await group.wait();
   * assert.equal(ran, 1);
   * assert(!group.add(() => ran++));
   * ```
   */
  add(task: Task, options?: TaskOptions): boolean {
    return this.#intake.add(task, options);
  }

  /**
   * Adds a task if there is room now: `size < capacity` and nobody waits, or
   * a worker is idle. Never waits.
   *
   * @param task The task.
   * @param options What it has of its own.
   * @returns False if there is no room, or `add` would return false.
   * @throws {TypeError} As `add` does.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * await using group = new CoGroup({ concurrency: 1, capacity: 1 });
   * // One for the idle worker, one for the queue.
   * const taken = [1, 2, 3].map(() => group.tryInsert(() => {}));
   * assert.deepEqual(taken, [true, true, false]);
   * ```
   */
  tryInsert(task: Task, options?: TaskOptions): boolean {
    return this.#intake.tryInsert(task, options);
  }

  /**
   * Adds a task, and waits for room: a producer that awaits it is never more
   * than `capacity` tasks ahead of the workers.
   *
   * @param task The task.
   * @param options What it has of its own.
   * @returns A promise of true when the task is accepted, of false if it will
   *   not be: the group, or the task's own signal, is closed or aborted,
   *   before or during the wait. Rejects only with a TypeError, as `add` throws.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * let sum = 0;
   * const group = new CoGroup({ concurrency: 2, capacity: 4 });
   * for (let n = 1; n <= 100; n++) {
   *   await group.insert(() => void (sum += n));
   *   assert(group.size <= 4 + 2);
   * }
   * await group.wait();
   * assert.equal(sum, 5050);
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
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * let sum = 0;
   * function* tasks() {
   *   for (let n = 1; n <= 100; n++) yield () => void (sum += n);
   * }
   * const group = new CoGroup({ concurrency: 2, capacity: 4 });
   * assert.equal(await group.insertAll(tasks()), 100);
   * await group.wait();
   * assert.equal(sum, 5050);
   * ```
   */
  insertAll(
    tasks: Iterable<Task | QueuedTask> | AsyncIterable<Task | QueuedTask>,
  ): Promise<number> {
    return insertAll(this.#core, this.#intake, tasks);
  }

  /**
   * Adds a task, whose result is wanted. Never waits for room. The task runs
   * in the async context of this call (`AsyncLocalStorage`).
   *
   * @typeParam T The type of the result.
   * @param task The task.
   * @param options What it has of its own.
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
   * const results = await Promise.all(
   *   [1, 2, 3].map((n) => group.go(() => n * n)),
   * );
   * assert.deepEqual(results, [1, 4, 9]);
   * ```
   */
  go<T>(task: Task<T>, options?: TaskOptions): Promise<T> {
    return this.#intake.go(task, options) as Promise<T>;
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
   * @param reason What abandoned results reject with.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * for (let i = 0; i < 10; i++) group.add(() => group.cancel());
   * assert.equal(await group.wait(), 9);
   * ```
   */
  cancel(
    reason: unknown = new DOMException("The group was cancelled", "AbortError"),
  ): void {
    this.#core.abort(reason);
  }

  /**
   * Closes the group and waits until nothing is queued, delayed or in flight.
   * A paused group waits for `resume` or an abort.
   *
   * @param options A signal to give the wait up; the group goes on, closed.
   * @returns A promise of how many tasks were abandoned; the same one however
   *   often, and however late, it is asked for. Rejects only with the reason
   *   of `options.signal`.
   *
   * @example Don't wait for ever
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * let finish = () => {};
   * group.add(() => new Promise<void>((resolve) => finish = resolve));
   * await assert.rejects(
   *   group.wait({ signal: AbortSignal.timeout(1) }),
   *   { name: "TimeoutError" },
   * );
   * finish();
   * assert.equal(await group.wait(), 0);
   * ```
   */
  wait(options?: WaitOptions): Promise<number> {
    let signal: AbortSignal | undefined;
    try {
      signal = abortSignal("wait", checked("wait", options)?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
    const done = this.#core.wait();
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
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const done: number[] = [];
   * const first = new CoGroup({ concurrency: 1, paused: true });
   * for (const n of [1, 2, 3]) first.add(() => void done.push(n));
   * const second = new CoGroup(1);
   * await second.insertAll(first.drain());
   * await second.wait();
   * assert.deepEqual(done, [1, 2, 3]);
   * assert.equal(first.stats.abandoned, 3);
   * ```
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
   * How many workers there are. To set it higher starts more at once; lower,
   * and nothing starts until fewer are in flight.
   */
  get concurrency(): number {
    return this.#core.crew.limit;
  }

  set concurrency(concurrency: number) {
    this.#core.crew.limit = count(
      "set concurrency",
      "concurrency",
      concurrency,
      1,
    );
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
