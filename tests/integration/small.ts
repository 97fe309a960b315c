/**
 * The programs of `examples/small/`, for real, on each runtime: against servers
 * on 127.0.0.1, and in folders of their own.
 *
 * @module
 */

import {
  createServer,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { json } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { DENO, type Runtime, runtimes } from "./support/runtimes.ts";
import { lines, outcome, Tree } from "./support/tree.ts";

const SMALL = new URL("../../examples/small/", import.meta.url);

/** Starts one of them in this folder. On Deno it may use that, and our servers. */
function start(
  { name, program, args }: Runtime,
  cwd: string,
  script: string,
  ...rest: string[]
): Deno.ChildProcess {
  const rights = name === DENO.name ? ["--allow-write=."] : [];
  return new Deno.Command(program, {
    args: [...args, ...rights, new URL(script, SMALL).pathname, ...rest],
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** A server on 127.0.0.1. */
class Peer implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
  }

  static async of(listener: RequestListener): Promise<Peer> {
    const server = createServer(listener);
    await new Promise<void>((resolve) =>
      server.listen(0, "127.0.0.1", resolve)
    );
    return new Peer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The lines of a stream, as they come. */
async function* linesOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

const TESTS: [title: string, body: (runtime: Runtime) => Promise<void>][] = [];
const test = (title: string, body: (runtime: Runtime) => Promise<void>) =>
  void TESTS.push([title, body]);

test("download.ts: files are whole, what passes is tried again, what is refused is said", async (runtime) => {
  await using tree = new Tree();
  let busy = 0;
  await using peer = await Peer.of(({ url }, response) => {
    if (url === "/missing") response.writeHead(404).end("no");
    else if (url === "/busy" && ++busy < 3) response.writeHead(503).end();
    else response.end(`body of ${url}`);
  });
  const paths = ["/a.txt", "/busy", "/missing", "/a?b", "/a/b"];
  const urls = paths.map((path) => peer.url + path);
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "download.ts", "new/pages", ...urls),
  );
  assertEquals([code, busy], [1, 3]);
  assertEquals(lines(err), [`${urls[2]}: Error: status 404`]);
  const bodies = lines(out).map((file) =>
    Deno.readTextFileSync(`${tree.root}/${file}`)
  );
  assertEquals(
    bodies.sort(),
    ["/a.txt", "/a/b", "/a?b", "/busy"].map((path) => `body of ${path}`),
  );
  assertEquals([...Deno.readDirSync(`${tree.root}/new/pages`)].length, 4);
});

test("download.ts: after Ctrl-C what runs is finished, and nothing else begun", async (runtime) => {
  await using tree = new Tree();
  const open: ServerResponse[] = [];
  const four = Promise.withResolvers<void>();
  await using peer = await Peer.of((_, response) => {
    if (open.push(response) === 4) four.resolve();
  });
  const urls = range(10).map((i) => `${peer.url}/${i}`);
  const child = start(runtime, tree.root, "download.ts", "pages", ...urls);
  const stdout = new Response(child.stdout).text();
  const err = linesOf(child.stderr);
  await four.promise;
  child.kill("SIGINT");
  assertEquals(
    (await err.next()).value,
    "download: finishing 4; once more to stop",
  );
  for (const response of open) response.end("in time");
  assertEquals((await child.status).code, 1);
  assertEquals((await err.next()).done, true);
  assertEquals([lines(await stdout).length, open.length], [4, 4]);
});

test("hash.ts: after Ctrl-C there is a line for each file that was begun", async (runtime) => {
  await using tree = new Tree();
  await tree.fill();
  const child = start(runtime, tree.root, "hash.ts", "many");
  const stderr = new Response(child.stderr).text();
  const found: string[] = [];
  for await (const line of linesOf(child.stdout)) {
    if (found.push(line) === 1) child.kill("SIGINT");
  }
  assertEquals((await child.status).code, 1);
  const says = /^hash: finishing \d+; once more to stop\n$/;
  assert(says.test(await stderr), await stderr);
  assert(found.length < 2000, "the walk has stopped");
  await tree.verify(`${found.join("\n")}\n`);
});

test("hash.ts: sha256sum verifies its lines, which are in the order of their names", async (runtime) => {
  await using tree = new Tree();
  const texts = range(40).map((i) => [`d/${i % 3}/${i}`, "x".repeat(i * 999)]);
  await tree.write(Object.fromEntries(texts));
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "hash.ts", "d"),
  );
  assertEquals([code, err], [0, ""]);
  assertEquals(
    lines(out).map((line) => line.split("  ")[1]!),
    texts.map(([path]) => path!).sort(),
  );
  await tree.verify(out);
});

