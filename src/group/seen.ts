/**
 * A task, as an observer sees it.
 *
 * @module
 */

import type { TaskOptions } from "../task.ts";
import type { ObservedTask } from "./observer.ts";

export class Seen implements ObservedTask {
  readonly number: number;
  readonly id: unknown;
  readonly key: unknown;
  readonly priority: number;
  readonly weight: number;
  #since: number;

  constructor(
    number: number,
    options: TaskOptions | undefined,
    weight: number,
    now: number,
  ) {
    this.number = number;
    this.id = options?.id;
    this.key = options?.key;
    this.priority = options?.priority ?? 0;
    this.weight = weight;
    this.#since = now;
  }

  /** For how long it has been what it is. */
  for(now: number): number {
    return now - this.#since;
  }

  /** It becomes something else. For how long it was what it was. */
  turn(now: number): number {
    const elapsed = now - this.#since;
    this.#since = now;
    return elapsed;
  }
}
