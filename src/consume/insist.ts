/**
 * Tells the engine something until it has confirmed that, or the time is over.
 *
 * @module
 */

import { type Maybe, NONE, promiseIn } from "../base/promises.ts";
import { Timer } from "../base/timer.ts";

/**
 * Calls, and calls again `pause` ms after each answer that confirms nothing: a throw, a
 * rejection, false. With Infinity it is called once. An answer of false after a rejection
 * is the last one: the message has its answer already (JetStream's second `ackAck`), and
 * whether that one arrived is not to be known.
 *
 * @returns NONE when it is confirmed, else the last error, after `ms` at the latest. A
 *   promise of that, unless the first answer is at hand.
 */
export function insist(
  call: () => unknown,
  ms: number,
  pause: number,
): Maybe<unknown> | Promise<Maybe<unknown>> {
  const first = attempt(call);
  if (first === undefined) return NONE;
  return new Promise((resolve) => {
    let isOver = false;
    let error: Maybe<unknown> = NONE;
    let isRejected = false;
    let again: Timer | undefined;
    const end = (outcome: Maybe<unknown>) => {
      isOver = true;
      last.clear();
      again?.clear();
      resolve(outcome);
    };
    const last = new Timer(ms, () => end(error === NONE ? no() : error));
    const onAnswer = (answer: unknown) => {
      if (answer !== false) end(NONE);
      else if (isRejected) end(error);
      else onFailure(no());
    };
    const onRejection = (thrown: unknown) => {
      isRejected = true;
      onFailure(thrown);
    };
    const onFailure = (thrown: unknown) => {
      if (isOver) return; // The answer has come too late.
      error = thrown;
      if (pause === Infinity) end(error);
      else again = new Timer(pause, () => follow(attempt(call)));
    };
    const follow = (answer: Promise<unknown> | undefined) =>
      answer === undefined
        ? end(NONE)
        : void answer.then(onAnswer, onRejection);
    follow(first);
  });
}

/** A promise of what the call answers; undefined if it is at hand, and confirms. */
function attempt(call: () => unknown): Promise<unknown> | undefined {
  try {
    const answer = call();
    return answer === false ? Promise.resolve(false) : promiseIn(answer);
  } catch (error) {
    return Promise.reject(error);
  }
}

function no(): Error {
  return new Error("The engine has not confirmed");
}
