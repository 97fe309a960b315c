import { Fifo } from "../src/queues/fifo_queue.ts";
import { LONGEST } from "../src/base/timer.ts";
import {
  CoGroup,
  type CoGroupOptions,
  type QueuedTask,
  type TaskContext,
  type TaskOptions,
} from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  range,
  seeded,
  settled,
  Tasks,
} from "./support/helpers.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

test("timeout: the caller has its TimeoutError at once; the worker stays busy until the task has ended", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, timeout: 100 });
    const slow = gate<string>();
    let aborted: unknown;
    const result = group.go(({ signal }) => {
      signal.addEventListener("abort", () => aborted = signal.reason);
      return slow.promise;
    });
    const next = group.go(() => "next");
    let idle = false;
    const rest = group.idle().then(() => idle = true);
    await settled();
    time.tick(99);
    assertEquals(group.stats.overdue, 0);
    time.tick(1);
    const error = await result.catch((e) => e);
    assertEquals([error.name, error], ["TimeoutError", aborted]);
    await settled();
    assertEquals([idle, group.stats.overdue, group.inFlight, group.size], [
      false,
      1,
      1,
      1,
    ]);
    assertEquals(group.stats.rejected, 0, "it has not ended yet");
    assertBooks(group);
    slow.open("late");
    assertEquals(await next, "next");
    await rest;
    const { fulfilled, rejected, overdue } = group.stats;
    assertEquals([fulfilled, rejected, overdue], [1, 1, 0]);
    assertEquals(time.next(), false, "no timer is left");
  } finally {
    time.restore();
  }
});

test("timeout: onError hears of it at once where there is no caller, and of no late error", async () => {
  const time = new FakeTime();
  try {
    const heard: unknown[] = [];
    const group = new CoGroup({
      concurrency: 1,
      onError: (error) => heard.push((error as Error).name),
    });
    const slow = gate();
    group.add(() => slow.promise, { timeout: 100 });
    await settled();
    time.tick(100);
    assertEquals(heard, ["TimeoutError"]);
    slow.fail(new Error("late"));
    await group.wait();
    assertEquals([heard.length, group.stats.rejected], [1, 1]);
  } finally {
    time.restore();
  }
});

test("timeout: ctx.signal that is read late speaks at once", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, timeout: 100 });
    const slow = gate();
    let reason: unknown;
    const result = group.go(async (ctx) => {
      await slow.promise;
      reason = ctx.signal.reason;
    });
    await settled();
    time.tick(100);
    assertEquals((await result.catch((e) => e)).name, "TimeoutError");
    slow.open();
    await group.wait();
    assertEquals((reason as Error).name, "TimeoutError");
  } finally {
    time.restore();
  }
});

test("timeout: a task in time leaves no timer, and Infinity sets none", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 2, timeout: 100 });
    for (const timeout of [50, Infinity]) {
      for (const _ of range(5)) group.add(() => {}, { timeout });
    }
    group.go(() => {});
    await group.wait();
    assertEquals(time.next(), false);
    assertEquals(group.stats.fulfilled, 11);
  } finally {
    time.restore();
  }
});

test("A task's signal withdraws it while it is queued: at once, and its place is free", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const controller = new CountingController();
  group.add(() => {}, { signal: controller.signal });
  const waiting = group.insert(() => {});
  controller.abort();
  assertEquals([group.stats.abandoned, controller.listeners], [1, 0]);
  assertEquals([await waiting, group.size], [true, 1]);
  assertBooks(group);
  group.resume();
  assertEquals(await group.wait(), 1);
});

test("A task's signal withdraws it while it is delayed, and rejects go with its reason", async () => {
  const time = new FakeTime();
  try {
    const seen = await unhandled(async () => {
      const group = new CoGroup({ concurrency: 1, retry: {} });
      const controller = new CountingController();
      const { signal } = controller;
      const failing = () => Promise.reject(new Error("again"));
      const result = group.go(failing, { signal });
      group.go(failing, { signal });
      await settled();
      assertEquals(group.stats.delayed, 2);
      controller.abort("mine");
      assertEquals(await result.catch((e) => e), "mine");
      assertEquals(await group.wait(), 2);
      assertEquals([controller.listeners, time.next()], [0, false]);
    });
    assertEquals(seen, []);
  } finally {
    time.restore();
  }
});

