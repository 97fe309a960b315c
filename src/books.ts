/**
 * The books of a group (law 1).
 *
 * Invariant, at every instant at which anybody can look:
 * `accepted = fulfilled + rejected + abandoned + queued + delayed + inFlight`,
 * where queued and delayed are counted by those who hold the tasks.
 *
 * @module
 */

/** What became of the tasks of a {@linkcode CoGroup}: a snapshot. */
export interface CoGroupStats {
  /** Tasks that were taken in. The sum of the six that follow, but for `overdue`. */
  accepted: number;
  /** Tasks that wait for a worker. */
  queued: number;
  /** Tasks that wait for their next attempt. */
  delayed: number;
  /** Tasks that have started and not ended. */
  inFlight: number;
  /** Those in flight whose time is over, or whose caller was settled early. */
  overdue: number;
  /** Tasks that ended well. */
  fulfilled: number;
  /** Tasks that failed, for good. */
  rejected: number;
  /** Tasks that will never run: aborted, drained, withdrawn or evicted. */
  abandoned: number;
  /** How often a task was put off for another attempt. */
  retried: number;
}

/** The counts that the group itself keeps. */
export class Books {
  accepted = 0;
  inFlight = 0;
  overdue = 0;
  fulfilled = 0;
  rejected = 0;
  abandoned = 0;
  retried = 0;

  /** The counts, with those of the tasks that others hold. */
  snapshot(queued: number, delayed: number): CoGroupStats {
    return {
      accepted: this.accepted,
      queued,
      delayed,
      inFlight: this.inFlight,
      overdue: this.overdue,
      fulfilled: this.fulfilled,
      rejected: this.rejected,
      abandoned: this.abandoned,
      retried: this.retried,
    };
  }

  /** Starts again from nothing; only when nothing is in flight. */
  reset(): void {
    this.accepted = this.inFlight = this.overdue = 0;
    this.fulfilled =
      this.rejected =
      this.abandoned =
      this.retried =
        0;
  }
}
