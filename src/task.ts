/**
 * What a task is, and what is known of it: the words that all rooms share.
 *
 * @module
 */

import type { RetryOptions } from "./base/retry.ts";

/**
 * A piece of work. A throw and a rejection are the same: it failed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type Task } from "@cogroup/cogroup";
 *
 * const task: Task<string> = ({ attempt }) => `attempt ${attempt}`;
 * await using group = new CoGroup(1);
 * assert.equal(await group.go(task), "attempt 1");
 * ```
 *
 * @typeParam T The type of what it returns, or of what its promise resolves with.
 * @param ctx What it may want to know of its run.
 * @returns A value, or a promise of one.
 */
export type Task<T = unknown> = (ctx: TaskContext) => T | PromiseLike<T>;

/**
 * What a task may want to know of its run.
 *
 * After its end a task knows it still, but it moves nothing: a `lend` lends nothing. Only
 * a function that hides that it takes the context, by `(...args)`, `(ctx = other)` or
 * `arguments`, shares it with those that its worker runs next, and must not use it then.
 *
 * @example A task that can be ended early
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type TaskContext } from "@cogroup/cogroup";
 *
 * function work({ signal }: TaskContext) {
 *   return new Promise((_, reject) => {
 *     signal.addEventListener("abort", () => reject(signal.reason));
 *   });
 * }
 * await using group = new CoGroup(1);
 * await assert.rejects(group.go(work, { timeout: 1 }), { name: "TimeoutError" });
 * ```
 */
export interface TaskContext {
  /**
   * Speaks when the task should end early: because of its `timeout`, of its
   * own `signal`, or of the group's abort, when its `grace` is over.
   * Costs nothing until it is read.
   */
  readonly signal: AbortSignal;
  /** Which worker runs it: from 0 to `concurrency - 1`. Two tasks in flight never have one id. */
  readonly workerId: number;
  /** 1 on the first run, 2 on the first retry. Of a message of `consume` each delivery counts. */
  readonly attempt: number;
  /**
   * Lends the worker to others while the task waits for something else: above all for
   * tasks of its own group, which might find no worker otherwise. When the wait is over
   * the task goes on with the first worker that is free, before everything that has not
   * started; `workerId` then says which worker that is. Meanwhile the task counts as
   * lent, and keeps its permit and its key. Its time goes on.
   *
   * A task that lends for several waits at once goes on when the last of them is over.
   * When the task has ended there is nothing to lend: then it just waits. For that, the
   * function of the task has to declare its parameter: `(...args)`, or one with a
   * default, may share its context with the next task.
   *
   * @typeParam T The type of what it waits for.
   * @param wait Called at once, when the worker is lent.
   * @returns What `wait` gives, when the task may go on. Rejects with a TypeError, and
   *   lends nothing, if `wait` is not a function.
   *
   * @example Tasks that wait for tasks, on one worker
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   *
   * await using group = new CoGroup(1);
   * const count = (depth: number): Promise<number> =>
   *   group.go(async (ctx) =>
   *     depth === 0 ? 1 : 1 + await ctx.lend(() => count(depth - 1))
   *   );
   * assert.equal(await count(50), 51);
   * ```
   */
  lend<T>(wait: () => T | PromiseLike<T>): Promise<T>;
}

/**
 * What the function of {@linkcode CoGroup.prototype.map} and
 * {@linkcode CoGroup.prototype.mapSettled} is told beside its item.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 *
 * await using group = new CoGroup(2);
 * const lines: string[] = [];
 * for await (const line of group.map(["a", "b"], (item, { index }) => `${index}${item}`)) {
 *   lines.push(line);
 * }
 * assert.deepEqual(lines, ["0a", "1b"]);
 * ```
 */
export interface ItemContext extends TaskContext {
  /** Which item it is, of those that the source gave, from 0. */
  readonly index: number;
}

/**
 * What became of one item of {@linkcode CoGroup.prototype.mapSettled}.
 *
 * @typeParam T The type of the items.
 * @typeParam R The type of the results.
 *
 * @example Which ones failed
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type SettledItem } from "@cogroup/cogroup";
 *
 * await using group = new CoGroup(2);
 * const parse = (text: string): unknown => JSON.parse(text);
 * const failed: SettledItem<string, unknown>[] = [];
 * for await (const one of group.mapSettled(["1", "{", "2"], parse)) {
 *   if (one.status === "rejected") failed.push(one);
 * }
 * assert.deepEqual(failed.map(({ item, index }) => [item, index]), [["{", 1]]);
 * ```
 */
export type SettledItem<T, R> = PromiseSettledResult<R> & {
  /** What the source gave; undefined if that was a promise that rejected. */
  readonly item: T;
  /** Which item it is, of those that the source gave, from 0. */
  readonly index: number;
};

