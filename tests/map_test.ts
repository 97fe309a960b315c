import { AsyncLocalStorage } from "node:async_hooks";
import { CoGroup, CoGroupClosedError } from "../mod.ts";
import { Group } from "../src/group/group.ts";
import { Intake } from "../src/group/intake.ts";
import { stream } from "../src/stream/map.ts";
import { settle } from "../src/group/options.ts";
import { PATIENCE } from "../src/base/source.ts";
import {
  assertBooks,
  gate,
  microtasks,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

/** A source that tells how often it was pulled from and closed. */
class Counted {
  pulled = 0;
  closed = 0;
  readonly #n: number;

  constructor(n: number) {
    this.#n = n;
  }

  *[Symbol.iterator]() {
    try {
      for (let i = 0; i < this.#n; i++) {
        this.pulled++;
        yield i;
      }
    } finally {
      this.closed++;
    }
  }

  async *later() {
    try {
      for (let i = 0; i < this.#n; i++) {
        await Promise.resolve();
        this.pulled++;
        yield i;
      }
    } finally {
      this.closed++;
    }
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of stream) all.push(value);
  return all;
}

const bothOrders = [{ ordered: true }, { ordered: false }];
const both = ["map", "mapSettled"] as const;

test("CoGroup.map() gives results in the order of the input, or as they are ready", async () => {
  for (const { ordered } of bothOrders) {
    const group = new CoGroup(3);
    const tasks = new Tasks();
    const results = collect(
      group.map(range(3), async (i) => {
        await tasks.task(i)();
        return i;
      }, { ordered }),
    );
    for (const i of [2, 1, 0]) {
      await settled();
      tasks.open(i);
    }
    assertEquals(await results, ordered ? [0, 1, 2] : [2, 1, 0]);
    await group.wait();
  }
});

test("CoGroup.map() takes iterables, async iterables and promises, and types its results", async () => {
  const group = new CoGroup(2);
  const fn = (n: number): string => `${n}`;
  const source = new Counted(3);
  assertEquals(await collect(group.map(new Set([1, 2]), fn)), ["1", "2"]);
  assertEquals(await collect(group.map(source.later(), fn)), ["0", "1", "2"]);
  const promises: Iterable<number> = [
    Promise.resolve(7),
  ] as unknown as Iterable<number>;
  assertEquals(await collect(group.map(promises, fn)), ["7"]);
  assertEquals(await collect(group.map([], fn)), []);
  const settledResults = await collect(group.mapSettled([1], fn));
  assertEquals(settledResults, [
    { status: "fulfilled", value: "1", item: 1, index: 0 },
  ]);
});

test("Law 12: nothing is pulled before the first next(), then concurrency items", async () => {
  for (const source of ["sync", "async"]) {
    const group = new CoGroup(4);
    const counted = new Counted(1000);
    const tasks = new Tasks();
    const items = source === "sync" ? counted : counted.later();
    const stream = group.map(items, (i) => tasks.task(i)());
    await settled();
    assertEquals(counted.pulled, 0);
    const first = stream.next();
    await settled();
    assertEquals(counted.pulled, 4);
    tasks.open(0);
    await first;
    await settled();
    assertEquals(counted.pulled, 5, "what the reader has got is not between");
    stream.next();
    await settled();
    assertEquals(counted.pulled, 5);
    await stream.return!();
    assertEquals(counted.closed, 1);
    tasks.openAll();
    await group.wait();
    assertBooks(group);
  }
});

test("Law 12: a reader that stops reading stops the workers", async () => {
  for (const { ordered } of bothOrders) {
    for (const ahead of [0, 3]) {
      const group = new CoGroup(4);
      const source = new Counted(1_000_000);
      const stream = group.map(source, (i) => i, { ahead, ordered });
      for (const n of range(10)) {
        await stream.next();
        await settled();
        assert(source.pulled - (n + 1) <= 4 + ahead);
        assertEquals(group.inFlight, 0);
      }
      await stream.return!();
      await group.wait();
    }
  }
});

test("Law 12: a slow item holds at most concurrency + ahead results up, in order", async () => {
  const group = new CoGroup(2);
  const source = new Counted(100);
  const slow = gate();
  const stream = group.map(source, async (i) => {
    if (i === 0) await slow.promise;
    return i;
  }, { ahead: 5 });
  const first = stream.next();
  await settled();
  assertEquals(source.pulled, 7);
  slow.open();
  await first;
  assertEquals((await stream.next()).value, 1);
  await stream.return!();
});

for (const { ordered } of bothOrders) {
  for (const method of both) {
    const where = `${method}, ${ordered ? "in order" : "as they are ready"}`;

    test(`Law 12: break closes the source once, starts nothing more, lets running ones finish (${where})`, async () => {
      const seen = await unhandled(async () => {
        const group = new CoGroup({ concurrency: 3, onError: () => {} });
        const source = new Counted(100);
        const tasks = new Tasks();
        let read = 0;
        const loop = (async () => {
          const fn = (i: number) => tasks.task(i)();
          for await (const _ of group[method](source, fn, { ordered })) {
            if (++read === 3) break;
          }
        })();
        for (const i of range(3)) {
          await settled();
          tasks.open(i);
        }
        await loop;
        assertEquals(source.closed, 1);
        const running = group.inFlight;
        const { started } = tasks;
        assertEquals(running > 0, true);
        const before = started.length;
        tasks.fail(started.at(-1)!, new Error("after the end"));
        tasks.openAll();
        assertEquals(await group.wait(), group.stats.abandoned);
        assertEquals(started.length, before);
        assertEquals(
          group.stats.fulfilled + group.stats.rejected,
          before,
        );
        assertEquals(group.stats.rejected, 1);
        assertBooks(group);
      });
      assertEquals(seen, []);
    });

    test(`Law 12: a source that throws on its 5th item ends the stream with its error, after four results (${where})`, async () => {
      for (const isAsync of [false, true]) {
        const group = new CoGroup(3);
        const error = new Error("source");
        let finals = 0;
        const sync = function* () {
          try {
            for (const i of range(4)) yield i;
            throw error;
          } finally {
            finals++;
          }
        };
        const later = async function* () {
          yield* sync();
        };
        const read: unknown[] = [];
        const stream = group[method](isAsync ? later() : sync(), (i) => i, {
          ordered,
        });
        const loop = (async () => {
          for await (const value of stream) read.push(value);
        })();
        assertEquals(await loop.catch((e) => e), error);
        assertEquals([read.length, finals], [4, 1]);
        assertEquals(await stream.next(), { value: undefined, done: true });
        await group.wait();
        assertEquals(group.stats.fulfilled, 4);
      }
    });

    test(`Law 12: a source whose return() throws does not disturb the end (${where})`, async () => {
      const group = new CoGroup({ concurrency: 2, onError: () => {} });
      const source = {
        returned: 0,
        [Symbol.iterator]() {
          return this;
        },
        next: () => ({ value: 1, done: false }),
        return(): never {
          this.returned++;
          throw new Error("return");
        },
      };
      let read = 0;
      const loop = async () => {
        for await (const _ of group[method](source, (i) => i, { ordered })) {
          if (++read === 3) break;
        }
      };
      await assertRejects(loop, Error, "return");
      assertEquals(source.returned, 1);
      const error = new Error("fn");
      const stream = group[method](source, () => Promise.reject(error), {
        ordered,
      });
      const first = await stream.next().catch((e) => e);
      if (method === "map") assertEquals(first, error);
      else {
        assertEquals(first.value, {
          status: "rejected",
          reason: error,
          item: 1,
          index: 0,
        });
      }
      const ended = await stream.return!().catch((e) => e.message);
      assertEquals(
        [ended.done ?? ended, source.returned],
        [method === "map" ? true : "return", 2],
      );
      await group.wait();
      assertBooks(group);
    });

    test(`CoGroup.close() lets ${where}, yield what was pulled, and then fails it`, async () => {
      const group = new CoGroup(2);
      const source = new Counted(100);
      const tasks = new Tasks();
      const stream = group[method](source, (i) => tasks.task(i)(), { ordered });
      const first = stream.next();
      await settled();
      group.close();
      assertEquals([source.pulled, source.closed], [2, 1]);
      tasks.openAll();
      assertEquals((await first).done, false);
      assertEquals((await stream.next()).done, false);
      await assertRejects(() => stream.next(), CoGroupClosedError);
      assertEquals((await stream.next()).done, true);
      assertEquals([await group.wait(), group.stats.fulfilled], [0, 2]);
    });

    test(`CoGroup.abort() ends ${where}, with the reason, and abandons what has not started`, async () => {
      const seen = await unhandled(async () => {
        const group = new CoGroup(1);
        const source = new Counted(100);
        const tasks = new Tasks();
        const other = tasks.task("other");
        const stream = group[method](source, (i) => tasks.task(i)(), {
          ordered,
          ahead: 3,
        });
        const unread = group[method]([1], () => {}, { ordered });
        unread.next();
        const first = stream.next();
        await settled();
        group.add(other);
        group.abort("stop");
        assertEquals(source.closed, 1);
        assertEquals(await first.catch((e) => e), "stop");
        assertEquals((await stream.next()).done, true);
        tasks.openAll();
        await group.wait();
        assertEquals(group.clear().map(({ task }) => task), [other]);
        assertBooks(group);
      });
      assertEquals(seen, []);
    });

    test(`The first next() of ${where}, on a closed or aborted group rejects, quietly, and closes the source`, async () => {
      const seen = await unhandled(async () => {
        for (const end of ["close", "abort"] as const) {
          const group = new CoGroup(1);
          const source = new Counted(3);
          const iterator = source[Symbol.iterator]();
          const stream = group[method](iterator, (i) => i, { ordered });
          const unread = group[method]([1], (i) => i, { ordered });
          group[end]();
          unread.next();
          const error = await stream.next().catch((e) => e);
          assertEquals(
            [error.name, source.pulled],
            [end === "close" ? "CoGroupClosedError" : "AbortError", 0],
          );
          assertEquals((await stream.next()).done, true);
          assertEquals(iterator.next().done, true);
        }
      });
      assertEquals(seen, []);
    });

    test(`return() and throw() end ${where}, at once, and so its waiting readers`, async () => {
      for (const way of ["return", "throw"] as const) {
        const group = new CoGroup(2);
        const source = new Counted(100);
        const tasks = new Tasks();
        const stream = group[method](source, (i) => tasks.task(i)(), {
          ordered,
          ahead: 2,
        });
        const readers = [stream.next(), stream.next()];
        await settled();
        const error = new Error("thrown in");
        if (way === "return") {
          const step = await stream.return!("value");
          assertEquals(step as unknown, { value: "value", done: true });
        } else {
          assertEquals(await stream.throw!(error).catch((e) => e), error);
        }
        for (const step of await Promise.all(readers)) assert(step.done);
        assertEquals(source.closed, 1);
        assertEquals(group.size, 0, "the queued ones are dropped");
        tasks.openAll();
        assertEquals(await group.wait(), 2);
        assertEquals(group.stats.fulfilled, 2);
      }
    });
  }

  test(`Law 12: map over a source of rejected promises fails with the first, and closes it (${ordered})`, async () => {
    const group = new CoGroup(3);
    const error = new Error("promise");
    let closed = 0;
    const promises = function* () {
      try {
        yield Promise.resolve(0);
        yield Promise.reject(error);
      } finally {
        closed++;
      }
    };
    const source = promises() as unknown as Iterable<number>;
    const stream = group.map(source, (i) => i, { ordered });
    assertEquals((await stream.next()).done, false);
    assertEquals(await stream.next().catch((e) => e), error);
    assertEquals([closed, (await stream.next()).done], [1, true]);
    await group.wait();
  });

  test(`Law 12: fn that throws undefined on its 5th item ends map with that, not with a value (${ordered})`, async () => {
    const group = new CoGroup(2);
    const source = new Counted(100);
    const read: number[] = [];
    let started = 0;
    const loop = (async () => {
      const fn = (i: number) => {
        started++;
        if (i === 4) throw undefined;
        return i;
      };
      for await (const value of group.map(source, fn, { ordered })) {
        read.push(value);
      }
      return "ended";
    })();
    const failure = await loop.catch((error) => [error]);
    assertEquals(failure as unknown, [undefined]);
    assertEquals(read, [0, 1, 2, 3]);
    assertEquals(source.closed, 1);
    const before = started;
    await group.wait();
    assertEquals(started, before);
    assertBooks(group);
  });

  test(`Law 12: fn that throws undefined on its 5th item is one result of mapSettled (${ordered})`, async () => {
    const group = new CoGroup(2);
    const fn = (i: number) => {
      if (i === 4) throw undefined;
      return i;
    };
    const all = await collect(group.mapSettled(range(10), fn, { ordered }));
    assertEquals(all.length, 10);
    assertEquals(all[4], {
      status: "rejected",
      reason: undefined,
      item: 4,
      index: 4,
    });
    await group.wait();
  });
}

test("Law 12: an error after the end of map goes to onError, once", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({ concurrency: 3, onError: (e) => heard.push(e) });
  const tasks = new Tasks();
  const stream = group.map(range(3), (i) => tasks.task(i)());
  const first = stream.next();
  await settled();
  tasks.fail(2, "third, first");
  await settled();
  tasks.fail(0, "first, second");
  assertEquals(await first.catch((e) => e), "first, second");
  assertEquals(heard, ["third, first"], "its turn will not come");
  tasks.fail(1, "second, last");
  await group.wait();
  assertEquals(heard, ["third, first", "second, last"]);
});

