/**
 * Columns of numbers that grow: a million tasks take a few bytes each, and no object.
 *
 * @module
 */

type Numbers = Float64Array | Float32Array | Uint32Array | Uint8Array;

/** Numbers of one kind, one after the other. Read `at[i]` for `i < length`. */
export class Column<T extends Numbers> {
  length = 0;
  at: T;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.at = make(64);
  }

  push(value: number): void {
    if (this.length === this.at.length) this.#grow();
    this.at[this.length++] = value;
  }

  last(): number | undefined {
    return this.length > 0 ? this.at[this.length - 1] : undefined;
  }

  /** Puts the values into the order of these indices, and drops the others. */
  reorder(order: Uint32Array): void {
    const next = this.#make(Math.max(64, order.length));
    for (let i = 0; i < order.length; i++) next[i] = this.at[order[i]!]!;
    this.at = next;
    this.length = order.length;
  }

  clear(): void {
    this.length = 0;
  }

  #grow(): void {
    const next = this.#make(this.length * 2);
    next.set(this.at as never);
    this.at = next;
  }
}

export const doubles = (): Column<Float64Array> =>
  new Column((length) => new Float64Array(length));
export const floats = (): Column<Float32Array> =>
  new Column((length) => new Float32Array(length));
export const words = (): Column<Uint32Array> =>
  new Column((length) => new Uint32Array(length));
export const bytes = (): Column<Uint8Array> =>
  new Column((length) => new Uint8Array(length));

/** The first index from `from` on whose value is above the limit; the values ascend. */
export function above(
  values: Numbers,
  limit: number,
  from: number,
  to: number,
): number {
  // In growing steps first: what is looked for is near where the last one was.
  let step = 1;
  let low = from;
  while (low + step < to && values[low + step]! <= limit) {
    low += step;
    step *= 2;
  }
  let high = Math.min(to, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A feed that goes on for days may have ever new ones. */
const MOST_NAMES = 50_000;

/** Texts by number, each once. Number 0 is none. */
export class Names {
  readonly texts: string[] = [""];
  readonly #numbers = new Map<string, number>();
  #others: number | undefined;

  of(text: string): number {
    return this.#numbers.get(text) ??
      (this.texts.length < MOST_NAMES
        ? this.#add(text)
        : this.#others ??= this.#add("others"));
  }

  #add(text: string): number {
    const number = this.texts.push(text) - 1;
    this.#numbers.set(text, number);
    return number;
  }
}
