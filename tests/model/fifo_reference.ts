// deno-coverage-ignore-file

/**
 * First in, first out: the default, sliding and dropping queues, which differ
 * in what happens when they are full.
 *
 * @module
 */

import {
  isSame,
  type Placed,
  type Queued,
  type QueueModel,
} from "./queue_reference.ts";

export class FifoModel<J extends Placed> implements QueueModel<J> {
  readonly whenFull: QueueModel<Placed>["whenFull"];
  readonly keepsBehind = true;

  constructor(whenFull: QueueModel<Placed>["whenFull"]) {
    this.whenFull = whenFull;
  }

  next({ jobs }: Queued<J>): readonly J[] {
    return jobs.slice(0, 1);
  }

  mayRun(): boolean {
    return true;
  }

  mayClear(given: readonly J[], jobs: readonly J[]): boolean {
    return isSame(given, jobs);
  }

  changed(): void {}

  looks(): void {}

  left(): void {}

  cleared(): void {}
}
