import { CoGroup } from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

test("Law 5: after cancel(), insert with room resolves false 1,000 times in 1,000", async () => {
  const group = new CoGroup({ concurrency: 4, capacity: 2000 });
  group.cancel();
  const results = await Promise.all(
    range(1000).map(() => group.insert(() => {})),
  );
  assertEquals(results.filter(Boolean).length, 0);
  assert(!group.add(() => {}));
  assert(!group.tryInsert(() => {}));
  assertEquals(group.stats.accepted, 0);
});

for (const way of ["add", "go"] as const) {
  test(`Law 5: after the abort nothing starts, whatever moment it hits (${way})`, async () => {
    for (const moment of range(12)) {
      const controller = new AbortController();
      const group = new CoGroup({ concurrency: 2, signal: controller.signal });
      let started = 0;
      const quiet = (result: unknown) => void result;
      for (const _ of range(8)) {
        quiet(group[way](() => {
          started++;
          return Promise.resolve();
        }));
      }
      for (const _ of range(moment)) await Promise.resolve();
      controller.abort();
      const before = started;
      assertEquals(group.inFlight + group.stats.fulfilled, before);
      assertBooks(group);
      const abandoned = await group.wait();
      assertEquals(started, before, `at microtask ${moment}`);
      assertEquals(started + abandoned, 8);
    }
  });

  test(`CoGroup.pause() starts nothing more, whatever moment it hits (${way})`, async () => {
    for (const moment of range(12)) {
      const group = new CoGroup(2);
      const started: number[] = [];
      for (const i of range(8)) {
        group[way](() => {
          started.push(i);
          return Promise.resolve();
        });
      }
      for (const _ of range(moment)) await Promise.resolve();
      group.pause();
      const before = started.length;
      await settled();
      assertEquals(started.length, before, `at microtask ${moment}`);
      assertEquals(group.size, 8 - before);
      group.resume();
      assertEquals(await group.wait(), 0);
      assertEquals(started, range(8));
    }
  });
}

test("Law 5: an abort inside a task lets that task and the other running ones end", async () => {
  const group = new CoGroup(3);
  const tasks = new Tasks();
  for (const i of range(2)) group.add(tasks.task(i));
  const cancels = gate();
  group.add(async ({ signal }) => {
    group.cancel("stop");
    await cancels.promise;
    assert(!signal.aborted, "undisturbed: sink is false");
  });
  for (const i of range(5)) group.add(tasks.task(`queued ${i}`));
  await settled();
  assertEquals([group.inFlight, group.size, group.closed], [3, 0, true]);
  assertEquals(group.signal.reason, "stop");
  cancels.open();
  tasks.openAll();
  assertEquals(await group.wait(), 5);
  assertEquals(tasks.started, [0, 1]);
  assertEquals(group.stats.fulfilled, 3);
});

test("Law 5: inserts that wait resolve false when the group is aborted", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  group.add(tasks.task("runs"));
  await settled();
  const waiting = range(3).map((i) => group.insert(tasks.task(i)));
  group.add(tasks.task("kept behind them"));
  group.cancel();
  assertEquals(await Promise.all(waiting), [false, false, false]);
  tasks.openAll();
  assertEquals(await group.wait(), 1);
  assertEquals(group.stats.accepted, 2);
});

test("CoGroup under a signal that is aborted already is aborted from the start", async () => {
  const group = new CoGroup({
    concurrency: 1,
    signal: AbortSignal.abort("up"),
  });
  assert(group.closed);
  assert(!group.add(() => {}));
  assertEquals(group.signal.reason, "up");
  assertEquals(await group.go(() => {}).catch((error) => error), "up");
  assertEquals(await group.wait(), 0);
});

test("CoGroup.signal is aborted with the group, with its reason, once", async () => {
  const upstream = new AbortController();
  const group = new CoGroup({ concurrency: 1, signal: upstream.signal });
  const heard: unknown[] = [];
  group.signal.addEventListener("abort", () => heard.push(group.signal.reason));
  assert(!group.signal.aborted);
  upstream.abort("first");
  group.cancel("second");
  assertEquals(heard, ["first"]);
  assertEquals(await group.wait(), 0);
});

test("CoGroup.cancel() without a reason has an AbortError for one", () => {
  const group = new CoGroup(1);
  group.cancel();
  assertEquals((group.signal.reason as DOMException).name, "AbortError");
});

test("sink: true lets running tasks see the abort at once, also those that look later", async () => {
  const group = new CoGroup({ concurrency: 2, sink: true });
  const seen: unknown[] = [];
  const late = gate();
  group.add(({ signal }) =>
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        seen.push(signal.reason);
        resolve();
      });
    })
  );
  group.add(async (ctx) => {
    await late.promise;
    seen.push(ctx.signal.aborted, ctx.signal.reason);
  });
  await settled();
  group.cancel("stop");
  assertEquals(seen, ["stop"]);
  late.open();
  await group.wait();
  assertEquals(seen, ["stop", true, "stop"]);
});

test("sink: a number lets running tasks go on undisturbed for that many milliseconds", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 2, sink: 5000 });
    const tasks = new Tasks();
    const seen: unknown[] = [];
    for (const name of ["a", "b"]) {
      const run = tasks.task(name);
      group.go(({ signal }) => {
        signal.addEventListener("abort", () => seen.push(name, signal.reason));
        return run();
      });
    }
    await settled();
    group.cancel("stop");
    time.tick(4999);
    assertEquals(seen, []);
    tasks.open("a");
    await settled();
    time.tick(1);
    assertEquals(seen, ["b", "stop"]);
    tasks.open("b");
    assertEquals(await group.wait(), 0);
    assertEquals(time.next(), false, "no timer is left");
  } finally {
    time.restore();
  }
});

test("sink: its timer goes, too, when the last task ends as the workers are about to look around", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, sink: 5000 });
    const { promise, open } = gate();
    group.add((ctx) => ctx.signal && promise);
    await settled();
    group.cancel();
    await settled();
    open();
    group.concurrency = 2;
    await settled();
    assertEquals(time.next(), false, "no timer is left");
  } finally {
    time.restore();
  }
});

test("sink: its timer goes when the last task in flight ends", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, sink: 5000 });
    const tasks = new Tasks();
    group.add(tasks.task("a"));
    await settled();
    group.cancel();
    tasks.openAll();
    await group.wait();
    assertEquals(time.next(), false);
  } finally {
    time.restore();
  }
});
