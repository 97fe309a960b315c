/**
 * Prints the rows of a run as one table, and keeps them as JSON.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import type { Row } from "./harness.ts";
import { machine, runtime } from "./machine.ts";

/** What a run leaves behind. */
export interface Report {
  runtime: string;
  machine: string;
  date: string;
  rounds: number;
  rows: Row[];
}

const NAME = 44;
const FIGURE = 20;

export class Table {
  readonly #report: Report;
  #section = "";

  constructor(rounds: number) {
    const date = new Date().toISOString().slice(0, 10);
    this.#report = { runtime, machine: machine(), date, rounds, rows: [] };
    console.log(`${runtime}, ${this.#report.machine}; ${rounds} rounds`);
  }

  /** Prints the rows of one case. */
  add(rows: Row[]): void {
    this.#report.rows.push(...rows);
    const [first] = rows;
    if (first === undefined) return;
    if (first.section !== this.#section) {
      this.#section = first.section;
      console.log(`\n${first.section}. ${first.title}`);
    }
    console.log(
      line(
        `  ${first.case}`,
        `${first.unit}, median`,
        "least",
        "ratio",
        "cpu",
        "laws",
      ),
    );
    for (const { contender, median, least, ratio, cpuRatio, laws } of rows) {
      console.log(
        line(
          `    ${contender}`,
          figure(median),
          figure(least),
          ratio.toFixed(2),
          cpuRatio?.toFixed(2) ?? "",
          laws ?? "",
        ),
      );
    }
  }

  async write(file: string): Promise<void> {
    await writeFile(file, JSON.stringify(this.#report, null, 1) + "\n");
  }
}

function line(name: string, median: string, ...others: string[]): string {
  const left = name.padEnd(NAME) + median.padStart(FIGURE);
  const laws = others.pop()!;
  const columns = others.map((column) => column.padStart(10));
  return `${left}${columns.join("")}  ${laws}`.trimEnd();
}

/** Three digits that count. */
function figure(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : value.toPrecision(3);
}
