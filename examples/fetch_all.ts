/**
 * Fetches the URLs of a file, or of standard input, one a line, a few at a
 * time. Writes one line of JSON for each, as soon as it is done: its status,
 * bytes, milliseconds and attempts; or its error.
 *
 * ```sh
 * deno run --allow-net --allow-read examples/fetch_all.ts --retries 3 urls.txt
 * ```
 *
 * Bun and Node run it too: `bun examples/fetch_all.ts - < urls.txt`
 *
 * Ctrl-C starts nothing more and lets what runs finish, for up to ten seconds;
 * a second one ends that at once. Exit codes: 0, 1 if something could not be
 * fetched, 2 for wrong usage, 130 after Ctrl-C.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { CoGroup, type Task, type TaskContext } from "../mod.ts";
import { print, reason, report, showProgress } from "./support/output.ts";

const USAGE = `Usage: fetch_all.ts [options] FILE|-

  --concurrency N  how many URLs are fetched at once (default 8)
  --retries N      how often a URL is tried again after a network error, a
                   timeout, or status 429, 500, 502, 503 or 504; Retry-After
                   is honoured (default 0)
  --timeout MS     milliseconds for each attempt (default 30000)
  --help           show this, and do nothing else`;

/** Milliseconds that what runs has to finish after the first Ctrl-C. */
const GRACE = 10_000;
const PASSING = new Set([429, 500, 502, 503, 504]);

/** A status that may be another one next time. */
class PassingStatus extends Error {
  readonly retryAfter: number | undefined;

  constructor(response: Response) {
    super(`status ${response.status}`);
    this.retryAfter = retryAfter(response.headers.get("retry-after"));
  }
}

/** Milliseconds from seconds or a date; undefined if the server does not say. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header)
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Throws an error that says what is wrong with the arguments. */
function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    options: {
      help: { type: "boolean", default: false },
      concurrency: { type: "string", default: "8" },
      retries: { type: "string", default: "0" },
      timeout: { type: "string", default: "30000" },
    },
    allowPositionals: true,
  });
  const number = (
    name: "concurrency" | "retries" | "timeout",
    least: 0 | 1,
  ) => {
    const value = Number(values[name]);
    if (/^\d{1,9}$/.test(values[name]) && value >= least) return value;
    throw new Error(
      `--${name} ${values[name]}: not an integer of ${least} or more`,
    );
  };
  if (positionals.length !== 1 && !values.help) {
    throw new Error("name one FILE, or - for standard input");
  }
  return {
    help: values.help,
    file: positionals[0]!,
    concurrency: number("concurrency", 1),
    retries: number("retries", 0),
    timeout: number("timeout", 1),
  };
}

/** The lines of the file that are neither empty nor comments. */
async function* urls(
  file: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  // A terminal that nobody types into any more must not keep us from ending.
  signal.addEventListener("abort", () => input.destroy());
  input.setEncoding("utf8");
  let rest = "";
  for await (const chunk of input) {
    const lines = (rest + chunk).split("\n").map((line) => line.trim());
    rest = lines.pop()!;
    yield* lines.filter(isUrl);
  }
  if (isUrl(rest)) yield rest;
}

function isUrl(line: string): boolean {
  return line !== "" && !line.startsWith("#");
}

/** The task: fetches the URL, to its last byte, and writes its line. */
async function fetchOne(url: string, ctx: TaskContext, retries: number) {
  const start = performance.now();
  const response = await fetch(url, { signal: ctx.signal });
  if (PASSING.has(response.status) && ctx.attempt <= retries) {
    await response.body?.cancel();
    throw new PassingStatus(response);
  }
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += chunk.length;
  const { status } = response;
  const ms = Math.round(performance.now() - start);
  await write({ url, status, bytes, ms, attempts: ctx.attempt });
}

function write(result: Record<string, unknown>): Promise<void> {
  return print(`${JSON.stringify(result)}\n`);
}

/** Fetches what is in the file. Returns the exit code. */
async function fetchAll(options: ReturnType<typeof parse>): Promise<number> {
  const { concurrency, file, retries, timeout } = options;
  const urlOf = new WeakMap<Task, string>();
  /** Resolves when the last failure, and so each of them, is written. */
  let failures = Promise.resolve();
  const group = new CoGroup({
    concurrency,
    capacity: 2 * concurrency,
    timeout,
    sink: GRACE,
    retry: {
      maxAttempts: retries + 1,
      minTimeout: 500,
      maxTimeout: 30_000,
      delay: (error) =>
        error instanceof PassingStatus ? error.retryAfter : undefined,
    },
    onError: (error, { task, attempt }) => {
      const url = urlOf.get(task);
      failures = write({ url, error: reason(error), attempts: attempt });
    },
  });
  // The first Ctrl-C stops the queue, the second one what runs, too.
  const now = new AbortController();
  const onInterrupt = () => {
    if (group.signal.aborted) {
      now.abort(new Error("interrupted"));
      process.off("SIGINT", onInterrupt); // A third one ends the program.
    } else {
      group.cancel(new Error("interrupted"));
      report("fetch_all: finishing what runs; Ctrl-C again to stop at once");
    }
  };
  process.on("SIGINT", onInterrupt);
  let found = 0;
  async function* tasks() {
    for await (const url of urls(file, group.signal)) {
      found++;
      const task = (ctx: TaskContext) => fetchOne(url, ctx, retries);
      urlOf.set(task, url);
      yield { task, options: { signal: now.signal } };
    }
  }
  using _ = showProgress(() => {
    const { fulfilled, rejected, queued, delayed } = group.stats;
    const waiting = `${queued} queued, ${delayed} to be tried again`;
    return `${fulfilled} done, ${rejected} failed, ${waiting}`;
  });
  const accepted = await group.insertAll(tasks());
  const left = await group.wait() + found - accepted;
  await failures;
  process.off("SIGINT", onInterrupt);
  const { fulfilled, rejected } = group.stats;
  if (!group.signal.aborted) return rejected > 0 ? 1 : 0;
  const books = `${fulfilled} fetched, ${rejected} failed, ${left} left`;
  report(`fetch_all: interrupted: ${found} found, ${books}`);
  return 130;
}

async function main(): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    report(`fetch_all: ${reason(error)}\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    await print(`${USAGE}\n`);
    return 0;
  }
  try {
    return await fetchAll(options);
  } catch (error) {
    report(`fetch_all: ${reason(error)}`);
    return 1;
  }
}

process.exitCode = await main();
