/**
 * How a task runs, and who hears of its failure: the two functions that the
 * user can put around every task. Nothing that `onError` does gets out of here.
 *
 * @module
 */

import { print } from "./print.ts";
import type {
  QueuedTask,
  Task,
  TaskContext,
  TaskFailure,
  WorkerFunction,
} from "./task.ts";

/** Hears of every error that no promise and no stream carries. */
export type ErrorHandler = (error: unknown, failure: TaskFailure) => void;

export class Runner {
  readonly #worker: WorkerFunction | undefined;
  readonly #onError: ErrorHandler;

  constructor(
    worker: WorkerFunction | undefined,
    onError: ErrorHandler = print,
  ) {
    this.#worker = worker;
    this.#onError = onError;
  }

  /** Calls the task, through the worker function if there is one. */
  invoke(task: Task, ctx: TaskContext): unknown {
    const worker = this.#worker;
    return worker === undefined ? task(ctx) : worker(task, ctx);
  }

  /** Tells `onError`, once. What it throws, or rejects with, is printed. */
  report(
    error: unknown,
    { task, options }: QueuedTask,
    ctx: TaskContext,
  ): void {
    const { workerId, attempt } = ctx;
    const onError = this.#onError as (...args: unknown[]) => unknown;
    try {
      const result = onError(error, { task, options, workerId, attempt });
      if (result !== undefined) Promise.resolve(result).catch(print);
    } catch (reason) {
      print(reason);
    }
  }
}