test("Law 12: errors that were not read before a break go to onError", async () => {
  for (const { ordered } of bothOrders) {
    const heard: unknown[] = [];
    const group = new CoGroup({
      concurrency: 3,
      onError: (e) => heard.push(e),
    });
    const tasks = new Tasks();
    const stream = group.mapSettled(range(3), (i) => tasks.task(i)(), {
      ordered,
    });
    const first = stream.next();
    await settled();
    tasks.open(0);
    await first;
    tasks.fail(1, "one");
    tasks.fail(2, "two");
    await settled();
    await stream.return!();
    assertEquals(heard, ["one", "two"]);
    await group.wait();
  }
});

test("Law 12: in order, results before a failure are read first; a delayed one among them is dropped", async () => {
  const group = new CoGroup(3);
  const tasks = new Tasks();
  const error = new Error("third");
  const read: unknown[] = [];
  const stream = group.map(range(3), async (i, { attempt }) => {
    await tasks.task(i)();
    if (i === 1 && attempt === 1) throw new Error("again");
    return i;
  }, { retry: { minTimeout: 60_000, isRetriable: (e) => e !== error } });
  const loop = (async () => {
    for await (const i of stream) read.push(i);
  })();
  await settled();
  tasks.open(1);
  await settled();
  assertEquals(group.stats.delayed, 1);
  tasks.fail(2, error);
  await settled();
  assertEquals([group.stats.delayed, group.stats.abandoned], [0, 1]);
  tasks.open(0);
  assertEquals(await loop.catch((e) => e), error);
  assertEquals(read, [0]);
  assertEquals(await group.wait(), 1);
});

