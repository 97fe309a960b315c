import { rateLimit, type RateLimitOptions } from "../mod.ts";
import { LONGEST } from "../src/base/timer.ts";
import { FakeClock } from "./support/fake_clock.ts";
import {
  CountingController,
  range,
  seeded,
  settled,
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

/** A rate limit under fake time: who started when, and how many timers there are. */
class Setup implements Disposable {
  readonly time = new FakeTime(1_000_000);
  readonly rate: ReturnType<typeof rateLimit>;
  /** When each start was, from the beginning on. */
  readonly starts: number[] = [];
  readonly #timers = new Set<unknown>();
  /** The milliseconds that timers were set for. */
  readonly set: (number | undefined)[] = [];

  constructor(options: RateLimitOptions) {
    const { setTimeout, clearTimeout } = globalThis;
    globalThis.setTimeout = ((callback: () => void, ms?: number) => {
      this.set.push(ms);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        callback();
      }, ms);
      this.#timers.add(timer);
      return timer;
    }) as typeof globalThis.setTimeout;
    globalThis.clearTimeout = (timer) => {
      this.#timers.delete(timer);
      clearTimeout(timer);
    };
    this.rate = rateLimit(options);
  }

  get timers(): number {
    return this.#timers.size;
  }

  get elapsed(): number {
    return this.time.now - 1_000_000;
  }

  /** Starts as many as can start now, up to `n`. */
  tryStart(n: number): number {
    for (const i of range(n)) {
      if (this.rate.tryAcquire() === undefined) return i;
      this.starts.push(this.elapsed);
    }
    return n;
  }

  /** Has `n` more wait to start. */
  wait(n: number, signal?: AbortSignal): Promise<unknown>[] {
    return range(n).map(() =>
      this.rate.acquire(signal && { signal }).then((permit) => {
        this.starts.push(this.elapsed);
        permit.release();
      }, (reason) => reason)
    );
  }

  /** Lets so many milliseconds go by, and all starts be made that can be. */
  async tick(ms: number): Promise<void> {
    this.time.tick(ms);
    await Promise.resolve();
  }

  /** Lets time go by until there are so many starts. */
  async until(n: number): Promise<void> {
    await Promise.resolve();
    while (this.starts.length < n) {
      assert(this.time.next(), "a caller waits, but no timer is set");
      await Promise.resolve();
    }
  }

  [Symbol.dispose](): void {
    this.time.restore();
  }
}

/** Sets the clock to another time, as a user or a time server does. */
function setClock(to: () => number): void {
  globalThis.Date = new Proxy(Date, {
    get: (date, key) => key === "now" ? to : Reflect.get(date, key),
  });
}

/** Fails if any window `[t, t + interval)` holds more than `limit` starts. */
function assertWindows(starts: number[], limit: number, interval: number) {
  for (const i of range(starts.length - limit)) {
    assert(
      starts[i + limit]! - starts[i]! >= interval,
      `${limit + 1} starts in less than ${interval} ms from ${starts[i]}`,
    );
  }
}

test("rateLimit() lets `limit` start at once, and the next when the first is `interval` ago", () => {
  using setup = new Setup({ limit: 3, interval: 1000 });
  assertEquals(setup.tryStart(5), 3);
  setup.time.tick(999);
  assertEquals(setup.tryStart(5), 0);
  setup.time.tick(1);
  assertEquals(setup.tryStart(5), 3);
});

test("rateLimit() has a window that slides, not a fixed grid", () => {
  using setup = new Setup({ limit: 3, interval: 1000 });
  setup.time.tick(900);
  assertEquals(setup.tryStart(2), 2);
  setup.time.tick(200);
  assertEquals(setup.tryStart(5), 1);
  setup.time.tick(799);
  assertEquals(setup.tryStart(5), 0);
  setup.time.tick(1);
  assertEquals(setup.tryStart(5), 2);
  setup.time.tick(200);
  assertEquals(setup.tryStart(5), 1);
});

test("rateLimit() counts a permit as a start, though it was released unused", () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  const permit = setup.rate.tryAcquire()!;
  permit.release();
  permit.release(true);
  permit[Symbol.dispose]();
  assertEquals(setup.tryStart(1), 0);
});

test("rateLimit() keeps no place for a permit that is not released", () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  for (const _ of range(5)) {
    assertEquals(setup.tryStart(2), 1);
    setup.time.tick(1000);
  }
});

