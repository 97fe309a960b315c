/**
 * serveTrace: an HTTP server without a network. That it works with the real one is
 * tested in tests/integration.
 *
 * @module
 */

import { CoGroup } from "../mod.ts";
import { Recorder, serveTrace, type TraceEvent } from "../src/trace/mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** What the server has answered. */
class Answer {
  status = 0;
  headers: Record<string, string> = {};
  text = "";
  isEnded = false;
  /** Whether the reader takes what comes. */
  hasRoom = true;
  readonly #listeners = new Map<string, () => void>();

  writeHead(status: number, headers: Record<string, string>): this {
    this.status = status;
    this.headers = headers;
    return this;
  }

  write(text: string): boolean {
    this.text += text;
    return this.hasRoom;
  }

  end(text = ""): void {
    this.text += text;
    this.isEnded = true;
  }

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener);
  }

  emit(event: "close" | "drain"): void {
    this.#listeners.get(event)!();
  }

  /** The feed's messages, and whether it said that it is done. */
  get batches(): Batch[] {
    return [...this.text.matchAll(/^data: (.+)$/gm)]
      .map(([, data]) => JSON.parse(data!));
  }

  get isDone(): boolean {
    return this.text.endsWith("event: done\ndata:\n\n");
  }

  /** How many attempts it has told of. */
  get ran(): number {
    return this.batches.flatMap(({ events }) => events).filter(isAttempt)
      .length;
  }

  get missed(): number {
    return this.batches.reduce((sum, { missed }) => sum + missed, 0);
  }
}

interface Batch {
  events: TraceEvent[];
  open: TraceEvent[];
  missed: number;
}

type Listener = (request: unknown, answer: Answer) => void;

/** Stands for `node:http`, and remembers what was asked of it. */
class FakeHttp {
  listening: unknown[] = [];
  isClosed = false;
  /** Whether there is a page that does not go. */
  isHeld = false;
  unrefs = 0;
  error: Error | undefined;
  #answer: Listener = () => {};
  #closed = () => {};

  createServer(answer: Listener): this {
    this.#answer = answer;
    return this;
  }

  on(event: string, listener: (it: unknown) => void): void {
    if (event === "connection") listener({ unref: () => this.unrefs++ });
    else if (this.error) listener(this.error);
  }

  listen(port: number, host: string, listener: () => void): void {
    this.listening = [port, host];
    listener();
  }

  address(): { port: number } {
    return { port: 4321 };
  }

  unref(): void {
    this.unrefs++;
  }

  close(listener: () => void): void {
    this.isClosed = true;
    this.#closed = listener;
    if (!this.isHeld) listener();
  }

  closeAllConnections(): void {
    this.isHeld = false;
    this.#closed();
  }

  closeIdleConnections(): void {}

  get(url: string, method = "GET"): Answer {
    const answer = new Answer();
    this.#answer({ method, url }, answer);
    return answer;
  }
}

const host = globalThis as unknown as {
  process: { getBuiltinModule: unknown };
};

/** Puts it in place of the real one while the server starts. */
async function serve(
  recorder: Recorder,
  options?: Parameters<typeof serveTrace>[1],
  http = new FakeHttp(),
) {
  const { getBuiltinModule } = host.process;
  host.process.getBuiltinModule = () => http;
  try {
    const server = await serveTrace(recorder, options);
    return { http, server, path: new URL(server.url).pathname };
  } finally {
    host.process.getBuiltinModule = getBuiltinModule;
  }
}

function isAttempt({ ph, cat }: TraceEvent): boolean {
  return ph === "X" && cat === "task";
}

const groups = new WeakMap<Recorder, CoGroup>();

/** Has so many tasks run, in the group of that recorder. */
async function run(recorder: Recorder, tasks: number): Promise<void> {
  let group = groups.get(recorder);
  if (group === undefined) {
    const options = { concurrency: 2, observer: recorder, slice: Infinity };
    groups.set(recorder, group = new CoGroup(options));
  }
  for (let i = 0; i < tasks; i++) group.add(() => {}, { id: `task ${i}` });
  await group.idle();
}

test("serveTrace() listens on 127.0.0.1 alone, and has a new token in each address", async () => {
  const first = await serve(new Recorder());
  const second = await serve(new Recorder(), { port: 8080 });
  assertEquals(first.http.listening, [0, "127.0.0.1"]);
  assertEquals(second.http.listening, [8080, "127.0.0.1"]);
  const pattern = /^http:\/\/127\.0\.0\.1:4321\/[0-9a-f]{32}\/$/;
  assert(pattern.test(first.server.url), first.server.url);
  assert(first.path !== second.path);
});

