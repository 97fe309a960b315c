/**
 * A task that a call of `go` has brought. It runs in the async context of that call
 * (law 13): a reaction that was registered there starts it.
 *
 * A call that is next when it comes is run by one async function: `workSoon`, in
 * workers.ts. Of any other `promise` is `turn().then(start)`, and `start` returns a
 * promise: of the task's end, or `result`. Nothing else is made for a call that is queued
 * (bench: b).
 *
 * Invariants:
 * 1. While a call can be woken it waits for one turn, and each turn is used once.
 * 2. `promise` always settles (law 6), and its direct reader has the result at most `HOPS`
 *    microtasks after the end of the task was counted, or the call abandoned. WARNING:
 *    each `await` more between the two is one more; the most has `wokenAgain`.
 * 3. What tells that a group is at rest waits for that: `resultsRead` (law 8).
 *
 * @module
 */

import {
  type Deferred,
  deferred,
  ignore,
  keep,
  lastReject,
  lastResolve,
  type Settle,
} from "../base/promises.ts";
import type { Task, TaskOptions } from "../task.ts";
import { Entry, type Host, type Item, type Traits } from "./entry.ts";
import { NO_ID } from "./ids.ts";

/** What starts the calls of a group. */
export interface Caller {
  /** Runs the first turn of the call: starts it, if it may start now. */
  readonly start: (call: Call) => Promise<unknown>;
  /** Runs a later turn of it. */
  readonly startAgain: (call: Call) => void;
}

export class Call extends Entry implements Host {
  /** Set by the call of `go`, before anything can be told of it. */
  declare promise: Promise<unknown>;
  /** Never there: its worker does not look for more. */
  declare isAwake: boolean;
  /** Ends its wait for a turn. None while it does not wait. */
  declare takeTurn: Settle<Call> | undefined;
  /** What its end settles, where that is not the end of the one attempt that it has. */
  declare result: Deferred<unknown> | undefined;

  constructor(task: Task, options: TaskOptions | undefined, traits: Traits) {
    super(task, options, traits);
    this.takeTurn = undefined;
    this.result = undefined;
  }

  override get host(): Host {
    return this;
  }

  override get hasCaller(): boolean {
    return true;
  }

  get lingers(): false {
    return false;
  }

  /** Resolves with it when it is woken. */
  turn(): Promise<Call> {
    const turn = new Promise<Call>(keep);
    this.takeTurn = lastResolve();
    lastReject(); // It would keep hold of the turn, and so of the call.
    return turn;
  }

  wake(): void {
    const { takeTurn } = this;
    if (takeTurn === undefined) return;
    this.takeTurn = undefined;
    takeTurn(this);
  }

  /** Its worker has nothing more to do for it. */
  next(): undefined {}

  /** Makes what its end settles. It is for `promise` alone, which tells of a rejection. */
  later(): Deferred<unknown> {
    return this.result ??= deferred();
  }

  override fulfilled(value: unknown): void {
    this.result!.resolve(value);
  }

  override failed(error: unknown): boolean {
    this.result?.reject(error); // Else `promise` hears it from the attempt itself.
    return true;
  }

  override abandoned(reason: unknown): void {
    this.promise.catch(ignore);
    const { promise, reject } = this.later();
    promise.catch(ignore); // Its turn may never come, where a request is over.
    reject(reason);
    this.wake();
  }
}

/** The workers, as the calls of their group see them. */
export interface Starter {
  nextOf(host: Host, workerId: number): Item | undefined;
  workCall(call: Call): Promise<unknown>;
  wakeNext(): boolean;
  /** The call could not start now: it is to be woken when it can. */
  look(): void;
}

/** Makes the two functions that start all calls of a group. */
export function starter(workers: Starter): Caller {
  const start = (call: Call): Promise<unknown> => {
    const isNext = workers.nextOf(call, NO_ID) === call;
    // Registered now, in this context: the next turn may come before the attempt's end.
    const mayBeAgain = call.traits.retry !== undefined || !isNext;
    if (mayBeAgain && call.state !== "gone") call.turn().then(startAgain);
    if (!isNext) {
      workers.look();
      return call.later().promise;
    }
    const end = workers.workCall(call);
    workers.wakeNext(); // There may be more to do.
    return end;
  };
  const startAgain = (call: Call): void => void start(call);
  return { start, startAgain };
}

/** Waits until the call, which could not start, is woken again. Throws why it is abandoned, if it is. */
export async function wokenAgain(call: Call): Promise<void> {
  // WARNING: no `await` but then: the call would be woken while it waits for no turn.
  if (call.result !== undefined) await call.result.promise;
  await call.turn();
}

/** Within how many microtasks the reader of a result has it: see invariant 2. */
const HOPS = 5;

/** Resolves when each direct reader of a result of `go` that was counted has it. */
export async function resultsRead(): Promise<void> {
  for (let i = 0; i < HOPS; i++) await undefined;
}
