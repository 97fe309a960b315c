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
import { wrongType } from "./errors.ts";
import { fifoQueue, type Queue } from "./queue.ts";
import { type RetryOptions, RetryPolicy } from "./retry.ts";
import type { ErrorHandler } from "./runner.ts";
import type { TaskFailure, TaskOptions, WorkerFunction } from "./task.ts";

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
  const { capacity, signal, sink, worker, retry, timeout, onError } = given;
  return {
    concurrency: count(DOING, "concurrency", given.concurrency, 1),
    queue: fifoQueue(count(DOING, "capacity", capacity ?? Infinity, 0)),
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
  };
}
