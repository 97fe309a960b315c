/**
 * What is in a {@linkcode Line} behind the queue: who waits for room with a
 * value in hand, and what was kept behind them.
 *
 * @module
 */

import { Link, List } from "./list.ts";
import { type Maybe, NONE } from "./maybe.ts";

/** Someone in the line, behind the queue. */
export abstract class Sender<T> extends Link {
  /** What it brings; {@linkcode NONE} if it wants a place held for it instead. */
  declare readonly value: Maybe<T>;

  constructor(value: Maybe<T>) {
    super();
    this.value = value;
  }

  /** Whether it is not to be let in any more, and is about to be told why. */
  get isGone(): boolean {
    return false;
  }

  /** The value is in, or the place is held. */
  abstract admitted(): void;

  /** There will be no room any more. */
  abstract refused(): void;
}

/** A value that was taken in over capacity, behind those who still wait. */
export class Kept<T> extends Link {
  readonly value: T;

  constructor(value: T) {
    super();
    this.value = value;
  }
}

/** All of them, in the order in which they came. */
export class Senders<T> extends List<Sender<T> | Kept<T>> {
  /** How many of them are kept values. */
  kept = 0;

  /** Keeps a value behind who waits. */
  keep(value: T): void {
    this.push(new Kept<T>(value));
    this.kept++;
  }

  /** Takes out the first one, if that is a kept value; else it gives NONE. */
  shiftKept(): Maybe<T> {
    const { first } = this;
    if (!(first instanceof Kept)) return NONE;
    this.shift();
    this.kept--;
    return first.value;
  }

  /** Takes out the kept values, but for those that stay. */
  takeKept(stays: (value: T) => boolean): T[] {
    const values: T[] = [];
    for (let sender = this.first; sender !== undefined;) {
      const next = sender.after as typeof sender | undefined;
      if (sender instanceof Kept && !stays(sender.value)) {
        this.delete(sender);
        this.kept--;
        values.push(sender.value);
      }
      sender = next;
    }
    return values;
  }
}
