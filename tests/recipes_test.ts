/**
 * The recipes of docs/recipes.md, each with what it promises: stages one after the other,
 * batches, the first successes, results in a file, options per item, an early end that
 * keeps what ran, tasks that wait for tasks, one task for all callers.
 */

import {
  Channel,
  CoGroup,
  CoGroupClosedError,
  type CoGroupOptions,
  keyedQueue,
  rateLimit,
  type SettledItem,
} from "../mod.ts";
import {
  assertBooks,
  type Gate,
  gate,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

async function readAll<T>(
  stream: AsyncIterable<T>,
  to: T[] = [],
): Promise<T[]> {
  for await (const one of stream) to.push(one);
  return to;
}

/** A source that says how far it was pulled, and how often it was closed. */
class Watched {
  pulled = 0;
  closed = 0;
  readonly #cleaned: Promise<void>;

  /** Its clean-up takes as long as that. */
  constructor(cleaned: Promise<void> = Promise.resolve()) {
    this.#cleaned = cleaned;
  }

  async *items(count: number): AsyncGenerator<number> {
    try {
      for (const n of range(count)) {
        this.pulled++;
        yield await Promise.resolve(n);
      }
    } finally {
      await this.#cleaned;
      this.closed++;
    }
  }
}

/** Three groups, for the stages of a pipeline, and what their `onError` heard. */
function stages(
  [a, b, c]: [number, number, number],
  heard: unknown[] = [],
): [CoGroup, CoGroup, CoGroup] {
  const made = (concurrency: number) => {
    const onError = (error: unknown) => void heard.push(error);
    return new CoGroup({ concurrency, onError, slice: Infinity });
  };
  return [made(a), made(b), made(c)];
}

async function assertDone(groups: CoGroup[]): Promise<void> {
  for (const group of groups) {
    await group.wait();
    assertBooks(group);
  }
}

// --- Pipelines ---

test("Three stages of CoGroup.map() give all results in order, however many workers each has", async () => {
  for (const workers of [[1, 1, 1], [4, 2, 3], [1, 8, 1], [8, 1, 8]]) {
    const [fetching, parsing, storing] = stages(
      workers as [number, number, number],
    );
    const source = new Watched();
    const bodies = fetching.map(source.items(50), (n) => `${n}`);
    const rows = parsing.map(bodies, async (body) => await Number(body));
    const stored = storing.map(rows, (row, { index }) => [row, index]);
    assertEquals(await readAll(stored), range(50).map((n) => [n, n]));
    assertEquals([source.pulled, source.closed], [50, 1]);
    await assertDone([fetching, parsing, storing]);
  }
});

test("Three stages of CoGroup.map() on one group of one worker don't wait for each other", async () => {
  const group = new CoGroup(1);
  const bodies = group.map(range(20), (n) => n + 1);
  const rows = group.map(bodies, async (n) => await n * 2);
  const stored = group.map(rows, (n) => n - 1);
  assertEquals(await readAll(stored), range(20).map((n) => n * 2 + 1));
  await assertDone([group]);
});

test("A slow last stage stops the first: each stage holds its concurrency + ahead items, and no more", async () => {
  const [fetching, parsing, storing] = stages([3, 2, 1]);
  const source = new Watched();
  const tasks = new Tasks();
  const bodies = fetching.map(source.items(100), (n) => n, { ahead: 4 });
  const rows = parsing.map(bodies, (n) => n, { ahead: 1 });
  const stored = storing.map(rows, (n) => tasks.task(n)());
  assertEquals(source.pulled, 0, "nothing before the first next()");
  for (const read of range(5)) {
    const next = stored.next();
    await settled();
    assertEquals(source.pulled - read, (3 + 4) + (2 + 1) + 1);
    tasks.open(read);
    await next;
    await settled();
  }
  const left = stored.return!();
  tasks.openAll();
  await left;
  await assertDone([fetching, parsing, storing]);
  assertEquals(source.closed, 1);
});

for (const ordered of [true, false]) {
  test(`An error in the middle of three stages is the reader's, as it is, and closes all sources (ordered: ${ordered})`, async () => {
    for (const workers of [[1, 1, 1], [4, 2, 3], [2, 5, 1]]) {
      for (const bad of [0, 1, 7, 29]) {
        const heard: unknown[] = [];
        const groups = stages(workers as [number, number, number], heard);
        const [fetching, parsing, storing] = groups;
        const why = new Error("middle");
        const source = new Watched();
        const bodies = fetching.map(source.items(30), (n) => n, { ordered });
        const rows = parsing.map(bodies, async (n) => {
          await undefined;
          if (n === bad) throw why;
          return n;
        }, { ordered });
        const stored: number[] = [];
        const results = storing.map(rows, (n) => n, { ordered });
        const error = await readAll(results, stored).catch((error) => error);
        assertStrictEquals(error, why);
        if (ordered) assertEquals(stored, range(bad));
        assert(!stored.includes(bad));
        assertEquals(source.closed, 1);
        // All of them have ended: nothing is left to read, or to run.
        for (const stream of [bodies, rows, results]) {
          assertEquals((await stream.next()).done, true);
        }
        await assertDone(groups);
        assertEquals(heard, []);
      }
    }
  });
}

test("An error in the middle of three stages lets what runs in the others end, and starts nothing more", async () => {
  const heard: unknown[] = [];
  const groups = stages([2, 1, 1], heard);
  const [fetching, parsing, storing] = groups;
  const tasks = new Tasks();
  const source = new Watched();
  const bodies = fetching.map(source.items(30), async (n) => {
    if (n > 0) await tasks.task(n)();
    return n;
  });
  const middle = gate();
  const rows = parsing.map(bodies, () => middle.promise);
  const next = storing.map(rows, (n) => n).next();
  await settled();
  assertEquals([tasks.started, fetching.inFlight], [[1, 2], 2]);
  middle.fail("middle"); // Nor do those two keep the reader waiting.
  assertEquals(await next.catch((error) => error), "middle");
  const ends = Promise.all(groups.map((group) => group.wait()));
  tasks.fail(1, "late"); // No reader gets it.
  tasks.open(2);
  assertEquals(await ends, [0, 0, 0]);
  assertEquals([tasks.started, heard], [[1, 2], ["late"]]);
  assertEquals(source.closed, 1);
});

test("A break out of the last of three stages waits for the clean-up of the first source", async () => {
  const groups = stages([2, 2, 2]);
  const [fetching, parsing, storing] = groups;
  const cleaned = gate();
  const source = new Watched(cleaned.promise);
  const bodies = fetching.map(source.items(1000), (n) => n);
  const rows = parsing.map(bodies, (n) => n);
  const read: number[] = [];
  let isOut = false;
  const reading = (async () => {
    for await (const n of storing.map(rows, (n) => n)) {
      if (read.push(n) < 3) continue;
      await settled(); // No pull is under way.
      break;
    }
    isOut = true;
  })();
  await settled();
  await settled();
  assertEquals([read, isOut, source.closed], [[0, 1, 2], false, 0]);
  cleaned.open();
  await reading;
  assertEquals(source.closed, 1);
  assertEquals(source.pulled, 3 + 2 + 2 + 2);
  await assertDone(groups);
});

test("An abort of the middle one of three groups ends all stages with its reason", async () => {
  const groups = stages([2, 2, 2]);
  const [fetching, parsing, storing] = groups;
  const source = new Watched();
  const bodies = fetching.map(source.items(1000), (n) => n);
  const rows = parsing.map(bodies, (n) => {
    if (n === 5) parsing.abort("enough");
    return n;
  });
  const results = storing.map(rows, (n) => n);
  assertEquals(await readAll(results).catch((error) => error), "enough");
  await assertDone(groups);
  assertEquals(source.closed, 1);
});

test("A middle stage of mapSettled() hands failures on as values", async () => {
  const groups = stages([2, 2, 2]);
  const [fetching, parsing, storing] = groups;
  const bodies = fetching.map(range(6), (n) => n);
  const rows = parsing.mapSettled(
    bodies,
    (n) => n % 2 === 0 ? n : Promise.reject(`odd ${n}`),
  );
  const lines = storing.map(
    rows,
    (row) => row.status === "fulfilled" ? `${row.value}` : row.reason,
  );
  assertEquals(await readAll(lines), [
    "0",
    "odd 1",
    "2",
    "odd 3",
    "4",
    "odd 5",
  ]);
  await assertDone(groups);
});

// --- Batches ---

async function* batches<T>(channel: Channel<T>, most: number, ms: number) {
  for await (const first of channel) {
    const batch = [first];
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ms);
    try {
      while (batch.length < most) batch.push(await channel.receive(late));
    } catch { /* It is late, or closed: the loop sees which. */ }
    clearTimeout(timer);
    yield batch;
  }
}

