import { FakeClock } from "./support/fake_clock.ts";
import { microtasks, range } from "./support/helpers.ts";
import { anew } from "./support/load_anew.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

// A loop that turns when the test says so: it is there before the module is.
const clock = new FakeClock("timers", "Date", "performance", "loop");
const { Turn } = await load();

async function load(): Promise<typeof import("../src/base/turn.ts")> {
  using _ = clock.use();
  return await anew(() => import("../src/base/turn.ts"));
}

type Turn = InstanceType<typeof Turn>;

/** Turns by name, which write down when they go on. They leave at the end of the block. */
function setup(slices: number[], onTurn?: (turn: Turn) => void) {
  const using = clock.use();
  const log: string[] = [];
  const turns: Turn[] = slices.map((slice, i) =>
    new Turn(slice, () => {
      log.push("ABC"[i]!);
      onTurn?.(turns[i]!);
    })
  );
  for (const turn of turns) turn.enter();
  return {
    log,
    turns: turns as [Turn, Turn, Turn],
    [Symbol.dispose]() {
      for (const turn of turns) turn.leave();
      using[Symbol.dispose]();
    },
  };
}

/** Starts tasks of so many milliseconds of CPU until it has to wait; how many there were. */
function work(turn: Turn, ms = 1): number {
  let starts = 0;
  while (starts < 1000 && turn.mayStart()) {
    starts++;
    clock.now += ms;
  }
  return starts;
}

test("Turn.mayStart() says no when a slice has gone by in one turn of the loop, and yes when that has turned", async () => {
  using all = setup([10]);
  const [turn] = all.turns;
  for (const round of range(5)) {
    const starts = work(turn);
    assert(starts >= 5 && starts <= 18, `${starts} starts`);
    assert(turn.isWaiting && !turn.mayStart());
    assertEquals(all.log.length, round);
    await clock.run(5);
    assert(!turn.isWaiting);
    assertEquals(all.log.length, round + 1);
  }
});

test("Turn.mayStart() says yes as long as the loop turns", async () => {
  using all = setup([10]);
  const [turn] = all.turns;
  for (const _ of range(100)) {
    assert(turn.mayStart());
    await clock.run(8);
  }
  assertEquals(all.log, []);
});

test("Turn.mayStart() of a slice of 0 says yes a handful of times a turn, of Infinity always", async () => {
  using all = setup([0]);
  const [turn] = all.turns;
  for (const _ of range(5)) {
    assert(work(turn, 0.01) <= 16);
    await clock.run(5);
  }
  turn.leave();
  assertEquals(work(new Turn(Infinity)), 1000);
});

test("Turn of a smaller slice counts for all, as long as it is at work", async () => {
  using all = setup([10, Infinity]);
  const [small, large] = all.turns;
  assert(work(large) <= 18);
  await clock.run(5);
  small.leave();
  assertEquals(work(large), 1000);
});

test("Turn of a smaller slice counts for all, though others have left, and though it was away itself", async () => {
  using all = setup([10, Infinity, 100]);
  const [small, large, other] = all.turns;
  other.leave();
  assert(work(large) <= 18);
  await clock.run(5);
  small.leave();
  assertEquals(work(large), 1000);
  small.enter();
  other.enter();
  other.leave();
  assert(work(large) <= 18);
  await clock.run(5);
});

test("Turns that wait go on in the order in which they had to wait, and then wait behind the others", async () => {
  const onTurn = (turn: Turn) => void work(turn);
  using all = setup([10, 10, 10], onTurn);
  for (const turn of all.turns) work(turn);
  for (let ms = 0; ms < 100 && all.log.length < 9; ms++) await clock.run(1);
  assertEquals(all.log.slice(0, 9).join(""), "ABCABCABC");
});

test("Turn goes on though what one that waits longer has laid never goes off; that has its turn when it is asked again", async () => {
  const onTurn = (turn: Turn) => void work(turn);
  using all = setup([10, 10], onTurn);
  const { turns: [a, b], log } = all;
  work(a);
  clock.drop(); // With the request that it was laid in.
  work(b);
  while (log.length < 3) await clock.run(1);
  assertEquals(log.join(""), "BBB");
  clock.now++;
  assert(!a.mayStart());
  while (log.length < 13) await clock.run(1);
  assertEquals(log.slice(-8).sort().join(""), "AAAABBBB");
});

test("Turn goes on after some milliseconds though nothing that it has laid for that goes off but its watch", async () => {
  using all = setup([10]);
  const [turn] = all.turns;
  work(turn);
  clock.drop();
  clock.now++;
  assert(!turn.mayStart()); // Another request lays one more.
  await clock.run(30);
  assertEquals(all.log, ["A"]);
});

test("Turn keeps to its slice though the wall clock stands still, or steps", async () => {
  for (const step of [0, -1, -1000, 1000]) {
    using all = setup([10]);
    const [turn] = all.turns;
    const { wall } = clock;
    await clock.run(20);
    for (const _ of range(10)) {
      let starts = 0;
      while (starts < 1000 && turn.mayStart()) {
        starts++;
        clock.now += starts < 8 ? 0.01 : 3; // What was quick becomes slow.
        clock.wall += step === 0 ? (starts < 8 ? -0.01 : -3) : step;
      }
      assert(starts <= 30, `${starts} starts in one turn, by steps of ${step}`);
      await clock.run(5);
    }
    clock.wall = wall;
  }
});

test("Turn keeps to its slice though tasks become slow when the wall clock has stood still", async () => {
  using all = setup([10]);
  const [turn] = all.turns;
  const { wall } = clock;
  const start = (ms: number, tick: number) => {
    const mayStart = turn.mayStart();
    clock.now += ms;
    clock.wall += tick - ms;
    return mayStart;
  };
  const goOn = async (tick: number) => {
    while (start(1, tick));
    await clock.run(5);
  };
  for (const _ of range(3)) await goOn(1);
  for (const _ of range(3)) await goOn(0);
  for (const _ of range(5)) {
    for (const _ of range(500)) start(0.001, 0);
    let slow = 0;
    while (slow < 1000 && start(1, 0)) slow++;
    assert(slow <= 18, `${slow} slow ones in one turn`);
    await clock.run(5);
  }
  clock.wall = wall;
});

test("Turn.turned() resolves at once if it need not wait, else when the loop has turned", async () => {
  using all = setup([10]);
  const [turn] = all.turns;
  await turn.turned();
  work(turn);
  let turned = 0;
  for (const _ of range(2)) turn.turned().then(() => turned++);
  await microtasks();
  assertEquals(turned, 0);
  await clock.run(5);
  assertEquals(turned, 2);
});

test("Turn.leave() ends its wait, and is told of no turn", async () => {
  using all = setup([10, 10]);
  const [a, b] = all.turns;
  work(a);
  work(b);
  let turned = false;
  a.turned().then(() => turned = true);
  a.leave();
  await clock.run(10);
  assertEquals([turned, a.isWaiting, all.log], [true, false, ["B"]]);
});

test("Turns that all leave lay nothing more: the loop comes to rest", async () => {
  using all = setup([10, 10]);
  for (const turn of all.turns) {
    work(turn);
    turn.leave();
  }
  await clock.run(100);
  assertEquals(clock.timers, 0);
});

test("Turn.mayStart() does not count the slices of turns that have left, also of ever smaller ones", () => {
  for (const n of range(40)) {
    const turn = new Turn(40 - n);
    turn.enter();
    turn.leave();
  }
  using all = setup([60]);
  const starts = work(all.turns[0]);
  assert(starts >= 15, `${starts} starts`); // A quarter of the slice: see turn.ts.
});
