import {
  type AcquireOptions,
  CoGroup,
  type CoGroupOptions,
  type Governor,
  type Permit,
  priorityQueue,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import {
  assertBooks,
  microtasks,
  range,
  seeded,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

test("Semaphore(100): 20,000 random weights with random aborts keep the limit and the order, and leave no room idle", async () => {
  const semaphore = new Semaphore(100);
  const random = seeded(18);
  interface Ask {
    weight: number;
    controller: AbortController;
  }
  const waiting = new Set<Ask>();
  const held: { permit: Permit; weight: number }[] = [];
  let sum = 0;
  let given = 0;
  let aborted = 0;
  const ask = () => {
    const one = {
      weight: 1 + Math.floor(random() * 60),
      controller: new AbortController(),
    };
    waiting.add(one);
    const { weight, controller: { signal } } = one;
    semaphore.acquire({ weight, signal }).then((permit) => {
      const [first] = waiting;
      assertStrictEquals(first, one, "one that came later is first");
      waiting.delete(one);
      held.push({ permit, weight });
      sum += weight;
      given++;
      assert(sum <= 100, `${sum} of 100 are held`);
    }, () => aborted++);
  };
  const check = () => {
    const [first] = waiting;
    assert(
      first === undefined || sum + first.weight > 100,
      "the first one fits, and waits",
    );
  };
  const release = () => {
    const [one] = held.splice(Math.floor(random() * held.length), 1);
    sum -= one!.weight;
    one!.permit.release();
  };
  for (let n = 0; n < 20_000;) {
    const dice = random();
    if (dice < 0.45 && waiting.size < 50) {
      ask();
      n++;
    } else if (dice < 0.55 && waiting.size > 0) {
      const one = [...waiting][Math.floor(random() * waiting.size)]!;
      waiting.delete(one);
      one.controller.abort();
    } else if (held.length > 0) release();
    for (const _ of range(4)) await undefined;
    check();
  }
  while (held.length > 0) {
    release();
    for (const _ of range(4)) await undefined;
    check();
  }
  assertEquals([waiting.size, sum, given + aborted], [0, 0, 20_000]);
  assert(aborted > 1000, `${aborted} were aborted`);
  assert(semaphore.tryAcquire({ weight: 100 }));
});

test("Semaphore has all of its limit back after 1,000 rounds of parts of whole numbers", () => {
  const semaphore = new Semaphore(1);
  for (const _ of range(1000)) {
    const [a, b, c] = [0.4, 0.2, 0.3].map((weight) =>
      semaphore.tryAcquire({ weight })
    );
    for (const permit of [b, a, c]) permit!.release();
  }
  assert(semaphore.tryAcquire({ weight: 1 }));
});

test("A governor of one's own that brings a heavier task before the others, as it is asked, is asked for that one", async () => {
  const inner = new Semaphore(9);
  const asked: unknown[] = [];
  const log: string[] = [];
  const group: CoGroup = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    governor: {
      tryAcquire: (options) => {
        asked.push(options!.weight);
        if (asked.length === 1) {
          group.add(() => log.push("heavy"), { priority: 1, weight: 2 });
        }
        return inner.tryAcquire(options);
      },
      acquire: (options) => inner.acquire(options),
    },
  });
  group.add(() => log.push("light"));
  await settled();
  await group.wait();
  assertEquals([asked, log], [[1, 2, 1], ["heavy", "light"]]);
  assert(inner.tryAcquire({ weight: 9 }));
});

test("CoGroup whose heavy task is withdrawn while it waits starts the light one when its own time comes", async () => {
  using time = new FakeTime(0);
  const governor = rateLimit({ limit: 10, interval: 1000, burst: 2 });
  governor.tryAcquire({ weight: 2 });
  const group = new CoGroup({ concurrency: 2, governor, slice: Infinity });
  const starts: number[] = [];
  group.add(() => starts.push(-1), { weight: 2, id: "heavy" });
  group.add(() => starts.push(time.now));
  await settled();
  group.withdraw("heavy");
  await settled();
  time.tick(100);
  await settled();
  assertEquals(starts, [100]);
  await group.wait();
});

test("Semaphore whose limit falls below the weight of a caller has it wait until the limit is raised", async () => {
  const semaphore = new Semaphore(3);
  const held = semaphore.tryAcquire();
  const order: number[] = [];
  for (const weight of [3, 1]) {
    semaphore.acquire({ weight }).then((permit) => {
      order.push(weight);
      permit.release();
    });
  }
  semaphore.limit = 2;
  held!.release();
  await settled();
  assertEquals(order, []);
  semaphore.limit = 3;
  await settled();
  assertEquals(order, [3, 1]);
});