test("Batches out of a Channel are full, or as old as they may get, and nothing is lost", async () => {
  using time = new FakeTime();
  const channel = new Channel<number>({ capacity: 100 });
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const read: number[][] = [];
  const all = readAll(
    group.map(batches(channel, 3, 50), (batch) => batch),
    read,
  );
  for (const n of range(7)) channel.trySend(n);
  await settled();
  assertEquals(read, [[0, 1, 2], [3, 4, 5]]);
  await time.tickAsync(49);
  await settled();
  assertEquals(read.length, 2, "a millisecond is left");
  await time.tickAsync(1);
  await settled();
  assertEquals(read[2], [6]);
  await time.tickAsync(1000);
  await settled();
  assertEquals(read.length, 3, "no batch of nothing");
  // The time runs from the first of a batch on.
  channel.trySend(7);
  await settled();
  await time.tickAsync(40);
  channel.trySend(8);
  await settled();
  await time.tickAsync(10);
  await settled();
  assertEquals(read[3], [7, 8]);
  channel.trySend(9);
  channel.close();
  await all; // The last one, at once.
  assertEquals(read[4], [9]);
  await assertDone([group]);
});

test("Batches out of a Channel that is closed with an error: what was sent, then the error", async () => {
  const channel = new Channel<number>({ capacity: 5 });
  for (const n of range(4)) channel.trySend(n);
  channel.close(new Error("broken"));
  const read: number[][] = [];
  const all = readAll(batches(channel, 3, 60_000), read);
  await assertRejects(() => all, Error, "broken");
  assertEquals(read, [[0, 1, 2], [3]]);
});

