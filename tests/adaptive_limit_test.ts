import {
  type AdaptiveLimit,
  adaptiveLimit,
  type AdaptiveLimitOptions,
  type Permit,
} from "../mod.ts";
import { CountingController, range, seeded } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** From 1 - spread to 1 + spread, all the same likely. */
const even = (spread: number) => (random: () => number) =>
  1 + spread * (2 * random() - 1);
/** The usual shape of latencies: a logarithm with a normal distribution. */
const lognormal = (sigma: number) => (random: () => number) =>
  Math.exp(
    sigma * Math.sqrt(-2 * Math.log(1 - random())) *
      Math.cos(2 * Math.PI * random()),
  );
/** One request of a hundred takes ten times as long. */
const outliers = (random: () => number) =>
  even(0.1)(random) * (random() < 0.01 ? 10 : 1);

interface Request {
  readonly end: number;
  readonly permit: Permit;
}

/**
 * A server that answers as quickly to `knee` requests at once as to one, and
 * more slowly the more there are above that; and a client that always has
 * requests for it, `demand` at once at most. Under fake time, without timers.
 */
class Server implements Disposable {
  readonly time = new FakeTime(1_000_000);
  readonly governor: AdaptiveLimit;
  knee = 20;
  base = 50;
  demand = Infinity;
  noise: (random: () => number) => number = () => 1;
  isFailing: () => boolean = () => false;
  /** The most requests that were ever in flight. */
  most = 0;
  readonly #random: () => number;
  #requests: Request[] = [];

  constructor(options: Partial<AdaptiveLimitOptions> = {}, seed = 0) {
    this.governor = adaptiveLimit({ max: 1000, ...options });
    this.#random = seeded(seed);
  }

  get limit(): number {
    return this.governor.limit;
  }

  /** Has `n` requests answered. The lowest and the highest limit meanwhile. */
  run(n: number): [number, number] {
    const limits = range(n).map(() => {
      this.#send();
      this.#answer();
      return this.limit;
    });
    return [Math.min(...limits), Math.max(...limits)];
  }

  /** As `run`, and then the limit is within 30 % of this. */
  assertSettles(n: number, near: number): void {
    this.run(n);
    assert(
      Math.abs(this.limit - near) <= 0.3 * near,
      `${this.limit} is not within 30 % of ${near}`,
    );
  }

