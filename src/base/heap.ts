/**
 * A heap, in which each element has up to four below it, whose elements know their places, so that an element can be taken
 * out of the middle in O(log n).
 *
 * Invariants:
 * 1. No element comes before its parent, the one at `(index - 1) >> 2`.
 * 2. `element.index` is where it is; -1 when it is not in.
 *
 * @module
 */

/** Something that can be in a {@linkcode Heap}. */
export interface Placed {
  /** Where it is in the heap; -1 if it is in none. Only the heap writes it. */
  index: number;
}

export class Heap<E extends Placed> {
  readonly #elements: E[] = [];
  /** The last way down. Kept: to make a list for each takes a third of the time. */
  readonly #way: number[] = [];
  readonly #before: (a: E, b: E) => boolean;

  /** `before` tells whether `a` comes out before `b`. */
  constructor(before: (a: E, b: E) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#elements.length;
  }

  get first(): E | undefined {
    return this.#elements[0];
  }

  /** A copy of all elements, in no order. */
  get all(): E[] {
    return [...this.#elements];
  }

  push(element: E): void {
    const { length } = this.#elements;
    const index = this.#rise(element, length);
    this.#elements.push(element);
    this.#lower(length, index);
    this.#put(element, index);
  }

  shift(): E | undefined {
    const first = this.first;
    if (first !== undefined) this.delete(first);
    return first;
  }

  /** Takes out an element that is in. */
  delete(element: E): void {
    const { index } = element;
    const end = this.#elements.length - 1;
    const last = this.#elements[end]!;
    if (last !== element) this.#replace(index, last, end);
    this.#elements.pop();
    element.index = -1;
  }

  /** Puts an element that is in, and of which `before` tells something else now, in its place. */
  update(element: E): void {
    this.#replace(element.index, element, this.#elements.length);
  }

  /** Takes out all elements, in no order. Makes no comparison. */
  clear(): E[] {
    const elements = this.#elements.splice(0);
    for (const element of elements) element.index = -1;
    return elements;
  }

  // WARNING: `before` may throw. So all comparisons are made before anything moves.

  /** Puts the element in the place of the one at `index`, or above or below that. */
  #replace(index: number, element: E, end: number): void {
    const up = this.#rise(element, index);
    const steps = up < index ? 0 : this.#sink(element, index, end);
    this.#lower(index, up);
    let at = up;
    for (let i = 0; i < steps; i++) {
      const child = this.#way[i]!;
      this.#put(this.#elements[child]!, at);
      at = child;
    }
    this.#put(element, at);
  }

  /** Where the element comes to rest on its way up from `index`. */
  #rise(element: E, index: number): number {
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!this.#before(element, this.#elements[parent]!)) break;
      index = parent;
    }
    return index;
  }

  /** Moves each element on the way from `from` up to `to` down by one. */
  #lower(from: number, to: number): void {
    while (from > to) {
      const parent = (from - 1) >> 2;
      this.#put(this.#elements[parent]!, from);
      from = parent;
    }
  }

  /** Writes down the places on the element's way down from `index`, all before `end`. How many they are. */
  #sink(element: E, index: number, end: number): number {
    const elements = this.#elements;
    let steps = 0;
    for (let child = 4 * index + 1; child < end; child = 4 * child + 1) {
      const last = Math.min(child + 4, end);
      for (let other = child + 1; other < last; other++) {
        if (this.#before(elements[other]!, elements[child]!)) child = other;
      }
      if (!this.#before(elements[child]!, element)) break;
      this.#way[steps++] = child;
    }
    return steps;
  }

  #put(element: E, index: number): void {
    this.#elements[index] = element;
    element.index = index;
  }
}
