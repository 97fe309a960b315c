/**
 * The calling conventions of three well-known peers, each over a group in
 * about ten lines. That they are this short says that nothing is missing.
 *
 * @module
 */

import { CoGroup, type TaskOptions } from "../mod.ts";
import { gate, range, settled, Tasks } from "./support/helpers.ts";
import {
  abortable,
  assert,
  assertEquals,
  assertRejects,
  deadline,
  FakeTime,
  retry,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** p-limit: `limit(fn, ...args)`, with its counts and `clearQueue`. */
function pLimit(concurrency: number) {
  const group = new CoGroup(concurrency);
  const limit = <A extends unknown[], R>(
    fn: (...args: A) => R | PromiseLike<R>,
    ...args: A
  ): Promise<R> => group.go(() => fn(...args));
  return Object.assign(limit, {
    activeCount: () => group.inFlight,
    pendingCount: () => group.size,
    clearQueue: () => void group.clear(),
  });
}

/** p-map: results in order, the first failure stops it; or all, in an AggregateError. */
async function pMap<T, R>(
  input: Iterable<T> | AsyncIterable<T>,
  mapper: (item: T) => R | PromiseLike<R>,
  { concurrency = Infinity, stopOnError = true } = {},
): Promise<R[]> {
  await using group = new CoGroup({ concurrency, onError: () => {} });
  const values: R[] = [];
  const errors: unknown[] = [];
  for await (const result of group.mapSettled(input, mapper)) {
    if (result.status === "fulfilled") values.push(result.value);
    else if (stopOnError) throw result.reason;
    else errors.push(result.reason);
  }
  if (errors.length > 0) throw new AggregateError(errors);
  return values;
}

/** @std/async pooledMap: an iterator at once; failures are gathered at the end. */
async function* pooledMap<T, R>(
  limit: number,
  source: Iterable<T> | AsyncIterable<T>,
  fn: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  await using group = new CoGroup({ concurrency: limit, onError: () => {} });
  const errors: unknown[] = [];
  for await (const result of group.mapSettled(source, fn)) {
    if (result.status === "rejected") errors.push(result.reason);
    else if (errors.length === 0) yield result.value;
  }
  if (errors.length > 0) throw new AggregateError(errors, "while mapping");
}

test("p-limit's convention: bounded, with arguments and results, in order, and counted", async () => {
  const limit = pLimit(2);
  const tasks = new Tasks();
  const results = range(4).map((i) =>
    limit(
      async (a: number, b: string) => {
        await tasks.task(a)();
        return a + b;
      },
      i,
      "!",
    )
  );
  assertEquals([limit.activeCount(), limit.pendingCount()], [0, 4]);
  await settled();
  assertEquals([limit.activeCount(), limit.pendingCount()], [2, 2]);
  for (const i of range(4)) {
    tasks.open(i);
    await settled();
  }
  assertEquals(await Promise.all(results), ["0!", "1!", "2!", "3!"]);
  assertEquals(tasks.most, 2);
  await assertRejects(
    () =>
      limit(() => {
        throw new Error("sync");
      }),
    Error,
    "sync",
  );
});

test("p-limit's convention: a cleared queue leaves what runs, and here no promise hangs", async () => {
  const limit = pLimit(1);
  const slow = gate<string>();
  const running = limit(() => slow.promise);
  const queued = limit(() => "never");
  await settled();
  limit.clearQueue();
  const error = await queued.catch((error) => error);
  assertEquals(error.name, "AbortError");
  slow.open("done");
  assertEquals(await running, "done");
  assertEquals(await limit(() => "again"), "again");
});

test("p-map's convention: results in the order of the input, bounded, from any iterable", async () => {
  const tasks = new Tasks();
  const all = pMap(range(5), async (i) => {
    await tasks.task(i)();
    return i * 2;
  }, { concurrency: 2 });
  for (const i of [1, 0, 2, 3, 4]) {
    await settled();
    tasks.open(i);
  }
  assertEquals(await all, [0, 2, 4, 6, 8]);
  assertEquals(tasks.most, 2);
  async function* later() {
    yield* range(3);
  }
  assertEquals(await pMap(later(), (i) => i), [0, 1, 2]);
  assertEquals(await pMap([], (i) => i), []);
});

test("pMapIterable's convention: while the reader has an item, `backpressure` others are in work or ready", async () => {
  for (const [concurrency, backpressure] of [[1, 1], [1, 3], [2, 2], [2, 5]]) {
    const group = new CoGroup({ concurrency: concurrency!, slice: Infinity });
    const ahead = backpressure! - concurrency!; // As docs/coming_from.md says.
    let started = 0;
    const results = group.map(range(20), (i) => {
      started++;
      return i;
    }, { ahead });
    for (const read of range(5)) {
      assertEquals((await results.next()).value, read);
      await settled();
      assertEquals(started - (read + 1), backpressure);
    }
    await results.return!();
  }
});

test("p-map's convention: the first failure rejects and starts nothing more; or all failures are collected", async () => {
  let started = 0;
  const mapper = (i: number) => {
    started++;
    if (i % 2 === 1) throw new Error(`${i}`);
    return i;
  };
  await assertRejects(
    () => pMap(range(100), mapper, { concurrency: 1 }),
    Error,
    "1",
  );
  assert(started <= 3, `${started}`);
  const error = await pMap(range(6), mapper, { stopOnError: false })
    .catch((error) => error);
  assert(error instanceof AggregateError);
  assertEquals(error.errors.map((e) => e.message), ["1", "3", "5"]);
});

test("pooledMap's convention: results in order, failures gathered in an AggregateError at the end", async () => {
  const seen: number[] = [];
  const error = await (async () => {
    const fn = (i: number) =>
      i === 2 ? Promise.reject(new Error("two")) : Promise.resolve(i);
    for await (const i of pooledMap(2, range(4), fn)) seen.push(i);
  })().catch((error) => error);
  assert(error instanceof AggregateError);
  assertEquals([seen, error.errors.length], [[0, 1], 1]);
});

test("pooledMap's convention: and here a break stops the source", async () => {
  let closed = 0;
  function* source() {
    try {
      yield* range(1000);
    } finally {
      closed++;
    }
  }
  for await (const _ of pooledMap(2, source(), (i) => Promise.resolve(i))) {
    break;
  }
  assertEquals(closed, 1);
});

test("CoGroup.go() composes with @std/async deadline and abortable: the caller stops waiting, the task goes on", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup(1);
    const slow = gate();
    const late = deadline(group.go(() => slow.promise), 100)
      .catch((error) => error);
    await settled();
    time.tick(100);
    assertEquals((await late).name, "TimeoutError");
    const controller = new AbortController();
    const queued = abortable(group.go(() => {}), controller.signal)
      .catch((error) => error);
    controller.abort(new Error("enough"));
    assertEquals((await queued).message, "enough");
    assertEquals([group.inFlight, group.size], [1, 1]);
    slow.open();
    await group.wait();
    assertEquals(group.stats.fulfilled, 2);
  } finally {
    time.restore();
  }
});

test("CoGroup.go() composes with @std/async retry: each try queues again, and waits without a worker", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup(1);
    let tries = 0;
    const result = retry(
      () =>
        group.go(() => {
          if (++tries < 3) throw new Error("again");
          return tries;
        }),
      { minTimeout: 100, jitter: 0 },
    );
    await settled();
    assertEquals([tries, group.inFlight], [1, 0]);
    assertEquals(await group.go(() => "between"), "between");
    while (tries < 3) await time.nextAsync();
    assertEquals(await result, 3);
  } finally {
    time.restore();
  }
});

test("Options may be shared, frozen, and of another prototype", async () => {
  const group = new CoGroup(1);
  const options: TaskOptions = Object.freeze(
    Object.assign(Object.create(null), { timeout: 60_000 }),
  );
  assertEquals(await group.go(() => 1, options), 1);
  assertEquals(await group.go(() => 2, options), 2);
  await group.wait();
});