  #send(): void {
    while (this.#requests.length < this.demand) {
      const permit = this.governor.tryAcquire();
      if (permit === undefined) break;
      const load = Math.max(1, (this.#requests.length + 1) / this.knee);
      const latency = this.base * load * this.noise(this.#random);
      const end = this.time.now + Math.max(1, Math.round(latency));
      this.#requests.push({ end, permit });
    }
    this.most = Math.max(this.most, this.#requests.length);
  }

  #answer(): void {
    const first = this.#requests.reduce((a, b) => b.end < a.end ? b : a);
    this.#requests = this.#requests.filter((request) => request !== first);
    this.time.tick(Math.max(0, first.end - this.time.now));
    first.permit.release(this.isFailing());
  }

  [Symbol.dispose](): void {
    this.time.restore();
  }
}

/** Acquires that many permits. */
function acquire(governor: AdaptiveLimit, n: number): Permit[] {
  return range(n).map(() => governor.tryAcquire()!);
}

/** Has `n` round trips of `ms` each go by, with the limit used up. */
function trips(
  governor: AdaptiveLimit,
  time: InstanceType<typeof FakeTime>,
  n: number,
  ms: number,
): void {
  for (const _ of range(n)) {
    const permits = [];
    for (let p = governor.tryAcquire(); p; p = governor.tryAcquire()) {
      permits.push(p);
    }
    time.tick(ms);
    for (const permit of permits) permit.release();
  }
}

for (const base of [10, 50, 200]) {
  for (
    const [what, noise] of [
      ["steady", () => 1],
      ["10 % off", even(0.1)],
      ["30 % off", even(0.3)],
      ["log-normal", lognormal(0.2)],
      ["with outliers", outliers],
    ] as const
  ) {
    test(`adaptiveLimit() finds the knee at 20, again when it moves to 8, and again at 20, within 1,000 requests each (${base} ms, ${what})`, () => {
      for (const seed of range(noise.length === 0 ? 1 : 10)) {
        using server = new Server({}, seed);
        Object.assign(server, { base, noise });
        server.assertSettles(1000, 20);
        server.knee = 8;
        server.assertSettles(1000, 8);
        server.knee = 20;
        server.assertSettles(1000, 20);
      }
    });
  }
}

test("adaptiveLimit() stays where it has settled", () => {
  using server = new Server();
  server.noise = even(0.1);
  server.run(1000);
  const [lowest, highest] = server.run(20_000);
  assert(lowest >= 18 && highest <= 26, `from ${lowest} to ${highest}`);
});

test("adaptiveLimit() takes less than a tenth of what the peer could do to find out what that is", () => {
  using server = new Server();
  server.run(1000);
  server.knee = 8;
  server.run(1000);
  const start = server.time.now;
  server.run(4000);
  const least = 4000 * server.base / server.knee;
  const took = server.time.now - start;
  assert(took < 1.1 * least, `${took} ms instead of ${least}`);
});

for (const knee of [2, 5, 100, 300]) {
  test(`adaptiveLimit() finds a knee at ${knee}, but for a request or a tenth`, () => {
    using server = new Server();
    Object.assign(server, { knee, noise: even(0.1) });
    server.run(Math.max(1000, 20 * knee));
    assert(
      server.limit >= 0.9 * knee && server.limit <= 1.2 * knee + 1,
      `${server.limit}`,
    );
  });
}

test("adaptiveLimit() finds its way from an initial limit that is far too high", () => {
  using server = new Server({ initial: 100 });
  Object.assign(server, { knee: 8, noise: even(0.1) });
  server.assertSettles(4500, 8);
});

test("adaptiveLimit() is not misled by a first round of odd latencies", () => {
  const settled = range(100).filter((seed) => {
    using server = new Server({}, seed);
    server.noise = lognormal(0.3);
    server.run(1000);
    return server.limit >= 14 && server.limit <= 26;
  });
  assert(settled.length >= 95, `${settled.length} of 100`);
});

test("adaptiveLimit() never has more permits out than its limit ever was, nor than max", () => {
  using server = new Server({ max: 12 });
  server.run(2000);
  assertEquals([server.limit, server.most], [12, 12]);
});

test("adaptiveLimit() never goes below min, though the peer takes less", () => {
  using server = new Server({ min: 6, max: 50 });
  server.knee = 2;
  const [lowest] = server.run(3000);
  assertEquals(lowest, 6);
});

test("adaptiveLimit() does not grow while the demand is below the limit, and does when it comes", () => {
  using server = new Server();
  Object.assign(server, { demand: 5, noise: even(0.1) });
  server.run(1000);
  const { limit } = server;
  assert(limit >= 5 && limit <= 10, `${limit}`);
  const [lowest, highest] = server.run(10_000);
  assertEquals([lowest, highest], [limit, limit]);
  server.demand = Infinity;
  server.assertSettles(1000, 20);
});

test("adaptiveLimit() does not shrink on latencies of a demand below half of it", () => {
  using server = new Server();
  server.run(1000);
  server.demand = 5;
  server.run(100);
  const { limit } = server;
  server.base *= 10;
  server.run(100);
  assertEquals(server.limit, limit);
});

for (const factor of [2, 5, 20]) {
  test(`adaptiveLimit() comes back when the peer has become ${factor} times slower for good, and when it is quick again`, () => {
    using server = new Server();
    server.noise = even(0.1);
    server.run(1000);
    server.base *= factor;
    // It asks again at once, before it has fallen to next to nothing.
    const [lowest] = server.run(500);
    assert(lowest >= 6, `${lowest}`);
    server.assertSettles(1000, 20);
    server.base /= factor;
    const [, highest] = server.run(3000);
    assert(highest <= 32, `${highest}`);
    server.assertSettles(1, 20);
  });
}

test("adaptiveLimit() gives out half of its permits while it measures the base again, and says the whole limit", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 24, initial: 24 });
  const outs: number[] = [];
  for (const _ of range(60)) {
    const permits = [];
    for (let p = governor.tryAcquire(); p; p = governor.tryAcquire()) {
      permits.push(p);
    }
    outs.push(permits.length);
    time.tick(50);
    for (const permit of permits) permit.release();
    assertEquals(governor.limit, 24);
  }
  // A probe takes 24 latencies, 12 at once.
  assertEquals(outs.slice(0, 22).filter((n) => n === 12).length, 2);
  assertEquals(new Set(outs), new Set([24, 12]));
});

test("adaptiveLimit() is halved by a failure", () => {
  const governor = adaptiveLimit({ max: 100, initial: 16 });
  const [permit] = acquire(governor, 1);
  permit!.release(true);
  assertEquals(governor.limit, 8);
  assertEquals(acquire(governor, 9).filter(Boolean).length, 8);
});