for (const seed of range(3)) {
  test(`rateLimit() of 10 per 1,000 ms lets 10,000 of random arrival (seed ${seed}) start as soon as no window holds more`, async () => {
    using setup = new Setup({ limit: 10, interval: 1000 });
    const random = seeded(seed);
    const arrivals: number[] = [];
    const arrive = () => {
      // Crowds and gaps: at times much work waits, at times none.
      const crowd = 1 + Math.floor(random() ** 4 * 60);
      for (const _ of range(crowd)) arrivals.push(setup.elapsed);
      setup.wait(crowd);
      setTimeout(arrive, Math.floor(random() * crowd * 200));
    };
    arrive();
    await setup.until(10_000);
    const { starts } = setup;
    assertWindows(starts, 10, 1000);
    let idle = 0;
    for (const i of range(10_000)) {
      const due = Math.max(arrivals[i]!, (starts[i - 10] ?? -1000) + 1000);
      idle += starts[i]! - due;
    }
    assertEquals(idle, 0);
  });
}

for (
  const [limit, interval] of [[1, 1], [3, 1000], [7, 10], [100, 60_000], [
    900,
    1000,
  ]] as const
) {
  test(`rateLimit() of ${limit} per ${interval} ms is used up as long as work waits, with every burst`, async () => {
    for (const burst of new Set([1, 2, Math.ceil(limit / 2), limit])) {
      if (burst > limit) continue;
      using setup = new Setup({ limit, interval, burst });
      const n = limit * 10 + 1;
      setup.wait(n);
      await setup.until(n);
      assertWindows(setup.starts, limit, interval);
      const time = setup.starts.at(-1)! - setup.starts[0]!;
      assert(time >= 10 * interval, `burst ${burst}: ${time} ms are too few`);
      assert(
        time <= 10.1 * interval,
        `burst ${burst}: ${time} ms are too many`,
      );
    }
  });
}

test("rateLimit() spaces starts evenly with a burst of 1", async () => {
  using setup = new Setup({ limit: 4, interval: 1000, burst: 1 });
  setup.wait(6);
  await setup.until(6);
  assertEquals(setup.starts, [0, 250, 500, 750, 1000, 1250]);
});

test("rateLimit() lets `burst` start back to back, then one at a time, and no more than `limit` a window", async () => {
  using setup = new Setup({ limit: 5, interval: 1000, burst: 3 });
  setup.wait(8);
  await setup.until(8);
  assertEquals(setup.starts, [0, 0, 0, 200, 400, 1000, 1000, 1000]);
});

test("rateLimit() gives what was not used of a burst back at the same rate", () => {
  using setup = new Setup({ limit: 5, interval: 1000, burst: 3 });
  assertEquals(setup.tryStart(5), 3);
  setup.time.tick(399);
  assertEquals(setup.tryStart(5), 1);
  setup.time.tick(2);
  assertEquals(setup.tryStart(5), 1);
  setup.time.tick(10_000);
  assertEquals(setup.tryStart(5), 3);
});

test("rateLimit() spaces starts by fractions of a millisecond as near as whole ones come to it", async () => {
  using setup = new Setup({ limit: 3, interval: 1000, burst: 1 });
  setup.wait(7);
  await setup.until(7);
  assertEquals(setup.starts, [0, 334, 667, 1000, 1334, 1667, 2000]);
});

test("rateLimit() with a limit of Infinity holds no caller back but by a pause, and takes any burst", () => {
  for (const burst of [1, 1000, Infinity]) {
    using setup = new Setup({ limit: Infinity, interval: 1000, burst });
    assertEquals(setup.tryStart(10_000), 10_000);
    setup.rate.pauseFor(10);
    assertEquals(setup.tryStart(1), 0);
    setup.time.tick(10);
    assertEquals(setup.tryStart(10_000), 10_000);
  }
});

test("rateLimit().acquire() serves first come, first served, and tryAcquire() doesn't barge in", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  const order: number[] = [];
  for (const i of range(3)) setup.rate.acquire().then(() => order.push(i));
  // The time has come, but the timer's callback has not: it is his who waits.
  setClock(() => setup.time.now + 1500);
  assertStrictEquals(setup.rate.tryAcquire(), undefined);
  await setup.tick(0);
  assertEquals(order, [0, 1]);
  assertStrictEquals(setup.rate.tryAcquire(), undefined);
});

test("rateLimit() has one timer exactly while a caller waits", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  assertEquals(setup.tryStart(2), 1);
  assertEquals([setup.timers, setup.set], [0, []]);
  setup.wait(3);
  assertEquals([setup.timers, setup.set], [1, [1000]]);
  await setup.tick(1000);
  assertEquals([setup.timers, setup.starts.length], [1, 2]);
  for (const _ of range(2)) await setup.tick(1000);
  assertEquals([setup.timers, setup.starts], [0, [0, 1000, 2000, 3000]]);
  setup.rate.pauseFor(500);
  assertEquals(setup.timers, 0);
});

