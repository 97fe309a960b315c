/**
 * What the engine is told of each message, once.
 *
 * Invariants:
 * 1. A message ends once, by `end`: there the books change. What need not be confirmed
 *    ends before the engine is told.
 * 2. From the moment in which the engine is told, the lease is not renewed any more: the
 *    engine has as long as is left of it to confirm.
 *
 * @module
 */

import { NONE } from "../base/promises.ts";
import type { Turn } from "../base/turn.ts";
import type { Line } from "./aside.ts";
import type { Books, Fate } from "./books.ts";
import { insist } from "./insist.ts";
import type { Leased, Leases } from "./leases.ts";
import type { Message } from "./message.ts";
import type { Settings } from "./options.ts";

/** The most milliseconds until the engine is told once more what it has not confirmed. */
const PAUSE = 1000;

/** A message that waits for its answer. */
export interface Held<M> extends Leased {
  readonly message: M & Message;
  isEnded: boolean;
  /** Not there as long as it is not in the group. */
  readonly line: Line | undefined;
}

/** What those that are answered have in common. */
export interface Desk<M> {
  readonly settings: Settings<M>;
  readonly books: Books;
  readonly leases: Leases;
  /** Each nak counts as a start (law 10): an abort may give back very many. */
  readonly turn: Turn;
  /** A message has ended. */
  ended(held: Held<M>, fate: Fate): void;
  /** An answer has arrived. */
  look(): void;
  /** Tells `onError`. */
  report(error: unknown, message: M): void;
}

export class Answers<M extends Message> {
  readonly #desk: Desk<M>;
  /** How many of those that ended before the engine was told are on their way to it. */
  open = 0;

  constructor(desk: Desk<M>) {
    this.#desk = desk;
  }

  /** Its handler has succeeded. */
  ack(held: Held<M>): Promise<void> {
    const { message } = held;
    return this.#confirm(
      held,
      "acked",
      () => (message.ackAck ?? message.ack).call(message),
    );
  }

  /** It is not to be delivered again; its keeper, if there is one, has it first. */
  async bury(held: Held<M>, error: unknown): Promise<void> {
    const { settings: { onDead, patience }, leases } = this.#desk;
    const { message } = held;
    let isKept = true;
    try {
      if (onDead === undefined) this.#desk.report(error, message);
      else await onDead(message, error);
    } catch (thrown) {
      isKept = false;
      this.#desk.report(thrown, message);
    }
    if (leases.isLost(held)) this.end(held, "lost");
    else if (!isKept) this.nak(held, patience);
    else if (message.term) {
      await this.#confirm(held, "dead", () => message.term!());
    } else this.#giveBack(held, "dead", patience); // Its engine's own rule ends it.
  }

  /** It is to be delivered again: after so many milliseconds, as it has failed; or at once. */
  nak(held: Held<M>, ms?: number): void {
    this.#giveBack(held, ms === undefined ? "returned" : "retried", ms);
  }

  /** It is no message, and not in the books; but it may be possible to give it back. */
  refuse(message: M, error: unknown): void {
    this.#desk.report(error, message);
    const { patience } = this.#desk.settings;
    this.open++;
    this.#tell(message, () => (message as M | null)?.nak?.(patience));
  }

  #giveBack(held: Held<M>, fate: Fate, ms?: number): void {
    this.open++; // First: what ends last is to be waited for.
    this.end(held, fate);
    const { message } = held;
    this.#tell(
      message,
      () => ms === undefined ? message.nak() : message.nak(Math.ceil(ms)),
    );
  }

  /** Calls once: where that does not arrive, the engine's own wait for an answer ends. */
  async #tell(message: M, call: () => unknown): Promise<void> {
    const { settings: { patience }, turn } = this.#desk;
    while (!turn.mayStart()) await turn.turned();
    const error = await insist(call, patience, Infinity);
    if (error !== NONE) this.#desk.report(error, message);
    this.open--;
    this.#desk.look();
  }

  /** It has ended, once and for all: the books change. */
  end(held: Held<M>, fate: Fate): void {
    const { leases, books } = this.#desk;
    held.isEnded = true;
    leases.stop(held);
    books.end(fate);
    this.#desk.ended(held, fate);
  }

  async #confirm(
    held: Held<M>,
    fate: "acked" | "dead",
    call: () => unknown,
  ): Promise<void> {
    const { leases, settings: { patience } } = this.#desk;
    leases.stop(held);
    // Also where it is lost: what is done is done, and is to be known.
    const left = Math.min(leases.left(held), patience);
    const ms = Math.max(left, patience / 3);
    const error = await insist(call, ms, Math.min(ms / 10, PAUSE));
    this.end(held, error === NONE ? fate : "unconfirmed");
    if (error !== NONE) this.#desk.report(error, held.message);
  }
}
