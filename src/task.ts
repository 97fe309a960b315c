/**
 * What a task is, and what is known of it.
 *
 * @module
 */

import type { RetryOptions } from "./retry.ts";

/**
 * A piece of work. A throw and a rejection are the same: it failed.
 *
 * @typeParam T What it returns, or what its promise resolves with.
 * @param ctx What it may want to know of its run.
 * @returns A value, or a promise of one.
 */
export type Task<T = unknown> = (ctx: TaskContext) => T | PromiseLike<T>;

/** What a task may want to know of its run. */
export interface TaskContext {
  /**
   * Speaks when the task should end early: because of its `timeout`, of its
   * own `signal`, or of the group's abort as far as `sink` lets it through.
   * Costs nothing until it is read.
   */
  readonly signal: AbortSignal;
  /** Which worker runs it: from 0 to `concurrency - 1`, never two tasks in flight with one id. */
  readonly workerId: number;
  /** 1 on the first run, 2 on the first retry. */
  readonly attempt: number;
}

/** What one task has of its own. */
export interface TaskOptions {
  /**
   * Takes the task back. Aborted while the task is queued or delayed: it is
   * withdrawn (abandoned) at once. Aborted while it runs: `ctx.signal` speaks.
   */
  signal?: AbortSignal;
  /**
   * Milliseconds for an attempt; in place of the group's. When they are over
   * `ctx.signal` speaks and the caller gets a TimeoutError; the worker stays
   * busy until the task has really ended.
   */
  timeout?: number;
  /** How to retry it; in place of the group's. */
  retry?: RetryOptions;
  /**
   * Which of two queued tasks is next: the one with the higher number. Read by
   * a {@linkcode priorityQueue} alone.
   *
   * @default {0}
   */
  priority?: number;
  /**
   * What it shares with the tasks that it has to take turns with: anything, the
   * same to a `Map` if it is the same. Read by a {@linkcode keyedQueue} alone;
   * without one, or with `undefined`, it takes turns with none.
   */
  key?: unknown;
}

/** A task and its options, as `drain` returns and `insertAll` takes it. */
export interface QueuedTask {
  /** The task. */
  readonly task: Task;
  /** Its options, if it came with some. */
  readonly options?: TaskOptions | undefined;
}

/**
 * Goes around every attempt of every task: to measure, to log, to run the task
 * somewhere else.
 *
 * @typeParam T What the task returns.
 * @param task The task. Whether, and how often, it is called is up to you.
 * @param ctx Its context.
 * @returns What counts as the task's result.
 */
export type WorkerFunction = <T>(
  task: Task<T>,
  ctx: TaskContext,
) => T | PromiseLike<T>;

/** Which task failed, and where. */
export interface TaskFailure extends QueuedTask {
  /** The worker that ran it. */
  readonly workerId: number;
  /** Which attempt it was, from 1. */
  readonly attempt: number;
}
