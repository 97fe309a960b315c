import { CoGroup, type QueuedTask } from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("Law 1: 100 adds on two workers with capacity 10 all run, and none is abandoned", async () => {
  const group = new CoGroup({ concurrency: 2, capacity: 10 });
  let ran = 0;
  for (const _ of range(100)) assert(group.add(() => void ran++));
  assertEquals(await group.wait(), 0);
  assertEquals(ran, 100);
  assertEquals(group.stats.fulfilled, 100);
  assertBooks(group);
});

test("Law 1: after an abort, what ran and what was abandoned is what was accepted", async () => {
  const controller = new AbortController();
  const group = new CoGroup({
    concurrency: 2,
    capacity: 10,
    signal: controller.signal,
  });
  const ran: number[] = [];
  for (const i of range(100)) {
    group.add(async () => {
      ran.push(i);
      if (i === 30) controller.abort();
      await settled();
      assertBooks(group);
    });
  }
  const abandoned = await group.wait();
  assertEquals(ran.length + abandoned, 100);
  assertBooks(group);

  const left = group.clear();
  assertEquals(left.length, abandoned);
  const again = new CoGroup(3);
  assertEquals(await again.insertAll(left), abandoned);
  assertEquals(await again.wait(), 0);
  assertEquals(ran, range(100), "the rest, in order, and nothing twice");
});

test("Law 1: the books balance at every step of a task's life", async () => {
  const group = new CoGroup({ concurrency: 1, onError: () => {} });
  const { open, promise, fail } = gate();
  group.add(() => promise);
  group.add(() => assertBooks(group));
  assertEquals(group.stats, {
    accepted: 2,
    queued: 2,
    delayed: 0,
    inFlight: 0,
    lent: 0,
    overdue: 0,
    fulfilled: 0,
    rejected: 0,
    abandoned: 0,
    retried: 0,
  });
  await settled();
  assertEquals([group.size, group.inFlight], [1, 1]);
  assertBooks(group);
  open();
  fail("too late");
  await settled();
  group.add(() => Promise.reject(new Error("no")));
  await group.idle();
  const { accepted, fulfilled, rejected } = group.stats;
  assertEquals([accepted, fulfilled, rejected], [3, 2, 1]);
  assertBooks(group);
});

test("Law 1: the books balance while onError looks at them", async () => {
  let looked = 0;
  const group = new CoGroup({
    concurrency: 2,
    onError: () => {
      looked++;
      assertBooks(group);
    },
  });
  for (const i of range(10)) {
    group.add(() => {
      if (i % 2 === 0) throw i;
    });
    group.add(() => Promise.reject(i), { timeout: 1_000_000 });
  }
  await group.wait();
  assertEquals(looked, 15);
});

test("CoGroup.clear() takes back what is queued, in order and with its options, and counts it once", async () => {
  const group = new CoGroup({ concurrency: 1 });
  const tasks = new Tasks();
  const options = { timeout: 1000 };
  const [a, b, c] = ["a", "b", "c"].map((name) => tasks.task(name));
  group.add(a!);
  await settled();
  group.add(b!);
  group.add(c!, options);
  const cleared: QueuedTask[] = group.clear();
  assertEquals(cleared.length, 2);
  assert(cleared[0]!.task === b && cleared[0]!.options === undefined);
  assert(cleared[1]!.task === c && cleared[1]!.options === options);
  assertEquals([group.size, group.stats.abandoned], [0, 2]);
  assertEquals(group.clear(), []);
  assertBooks(group);
  tasks.openAll();
  group.abort();
  assertEquals(group.clear(), []);
  assertEquals(await group.wait(), 2);
  assertEquals(tasks.started, ["a"]);
});

test("CoGroup.clear() lets in the inserts that wait for the room it makes", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  group.add(() => {});
  const waiting = group.insert(() => {});
  assertEquals(group.clear().length, 1);
  assertEquals(await waiting, true);
  group.resume();
  assertEquals(await group.wait(), 1);
  assertEquals(group.stats.fulfilled, 1);
});

test("CoGroup.clear() after an abort gives what the abort abandoned, once: queued, then delayed", async () => {
  const group = new CoGroup({ concurrency: 1 });
  const tasks = new Tasks();
  const retry = { minTimeout: 60_000, jitter: 0 };
  const failing = () => Promise.reject(new Error("again"));
  group.add(failing, { retry });
  await settled();
  assertEquals(group.stats.delayed, 1);
  group.add(tasks.task("running"));
  await settled();
  const queued = tasks.task("queued");
  group.add(queued);
  group.abort();
  tasks.openAll();
  assertEquals(await group.wait(), 2);
  assertEquals(group.clear().map(({ task }) => task), [queued, failing]);
  assertEquals(group.clear(), []);
  assertEquals(group.stats.abandoned, 2);
  assertBooks(group);
});

test("Law 1: a call that is withdrawn in the moment of its turn is counted once, also by clear()", async () => {
  for (const moment of range(8)) {
    const group = new CoGroup(1);
    const controller = new AbortController();
    const { signal } = controller;
    for (const _ of range(3)) group.go(() => {}, { signal }).catch(() => {});
    for (const _ of range(moment)) await Promise.resolve();
    controller.abort("mine");
    assertBooks(group);
    group.clear();
    assertBooks(group);
    group.add(() => {});
    await group.wait();
    assertEquals(group.stats.accepted, 4);
    assertBooks(group);
  }
});

test("CoGroup.clear() takes back what is delayed, behind what is queued", async () => {
  const group = new CoGroup({ concurrency: 1, retry: { minTimeout: 60_000 } });
  const failing = () => Promise.reject(new Error("again"));
  group.add(failing);
  await settled();
  group.pause();
  const queued = () => {};
  group.add(queued);
  assertEquals(group.clear().map(({ task }) => task), [queued, failing]);
  assertBooks(group);
  assertEquals(await group.wait(), 2);
});

test("A task that was not accepted was told so: add, tryInsert and insert after close", async () => {
  const group = new CoGroup(1);
  group.close();
  assertEquals(group.add(() => {}), false);
  assertEquals(group.tryInsert(() => {}), false);
  assertEquals(await group.insert(() => {}), false);
  assertEquals(group.stats.accepted, 0);
});

test("A task whose own signal is aborted already is not accepted", async () => {
  const group = new CoGroup(1);
  const options = { signal: AbortSignal.abort("no") };
  assertEquals(group.add(() => {}, options), false);
  assertEquals(group.tryInsert(() => {}, options), false);
  assertEquals(await group.insert(() => {}, options), false);
  const error = await group.go(() => {}, options).catch((error) => error);
  assertEquals(error, "no");
  assertEquals(group.stats.accepted, 0);
});

// More than an engine takes as the arguments of one call.
test("Law 1: abort() abandons 150,000 queued tasks with options, and clear() gives them back", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const [never, options] = [() => {}, { timeout: 1 }];
  for (let i = 0; i < 150_000; i++) group.add(never, options);
  group.abort();
  assertEquals(await group.wait(), 150_000);
  assertEquals(group.clear().length, 150_000);
});
