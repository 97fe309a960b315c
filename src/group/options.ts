/**
 * The options of a group, and their checks.
 *
 * @module
 */

import type { Item } from "./entry.ts";
import {
  abortSignal,
  callable,
  count,
  flag,
  milliseconds,
  options as checked,
} from "../base/check.ts";
import { takeQueue } from "../queues/take_queue.ts";
import { wrongType } from "../base/errors.ts";
import { Fifo } from "../queues/fifo_queue.ts";
import type { Governor } from "../governor.ts";
import { checkedGovernor } from "../governors/permits.ts";
import type { OwnQueue, Queue } from "../queues/queue.ts";
import { type RetryOptions, RetryPolicy } from "../base/retry.ts";
import type { Observer } from "./observer.ts";
import type { ErrorHandler } from "./runner.ts";
import type {
  QueuedTask,
  TaskFailure,
  TaskOptions,
  WorkerFunction,
} from "../task.ts";

/**
 * Options of a {@linkcode CoGroup}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type CoGroupOptions } from "@cogroup/cogroup";
 *
 * const failed: unknown[] = [];
 * const options: CoGroupOptions = {
 *   concurrency: 4,
 *   timeout: 10_000,
 *   retry: { maxAttempts: 2, minTimeout: 0 },
 *   onError: (error, { attempt }) => failed.push(`${error}, attempt ${attempt}`),
 * };
 * const group = new CoGroup(options);
 * group.add(() => Promise.reject("busy"));
 * await group.wait();
 * assert.deepEqual(failed, ["busy, attempt 2"]);
 * ```
 */
export interface CoGroupOptions {
  /** How many workers: a positive integer or Infinity. Settable later. */
  concurrency: number;
  /**
   * How many tasks are queued before `insert` waits: a non-negative integer or
   * Infinity. With 0 it waits for an idle worker.
   *
   * @default {Infinity}
   */
  capacity?: number | undefined;
  /**
   * Which task is next, how many are queued before `insert` waits, and what
   * happens then; in place of `capacity`. From then on it belongs to the group. A queue
   * of your own is trusted: see {@linkcode Queue}.
   *
   * @default {fifoQueue()}
   */
  queue?: Queue<QueuedTask> | undefined;
  /**
   * When, and how many, beyond this group's own workers; it may serve other
   * groups, too. A permit is held for every attempt of every task, until that has
   * really ended. A governor that throws, or gives what is no permit, aborts the group
   * with that error.
   */
  governor?: Governor | undefined;
  /**
   * The upstream signal. Its abort aborts the group: nothing more starts, what
   * is queued is abandoned, what runs finishes.
   *
   * It may come from another realm, or be a polyfill: an EventTarget with `aborted` will
   * do, and without a `reason` that is an AbortError. It is trusted: it must not
   * throw when a listener is put on or taken off, call a listener inside of
   * `addEventListener`, or take its abort back. The same goes for the signals of tasks
   * and of waits.
   */
  signal?: AbortSignal | undefined;
  /**
   * How many milliseconds after the group's abort its running tasks go on
   * undisturbed; then `ctx.signal` speaks. With 0 it speaks at once, with Infinity
   * never.
   *
   * @default {Infinity}
   */
  grace?: number | undefined;
  /**
   * Goes around every attempt of every task.
   *
   * @default {(task, ctx) => task(ctx)}
   */
  worker?: WorkerFunction | undefined;
  /** How failed tasks are tried again. Without it a failure is final. */
  retry?: RetryOptions | undefined;
  /**
   * Milliseconds for each attempt of each task. Infinity is no limit.
   *
   * @default {Infinity}
   */
  timeout?: number | undefined;
  /**
   * Gets, once each, the errors that no promise and no stream carries: of tasks, and
   * of the sources of `map` and `insertAll` (what a source, or its clean-up, throws
   * when no reader or caller gets it any more). What it throws itself, or rejects with,
   * is printed.
   *
   * @default {(error) => console.error(error)}
   * @param error What the task, or the source, failed with.
   * @param failure Which task it was, and where it ran; for a source see
   *   {@linkcode TaskFailure}.
   */
  onError?: ((error: unknown, failure: TaskFailure) => void) | undefined;
  /**
   * Hears of every step of every task, and of the group. Without one nothing is paid for
   * that. See {@linkcode Observer}.
   */
  observer?: Observer | undefined;
  /**
   * Milliseconds for which tasks that never really wait may keep the event
   * loop from turning. With Infinity the group never yields to it.
   *
   * @default {10}
   */
  slice?: number | undefined;
  /**
   * Whether it is made without starting; `resume` starts it.
   *
   * @default {false}
   */
  paused?: boolean | undefined;
  /**
   * Whether the group finds tasks that wait for themselves, the commonest way in which a
   * group stands still: a task that awaits `wait`, `idle`, `reset` or `shutdown` of its own
   * group; and tasks that await `go`, `insert`, `insertAll` or the next value of a
   * `map` while each worker has such a task. Such an await rejects, in the same turn of
   * the event loop, with an InvalidStateError which names the tasks; what is waited for,
   * if it has not started, is abandoned. Where only `Promise.all` or `allSettled` has
   * asked, it rejects when nothing has happened for a second; of the waits for the
   * group's end these are not found. The cure is `ctx.lend`.
   *
   * For development: it makes each task 5 to 20 times as dear, on Deno most. It takes what is awaited in
   * a task, or in a function that the task has called, for what the task waits for; so
   * don't await such calls in the background of a task. It leaves alone calls with a
   * `signal` of their own, and what `Promise.race` or `any` is given; and it does not know
   * of keys and permits, which a lent task keeps. It does nothing where there is no
   * `AsyncLocalStorage` (browsers).
   *
   * @default {false}
   */
  diagnose?: boolean | undefined;
}

