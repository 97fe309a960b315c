import { CoGroup } from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import { assert, assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";
import { Group } from "../src/group/group.ts";
import { Intake } from "../src/group/intake.ts";
import { settle } from "../src/group/options.ts";

test("Law 8: CoGroup.wait() on a group that was never used is done at once", async () => {
  const group = new CoGroup(1);
  assertEquals(await group.wait(), 0);
  assert(group.closed);
});

test("Law 8: CoGroup.wait() resolves when nothing is queued or in flight, not before", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  for (const i of range(2)) group.add(tasks.task(i));
  let done = false;
  const wait = group.wait().then(() => done = true);
  tasks.open(0);
  await settled();
  assertEquals(done, false);
  tasks.open(1);
  await wait;
  assertEquals([group.size, group.inFlight], [0, 0]);
});

test("Law 8: CoGroup.wait() is not resolved by an idle open group, which it closes", async () => {
  const group = new CoGroup(1);
  group.add(() => {});
  await group.idle();
  assert(!group.closed);
  const wait = group.wait();
  assert(group.closed && !group.add(() => {}));
  assertEquals(await wait, 0);
});

test("Law 8: CoGroup.wait() repeated, or late, gives the same number", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  for (const _ of range(3)) group.add(() => {});
  const early = [group.wait(), group.wait()];
  group.abort();
  assertEquals(await Promise.all(early), [3, 3]);
  assertEquals(await group.wait(), 3);
  group.abort("again");
  group.clear();
  assertEquals(await group.wait(), 3);
});

test("Law 8: a direct reader of the last result of go hears of it before the caller of wait()", async () => {
  for (const options of [undefined, { timeout: 60_000 }]) {
    const group = new CoGroup(1);
    const order: string[] = [];
    group.go(() => Promise.resolve(), options).then(() => order.push("go"));
    await group.wait();
    order.push("wait");
    assertEquals(order, ["go", "wait"]);
  }
});

test("CoGroup.wait() on a paused group waits for resume()", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  assert(group.paused);
  let ran = 0;
  group.add(() => void ran++);
  let done = false;
  const wait = group.wait().then(() => done = true);
  await settled();
  assertEquals([done, ran], [false, 0]);
  group.resume();
  assert(!group.paused);
  await wait;
  assertEquals(ran, 1);
});

test("CoGroup.pause() lets what runs end, and keeps the rest", async () => {
  const group = new CoGroup(2);
  const tasks = new Tasks();
  for (const i of range(5)) group.add(tasks.task(i));
  await settled();
  group.pause();
  tasks.openAll();
  await settled();
  assertEquals([tasks.started, group.size, group.inFlight], [[0, 1], 3, 0]);
  group.resume();
  assertEquals(await group.wait(), 0);
  assertEquals(tasks.started, range(5));
});

test("CoGroup.wait({ signal }) rejects with that signal's reason, and leaves the group as it is", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  group.add(tasks.task(0));
  const patience = new CountingController();
  const wait = group.wait({ signal: patience.signal });
  assertEquals(patience.listeners, 1);
  patience.abort("enough");
  assertEquals(await wait.catch((error) => error), "enough");
  const late = group.wait({ signal: patience.signal });
  assertEquals(await late.catch((error) => error), "enough");
  assertEquals(patience.listeners, 0);
  assert(group.closed && !group.signal.aborted);
  const patient = new CountingController();
  const again = group.wait({ signal: patient.signal });
  tasks.openAll();
  assertEquals(await again, 0);
  assertEquals(patient.listeners, 0, "it leaves the signal when it resolves");
});

test("CoGroup.idle() resolves when nothing is queued or in flight; the intake stays open", async () => {
  const group = new CoGroup(2);
  await group.idle();
  let ran = 0;
  const crawl = (depth: number) => async () => {
    await Promise.resolve();
    ran++;
    if (depth > 0) {
      group.add(crawl(depth - 1));
      group.add(crawl(depth - 1));
    }
  };
  group.add(crawl(5));
  await Promise.all([group.idle(), group.idle()]);
  assertEquals(ran, 63);
  assert(!group.closed && group.add(() => {}));
  await group.wait();
});

