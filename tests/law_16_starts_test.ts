/** Law 16: a limit counts starts when they start, and a permit that is not used costs nothing. */

import {
  adaptiveLimit,
  allOf,
  CoGroup,
  type Governor,
  type Permit,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import { type Gate, gate, range, seeded, settled } from "./support/helpers.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

/**
 * The time of `performance.now`, which work moves on, and timers that go off when
 * they are due: what a loop is that stands still while a task computes.
 */
class Loop implements Disposable {
  now = 0;
  readonly #real = performance.now;
  readonly #timers: { due: number; callback: () => void }[] = [];
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;

  constructor() {
    performance.now = () => this.now;
    globalThis.setTimeout = ((callback: () => void, ms = 0) => {
      const timer = { due: this.now + ms, callback };
      this.#timers.push(timer);
      return timer;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: never) => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    }) as typeof clearTimeout;
  }

  /** Plain work. */
  spin(ms: number): void {
    this.now += ms;
  }

  /** Forgets the timers, as an edge runtime does with a request that is over. */
  drop(): void {
    this.#timers.length = 0;
  }

  /** Goes on until no timer is left, or the time has come. */
  async run(until = Infinity): Promise<void> {
    await settled();
    for (;;) {
      this.#timers.sort((a, b) => a.due - b.due);
      const timer = this.#timers.shift();
      if (timer === undefined || timer.due > until) return;
      this.now = Math.max(this.now, timer.due);
      timer.callback();
      await settled();
    }
  }

  [Symbol.dispose](): void {
    performance.now = this.#real;
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
  }
}

function assertWithin(starts: number[], limit: number, interval: number): void {
  const sorted = [...starts].sort((a, b) => a - b);
  sorted.forEach((start, i) => {
    const other = sorted[i + limit];
    assert(
      other === undefined || other - start >= interval,
      `${limit + 1} starts from ${start} to ${other}`,
    );
  });
}

/** Each way to bring a task in. */
const ways = {
  add: (group: CoGroup, task: () => unknown) => void group.add(task),
  go: (group: CoGroup, task: () => unknown) => void group.go(task),
  insert: (group: CoGroup, task: () => unknown) => void group.insert(task),
};

for (const [way, bring] of Object.entries(ways)) {
  test(`Law 16: rateLimit() is kept by ${way}() beside a group that holds the loop`, async () => {
    using loop = new Loop();
    const governor = rateLimit({ limit: 1, interval: 100 });
    const limited = new CoGroup({ concurrency: 4, governor });
    const other = new CoGroup(1);
    const starts: number[] = [];
    for (const _ of range(3)) {
      bring(limited, () => void starts.push(loop.now));
    }
    for (const _ of range(2)) other.add(() => loop.spin(150));
    await loop.run();
    assertEquals(starts.length, 3);
    assertWithin(starts, 1, 100);
  });
}

test("Law 16: a task's own work at its start does not let the next one start too soon", async () => {
  using loop = new Loop();
  const governor = rateLimit({ limit: 2, interval: 100 });
  const group = new CoGroup({ concurrency: 8, governor });
  const starts: number[] = [];
  const random = seeded(16);
  for (const _ of range(200)) {
    group.add(() => {
      loop.spin(random() < 0.1 ? 10 : 0); // What comes between: a collector, say.
      starts.push(loop.now);
      loop.spin(random() * 30);
    });
  }
  await loop.run();
  assertEquals(starts.length, 200);
  assertWithin(starts, 2, 100);
});

test("Law 16: two groups that share a rate, and callers of acquire(), keep it together", async () => {
  using loop = new Loop();
  const random = seeded(61);
  const governor = rateLimit({ limit: 5, interval: 50, burst: 3 });
  const starts: number[] = [];
  const start = () => {
    starts.push(loop.now);
    loop.spin(random() < 0.2 ? random() * 70 : 0);
  };
  const groups = [1, 8].map((concurrency) =>
    new CoGroup({ concurrency, governor, slice: 1 })
  );
  for (const n of range(150)) {
    if (n % 3 < 2) groups[n % 3]!.add(start);
    else governor.acquire().then(start);
  }
  await loop.run();
  assertEquals(starts.length, 150);
  assertWithin(starts, 5, 50);
});

