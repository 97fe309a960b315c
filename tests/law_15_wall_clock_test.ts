/** Law 15: a wall clock that jumps or stands still changes nothing. */

import { FakeClock } from "./support/fake_clock.ts";
import { microtasks, range } from "./support/helpers.ts";
import { loadAnew } from "./support/load_anew.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";
import { waits } from "./support/waits.ts";

const HOUR = 3_600_000;

// The machine's clock: it is there before the library is.
const clock = new FakeClock("timers", "machine's Date", "performance");
const loading = clock.use();
const library = await loadAnew();
loading[Symbol.dispose]();
const { adaptiveLimit, CoGroup, rateLimit } = library;

/** What becomes of the wall clock. */
const jumps: Record<string, () => Disposable | void> = {
  "is set forward by an hour": () => void (clock.wall += HOUR),
  "is set back by an hour": () => void (clock.wall -= HOUR),
  "stands still": () => {
    const { now, wall } = clock;
    return replaceDate(() => now + wall);
  },
  "is faked alone": () => replaceDate(() => 0),
  "steps by 11 seconds, forward and back": () => {
    let steps = 0;
    return replaceDate(() => clock.now + (steps++ % 2) * 11_000);
  },
};

function replaceDate(now: () => number): Disposable {
  const own = Date.now;
  Date.now = now;
  return { [Symbol.dispose]: () => void (Date.now = own) };
}

for (const [what, jump] of Object.entries(jumps)) {
  for (const [name, wait] of Object.entries(waits(library))) {
    test(`Law 15: ${name} takes as long as it was to, while the wall clock ${what}`, async () => {
      using _ = clock.use();
      const begun = clock.now;
      const ends: [ms: number, after: number][] = [];
      const begin = (ms: number) =>
        wait(ms).then(() => ends.push([ms, clock.now - begun]));
      begin(3000);
      await microtasks();
      using _jump = jump() ?? new FakeClock().use();
      begin(20);
      await microtasks();
      begin(100);
      await clock.run(3000);
      assertEquals(ends, [[20, 20], [100, 100], [3000, 3000]]);
    });
  }

  test(`Law 15: progress() gives a snapshot each interval while the wall clock ${what}`, async () => {
    using _ = clock.use();
    const group = new CoGroup({ concurrency: 1, paused: true });
    let snapshots = 0;
    (async () => {
      for await (const _ of group.progress({ interval: 100 })) snapshots++;
    })();
    await microtasks();
    using _jump = jump() ?? new FakeClock().use();
    for (const _ of range(10)) {
      group.add(() => {});
      await clock.run(100);
    }
    assertEquals(snapshots, 11);
    group.abort();
  });

  test(`Law 15: rateLimit() lets 5 a second start, no more and no less, while the wall clock ${what}`, async () => {
    using _ = clock.use();
    const governor = rateLimit({ limit: 5, interval: 1000 });
    const group = new CoGroup({ concurrency: 9, governor, slice: Infinity });
    const begun = clock.now;
    const starts: number[] = [];
    for (const _ of range(20)) {
      group.add(() => void starts.push(clock.now - begun));
    }
    await microtasks();
    using _jump = jump() ?? new FakeClock().use();
    await clock.run(3000);
    assertEquals(starts, range(20).map((n) => 1000 * Math.floor(n / 5)));
  });

  test(`Law 15: adaptiveLimit() learns the same latencies while the wall clock ${what}`, async () => {
    using _ = clock.use();
    const learn = async () => {
      const governor = adaptiveLimit({ max: 100 });
      const limits: number[] = [];
      for (const n of range(200)) {
        const permit = await governor.acquire();
        await clock.run(n < 100 ? 10 : 30);
        permit.release();
        limits.push(governor.limit);
      }
      return limits;
    };
    const expected = await learn();
    using _jump = jump() ?? new FakeClock().use();
    assertEquals(await learn(), expected);
  });
}

for (const [name, wait] of Object.entries(waits(library))) {
  test(`Law 15: ${name} may take longer than one timer can be set for`, async () => {
    using _ = clock.use();
    const ms = 2 ** 31 + 5000;
    let isOver = false;
    wait(ms).then(() => isOver = true);
    await clock.run(ms - 1);
    assert(!isOver, "it was over too soon");
    await clock.run(1);
    assert(isOver, "it is not over");
  });

  test(`Law 15: ${name} ends with its timer, however late that goes off`, async () => {
    using _ = clock.use();
    let isOver = false;
    wait(100).then(() => isOver = true);
    await microtasks();
    clock.now += HOUR; // The machine has slept.
    await clock.run(0);
    assert(isOver, "it is not over");
  });
}
