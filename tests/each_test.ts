/**
 * What `map` and `mapSettled` tell of each item: options of its own, its index, and
 * which one failed.
 */

import {
  CoGroup,
  type ItemContext,
  keyedQueue,
  type MapOptions,
  priorityQueue,
  type SettledItem,
  type TaskFailure,
} from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

const methods = ["map", "mapSettled"] as const;

async function readAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

// --- each ---

test("CoGroup.map({ each }) gives 10,000 items their keys: per host one at a time, all hosts at once", async () => {
  const hosts = 20;
  const group = new CoGroup({ concurrency: hosts, queue: keyedQueue() });
  const busy = new Map<number, number>();
  let most = 0;
  const urls = range(10_000).map((id) => ({ id, host: id % hosts }));
  const results = group.map(urls, async ({ id, host }) => {
    busy.set(host, (busy.get(host) ?? 0) + 1);
    assertEquals(busy.get(host), 1, "two of one host");
    most = Math.max(most, [...busy.values()].filter((n) => n > 0).length);
    for (let i = 0; i < 50; i++) await undefined;
    busy.set(host, busy.get(host)! - 1);
    return id;
  }, { each: (url) => ({ key: url.host }), ahead: 100 });
  assertEquals((await readAll(results)).length, 10_000);
  assertEquals(most, hosts);
  await group.wait();
  assertBooks(group);
});

test("CoGroup.map({ each }) gives every tenth item a timeout, and mapSettled names each that failed", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 10, slice: Infinity });
  const all: SettledItem<number, number>[] = [];
  const reading = (async () => {
    const results = group.mapSettled(
      range(100),
      (n) => n % 10 === 0 ? new Promise<number>(() => {}) : n,
      {
        ordered: false,
        ahead: Infinity,
        each: (n, index) => {
          assertEquals(n, index);
          return n % 10 === 0 ? { timeout: 100 + n, id: `n${n}` } : undefined;
        },
      },
    );
    for await (const one of results) all.push(one);
  })();
  await settled();
  for (const _ of range(10)) {
    await time.tickAsync(100);
    await settled();
  }
  // Ten workers are busy for good with what timed out: nothing else could start.
  const failed = all.filter(({ status }) => status === "rejected");
  assert(failed.length > 0);
  for (const one of failed) {
    assertEquals([one.item % 10, one.index], [0, one.item]);
    assert(one.status === "rejected");
    assertEquals(
      (one.reason as Error).message,
      `The task "n${one.item}" timed out after ${100 + one.item} ms`,
    );
  }
  group.abort();
  await reading.catch(() => {});
});

test("CoGroup.mapSettled() names the item of every failure, 10,000 of 10,000, in order and as they are ready", async () => {
  for (const ordered of [true, false]) {
    const group = new CoGroup(16);
    let random = 7;
    const results = group.mapSettled(range(10_000), async (n) => {
      random = random * 16807 % 2147483647;
      for (let i = random % 4; i > 0; i--) await undefined;
      throw n;
    }, { ordered, ahead: 50 });
    const seen = new Set<number>();
    for await (const one of results) {
      assert(one.status === "rejected");
      assertEquals([one.reason, one.index], [one.item, one.item]);
      seen.add(one.index);
    }
    assertEquals(seen.size, 10_000);
    await group.wait();
  }
});

test("CoGroup.map({ each }) puts an item's own options over those of all: undefined says nothing", async () => {
  const failures: TaskFailure[] = [];
  const group = new CoGroup({
    concurrency: 1,
    onError: (_, failure) => failures.push(failure),
  });
  const attempts: number[] = [];
  const results = group.mapSettled([0, 1, 2], (n, { attempt }) => {
    attempts.push(n);
    if (attempt < 3) throw n;
    return n;
  }, {
    retry: { maxAttempts: 3, minTimeout: 0, jitter: 0 },
    each: (n) =>
      [undefined, { retry: { maxAttempts: 1 } }, { retry: undefined }][n],
  });
  const all = await readAll(results);
  assertEquals(all.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  assertEquals(attempts.toSorted(), [0, 0, 0, 1, 2, 2, 2]);
  assertEquals(failures, []);
});

test("CoGroup.map({ each }) gives priorities to a priorityQueue", async () => {
  const group = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    paused: true,
  });
  const ran: number[] = [];
  const results = readAll(group.map([1, 3, 2], (n) => void ran.push(n), {
    ahead: 2,
    each: (n) => ({ priority: n }),
  }));
  await settled();
  group.resume();
  await results;
  assertEquals(ran, [3, 2, 1]);
});

