import { LONGEST, Timer } from "../src/base/timer.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A clock, and timers that write down when they go off. */
function setup() {
  const clock = new FakeClock("timers");
  const log: [string, number][] = [];
  const set = (name: string, ms: number) =>
    new Timer(ms, () => log.push([name, clock.now]));
  return { clock, log, set };
}

test("Timer goes off once, after so many milliseconds", async () => {
  const { clock, log, set } = setup();
  using _ = clock.use();
  set("a", 100);
  set("b", 0);
  await clock.run(1000);
  assertEquals([log, clock.timers], [[["b", 0], ["a", 100]], 0]);
});

test("Timer goes off after any time: as long as one can be set for, or longer", async () => {
  const { clock, log, set } = setup();
  using _ = clock.use();
  for (const ms of [LONGEST, LONGEST + 1, 3 * LONGEST + 5]) set(`${ms}`, ms);
  await clock.run(4 * LONGEST);
  assertEquals(log, [
    [`${LONGEST}`, LONGEST],
    [`${LONGEST + 1}`, LONGEST + 1],
    [`${3 * LONGEST + 5}`, 3 * LONGEST + 5],
  ]);
});

test("Timer.clear() takes it away, at once or later, also on its way through a long time", async () => {
  const { clock, log, set } = setup();
  using _ = clock.use();
  const [a, b] = [set("a", 100), set("b", LONGEST + 100)];
  a.clear();
  a.clear();
  await clock.run(LONGEST + 50);
  b.clear();
  assertEquals(clock.timers, 0);
  await clock.run(1000);
  assertEquals(log, []);
});

test("Timer.clear() when other timers are in place clears none of them, and it does nothing when it goes off", async () => {
  const { clock, log, set } = setup();
  const other = setup();
  let timer: Timer;
  {
    using _ = clock.use();
    timer = set("a", 100);
  }
  using _ = other.clock.use();
  other.set("another", 100); // With the same handle.
  timer.clear();
  await clock.run(100);
  await other.clock.run(100);
  assertEquals([log, other.log], [[], [["another", 100]]]);
});

test("Timer.clear() clears one that was set before a tool has wrapped setTimeout and clearTimeout", () => {
  const { setTimeout, clearTimeout } = globalThis;
  const cleared: unknown[] = [];
  const wrapped: unknown[] = [];
  try {
    globalThis.clearTimeout = (handle) => {
      cleared.push(handle);
      clearTimeout(handle);
    };
    const timer = new Timer(60_000, () => {});
    globalThis.setTimeout = ((callback: () => void) =>
      setTimeout(callback)) as typeof setTimeout;
    globalThis.clearTimeout = (handle) => void wrapped.push(handle);
    timer.clear();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  assertEquals([cleared.length, wrapped.length], [1, 0]);
});

test("Timer.unref() lets the process end, where handles can", () => {
  const clock = new FakeClock("timers");
  using _ = clock.use();
  let unrefs = 0;
  const timer = new Timer(1, () => {});
  assertStrictEquals(timer.unref(), timer); // A number, as in browsers.
  globalThis.setTimeout =
    (() => ({ unref: () => unrefs++ })) as unknown as typeof setTimeout;
  new Timer(1, () => {}).unref();
  assertEquals(unrefs, 1);
});
