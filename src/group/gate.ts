/**
 * A group's way to its governor: a permit for each start, in the step in which the
 * start is made (law 16).
 *
 * A governor of this library is asked in that very step, in whatever async context the
 * task starts. Any other one is the user's code, which only the group's own workers
 * call, in the context of the group (law 13): they get a permit ahead of the start,
 * and waive it if no task starts.
 *
 * Invariants:
 * 1. A group that can't start a task now holds no permit, and is in no line.
 * 2. Nothing that the governor throws gets out of here: the group is told.
 *
 * @module
 */

import type { Governor, Permit } from "../governor.ts";
import { Foreign } from "../governors/foreign.ts";
import {
  Candidate,
  type Permits,
  permitsOf,
  waive,
} from "../governors/permits.ts";
import type { Entry } from "./entry.ts";

/** What the gate tells the group. */
export interface GateKeeper {
  /** There may be a permit now that was not there before. */
  onOpen: () => void;
  /** The governor has thrown. */
  onBroken: (error: unknown) => void;
}

export interface Gate {
  /** Whether a permit for the entry, which is next, may be available. Reads only; callable in any async context. */
  isOpen(entry: Entry): boolean;
  /** Gets a permit for it ready if there is none. Only in the group's context. */
  open(entry: Entry): boolean;
  /** Takes a permit for its start; undefined if there is none after all. */
  take(entry: Entry): Permit | undefined;
  /** The attempt that the permit was for has ended. */
  release(permit: Permit, failed: boolean): void;
  /** The attempt that the permit was for did not begin. */
  waive(permit: Permit): void;
  /** Gives back the spare permit, and leaves the line. True if that has called the user's code. */
  leave(): boolean;
}

/** A gate of which can be told whether the group waits at it. */
export interface PlainGate extends Gate {
  /** Whether the group waits for a permit. */
  readonly isWaiting: boolean;
}

export function gateTo(governor: Governor, keeper: GateKeeper): PlainGate {
  const permits = permitsOf(governor);
  return permits === undefined
    ? new ForeignGate(governor, keeper)
    : new OwnGate(permits, keeper);
}

/** The way to a governor of this library. */
class OwnGate extends Candidate implements PlainGate {
  readonly #permits: Permits;
  readonly #keeper: GateKeeper;
  #isFree = false;

  constructor(permits: Permits, keeper: GateKeeper) {
    super();
    this.#permits = permits;
    this.#keeper = keeper;
  }

  get isWaiting(): boolean {
    return this.list !== undefined;
  }

  isOpen(entry: Entry): boolean {
    return this.list === undefined || this.#isFree ||
      entry.traits.weight !== this.weight;
  }

  open(entry: Entry): boolean {
    return this.isOpen(entry);
  }

  take(entry: Entry): Permit | undefined {
    const { weight } = entry.traits;
    this.#isFree = false;
    const permit = this.#permits.take(this, weight);
    if (permit === undefined) this.#permits.wait(this, weight);
    return permit;
  }

  release(permit: Permit, failed: boolean): void {
    permit.release(failed);
  }

  waive(permit: Permit): void {
    permit.waive!();
  }

  leave(): boolean {
    this.#permits.leave(this);
    return false;
  }

  override onFree(): void {
    this.#isFree = true;
    this.#keeper.onOpen();
  }
}

/** The way to any other governor, which is the user's code. */
class ForeignGate implements PlainGate {
  readonly #foreign: Foreign;
  readonly #keeper: GateKeeper;
  /** Permits that are to be given back, and how. */
  readonly #ended: [permit: Permit, end: boolean | "unused"][] = [];

  constructor(governor: Governor, keeper: GateKeeper) {
    const { onOpen, onBroken } = keeper;
    this.#foreign = new Foreign(governor, onOpen, onBroken);
    this.#keeper = keeper;
  }

  get isWaiting(): boolean {
    return this.#foreign.isWaiting;
  }

  isOpen({ traits: { weight, options } }: Entry): boolean {
    return this.#foreign.isReady(weight, options?.key);
  }

  open({ traits: { weight, options } }: Entry): boolean {
    this.#giveBack();
    try {
      if (this.#foreign.has(weight, options?.key)) return true;
      this.#foreign.wait(weight, options?.key);
    } catch (error) {
      this.#keeper.onBroken(error);
    }
    return false;
  }

  take(entry: Entry): Permit | undefined {
    if (this.isOpen(entry)) return this.#foreign.take();
    this.#keeper.onOpen(); // The governor's own code has changed which one is next.
    return undefined;
  }

  release(permit: Permit, failed: boolean): void {
    this.#ended.push([permit, failed]);
    this.#keeper.onOpen();
  }

  waive(permit: Permit): void {
    this.#ended.push([permit, "unused"]);
    this.#keeper.onOpen();
  }

  leave(): boolean {
    const isLeft = this.#foreign.isBusy || this.#ended.length > 0;
    this.#giveBack();
    try {
      this.#foreign.leave();
    } catch (error) {
      this.#keeper.onBroken(error);
    }
    return isLeft;
  }

  #giveBack(): void {
    for (let ended = this.#ended.pop(); ended; ended = this.#ended.pop()) {
      const [permit, end] = ended;
      try {
        if (end === "unused") waive(permit);
        else permit.release(end);
      } catch (error) {
        this.#keeper.onBroken(error);
      }
    }
  }
}