test("csv_to_sqlite.ts: every row is in the table, but those that it does not take, whose lines are named", async (runtime) => {
  await using tree = new Tree();
  const numbers = range(2500).map((i) => `${i},"say ""${i}"", please"`);
  await tree.write({
    "a.csv": `id,"text"\r\n${numbers.join("\r\n")}\r\n`,
    "b.csv": 'id,text\n-1,"two\nlines"\n\n-2,',
    "bad.csv": 'id,text\n-3,"on two\nlines"\n-4,2,3\n-3,once more\n-5,x\n',
    "empty.csv": "",
  });
  {
    using database = new DatabaseSync(`${tree.root}/my.db`);
    database.exec("CREATE TABLE t (id PRIMARY KEY, text)");
  }
  const files = ["a.csv", "b.csv", "bad.csv", "empty.csv"];
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "csv_to_sqlite.ts", "my.db", "t", ...files),
  );
  assertEquals(code, 1);
  const unique = "bad.csv:5: UNIQUE constraint failed: t.id";
  const errors = lines(err).sort().map((it) => it.slice(0, unique.length));
  assertEquals(errors, [
    "bad.csv:4: 3 cells, and 2 columns",
    unique,
    "empty.csv: it has no header",
  ]);
  assertEquals(lines(out).sort(), [
    "a.csv: 2500 of 2500 rows",
    "b.csv: 2 of 2 rows",
    "bad.csv: 2 of 4 rows",
  ]);
  using database = new DatabaseSync(`${tree.root}/my.db`);
  const rows = database.prepare("SELECT id, text FROM t ORDER BY id + 0").all();
  assertEquals(rows.length, 2504);
  assertEquals(rows.slice(0, 5).map((row) => Object.values(row)), [
    ["-5", "x"],
    ["-3", "on two\nlines"],
    ["-2", ""],
    ["-1", "two\nlines"],
    ["0", 'say "0", please'],
  ]);
});

test("server.ts: answers at once, packs in the background, and at SIGTERM finishes what it has accepted", async (runtime) => {
  await using tree = new Tree();
  const child = start(runtime, tree.root, "server.ts", "packed", "0");
  const stderr = new Response(child.stderr).text();
  const out = linesOf(child.stdout);
  const url = (await out.next()).value!;
  const posts = range(20).map(async (i) => {
    const body = `${i}`.repeat(100_000);
    const response = await fetch(url, { method: "POST", body });
    assertEquals(response.status, 202);
    return [(await response.text()).trim(), body] as const;
  });
  const accepted = await Promise.all(posts);
  const stats = await (await fetch(url)).json();
  assertEquals(stats.accepted, 20);
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  await out.return(undefined);
  const says =
    /^server: finishing \d+; once more to stop\nserver: 20 packed, 0 failed, 0 left\n$/;
  assert(says.test(await stderr), await stderr);
  for (const [file, body] of accepted) {
    const packed = await Deno.readFile(`${tree.root}/${file}`);
    assertEquals(gunzipSync(packed).toString(), body);
  }
});

test("server.ts: its exit code says that a task has failed", async (runtime) => {
  await using tree = new Tree();
  const child = start(runtime, tree.root, "server.ts", "packed", "0");
  const stderr = new Response(child.stderr).text();
  const out = linesOf(child.stdout);
  const url = (await out.next()).value!;
  await Deno.remove(`${tree.root}/packed`);
  const { status, body } = await fetch(url, { method: "POST", body: "x" });
  await body?.cancel();
  assertEquals(status, 202);
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 1);
  await out.return(undefined);
  const text = await stderr;
  assert(text.endsWith("\nserver: 0 packed, 1 failed, 0 left\n"), text);
});

test("crawl.ts: visits each page of the site once, and says which links are broken", async (runtime) => {
  const pages: Record<string, string> = {
    "/": '<a href="/a">a</a><a\nhref=\'b/c#top\'>c</a><a href="http://[">?</a>',
    "/a":
      '<a class="x" href="/">home</a><a href="/gone">gone</a><a href=/old>o</a>',
    "/b/c":
      '<a href="../a#x">a</a><a href="/d?x=1&amp;y=2">d</a><a href="http://elsewhere.invalid/">b</a>',
  };
  pages["/d?x=1&y=2"] = "d";
  const asked: string[] = [];
  await using peer = await Peer.of(({ url = "" }, response) => {
    asked.push(url);
    if (url === "/old") response.writeHead(302, { location: "/a" }).end();
    if (url === "/old") return;
    const page = pages[url];
    response.writeHead(page ? 200 : 404, { "content-type": "text/html" });
    response.end(page ?? "gone");
  });
  await using tree = new Tree();
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "crawl.ts", peer.url),
  );
  assertEquals([code, err], [1, ""]);
  assertEquals(lines(out), [
    `${peer.url}/gone, linked from ${peer.url}/a: Error: status 404`,
    "6 links, 1 broken",
  ]);
  assertEquals(
    asked.sort(),
    ["/", "/a", "/b/c", "/d?x=1&y=2", "/gone", "/old"],
  );
});

