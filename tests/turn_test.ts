import { range, settled } from "./support/helpers.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";
import * as real from "../src/turn.ts";

// turn.ts binds the clock and the loop of the program when it is loaded. So
// these tests load it again, with a clock and a loop that they move on.

type Callback = () => void;
const globals = globalThis as unknown as {
  setImmediate: ((callback: Callback) => void) | undefined;
  setTimeout: (callback: Callback, ms: number) => void;
};
const { setImmediate, setTimeout } = globals;
const { now } = performance;
const { now: tick } = Date;

let clock = 0;
let looks = 0;
/** How many of the looks read the clock itself, not only its milliseconds. */
let reads = 0;
/** Whether Date's clock stands still. */
let stopped = false;
let probes: Callback[] = [];
performance.now = () => {
  reads++;
  return clock;
};
Date.now = () => {
  looks++;
  return stopped ? 0 : Math.floor(clock);
};
globals.setImmediate = (callback) => probes.push(callback);
const turn: typeof real = await import("../src/turn.ts?clock");
stopped = true;
const still: typeof real = await import("../src/turn.ts?still");
still.enter(10);
const timeOfStill = run((n) => n < 2000 ? 0 : 3, 10_000, still);
const wasStillBlocked = still.isBlocked();
stopped = false;

globals.setImmediate = undefined;
const timers: number[] = [];
globals.setTimeout = (callback, ms) => {
  timers.push(ms);
  probes.push(callback);
};
const old: typeof real = await import("../src/turn.ts?without-immediates");
Object.assign(globals, { setImmediate, setTimeout });
performance.now = now;
Date.now = tick;

/** Lets the loop turn. */
function turnLoop(): void {
  const due = probes;
  probes = [];
  for (const callback of due) callback();
}

/** Groups with these slices at work, and a loop that has just turned, until the end of the block. */
function atWork(...slices: number[]): Disposable {
  turn.enter(0);
  clock += 1000;
  while (!turn.isBlocked()) {
    turn.mayStart(Infinity);
    clock++;
  }
  turnLoop();
  turn.leave(0);
  for (const slice of slices) turn.enter(slice);
  return {
    [Symbol.dispose]() {
      for (const slice of slices) turn.leave(slice);
      turnLoop();
    },
  };
}

/** Starts tasks of so many milliseconds, one after the other, for as long as they may start. */
function run(
  cost: (n: number) => number,
  most = 10_000,
  { mayStart } = turn,
): number {
  const begin = clock;
  for (let n = 0; n < most && mayStart(Infinity); n++) clock += cost(n);
  return clock - begin;
}

test("mayStart() is always true, and lays no probe, for tasks that take no time", () => {
  using _ = atWork(10);
  run(() => 0);
  assertEquals([turn.isBlocked(), probes.length], [false, 0]);
});

test("mayStart() is false once the loop has not turned for a slice and a handful of tasks", () => {
  for (const slice of [0, 1, 10, 100]) {
    for (const cost of [0.125, 1, 3, 50, 1000]) {
      using _ = atWork(slice);
      const time = run(() => cost);
      const what = `${time} ms, slice ${slice}, tasks of ${cost}`;
      assert(turn.isBlocked(), what);
      assert(time <= slice + 8 * cost && time >= Math.min(slice, cost), what);
    }
  }
});

test("mayStart() holds to that when short tasks are followed by long ones, or the other way round", () => {
  for (const change of range(100)) {
    for (const [first, then] of [[0.125, 20], [20, 0.125], [0, 5]] as const) {
      using _ = atWork(10);
      const time = run((n) => n < change ? first : then);
      assert(turn.isBlocked() && time <= 10 + 8 * 20, `${time} ms`);
    }
  }
});

test("mayStart() lets few more tasks start than fit into the slice, where all take as long", () => {
  for (const cost of [0.5, 1, 2, 3, 7]) {
    using _ = atWork(10);
    run(() => cost); // It has to see how long they take.
    turnLoop();
    const time = run(() => cost);
    assert(time <= 10 + 4 * cost, `${time} ms for tasks of ${cost}`);
  }
});

test("mayStart() looks at the clock at least once in eight starts, and seldom more often", () => {
  using _ = atWork(10);
  let since = 0;
  let most = 0;
  looks = 0;
  for (const _ of range(8000)) {
    const before = looks;
    turn.mayStart(Infinity);
    since = looks > before ? 1 : since + 1;
    most = Math.max(most, since);
  }
  assert(most <= 8 && looks <= 8000 / 6, `${most}, ${looks}`);
});

test("mayStart() reads the clock once in 32 looks, or when a millisecond has gone by, and seldom more often", () => {
  for (
    const [cost, most] of [[0, 1 / 4], [1 / 640, 1 / 2], [1 / 64, 2], [
      1,
      8,
    ]] as const
  ) {
    using _ = atWork(1e6);
    let since = 0;
    looks = reads = 0;
    for (const _ of range(8000)) {
      const before = reads;
      turn.mayStart(Infinity);
      since = reads > before ? 1 : since + 1;
      assert(
        since <= 224 && since * cost <= 8,
        `${since} starts of ${cost} ms`,
      );
      clock += cost;
    }
    assert(reads <= looks * most / 7, `${reads} of ${looks}`);
  }
});