test("CoGroup.idle() resolves after an abort when the last running task has ended", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  for (const i of range(3)) group.add(tasks.task(i));
  await settled();
  let idle = false;
  const promise = group.idle().then(() => idle = true);
  group.abort();
  await settled();
  assertEquals(idle, false);
  tasks.openAll();
  await promise;
});

test("CoGroup.reset() waits, and opens the group again with counts and signal fresh", async () => {
  const group = new CoGroup(4);
  const signal = group.signal;
  for (const _ of range(10)) group.add(() => {});
  group.abort();
  assertEquals(await group.reset(), 10);
  assert(signal.aborted && !group.signal.aborted && !group.closed);
  assertEquals(group.stats.accepted, 0);
  assertEquals(group.clear(), [], "what the abort left is forgotten");
  let ran = 0;
  for (const _ of range(100)) group.add(() => void ran++);
  assertEquals([await group.wait(), ran], [0, 100]);
});

test("CoGroup.reset() asked for twice is one reset", async () => {
  const group = new CoGroup(1);
  group.add(() => {}, { timeout: 1000 });
  assertEquals(await Promise.all([group.reset(), group.reset()]), [0, 0]);
  assert(group.add(() => {}));
  assertEquals(group.stats.accepted, 1);
  await group.reset();
  assertEquals(group.stats.accepted, 0);
});

test("CoGroup.reset() asked for twice keeps what comes in between the two", async () => {
  const group = new CoGroup(1);
  let ran = 0;
  group.reset();
  group.wait().then(() => group.add(() => void ran++));
  await group.reset();
  assertEquals([await group.wait(), ran], [0, 1]);
});

test("CoGroup.reset() follows the upstream signal again, and stays aborted under an aborted one", async () => {
  const upstream = new CountingController();
  const group = new CoGroup({ concurrency: 1, signal: upstream.signal });
  await group.reset();
  assert(!group.closed);
  upstream.abort("up");
  assert(group.closed);
  assertEquals(await group.reset(), 0);
  assert(group.closed);
  assertEquals(group.signal.reason, "up");
  assertEquals(upstream.listeners, 0);
});

test("CoGroup.reset() after an abort with a grace of 0 lets the next tasks run undisturbed", async () => {
  const group = new CoGroup({ concurrency: 1, grace: 0 });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  group.abort();
  tasks.openAll();
  await group.reset();
  let aborted;
  group.add(({ signal }) => void (aborted = signal.aborted));
  await group.wait();
  assertEquals(aborted, false);
});

test("await using runs the queue to its end, also when the block throws", async () => {
  let ran = 0;
  const error = new Error("block");
  try {
    await using group = new CoGroup(1);
    for (const _ of range(5)) group.add(() => void ran++);
    throw error;
  } catch (caught) {
    assertEquals(caught, error);
  }
  assertEquals(ran, 5);
});

test("Law 9: 1,000 groups on one long-lived signal leave it with no listener", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  await Promise.all(
    range(1000).map(async (i) => {
      const group = new CoGroup({ concurrency: 1, signal });
      for (const _ of range(i % 3)) group.add(() => {});
      if (i % 5 === 0) group.abort();
      await group.wait();
    }),
  );
  assertEquals(controller.listeners, 0);
});

test("Law 9: a group leaves its signal when it is aborted, or closed and at rest, though no call waits", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const aborted = new CoGroup({ concurrency: 1, signal, paused: true });
  aborted.add(() => {});
  aborted.abort();
  assertEquals(controller.listeners, 0);
  const closed = new CoGroup({ concurrency: 1, signal });
  const tasks = new Tasks();
  closed.add(tasks.task(0));
  closed.close();
  await settled();
  assertEquals(controller.listeners, 1, "its task is still in flight");
  tasks.openAll();
  await settled();
  assertEquals(controller.listeners, 0);
});

test("Law 9: 1,000 queued tasks put exactly one listener on the group's signal", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const group = new CoGroup({ concurrency: 1, signal, paused: true });
  for (const _ of range(1000)) group.add(() => {});
  assertEquals(controller.added, 1);
  controller.abort();
  assertEquals([controller.listeners, await group.wait()], [0, 1000]);
});

