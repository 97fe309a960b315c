/**
 * An item of a stream, between the source and the reader: a task, and later
 * its result.
 *
 * @module
 */

import { Called } from "./call.ts";
import type { RunContext } from "./context.ts";
import type { Traits } from "./entry.ts";
import type { Task } from "./task.ts";

/** Who starts the items, in the stream's async context. */
export interface ItemCarrier {
  /** There may be something to start. */
  wake(): void;
}

/** The stream, as its items see it. */
export interface ItemHome {
  /** Whether nothing more of it may start, a further attempt neither. */
  readonly isHalted: boolean;
  /** Whether an abandoned item is none of the reader's business. */
  drops(item: StreamItem): boolean;
  /** An item has its result. False if nobody will read it. */
  settled(item: StreamItem): boolean;
}

export class StreamItem extends Called {
  declare readonly stream: ItemHome;
  declare readonly carrier: ItemCarrier;
  /** Where it is among the stream's live items. */
  declare place: number;
  declare fate: "open" | "fulfilled" | "rejected" | "dropped";
  /** The result, or what it failed with. */
  declare value: unknown;
  /** The run that failed, to be reported if nobody reads of it. */
  declare failedRun: RunContext | undefined;

  constructor(
    task: Task,
    traits: Traits,
    stream: ItemHome,
    carrier: ItemCarrier,
  ) {
    super(task, traits);
    this.stream = stream;
    this.carrier = carrier;
    this.place = -1;
    this.fate = "open";
    this.value = this.failedRun = undefined;
  }

  override get isPartOfStream(): boolean {
    return true;
  }

  override get isUnwanted(): boolean {
    return this.stream.isHalted;
  }

  override get caller(): unknown {
    return this.carrier;
  }

  override summon(): void {
    this.carrier.wake();
  }

  override fulfilled(value: unknown): void {
    this.fate = "fulfilled";
    this.value = value;
    this.stream.settled(this);
  }

  override failed(error: unknown, run: RunContext): boolean {
    this.fate = "rejected";
    this.value = error;
    this.failedRun = run;
    return this.stream.settled(this);
  }

  override abandoned(reason: unknown): void {
    if (this.stream.drops(this)) return;
    this.fate = "rejected";
    this.value = reason;
    this.stream.settled(this);
  }
}
