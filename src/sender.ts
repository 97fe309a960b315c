/**
 * What is in a {@linkcode Line} behind the queue: who waits for room with a
 * value in hand, and what was kept behind them.
 *
 * @module
 */

import { Link } from "./list.ts";
import type { Maybe } from "./maybe.ts";

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