test("adaptiveLimit() is halved once by a burst of failures, however many permits were out", () => {
  const governor = adaptiveLimit({ max: 100, initial: 16 });
  const permits = acquire(governor, 16);
  for (const permit of permits.slice(1)) permit.release(true);
  assertEquals(governor.limit, 8);
  // One that was acquired after the cut fails: that is news; the old one's is not.
  acquire(governor, 1)[0]!.release(true);
  assertEquals(governor.limit, 4);
  permits[0]!.release(true);
  assertEquals(governor.limit, 4);
});

test("adaptiveLimit() is not halved below min by however many failures", () => {
  const governor = adaptiveLimit({ min: 3, max: 100, initial: 16 });
  for (const _ of range(10)) acquire(governor, 1)[0]!.release(true);
  assertEquals(governor.limit, 3);
});

test("adaptiveLimit() does not double any more after a failure, it adds", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 1000, initial: 32 });
  acquire(governor, 1)[0]!.release(true);
  trips(governor, time, 4, 50);
  assert(governor.limit > 16 && governor.limit < 20, `${governor.limit}`);
});

test("adaptiveLimit() does without a probe that a failure interrupts, and makes up for it", () => {
  using server = new Server();
  server.noise = even(0.1);
  let answered = 0;
  server.isFailing = () => ++answered % 1000 === 0;
  const [lowest, highest] = server.run(20_000);
  assert(lowest >= 4 && highest <= 34, `from ${lowest} to ${highest}`);
});

test("adaptiveLimit() that refuses above 20 by failing is kept near it", () => {
  using server = new Server();
  server.knee = 1000;
  let recent = 0;
  server.isFailing = () => server.limit > 20 && ++recent % 5 === 0;
  server.run(1000);
  const [lowest, highest] = server.run(5000);
  assert(lowest >= 8 && highest <= 24, `from ${lowest} to ${highest}`);
});

test("adaptiveLimit() learns nothing from permits that were released at once, or while the clock was set back", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 100 });
  for (const _ of range(100)) acquire(governor, 1)[0]!.release();
  for (const _ of range(20)) {
    const permits = acquire(governor, 4);
    const now = time.now - 3_600_000;
    globalThis.Date = new Proxy(Date, {
      get: (date, key) => key === "now" ? () => now : Reflect.get(date, key),
    });
    for (const permit of permits) permit.release();
  }
  assertEquals(governor.limit, 4);
});

test("adaptiveLimit() lets the callers that wait in when it grows, first come, first served", async () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 100 });
  trips(governor, time, 5, 50);
  assertEquals(governor.limit, 4);
  const permits = acquire(governor, 4);
  const order: number[] = [];
  for (const i of range(8)) governor.acquire().then(() => order.push(i));
  assertStrictEquals(governor.tryAcquire(), undefined);
  time.tick(50);
  for (const permit of permits) permit.release();
  await Promise.resolve();
  assertEquals([governor.limit, order], [8, range(8)]);
});

test("adaptiveLimit()'s permit is released once", () => {
  const governor = adaptiveLimit({ max: 4, initial: 2 });
  const [first] = acquire(governor, 2);
  first!.release();
  first!.release(true);
  first![Symbol.dispose]();
  assertEquals(governor.limit, 2);
  assertEquals(acquire(governor, 2).filter(Boolean).length, 1);
});

test("adaptiveLimit().acquire() that is aborted is gone, from its signal too", async () => {
  const governor = adaptiveLimit({ max: 1 });
  const [permit] = acquire(governor, 1);
  const controller = new CountingController();
  const waiting = governor.acquire({ signal: controller.signal });
  const reason = new Error("why");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
  assertEquals(controller.listeners, 0);
  permit!.release();
  assert(governor.tryAcquire() !== undefined);
});

test("adaptiveLimit() begins with 4, or what is nearest to it from min to max", () => {
  const limits = [{ max: 100 }, { max: 2 }, { min: 10, max: 100 }, {
    max: Infinity,
  }].map((options) => adaptiveLimit(options).limit);
  assertEquals(limits, [4, 2, 10, 4]);
  assertEquals(adaptiveLimit({ max: 100, initial: 7 }).limit, 7);
});

