// deno-coverage-ignore-file

/**
 * What a proof of `examples/threads.ts` has to be.
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";
import { ROUNDS } from "../../../examples/support/mine.ts";

/** The hash of a text with a nonce. */
export function hashOf(text: string, nonce: unknown): string {
  return pbkdf2Sync(text, `${nonce}`, ROUNDS, 32, "sha256").toString("hex");
}
