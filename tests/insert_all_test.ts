import { CoGroup } from "../mod.ts";
import { Core } from "../src/core.ts";
import { insertAll } from "../src/feed.ts";
import { Intake } from "../src/intake.ts";
import { settle } from "../src/options.ts";
import { enter, isBlocked, leave, mayStart } from "../src/turn.ts";
import {
  assertBooks,
  CountingController,
  gate,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("CoGroup.insertAll() pulls only what there is room for, and says how many were accepted", async () => {
  for (const isAsync of [false, true]) {
    const group = new CoGroup({ concurrency: 2, capacity: 3 });
    const tasks = new Tasks();
    let pulled = 0;
    const sync = function* () {
      for (const i of range(20)) {
        pulled++;
        yield tasks.task(i);
      }
    };
    const later = async function* () {
      yield* sync();
    };
    const all = group.insertAll(isAsync ? later() : sync());
    await settled();
    assertEquals([pulled, group.size, group.inFlight], [5, 3, 2]);
    for (const i of range(20)) {
      tasks.open(i);
      await settled();
      assertEquals(pulled, Math.min(20, 6 + i));
    }
    assertEquals(await all, 20);
    assertEquals([await group.wait(), tasks.started], [0, range(20)]);
  }
});

test("CoGroup.insertAll() at capacity 0 pulls when a worker is idle", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  let pulled = 0;
  function* source() {
    for (const i of range(3)) {
      pulled++;
      yield tasks.task(i);
    }
  }
  const all = group.insertAll(source());
  for (const i of range(3)) {
    await settled();
    assertEquals([pulled, tasks.started.length], [i + 1, i + 1]);
    tasks.open(i);
  }
  assertEquals(await all, 3);
  await group.wait();
});

test("CoGroup.insertAll() holds the place it pulls for; adds go past, and are kept", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const tasks = new Tasks();
  const slow = gate();
  async function* source() {
    await slow.promise;
    yield tasks.task("pulled");
  }
  const all = group.insertAll(source());
  await settled();
  assert(!group.tryInsert(tasks.task("no")), "the place is taken");
  const waiting = group.insert(tasks.task("waits"));
  group.add(tasks.task("added"));
  group.resume();
  tasks.openAll();
  await settled();
  assert(
    tasks.started.includes("added"),
    "what is accepted waits for no source",
  );
  slow.open();
  tasks.openAll();
  assertEquals([await all, await waiting], [1, true]);
  tasks.openAll();
  await group.idle();
  assertEquals(tasks.started.length, 3);
  assertBooks(group);
});

test("CoGroup.insertAll() that waits for room gets it in its turn", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  const first = group.insert(tasks.task(1));
  const all = group.insertAll([tasks.task(2), tasks.task(3)]);
  const last = group.insert(tasks.task(4));
  for (const i of range(5)) {
    tasks.open(i);
    await settled();
  }
  assertEquals([await first, await all, await last], [true, 2, true]);
  assertEquals(tasks.started.slice(0, 3), [0, 1, 2]);
  tasks.openAll();
  assertEquals([await group.wait(), tasks.started.length], [0, 5]);
});

test("Two insertAll() with slow sources at capacity 0 share a worker, and an add behind them runs", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const gates = [gate(), gate()];
  const ran: unknown[] = [];
  async function* source(i: number) {
    await gates[i]!.promise;
    yield () => void ran.push(i);
  }
  const all = [group.insertAll(source(0)), group.insertAll(source(1))];
  await settled();
  group.add(() => void ran.push("added"));
  await settled();
  assertEquals(ran, ["added"]);
  gates[1]!.open();
  gates[0]!.open();
  assertEquals(await Promise.all(all), [1, 1]);
  await group.wait();
  assertEquals(ran.length, 3);
});

for (const end of ["close", "cancel"] as const) {
  for (const kind of ["sync", "async"] as const) {
    test(`CoGroup.insertAll() stops at ${end}, closes its ${kind} source once, and says what was accepted`, async () => {
      const group = new CoGroup({ concurrency: 1, capacity: 2 });
      const tasks = new Tasks();
      let pulled = 0;
      let closed = 0;
      const sync = function* () {
        try {
          for (const i of range(100)) {
            pulled++;
            yield tasks.task(i);
          }
        } finally {
          closed++;
        }
      };
      const later = async function* () {
        yield* sync();
      };
      const all = group.insertAll(kind === "sync" ? sync() : later());
      await settled();
      group[end]();
      assertEquals([await all, pulled], [3, 3]);
      await settled();
      assertEquals(closed, 1);
      assertEquals(await group.insertAll(sync()), 0);
      tasks.openAll();
      assertEquals(await group.wait(), end === "close" ? 0 : 2);
    });
  }
}

