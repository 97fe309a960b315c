/**
 * A binary heap whose elements know where they are, so that one of them can
 * be taken out of the middle in O(log n).
 *
 * Invariants:
 * 1. No element comes before its parent, the one at `(index - 1) >> 1`.
 * 2. `element.index` is where it is; -1 when it is not in.
 *
 * @module
 */

/** Something that can be in a {@linkcode Heap}. */
export interface Placed {
  /** Where it is; -1 if nowhere. Written by the heap alone. */
  index: number;
}

export class Heap<E extends Placed> {
  readonly #elements: E[] = [];
  readonly #before: (a: E, b: E) => boolean;

  /** `before` tells whether `a` has to come out before `b`. */
  constructor(before: (a: E, b: E) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#elements.length;
  }

  get first(): E | undefined {
    return this.#elements[0];
  }

  push(element: E): void {
    this.#elements.push(element);
    this.#rise(element, this.#elements.length - 1);
  }

  shift(): E | undefined {
    const first = this.first;
    if (first !== undefined) this.delete(first);
    return first;
  }

  /** Takes out an element that is in. */
  delete(element: E): void {
    const { index } = element;
    const last = this.#elements.pop()!;
    element.index = -1;
    if (last === element) return;
    this.#sink(last, this.#rise(last, index));
  }

  /** Moves the element up from `index` to where it may stay; says where that is. */
  #rise(element: E, index: number): number {
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#elements[parent]!;
      if (!this.#before(element, above)) break;
      this.#put(above, index);
      index = parent;
    }
    this.#put(element, index);
    return index;
  }

  #sink(element: E, index: number): void {
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#elements.length) break;
      const right = this.#elements[child + 1];
      if (right !== undefined && this.#before(right, this.#elements[child]!)) {
        child++;
      }
      const below = this.#elements[child]!;
      if (!this.#before(below, element)) break;
      this.#put(below, index);
      index = child;
    }
    this.#put(element, index);
  }

  #put(element: E, index: number): void {
    this.#elements[index] = element;
    element.index = index;
  }
}
