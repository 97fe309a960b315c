import {
  type AcquireOptions,
  adaptiveLimit,
  allOf,
  CoGroup,
  type Governor,
  type Permit,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import {
  assertBooks,
  CountingController,
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

/** Fails if any window `[t, t + interval)` holds more than `limit` starts. */
function assertWindows(starts: number[], limit: number, interval: number) {
  for (const i of range(starts.length - limit)) {
    assert(
      starts[i + limit]! - starts[i]! >= interval,
      `${limit + 1} starts in less than ${interval} ms from ${starts[i]}`,
    );
  }
}

/** TC39's CountingGovernor, as far as it is known: it can only be waited for. */
class Counting {
  readonly #limit: number;
  #left: number;
  readonly #line: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = this.#left = limit;
  }

  get isWhole(): boolean {
    return this.#left === this.#limit;
  }

  async acquire(): Promise<Permit> {
    if (this.#left === 0) {
      await new Promise<void>((resolve) => this.#line.push(resolve));
    } else this.#left--;
    let isOver = false;
    const release = () => {
      if (isOver) return;
      isOver = true;
      const next = this.#line.shift();
      if (next === undefined) this.#left++;
      else next();
    };
    return { release, [Symbol.dispose]: release };
  }
}

/** A semaphore of the user's, which counts what it is asked and given back. */
class Mine implements Governor {
  readonly inner: Semaphore;
  readonly ended: string[] = [];
  held = 0;
  asked: AcquireOptions[] = [];

  constructor(limit: number) {
    this.inner = new Semaphore(limit);
  }

  #watch(permit: Permit): Permit {
    this.held++;
    const end = (how: string) => {
      this.held--;
      this.ended.push(how);
      permit.release();
    };
    return {
      release: (failed = false) => end(`release ${failed}`),
      waive: () => end("waive"),
      [Symbol.dispose]() {
        this.release();
      },
    };
  }

  tryAcquire(options: AcquireOptions = {}): Permit | undefined {
    this.asked.push(options);
    const permit = this.inner.tryAcquire(options);
    return permit && this.#watch(permit);
  }

  async acquire(options: AcquireOptions = {}): Promise<Permit> {
    this.asked.push(options);
    return this.#watch(await this.inner.acquire(options));
  }
}

test("allOf(20 a second, 100 a minute): 1,000 starts keep both, and take no longer than they must", async () => {
  using time = new FakeTime(0);
  const governor = allOf(
    rateLimit({ limit: 20, interval: 1000 }),
    rateLimit({ limit: 100, interval: 60_000 }),
  );
  const group = new CoGroup({ concurrency: 50, governor, slice: Infinity });
  const starts: number[] = [];
  for (const _ of range(1000)) group.add(() => starts.push(time.now));
  await settled();
  while (starts.length < 1000) {
    assert(time.next(), "the group waits, but no timer is set");
    await settled();
  }
  assertWindows(starts, 20, 1000);
  assertWindows(starts, 100, 60_000);
  assert(time.now < 1.01 * (9 * 60_000 + 4000), `it takes ${time.now} ms`);
  await group.wait();
});

test("allOf(): 100,000 refused tries change nothing", () => {
  using _time = new FakeTime();
  const rate = rateLimit({ limit: 10, interval: 1000 });
  const semaphore = new Semaphore(1);
  const mine = new Mine(5);
  const governor = allOf(rate, mine, semaphore);
  const held = semaphore.tryAcquire()!;
  for (const _ of range(100_000)) {
    assertStrictEquals(governor.tryAcquire!(), undefined);
  }
  assertEquals([mine.held, mine.ended.length], [0, 0]);
  held.release();
  assert(governor.tryAcquire!());
  for (const _ of range(9)) assert(rate.tryAcquire());
  assertStrictEquals(rate.tryAcquire(), undefined);
});

test("allOf() waives what one of the user's has given when another of them says no", () => {
  const [one, two] = [new Mine(1), new Mine(1)];
  const governor = allOf(one, two);
  const held = two.tryAcquire()!;
  assertStrictEquals(governor.tryAcquire!(), undefined);
  assertEquals([one.held, one.ended], [0, ["waive"]]);
  held.release();
  const permit = governor.tryAcquire!({ weight: 1, key: "k" })!;
  assertEquals(one.asked.at(-1), { weight: 1, key: "k" });
  permit.release(true);
  permit.waive!();
  permit[Symbol.dispose]();
  assertEquals([one.ended.at(-1), one.held], ["release true", 0]);
  assertEquals([two.ended.at(-1), two.held], ["release true", 0]);
});

test("allOf() holds nothing while it waits, and leaves each free for others", async () => {
  const [one, two] = [new Semaphore(1), new Semaphore(1)];
  const governor = allOf(one, two);
  const held = two.tryAcquire()!;
  let has = false;
  const waiting = governor.acquire().then((permit) => {
    has = true;
    return permit;
  });
  await settled();
  const first = one.tryAcquire()!; // It is free,
  held.release();
  await settled();
  assert(!has);
  assertStrictEquals(two.tryAcquire()?.release(), undefined); // and so is this.
  const other = two.tryAcquire()!;
  first.release();
  await settled();
  assert(!has);
  other.release();
  (await waiting).release();
  assert(one.tryAcquire());
  assert(two.tryAcquire());
});

test("allOf() gives permits in the order of its own calls, and a heavy one is not overtaken", async () => {
  const [one, two] = [new Semaphore(3), new Semaphore(4)];
  const governor = allOf(one, allOf(two, one));
  const held = two.tryAcquire({ weight: 2 })!;
  const order: number[] = [];
  const permits: Permit[] = [];
  for (const [n, weight] of [3, 1, 2].entries()) {
    governor.acquire({ weight }).then((permit) => {
      order.push(n);
      permits.push(permit);
    });
  }
  await settled();
  assertEquals(order, []);
  held.release();
  await settled();
  assertEquals(order, [0]);
  permits[0]!.release();
  await settled();
  assertEquals(order, [0, 1, 2]);
});

test("allOf() has no other take what it has found to be there, as it leaves a line", async () => {
  const [one, two] = [new Semaphore(2), new Semaphore(1)];
  const held = one.tryAcquire({ weight: 2 })!;
  const order: string[] = [];
  const permits: Permit[] = [];
  for (const name of ["first", "second"]) {
    allOf(one, two).acquire().then((permit) => {
      order.push(name);
      permits.push(permit);
    });
  }
  held.release();
  await settled();
  assertEquals(order, ["first"]);
  permits[0]!.release();
  await settled();
  assertEquals(order, ["first", "second"]);
  permits[1]!.release();
  assert(allOf(one, two).tryAcquire!());
});

test("allOf() gives no permit if one of the user's has used another of them up meanwhile", () => {
  const semaphore = new Semaphore(1);
  const ended: string[] = [];
  const greedy: Governor = {
    tryAcquire: () => {
      semaphore.tryAcquire();
      return {
        release: () => ended.push("release"),
        waive: () => ended.push("waive"),
        [Symbol.dispose]() {},
      };
    },
    acquire: () => new Promise(() => {}),
  };
  assertStrictEquals(allOf(semaphore, greedy).tryAcquire!(), undefined);
  assertEquals(ended, ["waive"]);
});

test("allOf(): a weight above the lowest limit is a RangeError", async () => {
  const governor = allOf(new Semaphore(5), new Semaphore(3));
  const message = "weight must be at most the governor's limit (3), received 4";
  const weight = 4;
  assertThrows(() => governor.tryAcquire!({ weight }), RangeError, message);
  await assertRejects(() => governor.acquire({ weight }), RangeError, message);
  const group = new CoGroup({ concurrency: 1, governor });
  assertThrows(() => group.add(() => {}, { weight }), RangeError, message);
});

test("allOf().acquire() that is aborted leaves its signal and every line", async () => {
  const [one, two] = [new Semaphore(1), new Mine(1)];
  const governor = allOf(one, two);
  for (const blocked of [one, two.inner]) {
    const held = blocked.tryAcquire()!;
    const controller = new CountingController();
    const { signal } = controller;
    const waiting = governor.acquire({ signal });
    await settled();
    controller.abort(new Error("no more time"));
    await assertRejects(() => waiting, Error, "no more time");
    assertEquals(controller.listeners, 0);
    held.release();
    await settled();
    blocked.tryAcquire()!.release(); // No caller is in the line.
  }
});

test("allOf(rate, rate): no timer is left when no caller waits any more", async () => {
  using time = new FakeTime();
  const governor = allOf(
    rateLimit({ limit: 1, interval: 1000 }),
    rateLimit({ limit: 2, interval: 5000 }),
  );
  governor.tryAcquire!();
  const controller = new AbortController();
  governor.acquire({ signal: controller.signal }).catch(() => {});
  await settled();
  controller.abort();
  await settled();
  assert(!time.next(), "a timer is left");
});

test("allOf(adaptiveLimit(), Semaphore): a failure is told, and both limits are kept", async () => {
  const adaptive = adaptiveLimit({ max: 10, initial: 4 });
  const governor = allOf(adaptive, new Semaphore(3));
  const permits = range(3).map(() => governor.tryAcquire!()!);
  assertStrictEquals(governor.tryAcquire!(), undefined);
  permits[0]!.release(true);
  assertEquals(adaptive.limit, 2);
  assertStrictEquals(governor.tryAcquire!(), undefined);
  for (const permit of permits) permit.release();
  assert(governor.tryAcquire!());
  await settled();
});

const kinds: Record<string, () => Governor[]> = {
  "rate + Semaphore": () => [
    rateLimit({ limit: 50, interval: 1 }),
    new Semaphore(2),
  ],
  "adaptive + Semaphore": () => [adaptiveLimit({ max: 9 }), new Semaphore(2)],
  "one's own + Semaphore": () => [new Mine(2), new Semaphore(3)],
  "one's own + one's own": () => [new Mine(2), new Mine(3)],
  "TC39's + Semaphore": () => [new Counting(2), new Semaphore(3)],
  "Semaphore + TC39's + one's own": () => [
    new Semaphore(3),
    new Counting(4),
    new Mine(2),
  ],
};

for (const [name, make] of Object.entries(kinds)) {
  test(`allOf(${name}): two groups and callers beside them come to their ends, with at most two at once`, async () => {
    const parts = make();
    const governor = allOf(...parts);
    const tasks = { running: 0, most: 0 };
    const random = seeded(3);
    const work = async () => {
      tasks.most = Math.max(tasks.most, ++tasks.running);
      for (const _ of range(random() * 6)) await undefined;
      tasks.running--;
    };
    const groups = range(2).map(() => {
      const group = new CoGroup({ concurrency: 4, governor });
      for (const _ of range(60)) group.add(work);
      return group;
    });
    const calls = range(40).map(async () => {
      using _ = await governor.acquire();
      await work();
    });
    // Beside them, one that takes one part alone.
    const beside = range(30).map(async (n) => {
      const part = parts[n % parts.length]!;
      using _ = await part.acquire();
      await undefined;
    });
    await Promise.all([...calls, ...beside]);
    for (const group of groups) {
      assertEquals(await group.wait(), 0);
      assertBooks(group);
    }
    assertEquals(tasks.most, 2);
    await settled();
    for (const part of parts) {
      if (part instanceof Mine) assertEquals(part.held, 0);
      if (part instanceof Counting) assert(part.isWhole);
    }
    if (!name.includes("TC39")) governor.tryAcquire!()!.release();
  });
}

test("allOf() with a governor that throws tells the caller, and holds nothing of the others", async () => {
  const mine = new Mine(1);
  let isBroken = true;
  const broken: Governor = {
    tryAcquire: () => {
      if (isBroken) throw new Error("broken");
      return { release() {}, [Symbol.dispose]() {} };
    },
    acquire: () => Promise.reject(new Error("broken, later")),
  };
  const governor = allOf(mine, broken);
  assertThrows(() => governor.tryAcquire!(), Error, "broken");
  await assertRejects(() => governor.acquire(), Error, "broken");
  assertEquals(mine.held, 0);
  const held = mine.tryAcquire()!;
  const waiting = [governor.acquire(), governor.acquire()];
  held.release();
  for (const one of waiting) await assertRejects(() => one, Error, "broken");
  assertEquals(mine.held, 0);
  const never = allOf(mine, { acquire: broken.acquire });
  await assertRejects(() => never.acquire(), Error, "broken, later");
  isBroken = false;
  assert(governor.tryAcquire!());
});

test("allOf() whose permit can't be given back to one gives it back to the others, and throws that", () => {
  const mine = new Mine(1);
  const broken: Governor = {
    tryAcquire: () => ({
      release: () => {
        throw new Error("broken");
      },
      [Symbol.dispose]() {},
    }),
    acquire: () => new Promise(() => {}),
  };
  const permit = allOf(broken, mine).tryAcquire!()!;
  assertThrows(() => permit.release(), Error, "broken");
  assertEquals(mine.held, 0);
});

test("allOf() of a group: what can't start gives all permits back, and a task that waits holds none", async () => {
  const [mine, semaphore] = [new Mine(2), new Semaphore(2)];
  const governor = allOf(mine, semaphore);
  const group = new CoGroup({ concurrency: 3, governor, slice: Infinity });
  const tasks = new Tasks();
  for (const n of range(3)) group.add(tasks.task(n));
  await settled();
  assertEquals([tasks.started.length, mine.held], [2, 2]);
  group.abort();
  tasks.openAll();
  assertEquals(await group.wait(), 1);
  await settled();
  assertEquals(mine.held, 0);
  assert(semaphore.tryAcquire({ weight: 2 }));
});

test("allOf(): release() of its permit without more is no failure to any of them", async () => {
  const ends: boolean[] = [];
  const permit = (): Permit => ({
    release: (failed) => void ends.push(failed!),
    [Symbol.dispose]: () => {},
  });
  const own = { acquire: () => Promise.resolve(permit()) };
  (await allOf(own, new Semaphore(1)).acquire()).release();
  assertEquals(ends, [false]);
});

test("allOf() whose method was replaced is asked by that in a group", async () => {
  let asked = 0;
  const governor = allOf(new Semaphore(2), new Semaphore(2));
  const { tryAcquire } = governor;
  governor.tryAcquire = (options) => {
    asked++;
    return tryAcquire!.call(governor, options);
  };
  const group = new CoGroup({ concurrency: 2, governor });
  assertEquals(await group.go(() => "ran"), "ran");
  assertEquals([await group.wait(), asked > 0], [0, true]);
});

test("allOf(): the next caller stays in the line of one of the user's when the first one leaves it", async () => {
  const signals: AbortSignal[] = [];
  const own: Governor = {
    acquire: ({ signal } = {}) => {
      signals.push(signal!);
      return new Promise(() => {});
    },
  };
  const governor = allOf(own, new Semaphore(1));
  const controller = new AbortController();
  const first = governor.acquire({ signal: controller.signal });
  governor.acquire().catch(() => {});
  controller.abort("why");
  assertEquals(await first.catch((e) => e), "why");
  await settled();
  assertEquals(signals.map(({ aborted }) => aborted), [false]);
});

test("allOf(): an error of one of the user's goes to the first caller, and the next has its turn", async () => {
  let asked = 0;
  const semaphore = new Semaphore(1);
  const own: Governor = {
    acquire: async () => {
      if (asked++ === 0) throw "broken";
      return await semaphore.acquire();
    },
  };
  const governor = allOf(own, new Semaphore(1));
  const [first, second] = [governor.acquire(), governor.acquire()];
  assertEquals(await first.catch((e) => e), "broken");
  (await second).release();
  assertEquals(asked, 2);
});

test("allOf() with bad input throws a TypeError that says so", () => {
  const one = new Semaphore(1);
  const bad: [unknown[], string][] = [
    [[], "Cannot combine governors: received none"],
    [[one, 1], "governor must be a Governor, received 1"],
    [[one, null], "governor must be a Governor, received null"],
    [[one, {}], "governor.acquire must be a function, received undefined"],
    [
      [new Counting(1), allOf(new Counting(1), one)],
      "at most one of them may have no tryAcquire",
    ],
  ];
  for (const [given, message] of bad) {
    assertThrows(() => allOf(...given as Governor[]), TypeError, message);
  }
});
