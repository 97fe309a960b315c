/**
 * `grace`: how long an abort of the group leaves its running tasks undisturbed.
 */

import { CoGroup, type TaskContext } from "../mod.ts";
import { LONGEST } from "../src/base/timer.ts";
import { gate, microtasks, range, settled, Tasks } from "./support/helpers.ts";
import { assertEquals, assertStrictEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

test("grace: 0 lets running tasks see the abort at once, also those that look later", async () => {
  const group = new CoGroup({ concurrency: 2, grace: 0 });
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
  group.abort("stop");
  assertEquals(seen, ["stop"]);
  late.open();
  await group.wait();
  assertEquals(seen, ["stop", true, "stop"]);
});

test("grace: a number lets running tasks go on undisturbed for that many milliseconds", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 2, grace: 5000 });
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
    group.abort("stop");
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

test("grace: its timer goes, too, when the last task ends as the workers are about to look around", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, grace: 5000 });
    const { promise, open } = gate();
    group.add((ctx) => ctx.signal && promise);
    await settled();
    group.abort();
    await settled();
    open();
    group.concurrency = 2;
    await settled();
    assertEquals(time.next(), false, "no timer is left");
  } finally {
    time.restore();
  }
});

test("grace: its timer goes when the last task in flight ends", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup({ concurrency: 1, grace: 5000 });
    const tasks = new Tasks();
    group.add(tasks.task("a"));
    await settled();
    group.abort();
    tasks.openAll();
    await group.wait();
    assertEquals(time.next(), false);
  } finally {
    time.restore();
  }
});

/** A group of this grace, aborted for "group" while one task is in flight. */
async function aborted(
  grace: number | undefined,
  time: InstanceType<typeof FakeTime>,
): Promise<{ group: CoGroup; ctx: TaskContext; end: () => void }> {
  const group = new CoGroup({
    concurrency: 1,
    slice: Infinity,
    ...(grace !== undefined && { grace }),
  });
  let ctx: TaskContext | undefined;
  const { promise, open } = gate();
  group.add((own) => {
    ctx = own;
    return promise;
  });
  await microtasks();
  assertEquals(time.next(), false, "no timer before the abort");
  group.abort("group");
  return { group, ctx: ctx!, end: open };
}

test("grace: Infinity, which is the default, never lets the abort through, and sets no timer", async () => {
  using time = new FakeTime();
  for (const grace of [undefined, Infinity]) {
    const { group, ctx, end } = await aborted(grace, time);
    const { signal } = ctx;
    assertEquals([time.next(), signal.aborted], [false, false]);
    end();
    await group.wait();
    assertEquals(ctx.signal.aborted, false);
  }
});

test("grace: a number lets the abort through to a task that looks while that time goes by, when it is over", async () => {
  using time = new FakeTime();
  const { group, ctx, end } = await aborted(100, time);
  time.tick(50);
  const { signal } = ctx;
  assertEquals(signal.aborted, false);
  time.tick(49);
  assertEquals(signal.aborted, false);
  time.tick(1);
  assertEquals(signal.reason, "group");
  end();
  await group.wait();
});

test("grace: a number lets the abort through to a task that looks when that time is over", async () => {
  using time = new FakeTime();
  const { group, ctx, end } = await aborted(100, time);
  time.tick(100);
  assertEquals(ctx.signal.reason, "group");
  assertEquals(time.next(), false);
  end();
  await group.wait();
});

test("grace: it may be longer than one timer can be set for", async () => {
  using time = new FakeTime();
  const { group, ctx, end } = await aborted(LONGEST + 1000, time);
  const { signal } = ctx;
  time.tick(LONGEST);
  time.tick(999);
  assertEquals(signal.aborted, false);
  time.tick(1);
  assertEquals(signal.reason, "group");
  end();
  await group.wait();
});

test("grace: an abort with nothing in flight sets no timer", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, grace: 100, paused: true });
  group.add(() => {});
  group.abort();
  assertEquals(time.next(), false);
  assertEquals(await group.wait(), 1);
});

test("grace: each abort has its own, also when the group was reset in between", async () => {
  using time = new FakeTime();
  for (const grace of [0, 100]) {
    const { group, end } = await aborted(grace, time);
    time.tick(grace);
    end();
    await group.reset();
    assertEquals(time.next(), false);
    let signal!: AbortSignal;
    const next = gate();
    group.add((ctx) => {
      ({ signal } = ctx);
      return next.promise;
    });
    await microtasks();
    time.tick(1000);
    assertEquals(signal.aborted, false);
    group.abort("again");
    assertEquals(signal.aborted, grace === 0);
    time.tick(grace);
    assertEquals(signal.reason, "again");
    next.open();
    await group.wait();
  }
});