test("CoGroup.map() with a signal ends with its reason; nothing more is pulled", async () => {
  for (const { ordered } of bothOrders) {
    const group = new CoGroup(1);
    const source = new Counted(100);
    const tasks = new Tasks();
    const controller = new AbortController();
    const { signal } = controller;
    const stream = group.map(source, (i) => tasks.task(i)(), {
      signal,
      ordered,
      ahead: 2,
    });
    const first = stream.next();
    await settled();
    controller.abort("enough");
    assertEquals(await first.catch((e) => e), "enough");
    assertEquals([source.pulled, source.closed, group.inFlight], [3, 1, 1]);
    tasks.openAll();
    assertEquals(await group.wait(), 2);
    const late = group.map(source, () => {}, { signal });
    await late.next().catch(() => {});
    assertBooks(group);
  }
});

test("CoGroup.map() under a signal that is aborted already rejects its first next(), quietly", async () => {
  const seen = await unhandled(async () => {
    const group = new CoGroup(1);
    const signal = AbortSignal.abort("no");
    group.map([1], (i) => i, { signal }).next();
    const stream = group.map([1], (i) => i, { signal });
    assertEquals(await stream.next().catch((e) => e), "no");
  });
  assertEquals(seen, []);
});

test("CoGroup.mapSettled() yields withdrawn items as rejected with the signal's reason, and then ends with it", async () => {
  const group = new CoGroup(1);
  const source = new Counted(100);
  const tasks = new Tasks();
  const controller = new AbortController();
  const stream = group.mapSettled(source, (i) => tasks.task(i)(), {
    signal: controller.signal,
    ahead: 2,
  });
  const steps = [stream.next(), stream.next(), stream.next(), stream.next()];
  await settled();
  controller.abort("enough");
  for (const [index, step] of steps.slice(0, 3).entries()) {
    assertEquals((await step).value, {
      status: "rejected",
      reason: "enough",
      item: index,
      index,
    });
  }
  assertEquals(await steps[3]!.catch((e) => e), "enough");
  tasks.openAll();
  await group.wait();
  assertEquals([group.stats.abandoned, group.stats.rejected], [2, 1]);
  assertEquals(source.closed, 1);
});

