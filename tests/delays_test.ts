import { type Delayable, Delays } from "../src/group/delays.ts";
import { LONGEST } from "../src/base/timer.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { range } from "./support/helpers.ts";
import { assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

interface Named extends Delayable {
  readonly name: string;
}

/** Delays that write down what came due and when. */
class Setup implements Disposable {
  readonly time = new FakeTime(1_000_000);
  readonly log: [string, number][] = [];
  readonly delays: Delays<Named>;

  constructor(onDue?: (one: Named) => void, mayTell?: () => boolean) {
    this.delays = new Delays((one) => {
      this.log.push([one.name, this.time.now - 1_000_000]);
      onDue?.(one);
    }, mayTell);
  }

  add(name: string, ms: number): Named {
    const one = { name, index: -1 };
    this.delays.add(one, ms);
    return one;
  }

  [Symbol.dispose](): void {
    this.time.restore();
  }
}

const names = (all: Named[]) => all.map(({ name }) => name);
const none = () => false;

test("Delays.add() delays for so many milliseconds, then tells, once", () => {
  using setup = new Setup();
  setup.add("a", 100);
  assertEquals(setup.delays.size, 1);
  setup.time.tick(99);
  assertEquals(setup.log, []);
  setup.time.tick(1);
  assertEquals([setup.log, setup.delays.size], [[["a", 100]], 0]);
  setup.time.tick(1000);
  assertEquals(setup.log.length, 1);
});

test("Delays tells the first one due first, and those due together in the order in which they came", () => {
  using setup = new Setup();
  for (const ms of [30, 10, 20, 40]) setup.add(`${ms}`, ms);
  for (const i of range(5)) setup.add(`another ${i}`, 20);
  setup.time.tick(100);
  assertEquals(setup.log.map(([name]) => name), [
    "10",
    "20",
    ...range(5).map((i) => `another ${i}`),
    "30",
    "40",
  ]);
});

test("Delays tells no more than it may: those that are left are told after the next look, or a newcomer's", () => {
  let left = 2;
  using setup = new Setup(undefined, () => left-- > 0);
  for (const i of range(5)) setup.add(`${i}`, 10);
  setup.time.tick(10);
  assertEquals(setup.log.map(([name]) => name), ["0", "1"]);
  left = 2;
  setup.time.tick(100);
  assertEquals(setup.log.length, 2);
  setup.delays.look();
  setup.time.tick(0);
  assertEquals(setup.log.length, 4);
  left = 2;
  setup.add("5", 10);
  setup.time.tick(10);
  assertEquals([setup.log.length, setup.delays.size], [6, 0]);
});

test("Delays.add() of 0 milliseconds tells in a later turn, not in the call", () => {
  using setup = new Setup();
  setup.add("a", 0);
  assertEquals(setup.log, []);
  setup.time.tick(0);
  assertEquals(setup.log, [["a", 0]]);
});

test("Delays.delete() takes exactly that one out", () => {
  using setup = new Setup();
  const all = [10, 20, 30].map((ms) => setup.add(`${ms}`, ms));
  setup.delays.delete(all[1]!);
  assertEquals(setup.delays.size, 2);
  setup.time.tick(100);
  assertEquals(setup.log, [["10", 10], ["30", 30]]);
});

test("Delays.clear() takes out all but those that stay, the first one due first", () => {
  using setup = new Setup();
  for (const ms of [30, 10, 20, 40]) setup.add(`${ms}`, ms);
  assertEquals(names(setup.delays.clear(({ name }) => name === "20")), [
    "10",
    "30",
    "40",
  ]);
  assertEquals(setup.delays.size, 1);
  setup.time.tick(100);
  assertEquals(setup.log, [["20", 20]]);
  assertEquals(setup.delays.clear(none), []);
});

test("Delays.clear() puts them in the order of a test's fake time, too", () => {
  using setup = new Setup();
  setup.add("a", 100);
  setup.time.tick(90);
  setup.add("b", 50);
  assertEquals(names(setup.delays.clear(none)), ["a", "b"]);
});

test("Delays takes in one more while it tells of one", () => {
  using setup: Setup = new Setup((one) => {
    if (one.name === "a") setup.add("b", 5);
  });
  setup.add("a", 10);
  setup.time.tick(14);
  assertEquals([setup.log, setup.delays.size], [[["a", 10]], 1]);
  setup.time.tick(1);
  assertEquals(setup.log, [["a", 10], ["b", 15]]);
});

test("Delays.add() can delay for longer than one timer can", () => {
  using setup = new Setup();
  setup.add("a", LONGEST + 1000);
  setup.time.tick(LONGEST + 999);
  assertEquals(setup.log, []);
  setup.time.tick(1);
  assertEquals(setup.log, [["a", LONGEST + 1000]]);
});

test("Delays has one timer, to when the first one is due, and none when it is empty", async () => {
  const clock = new FakeClock("timers", "Date");
  using _ = clock.use();
  const log: string[] = [];
  const delays = new Delays<Named>(({ name }) => log.push(name));
  const add = (ms: number) => {
    const one = { name: `${ms}`, index: -1 };
    delays.add(one, ms);
    return one;
  };
  const [, first, last] = [30, 10, 40].map(add);
  assertEquals(clock.timers, 1);
  delays.delete(first!);
  await clock.run(29);
  assertEquals([log, clock.timers], [[], 1]);
  await clock.run(1);
  assertEquals([log, clock.timers], [["30"], 1]);
  delays.delete(last!);
  assertEquals(clock.timers, 0);
  add(10);
  delays.clear(none);
  assertEquals(clock.timers, 0);
});

test("Law 15: one delay that comes later has all those told that are due, though their timer never goes off", async () => {
  for (const how of ["add", "look"]) {
    const clock = new FakeClock("timers", "Date");
    using _ = clock.use();
    const log: string[] = [];
    const delays = new Delays<Named>(({ name }) => log.push(name));
    const add = (name: string, ms: number) =>
      delays.add({ name, index: -1 }, ms);
    add("a", 20);
    add("b", 10);
    clock.drop();
    await clock.run(30);
    assertEquals(log, []);
    if (how === "add") add("c", 5);
    else delays.look();
    assertEquals(log, []);
    await clock.run(0);
    assertEquals(log, ["b", "a"]);
    await clock.run(5);
    assertEquals([delays.size, clock.timers], [0, 0]);
  }
});