test("bot.ts: an answer overtakes news for everybody, and 429 costs no message and delays no other chat", async (runtime) => {
  const updates = range(60).map((id) => ({ chat: { id }, text: "hello" }));
  const sent: { chat_id: number; text: string }[] = [];
  let refused: number | undefined;
  let seen = () => {};
  await using peer = await Peer.of(async (request, response) => {
    const { offset, chat_id, text } = await json(request) as {
      offset: number;
      chat_id: number;
      text: string;
    };
    const answer = (body: unknown) => void response.end(JSON.stringify(body));
    if (request.url === "/botX/sendMessage") {
      if (text === "hot" && refused === undefined) {
        refused = chat_id;
        const parameters = { retry_after: 1 };
        return answer({ ok: false, description: "Too Many", parameters });
      }
      sent.push({ chat_id, text });
      seen();
      return answer({ ok: true, result: {} });
    }
    const news = [
      { chat: { id: 0 }, text: "/all hot" },
      { chat: { id: 99 }, text: "?" },
    ];
    const messages = offset === 0
      ? updates
      : sent.length < 60
      ? []
      : offset === 60
      ? news
      : undefined;
    if (!messages) return; // It waits until there is news: for ever.
    const result = messages.map((message, i) => ({
      update_id: offset + i,
      message,
    }));
    setTimeout(() => answer({ ok: true, result }), 20);
  });
  await using tree = new Tree();
  const child = start(runtime, tree.root, "bot.ts", `${peer.url}/botX`);
  const ended = outcome(child);
  await new Promise<void>((resolve) => {
    seen = () => sent.length === 121 && resolve();
  });
  child.kill("SIGINT");
  const { code, out, err } = await ended;
  assertEquals([code, out], [0, "121 sent, 0 left\n"]);
  // The last answer may be on its way to it.
  assert(/^bot: finishing \d; once more to stop\n$/.test(err), err);
  const news = sent.slice(60);
  const answer = news.findIndex(({ text }) => text === "You are one of 61");
  assertEquals(news[answer]!.chat_id, 99);
  // Not behind the 60: only what ran when the question came was before it.
  assert(answer < 40, `${answer}`);
  const hot = news.filter(({ text }) => text === "hot");
  assertEquals(
    hot.map(({ chat_id }) => chat_id).sort((a, b) => a - b),
    range(60),
  );
  // While it waits for a second, there are more than those that run at once.
  const late = hot.findIndex(({ chat_id }) => chat_id === refused);
  assert(late > 8, `${late}`);
});

test("threads.ts: each number has its count", async (runtime) => {
  await using tree = new Tree();
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "threads.ts", "10", "1000", "100", "1000000"),
  );
  assertEquals([code, err], [0, ""]);
  assertEquals(lines(out).sort(), [
    "168 primes below 1000",
    "25 primes below 100",
    "4 primes below 10",
    "78498 primes below 1000000",
  ]);
});

test("threads.ts: a number that breaks its thread costs no other one", async (runtime) => {
  await using tree = new Tree();
  const numbers = ["9007199254740991", ...range(100).map((n) => `${n + 3}`)];
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "threads.ts", ...numbers),
  );
  assertEquals([code, lines(out).length], [1, 100]);
  assert(err.includes("9007199254740991: RangeError"), err);
});

test("threads.ts: what is no number is wrong usage", async (runtime) => {
  await using tree = new Tree();
  const { code, out, err } = await outcome(
    start(runtime, tree.root, "threads.ts", "1000", "abc"),
  );
  assertEquals([code, out], [2, ""]);
  assert(err.startsWith("Usage: threads.ts "), err);
});

test("Each shows its usage: with --help, and where arguments are missing", async (runtime) => {
  await using tree = new Tree();
  for (const { name } of Deno.readDirSync(SMALL)) {
    const [help, none] = await Promise.all([
      outcome(start(runtime, tree.root, name, "--help")),
      outcome(start(runtime, tree.root, name)),
    ]);
    assertEquals([help.code, none.code], [0, 2]);
    assert(help.out.startsWith(`Usage: ${name} `), help.out);
    assert(none.err.includes(help.out.trimEnd()), none.err);
  }
});

for (const runtime of await runtimes()) {
  for (const [title, body] of TESTS) {
    Deno.test(`small/ on ${runtime.name}: ${title}`, () => body(runtime));
  }
}
