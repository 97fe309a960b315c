/**
 * A queue of one's own that uses the group it was given to, in the middle of
 * taking a task in.
 */

import { CoGroup, type CoGroupOptions, keyedQueue, Semaphore } from "../mod.ts";
import { assertBooks, range, settled } from "./support/helpers.ts";
import { deafSignal, PolyfilledSignal } from "./support/polyfilled_signal.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "./support/std.ts";
import { TellingQueue } from "./support/telling_queue.ts";
import { test } from "./support/test.ts";

const never = (): never => {
  throw new Error("a task ran that was abandoned");
};

const signals = {
  "without a signal": () => undefined,
  "with a signal": () => new PolyfilledSignal(),
  "with a signal that can't be listened to": () => deafSignal(),
};

for (const end of ["cancel", "drain"] as const) {
  for (const [name, make] of Object.entries(signals)) {
    test(`CoGroup.add() ${name} into a queue whose push calls ${end}() takes the task in, and abandons it`, async () => {
      const queue = new TellingQueue(Infinity, () => group[end]());
      const group = new CoGroup({ concurrency: 1, queue, paused: true });
      const signal = make();
      assert(group.add(never, signal?.options));
      assertBooks(group);
      assertEquals([group.stats.abandoned, group.size], [1, 0]);
      signal?.abort("late");
      assertBooks(group);
      group.resume();
      assertEquals(await group.wait(), 1);
      assertEquals(signal?.listeners ?? 0, 0);
    });
  }
}

// --- while a task is on its way out of the line, and who waits for its place comes in ---

/** A group that calls back when, for a task that is about to start, another one comes in. */
async function admission(
  options: Partial<CoGroupOptions>,
  onAdmission: (group: CoGroup) => void,
  bring: (group: CoGroup) => void,
  brought: 1 | 2 = 1,
): Promise<CoGroup> {
  let pushes = 0;
  const queue = new TellingQueue(1, () => {
    if (++pushes === 3) onAdmission(group);
  });
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    ...options,
    queue,
  });
  // There is room when the second of two is on its way.
  if (brought === 1) group.add(() => {});
  bring(group);
  await settled();
  const isIn = group.insert(() => {});
  assertEquals(pushes, 2);
  group.resume();
  await settled();
  assertBooks(group);
  await isIn;
  return group;
}

test("A task does not start that is next when the group is aborted by who comes in for it (law 5)", async () => {
  const group = await admission(
    {},
    (group) => group.cancel(),
    (group) => group.add(never),
  );
  assertEquals(await group.wait(), 2);
  assertEquals(group.stats.inFlight, 0);
});

test("CoGroup.drain() gives a task that the abort took back from its start before those that were queued", async () => {
  const next = () => never();
  const group = await admission(
    {},
    (group) => group.cancel(),
    (group) => group.add(next),
  );
  const [first, second, ...rest] = group.drain();
  assertStrictEquals(first!.task, next);
  assertEquals([second !== undefined, rest.length], [true, 0]);
  assertEquals(group.drain(), []);
});

test("A task does not start that is withdrawn by who comes in for its place", async () => {
  const signal = new PolyfilledSignal();
  const group = await admission(
    {},
    () => signal.abort("withdrawn"),
    (group) => group.add(never, signal.options),
  );
  assertEquals(await group.wait(), 1);
  assertEquals([group.stats.fulfilled, signal.listeners], [2, 0]);
});

for (const options of [{}, { timeout: 60_000 }]) {
  const name = "timeout" in options ? "with a timeout " : "";
  test(`CoGroup.go() ${name}rejects if the group is aborted by who comes in for its place`, async () => {
    let result: Promise<unknown>;
    await admission(
      options,
      (group) => group.cancel(new RangeError("aborted")),
      (group) => result = group.go(never),
    );
    await assertRejects(() => result, RangeError, "aborted");
  });
}

test("An item of a stream does not start if its reader leaves as another task comes in for its place", async () => {
  let results: AsyncIterableIterator<unknown>;
  const seen: number[] = [];
  const group = await admission(
    {},
    () => results.return!(),
    (group) => {
      results = group.map([1, 2], (n) => seen.push(n), { ahead: 1 });
      results.next();
    },
    2,
  );
  assertEquals([await group.wait(), seen], [1, [1]]);
  assertEquals(group.stats.fulfilled, 2);
});

test("CoGroup.mapSettled() gives the reason of a signal that withdraws an item as another task comes in for its place", async () => {
  const signal = new PolyfilledSignal();
  const seen: unknown[] = [];
  const group = await admission(
    {},
    () => signal.abort("withdrawn"),
    (group) => {
      const options = { ahead: 1, ...signal.options };
      const results = group.mapSettled([1, 2], (n) => n, options);
      (async () => {
        for await (const result of results) seen.push(result);
      })();
    },
    2,
  );
  assertEquals(await group.wait(), 1);
  assertEquals(seen, [
    { status: "fulfilled", value: 1 },
    { status: "rejected", reason: "withdrawn" },
  ]);
});

test("CoGroup.go() rejects if its queue aborts the group as it gives its task away", async () => {
  const queue = new TellingQueue(Infinity, () => {}, () => {
    group.cancel(new RangeError("aborted"));
  });
  const group = new CoGroup({ concurrency: 1, queue });
  await assertRejects(() => group.go(never), RangeError, "aborted");
});

test("A permit is given back if its task is abandoned by who comes in for its place", async () => {
  const governor = new Semaphore(1);
  const group = await admission(
    { governor },
    (group) => group.cancel(),
    (group) => group.add(never),
  );
  await group.wait();
  assert(governor.tryAcquire() !== undefined);
});

