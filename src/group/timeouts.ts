/**
 * Attempts that have a time limit, until they end or the limit is reached.
 *
 * To set a timer and to clear it takes as long as ten tasks do. So the alarm stays set
 * when the attempt ends that it was set for: most often others have begun by then. When
 * it goes off, it is set anew for the one that is first then (bench: j).
 *
 * Invariant: while there is one, the alarm is set, to no later than when the first of
 * them is due. It may also be set while there is none, but not if the group is at rest.
 *
 * @module
 */

import { type Delayable, Delays } from "./delays.ts";

export class Timeouts<D extends Delayable> extends Delays<D> {
  override delete(delayed: D): void {
    this.take(delayed);
  }

  override look(time?: number): void {
    if (this.size > 0) this.alarm.setBy(this.due, time);
  }

  /** The group is at rest. */
  rest(): void {
    if (this.size === 0) this.alarm.clear();
  }
}
