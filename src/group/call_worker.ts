/**
 * A worker for calls of `go`, one at a time, of which nothing but the end is to be known.
 * It starts a task and is called back at its end, by functions that are made once for all
 * the calls that it will work for: an async function would make a promise, a scope and two
 * functions for each (bench: b).
 *
 * @module
 */

import { afterwards } from "../base/promises.ts";
import type { Call } from "./call.ts";
import type { RunContext } from "./context.ts";
import type { Runner } from "./runner.ts";

/** Is told that a call has ended, whose worker is free. */
export type OnCallEnd = (
  worker: CallWorker,
  call: Call,
  ctx: RunContext,
  fate: "fulfilled" | "rejected",
) => void;

export class CallWorker {
  readonly #onEnd: OnCallEnd;
  #call: Call | undefined = undefined;
  #ctx: RunContext | undefined = undefined;

  constructor(onEnd: OnCallEnd) {
    this.#onEnd = onEnd;
  }

  /** Settles as the task does, in the microtask in which its end is told. */
  run(call: Call, ctx: RunContext, runner: Runner): Promise<unknown> {
    this.#call = call;
    this.#ctx = ctx;
    try {
      const result = runner.invoke(call.task, ctx);
      return afterwards(result, this.#fulfilled, this.#failed);
    } catch (error) {
      this.#end("rejected");
      return Promise.reject(error);
    }
  }

  readonly #fulfilled = (value: unknown): unknown => {
    this.#end("fulfilled");
    return value;
  };

  readonly #failed = (error: unknown): never => {
    this.#end("rejected");
    throw error;
  };

  #end(fate: "fulfilled" | "rejected"): void {
    const call = this.#call!;
    const ctx = this.#ctx!;
    this.#call = this.#ctx = undefined;
    this.#onEnd(this, call, ctx, fate);
  }
}
