import { CoGroup } from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("Law 5: after abort(), insert with room resolves false 1,000 times in 1,000", async () => {
  const group = new CoGroup({ concurrency: 4, capacity: 2000 });
  group.abort();
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
  const stopped = gate();
  group.add(async ({ signal }) => {
    group.abort("stop");
    await stopped.promise;
    assert(!signal.aborted, "undisturbed: grace is Infinity");
  });
  for (const i of range(5)) group.add(tasks.task(`queued ${i}`));
  await settled();
  assertEquals([group.inFlight, group.size, group.closed], [3, 0, true]);
  assertEquals(group.signal.reason, "stop");
  stopped.open();
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
  group.abort();
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
  group.abort("second");
  assertEquals(heard, ["first"]);
  assertEquals(await group.wait(), 0);
});

test("CoGroup.abort() without a reason has an AbortError for one", () => {
  const group = new CoGroup(1);
  group.abort();
  assertEquals((group.signal.reason as DOMException).name, "AbortError");
});

test("CoGroup.abort() rejects 2,000 calls of go() that wait, and others run after reset()", async () => {
  const group = new CoGroup(1);
  const blocker = gate();
  const first = group.go(() => blocker.promise);
  const calls = range(2000).map(() => group.go(() => {}));
  await settled();
  const reason = new Error("enough");
  group.abort(reason);
  const ends = await Promise.allSettled(calls);
  assertEquals(
    ends.filter((end) => end.status === "rejected" && end.reason === reason)
      .length,
    2000,
  );
  blocker.open();
  await first;
  assertEquals(await group.reset(), 2000);
  assertEquals(
    await Promise.all(range(20).map((n) => group.go(() => n))),
    range(20),
  );
  await group.wait();
});
