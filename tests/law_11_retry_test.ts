import {
  CoGroup,
  keyedQueue,
  type RetryOptions,
  type TaskFailure,
} from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  microtasks,
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
import { unhandled } from "./support/unhandled.ts";

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
      grace: 5000,
      slice: Infinity, // All ten have failed when they have settled.
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
    assertEquals(group.clear().length, 20);
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
    // This one's isRetriable aborts the group: then there is no attempt to come either.
    group.add(tasks.task(1), {
      retry: {
        isRetriable: () => {
          group.abort();
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
    group.abort("stop");
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

/** The calls that bring a task in; each gives what becomes of it, "-" where none tells. */
const calls: Record<
  string,
  (group: CoGroup, task: () => never) => Promise<unknown>
> = {
  go: (group, task) => group.go(task).catch((error) => error),
  map: (group, task) => group.map([1], task).next().catch((error) => error),
  mapSettled: async (group, task) =>
    ((await group.mapSettled([1], task).next()).value as PromiseRejectedResult)
      .reason,
  add: (group, task) => {
    group.add(task);
    return group.wait().then(() => "-");
  },
  insert: async (group, task) => {
    await group.insert(task);
    return group.wait().then(() => "-");
  },
};

const asked = new Error("from isRetriable");

/** What the user's functions answer later, and how many attempts that makes. */
const later: Record<string, [retry: RetryOptions, attempts: number, unknown]> =
  {
    "isRetriable that resolves to false": [
      { isRetriable: () => Promise.resolve(false) },
      1,
      undefined,
    ],
    "isRetriable that resolves to true": [
      { isRetriable: () => Promise.resolve(true) },
      3,
      undefined,
    ],
    "isRetriable that rejects": [
      { isRetriable: () => Promise.reject(asked) },
      1,
      asked,
    ],
    "isRetriable that returns a thenable": [
      {
        isRetriable: () =>
          ({ then: (tell: (is: boolean) => void) => tell(false) }) as
            & PromiseLike<boolean>
            & Promise<boolean>,
      },
      1,
      undefined,
    ],
    "delay that resolves to a number": [
      { delay: () => Promise.resolve(5) },
      3,
      undefined,
    ],
    "delay that resolves to undefined": [
      { delay: () => Promise.resolve(undefined) },
      3,
      undefined,
    ],
    "delay that rejects": [{ delay: () => Promise.reject(asked) }, 1, asked],
  };

for (const [call, bring] of Object.entries(calls)) {
  for (const [what, [retry, attempts, told]] of Object.entries(later)) {
    test(`retry: ${what} makes ${attempts} attempts of a task of ${call}, and no unhandled rejection`, async () => {
      const own = new Error("own");
      const errors: unknown[] = [];
      let ran = 0;
      let outcome: unknown;
      const rejections = await unhandled(async () => {
        const time = new FakeTime();
        try {
          const group = new CoGroup({
            concurrency: 1,
            slice: Infinity,
            retry: { ...exactly(5), maxAttempts: 3, ...retry },
            onError: (error) => void errors.push(error),
          });
          const end = bring(group, () => {
            ran++;
            throw own;
          });
          for (const _ of range(3)) {
            await microtasks();
            time.tick(5 * 2 ** 3);
          }
          outcome = await end;
          await group.wait();
          assertEquals([group.stats.rejected, group.inFlight], [1, 0]);
        } finally {
          time.restore();
        }
      });
      const error = told ?? own;
      assertEquals([ran, rejections.length], [attempts, 0]);
      if (outcome === "-") assertEquals(errors, [error]);
      else assertStrictEquals(outcome, error);
    });
  }
}

for (const answer of [true, false, undefined]) {
  const what = answer === undefined ? "rejects" : `resolves to ${answer}`;
  test(`retry: isRetriable that ${what} judges a timeout; the worker is the task's until that has ended`, async () => {
    using time = new FakeTime();
    const slow = gate();
    let attempts = 0;
    const group = new CoGroup({
      concurrency: 1,
      slice: Infinity,
      timeout: 100,
      retry: {
        ...exactly(10),
        isRetriable: () =>
          answer === undefined
            ? Promise.reject(asked)
            : Promise.resolve(answer),
      },
    });
    const outcome = group.go(async () => {
      if (++attempts === 1) await slow.promise;
      return "done";
    }).catch((error) => error.message);
    await microtasks();
    time.tick(100);
    slow.open(); // The attempt ends while isRetriable is asked.
    await microtasks();
    time.tick(10);
    assertEquals(
      await outcome,
      answer === undefined
        ? asked.message
        : answer
        ? "done"
        : "The task timed out after 100 ms",
    );
    assertEquals([attempts, group.stats.overdue], [answer ? 2 : 1, 0]);
    await group.wait();
  });
}

const never = new Promise<never>(() => {});

/** The user's functions that may take their time, and never answer. */
const silent: Record<string, RetryOptions> = {
  isRetriable: { isRetriable: () => never },
  delay: { delay: () => never },
};

for (const [callback, retry] of Object.entries(silent)) {
  for (const [call, bring] of Object.entries(calls)) {
    test(`retry: a task of ${call} that ${callback} judges for ever fails with its own error at the abort of its group`, async () => {
      const own = new Error("own");
      const errors: unknown[] = [];
      const onError = (error: unknown) => void errors.push(error);
      const group = new CoGroup({ concurrency: 1, retry, onError });
      const outcome = bring(group, () => {
        throw own;
      });
      await settled();
      assertEquals(group.inFlight, 1);
      group.abort("why");
      assertBooks(group);
      assertEquals(await group.wait(), 0);
      const isStream = call.startsWith("map");
      if (isStream) await outcome.catch(() => {}); // An abort ends it, at once.
      else assertStrictEquals(await outcome, call === "go" ? own : "-");
      assertEquals(errors, call === "go" ? [] : [own]);
      assertEquals([group.stats.rejected, group.inFlight], [1, 0]);
    });
  }

  for (const timeout of [Infinity, 100]) {
    const what = timeout === Infinity ? "failure" : "timeout";
    test(`retry: a go whose ${what} ${callback} judges for ever is told of its own signal at once, and the worker is free when the task has ended`, async () => {
      using time = new FakeTime();
      const group = new CoGroup({ concurrency: 1, retry });
      const own = new CountingController();
      const { signal } = own;
      const slow = gate();
      const task = () =>
        timeout === Infinity ? Promise.reject("own") : slow.promise;
      const outcome = group.go(task, { signal, timeout }).catch((e) => e);
      await settled();
      time.tick(100);
      await settled();
      own.abort("withdrawn");
      assertEquals(await outcome, "withdrawn");
      slow.open();
      assertEquals([await group.wait(), own.listeners], [0, 0]);
      assertBooks(group);
      assertEquals([group.stats.rejected, group.stats.overdue], [1, 0]);
    });

    test(`retry: an add whose ${what} ${callback} judges for ever fails for good when its own signal is aborted`, async () => {
      using time = new FakeTime();
      const errors: unknown[] = [];
      const onError = (error: unknown) => void errors.push(error);
      const group = new CoGroup({ concurrency: 1, retry, onError });
      const own = new AbortController();
      const { signal } = own;
      const slow = gate();
      const error = new DOMException("own", "TimeoutError");
      const task = () =>
        timeout === Infinity ? Promise.reject(error) : slow.promise;
      group.add(task, { signal, timeout });
      await settled();
      time.tick(100);
      await settled();
      own.abort("withdrawn");
      await settled();
      assertEquals((errors as Error[]).map(({ name }) => name), [error.name]);
      slow.open();
      assertEquals(await group.wait(), 0);
      assertEquals([errors.length, group.stats.rejected], [1, 1]);
    });
  }

  test(`retry: a go whose timeout ${callback} judges for ever has timed out at the abort of its group, though the task runs on`, async () => {
    using time = new FakeTime();
    const group = new CoGroup({ concurrency: 1, retry, timeout: 100 });
    const slow = gate();
    const outcome = group.go(() => slow.promise).catch((e) => e.name);
    await settled();
    time.tick(100);
    await settled();
    group.abort("why");
    assertEquals(await outcome, "TimeoutError");
    assertEquals([group.inFlight, group.stats.overdue], [1, 1]);
    slow.open();
    assertEquals([await group.wait(), group.stats.rejected], [0, 1]);
  });

  test(`retry: an item of a map that ${callback} judges for ever fails for good when its reader has left`, async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const group = new CoGroup({ concurrency: 1, retry, onError });
    const stream = group.map([1], () => Promise.reject("own"));
    const next = stream.next();
    await settled();
    await stream.return!();
    assertEquals(await next, { value: undefined, done: true });
    assertEquals([await group.wait(), errors], [0, ["own"]]);
  });

  test(`retry: ${callback} that aborts the group and then never answers fails the task, with its own error`, async () => {
    const group = new CoGroup({
      concurrency: 1,
      retry: {
        [callback]: () => {
          group.abort("why");
          return never;
        },
      },
    });
    const outcome = group.go(() => Promise.reject("own")).catch((e) => e);
    assertEquals([await outcome, await group.wait()], ["own", 0]);
  });
}

for (const answer of [true, false, undefined]) {
  const what = answer === undefined ? "rejects" : `resolves to ${answer}`;
  test(`retry: isRetriable that ${what} after the abort of the group is heard no more`, async () => {
    const late = gate<boolean>();
    let attempts = 0;
    let outcome: Promise<unknown>;
    const rejections = await unhandled(async () => {
      const group = new CoGroup({
        concurrency: 1,
        retry: { isRetriable: () => late.promise },
      });
      outcome = group.go(() => {
        attempts++;
        throw new Error("own");
      }).catch((error) => error.message);
      await settled();
      assertEquals(group.inFlight, 1);
      group.abort();
      if (answer === undefined) late.fail(asked);
      else late.open(answer);
      assertEquals([await outcome, await group.wait()], ["own", 0]);
      await settled();
      assertBooks(group);
    });
    assertEquals([attempts, rejections], [1, []]);
  });
}
