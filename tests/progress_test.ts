import { CoGroup, type CoGroupStats } from "../mod.ts";
import { Group } from "../src/group/group.ts";
import { settle } from "../src/group/options.ts";
import { Progress } from "../src/group/progress.ts";
import { range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals, assertThrows, FakeTime } from "./support/std.ts";
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
  group.abort();
  tasks.openAll();
  const last = (await snapshots).at(-1)!;
  assertEquals([last.fulfilled, last.abandoned, last.queued], [1, 2, 0]);
});

test("CoGroup.progress() broken off leaves no timer, and settles each next() that waits", async () => {
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

/** The steps of a stream: what each `next` has given so far. */
function steps(
  stream: AsyncIterator<CoGroupStats>,
): { next: () => void; queued: (number | undefined)[] } {
  const queued: (number | undefined)[] = [];
  const next = () => {
    stream.next().then(({ value }) => queued.push(value?.queued));
  };
  return { next, queued };
}

for (const ms of [0, 1, 400, 999]) {
  test(`CoGroup.progress() whose reader comes ${ms} ms after a snapshot gives the next one after a second, by default`, async () => {
    using time = new FakeTime();
    const group = new CoGroup({ concurrency: 1, paused: true });
    const stream = group.progress();
    const { next, queued } = steps(stream);
    next();
    await settled();
    group.add(() => {});
    time.tick(ms);
    next();
    await settled();
    assertEquals(queued, [0]);
    time.tick(1000 - ms - 1);
    await settled();
    assertEquals(queued, [0]);
    time.tick(1);
    await settled();
    assertEquals(queued, [0, 1]);
    await stream.return!();
  });
}

test("CoGroup.progress() that finds nothing new looks again an interval later", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, paused: true });
  const stream = group.progress({ interval: 100 });
  const { next, queued } = steps(stream);
  next();
  next();
  await settled();
  time.tick(100);
  await settled();
  group.add(() => {});
  time.tick(99);
  await settled();
  assertEquals(queued, [0]);
  time.tick(1);
  await settled();
  assertEquals(queued, [0, 1]);
  await stream.return!();
});

test("CoGroup.progress() gives the last state at once, however short a time after another one", async () => {
  using _ = new FakeTime();
  const group = new CoGroup(1);
  const stream = group.progress();
  assertEquals((await stream.next()).value.fulfilled, 0);
  group.add(() => {});
  await group.wait();
  assertEquals((await stream.next()).value.fulfilled, 1);
  assert((await stream.next()).done);
});

test("CoGroup.progress() that has ended stays so when the group opens again", async () => {
  const group = new CoGroup(1);
  const stream = group.progress({ interval: 0 });
  group.close();
  assertEquals((await watched(stream)).length, 1);
  await group.reset();
  group.add(() => {});
  assert((await stream.next()).done);
  await group.wait();
});

test("CoGroup.progress() keeps no process alive: its timer is unreferenced", async () => {
  const { setTimeout, clearTimeout } = globalThis;
  let kept = 0;
  const timer = { unref: () => void kept-- };
  const fake = () => (kept++, timer);
  try {
    Object.assign(globalThis, { setTimeout: fake, clearTimeout: () => {} });
    const group = new CoGroup({ concurrency: 1, paused: true });
    const stream = group.progress();
    await stream.next();
    const last = stream.next();
    await settled();
    assertEquals(kept, 0);
    await stream.return!();
    await last;
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
});

test("CoGroup.progress() with a bad interval says what it is for", () => {
  assertThrows(
    () => new CoGroup(1).progress({ interval: -1 }),
    RangeError,
    "Cannot watch progress: interval must",
  );
});

test("CoGroup.progress() leaves nothing with the group when it has looked", async () => {
  class Counting extends Group {
    waiting = 0;

    override onEnd(callback: () => void): void {
      this.waiting++;
      super.onEnd(callback);
    }

    override offEnd(callback: () => void): void {
      this.waiting--;
      super.offEnd(callback);
    }
  }
  using time = new FakeTime();
  const group = new Counting(settle({ concurrency: 1, paused: true }));
  const stream = new Progress(group, undefined);
  await stream.next();
  const last = stream.next();
  for (const _ of range(3)) {
    await settled();
    assertEquals(group.waiting, 1);
    time.tick(1000);
  }
  await stream.return();
  await last;
  assertEquals(group.waiting, 0);
});
