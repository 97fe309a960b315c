/**
 * Fetches the URLs of a file, or of standard input, one a line, a few at a
 * time. Writes one line of JSON for each, as soon as it is done: its status,
 * bytes, milliseconds and attempts; or its error. At the end it sums up, on
 * stderr.
 *
 * ```sh
 * deno run --allow-net --allow-read examples/fetch_all.ts --retries 3 urls.txt
 * ```
 *
 * Bun and Node run it too: `bun examples/fetch_all.ts - < urls.txt`
 *
 * With `--out DIR` it saves the bodies of good answers there; the line says
 * which file it is: `deno run --allow-net --allow-read --allow-write=pages
 * examples/fetch_all.ts --out pages urls.txt`
 *
 * Ctrl-C starts nothing more and lets what runs finish, for up to ten seconds;
 * a second one ends that at once. Exit codes: 0, 1 if a URL failed (no answer, or
 * one of status 400 or more), 2 for wrong usage, 130 after Ctrl-C, 141 if
 * nothing reads the output any more.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  adaptiveLimit,
  CoGroup,
  fifoQueue,
  keyedQueue,
  type Observer,
  type QueuedTask,
  type RateLimit,
  rateLimit,
  type Task,
  type TaskContext,
} from "../mod.ts";
import { NotSaved } from "./support/body_file.ts";
import {
  fetchOne,
  hostOf,
  NoUrl,
  parseRate,
  PassingStatus,
  urls,
} from "./support/fetching.ts";
import { CTRL_C, stopOnInterrupt } from "./support/interrupt.ts";
import { print, reason, report, showProgress } from "./support/output.ts";
import { Tally } from "./support/tally.ts";
import { WATCH, watch, WATCH_OPTIONS } from "./support/watch.ts";

const USAGE = `Usage: fetch_all.ts [options] FILE|-

  --concurrency N  how many URLs are fetched at once (default 8)
  --out DIR        save the bodies of good answers there, each when it is whole
  --retries N      how often a URL is tried again after a network error, a
                   timeout, or status 408, 425, 429, 500, 502, 503 or 504;
                   Retry-After is honoured (default 0)
  --timeout MS     milliseconds for each attempt (default 30000)
  --per-host N     how many of them may be of one host; one that waits to be
                   tried again is one of them (default no limit)
  --rate N/s       how many fetches may start in any second; /m for a minute.
                   After status 429 none does for as long as Retry-After says
  --host-rate N/s  the same for each host by itself; after status 429 that host
                   alone is left in peace
  --adaptive       find out how many at once the servers can take, up to the
                   concurrency; not together with --rate${WATCH}
  --help           show this, and do nothing else
${CTRL_C}
What runs has ten seconds.`;

const OPTIONS = {
  help: { type: "boolean", default: false },
  concurrency: { type: "string", default: "8" },
  out: { type: "string" },
  retries: { type: "string", default: "0" },
  timeout: { type: "string", default: "30000" },
  "per-host": { type: "string" },
  rate: { type: "string" },
  "host-rate": { type: "string" },
  adaptive: { type: "boolean", default: false },
  ...WATCH_OPTIONS,
} as const;

/** The exit code after Ctrl-C. */
const INTERRUPTED = 130;
/** Milliseconds that what runs has to finish after the first Ctrl-C. */
const GRACE = 10_000;

/** In the summary. */
function kindOf(error: unknown): string {
  if (error instanceof PassingStatus) return error.message;
  if (error instanceof NoUrl) return "malformed URL";
  if (error instanceof NotSaved) return "not saved";
  const { name, message } = error as Error;
  if (name === "TimeoutError") return "timed out";
  return message === "interrupted" ? message : "network error";
}

/** Deno says NotCapable where it was not allowed to. */
function mayPass(error: unknown): boolean {
  return !(error instanceof NoUrl || error instanceof NotSaved ||
    (error as Error).name === "NotCapable");
}

/** Throws an error that says what is wrong with the arguments. */
function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    options: OPTIONS,
    allowPositionals: true,
  });
  const {
    "per-host": perHost,
    rate,
    "host-rate": hostRate,
    adaptive,
  } = values;
  const number = (name: keyof typeof OPTIONS, value: string, least: 0 | 1) => {
    if (/^\d{1,9}$/.test(value) && Number(value) >= least) return Number(value);
    throw new Error(`--${name} ${value}: not an integer of ${least} or more`);
  };
  if (adaptive && rate !== undefined) {
    throw new Error("--adaptive and --rate: one governor at a time");
  }
  if (positionals.length !== 1 && !values.help) {
    throw new Error("name one FILE, or - for standard input");
  }
  return {
    help: values.help,
    file: positionals[0]!,
    out: values.out,
    concurrency: number("concurrency", values.concurrency, 1),
    retries: number("retries", values.retries, 0),
    timeout: number("timeout", values.timeout, 1),
    perHost: perHost === undefined ? undefined : number("per-host", perHost, 1),
    rate: rate === undefined ? undefined : parseRate("--rate", rate),
    hostRate: hostRate === undefined
      ? undefined
      : parseRate("--host-rate", hostRate),
    adaptive,
    watch: values.watch,
    trace: values.trace,
  };
}

