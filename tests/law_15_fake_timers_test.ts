/** Law 15: fake time moves everything, and holds nothing up when it was taken away again. */

import type { CoGroup as Group } from "../mod.ts";
import * as library from "../mod.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { microtasks } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";
import { after, failsOnce, type Wait, waits } from "./support/waits.ts";

const { CoGroup, rateLimit } = library;

/** The fakes that there are. */
const fakes: Record<string, () => FakeClock> = {
  "timers and Date (node:test, @std)": () => new FakeClock("timers", "Date"),
  "timers alone": () => new FakeClock("timers"),
  "timers, Date and performance (Jest, Vitest, sinon)": () =>
    new FakeClock("timers", "Date", "performance"),
};

/** One for each test: its groups must not know the fakes of another one. */
function waitOf(name: string): Wait {
  return waits(library)[name]!;
}

for (const [what, make] of Object.entries(fakes)) {
  for (const name of Object.keys(waits(library))) {
    test(`Law 15: fake time moves ${name}: ${what}`, async () => {
      const wait = waitOf(name);
      const fake = make();
      using _ = fake.use();
      let isOver = false;
      wait(60_000).then(() => isOver = true);
      // Where timers alone are faked, the machine's time counts, too, between two of them.
      const last = what === "timers alone" ? 10_000 : 1;
      await fake.run(60_000 - last);
      assert(!isOver, "it was over too soon");
      await fake.run(last);
      assert(isOver, "it is not over");
    });

    test(`Law 15: ${name} is not held up by one whose fake time was taken away: ${what}`, async () => {
      const wait = waitOf(name);
      {
        const gone = make();
        using _ = gone.use();
        wait(10);
        await microtasks();
      }
      const fake = make();
      using _ = fake.use();
      let isOver = false;
      wait(60_000).then(() => isOver = true);
      await fake.run(50_000);
      assert(!isOver, "it was over too soon");
      await fake.run(10_000 + 1_000);
      assert(isOver, "it is not over");
    });
  }

  test(`Law 15: callers of a rateLimit() are not held up by one whose fake time was taken away: ${what}`, async () => {
    const rate = rateLimit({ limit: 1, interval: 100 });
    const started: string[] = [];
    const start = (name: string) =>
      rate.acquire().then(() => started.push(name));
    {
      const gone = make();
      using _ = gone.use();
      start("the first");
      start("of the test that is over");
      await gone.run(50);
    }
    const fake = make();
    using _ = fake.use();
    const group = new CoGroup({
      concurrency: 1,
      governor: rate,
      slice: Infinity,
    });
    start("of the next test");
    group.add(() => void started.push("of a group"));
    await fake.run(300);
    assertEquals(started, [
      "the first",
      "of the test that is over",
      "of the next test",
      "of a group",
    ]);
    assertEquals(fake.timers, 0);
  });

  test(`Law 15: what ends when its fake time was taken away clears no timer of another: ${what}`, async () => {
    const group = new CoGroup({ concurrency: Infinity, slice: Infinity });
    const graced = new CoGroup({
      concurrency: 1,
      grace: 100,
      slice: Infinity,
    });
    const idle = new CoGroup({ concurrency: 1, paused: true });
    const rate = rateLimit({ limit: 1, interval: 100 });
    const ends: (() => unknown)[] = [];
    const task = () => new Promise<void>((resolve) => ends.push(resolve));
    const controller = new AbortController();
    {
      const gone = make();
      using _ = gone.use();
      const { signal } = controller;
      group.add(task, { timeout: 100 });
      group.add(failsOnce, { ...after(100), signal });
      graced.add(task);
      await microtasks();
      graced.abort();
      const snapshots = idle.progress();
      await snapshots.next();
      snapshots.next();
      ends.push(() => snapshots.return!());
      rate.tryAcquire();
      rate.acquire({ signal }).catch(() => {});
      await microtasks();
      assertEquals(gone.timers, 5);
    }
    const fake = make();
    using _ = fake.use();
    let wentOff = 0;
    for (let i = 0; i < 20; i++) setTimeout(() => wentOff++, 10);
    controller.abort();
    for (const end of ends) end();
    await fake.run(10);
    assertEquals(wentOff, 20);
    assertEquals([group.stats.inFlight, group.stats.delayed], [0, 0]);
  });

  test(`Law 15: no time goes by for a rateLimit() from one clock to another: ${what}`, async () => {
    const rate = rateLimit({ limit: 1, interval: 1000 });
    const first = make();
    {
      using _ = first.use();
      assert(rate.tryAcquire());
      await first.run(500);
      rate.tryAcquire();
    }
    const second = make();
    second.now = 3_600_000;
    using _ = second.use();
    let started = false;
    rate.acquire().then(() => started = true);
    await second.run(499);
    assert(!started, "it started too soon");
    await second.run(501);
    assert(started, "it has not started");
  });
}

for (const name of Object.keys(waits(library))) {
  test(`Law 15: ${name} is not held up by one whose timer was dropped with its request`, async () => {
    const wait = waitOf(name);
    const fake = new FakeClock("timers", "Date");
    using _ = fake.use();
    wait(10);
    await microtasks();
    fake.drop();
    await fake.run(1);
    let isOver = false;
    wait(60_000).then(() => isOver = true);
    await fake.run(60_000);
    assert(isOver, "it is not over");
  });
}

/** What a later request may do with a group of the module. */
const newcomers: Record<string, (group: Group) => unknown> = {
  "add()": (group) => group.add(() => {}),
  "go()": (group) => group.go(() => {}),
  "a retry of another task": (group) => group.go(failsOnce, after(3000)),
  "idle()": (group) => group.idle(),
  "wait()": (group) => group.wait(),
};

for (const [what, come] of Object.entries(newcomers)) {
  test(`Law 15: delayed tasks whose timer was dropped with its request are tried again after ${what}`, async () => {
    const fake = new FakeClock("timers", "Date");
    using _ = fake.use();
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    for (const ms of [1000, 2000]) group.add(failsOnce, after(ms));
    await fake.run(500);
    fake.drop();
    await fake.run(1000);
    assertEquals(group.stats.delayed, 2);
    come(group);
    await fake.run(0);
    assertEquals([group.stats.retried, group.stats.fulfilled > 0], [
      what.startsWith("a retry") ? 3 : 2,
      true,
    ]);
    await fake.run(5000);
    assertEquals([group.stats.delayed, fake.timers], [0, 0]);
    const { accepted, fulfilled } = group.stats;
    assertEquals(fulfilled, accepted);
  });
}

test("Law 15: callers of a rateLimit() are not held up by one whose timer was dropped with its request", async () => {
  const fake = new FakeClock("timers", "Date");
  using _ = fake.use();
  const rate = rateLimit({ limit: 1, interval: 100 });
  const started: string[] = [];
  const start = (name: string) => rate.acquire().then(() => started.push(name));
  start("the first");
  start("of the request that is over");
  fake.drop();
  await fake.run(1);
  start("of the next request");
  await fake.run(200);
  assertEquals(started, [
    "the first",
    "of the request that is over",
    "of the next request",
  ]);
  assertEquals(fake.timers, 0);
});
