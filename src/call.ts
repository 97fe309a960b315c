/**
 * A task whose caller waits for its result. It runs in the caller's async
 * context (law 13): an async function that was called there waits until it is
 * the call's turn, and starts the task itself.
 *
 * Invariants:
 * 1. `slot` resolves when it is the call's turn, or when it is gone. A turn
 *    that could not be taken is armed again by whoever refused it.
 * 2. `promise` settles: with the task's result, or for good reason (law 6).
 *
 * @module
 */

import type { RunContext } from "./context.ts";
import { Entry, type EntryParts } from "./entry.ts";
import type { Task } from "./task.ts";

/** Who calls the calls. */
export interface Caller {
  /** Starts the call, if that can be done now. Its worker id; -1 if not. */
  claim(call: Call): number;
  /** A context for a call that has nothing of its own. */
  context(workerId: number): RunContext;
  /** Runs the task through the group's worker function. */
  invoke(task: Task, context: RunContext): unknown;
  /** A call that has nothing of its own has ended. */
  finish(call: Call, workerId: number, isFulfilled: boolean): void;
  /** Runs the call as an entry, and returns when it has really ended. */
  attempt(call: Call, workerId: number): Promise<void>;
  /** The worker can be used again. */
  release(workerId: number): void;
}

const ignore = () => {};

// One executor for all promises: a closure a call would cost as much as the promise.
let lastResolve: () => void;
const keepResolve = (resolve: () => void) => {
  lastResolve = resolve;
};

export class Call extends Entry {
  readonly promise: Promise<unknown>;
  slot!: Promise<void>;
  /** Why it is gone. */
  reason: unknown = undefined;
  #turn!: () => void;
  #resolve: ((value: unknown) => void) | undefined = undefined;
  #reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(parts: EntryParts, caller: Caller) {
    super(parts);
    this.arm();
    if (this.isPlain) this.promise = carry(this, caller);
    else {
      this.promise = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      carryAttempts(this, caller);
    }
  }

  /** Nothing can tell its caller anything before its end, and once is enough. */
  get isPlain(): boolean {
    return this.retry === undefined && this.timeout === Infinity &&
      this.options?.signal === undefined;
  }

  override get isCalled(): boolean {
    return true;
  }

  override get hasCaller(): boolean {
    return true;
  }

  arm(): void {
    this.slot = new Promise(keepResolve);
    this.#turn = lastResolve;
  }

  /** It is the call's turn: it will try to start in a later microtask. */
  summon(): void {
    this.#turn();
  }

  override fulfilled(value: unknown): void {
    this.#resolve!(value);
  }

  override failed(error: unknown): boolean {
    this.#reject!(error);
    return true;
  }

  override abandoned(reason: unknown): void {
    this.promise.catch(ignore);
    this.reason = reason;
    if (this.#reject !== undefined) this.#reject(reason);
    else this.#turn();
  }
}

async function carry(call: Call, caller: Caller): Promise<unknown> {
  let id = -1;
  while (id < 0) {
    await call.slot;
    if (call.state === "gone") throw call.reason;
    id = caller.claim(call);
  }
  const context = caller.context(id);
  let isFulfilled = false;
  try {
    const value = await caller.invoke(call.task, context);
    isFulfilled = true;
    return value;
  } finally {
    context.end();
    caller.finish(call, id, isFulfilled);
  }
}

async function carryAttempts(call: Call, caller: Caller): Promise<void> {
  while (call.state !== "gone") {
    await call.slot;
    const id = call.state === "queued" ? caller.claim(call) : -1;
    if (id < 0) continue;
    await caller.attempt(call, id);
    caller.release(id);
  }
}
