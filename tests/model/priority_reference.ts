// deno-coverage-ignore-file

/**
 * The highest priority first; of equals the one that came first.
 *
 * @module
 */

import {
  isSame,
  type Placed,
  type Queued,
  type QueueModel,
} from "./queue_reference.ts";

export class PriorityModel<J extends Placed> implements QueueModel<J> {
  readonly whenFull = "wait";
  readonly keepsBehind = false;

  next({ jobs }: Queued<J>): readonly J[] {
    return inOrder(jobs).slice(0, 1);
  }

  mayRun(): boolean {
    return true;
  }

  mayClear(given: readonly J[], jobs: readonly J[]): boolean {
    return isSame(given, inOrder(jobs));
  }

  changed(): void {}

  looks(): void {}

  left(): void {}

  cleared(): void {}
}

/** A sort leaves equals in their order. */
function inOrder<J extends Placed>(jobs: readonly J[]): J[] {
  return jobs.toSorted((a, b) => b.priority - a.priority);
}