// --- The first successes ---

test("The first two successes of mapSettled() as they are ready: the rest is told by its signal, and quiet", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({
    concurrency: 4,
    onError: (error) => heard.push(error),
  });
  const ended: string[] = [];
  const source = ["slow 1", "bad", "quick 1", "slow 2", "quick 2"];
  const ask = (name: string, signal: AbortSignal) => {
    if (name === "bad") return Promise.reject(name);
    if (name.startsWith("quick")) return Promise.resolve(name);
    assert(name.startsWith("slow"), name);
    return new Promise<string>((_, reject) => {
      signal.addEventListener("abort", () => {
        ended.push(name);
        reject(signal.reason);
      });
    });
  };
  const stop = new AbortController();
  const answers: string[] = [];
  const other = group.go(() => "of another caller");
  for await (
    const one of group.mapSettled(
      source,
      (name, ctx) => ask(name, ctx.signal),
      { ordered: false, signal: stop.signal },
    )
  ) {
    if (one.status === "fulfilled" && answers.push(one.value) === 2) break;
  }
  stop.abort();
  assertEquals(answers, ["quick 1", "quick 2"]);
  assertEquals(ended, ["slow 1", "slow 2"]);
  assertEquals(await other, "of another caller");
  assertEquals(await group.wait(), 0);
  assertEquals(heard, []);
  assertBooks(group);
});

// --- Results into a file ---

/** A file: what was written stays. It takes its time, and fails at a write. */
function fileOf(lines: string[], failing = Infinity): WritableStream<string> {
  return new WritableStream({
    async write(line) {
      await undefined;
      if (lines.length === failing) throw new Error("disk full");
      lines.push(line);
    },
  });
}

/** As pipeTo, in browsers that can't make a stream of an iterator. */
async function writeAll(
  lines: AsyncIterable<string>,
  file: WritableStream<string>,
): Promise<void> {
  const writer = file.getWriter();
  for await (const line of lines) await writer.write(line);
  await writer.close();
}

