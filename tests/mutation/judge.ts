// deno-coverage-ignore-file

/**
 * Says what becomes of a mutant, and can be relied upon: what is not changed
 * has to pass first, what fails has to fail twice, and whoever is slow has a second
 * chance.
 *
 * @module
 */

import type { Case, Result } from "./bench.ts";
import type { Coverage } from "./coverage.ts";
import { Feeder, type NoAnswer } from "./feeder.ts";
import { compile, type Modules } from "./graph.ts";
import type { Mutant } from "./mutants.ts";

export type Verdict = "killed" | "hung" | "survived";

type HungResult = Result & { outcome: "hung" | "slow" };

/** How many times as long as before a test has that seemed to hang. */
const PATIENCE = 2;

export class Judge {
  readonly #sources: ReadonlyMap<string, string>;
  readonly #coverage: Coverage;
  /** The sources as they are. */
  readonly #plain: Modules = {};
  readonly #feeder: Feeder;
  /** The tests that failed for a mutant, and then did not. */
  readonly unreliable: Set<string> = new Set();
  /** How many had a second chance. */
  retried = 0;
  /** How many of them had only been slow. */
  slow = 0;

  constructor(
    sources: ReadonlyMap<string, string>,
    tests: Modules,
    coverage: Coverage,
  ) {
    this.#sources = sources;
    this.#coverage = coverage;
    for (const [file, source] of sources) {
      this.#plain[file] = compile(file, source);
    }
    this.#feeder = new Feeder({ ...tests, ...this.#plain });
  }

  /**
   * Runs the cases as it does for a mutant, with nothing changed. What comes of
   * one that twice did not pass, if there is one: then no verdict is worth anything.
   */
  async control(cases: Case[]): Promise<string | undefined> {
    for (let rest = cases; rest.length > 0;) {
      const result = await this.#run(this.#plain, rest);
      if (typeof result === "string") return `The bench ${result}`;
      if (result.outcome === "passed") return undefined;
      const { test, title, outcome } = result;
      const what = `${test[0]}: ${title}`;
      const second = await this.#run(this.#plain, [test]);
      if (typeof second === "string" || second.outcome !== "passed") {
        return `${outcome}: ${what}`;
      }
      this.unreliable.add(what);
      rest = rest.slice(placeOf(rest, test) + 1);
    }
    return undefined;
  }

  async judge(mutant: Mutant): Promise<Verdict> {
    const { file, start, end, text } = mutant;
    const source = this.#sources.get(file)!;
    const mutated = source.slice(0, start) + text + source.slice(end);
    const changed = { [file]: compile(file, mutated) };
    let cases = this.#coverage.casesFor(mutant);
    while (cases.length > 0) {
      const result = await this.#run(changed, cases);
      if (isHung(result)) return "hung";
      if (result.outcome === "passed") break;
      // A test that fails at times is no witness: it has to fail once more.
      const end = placeOf(cases, result.test) + 1;
      const second = await this.#run(changed, cases.slice(0, end));
      if (isHung(second)) return "hung";
      if (second.outcome !== "passed") {
        this.#coverage.credit(file, second.test);
        return "killed";
      }
      this.unreliable.add(`${result.test[0]}: ${result.title}`);
      cases = cases.slice(end);
    }
    return "survived";
  }

  end(): Promise<void> {
    return this.#feeder.end();
  }

  async #run(
    changed: Modules,
    cases: Case[],
  ): Promise<Result | NoAnswer> {
    const result = await this.#feeder.run({ changed, cases });
    if (result === "ended") return this.#feeder.run({ changed, cases });
    if (result !== "silent" && result.outcome === "stray") {
      // It may have come of the mutant before.
      await this.#feeder.end();
      return this.#feeder.run({ changed, cases });
    }
    if (result !== "silent" && result.outcome !== "slow") return result;
    // Others may have had the machine: that is no kill.
    this.retried++;
    const rest = result === "silent"
      ? cases
      : cases.slice(placeOf(cases, result.test));
    const second = await this.#feeder.run(
      { changed, cases: rest, patience: PATIENCE },
    );
    if (typeof second !== "string" && second.outcome !== "slow") this.slow++;
    return second;
  }
}

function placeOf(cases: Case[], [file, index]: Case): number {
  return cases.findIndex(([name, i]) => name === file && i === index);
}

function isHung(result: Result | NoAnswer): result is HungResult | NoAnswer {
  return typeof result === "string" || result.outcome === "hung" ||
    result.outcome === "slow";
}
