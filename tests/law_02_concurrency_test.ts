import { CoGroup } from "../mod.ts";
import {
  assertBooks,
  microtasks,
  range,
  seeded,
  settled,
  Tasks,
} from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

for (const concurrency of [1, 10, 100]) {
  for (const way of ["add", "go", "insert"] as const) {
    test(`Law 2: ${concurrency} workers run ${concurrency} tasks of ${way} at once, and no more`, async () => {
      // No slice: on a slow machine so many starts take more than a few of them.
      const group = new CoGroup({ concurrency, slice: Infinity });
      const tasks = new Tasks();
      for (const i of range(3 * concurrency)) group[way](tasks.task(i));
      await microtasks();
      assertEquals(group.inFlight, concurrency);
      for (const i of range(3 * concurrency)) {
        tasks.open(i);
        await microtasks();
      }
      await group.wait();
      assertEquals(tasks.most, concurrency);
      assertEquals(tasks.started, range(3 * concurrency));
    });
  }
}

test("Law 2: Infinity workers run everything at once", async () => {
  // No slice, again.
  const group = new CoGroup({ concurrency: Infinity, slice: Infinity });
  const tasks = new Tasks();
  for (const i of range(1000)) group.add(tasks.task(i));
  await settled();
  assertEquals(group.inFlight, 1000);
  tasks.openAll();
  assertEquals(await group.wait(), 0);
});

test("ctx.workerId is below concurrency, and never shared by two tasks in flight", async () => {
  // All five work at once, unless a slice ends.
  const group = new CoGroup({ concurrency: 5, slice: Infinity });
  const inUse = new Set<number>();
  const seen = new Set<number>();
  for (const i of range(100)) {
    const bring = i % 3 === 0 ? "go" : "add";
    group[bring](async ({ workerId }) => {
      assert(!inUse.has(workerId), `${workerId} is in use`);
      inUse.add(workerId);
      seen.add(workerId);
      for (const _ of range(i % 7)) await Promise.resolve();
      inUse.delete(workerId);
    });
  }
  await group.wait();
  assertEquals([...seen].sort(), range(5));
  assertEquals(group.stats.fulfilled, 100);
});

test("CoGroup.concurrency set higher starts more at once", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  for (const i of range(5)) group.add(tasks.task(i));
  await settled();
  assertEquals(group.inFlight, 1);
  group.concurrency = 4;
  assertEquals(group.concurrency, 4);
  await settled();
  assertEquals(group.inFlight, 4);
  tasks.openAll();
  await group.wait();
});

test("CoGroup.concurrency set lower starts nothing until fewer are in flight, and those keep their ids", async () => {
  const group = new CoGroup(4);
  const tasks = new Tasks();
  const ids = new Map<number, number>();
  const task = (i: number) => {
    const run = tasks.task(i);
    return (ctx: { workerId: number }) => {
      ids.set(i, ctx.workerId);
      return run();
    };
  };
  for (const i of range(10)) group.add(task(i));
  await settled();
  group.concurrency = 2;
  const ended = [ids.get(3), ids.get(2), ids.get(1)];
  assertEquals(ended, [3, 2, 1]);
  tasks.open(0);
  await settled();
  assertEquals(group.inFlight, 3, "three are still more than two");
  tasks.open(1);
  await settled();
  assertEquals([group.inFlight, tasks.started.length], [2, 4]);
  tasks.open(2);
  await settled();
  assertEquals([group.inFlight, tasks.started.length], [2, 5]);
  assert(ids.get(4)! < 2, "an id below the new limit");
  group.concurrency = 4;
  await settled();
  assertEquals(group.inFlight, 4);
  const inUse = [3, 4, 5, 6].map((i) => ids.get(i)!);
  assertEquals(inUse.sort(), [0, 1, 2, 3], "no id twice, also not the old 3");
  tasks.openAll();
  await group.wait();
  assertBooks(group);
});

test("CoGroup.concurrency set higher makes room for inserts that wait", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  assert(await group.insert(tasks.task("a")));
  const waiting = group.insert(tasks.task("b"));
  group.concurrency = 2;
  assertEquals(await waiting, true);
  await settled();
  assertEquals(tasks.started, ["a", "b"]);
  tasks.openAll();
  await group.wait();
});

test("ctx.workerId is free and below concurrency at each start, however concurrency changes", async () => {
  const random = seeded(1);
  const upTo = (n: number) => Math.floor(random() * n);
  for (const _ of range(20)) {
    const group = new CoGroup({ concurrency: 4, slice: Infinity });
    const wrong: string[] = [];
    const running: { id: number; end: () => void }[] = [];
    const task = ({ workerId }: { workerId: number }) => {
      const limit = group.concurrency;
      if (running.some(({ id }) => id === workerId)) {
        wrong.push(`${workerId} is in use`);
      }
      if (workerId >= limit) wrong.push(`${workerId} of ${limit}`);
      return new Promise<void>((end) => running.push({ id: workerId, end }));
    };
    const endOne = () => running.splice(upTo(running.length), 1)[0]?.end();
    for (const _ of range(150)) {
      const what = upTo(6);
      if (what === 0) group.concurrency = 1 + upTo(8);
      else if (what < 3) {
        for (const _ of range(1 + upTo(3))) endOne();
      } else group[what === 3 ? "go" : "add"](task);
      if (upTo(3) > 0) await microtasks();
    }
    group.concurrency = Infinity;
    while (group.inFlight + group.size > 0) {
      await microtasks();
      while (running.length > 0) endOne();
    }
    assertEquals(wrong, []);
    assertEquals(await group.wait(), 0);
  }
});

test("ctx.workerId of the tasks in flight are all those below concurrency, when it has grown again", async () => {
  for (const free of [0, 1, 3]) {
    const group = new CoGroup({ concurrency: 4, slice: Infinity });
    const seen: number[] = [];
    const ends: (() => void)[] = [];
    for (const _ of range(12)) {
      group.add(({ workerId }) => {
        seen.push(workerId);
        return new Promise<void>((end) => ends[workerId] = end);
      });
    }
    await microtasks();
    group.pause();
    for (const id of range(free)) ends[id]!();
    await microtasks();
    group.concurrency = 1;
    group.concurrency = 6;
    group.resume();
    await microtasks();
    assertEquals(seen.slice(4).sort(), [...range(free), 4, 5]);
    group.clear();
    for (const end of ends) end();
    await group.wait();
  }
});