test("Law 12: completed results are read while the source's next() is slow, and it holds no worker", async () => {
  const group = new CoGroup(1);
  const slow = gate();
  let closed = 0;
  async function* source() {
    try {
      yield 1;
      yield 2;
      await slow.promise;
      yield 3;
    } finally {
      closed++;
    }
  }
  const ends: unknown[] = [];
  for (const { ordered } of bothOrders) {
    const stream = group.map(source(), (i) => i, { ordered });
    assertEquals((await stream.next()).value, 1);
    assertEquals((await stream.next()).value, 2);
    const third = stream.next();
    await settled();
    assertEquals(await group.go(() => "a worker is free"), "a worker is free");
    ends.push(stream.return!());
    assertEquals((await third).done, true, "no reader waits for the source");
  }
  slow.open();
  await Promise.all(ends);
  assertEquals(closed, 2);
  await group.wait();
});

test("Law 12: a source that does not answer holds up neither close() nor abort()", async () => {
  const time = new FakeTime();
  try {
    for (const end of ["close", "abort"] as const) {
      const group = new CoGroup(1);
      const never = new Promise<IteratorResult<number>>(() => {});
      const source: AsyncIterable<number> = {
        [Symbol.asyncIterator]: () => ({
          next: () => never,
          return: () => never,
        }),
      };
      const stream = group.map(source, (i) => i);
      const all = group.insertAll(source as never);
      const first = stream.next();
      await settled();
      group[end]();
      const error = await first.catch((e) => e);
      assertEquals(
        error.name,
        end === "close" ? "CoGroupClosedError" : "AbortError",
      );
      await group.wait();
      time.tick(PATIENCE);
      assertEquals(await all, 0);
    }
  } finally {
    time.restore();
  }
});