for (const looks of [true, false]) {
  const when = looks ? "before" : "after them";
  test(`ctx.signal that is read ${when} has the reason that came first: of the task's signal, its timeout, or the group`, async () => {
    using time = new FakeTime();
    for (const first of ["own", "time", "group"]) {
      const own = new AbortController();
      const group = new CoGroup({
        concurrency: 1,
        grace: 0,
        slice: Infinity,
        onError: () => {}, // Of the timeout.
      });
      let ctx!: TaskContext;
      const { promise, open } = gate();
      group.add((given) => {
        ctx = given;
        if (looks) void ctx.signal;
        return promise;
      }, { signal: own.signal, timeout: 100 });
      await microtasks();
      const speak: Record<string, () => void> = {
        own: () => own.abort("own"),
        time: () => time.tick(100),
        group: () => group.abort("group"),
      };
      speak[first]!();
      for (const next of Object.values(speak)) next();
      const { reason } = ctx.signal;
      assertEquals(
        first === "time" ? (reason as Error).name : reason,
        first === "time" ? "TimeoutError" : first,
      );
      open();
      await group.wait();
      assertStrictEquals(ctx.signal.reason, reason, "and so it stays");
    }
  });
}

test("ctx.signal that is read when the task has ended says what was said before that", async () => {
  const own = new AbortController();
  const group = new CoGroup({ concurrency: 1, slice: Infinity, grace: 0 });
  const seen: TaskContext[] = [];
  const { promise, open } = gate();
  group.add((ctx) => {
    seen.push(ctx);
    return promise;
  }, { signal: own.signal });
  await microtasks();
  own.abort("own");
  open();
  await group.idle();
  assertEquals(seen[0]!.signal.reason, "own");
  await group.wait();
});

test("ctx.signal is its own task's alone, however the task takes its context", async () => {
  const group = new CoGroup({ concurrency: 1, slice: Infinity, grace: 0 });
  const signals: AbortSignal[] = [];
  const { promise, open } = gate();
  group.add((...[ctx]) => void signals.push(ctx.signal));
  group.add((...[ctx]) => {
    signals.push(ctx.signal);
    return promise;
  });
  await microtasks();
  group.abort();
  assertEquals(signals.map(({ aborted }) => aborted), [false, true]);
  open();
  await group.wait();
});

test("ctx.signal of a task that comes right after another one hears the group's abort", async () => {
  const fails = () => Promise.reject("failed");
  const { signal } = new AbortController();
  for (
    const [task, options] of [
      [() => {}, {}],
      [() => {}, { signal }],
      [fails, {}],
      [fails, { signal }],
    ] as const
  ) {
    const group = new CoGroup({
      concurrency: 1,
      slice: Infinity,
      grace: 0,
      onError: () => {},
    });
    const reasons: unknown[] = [];
    group.add(task, options);
    group.add((ctx) =>
      new Promise<void>((resolve) => {
        ctx.signal.addEventListener("abort", () => {
          reasons.push(ctx.signal.reason);
          resolve();
        });
      })
    );
    await microtasks();
    group.abort("stop");
    assertEquals(reasons, ["stop"]);
    await group.wait();
  }
});

test("ctx.signal of a task that has failed is quiet while isRetriable thinks it over", async () => {
  const { promise, open } = gate<boolean>();
  const retry = { isRetriable: () => promise };
  const group = new CoGroup({
    concurrency: 2,
    slice: Infinity,
    grace: 0,
    retry,
    onError: () => {},
  });
  const signals: AbortSignal[] = [];
  const fails = (ctx: TaskContext) => {
    signals.push(ctx.signal);
    throw new Error("judged");
  };
  group.add(fails);
  group.add(fails, { signal: new AbortController().signal });
  await microtasks();
  assertEquals(group.inFlight, 2);
  group.abort();
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
  open(false);
  await group.wait();
});

test("ctx.attempt is that of its own run, whatever comes after", async () => {
  using time = new FakeTime();
  const retry = { maxAttempts: 3, jitter: 0 };
  const group = new CoGroup({ concurrency: 1, slice: Infinity, retry });
  const contexts: TaskContext[] = [];
  group.add((ctx) => {
    contexts.push(ctx);
    if (contexts.length < 3) throw new Error("again");
  });
  const done = group.wait();
  for (const _ of range(3)) {
    await microtasks();
    time.tick(60_000);
  }
  await done;
  assertEquals(contexts.map(({ attempt }) => attempt), [1, 2, 3]);
});

test("ctx.attempt is 1 of a task that comes right after a retried one", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const attempts: number[] = [];
  const retry = { maxAttempts: 2, jitter: 0 };
  const isFirst = [true];
  group.add(() => {
    if (isFirst.pop()) throw new Error("again");
    group.add(({ attempt }) => void attempts.push(attempt));
  }, { retry });
  await microtasks();
  time.tick(60_000);
  await group.idle();
  assertEquals(attempts, [1]);
  await group.wait();
});
