// deno-coverage-ignore-file

/**
 * Which tests run what of src/, and which of them are asked first about a
 * mutant.
 *
 * @module
 */

import type { Case } from "./bench.ts";
import { Feeder } from "./feeder.ts";
import { compile, type Modules } from "./graph.ts";
import type { Mutant } from "./mutants.ts";
import { type Probe, probeAt, probed } from "./probes.ts";

/** A test that passes, and the probes that it meets. */
interface Known {
  readonly test: Case;
  readonly hits: Set<number>;
}

/** Milliseconds: a test that takes longer, for the sake of large numbers, is left out. */
const DEAR = 1000;

export class Coverage {
  readonly #probes = new Map<string, Probe[]>();
  readonly #known: Known[] = [];
  /** The tests that do not pass, with nothing changed. */
  readonly failures: string[] = [];
  /** How many mutants of a file a test has killed: it will kill more. */
  readonly #kills = new Map<string, number>();

  /** Runs all tests. Says which ones take long, and leaves them out. */
  static async of(
    sources: ReadonlyMap<string, string>,
    tests: Modules,
  ): Promise<Coverage> {
    const coverage = new Coverage();
    const modules: Modules = { ...tests };
    let first = 0;
    for (const [file, source] of sources) {
      const { probes, text } = probed(source, first);
      coverage.#probes.set(file, probes);
      modules[file] = compile(file, text);
      first += probes.length;
    }
    const feeder = new Feeder(modules);
    for (const { test, title, outcome, ms, hits } of await feeder.all()) {
      const [file, index] = test;
      if (outcome !== "passed") {
        const second = await feeder.run({ changed: {}, cases: [test] });
        const isGood = typeof second !== "string" &&
          second.outcome === "passed";
        const what = `${outcome}: ${file}: ${title}`;
        if (isGood) console.log(`left out, for it then passed: ${what}`);
        else coverage.failures.push(what);
      } else if (ms > DEAR) {
        const why = `it takes ${Math.round(ms)} ms`;
        console.log(`left out, for ${why}: ${file}: ${title}`);
      } else {
        const known: Known = { test: [file, index, ms], hits: new Set(hits) };
        coverage.#known.push(known);
      }
    }
    await feeder.end();
    return coverage;
  }

  get size(): number {
    return this.#known.length;
  }

  /** The tests that run what is changed, those first that cost the least for a kill. */
  casesFor({ file, start }: Mutant): Case[] {
    const all = this.#probes.get(file)!;
    const probe = probeAt(all, start);
    const cost = ({ test }: Known) =>
      (test[2] + 1) / (1 + (this.#kills.get(keyOf(file, test)) ?? 0));
    const isOf = ({ hits }: Known) => all.some(({ id }) => hits.has(id));
    // What runs when the file is loaded is for all tests of those who use it.
    const users = probe !== undefined ? undefined : new Set(
      this.#known.filter(isOf).map(({ test: [name] }) => name),
    );
    return this.#known.filter(({ test: [name], hits }) =>
      probe === undefined
        ? all.length === 0 || users!.has(name)
        : hits.has(probe.id)
    ).map((one) => ({ test: one.test, cost: cost(one) }))
      .sort((a, b) => a.cost - b.cost).map(({ test }) => test);
  }

  /** The test has killed one more mutant of the file. */
  credit(file: string, test: Case): void {
    const key = keyOf(file, test);
    this.#kills.set(key, (this.#kills.get(key) ?? 0) + 1);
  }
}

function keyOf(file: string, [test, index]: Case): string {
  return `${file} ${test} ${index}`;
}
