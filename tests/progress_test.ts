import { CoGroup, type CoGroupStats } from "../mod.ts";
import { range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

async function watched(
  stream: AsyncIterable<CoGroupStats>,
): Promise<CoGroupStats[]> {
  const all: CoGroupStats[] = [];
  for await (const stats of stream) all.push(stats);
  return all;
}

test("CoGroup.progress() gives a snapshot at once, then one per interval if something changed, and the last state", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup(1);
    const tasks = new Tasks();
    for (const i of range(3)) group.add(tasks.task(i));
    const snapshots = watched(group.progress({ interval: 100 }));
    await settled();
    tasks.open(0);
    await settled();
    tasks.open(1);
    for (const _ of range(5)) {
      await settled();
      time.tick(100);
    }
    await settled();
    tasks.open(2);
    await group.wait();
    const all = await snapshots;
    assertEquals(all.map(({ fulfilled }) => fulfilled), [0, 2, 3]);
    assertEquals(all.at(-1), group.stats);
    assertEquals(time.next(), false, "no timer is left");
  } finally {
    time.restore();
  }
});

test("CoGroup.progress() at a slow reader's pace is never late twice", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const stream = group.progress();
    await stream.next();
    group.add(() => {});
    time.tick(5000);
    assertEquals((await stream.next()).value.queued, 1, "it is due already");
    group.add(() => {});
    const next = stream.next();
    await settled();
    time.tick(999);
    await settled();
    time.tick(1);
    assertEquals((await next).value.queued, 2);
    await stream.return!();
  } finally {
    time.restore();
  }
});

test("CoGroup.progress() of a group that is done gives its last state, and ends", async () => {
  const group = new CoGroup(1);
  group.add(() => {});
  await group.wait();
  assertEquals(await watched(group.progress()), [group.stats]);
});

test("CoGroup.progress() does not give the last state twice", async () => {
  const group = new CoGroup(1);
  const stream = group.progress();
  assertEquals((await stream.next()).value, group.stats);
  const last = stream.next();
  await settled();
  await group.wait();
  assert((await last).done);
  assert((await stream.next()).done);
});

test("CoGroup.progress() ends after an abort, when the last task in flight has ended", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  for (const i of range(3)) group.add(tasks.task(i));
  const snapshots = watched(group.progress({ interval: 0 }));
  await settled();
  group.cancel();
  tasks.openAll();
  const last = (await snapshots).at(-1)!;
  assertEquals([last.fulfilled, last.abandoned, last.queued], [1, 2, 0]);
});

test("CoGroup.progress() broken off leaves no timer, and settles who waits", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const stream = group.progress();
    await stream.next();
    const steps = [stream.next(), stream.next()];
    await settled();
    assert((await stream.return!()).done);
    for (const step of await Promise.all(steps)) assert(step.done);
    assertEquals(time.next(), false);
    for await (const _ of group.progress()) break;
    assertEquals(time.next(), false);
  } finally {
    time.restore();
  }
});
