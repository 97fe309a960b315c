// deno-coverage-ignore-file

/**
 * `examples/fetch_all.ts` as a program, and what it writes.
 *
 * @module
 */

import { assertEquals } from "../../support/std.ts";

/** One line of its output. */
export interface Result {
  url: string;
  status?: number;
  bytes?: number;
  ms?: number;
  attempts: number;
  error?: string;
  file?: string;
}

/** One run of it. */
export interface Program {
  child: Deno.ChildProcess;
  /** The lines of stdout and stderr, so far. */
  out: string[];
  err: string[];
  /** Resolves with the exit code, when all output is read. */
  code: Promise<number>;
  /** Resolves when there is an nth line, counted from 1. */
  line(of: "out" | "err", n: number): Promise<void>;
}

/** Where it is. */
export const script: string =
  new URL("../../../examples/fetch_all.ts", import.meta.url).pathname;

/** Runs the example on these URLs. */
export function run(urls: string[], ...options: string[]): Program {
  return runAndRead(urls, options, Promise.resolve());
}

/** As `run`, but reads nothing before it may. */
export function runAndRead(
  urls: string[],
  options: string[],
  mayRead: Promise<void>,
): Program {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-net=127.0.0.1"]
      .concat("--allow-read", "--allow-write", script, options, "-"),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const waiting = new Set<() => void>();
  const program: Program = {
    child,
    out: [],
    err: [],
    code: Promise.resolve(0),
    line: (of, n) =>
      new Promise((resolve) => {
        const look = () => {
          if (program[of].length < n) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
  const read = async (from: ReadableStream<Uint8Array>, to: string[]) => {
    await mayRead;
    let rest = "";
    for await (const text of from.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      to.push(...lines);
      for (const look of [...waiting]) look();
    }
  };
  const reads = [
    read(child.stdout, program.out),
    read(child.stderr, program.err),
  ];
  program.code = Promise.all(reads).then(async () => (await child.status).code);
  const writer = child.stdin.getWriter();
  writer.write(new TextEncoder().encode(urls.join("\n"))).then(() =>
    writer.close()
  );
  return program;
}

/** What it has written, read back. */
export const results = (program: Program): Result[] =>
  program.out.map((line) => JSON.parse(line) as Result);

/** Every URL has its line, and only one. */
export function assertEachOnce(program: Program, urls: string[]): void {
  const found = results(program).map(({ url }) => url);
  assertEquals(found.sort(), urls.toSorted());
}

/** What it says at its end, of a run that was not interrupted. */
export function summaryOf({ err }: Program): Record<string, string | number> & {
  kinds: string;
} {
  const [, done, failed, kinds = "", retried, received] =
    /^fetch_all: (\d+) done, (\d+) failed(?: \((.+)\))?, (\d+) retried, ([\d.]+ [kM]?B), [\d.]+ URLs\/s$/
      .exec(err.at(-1) ?? "") ?? [];
  const numbers = { done: Number(done), failed: Number(failed) };
  const rest = { retried: Number(retried), received: received! };
  return { ...numbers, kinds, ...rest };
}

/** The last line of stderr adds up. */
export function assertCounts(
  program: Program,
  fetched: number,
  failed: number,
): void {
  const counts = program.err.at(-1)!.match(
    /(\d+) found, (\d+) fetched, (\d+) failed, (\d+) left$/,
  )!.slice(1).map(Number);
  assertEquals([counts[1], counts[2]], [fetched, failed]);
  assertEquals(counts[1]! + counts[2]! + counts[3]!, counts[0]);
}
