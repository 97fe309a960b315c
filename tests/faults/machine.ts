/**
 * The examples where the machine lets them down: disks that are full, files
 * that change under their hands, servers that go away.
 *
 * @module
 */

import type { Socket } from "node:net";
import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { answer, BadServer } from "../integration/support/bad_server.ts";
import {
  assertEachOnce,
  results,
  run,
  script as FETCH_ALL,
  summaryOf,
} from "../integration/support/fetch_program.ts";
import {
  DENO,
  type Runtime,
  runtimes,
} from "../integration/support/runtimes.ts";
import { type Outcome, position, shell } from "./support/shell.ts";
import { lines, names, outcome, Tree } from "../integration/support/tree.ts";

const CHECKSUM =
  new URL("../../examples/checksum.ts", import.meta.url).pathname;

/** Its disk has room for so many bytes of the manifest. */
const small = (bytes: number) =>
  `trap "" XFSZ; exec prlimit --fsize=${bytes} -- "$@" > manifest`;

/** The lines that its message on stderr says were written. */
function linesWritten({ code, out, err }: Outcome): number {
  assertEquals([code, out], [1, ""]);
  const [, written] =
    /^standard output: .*(?:space|large).*, after (\d+) lines\n$/i.exec(err) ??
      [];
  assert(written !== undefined, err);
  return Number(written);
}

/** Writes 20 files, whose manifest has lines of 72 bytes. */
async function plant(tree: Tree): Promise<void> {
  await tree.write(
    Object.fromEntries(
      range(20).map((i) => [`d/${`${i}`.padStart(3, "0")}`, `${i}`]),
    ),
  );
}

const LINE = 64 + 2 + "d/000".length + 1;

/** What the tests of full disks are, on each runtime. */
function testOutput(runtime: Runtime): void {
  const { name } = runtime;

  Deno.test(`checksum.ts: on ${name}, a disk that fills in the middle of any line ends it with 1, and how many lines are whole`, async () => {
    await using tree = new Tree();
    await plant(tree);
    for (const whole of [0, 7, 19]) {
      const bytes = whole * LINE + 40;
      const ended = await shell(
        small(bytes),
        runtime,
        [CHECKSUM, "d"],
        tree.root,
      );
      const out = await Deno.readTextFile(`${tree.root}/manifest`);
      assertEquals(linesWritten(ended), whole);
      assertEquals(out.length, bytes);
      // All but the piece that is last is right; who looks on that finds out.
      const manifest = out.slice(0, whole * LINE);
      assertEquals(names(manifest).length, whole);
      if (whole > 0) await tree.verify(manifest);
    }
  });

  Deno.test(`checksum.ts: on ${name}, a disk that is just large enough will do`, async () => {
    await using tree = new Tree();
    await plant(tree);
    const { code, err } = await shell(
      small(20 * LINE),
      runtime,
      [CHECKSUM, "d"],
      tree.root,
    );
    assertEquals([code, err], [0, ""]);
    const manifest = await Deno.readTextFile(`${tree.root}/manifest`);
    assertEquals(names(manifest).length, 20);
    await tree.verify(manifest);
  });

  Deno.test(`checksum.ts: on ${name}, messages that can't be written cost no line, and the exit code tells of them`, async () => {
    await using tree = new Tree();
    await plant(tree);
    // A full disk; and a pipe whose reader has left before anything is written.
    for (
      const script of [
        '"$@" 2>/dev/full',
        'exec 3>&1; { "$@" 2>&1 >&3 3>&-; echo $? >code; } | :; exit $(cat code)',
      ]
    ) {
      const { code, out } = await shell(
        script,
        runtime,
        [CHECKSUM, "missing", "d", "nowhere"],
        tree.root,
      );
      assertEquals([code, names(out).length], [1, 20]);
      await tree.verify(out);
    }
  });

  Deno.test(`fetch_all.ts: on ${name}, a full disk ends it with 1, and a closed pipe quietly with 141`, async () => {
    await using tree = new Tree();
    await using server = new BadServer((_, socket) =>
      answer(socket, 200, "fine")
    );
    const base = await server.listen();
    const urls = range(50).map((i) => `${base}/${i}`);
    await tree.write({ urls: urls.join("\n") });
    const run = (script: string) =>
      shell(script, runtime, [FETCH_ALL, "urls"], tree.root);
    assertEquals(linesWritten(await run('"$@" >/dev/full')), 0);
    assertEquals(
      await run('{ "$@"; echo $? >code; } | :; exit $(cat code)'),
      { code: 141, out: "", err: "" },
    );
    const written = linesWritten(await run(small(500)));
    const out = await Deno.readTextFile(`${tree.root}/manifest`);
    const whole = out.split("\n").slice(0, -1);
    assertEquals(whole.length, written);
    for (const line of whole) assertEquals(JSON.parse(line).status, 200);
  });
}

