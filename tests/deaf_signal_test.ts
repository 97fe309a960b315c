/**
 * Signals that nobody can listen to: bad input, which is told to whoever brought
 * it, and leaves nothing behind.
 */

import {
  adaptiveLimit,
  CoGroup,
  keyedQueue,
  rateLimit,
  Semaphore,
  type TaskOptions,
} from "../mod.ts";
import { assertBooks, range, settled } from "./support/helpers.ts";
import { deafSignal, PolyfilledSignal } from "./support/polyfilled_signal.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** Options with such a signal. */
function deaf(): { signal: AbortSignal } {
  return deafSignal().options;
}

const never = (): never => {
  throw new Error("a task ran that was not accepted");
};

/** The group took nothing in, and works. */
async function assertUntouched(group: CoGroup): Promise<void> {
  assertBooks(group);
  assertEquals([group.stats.accepted, group.size], [0, 0]);
  group.resume();
  assertEquals(await group.go(() => "runs"), "runs");
  assertEquals(await group.wait(), 0);
}

for (const way of ["add", "tryInsert"] as const) {
  test(`CoGroup.${way}() with a signal that can't be listened to throws, and the task is not accepted`, async () => {
    const group = new CoGroup(1);
    assertThrows(() => group[way](never, deaf()), RangeError, "deaf");
    await assertUntouched(group);
  });
}

for (const way of ["insert", "go"] as const) {
  test(`CoGroup.${way}() with a signal that can't be listened to rejects, and the task is not accepted`, async () => {
    const group = new CoGroup(1);
    await assertRejects(() => group[way](never, deaf()), RangeError, "deaf");
    await assertUntouched(group);
  });
}

test("CoGroup.add() with signals that can't be listened to, again and again, keeps nothing of it", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  for (const _ of range(1000)) {
    assertThrows(() => group.add(never, deaf()), RangeError, "deaf");
  }
  await assertUntouched(group);
});

for (const end of ["cancel", "drain"] as const) {
  test(`CoGroup.add() with a signal that calls ${end}() instead of listening throws, and counts the task as abandoned`, async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const signal = new PolyfilledSignal({
      onAdd() {
        assertBooks(group);
        group[end]();
        assertBooks(group);
        throw new RangeError("deaf");
      },
    });
    assertThrows(() => group.add(never, signal.options), RangeError, "deaf");
    assertBooks(group);
    group.resume();
    assertEquals(await group.wait(), 1);
    assertEquals(group.stats.accepted, 1);
  });
}

test("CoGroup.insert() with a signal that can't be listened to does not wait for room", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  let asked = 0;
  const { options } = new PolyfilledSignal({
    onAdd() {
      asked++;
      throw new RangeError("deaf");
    },
  });
  await assertRejects(() => group.insert(never, options), RangeError, "deaf");
  await assertUntouched(group);
  assertEquals(asked, 1);
});

test("CoGroup.insert() that waits listens to its signal once, and for as long as its task does", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  group.add(() => {});
  const signal = deafSignal(1);
  const isIn = group.insert(() => {}, signal.options);
  assertEquals(signal.listeners, 1);
  assertEquals(group.drain().length, 1);
  assertEquals([await isIn, signal.listeners, group.size], [true, 1, 1]);
  signal.abort("withdrawn");
  assertEquals([signal.listeners, group.size], [0, 0]);
  assertBooks(group);
});

test("CoGroup.insertAll() rejects for a signal that can't be listened to, and holds no place", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const tasks = [{ task: never, options: deaf() }];
  const waiting: Promise<boolean>[] = [];
  const source = {
    *[Symbol.iterator]() {
      // The place is held for this one by now.
      for (const _ of range(2)) waiting.push(group.insert(() => {}));
      yield* tasks;
    },
  };
  await assertRejects(() => group.insertAll(source), RangeError, "deaf");
  await settled();
  // One for the place, and one for the idle worker once it is not paused.
  assertEquals([group.size, group.stats.accepted], [1, 1]);
  group.resume();
  assertEquals(await Promise.all(waiting), [true, true]);
  await group.wait();
  assertEquals(group.stats.fulfilled, 2);
});

for (const isAsync of [false, true]) {
  const name = isAsync ? "an async source" : "a source at hand";
  test(`CoGroup.map() of ${name} with a signal that can't be listened to ends with that error, and closes the source`, async () => {
    const group = new CoGroup(2);
    let closed = 0;
    function* items() {
      try {
        yield* [1, 2, 3];
      } finally {
        closed++;
      }
    }
    async function* later() {
      yield* items();
    }
    const results = group.map(isAsync ? later() : items(), never, deaf());
    await assertRejects(() => results.next(), RangeError, "deaf");
    assertEquals(await results.next(), { value: undefined, done: true });
    await settled();
    assertEquals(closed, 1);
    await assertUntouched(group);
  });

  test(`CoGroup.mapSettled() of ${name} gives that error for every such item`, async () => {
    const group = new CoGroup(2);
    const items = [1, 2, 3];
    const source = isAsync
      ? (async function* () {
        yield* items;
      })()
      : items;
    const seen: unknown[] = [];
    for await (const result of group.mapSettled(source, never, deaf())) {
      seen.push(result.status === "rejected" && result.reason.message);
    }
    assertEquals(seen, ["deaf", "deaf", "deaf"]);
    await assertUntouched(group);
  });
}

