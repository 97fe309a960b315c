/**
 * A task that a call of `go` has brought. It runs in the async context of that call
 * (law 13): a reaction that was registered there starts it.
 *
 * A call that is next when it comes is run by one async function: `workSoon`, in
 * workers.ts. Of any other `promise` is `turn().then(start)`. `start` returns the call,
 * which is a thenable, so the engine asks it for the result by `then`, and hands over what
 * settles `promise`. A queued call has none of that yet, which saves half of its memory.
 * WARNING: it would be simpler if `start` returned a promise. But a promise that waits
 * for another one settles some microtasks late: after what the task's end has set off.
 *
 * Invariants:
 * 1. While a call can be woken it waits for one turn, and each turn is used once.
 * 2. `promise` always settles (law 6): in the step in which the task's end is counted,
 *    or in the microtask after its start. So a direct reader of the promise has the
 *    result before a caller that waits for the group's end is told (law 8).
 *
 * @module
 */

import { ignore, keep, lastResolve, type Settle } from "../base/promises.ts";
import type { Task, TaskOptions } from "../task.ts";
import { Entry, type Host, type Item, type Traits } from "./entry.ts";
import { Places } from "./places.ts";

/** What starts the calls of a group. */
export interface Caller {
  /** Runs the first turn of the call with this number: starts it, if it may start now. */
  readonly start: (place: number) => Call;
  /** Runs a later turn of it. */
  readonly startAgain: (place: number) => void;
}

// The calls that were woken, by number. A turn is resolved with the number: with the call
// itself, the engine would look for a `then`, and the promise would keep hold of the
// call. WARNING: a list in the order of the turns would be simpler. But if one turn is
// lost (a script that is terminated, a hook of Node's), each later turn would take the
// wrong call.
const woken = new Places<Call>();

/** What settles the promise of a call that has asked. */
class Asked {
  readonly resolve: Settle<unknown>;
  readonly reject: Settle<unknown>;

  constructor(resolve: Settle<unknown>, reject: Settle<unknown>) {
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** The result of a call, where the promise has not asked for it yet. */
class Outcome {
  readonly value: unknown;
  readonly isError: boolean;

  constructor(value: unknown, isError: boolean) {
    this.value = value;
    this.isError = isError;
  }
}

export class Call extends Entry implements Host {
  /** Set by the call of `go`, before anything can be told of it. */
  declare promise: Promise<unknown>;
  /** Never there: its worker does not look for more. */
  declare isAwake: boolean;
  /** Ends its wait for a turn. None while it does not wait. */
  declare takeTurn: Settle<number> | undefined;
  /** The promise that has asked for the result, or the result: whichever came first. */
  declare end: Asked | Outcome | undefined;

  constructor(task: Task, options: TaskOptions | undefined, traits: Traits) {
    super(task, options, traits);
    this.takeTurn = undefined;
    this.end = undefined;
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

  /** Resolves when it is woken, with its place among those that were. */
  turn(): Promise<number> {
    const turn = new Promise<number>(keep);
    this.takeTurn = lastResolve();
    return turn;
  }

  wake(): void {
    const { takeTurn } = this;
    if (takeTurn === undefined) return;
    this.takeTurn = undefined;
    takeTurn(woken.put(this));
  }

  /** Its worker has nothing more to do for it. */
  next(): undefined {}

  /** Its promise asks for the result. */
  then(resolve: Settle<unknown>, reject: Settle<unknown>): void {
    const { end } = this;
    if (!(end instanceof Outcome)) this.end = new Asked(resolve, reject);
    else if (end.isError) reject(end.value);
    else resolve(end.value);
  }

  override fulfilled(value: unknown): void {
    if (this.end instanceof Asked) this.end.resolve(value);
    else this.end = new Outcome(value, false);
  }

  override failed(error: unknown): boolean {
    if (this.end instanceof Asked) this.end.reject(error);
    else this.end = new Outcome(error, true);
    return true;
  }

  override abandoned(reason: unknown): void {
    this.promise.catch(ignore);
    this.failed(reason);
    this.wake(); // If it has not started, its promise has not asked.
  }
}

/** The workers, as the calls of their group see them. */
export interface Starter {
  nextOf(host: Host, workerId: number): Item | undefined;
  workCall(call: Call): void;
  wakeNext(): boolean;
  /** The call could not start now: it is to be woken when it can. */
  look(): void;
}

/** Makes the two functions that start all calls of a group. */
export function starter(workers: Starter, noId: number): Caller {
  const take = (place: number): Call => {
    const call = woken.take(place);
    const isNext = workers.nextOf(call, noId) === call;
    // Registered now, in this context: the next turn may come before the attempt's end.
    const mayBeAgain = call.traits.retry !== undefined || !isNext;
    if (mayBeAgain && call.state !== "gone") call.turn().then(startAgain);
    if (isNext) {
      workers.workCall(call);
      workers.wakeNext(); // There may be more to do.
    } else if (call.state !== "gone") workers.look();
    return call;
  };
  const startAgain = (place: number): void => void take(place);
  return { start: take, startAgain };
}

/** Waits until the call, which could not start, is woken again. Throws why it is abandoned, if it is. */
export async function wokenAgain(call: Call): Promise<void> {
  if (call.state === "gone") throw (call.end as Outcome).value;
  woken.take(await call.turn());
}