for (const runtime of await runtimes()) testOutput(runtime);

/** Waits until a process has begun to read a file or directory. */
async function begun(pid: number, path: string): Promise<void> {
  while (await position(pid, path) === 0);
}

/** What happens to a file between its discovery and its turn; and what it is then. */
const FATES: [
  name: string,
  fate: (path: string) => Promise<unknown>,
  error?: string,
][] = [
  ["stays", async () => {}],
  ["vanishes", Deno.remove, "ENOENT: no such file or directory"],
  ["directory", async (path) => {
    await Deno.remove(path);
    await Deno.mkdir(path);
  }, "is not a file any more"],
  ["pipe", async (path) => {
    await Deno.remove(path);
    await new Deno.Command("mkfifo", { args: [path] }).output();
  }, "is not a file any more"],
  ["grows", (path) => Deno.writeTextFile(path, "more", { append: true })],
  ["shrinks", (path) => Deno.truncate(path, 1)],
];

Deno.test("checksum.ts: files that change between their discovery and their turn have a right line, or one on stderr", async () => {
  await using tree = new Tree();
  const victims = range(3).flatMap((i) =>
    FATES.map(([name, fate, error]) => ({ path: `d/${name}${i}`, fate, error }))
  );
  await tree.write({ hour: "" });
  await tree.write(Object.fromEntries(victims.map(({ path }) => [path, path])));
  await Deno.truncate(`${tree.root}/hour`, 1e12); // It takes an hour to read.
  const root = await Deno.realPath(tree.root);
  const child = tree.checksum("--concurrency=1", "hour", "d");
  const ended = outcome(child);
  // It has the names of all that is in there, and its only worker is busy.
  await begun(child.pid, `${root}/d`);
  await begun(child.pid, `${root}/hour`);
  for (const { path, fate } of victims) await fate(`${root}/${path}`);
  await Deno.truncate(`${root}/hour`, 10);

  const { code, out, err } = await ended;
  assertEquals(code, 1);
  assertEquals(
    lines(err).sort(),
    victims.filter(({ error }) => error)
      .map(({ path, error }) => `checksum: ${path}: ${error}`)
      .concat("checksum: hour: changed while it was read").sort(),
  );
  assertEquals(
    names(out),
    victims.filter(({ error }) => !error).map(({ path }) => path).sort(),
  );
  await tree.verify(out);
});

Deno.test("checksum.ts: what it has no right to read has a line on stderr, and the rest is verified", async () => {
  await using tree = new Tree();
  await tree.write({ "d/locked": "", "d/closed/in": "", "d/open": "" });
  await Deno.chmod(`${tree.root}/d/locked`, 0);
  await Deno.chmod(`${tree.root}/d/closed`, 0);
  const { code, out, err } = await shell(
    // Root may read everything, unless it waives that.
    `[ "$(id -u)" != 0 ] ||
      set -- setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"
    exec "$@"`,
    DENO,
    [CHECKSUM, "d"],
    tree.root,
  );
  await Deno.chmod(`${tree.root}/d/closed`, 0o700);
  assertEquals([code, names(out)], [1, ["d/open"]]);
  await tree.verify(out);
  assertEquals(lines(err).length, 2);
  for (const path of ["d/locked", "d/closed"]) {
    const says = (line: string) =>
      line.startsWith(`checksum: ${path}: `) && /denied/i.test(line);
    assert(lines(err).some(says), err);
  }
});