for (const method of methods) {
  test(`CoGroup.${method}({ each }) that throws, or gives what are no options, fails that item`, async () => {
    const group = new CoGroup(2);
    const why = new Error("each");
    const bad: [() => unknown, (error: unknown) => void][] = [
      [() => {
        throw why;
      }, (error) => assertStrictEquals(error, why)],
      [
        () => 8,
        (error) =>
          assertEquals(
            (error as Error).message,
            `Cannot ${method}: what each gives must be an object, received 8`,
          ),
      ],
      [
        () => Promise.reject(why), // Which is no unhandled rejection.
        (error) =>
          assertEquals(
            (error as Error).message,
            `Cannot ${method}: what each gives must be options, at once, received [object Promise]`,
          ),
      ],
      [() => ({ timeout: -1 }), (error) => assert(error instanceof RangeError)],
    ];
    for (const [give, check] of bad) {
      const ran: number[] = [];
      const results = group[method]([0, 1, 2], (n) => void ran.push(n), {
        each: (n) => n === 1 ? give() as undefined : undefined,
      });
      if (method === "map") check(await readAll(results).catch((e) => e));
      else {
        const all = await readAll(
          results as AsyncIterable<SettledItem<number, void>>,
        );
        assertEquals(all.map(({ item, index }) => [item, index]), [
          [0, 0],
          [1, 1],
          [2, 2],
        ]);
        assert(all[1]!.status === "rejected");
        check(all[1]!.reason);
        assertEquals(ran, [0, 2]);
      }
    }
    await group.wait();
    assertBooks(group);
  });

  test(`CoGroup.${method}({ each }) of a signal withdraws that item alone`, async () => {
    const group = new CoGroup(1);
    const own = new AbortController();
    const tasks = new Tasks();
    const results = group[method](range(3), (n) => tasks.task(n)(), {
      ahead: 2,
      each: (n) => n === 1 ? { signal: own.signal } : undefined,
    });
    const steps = [results.next(), results.next(), results.next()];
    for (const step of steps) step.catch(() => {});
    await settled();
    own.abort("own");
    tasks.openAll();
    await settled();
    tasks.openAll();
    if (method === "map") {
      assertEquals(await steps[1]!.catch((e) => e), "own");
    } else {
      const second = (await steps[1]!).value as SettledItem<number, void>;
      assertEquals(second, {
        status: "rejected",
        reason: "own",
        item: 1,
        index: 1,
      });
      assertEquals((await steps[2]!).value.status, "fulfilled");
    }
    await results.return!();
    await group.wait();
    assertBooks(group);
  });

  test(`CoGroup.${method}({ each }) of a signal that is aborted already does not call the function for that item`, async () => {
    const group = new CoGroup(1);
    const ran: number[] = [];
    const results = group[method]([0, 1], (n) => void ran.push(n), {
      each: (n) => n === 1 ? { signal: AbortSignal.abort("own") } : undefined,
    });
    await results.next();
    const second = await results.next().catch((e) => e);
    assertEquals(method === "map" ? second : second.value.reason, "own");
    assertEquals(ran, [0]);
    assertEquals([await group.wait(), group.stats.accepted], [0, 1]);
  });

  test(`CoGroup.${method}() with a function for all items' key, priority or signal points to each`, () => {
    const group = new CoGroup(1);
    for (const name of ["key", "priority", "signal"]) {
      const options = { [name]: () => 1 } as MapOptions<number>;
      assertThrows(
        () => group[method]([1], (n) => n, options),
        TypeError,
        `Cannot ${method}: ${name} must be a value for all items, received a function; options for one item are what each(item, index) returns`,
      );
    }
    assertThrows(
      () => group[method]([1], (n) => n, { each: 1 as never }),
      TypeError,
      "each must be a function, received 1",
    );
  });
}