test("Law 13: every item of 20 maps sees the store of the call of map, at concurrency 2", async () => {
  const storage = new AsyncLocalStorage<number | string>();
  const group = new CoGroup(2);
  const all = await Promise.all(
    range(20).map(async (i) => {
      const source = async function* () {
        for (const _ of range(3)) {
          await Promise.resolve();
          yield storage.getStore();
        }
      };
      const stream = storage.run(
        i,
        () =>
          group.map(source(), async (inSource) => {
            const before = storage.getStore();
            await settled();
            return [inSource, before, storage.getStore()];
          }),
      );
      return await storage.run("reader", () => collect(stream));
    }),
  );
  assertEquals(all, range(20).map((i) => range(3).map(() => [i, i, i])));
});

for (const concurrency of [1, 8]) {
  test(`Law 12: a map and a stream of adds share ${concurrency} workers: 100 items are done before 10,000 adds`, async () => {
    const group = new CoGroup(concurrency);
    let adds = 0;
    let isOver = false;
    const again = async () => {
      adds++;
      await Promise.resolve();
      if (!isOver) group.add(again);
    };
    for (const _ of range(20)) group.add(again);
    const [a, b] = await Promise.all(
      [0, 1].map(() => collect(group.map(range(100), (i) => i))),
    );
    isOver = true;
    assertEquals([a, b], [range(100), range(100)]);
    assert(adds > 100 && adds < 10_000, `${adds} adds`);
    await group.wait();
  });
}