test("rateLimit()'s pauseFor() is kept by a task that has its permit already on the way", async () => {
  using loop = new Loop();
  const governor = rateLimit({ limit: 1, interval: 100 });
  const group = new CoGroup({ concurrency: 2, governor });
  const starts: number[] = [];
  for (const _ of range(3)) group.add(() => void starts.push(loop.now));
  await loop.run(99);
  assertEquals(starts, [0]);
  const pause = () => {
    const paused = loop.now;
    governor.pauseFor(300);
    return paused + 300;
  };
  // In the very turn in which the next permit comes.
  let until = 0;
  setTimeout(() => {
    queueMicrotask(() => until = pause());
  }, 1);
  await loop.run();
  assertEquals(starts.length, 3);
  assert(starts[1]! >= until, `${starts[1]} is before ${until}`);
});

test("Permit.waive() of a rateLimit() costs nothing of the limit, at once or later", () => {
  using time = new FakeTime();
  const rate = rateLimit({ limit: 5, interval: 1000 });
  const other = rateLimit({ limit: 1, interval: 1000 });
  const both = (): Permit[] | undefined => {
    const one = rate.tryAcquire();
    if (one === undefined) return undefined;
    const two = other.tryAcquire();
    if (two === undefined) one.waive!();
    return two && [one, two];
  };
  assert(both());
  for (const _ of range(10)) assertEquals(both(), undefined);
  const left = range(10).map(() => rate.tryAcquire()).filter(Boolean);
  assertEquals(left.length, 4);
  time.tick(500);
  for (const permit of left) permit!.waive!();
  assertEquals(range(10).filter(() => rate.tryAcquire()).length, 4);
  left[0]!.waive!(); // A second time does nothing.
  assertEquals(rate.tryAcquire(), undefined);
});

test("Permit.waive() of a rateLimit() after its interval changes nothing", () => {
  using time = new FakeTime();
  const rate = rateLimit({ limit: 1, interval: 1000 });
  const permit = rate.tryAcquire()!;
  time.tick(1000);
  assert(rate.tryAcquire());
  permit.waive!();
  assertEquals(rate.tryAcquire(), undefined);
  time.tick(1000);
  assert(rate.tryAcquire());
  assertEquals(rate.tryAcquire(), undefined);
});

test("Permit.waive() of a paced rateLimit() gives its moment back", () => {
  using _ = new FakeTime();
  const rate = rateLimit({ limit: 10, interval: 1000, burst: 1 });
  const permit = rate.tryAcquire()!;
  assertEquals(rate.tryAcquire(), undefined);
  permit.waive!();
  assert(rate.tryAcquire());
  assertEquals(rate.tryAcquire(), undefined);
});

test("Permit.waive() lets a caller in that waits, in a Semaphore and an adaptiveLimit(), too", async () => {
  const governors: Governor[] = [
    new Semaphore(1),
    rateLimit({ limit: 1, interval: 1e6 }),
    adaptiveLimit({ max: 1 }),
  ];
  for (const governor of governors) {
    const permit = governor.tryAcquire!()!;
    const waiting = governor.acquire();
    permit.waive!();
    permit.release();
    (await waiting).waive!();
    assert(governor.tryAcquire!());
    assertEquals(governor.tryAcquire!(), undefined);
  }
});

test("CoGroup waives a permit of a governor of the user's that it has no use for; without waive() it releases it", async () => {
  for (const hasWaive of [true, false]) {
    const ends: unknown[] = [];
    const give = (): Permit => ({
      release: (failed) => void ends.push(["release", failed]),
      ...(hasWaive && { waive: () => void ends.push("waive") }),
      [Symbol.dispose]() {},
    });
    let answer: ((permit: Permit) => void) | undefined;
    const governor: Governor = {
      tryAcquire: () => undefined,
      acquire: () => new Promise((resolve) => answer = resolve),
    };
    const group = new CoGroup({ concurrency: 1, governor });
    group.add(() => {});
    await settled();
    group.pause();
    await settled();
    answer!(give()); // It has left, and the permit was on its way.
    await settled();
    assertEquals(ends, [hasWaive ? "waive" : ["release", false]]);
    group.abort();
    await group.wait();
  }
});

/**
 * Waits for a permit in a request that is over when there is one: what was to react to
 * that is lost; or comes when the gate is opened, if there is one.
 */
