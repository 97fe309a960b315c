// deno-coverage-ignore-file

/**
 * How long a process had to wait for others that had the machine: such time is not
 * its own, and says nothing of whether it hangs.
 *
 * @module
 */

/** Milliseconds since its start, where the system tells (Linux); 0 elsewhere. */
export function delayOf(process: number | "self"): number {
  try {
    const text = Deno.readTextFileSync(`/proc/${process}/schedstat`);
    return Number(text.split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

const wall = performance.now.bind(performance);

/** Milliseconds that a process had for itself, of at most so many since it was asked last. */
export class OwnTime {
  readonly #process: number | "self";
  #last: number;

  constructor(process: number | "self") {
    this.#process = process;
    this.#last = this.#now();
  }

  /** What is beyond `most` is when the whole machine was stopped. */
  lap(most: number): number {
    const before = this.#last;
    this.#last = this.#now();
    return Math.min(most, Math.max(0, this.#last - before));
  }

  #now(): number {
    return wall() - delayOf(this.#process);
  }
}
