// deno-coverage-ignore-file

/**
 * Which queued task is next: what every kind of queue should say. Each has a
 * small file of its own.
 *
 * @module
 */

/** What has a place in a queue. */
export interface Placed {
  readonly id: number;
  readonly key: unknown;
  readonly priority: number;
  readonly weight: number;
  readonly state: string;
  /** How often it was started. */
  readonly attempt: number;
}

/** What is queued, in the order in which it came in, and what keeps its key. */
export interface Queued<J extends Placed> {
  readonly jobs: readonly J[];
  /** Those that run or are lent, and those that wait for another attempt. */
  readonly begun: readonly J[];
}

export interface QueueModel<J extends Placed> {
  /** What becomes of a task for which there is no room. */
  readonly whenFull: "wait" | "evict" | "refuse";
  /** Whether what is kept beyond the capacity comes behind who waits for room. */
  readonly keepsBehind: boolean;
  /** Those of which any may be the next one to start; none if none may. */
  next(queued: Queued<J>): readonly J[];
  /** Whether a task may start at all, if nobody knows in which order they came. */
  mayRun(job: J, queued: Queued<J>): boolean;
  /** Whether all of `jobs` may be given away in the order of `given`. */
  mayClear(given: readonly J[], jobs: readonly J[]): boolean;
  /** What is queued, or has begun, is another than it was. */
  changed(queued: Queued<J>): void;
  /**
   * The model looks whether somebody was let in, or has looked. Who was may
   * have come in at any time since it looked before; or only because of the
   * start that comes next.
   */
  looks(isLooking: boolean): void;
  /** A task has left the queue: it starts, or was taken out. */
  left(job: J, how: "started" | "withdrawn"): void;
  /** Tasks were cleared; those of streams came in anew, in that order. */
  cleared(): void;
}

/** Whether they are the same ones in the same order. */
export function isSame(
  a: readonly unknown[],
  b: readonly unknown[],
): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
