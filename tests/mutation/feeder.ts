// deno-coverage-ignore-file

/**
 * The other end of a bench: starts the process, gives it one job after the
 * other, and ends it when it does not answer.
 *
 * @module
 */

import type { Job, Result } from "./bench.ts";
import { OwnTime } from "./delay.ts";
import type { Modules } from "./graph.ts";

/** Why there is none: the process came to its end, or works on, or waits. */
export type NoAnswer = "ended" | "silent";

/** What a bench writes between two tests now and then. */
const ALIVE = JSON.stringify("alive");
/** Nothing is heard for so many steps of so many milliseconds of its own: it hangs. */
const STEPS = 30;
const STEP = 250;
/** After such an answer, or none, the process is not to be used any more. */
const LAST = /^ended$|^silent$|"hung"|"slow"/;
/** What failed may have left timers behind, so a process is not kept for long. */
const JOBS = 40;
const FLAGS = "--v8-flags=--max-old-space-size=600";
const BENCH = new URL("bench.ts", import.meta.url).pathname;

interface Bench {
  readonly child: Deno.ChildProcess;
  readonly input: WritableStreamDefaultWriter<Uint8Array>;
  readonly answers: AsyncIterator<string>;
  jobs: number;
}

async function* lines(
  text: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const parts: string[] = [];
  const decoded = text.pipeThrough(new TextDecoderStream() as never);
  for await (const chunk of decoded as ReadableStream<string>) {
    const [first, ...more] = chunk.split("\n");
    parts.push(first!);
    for (const part of more) {
      yield parts.splice(0).join("");
      parts.push(part);
    }
  }
}

/** A bench that is there when it is needed. */
export class Feeder {
  readonly #modules: string;
  #bench: Bench | undefined = undefined;

  constructor(modules: Modules) {
    this.#modules = JSON.stringify(modules);
  }

  /** What all tests do, and which probes they meet. */
  async all(): Promise<Result[]> {
    const answer = await this.#ask({ changed: {}, cases: undefined }, Infinity);
    return JSON.parse(answer);
  }

  /**
   * What became of the last test that was run, the first that noticed; or of the
   * process, if there was no answer.
   */
  async run(job: Job): Promise<Result | NoAnswer> {
    const answer = await this.#ask(job, STEPS * (job.patience ?? 1));
    return answer === "ended" || answer === "silent"
      ? answer
      : JSON.parse(answer);
  }

  /** Ends the process, if there is one. */
  async end(): Promise<void> {
    const bench = this.#bench;
    this.#bench = undefined;
    if (bench === undefined) return;
    try {
      bench.child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await bench.child.status;
  }

  async #ask(job: Job, steps: number): Promise<string> {
    if ((this.#bench?.jobs ?? 0) >= JOBS) await this.end();
    const bench = this.#bench ??= this.#start();
    bench.jobs++;
    this.#write(bench, JSON.stringify(job));
    let answer;
    do answer = await this.#answer(bench, steps); while (answer === ALIVE);
    if (LAST.test(answer)) await this.end();
    return answer;
  }

  async #answer(bench: Bench, steps: number): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<NoAnswer>((resolve) => {
      // Not one long timer: others may have the machine, or it be stopped, for minutes.
      const own = new OwnTime(bench.child.pid);
      const step = (left: number) => {
        if (left <= 0) resolve("silent");
        else timer = setTimeout(() => step(left - own.lap(STEP)), STEP);
      };
      step(steps * STEP);
    });
    const next = bench.answers.next().then(
      ({ done, value }): string => done ? "ended" : value,
      (): NoAnswer => "ended",
    );
    const answer = await Promise.race([next, late]);
    clearTimeout(timer);
    return answer;
  }

  #start(): Bench {
    const child = new Deno.Command("nice", {
      args: [
        "-n",
        "15",
        Deno.execPath(),
        "run",
        "-A",
        "--no-check",
        FLAGS,
        BENCH,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const input = child.stdin.getWriter();
    const bench = { child, input, answers: lines(child.stdout), jobs: 0 };
    this.#write(bench, this.#modules);
    return bench;
  }

  #write({ input }: Bench, line: string): void {
    // Whoever has ended is found out by the lack of an answer.
    input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }
}