test("CoGroup.map({ each }) whose item fails when nobody reads goes to onError, with the item's options", async () => {
  const heard: [unknown, unknown][] = [];
  const group = new CoGroup({
    concurrency: 2,
    onError: (error, { options }) => heard.push([error, options?.id]),
  });
  const gates = [gate(), gate()];
  const results = group.map([0, 1], async (n) => {
    await gates[n]!.promise;
    throw n;
  }, { each: (n) => ({ id: `item ${n}` }) });
  const first = results.next();
  await settled();
  gates[0]!.open();
  assertEquals(await first.catch((e) => e), 0);
  gates[1]!.open();
  await group.wait();
  assertEquals(heard, [[1, "item 1"]]);
});

for (const end of ["abort", "close", "return"] as const) {
  test(`CoGroup.map({ each }) that ends the ${end === "return" ? "stream" : "group"} by ${end}() starts nothing for that item, and loses none`, async () => {
    for (const throws of [false, true]) {
      const heard: unknown[] = [];
      const group = new CoGroup({
        concurrency: 1,
        onError: (error) => heard.push(error),
      });
      const ran: number[] = [];
      const results = group.map(range(4), (n) => void ran.push(n), {
        each: (n) => {
          if (n !== 1) return undefined;
          if (end === "return") results.return!();
          else group[end]();
          if (throws) throw "each";
          return {};
        },
      });
      await readAll(results).catch(() => {});
      assertEquals([await group.wait(), ran], [0, [0]]);
      assertEquals(heard, throws ? ["each"] : []);
      assertBooks(group);
    }
  });
}

test("CoGroup.map({ each }) that aborts the signal of all items starts nothing for that item", async () => {
  const group = new CoGroup(1);
  const { signal, abort } = (() => {
    const controller = new AbortController();
    return {
      signal: controller.signal,
      abort: () => controller.abort("all"),
    };
  })();
  const ran: number[] = [];
  const results = group.map(range(4), (n) => void ran.push(n), {
    signal,
    each: (n) => n === 1 ? (abort(), {}) : undefined,
  });
  assertEquals(await readAll(results).catch((e) => e), "all");
  assertEquals([await group.wait(), ran, group.stats.accepted], [0, [0], 1]);
});

test("CoGroup.map({ each }) reads getters and inherited options, as go does", async () => {
  class Options {
    get key() {
      return "one";
    }
  }
  const group = new CoGroup({ concurrency: 4, queue: keyedQueue() });
  const tasks = new Tasks();
  const results = group.map(range(3), (n) => tasks.task(n)(), {
    each: () => new Options(),
  });
  const all = readAll(results);
  for (const n of range(3)) {
    await settled();
    tasks.open(n);
  }
  await all;
  assertEquals(tasks.most, 1);
});

// --- ctx.index ---

test("ctx.index is the item's own, in every attempt, on every worker, also when it is read late", async () => {
  const group = new CoGroup({
    concurrency: 3,
    retry: { maxAttempts: 2, minTimeout: 0, jitter: 0 },
  });
  const contexts: ItemContext[] = [];
  const results = group.map(
    "abcdefgh",
    async (letter, ctx) => {
      contexts.push(ctx);
      const { attempt, workerId } = ctx;
      assert(workerId >= 0 && workerId < 3 && !ctx.signal.aborted);
      await undefined;
      if (attempt === 1 && ctx.index % 2 === 0) throw letter;
      return "abcdefgh"[ctx.index] === letter;
    },
  );
  assertEquals(await readAll(results), Array(8).fill(true));
  assertEquals(
    contexts.map(({ index }) => index).toSorted(),
    [0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7],
  );
});

test("ctx.index goes on over a promise in the source that is rejected", async () => {
  const group = new CoGroup(1);
  const source = [Promise.resolve("a"), Promise.reject("b"), "c"];
  const results = group.mapSettled(source as string[], (_, { index }) => index);
  const all = await readAll(results);
  assertEquals(all, [
    { status: "fulfilled", value: 0, item: "a", index: 0 },
    { status: "rejected", reason: "b", item: undefined as never, index: 1 },
    { status: "fulfilled", value: 2, item: "c", index: 2 },
  ]);
});

// --- the errors ---

