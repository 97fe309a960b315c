/**
 * Tells the engine something until it has confirmed that, or the time is over.
 *
 * @module
 */

import { isThenable, type Maybe, NONE } from "../base/promises.ts";
import { Timer } from "../base/timer.ts";

/**
 * Calls, and calls again `pause` ms after each answer that confirms nothing: a throw, a
 * rejection, false. With Infinity it is called once.
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
  if (first !== false && !isThenable(first)) return NONE;
  return new Promise((resolve) => {
    let isOver = false;
    let error: Maybe<unknown> = NONE;
    let again: Timer | undefined;
    const end = (outcome: Maybe<unknown>) => {
      isOver = true;
      last.clear();
      again?.clear();
      resolve(outcome);
    };
    const last = new Timer(ms, () => end(error === NONE ? no() : error));
    const onAnswer = (answer: unknown) => {
      if (answer === false) onFailure(no());
      else end(NONE);
    };
    const onFailure = (thrown: unknown) => {
      if (isOver) return; // The answer has come too late.
      error = thrown;
      if (pause === Infinity) end(error);
      else again = new Timer(pause, () => follow(attempt(call)));
    };
    const follow = (answer: unknown) =>
      void Promise.resolve(answer).then(onAnswer, onFailure);
    follow(first);
  });
}

/** What the call returns; a promise that rejects with what it throws. */
function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}

function no(): Error {
  return new Error("The engine has not confirmed");
}
