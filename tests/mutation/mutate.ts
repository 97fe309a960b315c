// deno-coverage-ignore-file

/**
 * Changes src/ one operator, condition, statement or constant at a time, runs
 * the tests that run what was changed, the cheapest first, and prints the
 * changes that no test notices.
 *
 * `deno task mutate [--file src/x.ts,src/y.ts] [--shard I/N] [--sample N]
 * [--jobs N] [--json FILE] [--again FILE]` fails below 95 %. `--json` writes the
 * survivors to a file, `--again` tries those of one. Those that are known to
 * change nothing are listed, with the reason, in `equivalent.json`.
 *
 * @module
 */

import type { Case, Result } from "./bench.ts";
import { Feeder } from "./feeder.ts";
import { compile, list, type Modules, read, testModules } from "./graph.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { type Probe, probeAt, probed } from "./probes.ts";

/** A change that changes nothing, and why. */
interface Equivalent {
  file: string;
  code: string;
  change: string;
  /** Which one it is of those that read the same; all of them, if it is not said. */
  nth?: number;
  why: string;
}

/** A test that passes, and the probes that it meets. */
interface Known {
  readonly test: Case;
  readonly hits: Set<number>;
}

type Verdict = "killed" | "hung" | "survived";

const WANTED = 0.95;
/** Milliseconds: a test that takes longer, for the sake of large numbers, is left out. */
const DEAR = 1000;

function option(name: string, otherwise: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Deno.args[at + 1] ?? otherwise;
}

const only = option("file", "").split(",");
const [shard, shards] = option("shard", "1/1").split("/").map(Number);
const sample = Number(option("sample", "Infinity"));
const jobs = Number(option("jobs", "2"));
const json = option("json", "");
const again = option("again", "");

const equivalents: Equivalent[] = JSON.parse(
  read("tests/mutation/equivalent.json"),
);
const isSame = (mutant: Mutant) => (one: Equivalent) =>
  one.file === mutant.file && one.code === mutant.code &&
  one.change === mutant.change && (one.nth ?? mutant.nth) === mutant.nth;

const wanted: Equivalent[] = again === ""
  ? []
  : JSON.parse(Deno.readTextFileSync(again));

const files = list("src", ".ts");
const sources = new Map(files.map((file) => [file, read(file)]));
const probes = new Map<string, Probe[]>();
const tests = testModules();

/** What every test runs. Says which ones fail as they are, and leaves them out. */
async function cover(): Promise<Known[]> {
  const modules: Modules = { ...tests };
  let first = 0;
  for (const [file, source] of sources) {
    const made = probed(source, first);
    probes.set(file, made.probes);
    modules[file] = compile(file, made.text);
    first += made.probes.length;
  }
  const feeder = new Feeder(modules);
  const results: Result[] = await feeder.all();
  await feeder.end();
  const known: Known[] = [];
  for (const { test, title, outcome, ms, hits } of results) {
    const [file, index] = test;
    if (outcome === "passed" && ms <= DEAR) {
      known.push({ test: [file, index, ms], hits: new Set(hits) });
    } else if (outcome === "passed") {
      console.log(
        `left out, for it takes ${Math.round(ms)} ms: ${file}: ${title}`,
      );
    } else console.log(`left out, for it ${outcome}: ${test[0]}: ${title}`);
  }
  return known;
}

/** A random one of so many is as good as any, and the same each time. */
function chosen(mutants: Mutant[]): Mutant[] {
  const part = mutants.filter((_, i) => i % shards! === shard! - 1);
  const step = Math.max(1, part.length / sample);
  return part.filter((_, i) =>
    Math.floor(i / step) > Math.floor((i - 1) / step)
  );
}

const known = await cover();
const queue = chosen(
  files.filter((file) => only[0] === "" || only.includes(file))
    .flatMap((file) => mutantsOf(file, sources.get(file)!))
    .filter((mutant) => again === "" || wanted.some(isSame(mutant))),
);
console.log(`${queue.length} mutants, ${known.length} tests`);

