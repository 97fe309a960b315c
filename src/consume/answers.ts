/**
 * What the engine is told of each message, once.
 *
 * Invariants:
 * 1. A delivery ends once, by `#end`: there the books change, before anything is told.
 *    Only of `ack` and `term` the answer is awaited first.
 * 2. From the moment in which it is told, a message's lease is not renewed any more: the
 *    engine has as long as is left of it to confirm.
 *
 * @module
 */

import { domError, print } from "../base/errors.ts";
import { deferred, isThenable, tell } from "../base/promises.ts";
import { Timer } from "../base/timer.ts";
import type { Books, Fate } from "./books.ts";
import type { Delivery } from "./delivery.ts";
import type { Leases } from "./leases.ts";
import type { Message } from "./message.ts";
import type { Settings } from "./options.ts";

/** The most milliseconds between two calls of what the engine has not confirmed. */
const PAUSE = 1000;

export class Answers<M extends Message> {
  readonly #settings: Settings<M>;
  readonly #books: Books;
  readonly #leases: Leases;
  readonly #onEnd: () => void;
  /** How many answers are on their way to the engine, beside those of held messages. */
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
  async ack(delivery: Delivery<M>): Promise<void> {
    const { message } = delivery;
    const call = () =>
      message.ackAck === undefined ? message.ack() : message.ackAck();
    await this.#confirm(delivery, "acked", call);
  }

  /** It will not be delivered again; its keeper, if there is one, has it first. */
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
    if (delivery.isLost) return this.forget(delivery);
    const call = () =>
      message.term === undefined ? message.nak() : message.term();
    await this.#confirm(delivery, "dead", call);
  }

  /** It is to be delivered again, at once or after so many milliseconds. */
  nak(delivery: Delivery<M>, fate: "retried" | "returned", ms?: number): void {
    if (!this.#end(delivery, fate)) return;
    const { message } = delivery;
    const onArrival = () => {
      this.open--;
      this.#onEnd();
    };
    const onFailure = (error: unknown) => {
      this.report(error, message);
      onArrival();
    };
    this.open++;
    try {
      const answer = ms === undefined
        ? message.nak()
        : message.nak(Math.ceil(ms));
      if (isThenable(answer)) answer.then(onArrival, onFailure);
      else onArrival();
    } catch (error) {
      onFailure(error);
    }
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
    const { lease } = delivery;
    this.#leases.stop(lease);
    const { patience } = this.#settings;
    const left = Math.min(lease.until - this.#leases.now(), patience);
    const error = await this.#insist(call, Math.max(left, patience / 3));
    if (error === undefined) this.#end(delivery, fate);
    else {
      this.#end(delivery, "unconfirmed");
      this.report(error, delivery.message);
    }
  }

  /** Calls until that is confirmed; the error if it is not, in so many milliseconds. */
  #insist(call: () => unknown, ms: number): Promise<unknown> | undefined {
    const answer = attempt(call);
    if (!isThenable(answer) && answer !== false) return undefined;
    const { promise, resolve } = deferred<unknown>();
    let error: unknown = domError(
      "The engine has not answered",
      "TimeoutError",
    );
    let again: Timer | undefined;
    const last = new Timer(ms, () => {
      again?.clear();
      resolve(error);
    });
    const onAnswer = (answer: unknown) => {
      if (answer !== false) {
        last.clear();
        resolve(undefined);
      } else onFailure(new Error("The engine has not confirmed the answer"));
    };
    const onFailure = (thrown: unknown) => {
      error = thrown;
      again = new Timer(Math.min(ms / 10, PAUSE), () => follow(attempt(call)));
    };
    const follow = (answer: unknown) =>
      void Promise.resolve(answer).then(onAnswer, onFailure);
    follow(answer);
    return promise;
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

/** What the call returns; a promise that rejects with what it throws. */
function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}