/**
 * Options of one task.
 *
 * @example A task that can be taken back
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type TaskOptions } from "@cogroup/cogroup";
 *
 * const group = new CoGroup({ concurrency: 1, paused: true });
 * const controller = new AbortController();
 * const options: TaskOptions = { signal: controller.signal, timeout: 5_000 };
 * group.add(() => assert.fail("never starts"), options);
 * controller.abort();
 * assert.equal(group.size, 0);
 * assert.equal(await group.wait(), 1); // Abandoned.
 * ```
 */
export interface TaskOptions {
  /**
   * Takes the task back. Aborted while the task is queued or delayed: the task is
   * withdrawn (abandoned) at once. Aborted while it runs: `ctx.signal` speaks, and a
   * call of `go` rejects at once. Aborted before the call: the task is not accepted. What
   * a signal must not do is said at {@linkcode CoGroupOptions.signal}.
   */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds for an attempt, from its start; in place of the group's. Infinity is
   * no limit. When they are over `ctx.signal` speaks, and the caller gets a
   * TimeoutError, unless another attempt is to come; the worker stays busy until the
   * task has really ended.
   */
  timeout?: number | undefined;
  /** How to retry it; in place of the group's. `{ maxAttempts: 1 }` is not at all. */
  retry?: RetryOptions | undefined;
  /**
   * What you know the task by, of any type. It is in what `onError` is told of a failure,
   * and in the message of a TimeoutError. Two tasks may have the same.
   */
  id?: unknown;
  /**
   * Which of two queued tasks is next: the one with the higher number. Read by
   * a {@linkcode priorityQueue} alone.
   *
   * @default {0}
   */
  priority?: number | undefined;
  /**
   * Tasks with the same key take turns. Any value can be a key; two are the same if they
   * are to a `Map`. Read by a {@linkcode keyedQueue} alone; a task without a key, or with
   * `undefined`, takes turns with no other.
   */
  key?: unknown;
  /**
   * How much of the governor's limit an attempt takes: megabytes, tokens, points. A
   * positive, finite number; above the limit of the group's own governor it is a
   * RangeError. Read by governors alone.
   *
   * @default {1}
   */
  weight?: number | undefined;
}

/**
 * A task and its options, as `clear` returns and `insertAll` takes it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type QueuedTask } from "@cogroup/cogroup";
 *
 * const tasks: QueuedTask[] = [
 *   { task: () => "now" },
 *   { task: () => "soon", options: { timeout: 1_000 } },
 * ];
 * await using group = new CoGroup(1);
 * assert.equal(await group.insertAll(tasks), 2);
 * ```
 */
export interface QueuedTask {
  /** The task. */
  readonly task: Task;
  /** Its options, if it came with some. */
  readonly options?: TaskOptions | undefined;
}

/**
 * Goes around every attempt of every task: to measure, to log, to run the task
 * somewhere else. What it throws, or rejects with, the task has failed with.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type WorkerFunction } from "@cogroup/cogroup";
 *
 * const log: string[] = [];
 * const worker: WorkerFunction = async (task, ctx) => {
 *   try {
 *     return await task(ctx);
 *   } finally {
 *     log.push(`worker ${ctx.workerId}, attempt ${ctx.attempt}`);
 *   }
 * };
 * const group = new CoGroup({ concurrency: 1, worker });
 * group.add(() => Promise.resolve());
 * await group.wait();
 * assert.deepEqual(log, ["worker 0, attempt 1"]);
 * ```
 *
 * @typeParam T The type of the task's result.
 * @param task The task. Whether, and how often, it is called is up to you.
 * @param ctx Its context.
 * @returns What counts as the task's result.
 */
export type WorkerFunction = <T>(
  task: Task<T>,
  ctx: TaskContext,
) => T | PromiseLike<T>;

/**
 * Which task failed, and where.
 *
 * The error may also be one of a source, of a `map` or an `insertAll`, which no
 * stream and no promise carries. Then no worker and no attempt had to do with it:
 * `workerId` is -1 and `attempt` is 0. The `task` stands for the source: it does
 * nothing, and returns the iterable that was given. The `options` are those of
 * the `map`; with `insertAll` there are none.
 *
 * @example Tell an error of a source from one of a task
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type TaskContext } from "@cogroup/cogroup";
 *
 * const failed: unknown[] = [];
 * await using group = new CoGroup({
 *   concurrency: 1,
 *   onError: (_error, { attempt, task }) =>
 *     failed.push(attempt === 0 ? task({} as TaskContext) : "a task"),
 * });
 * const source = [1, Promise.reject(new Error("never pulled"))];
 * for await (const _ of group.map(source, (item) => item)) break;
 * await Promise.resolve();
 * assert.deepEqual(failed, [source]);
 * ```
 */
export interface TaskFailure extends QueuedTask {
  /**
   * The worker that ran it; -1 for an error of a source, of a task that has ended while
   * its worker was lent, and where a queue of your own has not taken the task back for
   * its next attempt.
   */
  readonly workerId: number;
  /** Which attempt it was, from 1; 0 for an error of a source. */
  readonly attempt: number;
}
