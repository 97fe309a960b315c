// deno-coverage-ignore-file

/**
 * Everything in the library that waits for a time.
 *
 * @module
 */

import type { CoGroup as Group } from "../../mod.ts";

type Library = typeof import("../../mod.ts");

/** Begins to wait for so many milliseconds; the promise settles when they are over. */
export type Wait = (ms: number) => Promise<unknown>;

/** A task that fails the first time. */
export function failsOnce({ attempt }: { attempt: number }): string {
  if (attempt === 1) throw new Error("the first attempt");
  return "done";
}

export const after = (ms: number): {
  retry: { maxAttempts: number; delay: () => number };
} => ({ retry: { maxAttempts: 2, delay: () => ms } });

/** All of them. Retries and timeouts are of one group, progress() of another. */
export function waits({ CoGroup, rateLimit }: Library): Record<string, Wait> {
  const busy = new CoGroup({ concurrency: Infinity, slice: Infinity });
  const paused = new CoGroup({ concurrency: 1, paused: true });
  return {
    "a retry": (ms) => busy.go(failsOnce, after(ms)),
    "a timeout": (ms) =>
      busy.go(() => new Promise(() => {}), { timeout: ms }).catch(() => {}),
    "a grace": (ms) =>
      spoken(new CoGroup({ concurrency: 1, grace: ms, slice: Infinity })),
    "progress()": async (ms) => {
      const snapshots = paused.progress({ interval: ms });
      await snapshots.next();
      paused.add(() => {}); // There is no second snapshot of the same state.
      await snapshots.next();
    },
    "rateLimit().acquire()": (ms) => {
      const rate = rateLimit({ limit: 1, interval: ms });
      rate.tryAcquire();
      return rate.acquire();
    },
    "a group under a rateLimit()": (ms) => {
      const governor = rateLimit({ limit: 1, interval: ms });
      const group = new CoGroup({ concurrency: 2, governor, slice: Infinity });
      group.add(() => {});
      return group.go(() => {});
    },
    "rateLimit().pauseFor()": (ms) => {
      const rate = rateLimit({ limit: Infinity, interval: 1 });
      rate.pauseFor(ms);
      return rate.acquire();
    },
  };
}

/** When a running task hears of the group's abort. */
function spoken(group: Group): Promise<void> {
  return new Promise((resolve) => {
    group.add(({ signal }) => {
      signal.addEventListener("abort", () => resolve());
      group.abort();
      return new Promise(() => {});
    });
  });
}