const plain: Modules = { ...tests };
for (const [file, source] of sources) plain[file] = compile(file, source);
/** How many mutants of a file a test has killed: it will kill more. */
const kills = new Map<string, number>();
const keyOf = (file: string, [test, index]: Case) => `${file} ${test} ${index}`;

/** The tests that run what is changed, those first that cost the least for a kill. */
function casesFor({ file, start }: Mutant): Case[] {
  const all = probes.get(file)!;
  const probe = probeAt(all, start);
  const cost = ({ test }: Known) =>
    (test[2] + 1) / (1 + (kills.get(keyOf(file, test)) ?? 0));
  const isOf = ({ hits }: Known) => all.some(({ id }) => hits.has(id));
  // What runs when the file is loaded is for all tests of those who use it.
  const users = new Set(known.filter(isOf).map(({ test: [name] }) => name));
  return known.filter(({ test: [name], hits }) =>
    probe === undefined
      ? all.length === 0 || users.has(name)
      : hits.has(probe.id)
  ).map((one) => ({ test: one.test, cost: cost(one) }))
    .sort((a, b) => a.cost - b.cost).map(({ test }) => test);
}

async function judge(mutant: Mutant, feeder: Feeder): Promise<Verdict> {
  const { file, start, end, text } = mutant;
  const source = sources.get(file)!;
  const changed = {
    [file]: compile(file, source.slice(0, start) + text + source.slice(end)),
  };
  const cases = casesFor(mutant);
  if (cases.length === 0) return "survived";
  let result = await feeder.run({ changed, cases });
  if (result !== "hung" && result.outcome === "stray") {
    // It may have come of the mutant before.
    await feeder.end();
    result = await feeder.run({ changed, cases });
  }
  if (result === "hung" || result.outcome === "hung") return "hung";
  if (result.outcome === "passed") return "survived";
  const key = keyOf(file, result.test);
  kills.set(key, (kills.get(key) ?? 0) + 1);
  return "killed";
}

const tallies = new Map<string, Record<Verdict | "equivalent", number>>();
const survivors: Mutant[] = [];
let done = 0;

async function work(): Promise<void> {
  const feeder = new Feeder(plain);
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const tally = tallies.get(mutant.file) ??
      { killed: 0, hung: 0, survived: 0, equivalent: 0 };
    tallies.set(mutant.file, tally);
    const isKnown = equivalents.some(isSame(mutant));
    const verdict = isKnown ? "equivalent" : await judge(mutant, feeder);
    tally[verdict]++;
    if (verdict === "survived") {
      survivors.push(mutant);
      const { file, line, change, nth, code } = mutant;
      const which = nth > 1 ? ` (${nth})` : "";
      console.log(`survived: ${file}:${line}: ${change}${which}\n    ${code}`);
    }
    if (++done % 250 === 0) console.log(`${done} done, ${queue.length} to go`);
  }
  await feeder.end();
}

await Promise.all(Array.from({ length: jobs }, work));

const total = { killed: 0, hung: 0, survived: 0, equivalent: 0 };
const row = (name: string, cells: unknown[]) =>
  console.log(name.padEnd(24) + cells.map((c) => `${c}`.padStart(11)).join(""));
const percent = ({ killed, hung, survived }: typeof total) =>
  (100 * (killed + hung) / Math.max(1, killed + hung + survived)).toFixed(1);
row("", [...Object.keys(total), "%"]);
for (const [file, tally] of tallies) {
  for (const key of Object.keys(total) as (keyof typeof total)[]) {
    total[key] += tally[key];
  }
  row(file, [...Object.values(tally), percent(tally)]);
}
row("total", [...Object.values(total), percent(total)]);
if (json !== "") {
  const found = survivors.map(({ file, code, change, nth }) => ({
    file,
    code,
    change,
    nth,
    why: "",
  }));
  await Deno.writeTextFile(json, JSON.stringify(found, undefined, 2));
}
if (Number(percent(total)) < 100 * WANTED) Deno.exit(1);