test("A task's signal reaches ctx.signal while it runs, settles go's caller, and ends its attempts", async () => {
  const group = new CoGroup({ concurrency: 1, retry: { minTimeout: 0 } });
  const controller = new CountingController();
  const { signal } = controller;
  const slow = gate();
  let seen: unknown;
  const result = group.go(async (ctx) => {
    ctx.signal.addEventListener("abort", () => seen = ctx.signal.reason);
    await slow.promise;
    throw new Error("late");
  }, { signal });
  await settled();
  controller.abort("mine");
  assertEquals([await result.catch((e) => e), seen], ["mine", "mine"]);
  assertEquals([group.stats.overdue, group.inFlight], [1, 1]);
  slow.open();
  await group.wait();
  assertEquals([group.stats.rejected, group.stats.overdue], [1, 0]);
  assertEquals(controller.listeners, 0);
});

test("A task's signal leaves a running task of add its own result", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({
    concurrency: 2,
    onError: (error) => heard.push(error),
    retry: { minTimeout: 0 },
  });
  const controller = new AbortController();
  const { signal } = controller;
  const tasks = new Tasks();
  group.add(tasks.task(0), { signal });
  group.add(tasks.task(1), { signal });
  await settled();
  controller.abort("mine");
  tasks.open(0);
  tasks.fail(1, "own");
  await group.wait();
  assertEquals([group.stats.fulfilled, group.stats.rejected], [1, 1]);
  assertEquals(heard, ["own"], "and there is no attempt to come");
});

test("A timeout and a signal, one after the other, settle the caller once", async () => {
  const time = new FakeTime();
  try {
    for (const first of ["timeout", "signal"]) {
      const group = new CoGroup({ concurrency: 1, timeout: 100 });
      const controller = new AbortController();
      const slow = gate();
      let reason: unknown;
      const result = group.go(async (ctx) => {
        await slow.promise;
        reason = ctx.signal.reason;
      }, { signal: controller.signal });
      await settled();
      if (first === "timeout") time.tick(100);
      controller.abort("mine");
      if (first === "signal") time.tick(100);
      assertEquals(group.stats.overdue, 1);
      const error = await result.catch((e) => e);
      assertEquals(
        error?.name ?? error,
        first === "timeout" ? "TimeoutError" : "mine",
      );
      slow.open();
      await group.wait();
      assertEquals(reason, error);
      assertEquals(group.stats.rejected, 1);
    }
  } finally {
    time.restore();
  }
});

/** A fifoQueue() that counts how many values went in and out. */
class Counted extends Fifo<QueuedTask> {
  uses = 0;

  override push(value: QueuedTask): void {
    this.uses++;
    super.push(value);
  }

  override shift(): QueuedTask | undefined {
    this.uses++;
    return super.shift();
  }
}

for (const shared of [false, true]) {
  const whose = shared ? "one signal shared by all of them" : "a signal each";
  test(`Law 9: 2,000 queued tasks with ${whose}, withdrawn in any order, leave nothing, and the books balance`, async () => {
    const n = 2000;
    const queue = new Counted(Infinity, "wait");
    const group = new CoGroup({ concurrency: 1, paused: true, queue });
    const controllers = shared
      ? [new CountingController()]
      : range(n).map(() => new CountingController());
    for (const i of range(n)) {
      const { signal } = controllers[i % controllers.length]!;
      group.add(() => {}, { signal });
    }
    const random = seeded(7);
    const order = controllers.map((controller) => ({
      controller,
      key: random(),
    })).sort((a, b) => a.key - b.key);
    order.forEach(({ controller }, i) => {
      controller.abort();
      if (i % 200 === 0) assertBooks(group);
    });
    assertEquals([group.size, group.stats.abandoned], [0, n]);
    // O(1) a task: in and out, and once more when half of them are gone.
    assert(queue.uses <= 4 * n, `the queue was used ${queue.uses} times`);
    assert(controllers.every(({ listeners }) => listeners === 0));
    group.resume();
    assertEquals(await group.wait(), n);
    assertEquals(group.stats.fulfilled, 0);
  });
}

