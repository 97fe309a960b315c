/**
 * Tells an observer of the steps of a group. A group without an observer has none of
 * this: `watch` is undefined, and is asked only where an entry has a track; with one,
 * every task is an entry that has one.
 *
 * Invariants:
 * 1. A step is told after the state has changed, and before the user's code hears of it.
 * 2. Every entry that was accepted is `seen`, and its steps are those of `TaskStep`.
 *
 * @module
 */

import { print } from "../base/errors.ts";
import type { Governor, Permit } from "../governor.ts";
import type { RunContext } from "./context.ts";
import type { Entry, Item } from "./entry.ts";
import { type Gate, type GateKeeper, gateTo } from "./gate.ts";
import { NO_ID } from "./ids.ts";
import type { ObservedTask, Observer, Step } from "./observer.ts";

/** Why a task will never run. */
export type Why = Extract<Step, { type: "abandoned" }>["why"];

/** A task, as the observer sees it. */
export class Seen implements ObservedTask {
  readonly number: number;
  readonly id: unknown;
  readonly key: unknown;
  readonly priority: number;
  readonly weight: number;
  #since: number;

  constructor(
    number: number,
    { traits: { id, weight, options } }: Entry,
    now: number,
  ) {
    this.number = number;
    this.id = id;
    this.key = options?.key;
    this.priority = options?.priority ?? 0;
    this.weight = weight;
    this.#since = now;
  }

  /** For how long it has been what it is. */
  for(now: number): number {
    return now - this.#since;
  }

  /** It becomes something else. For how long it was what it was. */
  turn(now: number): number {
    const elapsed = now - this.#since;
    this.#since = now;
    return elapsed;
  }
}

/** A run, as far as a step tells of it. */
interface Place {
  readonly workerId: number;
  readonly attempt: number;
}

export class Watch {
  readonly #observer: Observer;
  #accepted = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  accepted(entry: Entry): void {
    const time = performance.now();
    const task = entry.track!.seen = new Seen(++this.#accepted, entry, time);
    this.tell({ type: "accepted", time, task, elapsed: 0 });
  }

  started(entry: Entry, workerId: number): void {
    const time = performance.now();
    const { seen, attempt } = entry.track!;
    const task = seen!;
    this.tell({
      type: "started",
      time,
      task,
      elapsed: task.turn(time),
      attempt: attempt + 1,
      workerId,
    });
  }

  overdue(
    entry: Entry,
    { attempt, workerId: id, isLent }: RunContext,
    why: "timeout" | "signal",
  ): void {
    const workerId = isLent ? NO_ID : id;
    const time = performance.now();
    const task = entry.track!.seen!;
    const elapsed = task.for(time);
    const type = "overdue";
    this.tell({ type, time, task, elapsed, attempt, workerId, why });
  }

  /** The worker of a run is lent, or the run goes on in another. */
  moved(type: "lent" | "back", entry: Entry, run: Place): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    const elapsed = task.turn(time);
    const { attempt, workerId } = run;
    this.tell({ type, time, task, elapsed, attempt, workerId });
  }

  delayed(
    entry: Entry,
    { attempt, workerId }: Place,
    error: unknown,
    wait: number,
  ): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    const elapsed = task.turn(time);
    const until = time + wait;
    const type = "delayed";
    this.tell({ type, time, task, elapsed, attempt, workerId, error, until });
  }

  due(entry: Entry): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    this.tell({ type: "due", time, task, elapsed: task.turn(time) });
  }

  fulfilled(entry: Entry, { attempt, workerId }: Place): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    const elapsed = task.turn(time);
    this.tell({ type: "fulfilled", time, task, elapsed, attempt, workerId });
  }

  rejected(entry: Entry, { attempt, workerId }: Place, error: unknown): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    const elapsed = task.turn(time);
    const type = "rejected";
    this.tell({ type, time, task, elapsed, attempt, workerId, error });
  }

  /** All of them are counted. */
  abandoned(items: readonly Item[], why: Why, reason: unknown): void {
    const time = performance.now();
    for (const item of items) {
      const task = (item as Entry).track!.seen!;
      const elapsed = task.turn(time);
      this.tell({ type: "abandoned", time, task, elapsed, why, reason });
    }
  }

  /** Something happened to the group. */
  life(type: "paused" | "resumed" | "closed" | "reset"): void {
    this.tell({ type, time: performance.now() });
  }

  resized(concurrency: number): void {
    this.tell({ type: "resized", time: performance.now(), concurrency });
  }

  aborted(reason: unknown): void {
    this.tell({ type: "aborted", time: performance.now(), reason });
  }

  tell(step: Step): void {
    try {
      const result = this.#observer.onStep(step) as unknown;
      if (result !== undefined) Promise.resolve(result).catch(print);
    } catch (error) {
      print(error);
    }
  }
}

/** The way to the governor, as `gateTo` makes it, of a group that is watched. */
export function watchedGateTo(
  governor: Governor,
  { onOpen, onBroken }: GateKeeper,
  watch: Watch,
): Gate {
  const onOpenLook = () => {
    watched.look();
    onOpen();
  };
  const gate = gateTo(governor, { onOpen: onOpenLook, onBroken });
  const watched = new WatchedGate(gate, watch);
  return watched;
}

/** A gate that tells when the group waits at it. */
class WatchedGate implements Gate {
  readonly #gate: Gate;
  readonly #watch: Watch;
  /** Since when it waits; undefined if it does not. */
  #since: number | undefined = undefined;

  constructor(gate: Gate, watch: Watch) {
    this.#gate = gate;
    this.#watch = watch;
  }

  get isWaiting(): boolean {
    return this.#gate.isWaiting;
  }

  isOpen(entry: Entry): boolean {
    return this.#gate.isOpen(entry);
  }

  open(entry: Entry): boolean {
    const isOpen = this.#gate.open(entry);
    this.look();
    return isOpen;
  }

  take(entry: Entry): Permit | undefined {
    const permit = this.#gate.take(entry);
    this.look();
    return permit;
  }

  release(permit: Permit, failed: boolean): void {
    this.#gate.release(permit, failed);
  }

  waive(permit: Permit): void {
    this.#gate.waive(permit);
  }

  leave(): boolean {
    const isLeft = this.#gate.leave();
    this.look();
    return isLeft;
  }

  /** Tells if the wait has begun, or is over. */
  look(): void {
    const { isWaiting } = this.#gate;
    const since = this.#since;
    if (isWaiting === (since !== undefined)) return;
    const time = performance.now();
    this.#since = isWaiting ? time : undefined;
    if (since === undefined) this.#watch.tell({ type: "waiting", time });
    else this.#watch.tell({ type: "ready", time, elapsed: time - since });
  }
}