const ways: [string, typeof writeAll][] = [["a loop", writeAll]];
if ("from" in ReadableStream) {
  ways.push([
    "pipeTo",
    (lines, file) => ReadableStream.from(lines).pipeTo(file),
  ]);
}

for (const [how, write] of ways) {
  test(`Results written by ${how} are in the order of the items, whichever is ready first`, async () => {
    const group = new CoGroup({ concurrency: 3, slice: Infinity });
    const gates = range(6).map(() => gate<string>());
    const lines: string[] = [];
    const written = write(
      group.map(gates, ({ promise }) => promise),
      fileOf(lines),
    );
    for (const n of [2, 1, 0, 5, 4, 3]) {
      gates[n]!.open(`${n}`);
      await settled();
    }
    await written;
    assertEquals(lines, ["0", "1", "2", "3", "4", "5"]);
    await assertDone([group]);
  });

  test(
    `A failing write by ${how} closes the source, and a failing task leaves ${
      how === "a loop" ? "all" : "some"
    } before it written`,
    async () => {
      const group = new CoGroup({ concurrency: 2, slice: Infinity });
      const source = new Watched();
      const lines: string[] = [];
      const line = (n: number) => `${n}`;
      await assertRejects(
        () => write(group.map(source.items(1000), line), fileOf(lines, 3)),
        Error,
        "disk full",
      );
      await settled();
      assertEquals([lines, source.closed], [["0", "1", "2"], 1]);
      const failing = (n: number) =>
        n === 4 ? Promise.reject(new Error("no 4")) : `${n}`;
      lines.length = 0;
      await assertRejects(
        () => write(group.map(range(9), failing), fileOf(lines)),
        Error,
        "no 4",
      );
      // To abort a stream drops what waits in it.
      const most = how === "a loop" ? 4 : lines.length;
      assert(most <= 4);
      assertEquals(lines, range(most).map(String));
      await assertDone([group]);
    },
  );
}

// --- Resume ---

test("After a crash at any byte of the file its last whole line says where to go on", async () => {
  const items = ["a", "bb", "c", "dd", "e"];
  const all = items.map((item) => `${item}!\n`).join("");
  for (const length of range(all.length + 1)) {
    let file = all.slice(0, length);
    file = file.slice(0, file.lastIndexOf("\n") + 1);
    const done = file.split("\n").length - 1;
    const tried: string[] = [];
    const group = new CoGroup({ concurrency: 2, slice: Infinity });
    const lines = group.map(items.slice(done), (item) => {
      tried.push(item);
      return `${item}!\n`;
    });
    for await (const line of lines) file += line;
    assertEquals(file, all);
    assertEquals(tried, items.slice(done));
    await group.wait();
  }
});

// --- Options per item ---

function pageLoader(options: Partial<CoGroupOptions>) {
  const group = new CoGroup({
    concurrency: 4,
    queue: keyedQueue(),
    slice: Infinity,
    ...options,
  });
  const gates = new Map<string, Gate<string>>();
  const started: string[] = [];
  const load = ({ href }: URL, signal: AbortSignal) => {
    started.push(href);
    const own = gate<string>();
    gates.set(href, own);
    signal.addEventListener("abort", () => own.fail(signal.reason));
    return own.promise;
  };
  return { group, gates, started, load };
}

test("Options per item: one request per host at a time, with a timeout and a signal of its own", async () => {
  using time = new FakeTime();
  const { group, gates, started, load } = pageLoader({});
  const urls = ["http://a/1", "http://a/2", "http://b/1", "http://c/1"]
    .map((href) => new URL(href));
  const stop = new AbortController();
  const all: SettledItem<URL, string>[] = [];
  const reading = readAll(
    group.mapSettled(urls, (url, { signal }) => load(url, signal), {
      ordered: false,
      timeout: 1000,
      each: (url) => ({
        id: url.href,
        key: url.host,
        timeout: url.host === "b" ? 10 : undefined,
        signal: url.host === "c" ? stop.signal : undefined,
      }),
    }),
    all,
  );
  const last = () => {
    const one = all.at(-1)!;
    const what = one.status === "fulfilled"
      ? one.value
      : one.reason.message ?? one.reason;
    return [one.index, one.item.href, what];
  };
  await settled();
  assertEquals(started, ["http://a/1", "http://b/1", "http://c/1"]);
  await time.tickAsync(10);
  await settled();
  assertEquals(last(), [
    2,
    "http://b/1",
    'The task "http://b/1" timed out after 10 ms',
  ]);
  stop.abort("not c");
  await settled();
  assertEquals(last(), [3, "http://c/1", "not c"]);
  assertEquals(started.length, 3, "the second one of a host waits");
  gates.get("http://a/1")!.open("page");
  await settled();
  assertEquals(last(), [0, "http://a/1", "page"]);
  assertEquals(started[3], "http://a/2");
  await time.tickAsync(1000);
  await reading;
  assertEquals(last(), [
    1,
    "http://a/2",
    'The task "http://a/2" timed out after 1000 ms',
  ]);
  await assertDone([group]);
});

