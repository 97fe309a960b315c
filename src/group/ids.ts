/**
 * The ids of the workers, small numbers that are used again; and what each works at.
 *
 * Invariants:
 * 1. Each id below `#fresh` is in use or in `#free`, never both. Ids in `#free`, and
 *    `#fresh` itself, don't go beyond the limit.
 * 2. A shrink of the limit may leave ids in use that are not below `#fresh`: these are in
 *    `#strays`, and are not given out before they have come back.
 *
 * @module
 */

import type { QueuedTask, Task } from "../task.ts";

/** The id of a worker that has none yet. */
export const NO_ID = -1;

/** Says what a worker works at. */
export interface Desk {
  item: Task | QueuedTask | undefined;
}

export class Ids {
  #free: number[] = [];
  #fresh = 0;
  #strays = new Set<number>();
  #used = 0;
  readonly #desks: (Desk | undefined)[] = [];

  /** How many are in use. */
  get used(): number {
    return this.#used;
  }

  /** The ids in use, and what their workers are at. */
  get all(): [number, Task | QueuedTask][] {
    const all: [number, Task | QueuedTask][] = [];
    for (const [id, desk] of this.#desks.entries()) {
      if (desk?.item !== undefined) all.push([id, desk.item]);
    }
    return all;
  }

  /** Takes an id below the limit. The caller has checked that one is left. */
  take(desk: Desk): number {
    this.#used++;
    let id = this.#free.pop();
    if (id === undefined) {
      while (this.#strays.has(this.#fresh)) this.#fresh++;
      id = this.#fresh++;
    }
    this.#desks[id] = desk;
    return id;
  }

  /** The worker with this id has another desk from now on. */
  move(id: number, desk: Desk): void {
    this.#desks[id] = desk;
  }

  release(id: number): void {
    this.#used--;
    // A stray below `#fresh`, which `take` has skipped, is an id like any other again.
    if (!this.#strays.delete(id) || id < this.#fresh) this.#free.push(id);
    this.#desks[id] = undefined;
  }

  /** Sets the limit. O(limit), the old or the new one: it is done rarely. */
  resize(limit: number): void {
    const free = new Set(this.#free);
    for (let id = limit; id < this.#fresh; id++) {
      if (!free.has(id)) this.#strays.add(id);
    }
    this.#free = this.#free.filter((id) => id < limit);
    this.#fresh = Math.min(this.#fresh, limit);
  }
}
