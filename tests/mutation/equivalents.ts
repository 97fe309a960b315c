// deno-coverage-ignore-file

/**
 * The changes that change nothing that can be observed: by the line of code and the
 * change, in whatever file it stands, so that moves and renames of files do not touch
 * the list. Where several functions have such a line, an entry has to say which it means.
 *
 * @module
 */

import { read } from "./graph.ts";
import type { Mutant } from "./mutants.ts";

/** A change that changes nothing, and why. */
export interface Equivalent {
  readonly code: string;
  readonly change: string;
  /** The function, or class, of it, as `Class.method`: where there are several. */
  readonly where?: string;
  /** Which one it is of those there that read the same, from 1. Without it, all are. */
  readonly nth?: number;
  readonly why: string;
}

/** All that are known. */
export function knownEquivalents(): Equivalent[] {
  return JSON.parse(read("tests/mutation/equivalent.json"));
}

/** Whether it is this mutant that is meant. */
export function fits(one: Equivalent, mutant: Mutant): boolean {
  return one.code === mutant.code && one.change === mutant.change &&
    (one.where === undefined || one.where === mutant.where) &&
    (one.nth === undefined || one.nth === mutant.nth);
}

/** What is wrong with the entries, a line each, given all mutants of all files. */
export function misfits(
  entries: readonly Equivalent[],
  mutants: readonly Mutant[],
): string[] {
  const wrong: string[] = [];
  const known = new Set<string>();
  for (const one of entries) {
    const key = `${one.change} ${one.where ?? ""} ${
      one.nth ?? ""
    }\n    ${one.code}`;
    const places = new Set<string>();
    for (const mutant of mutants) {
      if (fits(one, mutant)) places.add(mutant.where);
    }
    const say = (what: string) => wrong.push(`${what}: ${key}`);
    if (places.size === 0) say("fits no mutant");
    if (places.size > 1) say(`fits ${[...places].join(", ")}`);
    if (known.has(key)) say("is listed twice");
    if (one.why === "") say("has no reason");
    known.add(key);
  }
  return wrong;
}