test("Options per item: `ahead` lets a map find items of other hosts behind many of one", async () => {
  for (const [ahead, expected] of [[0, ["a"]], [6, ["a", "b"]]] as const) {
    const { group, started, gates, load } = pageLoader({ concurrency: 2 });
    const urls = [...range(7).map((n) => `http://a/${n}`), "http://b/7"]
      .map((href) => new URL(href));
    const results = group.map(urls, (url, { signal }) => load(url, signal), {
      ahead,
      each: (url) => ({ key: url.host }),
    });
    const next = results.next();
    await settled();
    assertEquals(started.map((href) => new URL(href).host), [...expected]);
    for (const { open } of gates.values()) open("");
    await next;
    await results.return!();
    for (const { open } of gates.values()) open("");
    await group.wait();
  }
});

// --- Which item failed ---

test("mapSettled() says which item failed, as they are ready too, with the error as it was thrown", async () => {
  const group = new CoGroup({ concurrency: 3 });
  const errors = new Map(["b", "d"].map((name) => [name, new Error(name)]));
  const failed: [number, string, unknown][] = [];
  const results = group.mapSettled("abcde", async (name, { index }) => {
    for (let i = index; i < 5; i++) await undefined;
    const error = errors.get(name);
    if (error !== undefined) throw error;
  }, { ordered: false });
  for await (const one of results) {
    if (one.status === "fulfilled") continue;
    failed.push([one.index, one.item, one.reason]);
  }
  failed.sort(([a], [b]) => a - b);
  assertEquals(failed.map(([index, item]) => [index, item]), [
    [1, "b"],
    [3, "d"],
  ]);
  for (const [, item, reason] of failed) {
    assertStrictEquals(reason, errors.get(item));
  }
  await assertDone([group]);
});

// --- An early end ---

function* until<T>(items: Iterable<T>, signal: AbortSignal): Generator<T> {
  for (const item of items) {
    if (signal.aborted) return;
    yield item;
  }
}

/** A map of two workers over 0, 1, 2 …, which are at 1 and 2 when 0 was read. */
async function midway(signal = new AbortController().signal) {
  const group = new CoGroup({ concurrency: 2, slice: Infinity });
  const tasks = new Tasks();
  const read: number[] = [];
  const results = group.map(until(range(100), signal), async (n) => {
    await tasks.task(n)();
    return n;
  });
  const end = readAll(results, read).then(() => "the end", (error) => error);
  await settled();
  tasks.open(0);
  await settled();
  assertEquals([read, tasks.started], [[0], [0, 1, 2]]);
  return { group, tasks, read, end };
}

test("A source that ends starts nothing more, and the reader of its map gets all that ran", async () => {
  const stop = new AbortController();
  const { group, tasks, read, end } = await midway(stop.signal);
  stop.abort();
  tasks.openAll();
  assertEquals(await end, "the end");
  assertEquals([read, tasks.started], [[0, 1, 2], [0, 1, 2]]);
  await assertDone([group]);
});

test("CoGroup.close(): the reader of a map gets what was pulled, then a CoGroupClosedError", async () => {
  const { group, tasks, read, end } = await midway();
  group.close();
  tasks.openAll();
  assert(await end instanceof CoGroupClosedError);
  assertEquals([read, tasks.started], [[0, 1, 2], [0, 1, 2]]);
  await assertDone([group]);
});

