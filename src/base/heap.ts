/**
 * A heap, in which each element has up to four below it. The one of the lowest rank comes
 * out first; of equal ones the one that was pushed first.
 *
 * The ranks and turns are beside the elements: a comparison of numbers in a list takes
 * half of the time of one that looks into two objects (bench: j, priorities). And no
 * element is told where it is, unless the heap's owner asks for that.
 *
 * Invariants:
 * 1. The element at `i` has its rank and its turn at the same place of their lists.
 * 2. No element comes before its parent, the one at `(i - 1) >> 2`.
 *
 * @module
 */

/** Compares two elements of equal ranks, as the function of `Array.sort` does. */
type Compare<E> = (a: E, b: E) => number;

export class Heap<E> {
  readonly #elements: E[] = [];
  readonly #ranks: number[] = [];
  /** Which push each came with. */
  readonly #turns: number[] = [];
  #pushes = 0;
  /** The last way up or down. Kept: to make a list for each takes a third of the time. */
  readonly #way: number[] = [];
  readonly #compare: Compare<E> | undefined;
  /** Is told of each place that an element comes to, for `delete` and `update`. */
  onMove: ((element: E, place: number) => void) | undefined;

  constructor(compare?: Compare<E>, onMove?: Heap<E>["onMove"]) {
    this.#compare = compare;
    this.onMove = onMove;
  }

  get size(): number {
    return this.#elements.length;
  }

  get first(): E | undefined {
    return this.#elements[0];
  }

  /** The rank of the first one; Infinity if there is none. */
  get firstRank(): number {
    return this.#ranks[0] ?? Infinity;
  }

  /** Where an element is that is in. O(n): `onMove` tells it at once. */
  placeOf(element: E): number {
    return this.#elements.indexOf(element);
  }

  /** All elements, in the order in which they come out; they stay. */
  get all(): E[] {
    const ranks = this.#ranks;
    return this.#sorted((a, b) =>
      ranks[a]! - ranks[b]! || (this.#isEarlier(a, b) ? -1 : 1)
    );
  }

  /** All elements, in the order in which they were pushed. Makes no comparison of them. */
  get pushed(): E[] {
    return this.#sorted((a, b) => this.#turns[a]! - this.#turns[b]!);
  }

  /** Puts the element in, and returns its place. */
  push(element: E, rank: number): number {
    const { length } = this.#elements;
    return this.#settle(length, element, rank, this.#pushes++, length);
  }

  shift(): E | undefined {
    const { first } = this;
    if (first !== undefined) this.delete(0);
    return first;
  }

  /** Takes out the element at that place. */
  delete(place: number): void {
    const end = this.#elements.length - 1;
    if (place < end) {
      const last = this.#elements[end]!;
      this.#settle(place, last, this.#ranks[end]!, this.#turns[end]!, end);
    }
    this.#elements.pop();
    this.#ranks.pop();
    this.#turns.pop();
  }

  /** The element at that place has another rank now: puts it where it belongs. */
  update(place: number, rank: number): void {
    const element = this.#elements[place]!;
    const turn = this.#turns[place]!;
    this.#settle(place, element, rank, turn, this.#elements.length);
  }

  clear(): void {
    this.#elements.length = this.#ranks.length = this.#turns.length = 0;
  }

  // WARNING: `compare` may throw. So all comparisons are made before anything moves.

  /** Puts the element in that place, or above or below it; and returns where. */
  #settle(
    place: number,
    element: E,
    rank: number,
    turn: number,
    end: number,
  ): number {
    const elements = this.#elements;
    const ranks = this.#ranks;
    const turns = this.#turns;
    const way = this.#way;
    const steps = this.#rise(element, rank, turn, place) ||
      this.#sink(element, rank, turn, place, end);
    for (let i = 0; i < steps; i++) {
      const next = way[i]!;
      const moved = elements[place] = elements[next]!;
      ranks[place] = ranks[next]!;
      turns[place] = turns[next]!;
      this.onMove?.(moved, place);
      place = next;
    }
    elements[place] = element;
    ranks[place] = rank;
    turns[place] = turn;
    this.onMove?.(element, place);
    return place;
  }

  /** Writes down the places on the element's way up. How many they are. */
  #rise(element: E, rank: number, turn: number, place: number): number {
    let steps = 0;
    while (place > 0) {
      place = (place - 1) >> 2;
      if (!this.#isBefore(element, rank, turn, place)) break;
      this.#way[steps++] = place;
    }
    return steps;
  }

  /** The same of its way down, all before `end`. */
  #sink(
    element: E,
    rank: number,
    turn: number,
    place: number,
    end: number,
  ): number {
    const ranks = this.#ranks;
    const way = this.#way;
    let steps = 0;
    for (let child = 4 * place + 1; child < end; child = 4 * child + 1) {
      const last = Math.min(child + 4, end);
      let least = ranks[child]!;
      for (let other = child + 1; other < last; other++) {
        const its = ranks[other]!;
        if (its < least || (its === least && this.#isEarlier(other, child))) {
          child = other;
          least = its;
        }
      }
      if (this.#isBefore(element, rank, turn, child)) break;
      way[steps++] = child;
    }
    return steps;
  }

  /** Whether an element comes before the one at that place. */
  #isBefore(element: E, rank: number, turn: number, place: number): boolean {
    const its = this.#ranks[place]!;
    return rank < its ||
      (rank === its && this.#isFirst(element, turn, place));
  }

  /** Whether the element at `a` comes before the one at `b`, whose rank is the same. */
  #isEarlier(a: number, b: number): boolean {
    return this.#isFirst(this.#elements[a]!, this.#turns[a]!, b);
  }

  /** The same of an element that may be elsewhere, or not in. */
  #isFirst(element: E, turn: number, place: number): boolean {
    if (this.#compare === undefined) return turn < this.#turns[place]!;
    const order = this.#compare(element, this.#elements[place]!);
    return order < 0 || (!(order > 0) && turn < this.#turns[place]!);
  }

  #sorted(compare: (a: number, b: number) => number): E[] {
    const places = [...this.#elements.keys()];
    return places.sort(compare).map((place) => this.#elements[place]!);
  }
}
