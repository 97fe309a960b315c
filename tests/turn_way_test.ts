import { range, seeded } from "./support/helpers.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";
import type * as real from "../src/turn.ts";

// Loaded once more, with a clock and a loop of its own: see turn_test.ts.

const globals = globalThis as unknown as {
  setImmediate: (callback: () => void) => void;
};
const { setImmediate } = globals;
const { now } = performance;
const { now: tick } = Date;

let clock = 0;
let looks = 0;
let reads = 0;
let probe: (() => void) | undefined;
performance.now = () => {
  reads++;
  return clock;
};
Date.now = () => {
  looks++;
  return Math.floor(clock);
};
globals.setImmediate = (callback) => probe = callback;
// One for each test, which begins when its clock does: which way they go depends
// on what was before.
const turn: typeof real = await import("../src/turn.ts?way");
const other: typeof real = await import("../src/turn.ts?turns");
globals.setImmediate = setImmediate;
performance.now = now;
Date.now = tick;

/** Lets the loop turn; whether anybody cared. */
function turnLoop(): boolean {
  const due = probe;
  probe = undefined;
  due?.();
  return due !== undefined;
}

/**
 * Starts up to 200 tasks, and tells how many may start, and how often it has
 * looked at the clocks for that.
 */
function starts(slice: number, cost: () => number): string {
  looks = reads = 0;
  let n = 0;
  while (n < 200 && turn.mayStart(slice)) {
    clock += cost();
    n++;
  }
  return `${n}/${looks}/${reads}${turn.isBlocked() ? "!" : ""}`;
}

test("mayStart() goes the same way through the same tasks, as many as may start in each turn", () => {
  const costs: [string, (random: () => number) => number][] = [
    ["uneven", () => 1.125],
    ["none", () => 0],
    ["short", () => 1 / 64],
    ["a part", (random) => random() / 2],
    ["one", () => 1],
    ["some", (random) => 4 * random()],
    ["long", () => 15],
    ["mixed", (random) => random() < 0.9 ? 0 : 12],
  ];
  const random = seeded(4);
  clock = 0;
  const way: string[] = [];
  for (const slices of [[10], [10, 2], [Infinity, 40], [0], []]) {
    for (const slice of slices) turn.enter(slice);
    for (const [name, cost] of costs) {
      const seen = range(4).map((i) => {
        const seen = starts(slices[0] ?? 10, () => cost(random));
        return i % 2 === 1 && turnLoop() ? `${seen}~` : seen;
      });
      way.push(`${slices} ${name}: ${seen.join(" ")}`);
    }
    for (const slice of slices) turn.leave(slice);
  }
  // Another way may be as good: law 10 is what turn_test.ts has of it.
  assertEquals(way, [
    "10 uneven: 9/3/3! 0/0/0!~ 9/3/3! 0/0/0!~",
    "10 none: 200/29/1 200/28/1 200/29/1 200/29/1",
    "10 short: 200/28/3 200/29/3~ 200/28/3 200/29/3~",
    "10 a part: 38/7/7! 0/0/0!~ 38/8/8! 0/0/0!~",
    "10 one: 10/3/3! 0/0/0!~ 10/3/3! 0/0/0!~",
    "10 some: 4/3/3! 0/0/0!~ 9/3/3! 0/0/0!~",
    "10 long: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "10 mixed: 9/3/3! 0/0/0!~ 2/2/2! 0/0/0!~",
    "10,2 uneven: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "10,2 none: 200/29/29 200/28/28 200/29/29 200/29/29",
    "10,2 short: 128/19/19! 0/0/0!~ 128/19/19! 0/0/0!~",
    "10,2 a part: 7/2/2! 0/0/0!~ 7/3/3! 0/0/0!~",
    "10,2 one: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "10,2 some: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "10,2 long: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "10,2 mixed: 2/2/2! 0/0/0!~ 16/4/4! 0/0/0!~",
    "Infinity,40 uneven: 36/7/7! 0/0/0!~ 36/7/7! 0/0/0!~",
    "Infinity,40 none: 200/29/1 200/28/1 200/29/1 200/29/1",
    "Infinity,40 short: 200/28/4 200/29/3 200/28/3 200/29/3~",
    "Infinity,40 a part: 142/22/22! 0/0/0!~ 153/23/23! 0/0/0!~",
    "Infinity,40 one: 40/6/6! 0/0/0!~ 40/6/6! 0/0/0!~",
    "Infinity,40 some: 21/5/5! 0/0/0!~ 25/6/6! 0/0/0!~",
    "Infinity,40 long: 3/3/3! 0/0/0!~ 3/3/3! 0/0/0!~",
    "Infinity,40 mixed: 45/8/6! 0/0/0!~ 26/5/5! 0/0/0!~",
    "0 uneven: 8/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "0 none: 200/199/199 200/200/200 200/200/200 200/200/200",
    "0 short: 2/3/3! 0/0/0!~ 2/2/2! 0/0/0!~",
    "0 a part: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "0 one: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "0 some: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "0 long: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    "0 mixed: 6/6/6! 0/0/0!~ 3/3/3! 0/0/0!~",
    " uneven: 9/3/3! 0/0/0!~ 9/3/3! 0/0/0!~",
    " none: 200/29/1 200/28/1 200/29/1 200/29/1",
    " short: 200/28/3 200/29/3~ 200/28/3 200/29/3~",
    " a part: 44/7/7! 0/0/0!~ 35/5/5! 0/0/0!~",
    " one: 10/2/2! 0/0/0!~ 10/2/2! 0/0/0!~",
    " some: 8/2/2! 0/0/0!~ 9/3/3! 0/0/0!~",
    " long: 2/2/2! 0/0/0!~ 2/2/2! 0/0/0!~",
    " mixed: 9/3/3! 0/0/0!~ 30/6/3! 0/0/0!~",
  ]);
});

test("turned() lets those who wait go on in turns: another one is the first each time", async () => {
  const firsts: number[] = [];
  clock = 0;
  other.enter(1);
  for (const _ of range(5)) {
    while (!other.isBlocked()) {
      other.mayStart(1);
      clock++;
    }
    const order: number[] = [];
    const all = range(3).map((i) => other.turned().then(() => order.push(i)));
    turnLoop();
    await Promise.all(all);
    firsts.push(order[0]!);
  }
  other.leave(1);
  assertEquals(firsts, [1, 2, 0, 1, 2]);
});