test("CoGroup.map() at Infinity workers over an endless source lets the event loop turn", async () => {
  const group = new CoGroup(Infinity);
  let closed = 0;
  function* endless() {
    try {
      for (;;) yield 1;
    } finally {
      closed++;
    }
  }
  const stream = group.map(endless(), (i) => i);
  const timer = setTimeout(() => group.abort("stop"), 0);
  let error;
  try {
    for await (const _ of stream);
  } catch (reason) {
    error = reason;
  }
  clearTimeout(timer);
  assertEquals([error, closed], ["stop", 1]);
  await group.wait();
});

test("CoGroup.clear() leaves the items of a map, queued or delayed, to their stream", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 2, paused: true });
    const stream = group.map(range(2), (i, { attempt }) => {
      if (i === 0 && attempt === 1) throw new Error("again");
      return [i, attempt];
    }, { retry: { minTimeout: 100, jitter: 0 } });
    const results = collect(stream);
    const add = () => {};
    group.add(add);
    await settled();
    assertEquals(group.clear().map(({ task }) => task), [add]);
    assertEquals(group.size, 2);
    group.resume();
    await settled();
    time.tick(60);
    assertEquals(group.clear(), []);
    assertEquals(group.stats.delayed, 1);
    time.tick(40);
    assertEquals(await results, [[0, 2], [1, 1]]);
    assertEquals(await group.wait(), 1);
  } finally {
    time.restore();
  }
});

test("Items of a map have a signal each, and those that look at it cost the others nothing", async () => {
  const group = new CoGroup({ concurrency: 2, grace: 0 });
  const signals = new Set<AbortSignal>();
  const stream = group.map(range(6), (i, ctx) => {
    if (i % 2 === 0) signals.add(ctx.signal);
    return ctx.attempt;
  });
  assertEquals(await collect(stream), range(6).map(() => 1));
  assertEquals(signals.size, 3);
  await group.wait();
});

test("CoGroup.concurrency set lower holds for the items of a map, too", async () => {
  // Else the clock says how many have started when the limit is set.
  const group = new CoGroup({ concurrency: 4, slice: Infinity });
  const tasks = new Tasks();
  const ids: number[] = [];
  const results = collect(
    group.map(range(12), (i, { workerId }) => {
      ids.push(workerId);
      return tasks.task(i)();
    }, { ahead: 12 }),
  );
  await settled();
  group.concurrency = 1;
  for (const i of range(12)) {
    tasks.open(i);
    await settled();
  }
  await results;
  assertEquals(ids.slice(0, 4), range(4));
  assertEquals(ids.slice(4), range(8).map(() => 0));
  await group.wait();
});