test("CoGroup: a heavy task behind a stream of light ones starts within one round, and light ones do not overtake it", async () => {
  const governor = new Semaphore(4);
  const group = new CoGroup({ concurrency: 8, governor, slice: Infinity });
  const tasks = new Tasks();
  for (const n of range(4)) group.add(tasks.task(n));
  group.add(tasks.task("heavy"), { weight: 4 });
  for (const n of range(8)) group.add(tasks.task(4 + n));
  await settled();
  assertEquals(tasks.started, [0, 1, 2, 3]);
  for (const n of range(3)) tasks.open(n);
  await settled();
  assertEquals(tasks.started.length, 4); // Three places are free, and kept.
  tasks.open(3);
  await settled();
  assertEquals(tasks.started.slice(4), ["heavy"]);
  tasks.open("heavy");
  await settled();
  assertEquals(tasks.started.length, 9);
  tasks.openAll();
  await group.wait();
  assertBooks(group);
});

test("CoGroup whose heavy task is withdrawn while it waits starts the light one behind it at once", async () => {
  const governor = new Semaphore(4);
  const held = governor.tryAcquire();
  const group = new CoGroup({ concurrency: 8, governor });
  const log: string[] = [];
  group.add(() => log.push("heavy"), { weight: 4, id: "heavy" });
  group.go(() => log.push("light"));
  await settled();
  assertEquals(log, []);
  assertEquals(group.withdraw("heavy"), 1);
  await settled();
  assertEquals(log, ["light"]);
  held!.release();
  assertEquals(await group.wait(), 1);
});

test("CoGroup that waits for a light task's permit waits for a heavy one's when that is next", async () => {
  using time = new FakeTime();
  const governor = rateLimit({ limit: 4, interval: 1000 });
  const group = new CoGroup({
    concurrency: 8,
    governor,
    queue: priorityQueue(),
    slice: Infinity,
  });
  const log: string[] = [];
  governor.tryAcquire({ weight: 2 });
  time.tick(500);
  governor.tryAcquire({ weight: 2 });
  group.add(() => log.push("light"));
  await settled();
  group.add(() => log.push("heavy"), { weight: 4, priority: 1 });
  await settled();
  await time.tickAsync(999);
  assertEquals(log, []);
  await time.tickAsync(1);
  assertEquals(log, ["heavy"]);
  await time.tickAsync(1000);
  assertEquals(log, ["heavy", "light"]);
  await group.wait();
});

test("rateLimit() counts a weight as that many starts, in any window", async () => {
  using time = new FakeTime(0);
  const rate = rateLimit({ limit: 100, interval: 1000 });
  const random = seeded(7);
  const starts: [time: number, weight: number][] = [];
  let waits = 0;
  const run = async () => {
    for (const _ of range(200)) {
      const weight = 1 + Math.floor(random() * 60);
      waits++;
      await rate.acquire({ weight });
      waits--;
      starts.push([time.now, weight]);
    }
  };
  const done = Promise.all([run(), run()]);
  await microtasks();
  while (waits > 0) {
    assert(time.next(), "a caller waits, but no timer is set");
    await microtasks();
  }
  await done;
  for (const [i, [from]] of starts.entries()) {
    let sum = 0;
    for (const [at, weight] of starts.slice(i)) {
      if (at < from + 1000) sum += weight;
    }
    assert(sum <= 100, `${sum} in the second from ${from}`);
  }
  const all = starts.reduce((sum, [, weight]) => sum + weight, 0);
  assert(all / (time.now / 1000 + 1) > 60, "much of the limit is not used");
});

test("rateLimit() with a burst spaces a weight as that many starts", () => {
  using time = new FakeTime();
  const rate = rateLimit({ limit: 10, interval: 1000, burst: 2 });
  assert(rate.tryAcquire({ weight: 5 })); // Nothing is used of the burst.
  time.tick(399);
  assertStrictEquals(rate.tryAcquire(), undefined);
  time.tick(1);
  const one = rate.tryAcquire();
  assert(one);
  one.waive!();
  time.tick(100);
  assert(rate.tryAcquire({ weight: 2 }));
  assertStrictEquals(rate.tryAcquire(), undefined);
});

test("rateLimit() has a heavy permit that was waived back", () => {
  using _time = new FakeTime();
  const rate = rateLimit({ limit: 10, interval: 1000, burst: 10 });
  rate.tryAcquire({ weight: 8 })!.waive!();
  assert(rate.tryAcquire({ weight: 10 }));
});

const limits: Record<string, Governor> = {
  "Semaphore(10)": new Semaphore(10),
  "rateLimit({ limit: 10 })": rateLimit({ limit: 10, interval: 1000 }),
};

for (const [name, governor] of Object.entries(limits)) {
  test(`${name}: a weight above the limit is a RangeError at the call that brings it`, async () => {
    const message =
      "weight must be at most the governor's limit (10), received 11";
    const weight = 11;
    const task = () => {};
    await assertRejects(
      () => governor.acquire({ weight }),
      RangeError,
      message,
    );
    assertThrows(() => governor.tryAcquire!({ weight }), RangeError, message);
    const group = new CoGroup({ concurrency: 1, governor });
    assertThrows(() => group.add(task, { weight }), RangeError, message);
    assertThrows(() => group.tryInsert(task, { weight }), RangeError, message);
    assertThrows(() => group.map([1], task, { weight }), RangeError, message);
    await assertRejects(
      () => group.insert(task, { weight }),
      RangeError,
      message,
    );
    await assertRejects(() => group.go(task, { weight }), RangeError, message);
    await assertRejects(
      () => group.insertAll([{ task, options: { weight } }]),
      RangeError,
      message,
    );
    const items = group.map([1], task, { each: () => ({ weight }) });
    await assertRejects(() => items.next(), RangeError, message);
    assertEquals(await group.wait(), 0);
  });
}