test("CoGroup.insertAll() stops between two answers of a source, too", async () => {
  for (const moment of range(10)) {
    const group = new CoGroup(1);
    let yielded = 0;
    const source = async function* () {
      for (;;) {
        await Promise.resolve();
        yielded++;
        yield () => {};
      }
    };
    const all = group.insertAll(source());
    for (const _ of range(moment)) await Promise.resolve();
    group.close();
    const accepted = await all;
    assert(yielded - accepted <= 1);
    assertEquals(await group.wait(), 0);
    assertEquals(group.stats.accepted, accepted);
  }
});

test("CoGroup.insertAll() skips a task whose own signal is aborted already, and does not count it", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const controller = new CountingController();
  const { signal } = controller;
  const ran: number[] = [];
  const task = (i: number) => () => void ran.push(i);
  const gone = { signal: AbortSignal.abort() };
  const all = group.insertAll([
    { task: task(0), options: gone },
    { task: task(1), options: { signal } },
    { task: task(2), options: gone },
    { task: task(3) },
  ]);
  await settled();
  assertEquals([group.size, controller.listeners], [1, 1]);
  group.resume();
  assertEquals(await all, 2);
  await group.wait();
  assertEquals([ran, controller.listeners], [[1, 3], 0]);
});

test("CoGroup.insertAll() rejects with the source's error; what was accepted runs", async () => {
  const error = new Error("source");
  const group = new CoGroup(1);
  let ran = 0;
  function* sync() {
    yield () => void ran++;
    throw error;
  }
  async function* later() {
    yield* sync();
  }
  // Made when it is its turn: a rejection must not wait for somebody to hear it.
  const sources = [sync, later, () => [Promise.reject(error) as never]];
  for (const source of sources) {
    assertEquals(await group.insertAll(source()).catch((e) => e), error);
  }
  await group.wait();
  assertEquals(ran, 2);
});

test("CoGroup.insertAll() whose source fails while a place is held for it gives the place up", async () => {
  for (const isLate of [false, true]) {
    const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
    const fails = () => isLate ? Promise.reject("own") : fail();
    const source = { [Symbol.asyncIterator]: () => ({ next: fails }) };
    assertEquals(await group.insertAll(source).catch((e) => e), "own");
    assertEquals(group.tryInsert(() => {}), true);
    group.resume();
    await group.wait();
  }
});

function fail(): never {
  throw "own";
}

test("CoGroup.insertAll() that has ended is forgotten by its group", async () => {
  const core = new Core(settle(1));
  const intake = new Intake(core);
  assertEquals(await insertAll(intake, [() => {}]), 1);
  const source = { [Symbol.iterator]: () => ({ next: fail }) };
  assertEquals(await insertAll(intake, source).catch((e) => e), "own");
  assertEquals(core.feeds.size, 0);
  await core.wait();
});

test("CoGroup.insertAll() that has ended leaves the event loop's slice to others", async () => {
  await new CoGroup({ concurrency: 1, slice: 1, paused: true }).insertAll([]);
  enter(2);
  leave(2); // So that the smallest slice is looked for again.
  for (const begin = performance.now(); performance.now() < begin + 5;) {
    assertEquals(mayStart(Infinity), true);
  }
  assertEquals(isBlocked(), false);
});

test("CoGroup.insertAll() says whose source it is that is none", async () => {
  const error = await new CoGroup(1).insertAll(8 as never).catch((e) => e);
  assert(error.message.startsWith("Cannot insertAll: "), error.message);
});

test("CoGroup.insert() that its signal turns away is forgotten at once", async () => {
  const core = new Core(settle({ concurrency: 1, capacity: 0, paused: true }));
  const intake = new Intake(core);
  const controller = new AbortController();
  const inserted = intake.insert(() => {}, { signal: controller.signal });
  assertEquals(core.line.waiting, 1);
  controller.abort();
  assertEquals([core.line.waiting, await inserted], [0, false]);
});

for (const end of ["close", "cancel"] as const) {
  test(`CoGroup.insertAll() takes no task in that calls ${end}() as it is looked at`, async () => {
    const group = new CoGroup({ concurrency: 1, capacity: 0 });
    const ran: string[] = [];
    const task = {
      task: () => ran.push("task"),
      get options() {
        group[end]();
        return {};
      },
    };
    assertEquals(await group.insertAll([task]), 0);
    assertEquals([await group.wait(), group.stats.accepted, ran], [0, 0, []]);
  });
}
