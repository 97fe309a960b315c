// deno-coverage-ignore-file

/**
 * Changes src/ one operator, condition, statement or constant at a time, runs
 * the tests that run what was changed, the cheapest first, and prints the
 * changes that no test notices.
 *
 * `deno task mutate [--file src/x.ts,src/y.ts] [--shard I/N] [--sample N]
 * [--jobs N] [--json FILE] [--again FILE] [--audit]` fails if there is a file of which
 * less than 95 % is noticed; and at once if a test fails with nothing changed, or
 * an entry of `equivalent.json`, which lists what is known to change nothing, does
 * not fit one mutant. `--json` writes the survivors to a file, `--again` tries
 * those of one; `--audit` those of `equivalent.json`, and fails if one is noticed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { Case } from "./bench.ts";
import { Coverage } from "./coverage.ts";
import {
  type Equivalent,
  fits,
  knownEquivalents,
  misfits,
} from "./equivalents.ts";
import { list, read, testModules } from "./graph.ts";
import { Judge, type Verdict } from "./judge.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { Table } from "./table.ts";

const WANTED = 95;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    file: { type: "string", default: "" },
    shard: { type: "string", default: "1/1" },
    sample: { type: "string", default: "Infinity" },
    jobs: { type: "string", default: "2" },
    json: { type: "string", default: "" },
    again: { type: "string", default: "" },
    audit: { type: "boolean", default: false },
  },
});
const { again, audit: isAudit, json } = values;
const only = values.file.split(",");
const [shard, shards] = values.shard.split("/").map(Number);
const sample = Number(values.sample);
const jobs = Number(values.jobs);

function fail(what: string): never {
  console.error(what);
  Deno.exit(1);
}

/** A random one of so many is as good as any, and the same each time. */
function chosen(mutants: Mutant[]): Mutant[] {
  const part = mutants.filter((_, i) => i % shards! === shard! - 1);
  const step = Math.max(1, part.length / sample);
  return part.filter((_, i) =>
    Math.floor(i / step) > Math.floor((i - 1) / step)
  );
}

const sources = new Map(list("src", ".ts").map((file) => [file, read(file)]));
const isLookedAt = (file: string) => only[0] === "" || only.includes(file);
const all = [...sources].flatMap(([file, source]) => mutantsOf(file, source));
const mutants = all.filter(({ file }) => isLookedAt(file));
const equivalents = knownEquivalents();

const wrong = misfits(equivalents, all);
if (wrong.length > 0) fail(`Wrong in equivalent.json:\n${wrong.join("\n")}`);

const wanted: Equivalent[] | undefined = isAudit
  ? equivalents
  : again === ""
  ? undefined
  : JSON.parse(Deno.readTextFileSync(again));
const queue = chosen(
  mutants.filter((mutant) => wanted?.some((one) => fits(one, mutant)) ?? true),
);
if (queue.length === 0) fail("There is no such mutant.");

const tests = testModules();
const coverage = await Coverage.of(sources, tests);
if (coverage.failures.length > 0) {
  fail(`With nothing changed:\n${coverage.failures.join("\n")}`);
}
console.log(`${queue.length} mutants, ${coverage.size} tests`);

const judges = Array.from(
  { length: jobs },
  () => new Judge(sources, tests, coverage),
);
const asked = new Set<Case>();
for (const mutant of queue) {
  for (const test of coverage.casesFor(mutant)) asked.add(test);
}
// All at once, as they will be at work; and not in one order, for they won't be.
await Promise.all(judges.map(async (judge, i) => {
  const cases = i % 2 === 0 ? [...asked] : [...asked].reverse();
  const failure = await judge.control(cases);
  if (failure !== undefined) fail(`With nothing changed:\n${failure}`);
}));
console.log(`${asked.size} tests pass with nothing changed`);

const table = new Table();
const survivors: Mutant[] = [];
let noticed = 0;
let done = 0;

async function verdictOf(
  mutant: Mutant,
  judge: Judge,
): Promise<Verdict | "equivalent"> {
  const isKnown = equivalents.some((one) => fits(one, mutant));
  if (isKnown && !isAudit) return "equivalent";
  const verdict = await judge.judge(mutant);
  return isKnown && verdict === "survived" ? "equivalent" : verdict;
}

function show(
  verdict: Verdict,
  { file, line, change, code, where }: Mutant,
): void {
  console.log(`${verdict}: ${file}:${line} ${where}: ${change}\n    ${code}`);
}

async function work(judge: Judge): Promise<void> {
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const verdict = await verdictOf(mutant, judge);
    table.add(mutant.file, verdict);
    if (verdict === "survived") {
      survivors.push(mutant);
      show("survived", mutant);
    } else if (isAudit && verdict !== "equivalent") {
      noticed++;
      show(verdict, mutant);
    }
    if (++done % 250 === 0) console.log(`${done} done, ${queue.length} to go`);
  }
  await judge.end();
}

await Promise.all(judges.map(work));

table.print();
for (const title of new Set(judges.flatMap((one) => [...one.unreliable]))) {
  console.log(`failed, and then did not: ${title}`);
}
let retried = 0;
let slow = 0;
for (const judge of judges) {
  retried += judge.retried;
  slow += judge.slow;
}
console.log(
  `${retried} seemed to hang at work, and had twice the time; ${slow} of them ended`,
);
if (json !== "") {
  const found = survivors.map(({ code, change, where, nth }): Equivalent => ({
    code,
    change,
    where,
    nth,
    why: "",
  }));
  await Deno.writeTextFile(json, JSON.stringify(found, undefined, 2));
}
if (table.least < WANTED || noticed > 0) Deno.exit(1);
