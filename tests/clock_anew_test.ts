import { FakeClock } from "./support/fake_clock.ts";
import { anew } from "./support/load_anew.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

// Jest, and a setup file of Vitest, fake the time before the library is loaded.
const first = new FakeClock("timers", "Date", "performance");
const { Clock } = await (async () => {
  using _ = first.use();
  return await anew(() => import("../src/base/clock.ts"));
})();

test("Clock that was loaded and made in fake time counts no time to the real one, and then goes with performance.now()", () => {
  const { clock } = (() => {
    using _ = first.use();
    const clock = new Clock();
    first.now += 10;
    assertEquals(clock.now(), 10);
    return { clock };
  })();
  const machine = new FakeClock("performance");
  machine.now = 5000;
  using _ = machine.use();
  assertEquals(clock.now(), 10);
  machine.now += 3;
  assertEquals([clock.now(), clock.isFaked], [13, false]);
});

test("Clock that was loaded in fake time heeds no wall clock that is set, and follows fake time again", () => {
  const machine = new FakeClock("performance");
  using _ = machine.use();
  const clock = new Clock();
  const step = (fake: FakeClock) => {
    using _ = fake.use();
    clock.now();
    fake.now += 1000;
    return [clock.now(), clock.isFaked];
  };
  assertEquals(step(new FakeClock("Date")), [0, false]);
  assertEquals(step(new FakeClock("timers", "Date")), [1000, true]);
  machine.now += 5;
  assertEquals([clock.now(), clock.isFaked], [1000, false]);
  machine.now += 5;
  assertEquals(clock.now(), 1005);
});
