/**
 * The group, as its users see it. The rooms below do the work: see group/ and stream/.
 *
 * @module
 */

import { count, priority as checkedPriority } from "./base/check.ts";
import { showBy } from "./base/inspect.ts";
import type { TaskInfo } from "./group/directory.ts";
import {
  Group,
  type ShutdownOptions,
  type WaitOptions,
} from "./group/group.ts";
import { insertAll } from "./group/insert_all.ts";
import { Intake } from "./group/intake.ts";
import { stream } from "./stream/map.ts";
import {
  type CoGroupOptions,
  type MapOptions,
  settle,
} from "./group/options.ts";
import { Progress, type ProgressOptions } from "./group/progress.ts";
import type { CoGroupStats } from "./group/state.ts";
import type {
  ItemContext,
  QueuedTask,
  SettledItem,
  Task,
  TaskContext,
  TaskOptions,
} from "./task.ts";

/** What a group is made of. */
export interface Parts {
  readonly group: Group;
  readonly intake: Intake;
}

/** The parts of a group, for what brings in tasks of a kind of its own. */
export let partsOf: (group: CoGroup) => Parts;

/**
 * A fixed number of workers that take tasks from one channel.
 *
 * - **Bounded:** never more than `concurrency` tasks are in flight.
 * - **Nothing is lost:** each accepted task is fulfilled, rejected or
 *   abandoned, and {@linkcode CoGroup.prototype.stats} says how many of each.
 * - **Errors are caught.** They never cost a worker. An error that no promise and no
 *   stream carries goes to `onError`.
 * - **After an abort nothing starts.** What is queued is abandoned; what runs
 *   runs to its end.
 * - **`wait()` means done:** closed, and nothing queued, delayed, lent or in flight.
 *
 * No task starts inside the call that brings it, and tasks start in the order
 * of the calls. Everything is O(1) a task; an idle group costs nothing.
 *
 * A group keeps the process alive by its timers alone (a retry, a `timeout`, `grace`),
 * and while it waits for the event loop to turn; beyond that, what its tasks wait for
 * does. A process in which nothing is left but a paused group ends.
 *
 * @example A batch of tasks; and a batch that stops early, and gives back the rest
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
 * for (let i = 0; i < 10; i++) stopped.add(() => stopped.abort());
 * assert.equal(await stopped.wait(), 9);
 * assert.equal(stopped.clear().length, 9);
 * ```
 */
export class CoGroup implements AsyncDisposable {
  readonly #group: Group;
  readonly #intake: Intake;