test("serveTrace() knows nothing but its own paths, and only GET", async () => {
  const { http, path } = await serve(new Recorder());
  const wrong = ["/", "/events", "/trace.json", path.slice(0, -1), `/0${path}`];
  for (const url of [...wrong, `${path}other`]) {
    assertEquals(http.get(url).status, 404, url);
  }
  assertEquals(http.get(path, "POST").status, 405);
  assertEquals(http.get("/", "POST").status, 404);
});

test("serveTrace() has a page that may ask nothing of anybody but its own server", async () => {
  const { http, path } = await serve(new Recorder());
  const { status, headers, text } = http.get(path);
  assertEquals([status, headers["content-type"]], [
    200,
    "text/html; charset=utf-8",
  ]);
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/
    .exec(text)![1]!;
  const [first, ...rules] = policy.split("; ");
  assertEquals(first, "default-src 'none'");
  assert(rules.includes("connect-src 'self'"));
  assert(!policy.includes("unsafe"));
  assert(!/(?:src|href)="(?:https?:)?\/\//.test(text));
});

test("serveTrace() has the trace as a file", async () => {
  const recorder = new Recorder();
  const { http, path } = await serve(recorder);
  await run(recorder, 3);
  const { headers, text } = http.get(`${path}trace.json`);
  assertEquals(headers["content-type"], "application/json");
  assertEquals(JSON.parse(text), JSON.parse(JSON.stringify(recorder)));
});

test("serveTrace() tells a page what was, and then what is new, and at the end that it is all", async () => {
  using time = new FakeTime();
  const recorder = new Recorder();
  const { http, path, server } = await serve(recorder);
  await run(recorder, 3);
  const page = http.get(`${path}events`);
  assertEquals(page.headers["content-type"], "text/event-stream");
  assertEquals([page.ran, page.isDone], [3, false]);
  await run(recorder, 2);
  assertEquals(page.ran, 3);
  time.tick(1_000);
  assertEquals(page.ran, 5);
  const { length } = page.text;
  time.tick(1_000);
  assertEquals(page.text.length, length, "nothing is new");
  await run(recorder, 1);
  await server.close();
  assertEquals([page.ran, page.isDone, page.isEnded], [6, true, true]);
  assert(http.isClosed);
});

test("serveTrace() tells two pages the same", async () => {
  using time = new FakeTime();
  const recorder = new Recorder();
  const { http, path, server } = await serve(recorder);
  const first = http.get(`${path}events`);
  await run(recorder, 2);
  const second = http.get(`${path}events`);
  time.tick(1_000);
  await run(recorder, 2);
  time.tick(1_000);
  assertEquals([first.ran, second.ran], [4, 4]);
  await server[Symbol.asyncDispose]();
  assertEquals([first.isDone, second.isDone], [true, true]);
});

test("serveTrace() shows what runs, at each look anew", async () => {
  using time = new FakeTime();
  const recorder = new Recorder();
  const { http, path, server } = await serve(recorder);
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  const done = Promise.withResolvers<void>();
  const result = group.go(() => done.promise, { id: "slow" });
  await Promise.resolve();
  const page = http.get(`${path}events`);
  time.tick(1_000);
  const { events, open } = page.batches.at(-1)!;
  assertEquals(events, []);
  assertEquals(open.map(({ name, args }) => [name, args!["end"]]), [
    ["slow", "running"],
  ]);
  done.resolve();
  await result;
  await server.close();
  assertEquals(page.ran, 1);
  await group.wait();
});

test("serveTrace() leaves out arrows, and counters that others follow within 10 ms", async () => {
  const recorder = new Recorder();
  const { http, path, server } = await serve(recorder);
  const task = { id: undefined, key: undefined, priority: 0, weight: 1 };
  for (let n = 1; n <= 100; n++) {
    const number = { task: { ...task, number: n }, elapsed: 0 };
    recorder.onStep({ type: "accepted", time: n, ...number });
  }
  for (let n = 1; n <= 100; n++) {
    const run = { task: { ...task, number: n }, workerId: 0, attempt: 1 };
    const time = 100 + n;
    recorder.onStep({ type: "started", time, ...run, elapsed: 100 });
    recorder.onStep({ type: "fulfilled", time, ...run, elapsed: 0 });
  }
  const page = http.get(`${path}events`);
  await server.close();
  const events = page.batches.flatMap(({ events }) => events);
  assert(!events.some(({ cat }) => cat === "queue"));
  const counts = events.filter(({ ph }) => ph === "C");
  assertEquals(counts.length, 20);
  // Each is the last of its ten.
  assertEquals(counts[0]!.args!["queued"], 10);
  assertEquals(counts.at(-1)!.args!["queued"], 0);
});

test("serveTrace() keeps nothing for a page that does not read: it is told what it has missed", async () => {
  using time = new FakeTime();
  const recorder = new Recorder({ steps: 30 });
  const { http, path, server } = await serve(recorder);
  await run(recorder, 2);
  const page = http.get(`${path}events`);
  page.hasRoom = false;
  await run(recorder, 1);
  time.tick(1_000); // It has no room after this.
  const { length } = page.text;
  await run(recorder, 100);
  time.tick(10_000);
  assertEquals(page.text.length, length);
  page.hasRoom = true;
  page.emit("drain");
  time.tick(1_000);
  // Of 310 steps 30 are there, and 10 it had read.
  assertEquals(page.missed, 310 - 30 - 10);
  await server.close();
  assert(page.ran < 30, `${page.ran} of 103`);
});

test("serveTrace() gives much of it in pieces, so that the program is not held up", async () => {
  using time = new FakeTime();
  const recorder = new Recorder();
  const { http, path, server } = await serve(recorder);
  await run(recorder, 10_000);
  const page = http.get(`${path}events`);
  const { ran } = page;
  assert(ran < 5_000, `${ran} at once`);
  time.tick(500);
  assertEquals(page.ran, 10_000);
  await run(recorder, 10_000);
  await server.close();
  assertEquals(page.ran, 20_000);
});

test("serveTrace() has no timer without a page", async () => {
  using time = new FakeTime();
  const recorder = new Recorder();
  const { http, path } = await serve(recorder);
  const pages = [http.get(`${path}events`), http.get(`${path}events`)];
  await run(recorder, 5);
  const { setTimeout } = globalThis;
  let timers = 0;
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    timers++;
    return setTimeout(...args);
  }) as typeof setTimeout;
  try {
    pages[0]!.emit("close");
    time.tick(1_000);
    assert(timers > 0, "one page is left");
    pages[1]!.emit("close");
    timers = 0;
    time.tick(10_000);
    assertEquals(timers, 0);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(pages.map(({ ran }) => ran), [0, 5]);
});

