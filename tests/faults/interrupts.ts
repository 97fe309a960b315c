/**
 * The examples under SIGINT, at moments that nobody chose: a hundred of each
 * on Deno, ten on the other runtimes. What is asserted holds whatever the
 * moment is: every line is whole and right, the exit code says how it ended,
 * and every item is accounted for.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CoGroup } from "../../mod.ts";
import { Random } from "../model/random.ts";
import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { answer, BadServer } from "../integration/support/bad_server.ts";
import type { Result } from "../integration/support/fetch_program.ts";
import {
  DENO,
  type Runtime,
  runtimes,
} from "../integration/support/runtimes.ts";
import { lines, Tree } from "../integration/support/tree.ts";

/** When the signal comes, and how long after it the second one, if any. */
interface Moment {
  readonly line?: number;
  readonly ms?: number;
  readonly again: number | undefined;
}

/** How it ended: killed by the signal, interrupted with a report, or by itself. */
type End = "killed" | "interrupted" | "over";

interface Ended {
  readonly code: number;
  readonly end: End;
  readonly out: string[];
  readonly err: string[];
  /** Found, done, failed, left; if it was interrupted. */
  readonly books: number[];
}

const BOOKS =
  /: interrupted: (\d+) found, (\d+) (?:written|fetched), (\d+) failed, (\d+) left$/;
const FINISHING = /: finishing \d+; once more to stop$/;

/** Half of them come after a line, and half after a time, of a run of so many. */
function momentsOf(seed: number, count: number, items: number, ms: number) {
  const random = new Random(seed);
  return range(count).map((i): Moment => ({
    ...i % 2 === 0
      ? { line: 1 + random.below(items) }
      : { ms: random.below(ms) },
    again: random.chance(0.25) ? random.below(20) : undefined,
  }));
}

/** Runs an example, and interrupts it then. */
async function interrupt(
  { program, args }: Runtime,
  options: string[],
  stdin: { text: string; isHeldOpen: boolean } | undefined,
  { line = Infinity, ms, again }: Moment,
): Promise<Ended> {
  const child = new Deno.Command(program, {
    args: [...args, ...options],
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const timers: ReturnType<typeof setTimeout>[] = [];
  const input = stdin && child.stdin.getWriter();
  const feeding = input?.write(new TextEncoder().encode(stdin!.text))
    .then(() => stdin!.isHeldOpen ? undefined : input.close()).catch(() => {});
  const signal = () => {
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended, and `status` is about to say so.
    }
  };
  const interrupt = () => {
    signal();
    if (again !== undefined) timers.push(setTimeout(signal, again));
  };
  if (ms !== undefined) timers.push(setTimeout(interrupt, ms));
  let out = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const before = out.split("\n").length - 1;
    out += text;
    if (before < line && out.split("\n").length > line) interrupt();
  }
  const status = await child.status;
  timers.forEach(clearTimeout);
  await feeding;
  if (stdin?.isHeldOpen) await input!.close().catch(() => {});
  return ended(status, lines(out), lines(await stderr));
}

function ended(
  { code, signal }: Deno.CommandStatus,
  out: string[],
  err: string[],
): Ended {
  const books = BOOKS.exec(err.at(-1) ?? "")?.slice(1).map(Number);
  const end = books ? "interrupted" : signal ? "killed" : "over";
  return { code, end, out, err, books: books ?? [] };
}

/** What is true of every example, however it ended. */
function assertEnd(
  ended: Ended,
  moment: Moment,
  whole: { items: number; lines: number; code: number },
): void {
  const { code, end, out, books: [found, done, failed, left] } = ended;
  if (end === "interrupted") {
    assertEquals(code, 130);
    assertEquals(done! + failed! + left!, found);
    assert(found! <= whole.items, `${found} found`);
  } else if (end === "over") {
    assertEquals(code, whole.code);
  } else {
    assertEquals(code, 130);
    // Once it has begun, it takes two. One is as good as none at the very end,
    // where all is written.
    if (moment.again === undefined && out.length > 0) {
      assertEquals(out.length, whole.lines);
    }
  }
}

/** Interrupts it at each of the moments, two at a time, and prints what came of it. */
async function interruptAll(
  name: string,
  moments: Moment[],
  run: (moment: Moment, i: number) => Promise<Ended>,
): Promise<void> {
  const ends = { killed: 0, interrupted: 0, over: 0 };
  await using group = new CoGroup(2);
  const runs = group.map(moments.entries(), async ([i, moment]) => {
    try {
      return await run(moment, i);
    } catch (error) {
      throw new Error(`#${i} ${JSON.stringify(moment)}`, { cause: error });
    }
  });
  for await (const { end } of runs) ends[end]++;
  const few = moments.length / 10;
  assert(
    ends.interrupted >= few,
    `few moments were in the middle: ${ends.interrupted}`,
  );
  const { killed, interrupted, over } = ends;
  console.log(
    `${name}: ${moments.length} SIGINTs: ${interrupted} interrupted, with books;` +
      ` ${killed} killed before it began, or by the second; ${over} over`,
  );
}

/** Milliseconds that a run takes when it is not interrupted. */
async function time(run: () => Promise<Ended>): Promise<number> {
  const start = performance.now();
  const { end } = await run();
  assertEquals(end, "over");
  return performance.now() - start;
}

const NEVER: Moment = { again: undefined };
const CHECKSUM =
  new URL("../../examples/checksum.ts", import.meta.url).pathname;
