/**
 * Percentiles of any stretch of many values, without a sort: a histogram on a
 * logarithmic scale for each block of them. A percentile is right within 4 %.
 *
 * @module
 */

import { type Column, floats } from "./columns.ts";

const BLOCK = 512;
const PER_DECADE = 32;
/** Milliseconds: what is below has the first bin to itself. */
const LEAST = 0.001;
const DECADES = 11;
export const BINS: number = PER_DECADE * DECADES + 1;

/** How many values are in each bin. */
export type Histogram = Uint32Array;

export function binOf(value: number): number {
  if (!(value > LEAST)) return 0;
  const bin = 1 + Math.floor(Math.log10(value / LEAST) * PER_DECADE);
  return Math.min(bin, BINS - 1);
}

/** The value below which `share` of the values are. NaN if there are none. */
export function percentile(counts: Histogram, share: number): number {
  let total = 0;
  for (let bin = 0; bin < BINS; bin++) total += counts[bin]!;
  if (total === 0) return NaN;
  let left = share * total;
  for (let bin = 0; bin < BINS; bin++) {
    const count = counts[bin]!;
    if (count > 0 && left <= count) {
      if (bin === 0) return 0;
      return LEAST * 10 ** ((bin - 1 + left / count) / PER_DECADE);
    }
    left -= count;
  }
  return NaN;
}

/** Values in the order in which they came; NaN stands for one that is not known. */
export class Quantiles {
  #values: Column<Float32Array> = floats();
  #blocks: Uint16Array[] = [];

  get length(): number {
    return this.#values.length;
  }

  push(value: number): void {
    const at = this.#values.length;
    if (at % BLOCK === 0) this.#blocks.push(new Uint16Array(BINS));
    this.#values.push(value);
    if (!Number.isNaN(value)) this.#blocks.at(-1)![binOf(value)]!++;
  }

  /** Adds the values from..to to the histogram. */
  addTo(counts: Histogram, from: number, to: number): void {
    const values = this.#values.at;
    const addOne = (value: number) => {
      if (!Number.isNaN(value)) counts[binOf(value)]!++;
    };
    let i = from;
    for (; i < to && i % BLOCK !== 0; i++) addOne(values[i]!);
    for (; i + BLOCK <= to; i += BLOCK) {
      const block = this.#blocks[i / BLOCK]!;
      for (let bin = 0; bin < BINS; bin++) counts[bin]! += block[bin]!;
    }
    for (; i < to; i++) addOne(values[i]!);
  }

  /** Drops values from the end, which have to be NaN. */
  cut(length: number): void {
    this.#values.length = length;
    this.#blocks.length = Math.ceil(length / BLOCK);
  }

  clear(): void {
    this.#values.clear();
    this.#blocks = [];
  }
}