  static {
    partsOf = (group) => ({ group: group.#group, intake: group.#intake });
    showBy(
      "CoGroup",
      this.prototype,
      (group) => #group in group ? group.#group.shown : undefined,
    );
  }

  /**
   * Makes a group, and starts it unless the options say `paused`.
   *
   * @param options The options, or just the concurrency.
   * @throws {RangeError} If a number is out of its range.
   * @throws {TypeError} If an option is not of its type; if there are both a `queue`
   *   and a `capacity`; if the `queue` is not empty, or is used already.
   */
  constructor(options: CoGroupOptions | number) {
    this.#group = new Group(settle(options));
    this.#intake = new Intake(this.#group);
  }

  /**
   * Adds a task. Never waits: over capacity the task is kept all the same.
   *
   * @param task The task. It starts in a later microtask, never in this call.
   * @param options The options of this task.
   * @returns False if the task was not accepted: the group is closed or aborted, the
   *   task's own signal is aborted, or the queue refuses what it has no room for.
   * @throws {RangeError} If an option is a number out of its range.
   * @throws {TypeError} If `task` is not a function, or an option not of its type.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * let sum = 0;
   * assert.equal(group.add(() => void (sum += 1)), true);
   * assert.equal(sum, 0); // It starts later.
   * await group.wait();
   * assert.equal(sum, 1);
   * assert.equal(group.add(() => void (sum += 1)), false); // It is closed.
   * ```
   */
  add(task: Task, options?: TaskOptions): boolean {
    return this.#intake.add(task, options);
  }

  /**
   * Adds a task if there is room now: `size` is below `capacity` plus the number of
   * idle workers (none is idle while paused), and no insert waits for the room. Never
   * waits.
   *
   * @param task The task.
   * @param options The options of this task.
   * @returns False if there is no room, or `add` would return false.
   * @throws {RangeError} As `add` does.
   * @throws {TypeError} As `add` does.
   *
   * @example Turn away what there is no room for
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, capacity: 1 });
   * const accepted = [1, 2, 3].map((n) => group.tryInsert(() => n));
   * assert.deepEqual(accepted, [true, true, false]); // One to run, one to wait.
   * await group.wait();
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
   * @param options The options of this task. Its signal ends the wait, too.
   * @returns A promise of true when the task is accepted, of false if it will
   *   not be: the group is closed or aborted, or the task's own signal is,
   *   before or during the wait; or the queue refuses what it has no room for.
   *   Rejects only with what `add` throws.
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
   * A task that is on its way at that moment is not accepted: `stats` and `wait`
   * know nothing of it. It is handed back: after an abort by `clear`, after a
   * close as the `value` of the rejection. For that, and for the clean-up of
   * the iterable, the promise waits; but for half a second at most where the
   * iterable does not answer. A task that comes later still is handed back by
   * `clear`, or by a {@linkcode CoGroupClosedError} that goes to `onError`.
   *
   * @param tasks Tasks, or tasks with options, as `clear` returns them. A task
   *   with a signal that is aborted already is left out.
   * @returns A promise of how many were accepted. Rejects with the first error of
   *   the iterable or of its clean-up, while later ones go to `onError`; with a
   *   TypeError if the iterable yields what is no task; with a
   *   {@linkcode CoGroupClosedError}, which need not be handled, if that hands back a
   *   task.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, paused: true });
   * const late = () => "late";
   * async function* source() {
   *   yield await Promise.resolve(late);
   * }
   * const all = group.insertAll(source());
   * group.abort();
   * assert.equal(await all, 0);
   * assert.deepEqual(group.clear(), [{ task: late }]);
   * ```
   */
  insertAll(
    tasks: Iterable<Task | QueuedTask> | AsyncIterable<Task | QueuedTask>,
  ): Promise<number> {
    return insertAll(this.#group, this.#intake, tasks);
  }

  /**
   * Adds a task for its result. Never waits for room. The task runs in the async
   * context of this call (`AsyncLocalStorage`).
   *
   * @typeParam T The type of the result.
   * @param task The task.
   * @param options The options of this task.
   * @returns A promise of the task's result. Rejects with the task's own, last error;
   *   with a TimeoutError; with the reason of the task's own signal, at once, also while
   *   the task runs; if the task is abandoned, with the reason of the abort, or with an
   *   AbortError if it was cleared, evicted or refused; with a
   *   {@linkcode CoGroupClosedError} if the group is closed; with what `add` throws. A
   *   rejection by a signal, of an abandoned task, or on a closed group need not be
   *   handled.
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
  go<T>(
    task: (ctx: TaskContext) => T,
    options?: TaskOptions,
  ): Promise<Awaited<T>> {
    return this.#intake.go(task, options) as Promise<Awaited<T>>;
  }

  /**
   * Runs a function over the items of a source, and gives the results as a
   * stream. Its reader sets the pace: nothing is pulled before the first
   * `next()`, and no more than `concurrency + ahead` items are between the
   * source and the reader. The items share the workers with the group's other
   * tasks, first come, first served. Source and function run in the async
   * context of this call.
   *
   * To break off closes the source and drops what has not started; what runs
   * runs to its end. As a `for await` over the source itself would, the break
   * waits for the clean-up of the source, and throws what that throws. If one more
   * item was asked for by then, the source cleans up after its answer; for that the
   * break waits half a second at most.
   *
   * A failure of the function or the source also ends the stream, with its error,
   * and starts nothing more. Errors after that go to `onError`, and so do errors of
   * the source that no reader gets.
   *
   * @typeParam T The type of the items.
   * @typeParam R The type of the results.
   * @param source The items; an iterable of promises is one of their values. The
   *   promises in an array are looked after from this call on: that one of them is
   *   rejected before its turn is no unhandled rejection. A promise of any other
   *   iterable is first seen when it is pulled.
   * @param fn Called with each item and its context, as a task is.
   * @param options Order, and how far to run ahead; and options for each task.
   * @returns The results. It inherits from `%AsyncIteratorPrototype%`. When the group
   *   is closed it ends with a {@linkcode CoGroupClosedError}, after what was pulled
   *   by then; when the group is aborted, with the reason.
   * @throws {RangeError} If an option is a number out of its range.
   * @throws {TypeError} If `source` is no iterable, `fn` not a function, or an option
   *   not of its type.
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
    fn: (item: T, ctx: ItemContext) => R,
    options?: MapOptions<T>,
  ): AsyncIterableIterator<Awaited<R>> & AsyncDisposable {
    return stream("map", this.#group, this.#intake, source, fn, options);
  }

  /**
   * As {@linkcode CoGroup.prototype.map}, but a failure of the function is a result
   * like any other: `{ status: "rejected", reason }` among
   * `{ status: "fulfilled", value }`. So is an item that its signal has withdrawn, and
   * an item that is a rejected promise: the function is not called for that one.
   *
   * @typeParam T The type of the items.
   * @typeParam R The type of the results.
   * @param source The items, as for `map`.
   * @param fn Called with each item and its context, as a task is.
   * @param options Order, and how far to run ahead; and options for each task.
   * @returns What became of each item, and which one it is. It ends with an error as `map` does when the
   *   source itself fails, or the group ends.
   * @throws {RangeError} As `map` does.
   * @throws {TypeError} As `map` does.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * await using group = new CoGroup(2);
   * const source = [1, Promise.reject("lost"), 3];
   * const seen: unknown[] = [];
   * for await (const result of group.mapSettled(source, (n) => Number(n) * 2)) {
   *   seen.push(result.status === "fulfilled" ? result.value : result.reason);
   * }
   * assert.deepEqual(seen, [2, "lost", 6]);
   * ```
   */
  mapSettled<T, R>(
    source: Iterable<T> | AsyncIterable<T>,
    fn: (item: T, ctx: ItemContext) => R,
    options?: MapOptions<T>,
  ): AsyncIterableIterator<SettledItem<T, Awaited<R>>> & AsyncDisposable {
    return stream("mapSettled", this.#group, this.#intake, source, fn, options);
  }

  /**
   * Ends the intake. What is queued still runs; inserts that wait resolve
   * false; a live `map` yields what it has pulled, then ends with a
   * {@linkcode CoGroupClosedError}. Never waits; to close it again does nothing.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, capacity: 0 });
   * group.add(() => Promise.resolve());
   * const waits = group.insert(() => "too late");
   * group.close();
   * assert.equal(await waits, false);
   * assert.equal(group.closed, true);
   * assert.equal(await group.wait(), 0); // What was queued has run.
   * ```
   */
  close(): void {
    this.#group.close();
  }

  /**
   * Aborts the group: nothing more starts, what is queued or delayed is
   * abandoned, what runs runs to its end (and is told when `grace` is over).
   * O(1) if only plain tasks are queued. Never waits; to abort it again does nothing.
   *
   * @param reason What the promises of abandoned tasks reject with; an AbortError by
   *   default.
   *
   * @example What runs finishes, what is queued is abandoned
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * const first = group.go(async () => {
   *   group.abort(new Error("enough"));
   *   return await Promise.resolve("finished");
   * });
   * const second = group.go(() => "never starts");
   * assert.equal(await first, "finished");
   * await assert.rejects(second, /enough/);
   * assert.equal(await group.wait(), 1);
   * ```
   */
  abort(reason?: unknown): void {
    this.#group.abort(reason);
  }

  /**
   * Closes the group, and waits as {@linkcode CoGroup.prototype.wait} does; but only so
   * long: when `grace` is over the group is aborted, and `ctx.signal` of the tasks in
   * flight speaks at once.
   *
   * @param options How long everything may go on.
   * @returns How many tasks were abandoned, when everything has ended. Tasks that do not
   *   heed their signal are waited for all the same.
   * @throws {RangeError} If `grace` is negative or NaN.
   * @throws {TypeError} If an option is of the wrong type.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * const told = group.go(({ signal }) =>
   *   new Promise((resolve) => signal.addEventListener("abort", () => resolve("told")))
   * );
   * group.add(() => "never starts");
   * assert.equal(await group.shutdown({ grace: 5 }), 1);
   * assert.equal(await told, "told");
   * ```
   */
  shutdown(options?: ShutdownOptions): Promise<number> {
    return this.#group.shutdown(options);
  }

  /**
   * Closes the group and waits until nothing is queued, delayed, lent or in flight.
   * On a paused group with tasks it waits for `resume` or an abort.
   *
   * @param options A signal to give the wait up; the group goes on, closed.
   * @returns A promise of how many tasks were abandoned; the same number however
   *   often, and however late, it is asked for. Rejects only with the reason
   *   of `options.signal`, or with a TypeError if that is no signal.
   *
   * @example Wait, but not for ever
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * const { promise, resolve } = Promise.withResolvers<void>();
   * group.add(() => promise);
   * const signal = AbortSignal.timeout(1);
   * await assert.rejects(group.wait({ signal }), { name: "TimeoutError" });
   * assert.equal(group.inFlight, 1); // The task goes on.
   * resolve();
   * assert.equal(await group.wait(), 0);
   * ```
   */
  wait(options?: WaitOptions): Promise<number> {
    return this.#group.wait(options);
  }

  /**
   * Waits until nothing is queued, delayed, lent or in flight, now or for the first
   * time from now on. The intake stays open: for tasks that add tasks.
   *
   * It resolves some microtasks later, also if the group is at rest already: by then the
   * callers of `go` have their results, and may have brought more. To ask whether it is
   * at rest, read `stats`.
   *
   * @param options A signal to give the wait up; then nothing of it is left.
   * @returns A promise that resolves then. Rejects only with the reason of
   *   `options.signal`, or with a TypeError if that is no signal.
   *
   * @example Tasks that add tasks
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(2);
   * const seen: number[] = [];
   * function visit(n: number) {
   *   seen.push(n);
   *   if (n > 1) group.add(() => visit(n - 1));
   * }
   * group.add(() => visit(3));
   * await group.idle();
   * assert.deepEqual(seen, [3, 2, 1]);
   * assert.equal(group.closed, false);
   * ```
   */
  idle(options?: WaitOptions): Promise<void> {
    return this.#group.idle(options);
  }

  /**
   * A snapshot of the tasks: what is queued (in order; in a queue of your own, as it came),
   * delayed, running and lent. O(n). Never waits.
   *
   * @returns What is known of each.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, paused: true });
   * group.add(() => {}, { id: "first" });
   * group.add(() => {});
   * assert.deepEqual(group.tasks().map(({ id }) => id), ["first", undefined]);
   * ```
   */
  tasks(): TaskInfo[] {
    return this.#group.tasks;
  }

  /**
   * Sets the priority of queued tasks, and moves them where they belong now; a retry
   * queues with it, too. O(log n) each. Never waits.
   *
   * @param id The `id` of their options.
   * @param priority Their new priority.
   * @returns How many there were.
   * @throws {RangeError} If the priority is NaN.
   * @throws {TypeError} If it is no number, or the group's queue is no `priorityQueue`.
   *
   * @example Move one up
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup, priorityQueue } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, queue: priorityQueue(), paused: true });
   * const ran: string[] = [];
   * for (const id of ["a", "b"]) group.add(() => void ran.push(id), { id });
   * assert.equal(group.setPriority("b", 1), 1);
   * group.resume();
   * await group.wait();
   * assert.deepEqual(ran, ["b", "a"]);
   * ```
   */
  setPriority(id: unknown, priority: number): number {
    const doing = "set priority";
    return this.#group.setPriority(id, checkedPriority(doing, priority));
  }

  /**
   * Abandons queued and delayed tasks, as their own signals would. What runs goes on. O(1)
   * each. Never waits.
   *
   * @param id The `id` of their options.
   * @param reason What their promises reject with; an AbortError by default.
   * @returns How many there were.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, paused: true });
   * const result = group.go(() => "never", { id: 7 });
   * assert.equal(group.withdraw(7, new Error("not needed")), 1);
   * await assert.rejects(result, /not needed/);
   * ```
   */
  withdraw(id: unknown, reason?: unknown): number {
    return this.#group.withdraw(id, reason);
  }

  /**
   * Takes back what has not started, to insert it elsewhere; after an abort,
   * what the abort abandoned. Those tasks count as abandoned, once, and their
   * promises reject: with an AbortError, or with the reason of the abort. Items of a
   * `map` stay: they belong to their stream. Never waits.
   *
   * @returns The queued tasks in order, then the delayed ones in the order in which
   *   they are due.
   *
   * @example Move what has not started to another group
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, paused: true });
   * const log: string[] = [];
   * for (const name of ["a", "b"]) group.add(() => void log.push(name));
   * const other = new CoGroup(4);
   * assert.equal(await other.insertAll(group.clear()), 2);
   * await other.wait();
   * assert.deepEqual(log, ["a", "b"]);
   * assert.equal(await group.wait(), 2); // Abandoned, here.
   * ```
   */
  clear(): QueuedTask[] {
    return this.#group.clear();
  }

  /**
   * Waits as `wait` does, then opens the group again: counts and signal fresh,
   * workers as before. Under an upstream signal that is aborted it stays aborted.
   *
   * @returns A promise of how many tasks were abandoned before.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * group.add(() => "first");
   * group.abort();
   * assert.equal(await group.reset(), 1);
   * assert.equal(group.closed, false);
   * assert.equal(await group.go(() => "second"), "second");
   * assert.equal(group.stats.accepted, 1);
   * ```
   */
  reset(): Promise<number> {
    return this.#group.reset();
  }

  /**
   * Starts nothing more until `resume`. What runs goes on. Never waits.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * group.pause();
   * const result = group.go(() => "done");
   * await new Promise((resolve) => setTimeout(resolve, 1));
   * assert.equal(group.size, 1);
   * group.resume();
   * assert.equal(await result, "done");
   * ```
   */
  pause(): void {
    this.#group.setPaused(true);
  }

  /**
   * Starts tasks again after `pause`, or in a group that was made paused. Never waits.
   *
   * @example A group that is filled before it starts
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 2, paused: true });
   * const result = group.go(() => "done");
   * assert.equal(group.size, 1);
   * group.resume();
   * assert.equal(await result, "done");
   * ```
   */
  resume(): void {
    this.#group.setPaused(false);
  }

  /**
   * Snapshots of `stats`: the first at once, then one whenever something has
   * changed, at most one in `interval`; at last the one in which the closed
   * group has nothing left. Costs nothing until it is iterated.
   *
   * @param options The least milliseconds between two of them; 1000 by default.
   * @returns The snapshots. It inherits from `%AsyncIteratorPrototype%`, and may be
   *   broken off at any time.
   * @throws {RangeError} If `interval` is a negative number or NaN.
   * @throws {TypeError} If `interval` is not a number, or `options` no object.
   *
   * @example The first and the last snapshot
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * group.add(() => Promise.resolve());
   * group.close();
   * const fulfilled: number[] = [];
   * for await (const stats of group.progress({ interval: 60_000 })) {
   *   fulfilled.push(stats.fulfilled);
   * }
   * assert.deepEqual(fulfilled, [0, 1]);
   * ```
   */
  progress(
    options?: ProgressOptions,
  ): AsyncIterableIterator<CoGroupStats> & AsyncDisposable {
    return new Progress(this.#group, options);
  }

  /**
   * How many workers there are: a positive integer or Infinity. Set higher, more tasks
   * start at once; set lower, none starts until fewer are in flight. Setting it throws
   * what the constructor does, and changes nothing then.
   *
   * @returns How many workers there are.
   *
   * @example More workers, now
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * group.add(() => void (group.concurrency = 4));
   * await group.idle();
   * assert.equal(group.concurrency, 4);
   * assert.throws(() => group.concurrency = 0, RangeError);
   * ```
   */
  get concurrency(): number {
    return this.#group.state.limit;
  }

  set concurrency(concurrency: number) {
    this.#group.resize(
      count("set concurrency", "concurrency", concurrency, 1),
    );
  }

  /** How many tasks the queue holds before `insert` waits. */
  get capacity(): number {
    return this.#group.backlog.capacity;
  }

  /** How many tasks are queued. */
  get size(): number {
    return this.#group.size;
  }

  /** How many tasks have started and not ended. */
  get inFlight(): number {
    return this.#group.state.inFlight;
  }

  /** Whether the intake has ended, by `close`, `wait` or an abort. */
  get closed(): boolean {
    return this.#group.state.isClosed;
  }

  /** Whether it is paused. */
  get paused(): boolean {
    return this.#group.state.paused;
  }

  /**
   * Speaks when the group is aborted: by `abort`, by the signal of its options, or
   * because its queue or governor throws. After a `reset` it is another one.
   */
  get signal(): AbortSignal {
    return this.#group.signal;
  }

  /**
   * Aborted when the intake has ended: by `close`, `wait` or `shutdown` (then its reason
   * is a {@linkcode CoGroupClosedError}), or by an abort (then it is that reason). For
   * what brings tasks in, and has to stop. After a `reset` it is another one.
   *
   * @example A timer that brings tasks in until the group is closed
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup(1);
   * const timer = setInterval(() => group.add(() => {}), 1000);
   * group.closing.addEventListener("abort", () => clearInterval(timer));
   * await group.wait();
   * assert.equal(group.closing.aborted, true);
   * ```
   */
  get closing(): AbortSignal {
    return this.#group.closing;
  }

  /**
   * How many tasks there are in each state, now: a snapshot. See {@linkcode CoGroupStats}.
   *
   * @returns The counts.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * const group = new CoGroup({ concurrency: 1, onError: () => {} });
   * for (const task of [() => 1, () => Promise.reject("no")]) group.add(task);
   * assert.equal(group.stats.queued, 2);
   * await group.wait();
   * const { accepted, fulfilled, rejected } = group.stats;
   * assert.deepEqual([accepted, fulfilled, rejected], [2, 1, 1]);
   * ```
   */
  get stats(): CoGroupStats {
    return this.#group.stats;
  }

  /**
   * Waits as `wait` does: what is queued runs to its end, also if the block threw.
   *
   * @returns A promise that resolves when all is done.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * let sum = 0;
   * {
   *   await using group = new CoGroup(2);
   *   for (const n of [1, 2, 3]) group.add(() => void (sum += n));
   * } // Here it waits.
   * assert.equal(sum, 6);
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#group.wait();
  }
}
