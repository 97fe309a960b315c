import { CoGroup } from "../mod.ts";
import { settle } from "../src/group/options.ts";
import { gate, range, settled } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

const { setImmediate } = globalThis as unknown as {
  setImmediate: (callback: () => void) => void;
};

/** How many tasks ran between two turns of the event loop, at the most. */
async function mostPerTurn(
  run: (count: () => void) => Promise<unknown>,
): Promise<number> {
  let most = 0;
  let now = 0;
  let isOver = false;
  const turn = () => {
    most = Math.max(most, now);
    now = 0;
    if (!isOver) setImmediate(turn);
  };
  turn();
  await run(() => now++);
  isOver = true;
  await new Promise<void>((resolve) => setImmediate(resolve));
  return Math.max(most, now);
}

/** Holds the event loop for a millisecond, as CPU work does. */
function burn(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

test("Law 10: tasks of 1 ms of CPU do not hold the loop longer than slice and eight tasks", async () => {
  for (const groups of [1, 3]) {
    const most = await mostPerTurn((count) =>
      Promise.all(
        range(groups).map((_, i) => {
          const group = new CoGroup({
            concurrency: 4,
            // The smallest slice at work counts; the first is at work longest.
            slice: i === 0 ? 10 : Infinity,
          });
          for (const n of range(i === 0 ? 40 : 10)) {
            const task = () => {
              count();
              burn();
            };
            if (n % 2 === 0) group.add(task);
            else group.go(task);
          }
          return group.wait();
        }),
      )
    );
    assert(most <= 18, `${most} tasks in one turn`);
  }
});

test("Law 10: the slice of a group whose task only waits counts for the others, too", async () => {
  const slow = gate();
  const group = new CoGroup({ concurrency: 1, slice: 10 });
  group.add(() => slow.promise);
  await settled();
  const most = await mostPerTurn((count) => {
    const busy = new CoGroup({ concurrency: 4, slice: Infinity });
    for (const _ of range(60)) {
      busy.add(() => {
        count();
        burn();
      });
    }
    return busy.wait();
  });
  assert(most <= 18, `${most} tasks in one turn`);
  slow.open();
  await group.wait();
});

test("Law 10: nor do the items of a map, or a reader of results that are there", async () => {
  const most = await mostPerTurn(async (count) => {
    const group = new CoGroup(2);
    const results = group.map(range(50), () => {
      count();
      burn();
    }, { ahead: 50 });
    for await (const _ of results);
    await group.wait();
  });
  assert(most <= 18, `${most} items in one turn`);
});

test("Law 10: an abort by a timer gets through to tasks that never leave the microtask queue", async () => {
  const group = new CoGroup(4);
  let ran = 0;
  const again = async () => {
    if (ran++ === 0) setTimeout(() => group.abort(), 0);
    await Promise.resolve();
    group.add(again);
  };
  for (const _ of range(4)) group.add(again);
  await group.idle();
  assert(ran > 0);
});

test("Law 10: so it does when one task at a time is awaited", async () => {
  const group = new CoGroup(1);
  let isOver = false;
  setTimeout(() => isOver = true, 0);
  while (!isOver) await group.go(() => {});
  await group.wait();
});

test("Law 10: insertAll lets the loop turn, too, and so the abort stops an endless source", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  let closed = 0;
  function* endless() {
    setTimeout(() => group.abort(), 0);
    try {
      for (;;) yield () => {};
    } finally {
      closed++;
    }
  }
  const accepted = await group.insertAll(endless());
  assertEquals([closed, await group.wait()], [1, accepted]);
});

test("slice: 0 starts a handful of tasks a turn, Infinity does not yield", async () => {
  const run = (slice: number) =>
    mostPerTurn((count) => {
      const group = new CoGroup({ concurrency: 4, slice });
      for (const _ of range(2000)) group.add(() => void count());
      return group.wait();
    });
  assert(await run(0) <= 16);
  assertEquals(await run(Infinity), 2000);
});

test("new CoGroup() has a slice of 10 ms, where nothing is said of it", () => {
  assertEquals(settle(1).slice, 10);
});