/** How a server goes down: what it does from the nth request on. */
const ENDS: [how: string, end: (socket: Socket) => void][] = [
  ["hangs", () => {}],
  ["resets", (socket) => socket.resetAndDestroy()],
  ["stops in the middle of a body", (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    setTimeout(() => socket.destroy(), 5);
  }],
  [
    "hangs in the middle of a body",
    (socket) =>
      void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
  ],
  ["talks nonsense", (socket) => socket.end("\0\r\n\r\n")],
];

/** Each has its line; the good ones are those that were answered. */
async function assertDown(
  program: ReturnType<typeof run>,
  urls: string[],
  answered: Set<string>,
): Promise<void> {
  assertEquals(await program.code, 1);
  const { done, failed } = summaryOf(program);
  assertEquals([done, failed], [answered.size, urls.length - answered.size]);
  assertEquals(program.err.length, 1);
  assertEachOnce(program, urls);
  for (const { url, status, error } of results(program)) {
    const isGood = answered.has(new URL(url).pathname);
    assertEquals(status, isGood ? 200 : undefined, url);
    assertEquals(error === undefined, isGood, url);
  }
}

for (const [how, end] of ENDS) {
  Deno.test(`fetch_all.ts: a server that ${how} from some request on leaves no URL without its line`, async () => {
    const answered = new Set<string>();
    await using server = new BadServer((path, socket) => {
      if (answered.size === 20) return end(socket);
      answered.add(path);
      answer(socket, 200, "fine");
    });
    const base = await server.listen();
    const urls = range(40).map((i) => `${base}/${i}`);
    const program = run(urls, "--timeout", "4000", "--concurrency", "20");
    await assertDown(program, urls, answered);
    assertEquals(answered.size, 20);
  });
}

Deno.test("fetch_all.ts: a server that is gone, with all its connections, leaves no URL without its line", async () => {
  const answered = new Set<string>();
  let gone: Promise<void> | undefined;
  await using server = new BadServer((path, socket) => {
    if (answered.size === 20) gone ??= server[Symbol.asyncDispose]();
    else {
      answered.add(path);
      answer(socket, 200, "fine");
    }
  });
  const base = await server.listen();
  const urls = range(100).map((i) => `${base}/${i}`);
  const program = run(urls, "--concurrency", "4");
  await assertDown(program, urls, answered);
  await gone;
});

Deno.test("fetch_all.ts: a list that breaks off ends with 1, after a line for each URL that was in it", async () => {
  await using tree = new Tree();
  let list: Socket;
  const open: Socket[] = [];
  await using server = new BadServer((path, socket) => {
    if (path === "/list") {
      list = socket;
      socket.write(urls.map((url) => `${url}\n`).join(""));
      return;
    }
    if (open.push(socket) < urls.length) return;
    list.resetAndDestroy();
    // Not at once: it is to know of the one before it knows of the other.
    setTimeout(() => open.forEach((socket) => answer(socket, 200, "fine")), 50);
  });
  const base = await server.listen();
  const urls = range(3).map((i) => `${base}/${i}`);
  const { code, out, err } = await shell(
    `exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/${new URL(base).port}
      echo GET /list . >&3
      exec "$@" <&3 3<&-' bash "$@"`,
    DENO,
    [FETCH_ALL, "-"],
    tree.root,
  );
  assertEquals(code, 1);
  assert(/^fetch_all: -: .*reset.*\nfetch_all: 3 done.*\n$/i.test(err), err);
  const found = lines(out).map((line) => JSON.parse(line));
  assertEquals(found.map(({ url }) => url).sort(), urls);
  assertEquals(found.map(({ status }) => status), [200, 200, 200]);
});
