/**
 * The stretch of time that is shown, and its moves. Microseconds since the trace began.
 *
 * @module
 */

/** No stretch is shorter: a microsecond is as exact as a trace gets. */
const SHORTEST = 5;

export class View {
  from = 0;
  to = 1;
  /** Of the trace. */
  length = 1;
  /** Whether the end of the trace is kept in sight as it grows. */
  isFollowing = false;

  get span(): number {
    return this.to - this.from;
  }

  get isAll(): boolean {
    return this.from <= 0 && this.to >= this.length;
  }

  /** Says that the trace begins later by so much than it did. */
  shift(by: number): void {
    this.length -= by;
    this.show(this.from - by, this.to - by);
  }

  /** Says how long the trace is by now. */
  grow(length: number): void {
    const wasAll = this.isAll;
    const by = length - this.length;
    this.length = length;
    if (this.isFollowing) this.show(this.from + by, this.to + by);
    else if (wasAll) this.fit();
  }

  fit(): void {
    this.from = 0;
    this.to = this.length;
  }

  /** Shows from..to, or the nearest stretch of that length. */
  show(from: number, to: number): void {
    const span = Math.min(Math.max(to - from, SHORTEST), this.length);
    const middle = (from + to) / 2;
    this.from = Math.min(
      Math.max(0, middle - span / 2),
      this.length - span,
    );
    this.to = this.from + span;
  }

  pan(by: number): void {
    this.show(this.from + by, this.to + by);
  }

  /** Makes the stretch `factor` times as long; the time at `share` of it stays there. */
  zoom(factor: number, share = 0.5): void {
    const span = Math.min(
      Math.max(this.span * factor, SHORTEST),
      this.length,
    );
    const anchor = this.from + this.span * share;
    this.show(anchor - span * share, anchor + span * (1 - share));
  }

  /** Brings the stretch from..to in sight, with something around it. */
  reveal(from: number, to: number): void {
    if (from >= this.from && to <= this.to && to - from > this.span / 200) {
      return;
    }
    const span = Math.max((to - from) * 8, SHORTEST);
    this.show((from + to - span) / 2, (from + to + span) / 2);
  }
}
