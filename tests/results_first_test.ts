/**
 * Law 8: a direct reader of a result has it before the group's end is told. The
 * order is that of microtasks, so no clock is needed: tasks that use up a slice are
 * made by `slice: 0`, which holds a group up at every look.
 */

import { CoGroup, type CoGroupOptions, type TaskOptions } from "../mod.ts";
import { gate, range, settled } from "./support/helpers.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

/** What a group is made of, and its tasks, on each path that leads to a result. */
const paths: Record<string, [Partial<CoGroupOptions>, TaskOptions?]> = {
  "at once": [{ slice: Infinity }],
  "after turns of the loop": [{ slice: 0 }],
  "with a timeout": [{ slice: Infinity }, { timeout: 1e6 }],
  "with a timeout, after turns": [{ slice: 0 }, { timeout: 1e6 }],
  "with a retry to come": [{ slice: 1 }, { retry: {} }],
  "around by a worker": [{ worker: (task, ctx) => task(ctx) }],
  "with a signal": [{ slice: 0 }, { signal: new AbortController().signal }],
};

/** Tasks that end at once, a microtask later, or a few; and one that returns no promise. */
const bodies = [
  () => {},
  async () => {},
  async () => await undefined,
  async () => {
    for (let i = 0; i < 5; i++) await undefined;
  },
  () => ({ then: (resolve: () => void) => resolve() }),
];

const ends: Record<string, (group: CoGroup) => Promise<unknown>> = {
  wait: (group) => group.wait(),
  "wait, with a signal": (group) =>
    group.wait({ signal: new AbortController().signal }),
  idle: (group) => group.idle(),
  reset: (group) => group.reset(),
  "progress's last snapshot": async (group) => {
    group.close();
    const snapshots = group.progress({ interval: 0 });
    for (let isLast = false; !isLast;) { // Not `for await`, which waits for `return`.
      const { value } = await snapshots.next();
      const { queued, delayed, lent, inFlight } = value!;
      isLast = queued + delayed + lent + inFlight === 0;
    }
  },
};

for (const [path, [groupOptions, taskOptions]] of Object.entries(paths)) {
  for (const [end, wait] of Object.entries(ends)) {
    test(`Law 8: every direct reader of a go() ${path} has its result before ${end} resolves`, async () => {
      for (const concurrency of [1, 2, 8]) {
        for (const task of bodies) {
          for (const count of [1, 6, 20]) {
            const group = new CoGroup({ concurrency, ...groupOptions });
            const got: number[] = [];
            for (const n of range(count)) {
              group.go(task, taskOptions).then(() => got.push(n));
            }
            await wait(group);
            assertEquals(got.length, count);
          }
        }
      }
    });
  }
}

test("Law 8: a reader has the error of a go() that failed before wait() resolves", async () => {
  for (const slice of [0, Infinity]) {
    const group = new CoGroup({ concurrency: 2, slice });
    const got: unknown[] = [];
    for (const n of range(6)) {
      const fail = n % 2 === 0
        ? () => {
          throw n;
        }
        : () => Promise.reject(n);
      group.go(fail).catch((error) => got.push(error));
    }
    await group.wait();
    assertEquals(got.sort(), range(6));
  }
});

test("Law 8: a reader has the result of a go() that was tried again before wait() resolves", async () => {
  const time = new FakeTime();
  try {
    // All first attempts have to be over before the time goes on.
    const group = new CoGroup({
      concurrency: 2,
      retry: { jitter: 0 },
      slice: Infinity,
    });
    const got: number[] = [];
    for (const n of range(6)) {
      group.go(({ attempt }) => {
        if (attempt === 1) throw new Error("once");
        return n;
      }).then((n) => got.push(n));
    }
    const done = group.wait().then(() => got.length);
    await time.tickAsync(1000);
    assertEquals(await done, 6);
  } finally {
    time.restore();
  }
});

test("Law 8: a reader has the reason of a go() that was abandoned before wait() resolves", async () => {
  for (const slice of [0, Infinity]) {
    for (const isRung of [false, true]) {
      for (const turns of [0, 1, 2, 3, 4, 5]) {
        const group = new CoGroup({ concurrency: 2, slice, paused: true });
        const got: unknown[] = [];
        for (const _ of range(6)) {
          group.go(() => {}).catch((reason) => got.push(reason));
        }
        for (const _ of range(turns)) await undefined;
        if (isRung) group.resume();
        group.abort("no more");
        await group.wait();
        assertEquals(got.length + group.stats.fulfilled, 6);
      }
    }
  }
});

test("Law 8: every direct reader of a go() has its result before an idle() resolves that was called in any microtask", async () => {
  for (const turns of range(12)) {
    const group = new CoGroup(4);
    const got: number[] = [];
    for (const n of range(4)) {
      group.go(async () => {
        for (const _ of range(n)) await undefined;
      }).then(() => got.push(n));
    }
    for (const _ of range(turns)) await undefined;
    await group.idle();
    assertEquals(got.length, 4, `${turns} microtasks`);
  }
});

for (const how of ["abort", "withdraw", "clear"] as const) {
  test(`Law 8: a reader has the reason of a go() that was next when ${how}() came, before idle() and any other end`, async () => {
    const waits = Object.values(ends);
    for (const i of range(6 * waits.length)) {
      const wait = waits[i % waits.length]!;
      const turns = Math.floor(i / waits.length);
      for (const isPaused of [false, true]) {
        const group = new CoGroup(1);
        const got: unknown[] = [];
        const call = group.go(() => {}, { id: "it" });
        call.then(() => got.push("done"), () => got.push("gone"));
        if (isPaused) group.pause();
        for (const _ of range(turns)) await undefined;
        if (how === "withdraw") group.withdraw("it");
        else group[how]();
        await wait(group);
        assertEquals(got.length, 1, `${turns} ${isPaused}`);
      }
    }
  });
}

test("Law 8: a reader has the reason of a go() that was abandoned before the last snapshot of progress()", async () => {
  const group = new CoGroup(1);
  const seen: string[] = [];
  group.go(() => {}).catch(() => seen.push("reason"));
  group.pause();
  await settled();
  const snapshots = group.progress({ interval: 0 });
  group.abort();
  await snapshots.next();
  seen.push("snapshot");
  assertEquals(seen, ["reason", "snapshot"]);
});

test("CoGroup.idle() resolves when the group is at rest for the first time, though each reader of a result brings the next task", async () => {
  const group = new CoGroup(2);
  let count = 0;
  let isIdle = false;
  const readers = (async () => {
    for (; !isIdle && count < 1000; count++) await group.go(async () => {});
  })();
  await group.idle();
  isIdle = true;
  await readers;
  assert(count < 1000, `${count} tasks`);
  await group.wait();
});

test("CoGroup.idle() of a group at rest does not wait for what comes right after the call", async () => {
  const group = new CoGroup(1);
  const { promise, open } = gate();
  const idle = group.idle();
  group.add(() => promise);
  await idle;
  assertEquals(group.size + group.inFlight, 1);
  open();
  await group.wait();
});

test("Law 8: a reader of a map() has its results before idle() resolves", async () => {
  for (const ordered of [true, false]) {
    const group = new CoGroup({ concurrency: 2, slice: 0 });
    const { promise, open } = gate();
    const task = () => promise;
    const results = group.map(range(6), task, { ordered, ahead: 6 });
    let got = 0;
    for (const _ of range(6)) results.next().then(() => got++);
    await settled();
    const idle = group.idle();
    open();
    await idle;
    assertEquals(got, 6);
    await results.return!();
    await group.wait();
  }
});