test("A task that was withdrawn among others does not start, and the others do, in order", async () => {
  const group = new CoGroup({ concurrency: 2, paused: true });
  const started: number[] = [];
  const controllers = range(100).map(() => new AbortController());
  const results = range(100).map((i) => {
    const { signal } = controllers[i]!;
    const task = () => void started.push(i);
    return i % 2 === 0 ? group.add(task, { signal }) : group.go(task, {
      signal,
    }).catch((e) => e);
  });
  const gone = range(100).filter((i) => i % 3 !== 1);
  for (const i of gone) controllers[i]!.abort(i);
  group.resume();
  assertEquals(await group.wait(), gone.length);
  assertEquals(started, range(100).filter((i) => i % 3 === 1));
  for (const i of gone) {
    if (i % 2 === 1) assertEquals(await results[i], i);
  }
});

test("ctx.signal is quiet, and one for each run; ctx.attempt and ctx.workerId tell which", async () => {
  const group = new CoGroup(1);
  const signals = new Set<AbortSignal>();
  const seen: unknown[] = [];
  for (const bring of ["add", "add", "go"] as const) {
    group[bring]((ctx) => {
      assert(ctx.signal === ctx.signal && !ctx.signal.aborted);
      signals.add(ctx.signal);
      seen.push([ctx.workerId, ctx.attempt]);
    });
  }
  await group.wait();
  assertEquals([signals.size, seen], [3, [[0, 1], [0, 1], [0, 1]]]);
});

test("ctx.signal that is read after the task has ended is quiet, and the group forgets it", async () => {
  const group = new CoGroup({ concurrency: 1, grace: 0 });
  const contexts: { signal: AbortSignal }[] = [];
  group.add((ctx) => void contexts.push(ctx));
  group.go((ctx) => void contexts.push(ctx));
  await group.idle();
  assert(contexts.every(({ signal }) => !signal.aborted));
  group.abort();
  assert(contexts.every(({ signal }) => !signal.aborted));
  await group.wait();
});

test("timeout: the TimeoutError says after how many milliseconds", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, timeout: 250 });
  const slow = gate();
  const result = group.go(() => slow.promise).catch((e) => e);
  await settled();
  time.tick(250);
  assertEquals((await result).message, "The task timed out after 250 ms");
  slow.open();
  await group.wait();
});

test("timeout: a task with an attempt to come whose signal speaks after its time is overdue once", async () => {
  using time = new FakeTime();
  const group = new CoGroup(1);
  const controller = new AbortController();
  const slow = gate();
  const result = group.go(() => slow.promise, {
    timeout: 100,
    retry: {},
    signal: controller.signal,
  }).catch((e) => e);
  await settled();
  time.tick(100);
  assertEquals(group.stats.overdue, 1);
  controller.abort("mine");
  assertEquals([await result, group.stats.overdue], ["mine", 1]);
  slow.open();
  await group.wait();
  assertEquals(group.stats.overdue, 0);
  assertBooks(group);
});

const kinds: [string, CoGroupOptions & TaskOptions][] = [
  ["bare", { concurrency: 2 }],
  ["with a timeout", { concurrency: 2, timeout: 60_000 }],
  ["with a priority", { concurrency: 2, priority: 1 }],
];

for (const [kind, options] of kinds) {
  test(`ctx.signal of a task (${kind}) that has ended is quiet, though the group is aborted while another one runs`, async () => {
    const group = new CoGroup({ ...options, grace: 0 });
    const other = gate();
    const signals: AbortSignal[] = [];
    const late: TaskContext[] = [];
    const look = (ctx: TaskContext) => void signals.push(ctx.signal);
    const keep = (ctx: TaskContext) => void late.push(ctx);
    const running = group.go(({ signal }) => other.promise.then(() => signal));
    for (const task of [look, keep]) {
      const own = options.priority === undefined ? undefined : options;
      group.add(task, own);
      await settled();
      await group.go(task, own);
      for await (const _ of group.map([1], (_, ctx) => task(ctx), own));
    }
    group.abort();
    signals.push(...late.map(({ signal }) => signal));
    assertEquals(
      signals.map(({ aborted }) => aborted),
      range(6).map(() => false),
    );
    other.open();
    assertEquals((await running).aborted, true);
    await group.wait();
  });
}

