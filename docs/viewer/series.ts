/**
 * A count over time, such as how many tasks are queued: it stays what it was until
 * it is said to be something else.
 *
 * @module
 */

import { above, type Column, doubles, floats } from "./columns.ts";

const BLOCK = 64;

export class Series {
  readonly times: Column<Float64Array> = doubles();
  readonly #values: Column<Float32Array> = floats();
  /** The most of each block, and of each block of blocks. */
  readonly #most: Column<Float32Array>[] = [floats(), floats()];
  most = 0;
  /** When something was said last, and what. */
  #latest = -Infinity;
  #last: number | undefined;

  push(time: number, value: number): void {
    // What comes late says nothing that is still true.
    if (time < this.#latest) return;
    this.#latest = time;
    if (value === this.#last) return;
    this.#last = value;
    const i = this.times.length;
    this.times.push(time);
    this.#values.push(value);
    this.most = Math.max(this.most, value);
    let size = BLOCK;
    for (const blocks of this.#most) {
      const block = Math.floor(i / size);
      if (block === blocks.length) blocks.push(value);
      else blocks.at[block] = Math.max(blocks.at[block]!, value);
      size *= BLOCK;
    }
  }

  /** What it was at that time. */
  valueAt(time: number): number {
    const i = above(this.times.at, time, 0, this.times.length);
    return i === 0 ? 0 : this.#values.at[i - 1]!;
  }

  /** The index of the first change after the time, looked for from an index on. */
  after(time: number, from: number): number {
    return above(this.times.at, time, from, this.times.length);
  }

  /** The most that it was from the change before `from` up to the one before `to`. */
  mostOf(from: number, to: number): number {
    let i = Math.max(0, from - 1);
    let most = 0;
    while (i < to) {
      const [small, large] = this.#most as [
        Column<Float32Array>,
        Column<Float32Array>,
      ];
      if (i % (BLOCK * BLOCK) === 0 && i + BLOCK * BLOCK <= to) {
        most = Math.max(most, large.at[i / (BLOCK * BLOCK)]!);
        i += BLOCK * BLOCK;
      } else if (i % BLOCK === 0 && i + BLOCK <= to) {
        most = Math.max(most, small.at[i / BLOCK]!);
        i += BLOCK;
      } else most = Math.max(most, this.#values.at[i++]!);
    }
    return most;
  }

  /** Drops the changes before the time, but for the last one. */
  dropBefore(time: number): void {
    const first = Math.max(0, this.after(time, 0) - 1);
    if (first < this.times.length / 2) return;
    const times = this.times.at.slice(first, this.times.length);
    const values = this.#values.at.slice(first, this.#values.length);
    for (const column of [this.times, this.#values, ...this.#most]) {
      column.clear();
    }
    this.most = 0;
    this.#latest = -Infinity;
    this.#last = undefined;
    times.forEach((at, i) => this.push(at, values[i]!));
  }
}
