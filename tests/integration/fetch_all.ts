/**
 * `examples/fetch_all.ts` as a program, against a server on 127.0.0.1 that
 * does everything that servers do on a bad day.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { assert, assertEquals } from "../support/std.ts";

interface Result {
  url: string;
  status?: number;
  bytes?: number;
  ms?: number;
  attempts: number;
  error?: string;
}

interface Program {
  child: Deno.ChildProcess;
  /** The lines of stdout and stderr, so far. */
  out: string[];
  err: string[];
  /** Resolves with the exit code, when all output is read. */
  code: Promise<number>;
  /** Resolves when there is an nth line, counted from 1. */
  line(of: "out" | "err", n: number): Promise<void>;
}

const script = new URL("../../examples/fetch_all.ts", import.meta.url).pathname;

/** Runs the example on these URLs. */
function run(urls: string[], ...options: string[]): Program {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", script]
      .concat(options, "-"),
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

const results = (program: Program) =>
  program.out.map((line) => JSON.parse(line) as Result);

/** A server that answers each path as its handler says; the nth time with n. */
class BadServer {
  readonly requests: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(handle: (path: string, socket: Socket, n: number) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (data) => {
        const path = data.toString().split(" ")[1]!;
        this.requests.push(path);
        const n = this.requests.filter((request) => request === path).length;
        handle(path, socket, n);
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) =>
      this.#server.listen(0, "127.0.0.1", resolve)
    );
    const { port } = this.#server.address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(socket: Socket, status: number, body: string, head = ""): void {
  socket.end(
    `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n` +
      `Connection: close\r\n${head}\r\n${body}`,
  );
}

Deno.test("fetch_all.ts: one line of JSON a URL, as soon as it is done", async () => {
  let slow: Socket | undefined;
  await using server = new BadServer((path, socket) => {
    if (path === "/slow") slow = socket;
    else answer(socket, path === "/missing" ? 404 : 200, "12345");
  });
  const base = await server.listen();
  const program = run([
    "# a comment, and an empty line",
    "",
    `${base}/slow`,
    `${base}/missing`,
    ` ${base}/ok\r`,
  ]);
  await program.line("out", 2);
  answer(slow!, 200, "slow");
  assertEquals(await program.code, 0);
  const lines = results(program);
  assertEquals(lines.at(-1)!.url, `${base}/slow`);
  const byUrl = Object.fromEntries(
    lines.map(({ url, status, bytes }) => [url.slice(base.length), [
      status,
      bytes,
    ]]),
  );
  assertEquals(byUrl, {
    "/slow": [200, 4],
    "/missing": [404, 5],
    "/ok": [200, 5],
  });
  assert(lines.every(({ ms, attempts }) => ms! >= 0 && attempts === 1));
  assertEquals(program.err, []);
});

Deno.test("fetch_all.ts: every URL is accounted for, whatever the server does to it", async () => {
  await using server = new BadServer((path, socket, n) => {
    if (path === "/drops" && n < 3) socket.destroy();
    else if (path === "/always-drops") socket.destroy();
    else if (path === "/busy" && n === 1) {
      answer(socket, 429, "later", "Retry-After: 0\r\n");
    } else if (path === "/always-busy") {
      answer(socket, 503, "no", "Retry-After: 0\r\n");
    } else if (path === "/resets" && n === 1) {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      setTimeout(() => socket.destroy(), 20);
    } else if (path !== "/hangs") answer(socket, 200, "fine");
  });
  const base = await server.listen();
  const paths = [
    "/fine",
    "/drops",
    "/always-drops",
    "/busy",
    "/always-busy",
    "/resets",
    "/hangs",
  ];
  const urls = paths.map((path) => base + path).concat("no url at all");
  const program = run(urls, "--retries", "2", "--timeout", "1000");
  assertEquals(await program.code, 1);
  const of = new Map(results(program).map((result) => [result.url, result]));
  assertEquals([...of.keys()].sort(), urls.sort());
  assertEquals(program.out.length, urls.length, "each URL once");
  const get = (path: string) => of.get(base + path)!;
  assertEquals([get("/fine").status, get("/fine").attempts], [200, 1]);
  assertEquals([get("/drops").status, get("/drops").attempts], [200, 3]);
  assertEquals([get("/busy").status, get("/busy").attempts], [200, 2]);
  assertEquals([get("/resets").status, get("/resets").bytes], [200, 4]);
  const busy = get("/always-busy");
  assertEquals([busy.status, busy.attempts], [503, 3]);
  for (const path of ["/always-drops", "/hangs"]) {
    assert(get(path).error !== undefined, JSON.stringify(get(path)));
    assertEquals(get(path).attempts, 3);
  }
  assert(get("/hangs").error!.includes("timed out"));
});

Deno.test("fetch_all.ts: one SIGINT lets what runs finish, and counts what is left", async () => {
  const open: Socket[] = [];
  await using server = new BadServer((_, socket) => open.push(socket));
  const base = await server.listen();
  const urls = Array.from({ length: 100 }, (_, i) => `${base}/${i}`);
  const program = run(urls, "--concurrency", "4");
  while (open.length < 4) await new Promise((done) => setTimeout(done, 5));
  program.child.kill("SIGINT");
  await program.line("err", 1);
  for (const socket of open) answer(socket, 200, "in time");
  assertEquals(await program.code, 130);
  assertEquals(results(program).map(({ status }) => status), [
    200,
    200,
    200,
    200,
  ]);
  assertEquals(open.length, 4, "no new one was started");
  assertCounts(program, 4, 0);
});

Deno.test("fetch_all.ts: a second SIGINT ends what runs at once; each has its line", async () => {
  const open: Socket[] = [];
  await using server = new BadServer((_, socket) => open.push(socket));
  const base = await server.listen();
  const urls = Array.from({ length: 10 }, (_, i) => `${base}/${i}`);
  const program = run(urls, "--concurrency", "3", "--retries", "5");
  while (open.length < 3) await new Promise((done) => setTimeout(done, 5));
  program.child.kill("SIGINT");
  await program.line("err", 1);
  program.child.kill("SIGINT");
  assertEquals(await program.code, 130);
  assertEquals(results(program).map(({ error }) => error), [
    "interrupted",
    "interrupted",
    "interrupted",
  ]);
  assertCounts(program, 0, 3);
});

/** The last line of stderr adds up. */
function assertCounts(program: Program, fetched: number, failed: number) {
  const counts = program.err.at(-1)!.match(
    /(\d+) found, (\d+) fetched, (\d+) failed, (\d+) left$/,
  )!.slice(1).map(Number);
  assertEquals([counts[1], counts[2]], [fetched, failed]);
  assertEquals(counts[1]! + counts[2]! + counts[3]!, counts[0]);
}

Deno.test("fetch_all.ts: wrong usage and unreadable input have exit codes of their own", async () => {
  for (
    const [options, code] of [
      [["--concurrency", "0"], 2],
      [["--retries", "-1"], 2],
      [["--timeout", "soon"], 2],
      [["--unknown"], 2],
      [["too", "many"], 2],
      [["--help"], 0],
    ] as const
  ) {
    const program = run([], ...options);
    assertEquals(await program.code, code, options.join(" "));
    assert((program.out.concat(program.err)).join("\n").includes("Usage"));
  }
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-check", "--allow-read", script, "/no/such/file"],
  }).output();
  assertEquals(code, 1);
  assert(new TextDecoder().decode(stderr).includes("ENOENT"));
});
