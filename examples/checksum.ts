/**
 * Writes a SHA-256 manifest of every file below the paths, in the format that
 * `sha256sum -c` verifies. Memory stays flat: the walk waits for room in the
 * group's queue, a worker reads its file piece by piece, and a task ends when
 * its line is written.
 *
 * ```sh
 * deno run --allow-read=. examples/checksum.ts --concurrency 4 . > /tmp/sums
 * sha256sum -c --quiet /tmp/sums
 * ```
 *
 * Bun and Node run it too: `bun examples/checksum.ts .`
 *
 * Ctrl-C starts nothing more and lets what runs finish; a second one ends at
 * once. Exit codes: 0, 1 if something could not be read, or changed meanwhile, 2
 * for wrong usage, 130 after Ctrl-C, 141 if nothing reads the output any more.
 *
 * @module
 */

import type { Dirent } from "node:fs";
import { createHash } from "node:crypto";
import { constants, open, opendir, stat } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { CoGroup } from "../mod.ts";
import { CTRL_C, stopOnInterrupt } from "./support/interrupt.ts";
import { print, reason, report, showProgress } from "./support/output.ts";

const USAGE = `Usage: checksum.ts [--concurrency N] [--count] PATH...

  --concurrency N  how many files are read at once (default 8)
  --count          look first how many files there are, and say so
  --help           show this, and do nothing else
${CTRL_C}`;
/** To open what has become a pipe must not wait for a writer. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
/** One for each worker, whose id no two running tasks share. */
const buffers: Uint8Array[] = [];
let bytes = 0;
/** How many files there are, if that is known. */
let total: number | undefined;

/** What the walk comes upon: a file, or a path where it could not go on. */
interface Found {
  path: string;
  error?: unknown;
}
type Entry = Pick<Dirent, "name" | "isFile" | "isDirectory">;

/** Throws an error that says what is wrong with the arguments. */
function parse(args: string[]) {
  const { values: { help, concurrency, count }, positionals: paths } =
    parseArgs({
      args,
      options: {
        help: { type: "boolean", default: false },
        concurrency: { type: "string", default: "8" },
        count: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
  if (!/^0*[1-9]\d{0,8}$/.test(concurrency)) {
    throw new Error(`--concurrency ${concurrency}: not a positive integer`);
  }
  if (paths.length === 0 && !help) throw new Error("no PATH was given");
  // In a manifest it would have sha256sum read its standard input.
  if (paths.includes("-")) throw new Error("write ./- for a file named -");
  return { help, concurrency: Number(concurrency), count, paths };
}

/** Depth first. Only what the user named, and so has no entry, may be a link. */
async function* walk(
  path: string,
  signal: AbortSignal,
  entry?: Entry,
): AsyncGenerator<Found> {
  try {
    const kind = entry ?? await stat(path);
    if (kind.isFile()) yield { path };
    else if (kind.isDirectory()) {
      const prefix = path.endsWith("/") ? path : `${path}/`;
      for await (const entry of list(path)) {
        if (signal.aborted) return;
        yield* walk(prefix + entry.name, signal, entry);
      }
    } else if (!entry) throw new Error("neither a file nor a directory");
  } catch (error) {
    yield { path, error };
  }
}

/** On Deno, opendir has the whole directory in memory; its own does not. */
async function* list(path: string): AsyncGenerator<Entry> {
  if (typeof Deno === "undefined") return yield* await opendir(path);
  for await (const { name, isFile, isDirectory } of Deno.readDir(path)) {
    yield { name, isFile: () => isFile, isDirectory: () => isDirectory };
  }
}

/**
 * Of what is one file from the first byte to the last, as far as its size and
 * its times tell; else it throws.
 */
async function digest(path: string, workerId: number): Promise<string> {
  const buffer = buffers[workerId] ??= new Uint8Array(256 * 1024);
  const hash = createHash("sha256");
  await using file = await open(path, READ);
  const before = await file.stat();
  if (!before.isFile()) throw new Error("is not a file any more");
  for (;;) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
  }
  const { size, mtimeMs, ctimeMs } = await file.stat();
  if (
    size === before.size && mtimeMs === before.mtimeMs &&
    ctimeMs === before.ctimeMs
  ) return hash.digest("hex");
  // A line would tell of bytes that never were in it at one time.
  throw new Error("changed while it was read");
}

/** The task. Where the walk failed is one too, so that the group counts it. */
async function checksum({ path, error }: Found, workerId: number) {
  const name = escape(path);
  try {
    if (error !== undefined) throw error;
    const sum = await digest(path, workerId);
    await print(`${name === path ? "" : "\\"}${sum}  ${name}\n`);
  } catch (cause) {
    // A reason may name the path as well.
    throw new Error(`${name}: ${escape(reason(cause))}`, { cause });
  }
}

/** As sha256sum does it, so that a line remains one. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r");
}

/** Not from `group.progress()`: bytes flow while no count changes. */
function progress(group: CoGroup): () => string {
  const start = performance.now();
  return () => {
    const { fulfilled, rejected, queued } = group.stats;
    const speed = (bytes / 1000 / (performance.now() - start)).toFixed(1);
    const done = total === undefined ? fulfilled : `${fulfilled} of ${total}`;
    const counts = `${done} done, ${rejected} failed, ${queued} queued`;
    return `${counts}, ${speed} MB/s`;
  };
}

/** Where the walk can't go on, it says so when it comes there again. */
async function count(group: CoGroup, paths: string[]): Promise<void> {
  let files = 0;
  for (const path of paths) {
    for await (const { error } of walk(path, group.signal)) {
      if (error === undefined) files++;
    }
  }
  if (group.closed) return;
  total = files;
  report(`checksum: ${files} ${files === 1 ? "file" : "files"}`);
}

/** Feeds the group until the walk or the group ends. Returns what was found. */
async function feed(group: CoGroup, paths: string[]): Promise<number> {
  let found = 0;
  for (const path of paths) {
    for await (const item of walk(path, group.signal)) {
      // The walk was still looking for this one when Ctrl-C came.
      if (group.closed) return found;
      found++;
      await group.insert(({ workerId }) => checksum(item, workerId));
    }
  }
  return found;
}

async function main(): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    report(`checksum: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    await print(`${USAGE}\n`);
    return 0;
  }
  const group = new CoGroup({
    concurrency: options.concurrency,
    capacity: 16,
    onError: (error) => report(`checksum: ${(error as Error).message}`),
  });
  using _interrupt = stopOnInterrupt("checksum", group);
  using _progress = showProgress(progress(group));
  if (options.count) await count(group, options.paths);
  const found = await feed(group, options.paths);
  const abandoned = await group.wait();
  const { accepted, fulfilled, rejected } = group.stats;
  if (!group.signal.aborted) return rejected > 0 ? 1 : 0;
  const left = abandoned + found - accepted;
  const books = `${fulfilled} written, ${rejected} failed, ${left} left`;
  report(`checksum: interrupted: ${found} found, ${books}`);
  return 130;
}

process.exitCode = await main();
