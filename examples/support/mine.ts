/**
 * The thread's side of `threads.ts`: it answers each job with its proof.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** What to prove: that this much work was done for this text. */
export interface Job {
  text: string;
  /** How many zero bits the hash begins with: up to 32. */
  bits: number;
}

/** The work: SHA-256 of the text and the nonce begins with the zero bits. */
export interface Proof {
  nonce: number;
  hash: string;
}

/** The first nonce that will do. */
function mine({ text, bits }: Job): Proof {
  for (let nonce = 0;; nonce++) {
    const hash = createHash("sha256").update(text + nonce).digest();
    if (Math.clz32(hash.readUInt32BE()) >= bits) {
      return { nonce, hash: hash.toString("hex") };
    }
  }
}

// The types of a worker's globals would get in the way of those of a program's.
const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage: (proof: Proof) => void;
};

thread.onmessage = ({ data }) => thread.postMessage(mine(data));
