/**
 * Tasks that run in their caller's async context (law 13): an async function
 * that was called there waits until it is the task's turn, and starts it
 * itself. `go` makes a {@linkcode Call}; a stream makes calls of its own.
 *
 * Invariants:
 * 1. `slot` resolves when it is the call's turn. A turn that could not be
 *    taken is armed again by whoever refused it.
 * 2. `promise` settles: with the task's result, or for good reason (law 6).
 *
 * @module
 */

import type { RunContext } from "./context.ts";
import { Entry, type Traits } from "./entry.ts";
import type { Task } from "./task.ts";

/** Who calls the calls. */
export interface Caller {
  /** Starts the call, if that can be done now. Its worker id; -1 if not. */
  claim(call: Called): number;
  /** A context for a call that has nothing of its own. */
  context(workerId: number): RunContext;
  /** Runs the task through the group's worker function. */
  invoke(task: Task, context: RunContext): unknown;
  /** Writes down that a call which has nothing of its own has ended. */
  settle(call: Called, isFulfilled: boolean): void;
  /** Runs the call as an entry, and returns when it has really ended. */
  attempt(call: Called, workerId: number): Promise<void>;
  /** The worker can be used again. */
  release(workerId: number): void;
}

const ignore = () => {};

// One executor for all slots: a closure for each would cost as much as they do.
let lastResolve: () => void;
const keepResolve = (resolve: () => void) => {
  lastResolve = resolve;
};

/** An entry that is called to its start. */
export abstract class Called extends Entry {
  override get isCalled(): boolean {
    return true;
  }

  override get hasCaller(): boolean {
    return true;
  }

  /** Makes it wait for a turn, again. */
  abstract arm(): void;

  /** It is the call's turn: it will try to start in a later microtask. */
  abstract summon(): void;
}

/** A task whose result was promised. */
export class Call extends Called {
  slot!: Promise<void>;
  #takeTurn!: () => void;
  readonly promise: Promise<unknown>;
  /** Why it is gone. */
  reason: unknown = undefined;
  #resolve: ((value: unknown) => void) | undefined = undefined;
  #reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(task: Task, traits: Traits, caller: Caller) {
    super(task, traits);
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

  override arm(): void {
    this.slot = new Promise(keepResolve);
    this.#takeTurn = lastResolve;
  }

  override summon(): void {
    this.#takeTurn();
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
    if (this.#reject === undefined) this.summon();
    else this.#reject(reason);
  }
}

/** Carries a call that can only be told of its end to it; its result is the call's. */
async function carry(call: Call, caller: Caller): Promise<unknown> {
  let workerId = -1;
  while (workerId < 0) {
    await call.slot;
    if (call.state === "gone") throw call.reason;
    workerId = caller.claim(call);
  }
  const context = caller.context(workerId);
  let isFulfilled = false;
  try {
    const value = await caller.invoke(call.task, context);
    isFulfilled = true;
    return value;
  } finally {
    context.end();
    caller.settle(call, isFulfilled);
    caller.release(workerId);
  }
}

/** Carries a call to its end, through as many attempts as it takes. Never rejects. */
async function carryAttempts(
  call: Call,
  caller: Caller,
): Promise<void> {
  while (call.state !== "gone") {
    await call.slot;
    const workerId = call.state === "queued" ? caller.claim(call) : -1;
    if (workerId < 0) continue;
    await caller.attempt(call, workerId);
    caller.release(workerId);
  }
}
