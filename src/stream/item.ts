/**
 * An item of a stream, between the source and the reader: a task, and later
 * its result.
 *
 * @module
 */

import { Entry, type Traits } from "../group/entry.ts";
import type { Place } from "../group/runner.ts";
import type { ItemContext, Task, TaskContext } from "../task.ts";

/** The stream, as its items see it. */
export interface ItemHome {
  /** Whether nothing more of the stream may start, no further attempt either. */
  readonly isHalted: boolean;
  /** An item was abandoned. True if dropped silently; false if the reader gets it as a failure. */
  drops(item: Item): boolean;
  /** An item has its result. False if no reader will get it. */
  settled(item: Item): boolean;
}

/** The context of one run, for the function of the stream. */
export class ItemRun implements ItemContext {
  readonly index: number;
  readonly #run: TaskContext;

  constructor(run: TaskContext, index: number) {
    this.#run = run;
    this.index = index;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get workerId(): number {
    return this.#run.workerId;
  }

  get attempt(): number {
    return this.#run.attempt;
  }

  lend<T>(wait: () => T | PromiseLike<T>): Promise<T> {
    return this.#run.lend(wait);
  }
}

export class Item extends Entry {
  declare readonly stream: ItemHome;
  /** What the source gave. */
  declare readonly input: unknown;
  declare readonly index: number;
  /** Its index among the stream's live items; -1 if it is not among them. */
  declare place: number;
  declare fate: "open" | "fulfilled" | "rejected" | "dropped";
  /** The result, or what it failed with. */
  declare value: unknown;
  /** Where it failed, for `onError` if no reader gets the failure. */
  declare failedAt: Place | undefined;

  constructor(
    task: Task,
    traits: Traits,
    stream: ItemHome,
    input: unknown,
    index: number,
  ) {
    super(task, traits);
    this.stream = stream;
    this.input = input;
    this.index = index;
    this.place = -1;
    this.fate = "open";
    this.value = this.failedAt = undefined;
  }

  override get hasCaller(): boolean {
    return true;
  }

  override get isPartOfStream(): boolean {
    return true;
  }

  override get isUnwanted(): boolean {
    return this.stream.isHalted;
  }

  override fulfilled(value: unknown): void {
    this.fate = "fulfilled";
    this.value = value;
    this.stream.settled(this);
  }

  override failed(error: unknown, place: Place): boolean {
    this.fate = "rejected";
    this.value = error;
    // A copy: the task may not have ended, or its worker may go on with another one.
    const { workerId, attempt } = place;
    this.failedAt = { workerId, attempt };
    return this.stream.settled(this);
  }

  override abandoned(reason: unknown): void {
    if (this.stream.drops(this)) return;
    this.fate = "rejected";
    this.value = reason;
    this.stream.settled(this);
  }
}
