import { CoGroup } from "../mod.ts";
import { assertBooks, range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("Law 3: no task starts inside the call that brings it", async () => {
  const group = new CoGroup(10);
  let started = 0;
  const task = () => void started++;
  group.add(task);
  group.tryInsert(task);
  const results = [group.insert(task), group.go(task)];
  const all = group.insertAll([task, task]);
  assertEquals(started, 0);
  await Promise.all([...results, all]);
  await group.idle();
  assertEquals(started, 6);
});

test("Law 3: no task starts inside resume, a set of concurrency, or close", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  let started = 0;
  for (const _ of range(3)) group.add(() => void started++);
  group.resume();
  group.concurrency = 3;
  group.close();
  assertEquals(started, 0);
  await group.wait();
  assertEquals(started, 3);
});

test("Law 4: tasks start in the order of the calls, whichever call brought them", async () => {
  for (const concurrency of [1, 2, 3, 8]) {
    const group = new CoGroup({ concurrency, capacity: 3 });
    const started: number[] = [];
    const task = (i: number) => async () => {
      started.push(i);
      for (const _ of range(i % 4)) await Promise.resolve();
    };
    const ways = ["add", "go", "insert", "add", "insert", "go", "go"] as const;
    for (const i of range(200)) group[ways[i % ways.length]!](task(i));
    await group.insertAll([task(200), task(201)]);
    await group.idle();
    assertEquals(started, range(202), `at concurrency ${concurrency}`);
    assertBooks(group);
  }
});

test("Law 4: calls made while others run keep their place, too", async () => {
  const group = new CoGroup(2);
  const started: number[] = [];
  const tasks = range(300);
  let next = 0;
  const bring = () => {
    if (next === tasks.length) return;
    const i = next++;
    const task = async () => {
      started.push(i);
      await Promise.resolve();
      bring();
      bring();
    };
    if (i % 3 === 0) group.add(task);
    else group.go(task);
  };
  bring();
  await group.idle();
  assertEquals(started, tasks);
});

test("CoGroup.insert() waits for room, and room is capacity and idle workers", async () => {
  const group = new CoGroup({ concurrency: 2, capacity: 1 });
  const tasks = new Tasks();
  for (const i of range(3)) assert(await group.insert(tasks.task(i)));
  let isIn = false;
  const waiting = group.insert(tasks.task(3)).then((is) => isIn = is);
  await settled();
  assertEquals([isIn, group.size, group.inFlight], [false, 1, 2]);
  assertEquals(
    group.stats.accepted,
    3,
    "the insert that waits is not accepted yet",
  );
  tasks.open(0);
  await waiting;
  assertEquals([isIn, group.size, group.inFlight], [true, 1, 2]);
  tasks.openAll();
  await group.wait();
});

test("CoGroup.insert() at capacity 0 hands its task to an idle worker, or waits for one", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  assert(group.tryInsert(tasks.task(0)));
  assert(!group.tryInsert(tasks.task("no")));
  const waiting = group.insert(tasks.task(1));
  await settled();
  assertEquals(tasks.started, [0]);
  tasks.open(0);
  assert(await waiting);
  await settled();
  assertEquals([tasks.started, group.inFlight], [[0, 1], 1]);
  tasks.openAll();
  await group.wait();
});

test("CoGroup.insert() on a paused group has the room of the queue alone", async () => {
  const group = new CoGroup({ concurrency: 4, capacity: 1, paused: true });
  assert(group.tryInsert(() => {}));
  assert(!group.tryInsert(() => {}));
  const waiting = group.insert(() => {});
  group.resume();
  assertEquals(await waiting, true);
  await group.wait();
});

test("Law 4: a freed place belongs to the longest waiter, whichever call is next", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1 });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  group.add(tasks.task(1));
  const waiting = [2, 3].map((i) => group.insert(tasks.task(i)));
  const tries: boolean[] = [];
  for (const i of range(3)) {
    tasks.open(i);
    tries.push(group.tryInsert(tasks.task("barges")));
    await settled();
    tries.push(group.tryInsert(tasks.task("barges")));
  }
  assertEquals(tries.slice(0, 4), [false, false, false, false]);
  assertEquals(await Promise.all(waiting), [true, true]);
  tasks.openAll();
  await group.wait();
  assertEquals(tasks.started.slice(0, 4), [0, 1, 2, 3]);
});

test("Law 4: an add over capacity is kept behind the inserts that wait, and all start", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1 });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  group.add(tasks.task(1));
  const waiting = group.insert(tasks.task(2));
  for (const i of [3, 4, 5]) group.add(tasks.task(i));
  const last = group.insert(tasks.task(6));
  assertEquals(group.size, 4, "1, 3, 4 and 5 are accepted");
  assertBooks(group);
  for (const i of range(7)) {
    tasks.open(i);
    await settled();
    assertBooks(group);
  }
  assertEquals(await waiting, true);
  assertEquals(await last, true);
  await group.wait();
  assertEquals(tasks.started, range(7));
});

test("CoGroup.close() turns away the inserts that wait; what is kept behind them still runs", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1 });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  group.add(tasks.task(1));
  const waiting = group.insert(tasks.task("no"));
  group.add(tasks.task(2));
  group.close();
  assertEquals(await waiting, false);
  tasks.openAll();
  assertEquals(await group.wait(), 0);
  assertEquals(tasks.started, [0, 1, 2]);
});

test("Law 4: insert() gets the room that a task frees as it starts, though every worker is busy", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, slice: Infinity });
  const tasks = new Tasks();
  group.go(tasks.task(0));
  const stream = group.map([1], () => {});
  stream.next();
  const run = tasks.task(1);
  group.insert(() => {
    stream.return!();
    return run();
  });
  await settled();
  let isIn = false;
  group.insert(() => {}).then((is) => isIn = is);
  await settled();
  assertEquals([group.size, isIn], [2, false]);
  tasks.open(0);
  await settled();
  assertEquals([group.inFlight, group.size, isIn], [1, 1, true]);
  tasks.open(1);
  assertEquals(await group.wait(), 1); // The item of the map.
});
