// deno-coverage-ignore-file

/**
 * Plays a million random programs (or `--programs N`, from `--seed S` on), and
 * says how many steps that were and which branches of src/ they reach.
 *
 * @module
 */

import { Broken, playAll } from "./play.ts";

/** So many programs reach what can be reached; more of them only take longer. */
const MEASURED = 4000;
const SRC = new URL("../../src/", import.meta.url);

function option(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(Deno.args[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} must be a whole number`);
  Deno.exit(2);
}

const count = (n: number) => n.toLocaleString("en");

async function soak(first: number, programs: number): Promise<void> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  let next = Math.min(1000, programs);
  let played = { programs: 0, steps: 0 };
  // In parts, so that the clock that is looked at between them is the real one.
  while (played.programs < programs) {
    const part = await playAll(
      first + played.programs,
      Math.min(1000, programs - played.programs),
    );
    played = {
      programs: played.programs + part.programs,
      steps: played.steps + part.steps,
    };
    if (played.programs < next && played.programs < programs) continue;
    next = played.programs + programs / 20;
    const rate = Math.round(played.programs / seconds());
    console.log(
      `${count(played.programs)} programs, ${count(played.steps)} steps, ` +
        `${count(rate)} programs a second`,
    );
  }
  const last = first + programs - 1;
  console.log(`No law was broken (seeds ${first} to ${last}).`);
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

const first = option("seed", 1);
const programs = option("programs", 1_000_000);
try {
  if (Deno.args.includes("--quiet")) await playAll(first, programs);
  else {
    await soak(first, programs);
    await branches(first);
  }
} catch (error) {
  if (!(error instanceof Broken)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
