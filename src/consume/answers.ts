/**
 * What the engine is told of each message, once.
 *
 * Invariants:
 * 1. A delivery ends once, by `#end`: there the books change. What need not be confirmed
 *    ends before the engine is told.
 * 2. From the moment in which the engine is told, the lease is not renewed any more: the
 *    engine has as long as is left of it to confirm.
 *
 * @module
 */

import { print } from "../base/errors.ts";
import { NONE, tell } from "../base/promises.ts";
import type { Books, Fate } from "./books.ts";
import type { Delivery } from "./delivery.ts";
import { insist } from "./insist.ts";
import type { Leases } from "./leases.ts";
import type { Message } from "./message.ts";
import type { Settings } from "./options.ts";

/** The most milliseconds until the engine is told once more what it has not confirmed. */
const PAUSE = 1000;

export class Answers<M extends Message> {
  readonly #settings: Settings<M>;
  readonly #books: Books;
  readonly #leases: Leases;
  readonly #onEnd: () => void;
  /** How many of those that ended before the engine was told are on their way to it. */
  open = 0;

  /** `onEnd` is called when a delivery has ended, and when an answer has arrived. */
  constructor(
    settings: Settings<M>,
    books: Books,
    leases: Leases,
    onEnd: () => void,
  ) {
    this.#settings = settings;
    this.#books = books;
    this.#leases = leases;
    this.#onEnd = onEnd;
  }

  /** Its handler has succeeded. */
  ack(delivery: Delivery<M>): Promise<void> {
    const { message } = delivery;
    const call = () =>
      message.ackAck === undefined ? message.ack() : message.ackAck();
    return this.#confirm(delivery, "acked", call);
  }

  /** It is not to be delivered again; its keeper, if there is one, has it first. */
  async bury(delivery: Delivery<M>, error: unknown): Promise<void> {
    const { onDead, patience } = this.#settings;
    const { message } = delivery;
    try {
      if (onDead === undefined) this.report(error, message);
      else await onDead(message, error);
    } catch (thrown) {
      this.report(thrown, message);
      return this.nak(delivery, "retried", patience);
    }
    if (delivery.isLost()) return this.forget(delivery);
    const call = () =>
      message.term === undefined ? message.nak() : message.term();
    await this.#confirm(delivery, "dead", call);
  }

  /** It is to be delivered again, at once or after so many milliseconds. */
  async nak(
    delivery: Delivery<M>,
    fate: "retried" | "returned",
    ms?: number,
  ): Promise<void> {
    if (!this.#end(delivery, fate)) return;
    const { message } = delivery;
    const call = () =>
      ms === undefined ? message.nak() : message.nak(Math.ceil(ms));
    this.open++;
    const error = await insist(call, this.#settings.patience, Infinity);
    if (error !== NONE) this.report(error, message);
    this.open--;
    this.#onEnd();
  }

  /** It is another consumer's: an answer would do harm. */
  forget(delivery: Delivery<M>): void {
    this.#end(delivery, "lost");
  }

  report(error: unknown, message?: M): void {
    const { onError } = this.#settings;
    tell(() => onError(error, message), print);
  }

  async #confirm(
    delivery: Delivery<M>,
    fate: "acked" | "dead",
    call: () => unknown,
  ): Promise<void> {
    const { lease, message } = delivery;
    const { patience } = this.#settings;
    this.#leases.stop(lease);
    const left = Math.min(lease.until - this.#leases.now(), patience);
    // Also where it is lost: what is done is done, and is to be known.
    const ms = Math.max(left, patience / 3);
    const error = await insist(call, ms, Math.min(ms / 10, PAUSE));
    this.#end(delivery, error === NONE ? fate : "unconfirmed");
    if (error !== NONE) this.report(error, message);
  }

  #end(delivery: Delivery<M>, fate: Fate): boolean {
    if (delivery.isEnded) return false;
    delivery.isEnded = true;
    this.#leases.stop(delivery.lease);
    this.#books.end(fate);
    this.#onEnd();
    return true;
  }
}