for (const weight of [0, -1, NaN, Infinity]) {
  test(`A weight of ${weight} is a RangeError at the call, with and without a governor`, async () => {
    const message =
      `weight must be a positive, finite number, received ${weight}`;
    const groups: CoGroupOptions[] = [
      { concurrency: 1 },
      { concurrency: 1, governor: new Semaphore(Infinity) },
      { concurrency: 1, governor: { acquire: () => Promise.reject() } },
    ];
    for (const options of groups) {
      const group = new CoGroup(options);
      assertThrows(() => group.add(() => {}, { weight }), RangeError, message);
    }
    const acquire = () => new Semaphore(1).acquire({ weight });
    await assertRejects(acquire, RangeError, message);
  });
}

test("A weight that is no number is a TypeError, also of a map", () => {
  const weight = "1" as unknown as number;
  const each = (() => 1) as unknown as number;
  const message = "weight must be a positive, finite number, received";
  const group = new CoGroup(1);
  assertThrows(() => group.add(() => {}, { weight }), TypeError, message);
  assertThrows(
    () => group.map([1], (n) => n, { weight: each }),
    TypeError,
    message,
  );
  assertThrows(
    () => new Semaphore(1).tryAcquire(1 as AcquireOptions),
    TypeError,
    "options must be an object",
  );
});

/** Tells what it was asked for. */
class Told implements Governor {
  readonly asked: string[] = [];
  readonly #semaphore = new Semaphore(10);

  #tell(how: string, { weight, key }: AcquireOptions) {
    this.asked.push(`${how} ${weight} ${key}`);
  }

  tryAcquire(options: AcquireOptions = {}): Permit | undefined {
    this.#tell("try", options);
    return this.#semaphore.tryAcquire(options);
  }

  acquire(options: AcquireOptions = {}): Promise<Permit> {
    this.#tell("wait", options);
    return this.#semaphore.acquire(options);
  }
}

test("A governor of one's own is told weight and key of the task that is next", async () => {
  const governor = new Told();
  const group = new CoGroup({ concurrency: 4, governor, slice: Infinity });
  const tasks = new Tasks();
  group.add(tasks.task("plain"));
  group.add(tasks.task("heavy"), { weight: 9, key: "k" });
  group.add(tasks.task("next"), { weight: 5, key: "n" });
  await settled();
  assertEquals(tasks.started, ["plain", "heavy"]);
  assertEquals(governor.asked.splice(0), [
    "try 1 undefined",
    "try 9 k",
    "try 5 n",
    "wait 5 n",
  ]);
  tasks.openAll();
  await group.wait();
  assertEquals(tasks.started, ["plain", "heavy", "next"]);
});

test("A governor of one's own is asked anew when a task of another weight or key becomes next", async () => {
  const governor = new Told();
  const group = new CoGroup({
    concurrency: 4,
    governor,
    queue: priorityQueue(),
    slice: Infinity,
  });
  const tasks = new Tasks();
  group.add(tasks.task("first"), { weight: 10 });
  group.add(tasks.task("last"), { weight: 2 });
  await settled();
  group.add(tasks.task("second"), { weight: 3, priority: 1, key: "s" });
  await settled();
  assertEquals(governor.asked, [
    "try 10 undefined",
    "try 2 undefined",
    "wait 2 undefined",
    "try 3 s",
    "wait 3 s",
  ]);
  tasks.openAll();
  await group.wait();
  assertEquals(tasks.started, ["first", "second", "last"]);
});

test("CoGroup.tasks() tells the weight", () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  group.add(() => {});
  group.add(() => {}, { weight: 2.5 });
  assertEquals(group.tasks().map(({ weight }) => weight), [1, 2.5]);
});

test("A governor of one's own that moves a heavier task to the front, as it is asked, is asked for that one", async () => {
  const log: string[] = [];
  const governor = {
    tryAcquire({ weight = 1 }: AcquireOptions = {}): Permit {
      log.push(`asked for ${weight}`);
      group.setPriority("heavy", 1);
      return {
        release: () => void log.push(`${weight} released`),
        [Symbol.dispose]() {},
      };
    },
    acquire: () => new Promise<Permit>(() => {}),
  };
  const group: CoGroup = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    governor,
  });
  group.add(() => void log.push("light"), { id: "light" });
  group.add(() => void log.push("heavy"), { id: "heavy", weight: 2 });
  await group.wait();
  assertEquals(log, [
    "asked for 1",
    "1 released",
    "asked for 2",
    "heavy",
    "2 released",
    "asked for 1",
    "light",
    "1 released",
  ]);
});
