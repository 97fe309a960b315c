import { CoGroup, keyedQueue, type TaskFailure } from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** Runs the test with fake time, and checks that it leaves no timer. */
function timed(
  name: string,
  run: (time: InstanceType<typeof FakeTime>) => Promise<void>,
): void {
  test(name, async () => {
    const time = new FakeTime();
    try {
      await run(time);
      assertEquals(time.next(), false, "no timer is left");
    } finally {
      time.restore();
    }
  });
}

const exactly = (minTimeout: number) => ({ minTimeout, jitter: 0 });

timed(
  "Law 11: 1,000 tasks that fail twice wait without a worker: three rounds, not 1,000 waits",
  async (time) => {
    const group = new CoGroup({
      concurrency: 4,
      slice: Infinity, // Rounds of virtual time, however slow the machine.
      retry: { ...exactly(1000), multiplier: 1 },
    });
    const start = time.now;
    let most = 0;
    const attempts: number[] = [];
    for (const _ of range(1000)) {
      group.add(async ({ attempt }) => {
        attempts.push(attempt);
        most = Math.max(most, group.inFlight);
        await Promise.resolve();
        assert(group.inFlight === 4 || group.size === 0, "no worker is idle");
        if (attempt < 3) throw new Error("again");
      });
    }
    const done = group.wait();
    await settled();
    assertEquals([group.stats.delayed, group.stats.retried], [1000, 1000]);
    while (group.stats.fulfilled < 1000) {
      assertBooks(group);
      await time.nextAsync();
      await settled();
    }
    assertEquals(await done, 0);
    assertEquals([most, time.now - start], [4, 2000]);
    assertEquals(attempts.slice(0, 1000), range(1000).map(() => 1));
    assertEquals(attempts.slice(-1000), range(1000).map(() => 3));
    assertEquals(group.stats.retried, 2000);
  },
);

timed(
  "retry: a delayed task keeps idle() and wait() waiting, and re-enters behind what is queued",
  async (time) => {
    const group = new CoGroup(1);
    const order: string[] = [];
    group.add(({ attempt }) => {
      order.push(`retried ${attempt}`);
      if (attempt === 1) throw new Error("again");
    }, { retry: exactly(100) });
    await settled();
    let idle = false;
    const promise = group.idle().then(() => idle = true);
    await settled();
    assertEquals([idle, group.stats.delayed, group.size], [false, 1, 0]);
    group.pause();
    group.add(() => void order.push("queued"));
    time.tick(100);
    assertEquals([group.stats.delayed, group.size], [0, 2]);
    group.resume();
    await promise;
    assertEquals(order, ["retried 1", "queued", "retried 2"]);
    assertEquals(await group.wait(), 0);
  },
);

timed(
  "retry: a delayed task takes no place in the queue's capacity",
  async (time) => {
    const group = new CoGroup({ concurrency: 1, capacity: 1 });
    const tasks = new Tasks();
    group.add(({ attempt }) => {
      if (attempt === 1) throw new Error("again");
    }, { retry: exactly(100) });
    await settled();
    group.add(tasks.task("runs"));
    await settled();
    assert(group.tryInsert(tasks.task("queued")));
    time.tick(100);
    assertEquals([group.size, group.capacity], [2, 1]);
    tasks.openAll();
    assertEquals(await group.wait(), 0);
  },
);

timed(
  "Law 9: a task that is queued once more is withdrawn from the queue, and its key goes on",
  async (time) => {
    for (const queue of [undefined, keyedQueue()]) {
      const group = new CoGroup({ concurrency: 1, ...(queue && { queue }) });
      const tasks = new Tasks();
      const controller = new CountingController();
      const { signal } = controller;
      group.add(() => {
        throw new Error("again");
      }, { signal, retry: exactly(100), key: "a" });
      await settled();
      group.add(tasks.task("runs"), { key: "b" });
      await settled();
      time.tick(100);
      assertEquals([group.size, group.stats.delayed], [1, 0]);
      controller.abort();
      assertEquals([group.size, group.stats.abandoned], [0, 1]);
      assertEquals(controller.listeners, 0);
      assertBooks(group);
      group.add(tasks.task("next"), { key: "a" });
      await settled();
      assertEquals(tasks.started, ["runs"]);
      tasks.openAll();
      assertEquals(await group.wait(), 1);
      assertEquals(tasks.started, ["runs", "next"]);
    }
  },
);

