/**
 * What a running task sees, and what of the group's abort reaches it.
 *
 * Invariants:
 * 1. There is a controller only if the task has looked at `ctx.signal`.
 * 2. A sink knows of a context only while its task is in flight and has looked.
 * 3. A sink has a timer only between the abort and the last task's end.
 *
 * @module
 */

import { LONGEST } from "./delays.ts";
import { type Maybe, NONE } from "./maybe.ts";
import type { TaskContext } from "./task.ts";

/** The context of one run, or of runs that can't tell each other apart. */
export class RunContext implements TaskContext {
  readonly workerId: number;
  /** None when the task has ended. */
  #sink: Sink | undefined;
  #controller: AbortController | undefined = undefined;

  constructor(workerId: number, sink: Sink) {
    this.workerId = workerId;
    this.#sink = sink;
  }

  get attempt(): number {
    return 1;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.join(this.#sink);
    }
    return this.#controller.signal;
  }

  /** Whether the task has looked at its signal, which is then its own. */
  get looked(): boolean {
    return this.#controller !== undefined;
  }

  /** Lets the signal speak to who has looked. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  /** The task has ended: the group's abort is not its business any more. */
  end(): void {
    if (this.#controller !== undefined) this.#sink?.leave(this);
    this.#sink = undefined;
  }

  /** Somebody has looked; there is no sink any more if the task has ended. */
  protected join(sink: Sink | undefined): void {
    sink?.join(this);
  }
}

/** What lets the group's abort through to running tasks: never, at once, or later. */
export class Sink {
  readonly #mode: boolean | number;
  readonly #contexts = new Set<RunContext>();
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #reason: Maybe<unknown> = NONE;

  constructor(mode: boolean | number) {
    this.#mode = mode;
  }

  join(context: RunContext): void {
    if (this.#mode === false) return;
    if (this.#reason === NONE) this.#contexts.add(context);
    else context.abort(this.#reason);
  }

  leave(context: RunContext): void {
    this.#contexts.delete(context);
  }

  /** The group was aborted. */
  abort(reason: unknown): void {
    if (this.#mode === true) this.#speak(reason);
    else if (this.#mode !== false && this.#mode <= LONGEST) {
      this.#timer = setTimeout(() => this.#speak(reason), this.#mode);
    }
  }

  /** Nothing is in flight any more. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The group opens again. */
  reset(): void {
    this.rest();
    this.#reason = NONE;
  }

  #speak(reason: unknown): void {
    this.#reason = reason;
    // A copy: who hears of it may end at once, and leave.
    for (const context of [...this.#contexts]) context.abort(reason);
    this.#contexts.clear();
  }
}