for (const index of range(3)) {
  test(`rateLimit().acquire() that is aborted takes no start, and leaves the others in their order (waiter ${index} of 3)`, async () => {
    using setup = new Setup({ limit: 1, interval: 1000 });
    setup.tryStart(1);
    const controllers = range(3).map(() => new CountingController());
    const order: number[] = [];
    const ends = controllers.map(({ signal }, i) =>
      setup.rate.acquire({ signal }).then(
        () => order.push(i),
        (reason) => reason,
      )
    );
    controllers[index]!.abort("why");
    assertEquals(await ends[index], "why");
    assertEquals(setup.timers, 1);
    await setup.tick(2000);
    assertEquals(order, range(3).filter((i) => i !== index));
    assertEquals(controllers.map((c) => c.listeners), [0, 0, 0]);
    assertEquals(setup.timers, 0);
  });
}

test("rateLimit() has no timer any more when the last waiter was aborted", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  setup.tryStart(1);
  const controller = new CountingController();
  const ends = setup.wait(2, controller.signal);
  assertEquals([setup.timers, controller.listeners], [1, 1]);
  controller.abort("why");
  assertEquals([setup.timers, controller.listeners], [0, 0]);
  assertEquals(await Promise.all(ends), ["why", "why"]);
  setup.time.tick(1000);
  assertEquals(setup.tryStart(2), 1);
});

test("rateLimit() has two timers at the most, of however many callers that came and went while one waits", async () => {
  using setup = new Setup({ limit: 1, interval: 3_600_000 });
  setup.tryStart(1);
  const first = new AbortController();
  const waiting = setup.wait(1, first.signal);
  for (const _ of range(50)) {
    const controller = new AbortController();
    const gone = setup.wait(1, controller.signal);
    await setup.tick(2);
    const { length } = setup.set;
    controller.abort();
    await gone[0];
    assertEquals(setup.set.length, length, "a timer was set for the others");
    assert(setup.timers <= 2, `there are ${setup.timers} timers`);
    await setup.tick(2);
  }
  first.abort();
  await waiting[0];
  assertEquals(setup.timers, 0);
});

test("rateLimit().acquire() with an aborted signal rejects with its reason, and takes no start", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  const reason = new Error("why");
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(() => setup.rate.acquire({ signal }));
  assertStrictEquals(error, reason);
  assertEquals(setup.tryStart(2), 1);
});

test("rateLimit().pauseFor() lets no caller start until then, and after it as many as the rate lets", async () => {
  using setup = new Setup({ limit: 2, interval: 1000 });
  setup.wait(3);
  await setup.tick(0);
  setup.rate.pauseFor(5000);
  await setup.tick(4999);
  assertEquals(setup.starts, [0, 0]);
  await setup.tick(1);
  assertEquals(setup.starts, [0, 0, 5000]);
  assertEquals(setup.tryStart(5), 1);
});

test("rateLimit().pauseFor() of two pauses keeps the one that ends later", () => {
  using setup = new Setup({ limit: 2, interval: 10 });
  setup.rate.pauseFor(500);
  setup.rate.pauseFor(100);
  setup.time.tick(499);
  assertEquals(setup.tryStart(1), 0);
  setup.rate.pauseFor(100);
  setup.rate.pauseFor(0);
  setup.time.tick(99);
  assertEquals(setup.tryStart(1), 0);
  setup.time.tick(1);
  assertEquals(setup.tryStart(1), 1);
});

test("rateLimit().pauseFor() of more than a timer can be set for lasts as long as it was told to", async () => {
  using setup = new Setup({ limit: 1, interval: 10 });
  setup.rate.pauseFor(LONGEST + 10);
  setup.wait(1);
  assertEquals(setup.set, [LONGEST]);
  await setup.tick(LONGEST);
  assertEquals([setup.starts, setup.set], [[], [LONGEST, 10]]);
  await setup.tick(10);
  assertEquals([setup.starts, setup.timers], [[LONGEST + 10], 0]);
});

test("rateLimit().pauseFor() of Infinity is for good", async () => {
  using setup = new Setup({ limit: 1, interval: 10 });
  setup.rate.pauseFor(Infinity);
  const controller = new AbortController();
  setup.wait(1, controller.signal);
  for (const _ of range(3)) await setup.tick(LONGEST);
  assertEquals([setup.starts, setup.timers], [[], 1]);
  controller.abort();
  assertEquals(setup.timers, 0);
});

test("rateLimit() keeps no caller waiting longer than the rate asks when the clock is set back", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  setup.tryStart(1);
  setup.wait(2);
  setClock(() => setup.time.now - 3_600_000);
  await setup.tick(1000);
  assertEquals(setup.starts, [0, 1000]);
  setClock(() => setup.time.now - 7_200_000);
  await setup.tick(1000);
  assertEquals(setup.starts, [0, 1000, 2000]);
});

