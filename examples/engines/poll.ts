/**
 * For engines that have to be asked again and again.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Message, Receive } from "../../src/consume/mod.ts";

/** How `take` is asked, and what hears of its failures. */
export interface PollOptions {
  /** Ms from one question to the next, while there is nothing. Default: 100. */
  poll?: number;
  /** Hears that the server could not be asked. It is asked again. */
  onError?: (error: unknown) => void;
}

/** Asks until there are some, also while the server is away. */
export function polled<M extends Message>(
  take: (room: number) => Promise<M[]>,
  { poll = 100, onError = console.error }: PollOptions,
): Receive<M> {
  return async (room, signal) => {
    while (!signal.aborted) {
      const taken = await take(room).catch(onError) ?? [];
      if (taken.length > 0) return taken;
      await sleep(poll, undefined, { signal }).catch(() => {});
    }
    return [];
  };
}