test("CoGroup.abort(): the reader of a map gets the reason at once, and not what runs", async () => {
  const { group, tasks, read, end } = await midway();
  group.abort("enough");
  assertEquals(await end, "enough");
  tasks.openAll();
  await assertDone([group]);
  assertEquals([read, tasks.started], [[0], [0, 1, 2]]);
  assertEquals(group.stats.fulfilled, 3);
});

test("A break out of a map over a Channel leaves it open; its last reader closes it, and no sender waits for ever", async () => {
  const channel = new Channel<number>({ capacity: 0 });
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const sent = channel.send(0);
  const isOpen: boolean[] = [];
  try {
    for await (const _ of group.map(channel, (n) => n)) break;
    await sent;
    isOpen.push(!channel.closed);
  } finally {
    channel.close();
  }
  isOpen.push(!channel.closed);
  assertEquals(isOpen, [true, false]);
  assertEquals(channel.trySend(1), false);
  await assertDone([group]);
});

// --- A rate-limited API ---

function millisecondsAsked({ headers }: Response): number {
  const seconds = Number(headers.get("retry-after") || NaN); // Number(null) is 0.
  return seconds >= 0 ? seconds * 1000 : 1000; // There is none, or it is a date.
}

test("A 429 pauses for what Retry-After says; for a second if it is absent, empty or a date", () => {
  const asked = (after?: string) =>
    millisecondsAsked(
      new Response("", {
        status: 429,
        headers: after === undefined ? {} : { "retry-after": after },
      }),
    );
  assertEquals(asked("2"), 2000);
  assertEquals(asked("0"), 0);
  for (const after of [undefined, "", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"]) {
    assertEquals(asked(after), 1000, after);
    const rate = rateLimit({ limit: 10, interval: 1100 });
    rate.pauseFor(asked(after));
    assertEquals(rate.tryAcquire(), undefined);
  }
});

// --- Tasks that wait for tasks, and callers that share one ---

test("ctx.lend() around all that a task waits for: a tree is walked on one worker, however many branches", async () => {
  for (const concurrency of [1, 2, 7]) {
    const group = new CoGroup({ concurrency, slice: Infinity });
    const count = (depth: number): Promise<number> =>
      group.go(async (ctx) => {
        if (depth === 0) return await Promise.resolve(1);
        const branches = range(4).map(() => depth - 1);
        const counts = await ctx.lend(() => Promise.all(branches.map(count)));
        return counts.reduce((sum, n) => sum + n, 1);
      });
    assertEquals(await count(4), 1 + 4 + 16 + 64 + 256);
    await assertDone([group]);
  }
});

test("One task for all callers: while it is under way, also when it fails, and each caller hears of that", async () => {
  const group = new CoGroup({ concurrency: 4, slice: Infinity });
  const gates: Gate<string>[] = [];
  const underWay = new Map<string, Promise<string>>();
  const get = (url: string): Promise<string> => {
    const known = underWay.get(url);
    if (known !== undefined) return known;
    const result = group.go(() => {
      const own = gate<string>();
      gates.push(own);
      return own.promise;
    });
    underWay.set(url, result);
    const forget = () => underWay.delete(url);
    result.then(forget, forget);
    return result;
  };
  const both = Promise.allSettled([get("a"), get("a")]);
  await settled();
  assertEquals(gates.length, 1);
  gates[0]!.fail("down");
  const reason = { status: "rejected", reason: "down" };
  assertEquals<unknown>(await both, [reason, reason]);
  await settled();
  assertEquals(underWay.size, 0);
  const again = get("a");
  await settled();
  gates[1]!.open("up");
  assertEquals(await again, "up");
  await assertDone([group]);
});

test("CoGroup.insert() of an empty task waits for room, so that a go after it is slowed down", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, slice: Infinity });
  const tasks = new Tasks();
  const results: Promise<unknown>[] = [];
  const bringing = (async () => {
    for (const n of range(3)) {
      await group.insert(() => {});
      results.push(group.go(tasks.task(n)));
    }
  })();
  await settled();
  assert(results.length < 3);
  for (const n of range(3)) {
    await settled();
    tasks.open(n);
  }
  await bringing;
  await Promise.all(results);
  await assertDone([group]);
});