timed(
  "retry: the backoff grows by multiplier up to maxTimeout, and jitter takes from it",
  async (time) => {
    const random = Math.random;
    Math.random = () => 0.5;
    try {
      for (const [jitter, part] of [[0, 1], [1, 0.5], [0.5, 0.75]] as const) {
        const group = new CoGroup({
          concurrency: 1,
          onError: () => {},
          retry: {
            maxAttempts: 5,
            minTimeout: 100,
            maxTimeout: 1000,
            multiplier: 3,
            jitter,
          },
        });
        const times: number[] = [];
        group.add(() => {
          times.push(time.now);
          throw new Error("again");
        });
        const done = group.wait();
        await settled();
        while (await time.nextAsync()) await settled();
        await done;
        const waits = times.slice(1).map((t, i) => t - times[i]!);
        assertEquals(waits, [100, 300, 900, 1000].map((ms) => ms * part));
      }
    } finally {
      Math.random = random;
    }
  },
);

timed(
  "retry: go rejects with, and onError gets, the last error, unwrapped, and how often it was tried",
  async (time) => {
    const heard: [unknown, TaskFailure][] = [];
    const group = new CoGroup({
      concurrency: 1,
      onError: (error, failure) => void heard.push([error, failure]),
      retry: { ...exactly(10), maxAttempts: 3 },
    });
    const task = ({ attempt }: { attempt: number }) => Promise.reject(attempt);
    group.add(task);
    const result = group.go(task).catch((error) => error);
    for (const _ of range(4)) {
      await settled();
      time.tick(1000);
    }
    assertEquals(await result, 3);
    await group.wait();
    assertEquals(heard.length, 1);
    assertEquals([heard[0]![0], heard[0]![1].attempt], [3, 3]);
    assertEquals([group.stats.rejected, group.stats.retried], [2, 4]);
  },
);

timed(
  "retry: isRetriable says which errors are; a task's retry stands in place of the group's",
  async () => {
    const heard: unknown[] = [];
    const group = new CoGroup({
      concurrency: 1,
      onError: (error) => heard.push(error),
      retry: { isRetriable: (error) => error !== "fatal" },
    });
    group.add(() => Promise.reject("fatal"));
    group.add(() => Promise.reject("once"), { retry: { maxAttempts: 1 } });
    await group.wait();
    assertEquals(heard, ["fatal", "once"]);
  },
);

timed(
  "retry: delay tells how long to wait, beyond maxTimeout too; undefined leaves it to the backoff",
  async (time) => {
    const asked: [unknown, number][] = [];
    const group = new CoGroup({
      concurrency: 1,
      retry: {
        ...exactly(10),
        maxTimeout: 50,
        delay: (error, attempt) => {
          asked.push([error, attempt]);
          return attempt === 1 ? 5000 : undefined;
        },
      },
    });
    const times: number[] = [];
    const result = group.go(({ attempt }) => {
      times.push(time.now);
      if (attempt < 3) throw attempt;
      return "done";
    });
    await settled();
    while (await time.nextAsync()) await settled();
    assertEquals(await result, "done");
    assertEquals(asked, [[1, 1], [2, 2]]);
    assertEquals(times.slice(1).map((t, i) => t - times[i]!), [5000, 20]);
    await group.wait();
  },
);

for (const bad of [NaN, -1, Infinity, "5" as never]) {
  test(`retry: delay that returns ${bad} fails the task once, with a clear error whose cause is the task's`, async () => {
    const own = new Error("own");
    const heard: unknown[] = [];
    const group = new CoGroup({
      concurrency: 1,
      onError: (error) => heard.push(error),
      retry: { delay: () => bad },
    });
    group.add(() => Promise.reject(own));
    let ran = false;
    group.add(() => void (ran = true));
    await group.wait();
    assert(ran);
    assertEquals(heard.length, 1);
    const error = heard[0] as RangeError;
    assert(error instanceof RangeError && error.message.includes("delay"));
    assertEquals(error.cause, own);
    assertEquals([group.stats.rejected, group.stats.retried], [1, 0]);
  });
}

test("Law 7: an isRetriable that throws fails the task once, with that; the worker lives", async () => {
  const error = new Error("isRetriable");
  const group = new CoGroup({
    concurrency: 1,
    retry: {
      isRetriable: () => {
        throw error;
      },
    },
  });
  const result = await group.go(() => Promise.reject("own")).catch((e) => e);
  assertEquals(result, error);
  assertEquals(await group.go(() => 1), 1);
  assertEquals(group.stats.rejected, 1);
  await group.wait();
});

