// deno-coverage-ignore-file

/**
 * Where mutants are put to the test: a process that reads jobs from its input,
 * one in a line, and writes what became of each. It ends after a mutant that
 * hung, for that may have left anything behind; who feeds it makes a new one.
 *
 * @module
 */

import { OwnTime } from "./delay.ts";
import type { Modules } from "./graph.ts";

/** A test: its file, its place in it, and how many milliseconds it takes. */
export type Case = [file: string, index: number, ms: number];

/** Something to be run. */
export interface Job {
  /** The modules of src/ that are not what they were at the start. */
  readonly changed: Modules;
  /** Without cases, all there are are run, each to its end. */
  readonly cases: readonly Case[] | undefined;
  /** How many times as long as usual a test may take; once, if it is not said. */
  readonly patience?: number;
}

/**
 * How a test ended. `stray` means a failure that may not be its own; `slow`,
 * that it had not ended, and was at work.
 */
export type Outcome = "passed" | "failed" | "hung" | "slow" | "stray";

/** What became of one test. */
export interface Result {
  readonly test: Case;
  readonly title: string;
  readonly outcome: Outcome;
  readonly ms: number;
  /** The probes that were met, if there are any. */
  readonly hits: number[];
}

/** What is written while there is no answer yet. */
const ALIVE = "alive";

type Body = () => void | Promise<void>;
type Module = (
  require: (path: string) => unknown,
  exports: object,
) => Promise<void>;

const timer = globalThis.setTimeout;
/** Milliseconds of work: what goes by while others have the machine is none. */
const now = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const { setImmediate } = globalThis as unknown as {
  setImmediate: (callback: () => void) => void;
};
/** A test that takes so many steps of so many milliseconds more than it did hangs. */
const STEPS = 25;
const STEP = 40;
/** And so many times longer: the machine may be busy. */
const SLACK = 8;
/** What a test is taken to last, before anything is known of it. */
const MOST = 5_000;
/** Whoever worked for less of a step than this only waits, for what won't come. */
const WORK = STEP / 100;
/** As many random programs; each of the planted bugs is found by fewer. */
const PROGRAMS = 150;

const texts = new Map<string, string>();
const modules = new Map<string, Module>();
/** Which probes were met: 1 for each that was. */
const hits = new Uint8Array(1 << 16);
let strays = 0;
let tests: { title: string; body: Body }[] = [];

const silent = () => {};
for (const name of ["log", "error", "warn"] as const) console[name] = silent;
/**
 * What every loop has in it. No test goes round so often before the event loop
 * turns, or soon after.
 */
const loop = {
  rounds: 0,
  most: 3_000_000,
  isEndless: false,
  end: () => {
    loop.isEndless = true;
    throw new Error("The loop goes on for ever");
  },
};
Object.assign(globalThis, {
  hits,
  loop,
  addTest: (title: string, body: Body) => void tests.push({ title, body }),
});

// The last to hear of it, whoever listens: a test may want to have some.
const { addEventListener, removeEventListener } = globalThis;
const onStray: EventListener = (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  strays++;
};
addEventListener("error", onStray);
addEventListener("unhandledrejection", onStray);
Object.assign(globalThis, {
  addEventListener: (type: string, listener: EventListener) => {
    removeEventListener(type, onStray);
    addEventListener(type, listener);
    addEventListener(type, onStray);
  },
});

/** What runs at once, up to the first `await` at its top, which only test files have. */
const AsyncFunction = (async () => {}).constructor as FunctionConstructor;

function compiled(path: string, text: string): Module {
  const named = `${text}\n//# sourceURL=file:///${path}`;
  return new AsyncFunction("require", "exports", named) as Module;
}

function moduleAt(path: string): Module {
  let module = modules.get(path);
  if (module === undefined) {
    modules.set(path, module = compiled(path, texts.get(path)!));
  }
  return module;
}

/** Makes a file and all that it imports anew. */
async function load(
  path: string,
  changed: Map<string, Module>,
): Promise<unknown> {
  const made = new Map<string, object>();
  const making: Promise<void>[] = [];
  const get = (specifier: string, from: string): object => {
    if (specifier.startsWith("node:")) {
      return (process.getBuiltinModule as (name: string) => object)(specifier);
    }
    const { pathname, search } = new URL(specifier, `file:///${from}`);
    const path = pathname.slice(1);
    const name = path + search;
    let exports = made.get(name);
    if (exports === undefined) {
      const module = changed.get(path) ?? moduleAt(path);
      made.set(name, exports = {});
      making.push(module((specifier) => get(specifier, path), exports));
    }
    return exports;
  };
  const exports = get(`./${path}`, "");
  await Promise.all(making);
  return exports;
}