test("Law 9: tasks that share a signal share one listener, taken off with the last of them", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const group = new CoGroup({ concurrency: 2, capacity: 50, paused: true });
  const brought = range(100).map((i) => {
    const bring = (["add", "go", "insert"] as const)[i % 3]!;
    return group[bring](() => {}, { signal });
  });
  assertEquals(controller.listeners, 1);
  group.resume();
  await Promise.all(brought); // An insert that waits is turned away by wait().
  assertEquals(await group.wait(), 0);
  assertEquals([controller.listeners, group.stats.fulfilled], [0, 100]);
});

test("Law 9: an insert that waits leaves with its task's signal: the first, the middle, the last", async () => {
  for (const which of [0, 2, 4]) {
    const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
    group.add(() => {});
    const controllers = range(5).map(() => new CountingController());
    const started: number[] = [];
    const waiting = controllers.map(({ signal }, i) =>
      group.insert(() => void started.push(i), { signal })
    );
    controllers[which]!.abort();
    assertEquals(await waiting[which], false);
    group.resume();
    const others = range(5).filter((i) => i !== which);
    assertEquals((await Promise.all(waiting)).filter(Boolean).length, 4);
    assertEquals(await group.wait(), 0);
    assertEquals(started, others);
    assertEquals(controllers.map((c) => c.listeners), [0, 0, 0, 0, 0]);
    assertBooks(group);
  }
});

test("Law 9: an insert that is turned away takes its listener with it", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  const waiting = group.insert(() => {}, { signal });
  assertEquals(controller.listeners, 1);
  group.close();
  assertEquals([await waiting, controller.listeners], [false, 0]);
});

test("Law 9: an insert that leaves lets an add that is kept behind it into the queue", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  group.add(() => {});
  const controller = new AbortController();
  const waiting = group.insert(() => {}, { signal: controller.signal });
  group.add(() => {});
  controller.abort();
  assertEquals(await waiting, false);
  group.resume();
  assertEquals([await group.wait(), group.stats.fulfilled], [0, 2]);
});

test("Group.offEnd() takes back what onEnd was told to call", async () => {
  const group = new Group(settle(1));
  const called: string[] = [];
  const one = () => called.push("one");
  group.onEnd(one);
  group.onEnd(() => called.push("other"));
  group.offEnd(one);
  await group.wait();
  assertEquals(called, ["other"]);
});

test("Group.onEnd() calls back once, however often the group opens again", async () => {
  const group = new Group(settle(1));
  let called = 0;
  group.onEnd(() => called++);
  for (const _ of range(3)) await group.reset();
  await group.wait();
  assertEquals(called, 1);
});

test("Group.onEnd() calls back when the reader of the last result has heard of it", async () => {
  const group = new Group(settle({ concurrency: 1, slice: Infinity }));
  const order: string[] = [];
  const { promise, open } = gate();
  group.onEnd(() => order.push("end"));
  const intake = new Intake(group);
  intake.go(() => promise, undefined).then(() => order.push("go"));
  group.close();
  await settled();
  open();
  await settled();
  assertEquals(order, ["go", "end"]);
});

/** How the last task of a group with one worker comes to its end. */
const lastEnds: Record<string, (group: Group) => void> = {
  "ran": () => {},
  "was withdrawn": (group) => {
    group.setPaused(true);
    group.withdraw("last", "withdrawn");
  },
  "was cleared": (group) => {
    group.setPaused(true);
    group.clear();
  },
  "was abandoned": (group) => group.abort(),
};

for (const [end, come] of Object.entries(lastEnds)) {
  for (const way of ["add", "go"] as const) {
    test(`Law 9: a group has let go of the options of its last task, brought by ${way}, which ${end}`, async () => {
      const group = new Group(settle(1));
      const intake = new Intake(group);
      const { signal } = new AbortController();
      for (const _ of range(2)) intake[way](() => {}, { id: "last", signal });
      intake.add(() => gate().promise, undefined); // It runs on.
      assertStrictEquals(group.attempts.last?.traits.signal, signal);
      come(group);
      await settled();
      assertStrictEquals(group.attempts.last, undefined);
    });
  }
}