test("timeout: it may be longer than one timer can be set for; Infinity sets none", async () => {
  for (const timeout of [LONGEST + 1000, Infinity]) {
    using time = new FakeTime();
    const group = new CoGroup({ concurrency: 1, timeout });
    const slow = gate();
    const result = group.go(() => slow.promise);
    result.catch(() => {});
    await settled();
    time.tick(LONGEST + 999);
    assertEquals(group.stats.overdue, 0);
    time.tick(1);
    assertEquals(group.stats.overdue, timeout === Infinity ? 0 : 1);
    assertEquals(time.next(), false);
    slow.open();
    await Promise.allSettled([result, group.wait()]);
  }
});

test("ctx.signal is one for each task of those that a worker runs one after the other", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const signals: AbortSignal[] = [];
  for (const _ of range(3)) {
    group.add(({ signal }) => void signals.push(signal));
  }
  group.resume();
  await group.wait();
  assertEquals(new Set(signals).size, 3);
});

test("ctx.signal and ctx.attempt are of the task alone while it runs, also where its function hides that it takes them", async () => {
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const own = new AbortController();
  const after: [attempt: number, aborted: boolean][] = [];
  const look = (...[ctx]: TaskContext[]) =>
    void after.push([ctx!.attempt, ctx!.signal.aborted]);
  const retry = { maxAttempts: 2, minTimeout: 0 };
  const { signal } = own;
  group.add(() => own.abort(), { signal }); // Its context was told, and it does not ask.
  group.add(look);
  let tries = 0;
  group.add((...[ctx]: TaskContext[]) => {
    assertEquals(ctx!.attempt, ++tries);
    if (tries === 1) throw new Error("once");
  }, { retry });
  await group.idle();
  group.add(look, { timeout: 1000 });
  group.add(look);
  await group.wait();
  assertEquals(after, [[1, false], [1, false], [1, false]]);
  assertEquals(group.stats.fulfilled, 5);
});

test("timeout: each task has its own time, though one timer may serve several", async () => {
  using time = new FakeTime();
  const failed: unknown[] = [];
  const group = new CoGroup({
    concurrency: 8,
    slice: Infinity,
    onError: (_, { options }) => void failed.push([options!.id, time.now]),
  });
  const start = time.now;
  const ends: (() => void)[] = [];
  const add = (id: string, timeout: number) =>
    group.add(() => new Promise<void>((end) => ends.push(end)), {
      id,
      timeout,
    });
  add("a", 100);
  add("b", 1000);
  await settled();
  time.tick(40);
  add("c", 100);
  add("d", 50);
  await settled();
  ends[0]!(); // The one for which the timer was set.
  await settled();
  time.tick(49);
  assertEquals(failed, []);
  time.tick(911);
  assertEquals(
    failed,
    [["d", start + 90], ["c", start + 140], ["b", start + 1000]],
  );
  assertEquals([group.stats.overdue, time.next()], [3, false]);
  for (const end of ends) end();
  await group.wait();
});

test("timeout: a timer that was set for a task which has ended goes off for nothing, and none stays at rest", async () => {
  using time = new FakeTime();
  const failed: unknown[] = [];
  const group = new CoGroup({
    concurrency: 2,
    timeout: 100,
    slice: Infinity,
    onError: (error) => void failed.push(error),
  });
  const slow = gate();
  group.add(() => {});
  await settled();
  time.tick(99);
  group.add(() => slow.promise, { timeout: 150 });
  group.add(() => {});
  await settled();
  time.tick(149);
  assertEquals(failed, []);
  slow.open();
  await group.idle();
  assertEquals([failed, time.next()], [[], false]);
});
