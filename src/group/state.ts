/**
 * The state of a group: what it has counted (law 1), and whether a task may start.
 *
 * Invariant, at every instant at which the user's code runs:
 * `accepted = fulfilled + rejected + abandoned + queued + delayed + lent + inFlight`.
 * The backlog counts the queued tasks, and the delays count the delayed ones.
 *
 * @module
 */

import { type Maybe, NONE } from "../base/promises.ts";

/**
 * What became of the tasks of a {@linkcode CoGroup}: a snapshot. At every instant
 * `accepted = fulfilled + rejected + abandoned + queued + delayed + lent + inFlight`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type CoGroupStats } from "@cogroup/cogroup";
 *
 * const group = new CoGroup({ concurrency: 1, onError: () => {} });
 * group.add(() => "fine");
 * group.add(() => Promise.reject("broken"));
 * await group.wait();
 * const { accepted, fulfilled, rejected }: CoGroupStats = group.stats;
 * assert.deepEqual([accepted, fulfilled, rejected], [2, 1, 1]);
 * ```
 */
export interface CoGroupStats {
  /** Tasks that were taken in: the sum of those below, without `overdue` and `retried`. */
  accepted: number;
  /** Tasks that wait for a worker. */
  queued: number;
  /** Tasks that wait for their next attempt. */
  delayed: number;
  /** Tasks that have started and not ended. */
  inFlight: number;
  /** Tasks that have started and lent their workers to others meanwhile. */
  lent: number;
  /** Tasks in flight whose time is over, or whose promise was settled early. */
  overdue: number;
  /** Tasks that ended well. */
  fulfilled: number;
  /** Tasks that failed for good. */
  rejected: number;
  /** Tasks that will never run: aborted, cleared, withdrawn or evicted. */
  abandoned: number;
  /** How often a task was put off for another attempt. */
  retried: number;
}

export class State {
  /** How many workers there are. */
  limit: number;
  paused: boolean;
  /** Whether `close` was called. */
  closed = false;
  /** Why the group was aborted; NONE if it was not. */
  reason: Maybe<unknown> = NONE;
  accepted = 0;
  inFlight = 0;
  lent = 0;
  overdue = 0;
  fulfilled = 0;
  rejected = 0;
  abandoned = 0;
  retried = 0;

  constructor(limit: number, paused: boolean) {
    this.limit = limit;
    this.paused = paused;
  }

  get isAborted(): boolean {
    return this.reason !== NONE;
  }

  /** Whether the intake has ended. */
  get isClosed(): boolean {
    return this.closed || this.reason !== NONE;
  }

  /** How many workers could take one more task. None while paused. */
  get idle(): number {
    return this.paused ? 0 : Math.max(0, this.limit - this.inFlight);
  }

  snapshot(queued: number, delayed: number): CoGroupStats {
    return {
      accepted: this.accepted,
      queued,
      delayed,
      inFlight: this.inFlight,
      lent: this.lent,
      overdue: this.overdue,
      fulfilled: this.fulfilled,
      rejected: this.rejected,
      abandoned: this.abandoned,
      retried: this.retried,
    };
  }

  /** Opens again, with nothing counted; only when nothing is in flight. */
  reset(): void {
    this.closed = false;
    this.reason = NONE;
    this.accepted =
      this.fulfilled =
      this.rejected =
      this.abandoned =
        0;
    this.retried = 0;
  }
}
