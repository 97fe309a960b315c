import { range } from "./support/helpers.ts";
import { isDone, OddLoop, TurnCounter } from "./support/odd_loop.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

// Jest and Vitest fake timers and immediates before the library is loaded, and
// no ports. Then nothing goes off unless a test says so.
const loop = new OddLoop();
loop.timers = loop.immediates = "dropped";
const { CoGroup } = await loop.load();

const TASKS = 2_000;

/** Fails unless all tasks run, and not all of them in a few turns of the loop. */
async function check(turns: number): Promise<void> {
  using counter = new TurnCounter();
  const group = new CoGroup(4);
  let ran = 0;
  for (const _ of range(TASKS)) {
    group.add(() => {
      loop.clock++;
      counter.count();
      ran++;
    });
  }
  assert(await isDone(group.wait(), turns), `${ran} of ${TASKS} tasks ran`);
  assertEquals(ran, TASKS);
  // 10 fit into a slice. Ports may deliver some messages in one turn.
  assert(counter.most <= 500, `${counter.most} tasks in one turn`);
}

test("CoGroup runs each task, and lets the loop turn, with fake timers that were there before it", async () => {
  using _ = loop.use();
  await check(5_000);
});

test("CoGroup runs each task, and lets the loop turn, when the real timers are back", async () => {
  // What the library may have kept of the fake ones still never goes off.
  using _ = loop.useClocks();
  await check(300_000); // Many go by in the millisecond of a timer.
});
