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
  group.add(() => {}); // There is room when the one after this is on its way.
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
  let results: AsyncIterableIterator<never>;
  const group = await admission(
    {},
    () => results.return!(),
    (group) => {
      results = group.map([1], never);
      results.next();
    },
  );
  assertEquals(await group.wait(), 1);
  assertEquals(group.stats.fulfilled, 2);
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
