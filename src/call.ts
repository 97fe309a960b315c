/**
 * Tasks that run in their caller's async context (law 13): an async function
 * that was called there waits until it is the task's turn, and starts it
 * itself. `go` makes a {@linkcode Call}; a stream makes calls of its own.
 *
 * Invariants:
 * 1. A call waits for a turn before anybody can summon it, and again before
 *    anybody can do so for the second time.
 * 2. `promise` settles: with the task's result, or for good reason (law 6).
 *
 * @module
 */

import type { RunContext } from "./context.ts";
import { Entry, type Traits } from "./entry.ts";
import { Places } from "./places.ts";
import { keep, lastResolve, type Settle } from "./settlers.ts";
import type { Task } from "./task.ts";

/** Who calls the calls. */
export interface Caller {
  /** What a plain call does when it is its turn; see {@linkcode starter}. */
  readonly start: (place: number) => Promise<unknown>;
  /** Starts the call, if that can be done now. Its worker id; -1 if not. */
  claim(call: Called): number;
  /** A context for a call that is plain. */
  context(workerId: number): RunContext;
  /** Runs the task through the group's worker function. */
  invoke(task: Task, context: RunContext): unknown;
  /** Writes down that a plain call has ended. */
  settle(call: Called, isFulfilled: boolean): void;
  /** Runs the call as an entry, and returns when it has really ended. */
  attempt(call: Called, workerId: number): Promise<void>;
  /** The worker can be used again. */
  release(workerId: number): void;
}

const ignore = () => {};

// The plain calls that were summoned. To resolve a turn with its call would have
// the engine look for a `then` in all of the call's prototypes, and the promise
// keep hold of the call: on Node a fifth of what `go` takes. WARNING: a list of
// them in the order of their turns would do, until anything comes between an
// entry there and its turn (a script that is terminated, a hook of Node's): from
// then on all calls of the process would be mistaken for one another.
const summoned = new Places<PlainCall>();

/** An entry that is called to its start. */
export abstract class Called extends Entry {
  override get isCalled(): boolean {
    return true;
  }

  override get hasCaller(): boolean {
    return true;
  }

  /** It is the call's turn: it will try to start in a later microtask. */
  abstract summon(): void;
}

/** A task whose result was promised. */
export abstract class Call extends Called {
  abstract readonly promise: Promise<unknown>;
  /** None once it was summoned. */
  declare protected takeTurn: Settle<number> | undefined;

  /** Resolves when it is the call's turn, with its place among the summoned. */
  turn(): Promise<number> {
    const turn = new Promise<number>(keep);
    this.takeTurn = lastResolve();
    return turn;
  }

  override summon(): void {
    const takeTurn = this.takeTurn;
    this.takeTurn = undefined;
    takeTurn?.(this.place());
  }

  /** Where it is to be found when its turn has come. */
  protected place(): number {
    return 0;
  }

  /** It was not accepted, for want of room. */
  refuse(): void {
    this.state = "gone";
    this.abandoned(
      new DOMException("Cannot go: the queue is full", "AbortError"),
    );
  }
}

/** A call that can only be told of its end: what its turn comes to is its result. */
export class PlainCall extends Call {
  declare readonly promise: Promise<unknown>;
  /** Why it is gone. */
  declare reason: unknown;

  constructor(task: Task, traits: Traits, caller: Caller) {
    super(task, traits);
    this.reason = undefined;
    // Not an async function that awaits its turn: waiting would take twice the
    // memory, and most of what `go` costs is the memory of those who wait.
    this.promise = this.turn().then(caller.start);
  }

  protected override place(): number {
    return summoned.put(this);
  }

  override abandoned(reason: unknown): void {
    this.promise.catch(ignore);
    this.reason = reason;
    this.summon();
  }
}

/** A call that may be tried more than once, or be settled before its end. */
export class TrackedCall extends Call {
  override readonly promise: Promise<unknown>;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;

  constructor(task: Task, traits: Traits, caller: Caller) {
    super(task, traits);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    carryAttempts(this, caller);
  }

  override fulfilled(value: unknown): void {
    this.#resolve(value);
  }

  override failed(error: unknown): boolean {
    this.#reject(error);
    return true;
  }

  override abandoned(reason: unknown): void {
    this.promise.catch(ignore);
    this.#reject(reason);
  }
}

/** What a plain call does when it is its turn: one function for all of a group. */
export function starter(caller: Caller): (place: number) => Promise<unknown> {
  return function start(place: number): Promise<unknown> {
    const call = summoned.take(place);
    const workerId = caller.claim(call);
    if (workerId >= 0) return run(call, workerId, caller);
    if (call.state === "gone") throw call.reason; // It is not in line any more.
    return call.turn().then(start);
  };
}

async function run(
  call: Call,
  workerId: number,
  caller: Caller,
): Promise<unknown> {
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
async function carryAttempts(call: Call, caller: Caller): Promise<void> {
  let turn = call.turn();
  while (call.state !== "gone") {
    await turn;
    turn = call.turn(); // The next one may come before the attempt's end is seen.
    const workerId = caller.claim(call);
    if (workerId < 0) continue;
    await caller.attempt(call, workerId);
    caller.release(workerId);
  }
}