timed(
  "Law 5: an abort with 10 queued, 10 delayed, 4 running and 3 blocked inserts: 20 abandoned, 3 false, 4 finish",
  async () => {
    const upstream = new CountingController();
    const own = new CountingController();
    const group = new CoGroup({
      concurrency: 4,
      capacity: 10,
      signal: upstream.signal,
      sink: 5000,
    });
    const tasks = new Tasks();
    const quiet: Promise<unknown>[] = [];
    for (const i of range(10)) {
      const options = { retry: exactly(60_000), signal: own.signal };
      const failing = () => Promise.reject(new Error("again"));
      if (i % 2 === 0) group.add(failing, options);
      else quiet.push(group.go(failing, options));
    }
    await settled();
    for (const i of range(4)) group.add(tasks.task(i));
    await settled();
    for (const i of range(10)) group.add(tasks.task(`queued ${i}`));
    const blocked = range(3).map((i) =>
      group.insert(tasks.task(`blocked ${i}`), { signal: own.signal })
    );
    const { queued, delayed, inFlight } = group.stats;
    assertEquals([queued, delayed, inFlight], [10, 10, 4]);
    upstream.abort("stop");
    assertEquals(await Promise.all(blocked), [false, false, false]);
    assertEquals(group.stats.abandoned, 20);
    tasks.openAll();
    assertEquals(await group.wait(), 20);
    assertEquals(tasks.started, range(4));
    assertEquals([upstream.listeners, own.listeners], [0, 0]);
    for (const promise of quiet) {
      assertEquals(await promise.catch((e) => e), "stop");
    }
    assertEquals(group.drain().length, 20);
  },
);

timed(
  "retry: a task that fails after the abort is not tried again",
  async () => {
    const heard: unknown[] = [];
    const group = new CoGroup({
      concurrency: 2,
      retry: {},
      onError: (error) => heard.push(error),
    });
    const tasks = new Tasks();
    group.add(tasks.task(0));
    // This one's isRetriable cancels: then there is no attempt to come either.
    group.add(tasks.task(1), {
      retry: {
        isRetriable: () => {
          group.cancel();
          return true;
        },
      },
    });
    await settled();
    tasks.fail(1, "one");
    await settled();
    tasks.fail(0, "zero");
    assertEquals(await group.wait(), 0);
    assertEquals(heard, ["one", "zero"]);
    assertEquals(group.stats.rejected, 2);
  },
);

timed(
  "Law 11: one task never has two attempts running, also when one times out",
  async (time) => {
    const group = new CoGroup({
      concurrency: 4,
      timeout: 100,
      retry: exactly(10),
    });
    const gates = range(2).map(() => gate<string>());
    const started: number[] = [];
    const result = group.go(({ attempt }) => {
      started.push(attempt);
      return gates[attempt - 1]!.promise;
    });
    await settled();
    time.tick(100);
    await settled();
    assertEquals([group.stats.overdue, group.inFlight], [1, 1]);
    time.tick(1000);
    await settled();
    assertEquals(started, [1], "the first attempt has not ended");
    gates[0]!.open("too late");
    await settled();
    assertEquals([group.stats.overdue, group.stats.delayed], [0, 1]);
    time.tick(10);
    await settled();
    gates[1]!.open("in time");
    assertEquals(await result, "in time");
    assertEquals(started, [1, 2]);
    await group.wait();
    const { fulfilled, rejected, retried } = group.stats;
    assertEquals([fulfilled, rejected, retried], [1, 0, 1]);
  },
);

timed(
  "timeout: a timed-out attempt with one to come, whose group is aborted, has failed with its TimeoutError",
  async (time) => {
    const group = new CoGroup({ concurrency: 1, timeout: 100, retry: {} });
    const { open, promise } = gate();
    const result = group.go(() => promise).catch((e) => e);
    await settled();
    time.tick(100);
    group.cancel("stop");
    open();
    assertEquals((await result).name, "TimeoutError");
    assertEquals(await group.wait(), 0);
    assertEquals(group.stats.rejected, 1);
  },
);

for (const callback of ["isRetriable", "delay"] as const) {
  test(`retry: ${callback} that aborts the task's own signal fails it, with its own error`, async () => {
    const controller = new AbortController();
    const group = new CoGroup(1);
    const error = new Error("the task's own");
    const promise = group.go(() => Promise.reject(error), {
      signal: controller.signal,
      retry: {
        minTimeout: 0,
        [callback]: () => {
          controller.abort("own");
          return callback === "delay" ? 0 : true;
        },
      },
    });
    assertStrictEquals(await promise.catch((reason) => reason), error);
    assertEquals(await group.wait(), 0);
    assertEquals(group.stats.rejected, 1);
  });
}