test("serveTrace().close() gives a page a second to go", async () => {
  using time = new FakeTime();
  const { http, server } = await serve(new Recorder());
  http.isHeld = true;
  let isClosed = false;
  const closing = server.close().then(() => isClosed = true);
  time.tick(900);
  await Promise.resolve();
  assertEquals([http.isHeld, isClosed], [true, false]);
  time.tick(200);
  await closing;
  assertEquals(http.isHeld, false);
});

test("serveTrace() keeps no program alive unless it is asked to", async () => {
  assertEquals((await serve(new Recorder())).http.unrefs, 2);
  const { http } = await serve(new Recorder(), { keepAlive: true });
  assertEquals(http.unrefs, 0);
});

test("serveTrace() rejects for a port that is taken, bad input, and where there is no node:http", async () => {
  const recorder = new Recorder();
  const http = new FakeHttp();
  http.error = new Error("EADDRINUSE");
  http.listen = () => {};
  await assertRejects(() => serve(recorder, {}, http), Error, "EADDRINUSE");
  for (const port of [-1, 1.5, 65_536]) {
    await assertRejects(() => serveTrace(recorder, { port }), RangeError);
  }
  const bad = [[{}], [recorder, 80], [recorder, { port: "80" }], [recorder, {
    keepAlive: 1,
  }]] as unknown as Parameters<typeof serveTrace>[];
  for (const args of bad) {
    await assertRejects(() => serveTrace(...args), TypeError);
  }
  const none = undefined as unknown as FakeHttp;
  const { getBuiltinModule } = host.process;
  host.process.getBuiltinModule = () => none;
  try {
    await assertRejects(() => serveTrace(recorder), TypeError, "node:http");
  } finally {
    host.process.getBuiltinModule = getBuiltinModule;
  }
});