/**
 * Options of {@linkcode CoGroup.prototype.map} and
 * {@linkcode CoGroup.prototype.mapSettled}: of the stream, and of the task of each item.
 *
 * @example As they are ready
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type MapOptions } from "@cogroup/cogroup";
 *
 * const options: MapOptions = { ordered: false, ahead: 8, timeout: 10_000 };
 * await using group = new CoGroup(2);
 * const wait = (ms: number) =>
 *   new Promise<number>((resolve) => setTimeout(resolve, ms, ms));
 * const ready: number[] = [];
 * for await (const ms of group.map([50, 1], wait, options)) ready.push(ms);
 * assert.deepEqual(ready, [1, 50]);
 * ```
 */
export interface MapOptions<T = unknown> extends Omit<TaskOptions, "id"> {
  /**
   * Whether results come in the order of the input; else as they are ready.
   *
   * @default {true}
   */
  ordered?: boolean | undefined;
  /**
   * How many items may be between source and reader beyond `concurrency`: a
   * non-negative integer or Infinity. It lets workers go on while results wait for
   * the reader, or, in order, for the slowest item. An item that the reader has got
   * does not count any more: a worker takes the next one meanwhile.
   *
   * @default {0}
   */
  ahead?: number | undefined;
  /**
   * Gives the options of one item, over those that stand beside it: what it does not say,
   * or says with `undefined`, is as for all items. Called once for each item, when it
   * is pulled. If it throws, or is an async function, the item has failed.
   *
   * @param item The item.
   * @param index Which one it is, from 0.
   * @returns Its options; undefined for none of its own.
   */
  each?: ((item: T, index: number) => TaskOptions | undefined) | undefined;
}

/** Options that were checked, with all defaults in place. */
export interface Settings {
  concurrency: number;
  queue: OwnQueue<Item>;
  /** Whether the queue may read the options of its tasks. Then it is given entries only. */
  isRead: boolean;
  governor: Governor | undefined;
  signal: AbortSignal | undefined;
  grace: number;
  worker: WorkerFunction | undefined;
  retry: RetryPolicy | undefined;
  timeout: number;
  onError: ErrorHandler | undefined;
  observer: Observer | undefined;
  slice: number;
  paused: boolean;
  diagnose: boolean;
}

const DOING = "create CoGroup";

/** Checks the options. Throws at the first that is not what it should be. */
export function settle(options: CoGroupOptions | number): Settings {
  const given: CoGroupOptions = typeof options === "number"
    ? { concurrency: options }
    : options;
  if (typeof given !== "object" || given === null) {
    throw wrongType(DOING, "concurrency", "a number or options", given);
  }
  const { signal, grace, worker, retry, timeout, onError } = given;
  return {
    concurrency: count(DOING, "concurrency", given.concurrency, 1),
    isRead: given.queue !== undefined && !(given.queue instanceof Fifo),
    governor: given.governor === undefined
      ? undefined
      : checkedGovernor(DOING, given.governor),
    signal: abortSignal(DOING, signal),
    grace: milliseconds(DOING, "grace", grace ?? Infinity),
    worker: worker && callable(DOING, "worker", worker),
    retry: checked(DOING, retry, "retry") && RetryPolicy.of(DOING, retry!),
    timeout: milliseconds(DOING, "timeout", timeout ?? Infinity),
    onError: onError && callable(DOING, "onError", onError),
    observer: checkedObserver(given.observer),
    slice: milliseconds(DOING, "slice", given.slice ?? 10),
    paused: flag(DOING, "paused", given.paused ?? false),
    diagnose: flag(DOING, "diagnose", given.diagnose ?? false),
    // Last: a queue is taken only if all else is in order. The cast: a queue that reads
    // its tasks is given entries, which are QueuedTasks; a Fifo reads nothing.
    queue: takeQueue<unknown>(DOING, given, Infinity) as OwnQueue<Item>,
  };
}

function checkedObserver(observer: Observer | undefined): Observer | undefined {
  const given = checked(DOING, observer, "observer");
  if (given !== undefined) callable(DOING, "observer.onStep", given.onStep);
  return given;
}

/**
 * The options of a task where some of its own are over those of others: what they do not
 * say, or say with undefined, is as in the others. Getters and inherited ones count.
 */
export function optionsOver(
  others: TaskOptions | undefined,
  own: TaskOptions,
): TaskOptions {
  return {
    signal: own.signal ?? others?.signal,
    timeout: own.timeout ?? others?.timeout,
    retry: own.retry ?? others?.retry,
    id: own.id ?? others?.id,
    priority: own.priority ?? others?.priority,
    key: own.key === undefined ? others?.key : own.key,
    weight: own.weight ?? others?.weight,
  };
}
