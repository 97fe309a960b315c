/**
 * The ids of the workers: small numbers, used again.
 *
 * Invariants:
 * 1. An id is in use, or in `#free`, or not below `#fresh`; never two of these.
 * 2. `#free` and `#fresh` are below the limit. Ids in use may be above it
 *    after a shrink; those are the strays, and are not given out again before
 *    they have come back.
 *
 * @module
 */

export class Ids {
  #free: number[] = [];
  #fresh = 0;
  #strays = new Set<number>();
  #used = 0;

  /** How many are in use. */
  get used(): number {
    return this.#used;
  }

  /** An id below the limit; somebody has to know that there is one left. */
  take(): number {
    this.#used++;
    const free = this.#free.pop();
    if (free !== undefined) return free;
    while (this.#strays.has(this.#fresh)) this.#fresh++;
    return this.#fresh++;
  }

  release(id: number): void {
    this.#used--;
    // A stray that `take` has gone past is an id like any other again.
    if (!this.#strays.delete(id) || id < this.#fresh) this.#free.push(id);
  }

  /** Sets the limit. O(limit), old or new: it is a rare thing to do. */
  resize(limit: number): void {
    const free = new Set(this.#free);
    for (let id = limit; id < this.#fresh; id++) {
      if (!free.has(id)) this.#strays.add(id);
    }
    this.#free = this.#free.filter((id) => id < limit);
    this.#fresh = Math.min(this.#fresh, limit);
  }
}
