// deno-coverage-ignore-file

/**
 * Plays a million random programs (or `--programs N`), one in five of them a
 * channel's, from a fresh seed on (or `--seed S`); runs the properties once
 * with that seed; and says how many steps that were, and which branches of src/
 * the programs reach. A failure prints what brings it about again.
 *
 * @module
 */

import { Broken, playAll, type Played } from "./play.ts";
import { playChannels } from "./channel.ts";

/** So many programs reach what can be reached; more of them only take longer. */
const MEASURED = 4000;
/** How many programs go by before anybody looks at the time. */
const PART = 1000;
const ROOT = new URL("../../", import.meta.url);
const SRC = new URL("src/", ROOT);
/** Fresh seeds are below this, as fast-check has it. */
const SEEDS = 2 ** 31;

function option(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(Deno.args[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} must be a whole number`);
  Deno.exit(2);
}

const count = (n: number) => n.toLocaleString("en");

/** Plays programs of a group, from that seed on, and as many of a channel as go with them. */
async function playBoth(first: number, groups: number): Promise<Played> {
  const part = await playAll(first, groups);
  const other = await playChannels(first, Math.ceil(groups / 4));
  return {
    programs: part.programs + other.programs,
    steps: part.steps + other.steps,
  };
}

async function soak(first: number, programs: number): Promise<void> {
  const begin = performance.now();
  const groups = Math.ceil(programs * 4 / 5);
  let next = Math.min(1000, groups);
  let all = { programs: 0, steps: 0 };
  // In parts, so that the clock that is looked at between them is the real one.
  for (let at = 0; at < groups;) {
    const size = Math.min(PART, groups - at);
    const part = await playBoth(first + at, size);
    at += size;
    all = {
      programs: all.programs + part.programs,
      steps: all.steps + part.steps,
    };
    if (at < next && at < groups) continue;
    next = at + groups / 20;
    const seconds = (performance.now() - begin) / 1000;
    console.log(
      `${count(all.programs)} programs, ${count(all.steps)} steps, ` +
        `${count(Math.round(seconds))} s`,
    );
  }
  const last = first + groups - 1;
  console.log(`No law was broken (seeds ${first} to ${last}).`);
}

/** Runs the properties with that seed. False if one of them was broken. */
async function properties(seed: number): Promise<boolean> {
  const which = ["tests/properties/*.ts", "--", "--seed", String(seed)];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "--no-check", ...which],
    cwd: ROOT,
  }).output();
  if (success) console.log("No property was broken.");
  else {
    console.error(new TextDecoder().decode(stdout));
    console.error(`Again: deno test ${which.join(" ")}`);
  }
  return success;
}

/** Plays some of them once more, and prints which branches they reach. */
async function branches(first: number): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await deno("run", "-A", `--coverage=${dir}`, import.meta.filename!, [
      "--seed",
      String(first),
      "--programs",
      String(MEASURED),
      "--quiet",
    ]);
    const lcov = await deno("coverage", "--lcov", dir, []);
    report(lcov);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function deno(...args: [...string[], string[]]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: args.flat(),
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  // Its exit code says that not everything is covered, which is the question.
  if (text === "" && args[0] !== "run") {
    throw new Error(decoder.decode(stderr));
  }
  return text;
}

function report(lcov: string): void {
  let file = "";
  let found = 0;
  let reached = 0;
  const missed = new Map<string, Set<number>>();
  for (const line of lcov.split("\n")) {
    if (line.startsWith("SF:")) file = line.slice(3);
    if (!line.startsWith("BRDA:") || !file.startsWith(SRC.pathname)) continue;
    const [at, , , times] = line.slice(5).split(",") as string[];
    found++;
    if (times !== "0" && times !== "-") reached++;
    else {
      const name = `src/${file.slice(SRC.pathname.length)}`;
      if (!missed.has(name)) missed.set(name, new Set());
      missed.get(name)!.add(Number(at));
    }
  }
  console.log(
    `${count(MEASURED)} of them reach ${reached} of ${found} branches of src/.`,
  );
  for (const [name, lines] of [...missed].sort()) {
    console.log(`  not in ${name}: line ${[...lines].join(", ")}`);
  }
}

const first = option("seed", Math.floor(Math.random() * SEEDS));
const programs = option("programs", 1_000_000);
try {
  if (Deno.args.includes("--quiet")) {
    await playBoth(first, Math.ceil(programs * 4 / 5));
  } else {
    await soak(first, programs);
    if (!await properties(first)) Deno.exit(1);
    await branches(first);
  }
} catch (error) {
  if (!(error instanceof Broken)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