test("The error of an item stays the task's own: nothing wraps it", async () => {
  const why = new Error("own");
  const group = new CoGroup(1);
  for (
    const options of [{}, { timeout: 1000 }, { retry: { maxAttempts: 1 } }]
  ) {
    const results = group.mapSettled([1], () => Promise.reject(why), options);
    for await (const one of results) {
      assert(one.status === "rejected");
      assertStrictEquals(one.reason, why);
    }
  }
});

test("A TimeoutError names the task by its id, if it has one", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 4, slice: Infinity });
  const late = () => new Promise(() => {});
  const all = [
    assertRejects(
      () => group.go(late, { timeout: 5, id: 7 }),
      Error,
      "The task 7 timed out after 5 ms",
    ),
    assertRejects(
      () => group.go(late, { timeout: 5 }),
      Error,
      "The task timed out after 5 ms",
    ),
  ];
  await settled();
  await time.tickAsync(5);
  await Promise.all(all);
});

// --- ahead ---

test("CoGroup.map({ ahead: 0 }) on one worker works on the next item while its reader works on the last", async () => {
  const group = new CoGroup(1);
  const started: number[] = [];
  const results = group.map(range(5), (n) => void started.push(n));
  await results.next();
  await settled();
  assertEquals(started, [0, 1], "one more, and not two");
  await results.next();
  await settled();
  assertEquals(started, [0, 1, 2]);
  await results.return!();
});

test("Law 12: never more than concurrency + ahead items are between the source and a reader, whatever both do", async () => {
  let random = 11;
  const next = (n: number) => {
    random = random * 16807 % 2147483647;
    return random % n;
  };
  for (const _ of range(60)) {
    const concurrency = 1 + next(4);
    const ahead = next(4);
    const group = new CoGroup(concurrency);
    let pulled = 0;
    let read = 0;
    const source = function* () {
      for (const n of range(40)) {
        pulled++;
        // One more is on its way to the reader: its `next()` is settled.
        assert(pulled - read <= concurrency + ahead + 1);
        yield n;
      }
    };
    const results = group.map(source(), async (n) => {
      for (let i = next(5); i > 0; i--) await undefined;
      return n;
    }, { ordered: next(2) === 0, ahead });
    for (;;) {
      const { done } = await results.next();
      if (done) break;
      read++;
      for (let i = next(6); i > 0; i--) await undefined;
    }
    assertEquals(read, 40);
    await group.wait();
  }
});

// --- what the reader can rely on ---

test("Law 10: CoGroup.mapSettled() lets the loop turn though all its items are promises that are rejected", async () => {
  const group = new CoGroup({ concurrency: 2, slice: 1 });
  const source = function* () {
    for (const n of range(20_000)) {
      const promise = Promise.reject(n);
      promise.catch(() => {});
      yield promise as unknown as number;
    }
  };
  let isOver = false;
  let turns = 0;
  (async () => {
    while (!isOver) {
      await new Promise<void>((resolve) => setTimeout(resolve));
      turns++;
    }
  })();
  let read = 0;
  for await (const one of group.mapSettled(source(), (n) => n)) {
    assertEquals([one.status, one.index], ["rejected", read++]);
    if (turns > 1) break; // Else it goes on to the end, and has failed.
  }
  isOver = true;
  assert(read < 20_000, "the loop did not turn");
  await new Promise<void>((resolve) => setTimeout(resolve));
});

test("CoGroup.concurrency set higher reaches a map whose reader waits", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const results = group.map(range(10), (n) => tasks.task(n)());
  const first = results.next();
  await settled();
  assertEquals(group.inFlight, 1);
  group.concurrency = 4;
  await settled();
  assertEquals(group.inFlight, 4);
  tasks.openAll();
  await first;
  await results.return!();
  tasks.openAll();
  await group.wait();
});

test("CoGroup.go() of a promise with a `then` of its own counts the task once, as add does", async () => {
  for (
    const then of [
      (f: (n: number) => void) => {
        f(1);
        f(2);
      },
      (f: (n: number) => void) => {
        f(1);
        throw 3;
      },
    ]
  ) {
    const group = new CoGroup(2);
    const strange = () => Object.assign(Promise.resolve(1), { then });
    assertEquals(await group.go(strange as () => Promise<number>), 1);
    await group.idle();
    assertEquals([group.stats.fulfilled, group.stats.rejected], [1, 0]);
    assertBooks(group);
  }
});
