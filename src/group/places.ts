/**
 * Keeps values at numbered places. A promise can be resolved with the number in place of
 * the value: then the engine looks for no `then`, and the promise keeps no value alive.
 *
 * Invariants:
 * 1. A place is free or has one value, which stays until it is taken.
 * 2. `#free` has each free place once. When all are free, and more than a few, the list of
 *    places starts anew.
 *
 * @module
 */

/** How many free places are kept when all are free. */
const FEW = 1024;

export class Places<T> {
  readonly #values: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Puts the value at a place of its own. */
  put(value: T): number {
    const place = this.#free.pop() ?? this.#values.length;
    this.#values[place] = value;
    return place;
  }

  /** Takes the value that was put there. */
  take(place: number): T {
    const value = this.#values[place] as T;
    this.#values[place] = undefined;
    if (this.#free.push(place) > FEW) this.#shrink();
    return value;
  }

  #shrink(): void {
    if (this.#free.length < this.#values.length) return;
    this.#values.length = this.#free.length = 0;
  }
}
