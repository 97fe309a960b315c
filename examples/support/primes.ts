/**
 * The thread's side of `small/threads.ts`: it answers each number with how many
 * primes are below it.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";

function primesBelow(n: number): number {
  const composite = new Uint8Array(n);
  let count = 0;
  for (let i = 2; i < n; i++) {
    if (composite[i]) continue;
    count++;
    for (let j = i * i; j < n; j += i) composite[j] = 1;
  }
  return count;
}

parentPort!.on("message", (n) => parentPort!.postMessage(primesBelow(n)));