test("mayStart() reads the clock when a millisecond has gone by also where Date's clock stands still", () => {
  stopped = true;
  try {
    using _ = atWork(1e6);
    let since = 0;
    for (const _ of range(2000)) {
      const before = reads;
      turn.mayStart(Infinity);
      since = reads > before ? 1 : since + 1;
      assert(since / 64 <= 1 + 8 / 64, `${since} starts`);
      clock += 1 / 64;
    }
  } finally {
    stopped = false;
  }
});

test("mayStart() goes by Date's clock while more than two milliseconds are left of the slice", () => {
  for (const [slice, isTrusted] of [[2, false], [2.5, true]] as const) {
    using _ = atWork(slice);
    looks = reads = 0;
    run(() => 0, 100);
    assertEquals([reads < looks, looks > 10], [isTrusted, true]);
  }
});

test("mayStart() is false after a slice and a handful of tasks also where Date's clock stands still, once that was seen", () => {
  stopped = true;
  try {
    let most = 32 * 7 + 8; // As many as it is trusted for until then.
    const toLong = (cost: number) => (n: number) => n < 2000 ? 0 : cost;
    for (const cost of [toLong(3), 0.125, 1, toLong(1), 50, toLong(50)]) {
      using _ = atWork(10);
      const time = run(typeof cost === "number" ? () => cost : cost);
      const one = typeof cost === "number" ? cost : cost(2000);
      assert(turn.isBlocked() && time <= 10 + most * one, `${time} ms`);
      most = 8;
    }
  } finally {
    stopped = false;
  }
});

test("mayStart() trusts no clock of Date's that was never seen to move", () => {
  assert(wasStillBlocked && timeOfStill <= 10 + 8 * 3, `${timeOfStill} ms`);
});

test("enter() of a smaller slice makes it count at once, whatever was granted before", () => {
  using _ = atWork(1000);
  // A look has just granted as much as there is, and a probe is laid.
  clock = Math.ceil(clock) + 300;
  while (probes.length === 0) turn.mayStart(Infinity);
  turn.enter(10);
  const time = run(() => 1 / 64);
  turn.leave(10);
  assert(turn.isBlocked() && time <= 8 / 64, `${time} ms`);
});

test("enter() of a larger slice leaves it at the smaller one, for all groups", () => {
  using _ = atWork(10);
  run(() => 1); // So that the smallest one has been looked for.
  turnLoop();
  turn.enter(1000);
  const time = run(() => 1);
  turn.leave(1000);
  assert(turn.isBlocked() && time <= 10 + 8, `${time} ms`);
});

test("enter() of a smaller slice has the clock read at the next look, which would not have been due", () => {
  using _ = atWork(1e6);
  run(() => 0, 20);
  reads = 0;
  run(() => 0, 8);
  assertEquals(reads, 0);
  turn.enter(0);
  run(() => 0, 8);
  turn.leave(0);
  assert(reads > 0);
});

test("mayStart() goes a handful of starts without a look when the loop has turned and held nobody up", () => {
  using _ = atWork(10);
  run(() => 1, 9);
  assertEquals([turn.isBlocked(), probes.length], [false, 1]);
  turnLoop();
  looks = 0;
  run(() => 0, 7);
  assertEquals(looks, 0);
});

test("mayStart() grants what fits into the slice, whatever was started before the loop turned", () => {
  using _ = atWork(40);
  run(() => 11, 2);
  run(() => 0, 50);
  assertEquals([turn.isBlocked(), probes.length], [false, 1]);
  turnLoop();
  assertEquals(run(() => 5), 40);
});

test("mayStart() takes what went by before its first look for one slice at the most, if a longer one counts then", () => {
  using _ = atWork(40);
  clock += 1000;
  while (probes.length === 0) turn.mayStart(10);
  const time = run(() => 1);
  assert(turn.isBlocked() && time >= 25 && time <= 30 + 8, `${time} ms`);
});

test("mayStart() is always true for tasks that let the loop turn, however long they go on", () => {
  using _ = atWork(10);
  for (const _ of range(1000)) {
    assert(turn.mayStart(Infinity));
    clock += 3;
    turnLoop();
  }
});

test("mayStart() stays false until the loop has turned, with one probe in it, then it is true", () => {
  using _ = atWork(10);
  run(() => 1);
  for (const _ of range(20)) {
    clock += 100;
    assertEquals([turn.mayStart(Infinity), turn.isBlocked()], [false, true]);
  }
  assertEquals(probes.length, 1);
  turnLoop();
  assertEquals([turn.isBlocked(), turn.mayStart(Infinity)], [false, true]);
  assertEquals(probes.length, 0);
});