test("rateLimit() keeps a caller that comes after the clock was set back for one interval at most", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  setup.tryStart(1);
  setup.time.tick(600);
  setClock(() => setup.time.now - 3_600_000);
  assertEquals(setup.tryStart(1), 0);
  setup.wait(1);
  await setup.tick(1000);
  assertEquals(setup.starts, [0, 1600]);
});

test("rateLimit() does not count on a timer that goes off a little early", async () => {
  using setup = new Setup({ limit: 1, interval: 1000 });
  setup.tryStart(1);
  setup.wait(1);
  setClock(() => setup.time.now - 1);
  await setup.tick(1000);
  assertEquals([setup.starts, setup.set], [[0], [1000, 2]]);
  await setup.tick(2);
  assertEquals([setup.starts, setup.timers], [[0, 1002], 0]);
});

test("rateLimit() gets on though the clock stands", async () => {
  using setup = new Setup({ limit: 1, interval: 1 });
  setClock(() => 1_000_000);
  setup.wait(3);
  await setup.until(3);
  assertEquals(setup.starts, [0, 3, 6]);
});

const bad: [keyof RateLimitOptions, unknown, string][] = [
  ["limit", 0, "a positive integer or Infinity"],
  ["limit", 1.5, "a positive integer or Infinity"],
  ["limit", NaN, "a positive integer or Infinity"],
  ["interval", -1, "a non-negative number of milliseconds"],
  ["interval", NaN, "a non-negative number of milliseconds"],
  ["interval", 0, "a positive, finite number of milliseconds"],
  ["interval", Infinity, "a positive, finite number of milliseconds"],
  ["burst", 0, "a positive integer or Infinity"],
  ["burst", 11, "at most the limit (10)"],
];

for (const [name, value, wanted] of bad) {
  test(`rateLimit() with ${name} ${value} throws a RangeError that says so`, () => {
    assertThrows(
      () => rateLimit({ limit: 10, interval: 1000, [name]: value }),
      RangeError,
      `Cannot create rate limit: ${name} must be ${wanted}, received ${value}`,
    );
  });
}

test("rateLimit() with an option of the wrong type, or without one, throws a TypeError that says so", () => {
  const make = (options?: unknown) => () =>
    rateLimit(options as RateLimitOptions);
  assertThrows(make(), TypeError, "limit must be");
  assertThrows(make(10), TypeError, "options must be an object, received 10");
  assertThrows(make({ limit: 10 }), TypeError, "interval must be");
  assertThrows(make({ limit: "10", interval: 1 }), TypeError, 'received "10"');
});

test("rateLimit().pauseFor() with what is no time throws, and pauses nothing", () => {
  using setup = new Setup({ limit: 1, interval: 10 });
  const says = "Cannot pause: ms must be a non-negative number";
  assertThrows(() => setup.rate.pauseFor(-1), RangeError, says);
  assertThrows(() => setup.rate.pauseFor(NaN), RangeError, says);
  assertThrows(() => setup.rate.pauseFor("1" as never), TypeError, says);
  assertEquals(setup.tryStart(1), 1);
});

test("rateLimit() counts the even starts from one that was late by a millisecond", () => {
  using setup = new Setup({ limit: 2, interval: 10, burst: 1 });
  assertEquals(setup.tryStart(2), 1);
  setup.time.tick(6);
  assertEquals(setup.tryStart(2), 1);
  setup.time.tick(4);
  assertEquals(setup.tryStart(2), 0);
  setup.time.tick(1);
  assertEquals(setup.tryStart(2), 1);
});

test("rateLimit() lets a caller that waits start each millisecond, if it is the rate", async () => {
  using setup = new Setup({ limit: 2, interval: 2, burst: 1 });
  setup.wait(6);
  await settled();
  for (const _ of range(5)) {
    setup.time.tick(1);
    await settled();
  }
  assertEquals(setup.starts, range(6));
});

for (const burst of [6, 2, 1]) {
  test(`rateLimit() with a burst of ${burst} counts a start from when it is made, in a step that lasts for seconds, too`, async () => {
    const random = seeded(1);
    const clock = new FakeClock("performance");
    using _ = clock.use();
    const rate = rateLimit({ limit: 6, interval: 100, burst });
    const starts: number[] = [];
    for (const _ of range(100)) {
      for (const _ of range(20)) {
        clock.now += random() < 0.5 ? 0 : random() * 60;
        if (rate.tryAcquire() !== undefined) starts.push(clock.now);
      }
      await undefined;
      clock.now += random() * 200;
    }
    for (const i of range(starts.length - 6)) {
      assert(starts[i + 6]! - starts[i]! >= 100);
      assert(starts[i + burst]! - starts[i]! >= 100 / 6 - 1);
    }
    assert(starts.length > 500); // Those of a step may count from its end, not from later.
  });
}
