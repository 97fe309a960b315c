/**
 * What a durable queue gives: messages, and a way to ask for them.
 *
 * @module
 */

import { callable, count } from "../base/check.ts";
import { wrongType } from "../base/errors.ts";

/**
 * A message of a durable queue, which waits for an answer: `ack`, `nak` or `term`. It is
 * structural: JetStream's `JsMsg` is one, as it is. Each answer is called as a method,
 * and may return a promise.
 *
 * @example One of a queue in memory
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume, type Message } from "@cogroup/cogroup/consume";
 *
 * const answers: string[] = [];
 * const message: Message = {
 *   ack: () => void answers.push("ack"),
 *   nak: () => void answers.push("nak"),
 * };
 * async function* source() {
 *   yield await Promise.resolve(message);
 * }
 * const group = new CoGroup(1);
 * await consume(group, source(), () => "done").wait();
 * await group.wait();
 * assert.deepEqual(answers, ["ack"]);
 * ```
 */
export interface Message {
  /**
   * It is done. A promise is awaited; one that rejects, or an answer of false, means that
   * the engine has not confirmed it: then it is called again. A false after a rejection
   * means that the message has had its answer before, and it is not known which.
   */
  ack(): unknown;
  /**
   * It is to be delivered again.
   *
   * @param delayMs After so many milliseconds; at once without it.
   */
  nak(delayMs?: number): unknown;
  /**
   * It is never to be delivered again. Without it there is a `nak`, for after a lease, and
   * the engine's own rule has to end the message (SQS's redrive). Where the engine has no
   * such rule, the message comes for ever, and is dead each time.
   */
  term?(): unknown;
  /**
   * It is still worked at: its lease begins anew. An answer of false, or a promise of
   * that, means that the message is another consumer's by now. Without it, the message
   * has no lease, and can't be lost.
   */
  working?(): unknown;
  /** It is done, and the engine confirms that. If there is one, it is called instead of `ack`. */
  ackAck?(): Promise<unknown>;
  /** What the engine knows of it. */
  readonly info?: {
    /**
     * How often it was delivered, this time included: a positive integer. Without it, this
     * is the first time; then no failure is the last one, but of attempts in place.
     */
    readonly deliveryCount: number;
  } | undefined;
}

/**
 * Asks the engine for messages. Called when there is room, and again when what it gave
 * is at an end and there is room again. If it throws or rejects, the consumption ends: an
 * adapter has to get over a connection that breaks by itself.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume, type Message, type Receive } from "@cogroup/cogroup/consume";
 *
 * const stored: Message[] = [1, 2, 3].map(() => ({ ack() {}, nak() {} }));
 * const receive: Receive<Message> = (room, signal) => {
 *   if (stored.length > 0) return stored.splice(0, room);
 *   return new Promise((resolve) => { // There will be no more.
 *     const end = () => resolve([]);
 *     if (signal.aborted) end();
 *     else signal.addEventListener("abort", end, { once: true });
 *   });
 * };
 * const group = new CoGroup(2);
 * const consumption = consume(group, receive, () => "done");
 * while (consumption.stats.acked < 3) await group.idle();
 * await group.wait();
 * await consumption.wait();
 * ```
 *
 * @typeParam M The type of the messages.
 * @param room At most how many. A positive integer.
 * @param signal Speaks when no more are wanted. To resolve with what has come by then, or
 *   with nothing, is as good as to reject with its reason, or an AbortError. It is one
 *   for all calls: a listener that stays adds up.
 * @returns The messages, as soon as there are any: an iterable or an async iterable, or
 *   a promise of one.
 */
export type Receive<M> = (
  room: number,
  signal: AbortSignal,
) =>
  | Iterable<M>
  | AsyncIterable<M>
  | PromiseLike<Iterable<M> | AsyncIterable<M>>;

/**
 * How often a message was delivered. Throws what is wrong with it, if it is none: before
 * it is in the books.
 */
export function deliveriesOf(message: Message): number {
  if (typeof message !== "object" || message === null) {
    throw wrongType("consume", "message", "an object", message);
  }
  callable("consume", "message.nak", message.nak);
  callable("consume", "message.ack", message.ackAck ?? message.ack);
  for (const name of ["term", "working"] as const) {
    callable("consume", `message.${name}`, message[name] ?? callable);
  }
  const given: unknown = message.info?.deliveryCount ?? 1;
  const deliveries = typeof given === "bigint" ? Number(given) : given;
  return count("consume", "message.info.deliveryCount", deliveries, 1);
}
