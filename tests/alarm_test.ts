import { Alarm } from "../src/base/alarm.ts";
import { Clock } from "../src/base/clock.ts";
import { LONGEST } from "../src/base/timer.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A clock in its place, and an alarm that writes down what it tells, and when. */
function setup() {
  const clock = new FakeClock("timers", "Date");
  const use = clock.use();
  const log: [due: number, at: number][] = [];
  const alarm = new Alarm(new Clock(), (due) => log.push([due, clock.now]));
  return { clock, log, alarm, [Symbol.dispose]: () => use[Symbol.dispose]() };
}

test("Alarm tells once when the time has come, by one timer however often it is set", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  await clock.run(10);
  for (let i = 0; i < 10; i++) alarm.set(100);
  assertEquals(clock.timers, 1);
  await clock.run(89);
  assertEquals(log, []);
  await clock.run(500);
  assertEquals([log, clock.timers], [[[100, 100]], 0]);
});

test("Alarm.set() to another time, sooner or later, is to that time alone", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  for (const due of [100, 50, 200]) alarm.set(due);
  assertEquals(clock.timers, 1);
  await clock.run(500);
  assertEquals(log, [[200, 200]]);
});

test("Alarm.set() to a time that has passed tells in a later turn", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  await clock.run(10);
  alarm.set(5);
  assertEquals(log, []);
  await clock.run(0);
  assertEquals(log, [[10, 10]]);
});

test("Alarm.set() again, a millisecond later, has a timer of its own: the earlier one may never go off", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  alarm.set(100);
  clock.drop();
  await clock.run(0.5);
  alarm.set(100);
  assertEquals(clock.timers, 0);
  await clock.run(0.5);
  alarm.set(100);
  assertEquals(clock.timers, 1);
  await clock.run(100);
  assertEquals([log, clock.timers], [[[100, 100]], 0]);
});

test("Alarm has two timers at the most, of however many callers, and none when it has told", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  for (let i = 0; i < 5; i++) {
    alarm.set(100);
    await clock.run(2);
  }
  assertEquals(clock.timers, 2);
  await clock.run(500);
  assertEquals([log, clock.timers], [[[100, 100]], 0]);
});

test("Alarm tells by the timer of the caller that came last, or of the first: the others are gone", async () => {
  for (const isLast of [true, false]) {
    using all = setup();
    const { alarm, clock, log } = all;
    alarm.set(100);
    if (isLast) clock.drop();
    for (let i = 0; i < 5; i++) {
      await clock.run(2);
      if (!isLast) clock.drop(1);
      alarm.set(100);
    }
    if (!isLast) clock.drop(1);
    assertEquals(clock.timers, 1);
    await clock.run(500);
    assertEquals([log, clock.timers], [[[100, 100]], 0]);
  }
});

test("Alarm.set() when other timers are in place has one of those, at once", async () => {
  using all = setup();
  all.alarm.set(100);
  const other = new FakeClock("timers", "Date");
  using _ = other.use();
  all.alarm.set(100);
  assertEquals(other.timers, 1);
  await other.run(100);
  assertEquals(all.log.length, 1);
});

test("Alarm of more than one timer can be set for tells on the way what the timer was for", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  alarm.set(LONGEST + 10);
  await clock.run(LONGEST);
  assertEquals(log, [[LONGEST, LONGEST]]);
  alarm.set(Infinity);
  await clock.run(LONGEST);
  assertEquals(log, [[LONGEST, LONGEST], [2 * LONGEST, 2 * LONGEST]]);
});

test("Alarm that was cleared, or has told, can be set to the same time again, at once", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  alarm.set(100);
  alarm.clear();
  alarm.set(100);
  await clock.run(100);
  alarm.set(100);
  await clock.run(0);
  assertEquals(log, [[100, 100], [100, 100]]);
});

test("Alarm.clear() takes it back, and leaves no timer", async () => {
  using all = setup();
  const { alarm, clock, log } = all;
  alarm.set(100);
  alarm.clear();
  assertEquals(clock.timers, 0);
  await clock.run(500);
  assertEquals(log, []);
  alarm.set(600);
  await clock.run(100);
  assertEquals(log, [[600, 600]]);
});
