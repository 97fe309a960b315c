/**
 * What became of the URLs of a run, in one line at its end.
 *
 * @module
 */

/** How many are done, and how many failed, by kind; and what came in. */
export class Tally {
  readonly #start = performance.now();
  readonly #failures = new Map<string, number>();
  done = 0;
  failed = 0;
  bytes = 0;

  /** Counts one that failed. */
  fail(kind: string): void {
    this.failed++;
    this.#failures.set(kind, (this.#failures.get(kind) ?? 0) + 1);
  }

  /** "12.3 MB, 4.5 URLs/s": since the run began. */
  get speed(): string {
    const seconds = (performance.now() - this.#start) / 1000;
    const rate = ((this.done + this.failed) / seconds).toFixed(1);
    return `${sizeOf(this.bytes)}, ${rate} URLs/s`;
  }

  /** "7 done, 2 failed (1 status 404, 1 timed out), 3 retried, 1.2 MB, 4.5 URLs/s". */
  summary(retried: number): string {
    const kinds = [...this.#failures].map(([kind, n]) => `${n} ${kind}`);
    const failed = kinds.length > 0 ? ` (${kinds.join(", ")})` : "";
    const counts = `${this.done} done, ${this.failed} failed${failed}`;
    return `${counts}, ${retried} retried, ${this.speed}`;
  }
}

/** In the unit that leaves at most three digits before the point. */
function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
