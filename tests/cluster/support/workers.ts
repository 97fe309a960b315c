// deno-coverage-ignore-file

/**
 * Workers' processes, and the books of what all of them did.
 *
 * @module
 */

import { assertEquals } from "../../support/std.ts";
import type { ConsumeStats } from "../../../src/consume/mod.ts";
import type { Step, WorkerOptions } from "./worker.ts";
import { type Runtime, runtimes } from "../../integration/support/runtimes.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const SOURCES = ["mod.ts", "src", "examples", "tests"];

/** The sources in a folder where Bun and Node find the packages that deno.json names. */
export class Project implements AsyncDisposable {
  readonly folder: string;
  readonly runtimes: readonly Runtime[];

  private constructor(folder: string, runtimes: readonly Runtime[]) {
    this.folder = folder;
    this.runtimes = runtimes;
  }

  static async make(): Promise<Project> {
    const folder = await Deno.makeTempDir();
    const project = new Project(folder, await runtimes());
    const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    const packages = Object.values<string>(imports)
      .filter((place) => place.startsWith("npm:") && !place.includes("@types"))
      .map((place) => place.slice("npm:".length));
    await Deno.writeTextFile(`${folder}/package.json`, '{"type":"module"}');
    const flags = ["--silent", "--no-audit", "--no-fund"];
    await succeed("npm", ["install", ...flags, ...packages], folder);
    const sources = SOURCES.map((name) => `${ROOT}${name}`);
    await succeed("cp", ["-r", ...sources, folder], folder);
    return project;
  }

  /** The nth worker is of the nth runtime, and then of the first again. */
  runtime(n: number): Runtime {
    return this.runtimes[n % this.runtimes.length]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function succeed(program: string, args: string[], cwd: string) {
  const { success, stderr } = await new Deno.Command(program, { args, cwd })
    .output();
  const text = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${text}`);
}

/** A program of the tests, on one of the runtimes. The kernel kills it when the tests end. */
export class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #ready = Promise.withResolvers<number>();
  #out = "";
  #pid = 0;
  readonly ended: Promise<Deno.CommandStatus>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.ended = process.status;
    const reading = this.#read();
    this.ended = process.status.then(async (status) => {
      await reading;
      this.#ready.reject(new Error(`not ready: ${this.#out}`));
      return status;
    });
  }

  /** Starts it; `script` is of the repository. */
  static start(
    project: Project,
    runtime: Runtime,
    script: string,
    options: unknown,
  ): Program {
    const isDeno = runtime.name === "Deno";
    const command = [
      ...["--pdeathsig", "KILL", "--", runtime.program],
      ...isDeno
        ? ["run", "--quiet", "--no-check", "--allow-all"]
        : runtime.args,
      `${isDeno ? ROOT : `${project.folder}/`}${script}`,
      JSON.stringify(options),
    ];
    const process = new Deno.Command("setpriv", {
      args: command,
      cwd: isDeno ? ROOT : project.folder,
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new Program(process);
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<this> {
    this.#pid = await this.#ready.promise;
    return this;
  }

  /** Its books, when it has ended in peace. */
  get stats(): ConsumeStats | undefined {
    const [line] = /^\{.*\}$/m.exec(this.#out) ?? [];
    return line && JSON.parse(line);
  }

  kill(signal: Deno.Signal): void {
    Deno.kill(this.#pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { // It has ended.
    }
    await this.ended;
  }

  async #read(): Promise<void> {
    const stream = this.#process.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of stream) {
      this.#out += chunk;
      const [, pid] = /^ready (\d+)$/m.exec(this.#out) ?? [];
      if (pid !== undefined) this.#ready.resolve(Number(pid));
    }
  }
}

/** A line of a ledger. */
export interface Line {
  readonly worker: number;
  readonly step: Step;
  readonly n: string;
  readonly time: number;
  /** Of a start: which delivery it is, as the server has it. */
  readonly delivery: number;
}

/** The workers of one test, and their ledgers. */
export class Workers implements AsyncDisposable {
  readonly all: Program[] = [];
  readonly #project: Project;
  readonly #folder: string;

  private constructor(project: Project, folder: string) {
    this.#project = project;
    this.#folder = folder;
  }

  static async of(project: Project): Promise<Workers> {
    return new Workers(project, await Deno.makeTempDir());
  }

  /** Starts one more, on the next runtime. */
  start(options: Omit<WorkerOptions, "ledger">): Promise<Program> {
    const n = this.all.length;
    const program = Program.start(
      this.#project,
      this.#project.runtime(n),
      "tests/cluster/support/worker.ts",
      { ...options, ledger: `${this.#folder}/${n}` },
    );
    this.all.push(program);
    return program.ready();
  }

  /** All lines of all workers, of each in its order. */
  async lines(): Promise<Line[]> {
    const lines: Line[] = [];
    for (const worker of this.all.keys()) {
      const text = await Deno.readTextFile(`${this.#folder}/${worker}`);
      for (const line of text.split("\n").slice(0, -1)) {
        const [step, n, ...figures] = line.split(" ");
        const [time, delivery] = figures.map(Number) as [number, number];
        lines.push({ worker, step: step as Step, n: n!, time, delivery });
      }
    }
    return lines;
  }

  /** How many jobs have ended. */
  async ended(): Promise<number> {
    const ends = (await this.lines()).filter(({ step }) => step === "end");
    return new Set(ends.map(({ n }) => n)).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.all) await program[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** How often each of the jobs was run to its end: how many never, once, twice, more often. */
export function books(lines: readonly Line[], jobs: number): number[] {
  const runs = new Map<string, number>();
  for (const { step, n } of lines) {
    if (step === "end") runs.set(n, (runs.get(n) ?? 0) + 1);
  }
  const counts = [0, 0, 0, 0];
  for (let n = 0; n < jobs; n++) counts[Math.min(3, runs.get(`${n}`) ?? 0)]!++;
  assertEquals(counts.reduce((a, b) => a + b), jobs);
  return counts;
}

/** The jobs that the server delivered for the first time more than once: it had forgotten. */
export function forgotten(lines: readonly Line[]): Set<string> {
  const firsts = lines.filter(({ step, delivery }) =>
    step === "start" && delivery === 1
  ).map(({ n }) => n);
  return new Set(firsts.filter((n, i) => firsts.indexOf(n) < i));
}

/** The jobs that were run to their end three times or more. */
export function thrice(lines: readonly Line[]): string[] {
  const ends = lines.filter(({ step }) => step === "end").map(({ n }) => n);
  const counts = Map.groupBy(ends, (n) => n);
  return [...counts].filter(([, runs]) => runs.length > 2).map(([n]) => n);
}