function acquireInLostRequest(rate: Governor, late?: Gate): Promise<Permit> {
  const { then } = Promise.prototype;
  Promise.prototype.then = function (this: Promise<unknown>, ...reactions) {
    const arrived = Reflect.apply(then, this, [
      (value: unknown) =>
        late === undefined
          ? new Promise(() => {})
          : Reflect.apply(then, late.promise, [() => value]),
    ]);
    return Reflect.apply(then, arrived, reactions);
  } as typeof then;
  try {
    return rate.acquire();
  } finally {
    Promise.prototype.then = then;
  }
}

test("Law 15: rateLimit() is not stuck by a permit whose caller's request is over: acquire()", async () => {
  using loop = new Loop();
  const rate = rateLimit({ limit: 1, interval: 100 });
  const starts: number[] = [];
  assert(rate.tryAcquire());
  acquireInLostRequest(rate);
  for (const _ of range(3)) rate.acquire().then(() => starts.push(loop.now));
  await loop.run();
  // Given at 100, it counts as a start a second later.
  assertEquals(starts, [1200, 1300, 1400]);
});

test("Law 15: rateLimit() is not stuck by a permit whose caller's request is over, and its timers with it", async () => {
  using loop = new Loop();
  const rate = rateLimit({ limit: 1, interval: 100 });
  const starts: number[] = [];
  assert(rate.tryAcquire());
  acquireInLostRequest(rate);
  await loop.run(100);
  loop.drop();
  loop.spin(50);
  rate.acquire().then(() => starts.push(loop.now));
  await loop.run();
  assertEquals(starts, [1200]);
});

test("Law 15: rateLimit() is not stuck by a permit whose caller's request is over: tryAcquire()", async () => {
  using loop = new Loop();
  const rate = rateLimit({ limit: 1, interval: 100 });
  assert(rate.tryAcquire());
  acquireInLostRequest(rate);
  await loop.run(100);
  loop.drop();
  loop.spin(50);
  assertEquals(rate.tryAcquire(), undefined);
  await loop.run();
  assertEquals([loop.now, rate.tryAcquire()], [1100, undefined]);
  loop.spin(100);
  assert(rate.tryAcquire());
});

test("Law 15: rateLimit().tryAcquire() is not held up by a caller whose request is over, and its timer with it", async () => {
  using loop = new Loop();
  const rate = rateLimit({ limit: 1, interval: 100 });
  assert(rate.tryAcquire());
  acquireInLostRequest(rate);
  loop.drop();
  loop.spin(150);
  assertEquals(rate.tryAcquire(), undefined);
  await loop.run();
  loop.spin(100);
  assert(rate.tryAcquire());
});

test("Law 16: a permit of rateLimit() that arrives when it was taken for lost counts from then on", async () => {
  using loop = new Loop();
  const rate = rateLimit({ limit: 1, interval: 100 });
  const starts: number[] = [];
  const late = gate();
  assert(rate.tryAcquire());
  acquireInLostRequest(rate, late).then(() => {});
  await loop.run(1150);
  loop.now = 1150;
  late.open();
  await settled();
  rate.acquire().then(() => starts.push(loop.now));
  await loop.run();
  assertEquals(starts, [1250]);
});

test("allOf() tells a rateLimit() when a permit that was waited for has arrived: the next is not late", async () => {
  using loop = new Loop();
  const rate = rateLimit({ limit: 1, interval: 100 });
  const governor = allOf(rate, new Semaphore(1));
  const starts: number[] = [];
  for (const _ of range(4)) {
    governor.acquire().then((permit) => {
      starts.push(Math.round(loop.now));
      permit.release();
    });
  }
  await loop.run();
  assertEquals(starts, [0, 100, 200, 300]);
});

test("rateLimit() is used up where the loop is free: 1,000 starts take no more than they must", async () => {
  using time = new FakeTime();
  const governor = rateLimit({ limit: 20, interval: 100 });
  const group = new CoGroup({ concurrency: 4, governor, slice: Infinity });
  let last = 0;
  const begin = time.now;
  for (const _ of range(1000)) group.add(() => void (last = time.now - begin));
  const done = group.wait();
  for (let i = 0; i < 60; i++) await time.tickAsync(100);
  await done;
  assertEquals(last, 4900);
});
