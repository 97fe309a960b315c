import { CoGroup } from "../mod.ts";
import { progressLines } from "../src/trace/mod.ts";
import { settled, Tasks } from "./support/helpers.ts";
import { assertEquals, assertRejects, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

/** Half a second goes by. */
async function half(time: { tick(ms: number): void }): Promise<void> {
  await settled();
  time.tick(500);
  await settled();
}

test("progressLines() says how many tasks have ended, how fast, and how long the rest will take", async () => {
  const time = new FakeTime();
  try {
    const tasks = new Tasks();
    const group = new CoGroup({ concurrency: 2, onError: () => {} });
    for (const name of [1, 2, 3, 4]) group.add(tasks.task(name));
    const lines: string[] = [];
    const all = (async () => {
      const options = { interval: 1000, total: 8 };
      for await (const line of progressLines(group, options)) lines.push(line);
    })();
    await half(time);
    tasks.open(1);
    tasks.fail(2, "no");
    await half(time);
    tasks.open(3);
    await half(time);
    await half(time);
    group.clear();
    tasks.openAll();
    const wait = group.wait();
    await half(time);
    await half(time);
    await wait;
    await all;
    assertEquals(lines, [
      "0 of 8 · 2 running · 0/s",
      "2 of 8 · 1 failed · 2 running · 2/s · 3 s left",
      "3 of 8 · 1 failed · 1 running · 2/s · 3 s left",
      "4 of 8 · 1 failed · 2/s · 2 s left",
    ]);
  } finally {
    time.restore();
  }
});

test("progressLines() tells what waits, long times in hours, and ends with how long it took", async () => {
  const time = new FakeTime();
  try {
    const counts = {
      accepted: 20_000,
      queued: 0,
      delayed: 0,
      inFlight: 0,
      lent: 0,
      overdue: 0,
      fulfilled: 0,
      rejected: 0,
      abandoned: 0,
      retried: 0,
    };
    const group = {
      async *progress() {
        yield await Promise.resolve(counts);
        time.tick(1000);
        yield { ...counts, queued: 19_996, delayed: 2, lent: 1, fulfilled: 1 };
        time.tick(1000);
        yield { ...counts, abandoned: 100, fulfilled: 100 };
        time.tick(3_600_000);
        for (let n = 0; n < 12; n++) yield { ...counts, fulfilled: 20_000 };
      },
    };
    const lines: string[] = [];
    for await (const line of progressLines(group)) lines.push(line);
    assertEquals(lines.slice(0, 4), [
      "0 of 20,000 · 0/s",
      "1 of 20,000 · 2 delayed · 1 lent · 1/s · 5 h 33 min left",
      "200 of 20,000 · 100 abandoned · 100/s · 3 min 18 s left",
      "20,000 of 20,000 · 6/s · 1 h 0 min",
    ]);
    assertEquals(lines.at(-1), "20,000 of 20,000 · 0/s · 1 h 0 min");
  } finally {
    time.restore();
  }
});

test("progressLines() refuses options that are none, at the first line", async () => {
  const group = new CoGroup(1);
  const first = (options: object) => progressLines(group, options).next();
  await assertRejects(() => first({ total: -1 }), RangeError, "total");
  await assertRejects(() => first({ interval: -1 }), RangeError, "interval");
  await assertRejects(() => first(7 as never), TypeError, "options");
});
