/**
 * The feed of a running program, if the page comes from one: `serveTrace` has it.
 *
 * @module
 */

import type { TraceEvent } from "./trace.ts";

/** What the feed says at once. */
export interface Batch {
  readonly events: TraceEvent[];
  /** What runs, as if it ended now. */
  readonly open: TraceEvent[];
  /** How many steps were left out, since this page was too slow. */
  readonly missed: number;
}

export interface Listener {
  opened(): void;
  take(batch: Batch): void;
  /** The program is done, or gone. */
  ended(isDone: boolean): void;
}

/** Listens to the feed beside the page. Nothing happens where there is none. */
export function listen(listener: Listener): void {
  if (!location.protocol.startsWith("http")) return;
  const source = new EventSource("events");
  let isOpen = false;
  source.addEventListener("open", () => {
    isOpen = true;
    listener.opened();
  });
  source.addEventListener("message", ({ data }) => {
    listener.take(JSON.parse(data));
  });
  source.addEventListener("done", () => {
    source.close();
    listener.ended(true);
  });
  source.addEventListener("error", () => {
    // Else it would ask again for ever: a program that is gone does not come back.
    source.close();
    if (isOpen) listener.ended(false);
  });
}
