/**
 * How a task runs, and where its failure goes: the user's `worker` and `onError`.
 * Nothing that `onError` throws gets out of here.
 *
 * @module
 */

import { print } from "../base/errors.ts";
import { tell } from "../base/promises.ts";
import type {
  QueuedTask,
  Task,
  TaskContext,
  TaskFailure,
  WorkerFunction,
} from "../task.ts";

/** Gets every error that no promise and no stream carries. */
export type ErrorHandler = (error: unknown, failure: TaskFailure) => void;

/** Where a task ran, as a {@linkcode TaskFailure} tells it. */
export type Place = Pick<TaskFailure, "workerId" | "attempt">;

/** Where a source fails: in no worker, and in no attempt of a task. */
export const NOWHERE: Place = { workerId: -1, attempt: 0 };

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

  /** Whether there is a worker function, which may give a context to any task. */
  get isWrapped(): boolean {
    return this.#worker !== undefined;
  }

  /** Calls the task, through the worker function if there is one. */
  invoke(task: Task, ctx: TaskContext): unknown {
    const worker = this.#worker;
    return worker === undefined ? task(ctx) : worker(task, ctx);
  }

  /** Calls `onError`, once. What that throws, or rejects with, is printed. */
  report(
    error: unknown,
    { task, options }: QueuedTask,
    { workerId, attempt }: Place,
  ): void {
    const onError = this.#onError;
    const failure = { task, options, workerId, attempt };
    tell(() => onError(error, failure), print);
  }
}
