/**
 * The thread's side of `threads.ts`: it answers each job with its proof.
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";
import { parentPort } from "node:worker_threads";

/** What to prove: that this much work was done for this text. */
export interface Job {
  text: string;
  /** How many zero bits the hash begins with: up to 32. */
  bits: number;
}

/** The work: the hash of the text with the nonce begins with the zero bits. */
export interface Proof {
  nonce: number;
  hash: string;
}

/**
 * How often SHA-256 is done for one nonce: slow, as for a password. With a fast
 * hash a thread makes garbage for most of the time, and threads share the
 * memory's pace.
 */
export const ROUNDS = 1000;

/** The first nonce that will do. */
function mine({ text, bits }: Job): Proof {
  for (let nonce = 0;; nonce++) {
    const hash = pbkdf2Sync(text, `${nonce}`, ROUNDS, 32, "sha256");
    if (Math.clz32(hash.readUInt32BE()) >= bits) {
      return { nonce, hash: hash.toString("hex") };
    }
  }
}

parentPort?.on("message", (job: Job) => parentPort!.postMessage(mine(job)));