const FETCH_ALL =
  new URL("../../examples/fetch_all.ts", import.meta.url).pathname;
const TREE_SIZE = 300;

/** Writes files of all sizes. Returns the line of each. */
async function plant(tree: Tree): Promise<Set<string>> {
  const random = new Random(8);
  const manifest = new Set<string>();
  for (const i of range(TREE_SIZE)) {
    const path = `${tree.root}/${i % 5}/${"n".repeat(random.below(200))}${i}`;
    const size = random.chance(0.1) ? 2_000_000 : 2_000;
    const text = `${i}`.padEnd(random.below(size), ".");
    await tree.write({ [path.slice(tree.root.length + 1)]: text });
    manifest.add(`${createHash("sha256").update(text).digest("hex")}  ${path}`);
  }
  return manifest;
}

async function interruptChecksum(runtime: Runtime, count: number) {
  await using tree = new Tree();
  const manifest = await plant(tree);
  const missing = ["nothing", "nowhere"].map((name) => `${tree.root}/${name}`);
  const run = async (moment: Moment, i: number) => {
    const isWhole = i % 3 !== 0;
    const paths = isWhole ? [tree.root] : [missing[0]!, tree.root, missing[1]!];
    const ended = await interrupt(
      runtime,
      [CHECKSUM, ...paths],
      undefined,
      moment,
    );
    const { end, out, err, books: [, written, failed] } = ended;
    assertEquals(new Set(out).size, out.length);
    for (const line of out) assert(manifest.has(line), line);
    const errors = err.filter((line) => !FINISHING.test(line));
    if (end === "interrupted") errors.pop(); // The books.
    for (const line of errors) assert(line.includes(": ENOENT: "), line);
    if (end === "interrupted") {
      assertEquals([written, failed], [out.length, errors.length]);
    } else if (end === "over") {
      assertEquals([out.length, errors.length], [TREE_SIZE, isWhole ? 0 : 2]);
    }
    const items = isWhole ? TREE_SIZE : TREE_SIZE + 2;
    const code = isWhole ? 0 : 1;
    assertEnd(ended, moment, { items, lines: TREE_SIZE, code });
    return ended;
  };
  const ms = await time(() => run(NEVER, 0));
  const moments = momentsOf(count, count, TREE_SIZE, ms * 1.2);
  await interruptAll(`checksum.ts on ${runtime.name}`, moments, run);
}

const URLS = 100;

/** One that takes its time, and sometimes drops who asks, as if at random. */
function server(): BadServer {
  const random = new Random(8);
  return new BadServer((path, socket) => {
    const isDropped = path.startsWith("/drop");
    setTimeout(() => {
      if (isDropped) socket.destroy();
      else answer(socket, 200, path);
    }, random.below(20));
  });
}

async function interruptFetchAll(runtime: Runtime, count: number) {
  await using tree = new Tree();
  await using listening = server();
  const base = await listening.listen();
  const lists = [false, true].map((isWhole) =>
    range(URLS).map((i) =>
      `${base}/${!isWhole && i % 9 === 4 ? "drop" : ""}${i}`
    )
  );
  await tree.write({ 0: lists[0]!.join("\n"), 1: lists[1]!.join("\n") });
  const run = async (moment: Moment, i: number) => {
    const whole = i % 3 === 0 ? 0 : 1;
    const urls = new Set(lists[whole]);
    // From a file; from a pipe; or from a pipe that nobody closes.
    const isFile = i % 4 < 2;
    const stdin = {
      text: lists[whole]!.join("\n") + "\n",
      isHeldOpen: i % 4 === 2 && moment !== NEVER,
    };
    const ended = await interrupt(
      runtime,
      [
        FETCH_ALL,
        "--timeout",
        "999999999",
        isFile ? `${tree.root}/${whole}` : "-",
      ],
      isFile ? undefined : stdin,
      moment,
    );
    const { end, out, err, books: [, fetched, failed] } = ended;
    // What it says when it is interrupted; the summary; the books.
    assert(err.length <= 3, err.join("\n"));
    let failures = 0;
    for (const line of out) {
      const { url, status, bytes, error, attempts } = JSON.parse(
        line,
      ) as Result;
      assert(urls.delete(url), `a line too many: ${line}`);
      assertEquals(attempts, 1);
      if (error === undefined) {
        assertEquals([status, bytes], [200, new URL(url).pathname.length]);
      } else {
        failures++;
        // By the second signal; or by the first, if this machine slept so long.
        assert(error === "interrupted" || url.includes("/drop"), line);
      }
    }
    if (end === "interrupted") {
      assertEquals([fetched! + failed!, failed], [out.length, failures]);
    } else if (end === "over") {
      assertEquals(urls.size, 0);
    }
    const code = whole ? 0 : 1;
    assertEnd(ended, moment, { items: URLS, lines: URLS, code });
    return ended;
  };
  const ms = await time(() => run(NEVER, 1));
  const moments = momentsOf(count, count, URLS, ms * 1.2);
  await interruptAll(`fetch_all.ts on ${runtime.name}`, moments, run);
}

for (const runtime of await runtimes()) {
  const count = runtime === DENO ? 100 : 10;
  const title =
    `on ${runtime.name}, SIGINT at ${count} random moments: valid output, right exit code, complete books`;
  Deno.test(`checksum.ts: ${title}`, () => interruptChecksum(runtime, count));
  Deno.test(`fetch_all.ts: ${title}`, () => interruptFetchAll(runtime, count));
}
