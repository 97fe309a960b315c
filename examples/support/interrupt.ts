/**
 * What Ctrl-C does to an example: the first one starts nothing more and lets
 * what runs finish, the next one stops that, too. Each is said.
 *
 * @module
 */

import process from "node:process";
import type { CoGroup } from "../../mod.ts";
import { report } from "./output.ts";

/** For the usage. */
export const CTRL_C = `
Ctrl-C starts nothing more and lets what runs finish; once more stops at once.`;

/**
 * Aborts the group at the first Ctrl-C. The second one calls `again`, or ends the
 * program; so does the third. Nothing listens any more when it is disposed of.
 */
export function stopOnInterrupt(
  name: string,
  group: CoGroup,
  again?: () => void,
): Disposable {
  // WARNING: one listener for both. Deno has a signal reach a listener that was
  // added while it was told of.
  const interrupt = () => {
    const isFirst = !group.signal.aborted;
    if (isFirst) {
      group.abort(new Error("interrupted"));
      report(`${name}: finishing ${group.inFlight}; once more to stop`);
    }
    // Without a listener the next one ends the program. Last: it may come at once.
    if (!isFirst || !again) process.off("SIGINT", interrupt);
    if (!isFirst) again!();
  };
  process.on("SIGINT", interrupt);
  return { [Symbol.dispose]: () => void process.off("SIGINT", interrupt) };
}
