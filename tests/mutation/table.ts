// deno-coverage-ignore-file

/**
 * How many mutants of each file came to what end.
 *
 * @module
 */

import type { Verdict } from "./judge.ts";

type Tally = Record<Verdict | "equivalent", number>;

const empty = (): Tally => ({ killed: 0, hung: 0, survived: 0, equivalent: 0 });

/** Of those that change something, how many were noticed. */
function percentOf({ killed, hung, survived }: Tally): number {
  const noticed = killed + hung;
  return survived === 0 ? 100 : 100 * noticed / (noticed + survived);
}

function row(name: string, cells: unknown[]): void {
  const right = cells.map((cell) => `${cell}`.padStart(11));
  console.log(name.padEnd(24) + right.join(""));
}

export class Table {
  readonly #tallies = new Map<string, Tally>();
  readonly #total = empty();

  add(file: string, verdict: keyof Tally): void {
    let tally = this.#tallies.get(file);
    if (tally === undefined) this.#tallies.set(file, tally = empty());
    tally[verdict]++;
    this.#total[verdict]++;
  }

  /** Of the file of which the fewest were noticed. */
  get least(): number {
    return Math.min(...[...this.#tallies.values()].map(percentOf));
  }

  print(): void {
    row("", [...Object.keys(this.#total), "%"]);
    const all = [...this.#tallies, ["total", this.#total] as const];
    for (const [name, tally] of all) {
      row(name, [...Object.values(tally), percentOf(tally).toFixed(1)]);
    }
  }
}
