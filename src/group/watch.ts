/**
 * Tells an observer of the steps of a group. A group without an observer has none of
 * this: `watch` is undefined, and is asked only where an entry has a track; with one,
 * every task is an entry that has one.
 *
 * Invariants:
 * 1. A step is told after the state has changed, and before the user's code hears of it.
 * 2. Every entry that was accepted is `seen`, and its steps are those of `TaskStep`.
 * 3. Times go on where others end, also where a test fakes clocks for a while (law 15).
 *
 * @module
 */

import { Clock } from "../base/clock.ts";
import { print } from "../base/errors.ts";
import type { Governor, Permit } from "../governor.ts";
import type { Entry, Item } from "./entry.ts";
import { type Gate, type GateKeeper, gateTo, type PlainGate } from "./gate.ts";
import type { Place } from "./runner.ts";
import type { GroupStep, Observer, Step, TaskStep } from "./observer.ts";
import { Seen } from "./seen.ts";

/** Why a task will never run. */
export type Why = StepOf<"abandoned">["why"];

/** The step of a task that has that type. */
type StepOf<T extends TaskStep["type"], S = TaskStep> = S extends
  { type: string } ? T extends S["type"] ? S : never : never;

/** A step of a group, which is to get its time. */
type Untimed<S = GroupStep> = S extends unknown ? Omit<S, "time"> : never;

export class Watch {
  readonly #observer: Observer;
  readonly #clock = new Clock();
  readonly #origin = performance.now();
  /** If the group has a governor. */
  gate: WatchedGate | undefined = undefined;
  #accepted = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** Milliseconds, as `performance.now` has them. */
  now(): number {
    return this.#origin + this.#clock.now();
  }

  /** The group is there. Throws what the observer throws. */
  created(concurrency: number, paused: boolean): void {
    const time = this.now();
    this.#observer.onStep({ type: "created", time, concurrency, paused });
  }

  accepted(entry: Entry): void {
    const time = this.now();
    const { options, traits } = entry;
    const task = new Seen(++this.#accepted, options, traits.weight, time);
    entry.track!.seen = task;
    this.#tell({ type: "accepted", time, task, elapsed: 0 });
  }

  due(entry: Entry): void {
    const { time, task, elapsed } = this.#turn(entry);
    this.#tell({ type: "due", time, task, elapsed });
  }

  /** The wait for its permit, if there was one, is over with the start. */
  started(entry: Entry, place: Place): void {
    this.ran("started", entry, place);
    this.gate?.look();
  }

  /** A step that has nothing but a place. */
  ran(
    type: StepOf<"started">["type"],
    entry: Entry,
    { attempt, workerId }: Place,
  ): void {
    const { time, task, elapsed } = this.#turn(entry);
    this.#tell({ type, time, task, elapsed, attempt, workerId });
  }

  overdue(entry: Entry, place: Place, why: StepOf<"overdue">["why"]): void {
    const { attempt, workerId } = place;
    const time = this.now();
    const task = entry.track!.seen!;
    const elapsed = task.for(time);
    this.#tell({
      type: "overdue",
      time,
      task,
      elapsed,
      attempt,
      workerId,
      why,
    });
  }

  /** `wait` is how many milliseconds it is delayed. */
  delayed(entry: Entry, place: Place, error: unknown, wait: number): void {
    const { attempt, workerId } = place;
    const { time, task, elapsed } = this.#turn(entry);
    const until = time + wait;
    const run = { time, task, elapsed, attempt, workerId };
    this.#tell({ type: "delayed", ...run, error, until });
  }

  rejected(entry: Entry, { attempt, workerId }: Place, error: unknown): void {
    const { time, task, elapsed } = this.#turn(entry);
    const run = { time, task, elapsed, attempt, workerId };
    this.#tell({ type: "rejected", ...run, error });
  }

  /** All of them are counted. */
  abandoned(items: readonly Item[], why: Why, reason: unknown): void {
    for (const item of items) {
      const { time, task, elapsed } = this.#turn(item as Entry);
      this.#tell({ type: "abandoned", time, task, elapsed, why, reason });
    }
  }

  /** A step of the group. */
  group(step: Untimed, time: number = this.now()): void {
    this.#tell({ ...step, time });
  }

  /** The entry becomes something else, now. */
  #turn(entry: Entry): { time: number; task: Seen; elapsed: number } {
    const time = this.now();
    const task = entry.track!.seen!;
    return { time, task, elapsed: task.turn(time) };
  }

  #tell(step: Step): void {
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
  const watched = watch.gate = new WatchedGate(gate, watch);
  return watched;
}

/** A gate that tells when the group waits at it. */
class WatchedGate implements Gate {
  readonly #gate: PlainGate;
  readonly #watch: Watch;
  /** Since when it waits; undefined if it does not. */
  #since: number | undefined = undefined;

  constructor(gate: PlainGate, watch: Watch) {
    this.#gate = gate;
    this.#watch = watch;
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
    // Not if there is one: the start is not made yet. `started` looks, or `waive`.
    if (permit === undefined) this.look();
    return permit;
  }

  release(permit: Permit, failed: boolean): void {
    this.#gate.release(permit, failed);
  }

  waive(permit: Permit): void {
    this.#gate.waive(permit);
    this.look();
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
    const time = this.#watch.now();
    this.#since = isWaiting ? time : undefined;
    if (since === undefined) this.#watch.group({ type: "waiting" }, time);
    else this.#watch.group({ type: "ready", elapsed: time - since }, time);
  }
}