test("mayStart() blocks again, a slice after the loop has turned", () => {
  using _ = atWork(10);
  const times = range(3).map(() => {
    const time = run(() => 1);
    assert(turn.isBlocked());
    turnLoop();
    return time;
  });
  assert(times.every((time) => time >= 10 && time <= 18), `${times}`);
});

test("mayStart() is true for a group that comes after a long time in which nothing happened", () => {
  using _ = atWork(10);
  clock += 1e6;
  const time = run(() => 1);
  assert(turn.isBlocked() && time >= 1 && time <= 18, `${time} ms`);
});

test("mayStart() lets no more than a slice and eight tasks go by, whatever came before and whatever they take", () => {
  for (const slice of [0, 1, 10, 30]) {
    using _ = atWork(slice);
    for (let seed = 0; seed < 500; seed++) {
      // Idle for a while; a turn; tasks of 0 or 10 ms as the seed's bits say.
      clock += seed % 3 === 0 ? 1e4 : seed % 7;
      turnLoop();
      let n = 0;
      const time = run(() => (seed >> n++ % 9) & 1 ? 10 : 0);
      assert(time <= slice + 80, `${time} ms at ${slice}, seed ${seed}`);
    }
  }
});

test("turned() lets each of those who wait be the first one in its turn", async () => {
  using _ = atWork(10);
  const firsts: number[] = [];
  for (const _ of range(3)) {
    run(() => 1);
    const order: number[] = [];
    for (const n of range(3)) turn.turned().then(() => order.push(n));
    turnLoop();
    await settled();
    firsts.push(order[0]!);
  }
  assertEquals(firsts.sort(), range(3));
});

test("mayStart() lays a probe well before a slice has gone by, so that a loop that turns is never waited for", () => {
  using _ = atWork(100);
  let time = 0;
  while (probes.length === 0) {
    assert(turn.mayStart(Infinity));
    clock++;
    time++;
  }
  assert(time >= 25 && time <= 50, `${time} ms`);
});

test("mayStart() never looks for a turn where slice is Infinity", () => {
  using _ = atWork(Infinity);
  run(() => 1000);
  assertEquals([turn.isBlocked(), probes.length], [false, 0]);
});

test("enter() makes the smallest slice at work count, leave() the smallest of those that are left", () => {
  const slices: [number[], number[], number][] = [
    [[1000, 10], [], 10],
    [[10, 1000], [], 10],
    [[10, 1000], [10], 1000],
    [[10, 10, 1000], [10], 10],
    [[10, 10, 1000], [10, 10], 1000],
    [[10, 1000, Infinity], [1000], 10],
    [[100, 1000, 10], [10], 100],
  ];
  for (const [entered, left, expected] of slices) {
    using _ = atWork();
    for (const slice of entered) turn.enter(slice);
    for (const slice of left) turn.leave(slice);
    const time = run(() => 1);
    assert(time >= expected && time <= expected + 8, `${time} ms`);
    for (const slice of left) entered.splice(entered.indexOf(slice), 1);
    for (const slice of entered) turn.leave(slice);
  }
});

test("leave() of the last group makes nobody look for a turn", () => {
  using _ = atWork();
  turn.enter(10);
  turn.leave(10);
  run(() => 1000);
  assertEquals([turn.isBlocked(), probes.length], [false, 0]);
});

test("turned() resolves at once if nobody is to wait", async () => {
  using _ = atWork(10);
  assertEquals(turn.isBlocked(), false);
  await turn.turned();
  assertEquals(probes.length, 0);
});

test("turned() resolves, for all who wait, when the loop has turned, and not before", async () => {
  using _ = atWork(10);
  run(() => 1);
  const resolved: number[] = [];
  for (const i of range(3)) turn.turned().then(() => resolved.push(i));
  await settled();
  assertEquals(resolved, []);
  turnLoop();
  await settled();
  assertEquals(resolved.sort(), [0, 1, 2]);
  run(() => 1);
  let again = false;
  turn.turned().then(() => again = true);
  await settled();
  assertEquals([resolved.length, again], [3, false]);
  turnLoop();
  await settled();
  assertEquals(again, true);
});

test("turned() waits for a timer of 0 ms where there are no immediates", async () => {
  old.enter(10);
  for (clock += 10; old.mayStart(Infinity);) clock++;
  assertEquals([timers, old.isBlocked()], [[0], true]);
  const turned = old.turned();
  turnLoop();
  await turned;
  assertEquals(old.isBlocked(), false);
  old.leave(10);
});

test("turned() waits for the real event loop, also while time is faked", async () => {
  using _ = new FakeTime();
  real.enter(0);
  while (real.mayStart(Infinity)); // Until the real clock has moved.
  assertEquals(real.isBlocked(), true);
  let loopTurned = false;
  setImmediate!(() => loopTurned = true);
  await real.turned();
  assertEquals([real.isBlocked(), real.mayStart(Infinity)], [false, true]);
  await settled();
  assert(loopTurned);
  real.leave(0);
});
