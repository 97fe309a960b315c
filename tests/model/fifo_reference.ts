// deno-coverage-ignore-file

/**
 * First in, first out: the default, sliding and dropping queues, which differ
 * in what happens when they are full.
 *
 * @module
 */

import type { Job } from "./jobs.ts";
import { isSame, type Queued, type QueueModel } from "./queue_reference.ts";

export class FifoModel implements QueueModel {
  readonly whenFull: QueueModel["whenFull"];
  readonly keepsBehind = true;

  constructor(whenFull: QueueModel["whenFull"]) {
    this.whenFull = whenFull;
  }

  next({ jobs }: Queued): readonly Job[] {
    return jobs.slice(0, 1);
  }

  mayRun(): boolean {
    return true;
  }

  mayDrain(given: readonly Job[], jobs: readonly Job[]): boolean {
    return isSame(given, jobs);
  }

  changed(): void {}

  looks(): void {}

  left(): void {}

  drained(): void {}
}
