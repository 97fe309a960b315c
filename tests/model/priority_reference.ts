// deno-coverage-ignore-file

/**
 * The highest priority first; of equals the one that came first.
 *
 * @module
 */

import type { Job } from "./jobs.ts";
import { isSame, type Queued, type QueueModel } from "./queue_reference.ts";

export class PriorityModel implements QueueModel {
  readonly whenFull = "wait";
  readonly keepsBehind = false;

  next({ jobs }: Queued): readonly Job[] {
    return inOrder(jobs).slice(0, 1);
  }

  mayRun(): boolean {
    return true;
  }

  mayDrain(given: readonly Job[], jobs: readonly Job[]): boolean {
    return isSame(given, inOrder(jobs));
  }

  changed(): void {}

  looks(): void {}

  left(): void {}

  drained(): void {}
}

/** A sort leaves equals in their order. */
function inOrder(jobs: readonly Job[]): Job[] {
  return jobs.toSorted((a, b) => b.priority - a.priority);
}