test("CoGroup.map() goes on with what its signal let in before it went deaf", async () => {
  const group = new CoGroup(1);
  const signal = deafSignal(2);
  const options = { ...signal.options, ahead: 0 };
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const n of group.map([1, 2, 3, 4], (n) => n, options)) {
      seen.push(n);
    }
  })();
  await assertRejects(() => reading, RangeError, "deaf");
  assertEquals([seen, signal.listeners], [[1, 2], 0]);
  assertEquals([group.stats.accepted, group.stats.fulfilled], [2, 2]);
});

for (const way of ["add", "tryInsert", "insert", "go"] as const) {
  test(`CoGroup.${way}() whose signal throws leaves its place to who came while it was listened to`, async () => {
    const group = new CoGroup({ concurrency: 1, capacity: 0 });
    const waiting: Promise<boolean>[] = [];
    const signal = new PolyfilledSignal({
      onAdd() {
        waiting.push(group.insert(() => {}));
        throw new RangeError("deaf");
      },
    });
    await assertRejects(
      async () => void await group[way](never, signal.options),
      RangeError,
      "deaf",
    );
    await settled();
    assertBooks(group);
    assertEquals([group.stats.accepted, group.stats.fulfilled], [1, 1]);
    assertEquals(await Promise.all(waiting), [true]);
  });
}

test("CoGroup.insert() that waits is in if it was let in while its signal was listened to, whatever that throws then", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  const signal = new PolyfilledSignal({
    onAdd(nth) {
      if (nth > 1) return;
      group.resume();
      throw new RangeError("deaf");
    },
  });
  assertEquals(await group.insert(() => {}, signal.options), true);
  await group.idle();
  assertEquals([group.stats.fulfilled, signal.listeners], [1, 0]);
});

for (const isAsync of [false, true]) {
  for (const kind of ["map", "mapSettled"] as const) {
    for (const end of ["return", "cancel"] as const) {
      const name = isAsync ? "an async source" : "a source at hand";
      test(`CoGroup.${kind}() of ${name} ends once when its signal calls ${end}() and throws as it is listened to`, async () => {
        const group = new CoGroup(3);
        const items = [1, 2, 3];
        const source = isAsync
          ? (async function* () {
            yield* items;
          })()
          : items;
        let looks = 0;
        const signal = new PolyfilledSignal({
          onAdd() {
            if (end === "return") stream.return!();
            else group.cancel(new Error("cancelled"));
            assertBooks(group);
            looks++; // Last: what is thrown here may be nobody's to read.
            throw new RangeError("deaf");
          },
        });
        const stream = group[kind](source, never, signal.options);
        const first = stream.next();
        if (end === "cancel") await assertRejects(() => first, Error, "cancel");
        else assertEquals(await first, { value: undefined, done: true });
        const last = await stream.next();
        assertEquals(last, { value: undefined, done: true } as typeof last);
        assertEquals(await group.wait(), 1);
        assertBooks(group);
        assertEquals([looks, group.stats.accepted], [1, 1]);
        assertEquals(signal.listeners, 0);
      });
    }
  }
}

test("CoGroup.add() with a signal that can't be listened to holds no key", async () => {
  const group = new CoGroup({ concurrency: 2, queue: keyedQueue() });
  const options: TaskOptions = { ...deaf(), key: "a" };
  assertThrows(() => group.add(never, options), RangeError, "deaf");
  assertEquals(await group.go(() => "runs", { key: "a" }), "runs");
  assertEquals(group.stats.accepted, 1);
});

test("new CoGroup() and wait() complain about a signal that can't be listened to", async () => {
  assertThrows(
    () => new CoGroup({ concurrency: 1, ...deaf() }),
    RangeError,
    "deaf",
  );
  const group = new CoGroup({ concurrency: 1, paused: true });
  group.add(() => {});
  await assertRejects(() => group.wait(deaf()), RangeError, "deaf");
  group.resume();
  assertEquals(await group.wait(), 0);
});

test("CoGroup.reset() under an upstream that can't be listened to again rejects, and the group is aborted with that error", async () => {
  const upstream = deafSignal(1);
  const group = new CoGroup({ concurrency: 1, ...upstream.options });
  const error = await assertRejects(() => group.reset(), RangeError, "deaf");
  assert(group.closed && group.signal.aborted);
  assertStrictEquals(group.signal.reason, error);
  assertEquals(group.add(never), false);
  assertEquals(await group.wait(), 0);
  assertEquals(upstream.listeners, 0);
});

for (const name of ["Semaphore", "rateLimit", "adaptiveLimit"] as const) {
  test(`${name}'s acquire() with a signal that can't be listened to rejects, and takes no permit later`, async () => {
    using time = new FakeTime();
    const governor = {
      Semaphore: () => new Semaphore(1),
      rateLimit: () => rateLimit({ limit: 1, interval: 1000 }),
      adaptiveLimit: () => adaptiveLimit({ max: 1 }),
    }[name]();
    const permit = governor.tryAcquire()!;
    await assertRejects(() => governor.acquire(deaf()), RangeError, "deaf");
    permit.release();
    await time.tickAsync(1000);
    assert(governor.tryAcquire() !== undefined);
  });
}
