/**
 * The options of a group, and their checks.
 *
 * @module
 */

import type { Item } from "./attempt.ts";
import {
  abortSignal,
  callable,
  count,
  flag,
  milliseconds,
  options as checked,
} from "./check.ts";
import { queueFrom } from "./checked_queue.ts";
import { wrongType } from "./errors.ts";
import { Fifo } from "./fifo_queue.ts";
import type { Governor } from "./governor.ts";
import type { Queue } from "./queue.ts";
import { type RetryOptions, RetryPolicy } from "./retry.ts";
import type { ErrorHandler } from "./runner.ts";
import type {
  QueuedTask,
  TaskFailure,
  TaskOptions,
  WorkerFunction,
} from "./task.ts";

/** Options of a {@linkcode CoGroup}. */
export interface CoGroupOptions {
  /** How many workers: a positive integer or Infinity. Settable later. */
  concurrency: number;
  /**
   * How many tasks are queued before `insert` waits: a non-negative integer or
   * Infinity. With 0 it waits for an idle worker.
   *
   * @default {Infinity}
   */
  capacity?: number;
  /**
   * Which task is next, how many are queued before `insert` waits, and what
   * happens then; in place of `capacity`. It is the group's from then on. One
   * of your own that is found to be wrong aborts the group with that error.
   *
   * @default {fifoQueue()}
   */
  queue?: Queue<QueuedTask>;
  /**
   * When, and how many, beyond this group's own workers; it may serve other
   * groups, too. A permit is held for every attempt of every task. One that
   * throws aborts the group with that error.
   */
  governor?: Governor;
  /**
   * The upstream signal. Its abort is the group's: nothing more starts, what
   * is queued is abandoned, what runs finishes.
   */
  signal?: AbortSignal;
  /**
   * When running tasks see the group's abort in their `ctx.signal`: `false`
   * never, `true` at once, a number that many milliseconds later.
   *
   * @default {false}
   */
  sink?: boolean | number;
  /**
   * Goes around every attempt of every task.
   *
   * @default {(task, ctx) => task(ctx)}
   */
  worker?: WorkerFunction;
  /** Has failed tasks tried again. Not set: a failure is final. */
  retry?: RetryOptions;
  /**
   * Milliseconds for each attempt of each task. Infinity is no limit.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * Hears, once each, of the errors that no promise and no stream carries.
   *
   * @default {(error) => console.error(error)}
   * @param error What the task failed with.
   * @param failure Which task it was, and where it ran.
   */
  onError?: (error: unknown, failure: TaskFailure) => void;
  /**
   * Milliseconds for which tasks that never really wait may keep the event
   * loop from turning. Infinity: never yield to it.
   *
   * @default {10}
   */
  slice?: number;
  /**
   * Whether it is made without starting; `resume` starts it.
   *
   * @default {false}
   */
  paused?: boolean;
}

/** Options of {@linkcode CoGroup.map} and {@linkcode CoGroup.mapSettled}. */
export interface MapOptions extends TaskOptions {
  /**
   * Whether results come in the order of the input; else as they are ready.
   *
   * @default {true}
   */
  ordered?: boolean;
  /**
   * How many items may be between source and reader beyond `concurrency`: a
   * non-negative integer or Infinity. It lets workers go on while the reader,
   * or in order the slowest item, holds results up.
   *
   * @default {0}
   */
  ahead?: number;
}

/** Options that were checked, with all defaults in place. */
export interface Settings {
  concurrency: number;
  queue: Queue<Item>;
  /** Whether the queue reads what is known of a task beside its function. */
  isRead: boolean;
  governor: Governor | undefined;
  signal: AbortSignal | undefined;
  sink: boolean | number;
  worker: WorkerFunction | undefined;
  retry: RetryPolicy | undefined;
  timeout: number;
  onError: ErrorHandler | undefined;
  slice: number;
  paused: boolean;
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
  const { signal, sink, worker, retry, timeout, onError } = given;
  return {
    concurrency: count(DOING, "concurrency", given.concurrency, 1),
    isRead: given.queue !== undefined && !(given.queue instanceof Fifo),
    governor: checkedGovernor(given.governor),
    signal: abortSignal(DOING, signal),
    sink: typeof sink === "number"
      ? milliseconds(DOING, "sink", sink)
      : flag(DOING, "sink", sink ?? false),
    worker: worker && callable(DOING, "worker", worker),
    retry: checked(DOING, retry, "retry") && new RetryPolicy(DOING, retry!),
    timeout: milliseconds(DOING, "timeout", timeout ?? Infinity),
    onError: onError && callable(DOING, "onError", onError),
    slice: milliseconds(DOING, "slice", given.slice ?? 10),
    paused: flag(DOING, "paused", given.paused ?? false),
    // Last: a queue is taken only if all else is in order. Where it is read, a
    // group puts in nothing but entries.
    queue: queueFrom<unknown>(DOING, given, Infinity) as Queue<Item>,
  };
}

function checkedGovernor(governor: Governor | undefined): typeof governor {
  if (governor === undefined) return undefined;
  if (typeof governor !== "object" || governor === null) {
    throw wrongType(DOING, "governor", "a Governor", governor);
  }
  callable(DOING, "governor.tryAcquire", governor.tryAcquire);
  callable(DOING, "governor.acquire", governor.acquire);
  return governor;
}
