import { gate, range } from "./support/helpers.ts";
import { isDone, OddLoop, TurnCounter } from "./support/odd_loop.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** Lets the last probe go off: here it is a message, which Deno takes for a leak. */
const rest = () => isDone(new Promise(() => {}), 50);

// A tab has no immediates, and no shared memory. Behind another tab its timers go off once a second.
const loop = new OddLoop("setImmediate", "SharedArrayBuffer");
const { CoGroup } = await loop.load();

test("CoGroup lets the loop turn where setImmediate is missing", async () => {
  using _ = loop.use();
  using turns = new TurnCounter();
  const group = new CoGroup(4);
  for (const _ of range(5_000)) {
    group.add(() => {
      loop.clock++;
      turns.count();
    });
  }
  assert(await isDone(group.wait()));
  // Where there are only messages they go before much else, on these runtimes.
  assert(turns.most < 5_000, `${turns.most} tasks in one turn`);
  await rest();
});

test("CoGroup waits for no timer where all go off once a second: 300 tasks of 1 ms of CPU", async () => {
  using _ = loop.use();
  loop.timers = "held";
  const group = new CoGroup(4);
  let ran = 0;
  for (const _ of range(300)) {
    group.add(() => {
      loop.clock++;
      ran++;
    });
  }
  const done = group.wait();
  let seconds = 0;
  while (!await isDone(done, 40) && seconds < 100) {
    seconds++;
    loop.clock = (Math.floor(loop.clock / 1000) + 1) * 1000;
    loop.release();
  }
  assertEquals(ran, 300);
  assert(seconds <= 1, `it waited for ${seconds} timers`);
  await rest();
});

test("CoGroup waits for no timer where all go off once a second: 400 tasks of 20 ms of I/O", async () => {
  using _ = loop.use();
  loop.timers = "held";
  const group = new CoGroup(8);
  let reads: (() => void)[] = [];
  for (const _ of range(400)) {
    group.add(() => {
      const { promise, open } = gate();
      reads.push(open);
      return promise;
    });
  }
  const done = group.wait();
  let steps = 0;
  while (!await isDone(done, 2) && steps < 5_000) {
    steps++;
    loop.clock += 20;
    if (loop.clock % 1000 < 20) loop.release();
    const ready = reads;
    reads = [];
    for (const open of ready) open();
  }
  // A bare loop takes 50: 400 tasks, 8 at a time.
  assert(steps <= 75, `it took ${20 * steps} ms`);
  await rest();
});
