/**
 * Values that wait at numbered places to be called for by number. A promise
 * that is resolved with a number is asked for no `then`, and keeps hold of nothing.
 *
 * Invariants:
 * 1. A place is free, or has the one value that was put there; whoever was told
 *    its number takes that value, whatever happens at other places meanwhile.
 * 2. `#free` has the free places, each once. Their number is small again soon
 *    after it was large.
 *
 * @module
 */

/** So many free places are kept, though nothing is at any place. */
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
