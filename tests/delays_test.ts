import { type Delayable, Delays, LONGEST } from "../src/delays.ts";
import { range } from "./support/helpers.ts";
import { assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

interface Named extends Delayable {
  readonly name: string;
}

function delayed(name: string): Named {
  return { name, index: -1, ms: 0, due: 0, turn: 0 };
}

/** Delays that write down what came due and when, and how many timers there are. */
class Setup implements Disposable {
  readonly time = new FakeTime(1_000_000);
  readonly log: [string, number][] = [];
  readonly delays: Delays<Named>;
  readonly #timers = new Set<unknown>();
  /** The milliseconds that timers were set for. */
  readonly set: (number | undefined)[] = [];
  #started = 1_000_000;

  constructor(onDue?: (one: Named) => void) {
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
    this.delays = new Delays((one) => {
      this.log.push([one.name, this.time.now - this.#started]);
      onDue?.(one);
    });
  }

  get timers(): number {
    return this.#timers.size;
  }

  add(name: string, ms: number): Named {
    const one = delayed(name);
    this.delays.add(one, ms);
    return one;
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

test("Delays has no timer while nothing is delayed", () => {
  using setup = new Setup();
  assertEquals([setup.delays.size, setup.timers], [0, 0]);
  assertEquals(setup.delays.drain(), []);
});

test("Delays.add() delays for so many milliseconds, then tells, once", () => {
  using setup = new Setup();
  setup.add("a", 100);
  assertEquals([setup.delays.size, setup.timers], [1, 1]);
  setup.time.tick(99);
  assertEquals(setup.log, []);
  setup.time.tick(1);
  assertEquals(setup.log, [["a", 100]]);
  assertEquals([setup.delays.size, setup.timers], [0, 0]);
  setup.time.tick(1000);
  assertEquals(setup.log.length, 1);
});

test("Delays tells the first one due first, in whichever order they were added, with one timer", () => {
  using setup = new Setup();
  for (const ms of [30, 10, 20, 40]) setup.add(`${ms}`, ms);
  assertEquals([setup.delays.size, setup.timers], [4, 1]);
  setup.time.tick(25);
  assertEquals([setup.delays.size, setup.timers], [2, 1]);
  setup.time.tick(100);
  assertEquals(setup.log, [["10", 10], ["20", 20], ["30", 30], ["40", 40]]);
  assertEquals(setup.timers, 0);
});

test("Delays tells those that are due together in the order in which they were added", () => {
  using setup = new Setup();
  for (const i of range(20)) setup.add(`${i}`, 10);
  setup.time.tick(10);
  assertEquals(setup.log.map(([name]) => name), range(20).map(String));
  assertEquals(setup.set.length, 1);
});

test("Delays.add() of 0 milliseconds tells in a later turn, not in the call", () => {
  using setup = new Setup();
  setup.add("a", 0);
  assertEquals(setup.log, []);
  setup.time.tick(0);
  assertEquals(setup.log, [["a", 0]]);
});

test("Delays.delete() takes one out, the first or another, and the timer is set for who is first then", () => {
  using setup = new Setup();
  const [a, b, c] = [10, 20, 30].map((ms) => setup.add(`${ms}`, ms));
  setup.delays.delete(b!);
  assertEquals(setup.set, [10]);
  setup.delays.delete(a!);
  assertEquals([setup.set, setup.timers], [[10, 30], 1]);
  setup.time.tick(29);
  assertEquals(setup.log, []);
  setup.delays.delete(c!);
  assertEquals([setup.delays.size, setup.timers], [0, 0]);
  setup.time.tick(100);
  assertEquals(setup.log, []);
});

test("Delays.drain() takes all out, the first one due first, and leaves no timer", () => {
  using setup = new Setup();
  for (const ms of [30, 10, 20]) setup.add(`${ms}`, ms);
  assertEquals(setup.delays.drain().map((d) => d.name), ["10", "20", "30"]);
  assertEquals([setup.delays.size, setup.timers], [0, 0]);
  setup.time.tick(100);
  assertEquals(setup.log, []);
  setup.add("again", 5);
  setup.time.tick(5);
  assertEquals(setup.log, [["again", 105]]);
});

test("Delays can be added to, deleted from and drained by who is told", () => {
  const again: string[] = [];
  using setup: Setup = new Setup((one) => {
    if (one.name === "a") {
      setup.delays.delete(b);
      setup.add("c", 10);
    } else if (one.name === "c") {
      again.push(...setup.delays.drain().map((d) => d.name));
    }
  });
  setup.add("a", 10);
  const b = setup.add("b", 10);
  setup.add("d", 50);
  setup.time.tick(100);
  assertEquals(setup.log, [["a", 10], ["c", 20]]);
  assertEquals([again, setup.timers], [["d"], 0]);
});

test("Delays.add() of more than a timer can be set for waits as long as it was told to", () => {
  using setup = new Setup();
  setup.add("a", LONGEST + 10);
  assertEquals(setup.set, [LONGEST]);
  setup.time.tick(LONGEST);
  assertEquals([setup.log.length, setup.set], [0, [LONGEST, 10]]);
  setup.time.tick(9);
  assertEquals(setup.log, []);
  setup.time.tick(1);
  assertEquals(setup.log, [["a", LONGEST + 10]]);
});

test("Delays.add() of exactly what a timer can be set for takes one timer", () => {
  using setup = new Setup();
  setup.add("a", LONGEST);
  setup.time.tick(LONGEST);
  assertEquals([setup.log, setup.set], [[["a", LONGEST]], [LONGEST]]);
});

test("Delays.add() of Infinity never tells", () => {
  using setup = new Setup();
  const one = setup.add("a", Infinity);
  for (const _ of range(3)) setup.time.tick(LONGEST);
  assertEquals([setup.log, setup.delays.size, setup.timers], [[], 1, 1]);
  setup.delays.delete(one);
  assertEquals(setup.timers, 0);
});

test("Delays keeps nobody waiting longer than he asked when the clock is set back", () => {
  using setup = new Setup();
  setup.add("a", 10);
  setup.add("b", 15);
  setClock(() => setup.time.now - 3_600_000);
  setup.time.tick(10);
  assertEquals(setup.log, [["a", 10]]);
  setup.time.tick(5);
  assertEquals(setup.log.at(-1), ["b", 15]);
});

test("Delays takes a timer of all that one can be set for at its word, too, on a clock set back", () => {
  using setup = new Setup();
  setup.add("a", LONGEST);
  setClock(() => setup.time.now - 3_600_000);
  setup.time.tick(LONGEST);
  assertEquals(setup.set, [LONGEST]);
  assertEquals(setup.log, [["a", LONGEST]]);
});

test("Delays keeps who is next waiting no longer than he asked when the first one is deleted on a clock set back", () => {
  using setup = new Setup();
  const a = setup.add("a", 10);
  setup.add("b", 15);
  setClock(() => setup.time.now - 3_600_000);
  setup.delays.delete(a);
  assertEquals(setup.set, [10, 15]);
  setup.time.tick(15);
  assertEquals(setup.log, [["b", 15]]);
});

test("Delays.putBack() keeps nobody waiting longer than he asked on a clock set back, nor shorter on another", () => {
  for (const [back, at] of [[3_600_000, 100], [0, 60]] as const) {
    using setup = new Setup();
    setup.add("a", 100);
    setup.time.tick(40);
    setClock(() => setup.time.now - back);
    const [one] = setup.delays.drain();
    setup.delays.putBack(one!);
    setup.time.tick(at - 1);
    assertEquals(setup.log, []);
    setup.time.tick(1);
    assertEquals(setup.log, [["a", 40 + at]]);
  }
});

test("Delays is not late, and sets no timer below 0, when the clock is set forward", () => {
  using setup = new Setup();
  const a = setup.add("a", 10);
  setup.add("b", 15);
  setClock(() => setup.time.now + 3_600_000);
  setup.delays.delete(a);
  assertEquals(setup.set, [10, 0]);
  setup.time.tick(0);
  assertEquals(setup.log, [["b", 0]]);
});

test("Delays tells of fractions of a millisecond too", () => {
  using setup = new Setup();
  setup.add("a", 0.7);
  setup.add("b", 0.2);
  setup.time.tick(1);
  assertEquals(setup.log.map(([name]) => name), ["b", "a"]);
  assertEquals(setup.timers, 0);
});

test("LONGEST is the most that a timer can be set for, 2,147,483,647 ms", () => {
  assertEquals(LONGEST, 0x7fff_ffff);
});
