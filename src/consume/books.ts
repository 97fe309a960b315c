/**
 * What became of the messages.
 *
 * Invariant, at every instant at which the user's code runs:
 * `received = held + acked + retried + returned + dead + lost + unconfirmed`.
 *
 * @module
 */

/**
 * What became of the messages of a `Consumption`: a snapshot. At every instant
 * `received = held + acked + retried + returned + dead + lost + unconfirmed`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume, type ConsumeStats } from "@cogroup/cogroup/consume";
 *
 * async function* source() {
 *   yield await Promise.resolve({ ack() {}, nak() {} });
 * }
 * const consumption = consume(new CoGroup(1), source(), () => "done");
 * await consumption.wait();
 * const { received, held, acked }: ConsumeStats = consumption.stats;
 * assert.deepEqual([received, held, acked], [1, 0, 1]);
 * ```
 */
export interface ConsumeStats {
  /** Deliveries that have come: the sum of those below, without `redelivered`. */
  received: number;
  /** Those that have no answer yet: queued, delayed, running, or being answered. */
  held: number;
  /** The handler has succeeded, and the engine knows. */
  acked: number;
  /** The handler, or `onDead`, has failed, and the engine delivers the message again. */
  retried: number;
  /** Given back to the engine at once: not started, or told to end by an abort. */
  returned: number;
  /** Never to be delivered again. */
  dead: number;
  /** The lease was lost, and the handler has not succeeded: another consumer has the message. */
  lost: number;
  /** What the engine was told, it has not confirmed: it may deliver the message again. */
  unconfirmed: number;
  /** Deliveries that were not the first one of their message. */
  redelivered: number;
}

/** How a delivery can end. */
export type Fate = Exclude<
  keyof ConsumeStats,
  "received" | "held" | "redelivered"
>;

export class Books implements ConsumeStats {
  received = 0;
  held = 0;
  acked = 0;
  retried = 0;
  returned = 0;
  dead = 0;
  lost = 0;
  unconfirmed = 0;
  redelivered = 0;

  /** A message has come, which was delivered so often. */
  receive(deliveries: number): void {
    this.received++;
    this.held++;
    if (deliveries > 1) this.redelivered++;
  }

  end(fate: Fate): void {
    this.held--;
    this[fate]++;
  }
}