test("An item of a map that is withdrawn at any moment does not start after it", async () => {
  for (const moment of range(15)) {
    const group = new CoGroup(2);
    const controller = new AbortController();
    let started = 0;
    const stream = group.mapSettled(range(5), () => {
      started++;
      return Promise.resolve();
    }, { signal: controller.signal });
    const readers = range(5).map(() => stream.next().catch(() => {}));
    for (const _ of range(moment)) await Promise.resolve();
    controller.abort("enough");
    const before = started;
    await Promise.all(readers);
    await group.wait();
    assertEquals(started, before, `at microtask ${moment}`);
    assertBooks(group);
  }
});

test("An insert that waits behind the items of a map is let in while those go on", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1 });
  const tasks = new Tasks();
  const results = collect(
    group.map(range(4), (i) => tasks.task(i)(), { ahead: 4 }),
  );
  await settled();
  let isIn = false;
  const insert = group.insert(tasks.task("insert")).then((is) => isIn = is);
  for (const i of range(2)) {
    assertEquals([isIn, group.size], [false, 3 - i]);
    tasks.open(i);
    await settled();
  }
  assertEquals([isIn, group.size], [false, 1]);
  tasks.open(2);
  await insert;
  assertEquals([group.size, group.inFlight], [1, 1]);
  tasks.open(3);
  await results;
  await settled();
  assertEquals(tasks.started, [0, 1, 2, 3, "insert"]);
  tasks.openAll();
  await group.wait();
});

for (const how of ["map", "mapSettled"] as const) {
  test(`CoGroup.${how}() says whose source it is that is none`, () => {
    const group = new CoGroup(1);
    assertThrows(
      () => group[how](8 as never, () => {}),
      TypeError,
      `Cannot ${how}: `,
    );
  });
}

test("CoGroup.map() that is closed says that it can't go on, and by the first next() that there is no map any more", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const stream = group.map([1, 2], (n) => n);
  const first = stream.next();
  await settled();
  group.close();
  group.resume();
  assertEquals(await first, { value: 1, done: false });
  await assertRejects(
    () => stream.next(),
    CoGroupClosedError,
    "Cannot go on with map: the group is closed",
  );
  await assertRejects(
    () => group.map([1], (n) => n).next(),
    CoGroupClosedError,
    "Cannot map: the group is closed (idle() leaves it open)",
  );
});

test("CoGroup.map() gives what was ready before a failure, then the failure", async () => {
  const group = new CoGroup(3);
  const last = gate<number>();
  const stream = group.map([0, 1, 2], (n) => n === 2 ? last.promise : n);
  assertEquals((await stream.next()).value, 0);
  await settled();
  last.fail("own");
  await settled();
  assertEquals((await stream.next()).value, 1);
  assertEquals(await stream.next().catch((e) => e), "own");
  await group.wait();
});

test("CoGroup.map() as they are ready gives what was ready before a failure, then the failure", async () => {
  const group = new CoGroup(3);
  const gates = range(3).map(() => gate<number>());
  const fn = (n: number) => gates[n]!.promise;
  const stream = group.map([0, 1, 2], fn, { ordered: false });
  const first = stream.next();
  await settled();
  gates[1]!.open(1);
  assertEquals((await first).value, 1);
  gates[0]!.open(0);
  await settled();
  gates[2]!.fail("own");
  await settled();
  assertEquals((await stream.next()).value, 0);
  assertEquals(await stream.next().catch((e) => e), "own");
  await group.wait();
});

test("Law 6: a stream that an abort ends, and that is not read, is no unhandled rejection", async () => {
  const controller = new AbortController();
  const reasons = await unhandled(async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const stream = group.map([1, 2], (n) => n);
    stream.next();
    stream.next();
    await settled();
    group.abort("why");
    await group.wait();
    const later = new CoGroup(1);
    const begun = later.map([1, 2], (n) => n);
    await begun.next();
    later.abort("why");
    begun.next();
    await later.wait();
    const { signal } = controller;
    const items = new CoGroup(1).map([1, 2], (n) => n, { signal });
    await items.next();
    controller.abort("why");
    items.next();
  });
  assertEquals(reasons, []);
});

