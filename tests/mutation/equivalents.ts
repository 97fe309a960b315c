// deno-coverage-ignore-file

/**
 * The changes that change nothing anybody can observe, as `equivalent.json`
 * lists them: each fits one mutant, or the list has gone stale.
 *
 * @module
 */

import { read } from "./graph.ts";
import type { Mutant } from "./mutants.ts";

/** A change that changes nothing, and why. */
export interface Equivalent {
  readonly file: string;
  readonly code: string;
  readonly change: string;
  /** Which one it is of those that read the same; there is but one, if it is not said. */
  readonly nth?: number;
  readonly why: string;
}

/** All that are known. */
export function knownEquivalents(): Equivalent[] {
  return JSON.parse(read("tests/mutation/equivalent.json"));
}

/** Whether it is this mutant that is meant. */
export function fits(one: Equivalent, mutant: Mutant): boolean {
  return one.file === mutant.file && one.code === mutant.code &&
    one.change === mutant.change && (one.nth ?? mutant.nth) === mutant.nth;
}

/** What is wrong with the entries, a line each, given all mutants of their files. */
export function misfits(
  entries: readonly Equivalent[],
  mutants: readonly Mutant[],
): string[] {
  const wrong: string[] = [];
  const taken = new Set<Mutant>();
  for (const one of entries) {
    const fitting = mutants.filter((mutant) => fits(one, mutant));
    const [mutant] = fitting;
    const say = (what: string) =>
      wrong.push(`${one.file}: ${one.change}: ${what}\n    ${one.code}`);
    if (mutant === undefined) say("fits no mutant");
    else if (fitting.length > 1) {
      say(`fits ${fitting.length}: say which, by nth`);
    } else if (taken.has(mutant)) say("is listed twice");
    else if (one.why === "") say("has no reason");
    if (mutant !== undefined) taken.add(mutant);
  }
  return wrong;
}