const bad: [keyof AdaptiveLimitOptions, unknown, string][] = [
  ["max", 0, "a positive integer or Infinity"],
  ["max", 1.5, "a positive integer or Infinity"],
  ["min", 0, "a positive integer or Infinity"],
  ["min", 51, "at most max (50)"],
  ["initial", 2.5, "a positive integer or Infinity"],
  ["initial", 1, "from min to max (2 to 50)"],
  ["initial", 51, "from min to max (2 to 50)"],
];

for (const [name, value, wanted] of bad) {
  test(`adaptiveLimit() with ${name} ${value} throws a RangeError that says so`, () => {
    assertThrows(
      () => adaptiveLimit({ min: 2, max: 50, [name]: value }),
      RangeError,
      `Cannot create adaptive limit: ${name} must be ${wanted}, received ${value}`,
    );
  });
}

test("adaptiveLimit() with an option of the wrong type, or without one, throws a TypeError that says so", () => {
  const make = (options?: unknown) => () =>
    adaptiveLimit(options as AdaptiveLimitOptions);
  assertThrows(make(), TypeError, "max must be");
  assertThrows(make(10), TypeError, "options must be an object, received 10");
  assertThrows(make({ max: "10" }), TypeError, 'received "10"');
  assertThrows(make({ max: 10, initial: null }), TypeError, "initial must be");
});

/** After how many requests a server's governor had which limit. */
function way(server: Server, n: number): string {
  let last = server.limit;
  const changes = [];
  for (const request of range(n)) {
    const [limit] = server.run(1);
    if (limit !== last) changes.push(`${request}:${last = limit}`);
  }
  return changes.join(" ");
}

test("adaptiveLimit() goes the same way through the same latencies and failures", () => {
  using server = new Server({ max: 60, min: 2, initial: 3 }, 7);
  Object.assign(server, { noise: even(0.3) });
  assertEquals(
    way(server, 700),
    "23:6 49:12 78:24 113:48 184:39 270:32 340:28 399:26 452:25 502:24 691:25",
  );
  Object.assign(server, { knee: 7, base: 80 });
  assertEquals(
    way(server, 700),
    "39:18 119:15 160:13 198:11 302:10 435:11 570:10 604:11 671:10",
  );
  let n = 0;
  server.isFailing = () => ++n % 97 === 0;
  assertEquals(way(server, 300), "5:11 72:10 96:5 177:6 193:3 273:4 290:2");
  server.isFailing = () => false;
  Object.assign(server, { base: 20, knee: 40 });
  assertEquals(
    way(server, 1500),
    "67:3 143:4 196:5 251:6 337:7 396:8 457:9 520:10 585:11 652:12 686:13 786:14 822:15 897:16 935:17 974:18 1055:19 1096:20 1138:21 1181:23 1225:24 1271:25 1319:26 1369:27 1421:28 1475:30",
  );
  server.demand = 12;
  server.knee = 3;
  assertEquals(way(server, 1000), "");
  Object.assign(server, { demand: Infinity, knee: 80 });
  assertEquals(
    way(server, 2000),
    "45:31 105:33 207:34 273:36 342:38 415:40 492:42 573:44 658:46 747:49 841:51 940:54 1044:56 1153:59 1267:60",
  );
});

test("adaptiveLimit() does not doubt a limit that failures have brought down", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 100, initial: 32 });
  for (const _ of range(3)) acquire(governor, 1)[0]!.release(true);
  assertEquals(governor.limit, 4);
  trips(governor, time, 6, 50);
  const permits = acquire(governor, 10).filter(Boolean);
  assertEquals(permits.length, governor.limit, "there is no probe");
});

test("adaptiveLimit() shrinks on latencies of a demand of half of it", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 100, initial: 16 });
  const half = (n: number, ms: number) => {
    for (const _ of range(n)) {
      const permits = acquire(governor, 8);
      time.tick(ms);
      for (const permit of permits) permit.release();
    }
  };
  half(3, 10);
  assertEquals(governor.limit, 16);
  half(3, 1000);
  assertEquals(governor.limit, 8);
});

test("adaptiveLimit() learns from latencies of a millisecond", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ max: 100 });
  trips(governor, time, 6, 1);
  assertEquals(governor.limit, 8);
});

test("adaptiveLimit() does not doubt a limit that is down at min, as long as that is half of what it was", () => {
  using time = new FakeTime();
  const governor = adaptiveLimit({ min: 4, max: 8, initial: 8 });
  trips(governor, time, 3, 10);
  trips(governor, time, 30, 1000);
  assertEquals(governor.limit, 4);
  trips(governor, time, 30, 1000);
  assertEquals(governor.limit, 4, "the base is what it was");
});