const programs = "programs";

async function testsIn(
  file: string,
  changed: Map<string, Module>,
): Promise<typeof tests> {
  tests = [];
  if (file !== programs) {
    await load(file, changed);
    return tests;
  }
  return [{
    title: "random programs of the group",
    body: async () => {
      const play = await load("tests/model/play.ts", changed) as {
        playAll: (first: number, count: number) => Promise<unknown>;
      };
      await play.playAll(1, PROGRAMS);
    },
  }, {
    title: "random programs of the channel",
    body: async () => {
      const channel = await load("tests/model/channel.ts", changed) as {
        playChannels: (first: number, count: number) => Promise<unknown>;
      };
      await channel.playChannels(1, PROGRAMS);
    },
  }];
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Lets so many steps of its own time go by: others may have the machine meanwhile. */
async function pass(steps: number, isOver: () => boolean): Promise<void> {
  const own = new OwnTime("self");
  for (let left = steps * STEP; left > 0 && !isOver(); left -= own.lap(STEP)) {
    await new Promise((resolve) => timer(resolve, STEP));
    loop.rounds = 0;
    sayAlive();
  }
}

async function late(
  steps: number,
  isOver: () => boolean,
): Promise<"hung" | "slow"> {
  await pass(steps / 2, isOver);
  const before = now();
  await pass(steps / 2, isOver);
  return now() - before < WORK * steps / 2 ? "hung" : "slow";
}

async function run(body: Body, steps: number): Promise<Outcome> {
  const before = strays;
  loop.rounds = 0;
  loop.isEndless = false;
  let isOver = false;
  const ended = (async () => {
    try {
      await body();
      await turn();
      return "passed";
    } catch {
      return "failed";
    }
  })();
  const outcome = await Promise.race([ended, late(steps, () => isOver)]);
  isOver = true;
  if (loop.isEndless) return "hung";
  return outcome === "passed" && strays > before ? "stray" : outcome;
}

const wall = performance.now.bind(performance);
let lastWord = 0;

/** Tells who waits for the answer, now and then, that it is on the way. */
function sayAlive(): void {
  if (wall() - lastWord < 200) return;
  lastWord = wall();
  write(ALIVE);
}

function met(): number[] {
  const ids: number[] = [];
  for (let id = hits.indexOf(1); id >= 0; id = hits.indexOf(1, id + 1)) {
    ids.push(id);
  }
  return ids;
}

async function* results(job: Job, files: string[]): AsyncGenerator<Result> {
  const changed = new Map<string, Module>();
  const loaded = new Map<string, typeof tests>();
  const testsOf = async (file: string) => {
    let found = loaded.get(file);
    if (found === undefined) {
      loaded.set(file, found = await testsIn(file, changed));
    }
    return found;
  };
  const cases = job.cases?.slice() ?? [];
  for (const file of job.cases === undefined ? files : []) {
    const found = await testsOf(file);
    cases.push(...found.map((_, i): Case => [file, i, MOST]));
  }
  for (const test of cases) {
    sayAlive();
    hits.fill(0);
    const begin = now();
    let title = "";
    let outcome: Outcome = "failed";
    try {
      for (const [path, text] of Object.entries(job.changed)) {
        if (!changed.has(path)) changed.set(path, compiled(path, text));
      }
      const found = (await testsOf(test[0]))[test[1]]!;
      title = found.title;
      const steps = (STEPS + SLACK * test[2] / STEP) * (job.patience ?? 1);
      outcome = await run(found.body, steps);
    } catch {
      // It can't even be loaded.
    }
    const ms = now() - begin;
    yield { test, title, outcome, ms, hits: met() };
  }
}

function write(value: unknown): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}

async function* lines(): AsyncGenerator<string> {
  let rest = "";
  const text = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const chunk of text) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

if (import.meta.main) {
  let files: string[] | undefined;
  for await (const line of lines()) {
    if (files === undefined) {
      const all: Modules = JSON.parse(line);
      for (const [path, text] of Object.entries(all)) texts.set(path, text);
      files = Object.keys(all).filter((path) => /_test\.ts$/.test(path));
      files.push(programs);
      continue;
    }
    const job: Job = JSON.parse(line);
    const all: Result[] = [];
    let isHung = false;
    for await (const result of results(job, files)) {
      all.push(result);
      isHung = result.outcome === "hung" || result.outcome === "slow";
      if (job.cases !== undefined && result.outcome !== "passed") break;
    }
    write(job.cases === undefined ? all : all.at(-1));
    if (isHung) Deno.exit();
    for (let i = 0; i < 3; i++) await turn();
  }
  Deno.exit();
}
