import {
  adaptiveLimit,
  allOf,
  Channel,
  checkedQueue,
  CoGroup,
  type Governor,
  keyedQueue,
  type Permit,
  type QueuedTask,
  type RateLimit,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import type { KeyedQueue } from "../src/queues/keyed_queue.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

const everySecond = () => rateLimit({ limit: 1, interval: 1000 });

/** One that tells how many keys it knows. */
function governed(perKey: number, governor: (key: unknown) => Governor) {
  return keyedQueue({ perKey, governor }) as KeyedQueue;
}

test("keyedQueue({ governor }): 200 hosts start once a second each; one with 1,000 tasks makes no other late", async () => {
  using time = new FakeTime(0);
  const queue = keyedQueue({ governor: everySecond });
  const group = new CoGroup({ concurrency: 300, queue, slice: Infinity });
  const starts = new Map<number, number[]>(range(200).map((n) => [n, []]));
  const add = (key: number) =>
    group.add(() => starts.get(key)!.push(time.now), { key });
  for (const _ of range(1000)) add(0);
  for (const key of range(200).slice(1)) for (const _ of range(10)) add(key);
  await settled();
  for (const _ of range(20)) {
    time.tick(500);
    await settled();
  }
  const even = range(10).map((n) => n * 1000);
  for (const [key, times] of starts) {
    assertEquals(times.slice(0, 10), even, `host ${key}`);
  }
  assertEquals(group.clear().length, 1000 - starts.get(0)!.length);
  assertEquals(await group.wait(), 1000 - starts.get(0)!.length);
  assertBooks(group);
});

test("keyedQueue({ governor }) keeps no timer when its tasks were taken back", async () => {
  using time = new FakeTime();
  const queue = keyedQueue({ governor: everySecond });
  const group = new CoGroup({ concurrency: 3, queue, slice: Infinity });
  const ends: ((own: AbortController) => void)[] = [
    () => group.clear(),
    (own) => own.abort(),
    () => group.abort(),
  ];
  for (const end of ends) {
    const own = new AbortController();
    const { signal } = own;
    for (const key of range(6)) {
      group.add(() => {}, { key: key % 2, signal });
    }
    await settled();
    assertEquals(group.size, 4);
    end(own);
    await settled();
    assert(!time.next(), "a timer is left");
    time.tick(1000);
  }
  await group.wait();
});

test("keyedQueue({ governor }) forgets a key when its governor has nothing to remember, and not before", async () => {
  using time = new FakeTime();
  let made = 0;
  const governor = () => {
    made++;
    return everySecond();
  };
  const queue = governed(1, governor);
  const group = new CoGroup({ concurrency: 9, queue, slice: Infinity });
  const starts: number[] = [];
  const begin = time.now;
  const add = (key: unknown) =>
    group.add(() => starts.push(time.now - begin), { key });
  add("again");
  await settled();
  time.tick(400);
  add("again"); // Law 16: its first start still counts.
  await settled();
  assertEquals([made, starts], [1, [0]]);
  await time.tickAsync(600);
  await settled();
  assertEquals(starts, [0, 1000]);
  for (const key of range(1000)) add(key);
  await settled();
  assertEquals(queue.keys, 1001);
  time.tick(1000);
  for (const key of range(600)) add(-key - 1);
  await settled();
  assertEquals(queue.keys, 600); // Those of the last second.
  time.tick(1000);
  for (const n of [300, 80, 20, 5, 2, 1]) {
    for (const key of range(n)) add(`${n} ${key}`);
    await settled();
    time.tick(1000);
  }
  assert(queue.keys <= 1, `${queue.keys} keys are left`);
  await group.wait();
});

test("keyedQueue({ governor }): a pause of one key stops that alone, and is not forgotten with its last task", async () => {
  using time = new FakeTime(0);
  const rates = new Map<unknown, RateLimit>();
  const queue = keyedQueue({
    governor: (key) => {
      const rate = rateLimit({ limit: 10, interval: 1 });
      rates.set(key, rate);
      return rate;
    },
  });
  const group = new CoGroup({ concurrency: 4, queue, slice: Infinity });
  const log: string[] = [];
  const add = (key: string) =>
    group.add(() => log.push(`${key} ${time.now}`), { key });
  add("a");
  await settled();
  rates.get("a")!.pauseFor(5000);
  time.tick(100);
  add("b");
  await settled();
  add("a");
  add("b");
  await settled();
  assertEquals(log, ["a 0", "b 100", "b 100"]);
  await time.tickAsync(4899);
  assertEquals(log.length, 3);
  await time.tickAsync(1);
  await settled();
  assertEquals(log[3], "a 5000");
  await group.wait();
});

const kinds: Record<string, () => Governor> = {
  "a Semaphore": () => new Semaphore(2),
  "an allOf()": () => allOf(new Semaphore(3), new Semaphore(2)),
  "an adaptiveLimit": () => adaptiveLimit({ max: 2, initial: 2 }),
  "a governor of one's own": () => {
    const inner = new Semaphore(2);
    return {
      tryAcquire: (options) => inner.tryAcquire(options),
      acquire: (options) => inner.acquire(options),
    };
  },
  "one that can only be waited for": () => {
    const inner = new Semaphore(2);
    return { acquire: (options) => inner.acquire(options) };
  },
};

for (const [name, make] of Object.entries(kinds)) {
  test(`keyedQueue({ governor }) with ${name} has no more than that of a key in flight`, async () => {
    const queue = keyedQueue({ perKey: Infinity, governor: make });
    const group = new CoGroup({ concurrency: 9, queue, slice: Infinity });
    const tasks = new Tasks();
    for (const key of ["a", "b"]) {
      for (const n of range(3)) {
        const task = tasks.task(`${key}${n}`);
        n === 1 ? group.go(task, { key }) : group.add(task, { key });
      }
    }
    await settled();
    assertEquals(tasks.started, ["a0", "b0", "a1", "b1"]);
    tasks.open("b0");
    await settled();
    assertEquals(tasks.started.slice(4), ["b2"]);
    tasks.openAll();
    await group.wait();
    assertEquals(tasks.started.length, 6);
    assertBooks(group);
  });
}

test("keyedQueue({ governor }) looks past all keys that may not start", async () => {
  using time = new FakeTime();
  const queue = keyedQueue({
    governor: (key) => {
      const rate = everySecond();
      if (key !== "free") rate.pauseFor(1000);
      return rate;
    },
  });
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const log: string[] = [];
  for (const key of ["a", "b", "c", "free"]) {
    group.add(() => log.push(key), { key });
  }
  group.resume();
  await settled();
  assertEquals(log, ["free"]);
  time.tick(1000);
  await settled();
  assertEquals(log, ["free", "a", "b", "c"]);
  await group.wait();
});

test("keyedQueue({ governor }) starts a light task that comes back, though a heavy one of its key waits", async () => {
  using time = new FakeTime();
  const governor = new Semaphore(2);
  const held = governor.tryAcquire()!;
  const queue = keyedQueue({ perKey: 2, governor: () => governor });
  const group = new CoGroup({ concurrency: 2, queue, slice: Infinity });
  const log: string[] = [];
  const retry = { maxAttempts: 2, minTimeout: 100, jitter: 0 };
  group.add(({ attempt }) => {
    log.push(`light ${attempt}`);
    if (attempt === 1) throw new Error("again");
  }, { key: 1, retry });
  group.add(() => log.push("heavy"), { key: 1, weight: 2 });
  await settled();
  assertEquals(log, ["light 1"]);
  time.tick(100);
  await settled();
  assertEquals(log, ["light 1", "light 2"]);
  held.release();
  await settled();
  assertEquals(log[2], "heavy");
  await group.wait();
});

test("keyedQueue({ governor }) lets callers outside of the group have what it can't use", async () => {
  const governor = new Semaphore(1);
  const held = governor.tryAcquire()!;
  const queue = keyedQueue({ governor: () => governor });
  const group = new CoGroup({ concurrency: 1, queue, slice: Infinity });
  const tasks = new Tasks();
  group.add(tasks.task("keyed"), { key: 1 });
  await settled();
  group.add(tasks.task("plain"));
  await settled();
  assertEquals(tasks.started, ["plain"]);
  held.release(); // There is no worker for it now.
  await settled();
  const other = governor.tryAcquire()!;
  assert(other);
  tasks.open("plain");
  await settled();
  assertEquals(tasks.started, ["plain"]);
  other.release();
  await settled();
  assertEquals(tasks.started, ["plain", "keyed"]);
  tasks.openAll();
  await group.wait();
  assert(governor.tryAcquire());
});

test("keyedQueue({ governor }) is told of each attempt, and holds no permit while a task is delayed", async () => {
  using time = new FakeTime();
  const limits = adaptiveLimit({ max: 8, initial: 8 });
  const queue = keyedQueue({ governor: () => limits });
  const group = new CoGroup({
    concurrency: 1,
    queue,
    slice: Infinity,
    retry: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
  });
  const attempts: number[] = [];
  group.add(({ attempt }) => {
    attempts.push(attempt);
    if (attempt === 1) throw new Error("again");
  }, { key: 1 });
  await settled();
  assertEquals([attempts, limits.limit], [[1], 4]);
  const permits = range(4).map(() => limits.tryAcquire());
  assert(permits[3]);
  for (const permit of permits) permit!.waive!();
  await time.tickAsync(100);
  await settled();
  assertEquals([attempts, limits.limit], [[1, 2], 4]);
  await group.wait();
});

test("keyedQueue({ governor }) counts weights, and one above a key's limit is a RangeError at the call", async () => {
  const queue = governed(Infinity, () => new Semaphore(3));
  const group = new CoGroup({ concurrency: 9, queue, slice: Infinity });
  const tasks = new Tasks();
  for (const [n, weight] of [2, 2, 1].entries()) {
    group.add(tasks.task(n), { key: 1, weight });
  }
  await settled();
  assertEquals(tasks.started, [0]); // The light one does not overtake.
  assertThrows(
    () => group.add(() => {}, { key: 2, weight: 4 }),
    RangeError,
    "Cannot queue task: weight must be at most the governor's limit (3), received 4",
  );
  assertEquals([queue.keys, group.size], [1, 2]);
  tasks.openAll();
  await group.wait();
  assertEquals(tasks.started, [0, 1, 2]);
});

test("keyedQueue({ governor }) goes on after tasks() was called, and shows what waits", async () => {
  using time = new FakeTime();
  const queue = checkedQueue(keyedQueue({ governor: everySecond }));
  const group = new CoGroup({ concurrency: 2, queue, slice: Infinity });
  let started = 0;
  for (const _ of range(2)) group.add(() => started++, { key: "k" });
  await settled();
  assertEquals(group.tasks().map(({ key }) => key), ["k"]);
  await settled();
  await time.tickAsync(1000);
  await settled();
  assertEquals(started, 2);
  assertEquals(await group.wait(), 0);
});

test("keyedQueue({ governor }) forgets a key whose governor is one's own with its last task", async () => {
  const semaphore = new Semaphore(1);
  const own = { acquire: () => semaphore.acquire() };
  const queue = governed(1, () => own);
  const group = new CoGroup({ concurrency: 2, queue });
  for (const key of range(3)) group.add(() => {}, { key });
  assertEquals(queue.keys, 3);
  await group.wait();
  assertEquals(queue.keys, 0);
});

test("keyedQueue({ governor }) tells a governor of one's own the key, and the weight of the task", async () => {
  const semaphore = new Semaphore(3);
  const asked: unknown[] = [];
  const own: Governor = {
    acquire: ({ weight, key } = {}) => {
      asked.push([weight, key]);
      return semaphore.acquire();
    },
  };
  const queue = keyedQueue({ governor: () => own });
  const group = new CoGroup({ concurrency: 1, queue, slice: Infinity });
  group.add(() => {}, { key: "a", weight: 2 });
  group.add(() => {}, { key: "a" });
  assertEquals(await group.wait(), 0);
  assertEquals(asked, [[2, "a"], [1, "a"]]);
  assertThrows(
    () => queue.push({ task: () => {}, options: { key: "a", weight: 0 } }),
    RangeError,
    "Cannot queue task: weight",
  );
});

test("CoGroup.tasks() leaves a key its place in the line of its governor", async () => {
  const semaphore = new Semaphore(1);
  const queue = keyedQueue({ governor: () => semaphore });
  const group = new CoGroup({ concurrency: 2, queue, slice: Infinity });
  const first = semaphore.tryAcquire()!;
  let ran = 0;
  group.add(() => void ran++, { key: "k" });
  await settled();
  const later = semaphore.acquire();
  assertEquals(group.tasks().length, 1);
  await settled();
  first.release();
  await settled();
  assertEquals(ran, 1, "law 4");
  (await later).release();
  assertEquals(await group.wait(), 0);
});

test("keyedQueue({ governor }) forgets a key with an allOf when none of its governors has anything to remember", async () => {
  using time = new FakeTime();
  const queue = governed(
    Infinity,
    () => allOf(new Semaphore(1), everySecond()),
  );
  const group = new CoGroup({ concurrency: 9, queue, slice: Infinity });
  for (const key of range(9)) group.add(() => {}, { key });
  await group.idle();
  assertEquals(queue.keys, 9);
  await time.tickAsync(1000);
  for (const _ of range(9)) {
    group.add(() => {}, { key: {} });
    await group.idle();
  }
  assertEquals(queue.keys, 9, "the last ones");
  await group.wait();
});

test("keyedQueue({ governor }) under a group's governor keeps both limits; it can't be the same one", async () => {
  const governor = new Semaphore(2);
  const own = keyedQueue({ governor: () => governor });
  const bad = new CoGroup({ concurrency: 4, queue: own, governor });
  assertThrows(
    () => bad.add(() => {}, { key: 1 }),
    TypeError,
    "the governor of a key must not be the group's own",
  );
  const queue = keyedQueue({
    perKey: Infinity,
    governor: () => new Semaphore(1),
  });
  const group = new CoGroup({ concurrency: 4, queue, governor });
  const running = [0, 0, 0];
  let most = 0;
  for (const n of range(30)) {
    const key = n % 3;
    group.add(async () => {
      assertEquals(++running[key]!, 1);
      most = Math.max(most, group.inFlight);
      await undefined;
      running[key]!--;
    }, { key });
  }
  assertEquals(await group.wait(), 0);
  assertEquals([most, group.stats.rejected], [2, 0]);
  assert(governor.tryAcquire({ weight: 2 }));
});

test("keyedQueue({ governor }) that throws, or gives none, throws that at the call", async () => {
  const error = new Error("no governor");
  const queue = governed(1, (key) => {
    if (key === 1) throw error;
    return {} as Governor;
  });
  const group = new CoGroup({ concurrency: 1, queue });
  assertThrows(() => group.add(() => {}, { key: 1 }), Error, "no governor");
  await assertRejects(
    () => group.go(() => {}, { key: 2 }),
    TypeError,
    "governor.acquire must be a function, received undefined",
  );
  assertEquals([queue.keys, group.size], [0, 0]);
  assertEquals(await group.go(() => "no key"), "no key");
  assertThrows(
    () => keyedQueue({ governor: 1 as unknown as () => Governor }),
    TypeError,
    "governor must be a function, received 1",
  );
});

for (const how of ["tryAcquire throws", "acquire rejects", "release throws"]) {
  test(`keyedQueue({ governor }) with one whose ${how} aborts the group with that error`, async () => {
    const { error: print } = console;
    const printed: unknown[] = [];
    console.error = (error) => printed.push(error);
    try {
      const error = new Error(how);
      const governor: Governor = {
        tryAcquire: () => {
          if (how === "tryAcquire throws") throw error;
          if (how === "acquire rejects") return undefined;
          return {
            release: () => {
              throw error;
            },
            [Symbol.dispose]() {},
          };
        },
        acquire: () => Promise.reject(error),
      };
      const queue = keyedQueue({ governor: () => governor });
      const group = new CoGroup({ concurrency: 1, queue });
      for (const _ of range(2)) group.add(() => {}, { key: 1 });
      await settled();
      assertStrictEquals(group.signal.reason, error);
      assertEquals(printed, [error]);
      assertEquals(await group.wait(), 2 - group.stats.fulfilled);
    } finally {
      console.error = print;
    }
  });
}

test("keyedQueue({ governor }) in a Channel is a TypeError at the call that brings a task", async () => {
  const queue = keyedQueue({ governor: everySecond });
  const channel = new Channel<QueuedTask>({ queue });
  await assertRejects(
    () => channel.send({ task: () => {}, options: { key: 1 } }),
    TypeError,
    "a keyedQueue with governors is for a CoGroup",
  );
});

test("keyedQueue({ governor }) waits for its key again when another caller gets the permit in the step of the start", async () => {
  const [slots, ofKey] = [new Semaphore(2), new Semaphore(1)];
  const queue = keyedQueue({ governor: () => ofKey });
  const held = slots.tryAcquire({ weight: 2 })!;
  const group = new CoGroup({
    concurrency: 1,
    queue,
    governor: slots,
    slice: Infinity,
  });
  let started = 0;
  group.add(() => started++, { key: 1 });
  await settled();
  const other = allOf(slots, ofKey).acquire();
  held.release(); // Two are free: one for the group, which lets the other caller in.
  const permit = await other;
  await settled();
  assertEquals(started, 0);
  permit.release();
  await settled();
  assertEquals(started, 1);
  assertEquals(await group.wait(), 0);
  assert(slots.tryAcquire({ weight: 2 }));
  assert(ofKey.tryAcquire());
});

test("keyedQueue({ governor }) waives what one of the user's has given for tasks that were taken back", async () => {
  const ended: string[] = [];
  let arrive!: (permit: Permit) => void;
  const governor: Governor = {
    acquire: () => new Promise((resolve) => arrive = resolve),
  };
  const queue = keyedQueue({ governor: () => governor });
  const group = new CoGroup({ concurrency: 1, queue, slice: Infinity });
  group.add(() => {}, { key: 1 });
  await settled();
  group.clear();
  arrive({
    release: () => ended.push("release"),
    waive: () => ended.push("waive"),
    [Symbol.dispose]() {},
  });
  await settled();
  assertEquals(ended, ["waive"]);
  await group.wait();
});

test("checkedQueue() of a keyedQueue with governors lets a group that is paused leave their lines", async () => {
  const semaphore = new Semaphore(1);
  const queue = checkedQueue(keyedQueue({ governor: () => semaphore }));
  const group = new CoGroup({ concurrency: 1, queue });
  const permit = semaphore.tryAcquire()!;
  let ran = 0;
  group.add(() => void ran++, { key: 1 });
  await settled();
  group.pause();
  await settled();
  permit.release();
  await settled(); // The key is told of it, and leaves.
  const other = semaphore.tryAcquire();
  assert(other !== undefined, "the group has left the line");
  other.release();
  group.resume();
  assertEquals([await group.wait(), ran], [0, 1]);
});

test("keyedQueue({ governor }) asks for no governor anew while a key has tasks, however many of them are withdrawn", async () => {
  let made = 0;
  const started: number[] = [];
  const governor = () => {
    made++;
    let left = 2; // A governor of the user's own, which would forget what it gave.
    return {
      acquire: () =>
        left-- > 0 ? Promise.resolve(permit) : new Promise<Permit>(() => {}),
    };
  };
  const permit: Permit = { release() {}, [Symbol.dispose]() {} };
  const group = new CoGroup({
    concurrency: 4,
    queue: keyedQueue({ perKey: Infinity, governor }),
  });
  for (const id of range(100)) {
    group.add(() => void started.push(id), { key: "one", id });
  }
  await settled();
  for (const id of range(95)) group.withdraw(id);
  group.tasks();
  await settled();
  assertEquals([made, started], [1, [0, 1]]);
  group.abort();
  await group.wait();
});

test("keyedQueue({ governor }) forgets keys that share a governor, though that is busy", async () => {
  const shared = new Semaphore(2);
  const held = shared.tryAcquire()!; // So it is never as new.
  const queue = governed(1, () => shared);
  const group = new CoGroup({ concurrency: 1, queue });
  for (const key of range(50)) group.add(() => {}, { key });
  await group.idle();
  assertEquals(queue.keys, 1); // The last one, for the governor may have to be known.
  held.release();
  await group.wait();
});

test("keyedQueue({ governor }) forgets many keys by a timer when no more work comes, and leaves none", async () => {
  using time = new FakeTime();
  const queue = governed(1, () => rateLimit({ limit: 1, interval: 5000 }));
  const group = new CoGroup({ concurrency: 9, queue, slice: Infinity });
  for (const key of range(11_000)) group.add(() => {}, { key });
  await group.idle();
  assertEquals(queue.keys, 11_000);
  for (let second = 0; second < 8; second++) time.tick(1000);
  assertEquals(queue.keys, 0);
  assert(!time.next(), "a timer is left");
  for (const key of range(1000)) group.add(() => {}, { key });
  await group.idle();
  time.tick(5000);
  for (const key of range(400)) group.add(() => {}, { key: `new ${key}` });
  await group.idle();
  assertEquals(queue.keys, 400);
  await group.wait();
});

test("keyedQueue({ governor }): a heavy task that is withdrawn while it waits lets the light one behind it start", async () => {
  const semaphore = new Semaphore(10);
  const queue = keyedQueue({ perKey: Infinity, governor: () => semaphore });
  const group = new CoGroup({ concurrency: 4, queue });
  const { promise, open } = gate();
  const log: string[] = [];
  const add = (id: string, weight: number, task: () => unknown) =>
    group.add(task, { key: "one", id, weight });
  add("first", 5, () => promise);
  add("heavy", 10, () => log.push("heavy"));
  add("light", 1, () => log.push("light"));
  await settled();
  assertEquals(log, []);
  group.withdraw("heavy");
  await settled();
  assertEquals(log, ["light"]);
  open();
  await group.wait();
});