type Options = ReturnType<typeof parse>;

function write(result: Record<string, unknown>): Promise<void> {
  return print(`${JSON.stringify(result)}\n`);
}

/** Which URL is next. The rates of the hosts go into `rates`. */
function queueOf(options: Options, rates: Map<unknown, RateLimit>) {
  const { concurrency, perHost, hostRate } = options;
  if (perHost === undefined && hostRate === undefined) {
    return fifoQueue<QueuedTask>(2 * concurrency);
  }
  // The same one again for a host that comes back: it may have been paused since.
  const rateOf = (host: unknown) => {
    const rate = rates.get(host) ?? rateLimit(hostRate!);
    rates.set(host, rate);
    return rate;
  };
  return keyedQueue({
    perKey: perHost ?? Infinity,
    // Far ahead, for one host's backlog must not hide the others.
    capacity: 1000 * concurrency,
    governor: hostRate && rateOf,
  });
}

/** Fetches what is in the file. Returns the exit code. */
async function fetchAll(
  options: Options,
  observer: Observer | undefined,
): Promise<number> {
  const { adaptive, concurrency, file, out, retries, timeout } = options;
  const urlOf = new WeakMap<Task, string>();
  /** Resolves when the last line, and so each of them, is written. */
  let written = Promise.resolve();
  const tally = new Tally();
  const rate = options.rate && rateLimit(options.rate);
  const hostRates = new Map<unknown, RateLimit>();
  const governor = adaptive ? adaptiveLimit({ max: concurrency }) : rate;
  const group = new CoGroup({
    concurrency,
    observer,
    queue: queueOf(options, hostRates),
    ...governor && { governor },
    timeout,
    grace: GRACE,
    retry: {
      maxAttempts: retries + 1,
      isRetriable: mayPass,
      minTimeout: 500,
      maxTimeout: 30_000,
      delay: (error) =>
        error instanceof PassingStatus ? error.retryAfter : undefined,
    },
    onError: (error, { task, attempt }) => {
      tally.fail(kindOf(error));
      const result = error instanceof PassingStatus
        ? error.answer
        : { error: reason(error) };
      written = write({ url: urlOf.get(task), ...result, attempts: attempt });
    },
  });
  const now = new AbortController();
  const stop = () => now.abort(new Error("interrupted"));
  using _interrupt = stopOnInterrupt("fetch_all", group, stop);
  const onBytes = (count: number) => {
    tally.bytes += count;
  };
  let found = 0;
  async function* tasks() {
    for await (const url of urls(file, group.signal)) {
      found++;
      // Here the reader of our lines sets the pace. Were a task to wait for
      // that, it could time out with its line written, and be tried again.
      await written;
      const key = hostOf(url);
      const task = async ({ signal, attempt }: TaskContext) => {
        const rates = [rate, hostRates.get(key)];
        const answer = await fetchOne(url, { signal, rates, out, onBytes });
        if (answer.status < 400) tally.done++;
        else tally.fail(`status ${answer.status}`);
        written = write({ url, ...answer, attempts: attempt });
      };
      urlOf.set(task, url);
      yield { task, options: { signal: now.signal, key, id: url } };
    }
  }
  using _progress = showProgress(() => {
    const { queued, delayed } = group.stats;
    const waiting = `${queued} queued, ${delayed} to be tried again`;
    return `${tally.done} done, ${tally.failed} failed, ${waiting}, ${tally.speed}`;
  });
  let isCutShort = false;
  await group.insertAll(tasks()).catch((error) => {
    isCutShort = true;
    report(`fetch_all: ${file}: ${reason(error)}`);
  });
  const abandoned = await group.wait();
  await written;
  const { done, failed } = tally;
  report(`fetch_all: ${tally.summary(group.stats.retried)}`);
  if (!group.signal.aborted) return isCutShort || failed > 0 ? 1 : 0;
  const left = abandoned + found - group.stats.accepted;
  const books = `${done} fetched, ${failed} failed, ${left} left`;
  report(`fetch_all: interrupted: ${found} found, ${books}`);
  return INTERRUPTED;
}

async function main(): Promise<number> {
  let options: Options;
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
    if (options.out !== undefined) {
      await mkdir(options.out, { recursive: true });
    }
  } catch (error) {
    report(`fetch_all: ${options.out}: ${reason(error)}`);
    return 1;
  }
  const watching = await watch("fetch_all", options);
  const code = await fetchAll(options, watching.observer);
  await watching.end(code === INTERRUPTED);
  return code;
}

// Not `exitCode`: on Deno, a read from a pipe that has nothing to say, once
// begun, would keep us from ending.
process.exit(await main());
