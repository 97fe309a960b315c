/**
 * A clock and timers that nothing fakes: taken before anything can, so this is
 * loaded first.
 */

import { clearTimeout, setImmediate, setTimeout } from "node:timers";

const later = setTimeout;
const forget = clearTimeout;
const nextTurn = setImmediate;
/** Milliseconds after which a check hangs. What it does takes a tenth of that. */
const TOO_LONG = 2_000;

const shared = new Int32Array(new SharedArrayBuffer(4));
/** Holds the thread for a millisecond. */
export function burn() {
  Atomics.wait(shared, 0, 0, 1);
}

/** What the promise gives, unless it hangs. */
export async function inTime(promise, what) {
  let timer;
  const hangs = new Promise((_, reject) => {
    timer = later(() => reject(new Error(`hangs: ${what()}`)), TOO_LONG);
  });
  try {
    return await Promise.race([promise, hangs]);
  } finally {
    forget(timer);
  }
}

/** Lets happen what can happen without a faked timer. */
export async function settled() {
  for (let i = 0; i < 5; i++) await new Promise((done) => nextTurn(done));
}
