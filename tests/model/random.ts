// deno-coverage-ignore-file

/**
 * Numbers that look random, and are the same again for the same seed.
 *
 * @module
 */

/** A stream of numbers that a seed decides. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
    // Neighbouring seeds begin alike; a few steps take them apart.
    for (let i = 0; i < 4; i++) this.next();
  }

  /** From 0 on, below 1 (mulberry32). */
  next(): number {
    let t = this.#state = (this.#state + 0x6d2b79f5) | 0;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from 0 on, below `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** True `part` times in one. */
  chance(part: number): boolean {
    return this.next() < part;
  }

  /** One of them. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}