test("A governor does not hear of a task that was abandoned so as of one that failed", async () => {
  const heard: unknown[] = [];
  const governor = {
    tryAcquire: () => ({
      release: (...args: unknown[]) => heard.push(args),
      [Symbol.dispose]() {},
    }),
    acquire: () => Promise.reject(new Error("there is always one")),
  };
  const group = await admission(
    { governor: governor as unknown as Semaphore },
    (group) => group.cancel(),
    (group) => group.add(never),
  );
  await group.wait();
  assertEquals(heard, [[false], [false]]);
});

test("A bare task does not start if the group is aborted by who is turned away in its stead", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const signal = new PolyfilledSignal({ onRemove: () => group.cancel() });
  group.add(() => {});
  group.add(never);
  const isIn = group.insert(never, signal.options);
  signal.aborted = true; // Nobody has heard of it.
  group.resume();
  await settled();
  assertBooks(group);
  assertEquals([await isIn, await group.wait()], [false, 1]);
  assertEquals(group.drain(), [{ task: never }]);
  assert(!("state" in never));
});

test("CoGroup.drain() leaves a bare task as it was", () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  group.add(never);
  assertEquals([group.drain().length, "state" in never], [1, false]);
});

// --- while a task is given away ---

/** Of a group whose queue calls back as it gives a task away. */
async function assertNoneStarted(
  bring: (group: CoGroup) => () => void,
): Promise<void> {
  let onShift = () => {};
  const queue = new TellingQueue(Infinity, () => {}, () => onShift());
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  onShift = bring(group);
  group.resume();
  await settled();
  assertBooks(group);
  const { abandoned, queued } = group.stats;
  assertEquals([abandoned, queued], [1, 0]);
  assertEquals(await group.go(() => "goes on"), "goes on");
  assertEquals(await group.wait(), 1);
}

test("A task does not start that its queue withdraws as it gives it away", async () => {
  const signal = new PolyfilledSignal();
  await assertNoneStarted((group) => {
    group.add(never, signal.options);
    return () => signal.abort("withdrawn");
  });
  assertEquals(signal.listeners, 0);
});

test("An item of a stream does not start whose reader leaves as its queue gives it away", async () => {
  await assertNoneStarted((group) => {
    const results = group.map([1], never);
    results.next();
    return () => void results.return!();
  });
});

test("A queue that withdraws a task as it gives it away hears of its end", async () => {
  const signal = new PolyfilledSignal();
  let ended = 0;
  const queue = new TellingQueue(
    Infinity,
    () => {},
    () => signal.abort("withdrawn"),
  );
  const counting = Object.assign(queue, { done: () => ended++ });
  const group = new CoGroup({ concurrency: 1, queue: counting });
  group.add(never, signal.options);
  assertEquals([await group.wait(), ended], [1, 1]);
});

// --- while items of a stream come in, or go back in ---

test("A queue may end the stream whose item it takes in, which never starts", async () => {
  const queue = new TellingQueue(Infinity, () => void results.return!());
  const group = new CoGroup({ concurrency: 1, queue });
  const results = group.map([1, 2], never);
  assertEquals(await results.next(), { value: undefined, done: true });
  await settled();
  assertBooks(group);
  assertEquals([group.stats.accepted, group.size], [1, 0]);
  assert(!group.closed);
  assertEquals([await group.wait(), group.stats.inFlight], [1, 0]);
});

/** A paused group with a task and three items of a stream in its queue, which then calls back. */
async function itemsOf(onPush: (group: CoGroup) => void): Promise<CoGroup> {
  let isReady = false;
  const queue = new TellingQueue(Infinity, () => isReady && onPush(group));
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const results = group.map([1, 2, 3], never, { ahead: 2 });
  results.next().catch(() => {});
  await settled();
  group.add(never);
  assertEquals(group.size, 4);
  isReady = true;
  return group;
}

test("CoGroup.drain() has the books in order while a queue takes the items of a stream back", async () => {
  const sizes: number[] = [];
  const group = await itemsOf((group) => {
    assertBooks(group);
    sizes.push(group.size);
  });
  assertEquals([group.drain().length, sizes], [1, [3, 3, 3]]);
  group.cancel();
});

test("CoGroup.drain() abandons every item that a queue, which cancels the group, was taking back", async () => {
  const group = await itemsOf((group) => group.cancel());
  assertEquals(group.drain().length, 1);
  assertBooks(group);
  assertEquals([await group.wait(), group.stats.accepted], [4, 4]);
});

test("A queue that cancels the group as it is cleaned of tasks that were withdrawn loses none of the others", async () => {
  let isReady = false;
  const queue = new TellingQueue(Infinity, () => isReady && group.cancel());
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const signal = new PolyfilledSignal();
  for (const _ of range(40)) group.add(never, signal.options);
  for (const _ of range(3)) group.add(never);
  isReady = true;
  signal.abort("withdrawn");
  assertBooks(group);
  // Seven more were yet to be withdrawn.
  assertEquals([group.drain().length, await group.wait()], [3 + 7, 43]);
});

test("An item whose queue ends its stream, and then won't have it, was never accepted", async () => {
  const group = new CoGroup({ concurrency: 1, queue: keyedQueue() });
  let asked = 0;
  const options = {
    get key() {
      // What is read first is whether it is an option at all.
      if (++asked === 2) results.return!();
      throw new RangeError("no key");
    },
  };
  const results = group.mapSettled([1, 2, 3], never, options);
  for (const _ of range(3)) await results.next().catch(() => {});
  await settled();
  assertEquals([group.stats.accepted, group.stats.abandoned], [0, 0]);
  assertEquals([group.size, await group.wait()], [0, 0]);
});
