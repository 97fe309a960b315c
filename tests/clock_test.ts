import { Clock } from "../src/base/clock.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("Clock.now() is 0 at first, goes with performance.now(), and never back", () => {
  const machine = new FakeClock("performance");
  using _ = machine.use();
  machine.now = 500;
  const clock = new Clock();
  assertEquals(clock.now(), 0);
  machine.now += 1.5;
  assertEquals(clock.now(), 1.5);
  machine.now -= 100;
  assertEquals(clock.now(), 1.5);
  machine.now += 1;
  assertEquals([clock.now(), clock.isFaked], [2.5, false]);
});

test("Clock.now() follows Date where timers and Date are faked, and else it does not", () => {
  const machine = new FakeClock("performance");
  using _ = machine.use();
  const clock = new Clock();
  const step = (fake: FakeClock) => {
    using _ = fake.use();
    clock.now();
    fake.now += 1000;
    return [clock.now(), clock.isFaked];
  };
  assertEquals(step(new FakeClock("timers", "Date")), [1000, true]);
  assertEquals(step(new FakeClock("Date")), [1000, false]);
  assertEquals(step(new FakeClock("timers")), [1000, false]);
  machine.now += 5;
  assertEquals([clock.now(), clock.isFaked], [1005, false]);
});

test("Clock.now() of one that was made in fake time follows that, and then performance.now()", () => {
  const machine = new FakeClock("performance");
  using _ = machine.use();
  const fake = new FakeClock("timers", "Date");
  let clock: Clock;
  {
    using _ = fake.use();
    clock = new Clock();
    fake.now += 10;
    assertEquals([clock.now(), clock.isFaked], [10, true]);
  }
  assertEquals([clock.now(), clock.isFaked], [10, false]);
  machine.now += 3;
  assertEquals(clock.now(), 13);
});

test("Clock.now() counts no time from one clock to another, real or faked", () => {
  const machine = new FakeClock("performance");
  using _ = machine.use();
  const clock = new Clock();
  for (const now of [1e6, 2e6, 3e6]) {
    const fake = new FakeClock("timers", "Date");
    fake.now = now;
    using _ = fake.use();
    assertEquals(clock.now(), 0);
  }
  machine.now += 1e6;
  assertEquals(clock.now(), 0);
});

test("Clock.reach() sets it forward, never back, and it goes on from there", () => {
  const machine = new FakeClock("performance");
  using _ = machine.use();
  const clock = new Clock();
  clock.reach(100);
  assertEquals(clock.now(), 100);
  clock.reach(50);
  machine.now += 1;
  assertEquals(clock.now(), 101);
});