test("Law 6: a stream whose items' signal is aborted, and that is not read, is no unhandled rejection, whatever the next item is at", async () => {
  const reasons = await unhandled(async () => {
    for (const ticks of range(8)) {
      const controller = new AbortController();
      const { signal } = controller;
      const items = new CoGroup(1).map([1, 2, 3], (n) => n, { signal });
      await items.next();
      for (const _ of range(ticks)) await undefined;
      controller.abort("why");
      items.next();
      await settled();
    }
  });
  assertEquals(reasons, []);
});

test("CoGroup.map() whose items' signal is aborted closes its source at once, not when its reader reads on", async () => {
  let closed = 0;
  const second = gate();
  async function* source() {
    try {
      yield 1;
      await second.promise;
      yield 2;
      yield 3;
    } finally {
      closed++;
    }
  }
  const group = new CoGroup(1);
  const controller = new AbortController();
  const { signal } = controller;
  const stream = group.map(source(), (n) => n, { ahead: 3, signal });
  assertEquals((await stream.next()).value, 1);
  controller.abort("why");
  second.open();
  await settled();
  assertEquals(closed, 1);
  assertEquals(await stream.next().catch((e) => e), "why");
});

for (const how of ["read to its end", "broken off", "failed"]) {
  test(`CoGroup.map() that was ${how} is forgotten by its group`, async () => {
    const group = new Group(settle(2));
    const map = stream("map", group, new Intake(group), [1, 2], (n: number) => {
      if (how === "failed") throw "own";
      return n;
    }, undefined);
    const first = map.next();
    assertEquals(group.feeds.size, 1);
    await first.catch(() => {});
    if (how === "broken off") await map.return!();
    else if (how === "read to its end") { for await (const _ of map); }
    assertEquals(group.feeds.size, 0);
    await group.wait();
  });
}

test("CoGroup.map() whose failure comes before an earlier item is tried again fails with it, and onError does not hear of it too", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({
    concurrency: 2,
    onError: (error) => heard.push(error),
    retry: { minTimeout: 60_000, isRetriable: (error) => error === "again" },
  });
  const stream = group.map([0, 1], (n) => {
    throw n === 0 ? "again" : "last";
  });
  assertEquals(await stream.next().catch((e) => e), "last");
  await group.wait();
  assertEquals(heard, []);
  assertBooks(group);
});

for (const end of ["nothing", "an abort"]) {
  test(`CoGroup.map() that is read on after reset(), and ${end} of the group's next life, ends as after close()`, async () => {
    const group = new CoGroup(3);
    const stream = group.map(range(4), (n) => n);
    assertEquals((await stream.next()).value, 0);
    await settled();
    await group.reset();
    if (end === "an abort") group.abort("of the next life");
    const rest: unknown[] = [];
    for (const _ of range(5)) {
      const step = stream.next().then((s) => s.done ? "done" : s.value);
      rest.push(await step.catch((error) => error.name));
    }
    assertEquals(rest, [1, 2, 3, "CoGroupClosedError", "done"]);
    await group.wait();
  });
}

test("CoGroup.map(): an item starts beside a go, in whichever microtask that comes", async () => {
  for (const microtask of range(12)) {
    const group = new CoGroup({ concurrency: 2, slice: Infinity });
    const tasks = new Tasks();
    const items = group.map(["item"], (name) => tasks.task(name)());
    const item = items.next();
    for (const _ of range(microtask)) await undefined;
    const call = group.go(tasks.task("go"));
    await microtasks();
    assertEquals(tasks.started.toSorted(), ["go", "item"], `${microtask}`);
    tasks.openAll();
    await Promise.all([item, call, items.return!()]);
    await group.wait();
  }
});
