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
import type { Entry, Item } from "./entry.ts";
import { type Gate, type GateKeeper, gateTo, type PlainGate } from "./gate.ts";
import type { Place } from "./runner.ts";
import type { GroupStep, Observer, Step } from "./observer.ts";
import { Seen } from "./seen.ts";

/** Why a task will never run. */
export type Why = Extract<Step, { type: "abandoned" }>["why"];

/** The types of steps that a task makes while it runs. */
type RunType = Extract<Step, { attempt: number }>["type"];

export class Watch {
  readonly #observer: Observer;
  #accepted = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  accepted(entry: Entry): void {
    const time = performance.now();
    const { options, traits } = entry;
    const task = new Seen(++this.#accepted, options, traits.weight, time);
    entry.track!.seen = task;
    this.#tell({ type: "accepted", time, task, elapsed: 0 });
  }

  due(entry: Entry): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    this.#tell({ type: "due", time, task, elapsed: task.turn(time) });
  }

  /** A step of a task that runs. `more` is what steps of that type have besides. */
  run(
    type: RunType,
    entry: Entry,
    { attempt, workerId }: Place,
    more?: object,
  ): void {
    const time = performance.now();
    const task = entry.track!.seen!;
    const elapsed = type === "overdue" ? task.for(time) : task.turn(time);
    const step = { type, time, task, elapsed, attempt, workerId };
    this.#tell((more === undefined ? step : { ...step, ...more }) as Step);
  }

  /** All of them are counted. */
  abandoned(items: readonly Item[], why: Why, reason: unknown): void {
    const time = performance.now();
    for (const item of items) {
      const task = (item as Entry).track!.seen!;
      const elapsed = task.turn(time);
      this.#tell({ type: "abandoned", time, task, elapsed, why, reason });
    }
  }

  /** A step of the group. `more` is what steps of that type have besides. */
  group(type: GroupStep["type"], more?: object): void {
    this.#tell({ type, time: performance.now(), ...more } as Step);
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
  const watched = new WatchedGate(gate, watch);
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
    if (since === undefined) this.#watch.group("waiting", { time });
    else this.#watch.group("ready", { time, elapsed: time - since });
  }
}
