/**
 * Polyfilled signals that use what they were given to, in the middle of being
 * listened to or left. Whatever they do, the books balance while they do it,
 * everybody is told, and no listener stays.
 */

import { Channel, CoGroup, Semaphore, slidingQueue } from "../mod.ts";
import { assertBooks, gate, settled } from "./support/helpers.ts";
import { PolyfilledSignal } from "./support/polyfilled_signal.ts";
import { assert, assertEquals, assertRejects } from "./support/std.ts";
import { test } from "./support/test.ts";

const never = (): never => {
  throw new Error("a task ran that was abandoned");
};

/** A signal that does this the first time it is listened to. */
function listening(
  act: (signal: PolyfilledSignal) => unknown,
): PolyfilledSignal {
  return new PolyfilledSignal({
    onAdd: (nth, signal) => void (nth === 1 && act(signal)),
  });
}

/** A paused group, and a signal that looks at its books when it is left. */
function watched(): {
  group: CoGroup;
  signal: PolyfilledSignal;
  looks: () => number;
} {
  let looks = 0;
  const group = new CoGroup({ concurrency: 1, paused: true });
  const signal = new PolyfilledSignal({
    onRemove() {
      assertBooks(group);
      looks++; // Last: what is thrown here is printed, and that is all.
    },
  });
  return { group, signal, looks: () => looks };
}

// --- while it is listened to ---

for (const end of ["cancel", "drain"] as const) {
  test(`CoGroup.add() whose signal calls ${end}() as it is listened to leaves no listener`, async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const signal = listening(() => group[end]());
    assert(group.add(never, signal.options));
    assertBooks(group);
    assertEquals([signal.listeners, group.size], [0, 0]);
    signal.abort("late");
    assertBooks(group);
    group.resume();
    assertEquals(await group.wait(), 1);
  });
}

for (const way of ["add", "tryInsert", "insert", "go"] as const) {
  test(`CoGroup.${way}() whose signal is aborted as it is listened to is withdrawn`, async () => {
    const group = new CoGroup({ concurrency: 1 });
    const signal = listening((signal) => signal.abort(new Error("why")));
    const result = group[way](never, signal.options);
    assertEquals([group.stats.abandoned, group.size], [1, 0]);
    assertEquals(signal.listeners, 0);
    if (way === "go") {
      await assertRejects(async () => void await result, Error, "why");
    } else assertEquals(await result, true);
    await group.idle();
    assertBooks(group);
  });
}

test("CoGroup.insert() that waits resolves false when its signal is aborted as it is listened to", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  const signal = listening((signal) => signal.abort("why"));
  assertEquals(await group.insert(never, signal.options), false);
  assertEquals([group.stats.accepted, signal.listeners], [0, 0]);
  const waiting = group.insert(() => {});
  group.resume();
  assertEquals(await waiting, true);
});

test("CoGroup.insert() that is let in as its signal is listened to leaves it when its task has ended", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  const signal = listening(() => group.resume());
  assertEquals(await group.insert(() => {}, signal.options), true);
  await group.idle();
  assertEquals([group.stats.fulfilled, signal.listeners], [1, 0]);
});

for (const end of ["close", "cancel"] as const) {
  test(`CoGroup.insert() that is turned away by ${end}() as its signal is listened to leaves no listener`, async () => {
    const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
    const signal = listening(() => group[end]());
    assertEquals(await group.insert(never, signal.options), false);
    assertEquals([group.stats.accepted, signal.listeners], [0, 0]);
  });
}

test("CoGroup.insert() that waits rejects, and alone does, when its signal throws as its task is let in", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  group.add(never);
  const seen: unknown[] = [];
  const signal = new PolyfilledSignal({
    onAdd(nth) {
      if (nth === 2) throw new RangeError("deaf");
      try {
        seen.push(group.drain().length); // Lets it in, and listens again.
      } catch (error) {
        seen.push(error);
      }
    },
  });
  const isIn = group.insert(never, signal.options);
  await assertRejects(() => isIn, RangeError, "deaf");
  assertBooks(group);
  assertEquals([group.size, group.stats.accepted], [0, 1]);
  assertEquals([seen, signal.listeners], [[1], 0]);
  group.resume();
  assertEquals(await group.wait(), 1);
});

test("CoGroup.add() twice, one while the other's signal is listened to, puts one listener on it", async () => {
  for (const isAborted of [false, true]) {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const signal = listening((signal) => group.add(() => {}, signal.options));
    group.add(() => {}, signal.options);
    assertEquals([group.size, signal.listeners], [2, 1]);
    if (isAborted) signal.abort("why");
    group.resume();
    assertEquals(await group.wait(), isAborted ? 2 : 0);
    assertEquals(signal.listeners, 0);
  }
});

test("Semaphore.acquire() whose signal releases the only permit as it is listened to gets it, and leaves no listener", async () => {
  const semaphore = new Semaphore(1);
  const permit = semaphore.tryAcquire()!;
  const signal = listening(() => permit.release());
  const next = await semaphore.acquire(signal.options);
  assertEquals(signal.listeners, 0);
  assertEquals(semaphore.tryAcquire(), undefined);
  next.release();
  assert(semaphore.tryAcquire() !== undefined);
});

test("Semaphore.acquire() whose signal is aborted as it is listened to rejects, and takes no permit later", async () => {
  const semaphore = new Semaphore(1);
  const permit = semaphore.tryAcquire()!;
  const signal = listening((signal) => signal.abort(new Error("why")));
  const acquired = semaphore.acquire(signal.options);
  await assertRejects(() => acquired, Error, "why");
  assertEquals(signal.listeners, 0);
  permit.release();
  assert(semaphore.tryAcquire() !== undefined);
});

test("Channel.send() whose value is received as its signal is listened to resolves, and leaves no listener", async () => {
  const channel = new Channel<string>();
  const signal = listening(() => channel.tryReceive());
  await channel.send("value", signal.options);
  assertEquals(signal.listeners, 0);
});

test("Channel.receive() that is sent a value as its signal is listened to gets it, and leaves no listener", async () => {
  const channel = new Channel<string>();
  const signal = listening(() => channel.trySend("value"));
  assertEquals(await channel.receive(signal.options), "value");
  assertEquals(signal.listeners, 0);
});

for (const way of ["send", "receive"] as const) {
  const begin = (channel: Channel<string>, signal: PolyfilledSignal) =>
    way === "send"
      ? channel.send("value", signal.options)
      : channel.receive(signal.options);

  test(`Channel.${way}() rejects when the channel is closed as its signal is listened to, and leaves no listener`, async () => {
    const channel = new Channel<string>();
    const signal = listening(() => channel.close());
    await assertRejects(() => begin(channel, signal), Error, "closed channel");
    assertEquals(signal.listeners, 0);
  });

  test(`Channel.${way}() rejects when its signal is aborted as it is listened to, and waits no more`, async () => {
    const channel = new Channel<string>();
    const signal = listening((signal) => signal.abort(new Error("why")));
    await assertRejects(() => begin(channel, signal), Error, "why");
    assertEquals(signal.listeners, 0);
    assertEquals(channel.tryReceive().state, "empty");
    assertEquals(channel.trySend("nobody waits"), false);
  });
}

// --- while it is left ---

for (const end of ["cancel", "drain"] as const) {
  test(`CoGroup.${end}() has its books in order while a signal is left`, async () => {
    const { group, signal, looks } = watched();
    const other = new PolyfilledSignal();
    group.add(never, signal.options);
    group.add(never);
    group.add(never, other.options);
    group[end]();
    assertBooks(group);
    assertEquals([looks(), group.size], [1, 0]);
    group.resume();
    assertEquals(await group.wait(), 3);
    assertEquals([signal.listeners, other.listeners], [0, 0]);
  });

  test(`CoGroup.${end}() abandons once a task whose signal is aborted while another one's is left`, async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const b = new PolyfilledSignal();
    const a = new PolyfilledSignal({ onRemove: () => b.abort("why") });
    group.add(never, a.options);
    group.add(never, b.options);
    group[end]();
    assertBooks(group);
    assertEquals([group.stats.abandoned, group.size], [2, 0]);
    group.resume();
    assertEquals(await group.wait(), 2);
    assertEquals([a.listeners, b.listeners], [0, 0]);
  });
}

test("CoGroup.cancel() has its books in order while the signal of an insert that waits is left", async () => {
  const looks: number[] = [];
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const signal = new PolyfilledSignal({
    onRemove() {
      assertBooks(group);
      looks.push(group.stats.abandoned);
    },
  });
  group.add(never);
  const isIn = group.insert(never, signal.options);
  group.cancel();
  assertEquals([looks, await isIn], [[1], false]);
});

test("CoGroup.cancel() has its books in order while the upstream signal is left", () => {
  const looks: number[] = [];
  const upstream = new PolyfilledSignal({
    onRemove() {
      assertBooks(group);
      looks.push(group.stats.abandoned);
    },
  });
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    ...upstream.options,
  });
  group.add(never);
  group.cancel();
  assertEquals([looks, upstream.listeners], [[1], 0]);
});

test("return() of a CoGroup.map() has the group's books in order while a signal is left", async () => {
  const { group, signal, looks } = watched();
  const results = group.map([1, 2], never, signal.options);
  const first = results.next();
  await settled();
  assertEquals(group.size, 1);
  await results.return!();
  assertEquals((await first).done, true);
  assertBooks(group);
  assertEquals([looks(), group.size, signal.listeners], [1, 0, 0]);
});

test("CoGroup.add() that evicts a task has the books in order while that one's signal is left, and may be closed by it", async () => {
  const looks: number[] = [];
  const queue = slidingQueue<never>(1);
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const signal = new PolyfilledSignal({
    onRemove() {
      assertBooks(group);
      looks.push(group.stats.abandoned);
      group.close();
    },
  });
  group.add(never, signal.options);
  assert(group.add(() => {}));
  assertEquals([looks, group.size], [[1], 1]);
  group.resume();
  assertEquals(await group.wait(), 1);
});

test("CoGroup.add() for which a task is evicted whose signal cancels the group abandons its own, and listens to nobody", async () => {
  const queue = slidingQueue<never>(1);
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const evicted = new PolyfilledSignal({ onRemove: () => group.cancel() });
  let asked = 0;
  const signal = new PolyfilledSignal({ onAdd: () => asked++ });
  group.add(never, evicted.options);
  assert(group.add(never, signal.options));
  assertBooks(group);
  assertEquals([await group.wait(), asked], [2, 0]);
});

// --- in the middle of an abort (law 5) ---

/** How the test's own code gets to run in the middle of an abort. */
const listeners: Record<
  string,
  (group: CoGroup, grow: () => void) => unknown
> = {
  "a listener of the group's signal": ({ signal }, grow) =>
    signal.addEventListener("abort", grow),
  "a polyfilled signal that is left": (group, grow) =>
    group.add(never, new PolyfilledSignal({ onRemove: grow }).options),
  "a task's signal": () => {},
};

for (const [name, listen] of Object.entries(listeners)) {
  test(`CoGroup.cancel() lets no insert in that waits, though ${name} raises the concurrency meanwhile`, async () => {
    const group = new CoGroup({ concurrency: 1, capacity: 0, sink: true });
    let grown = 0;
    const grow = () => {
      grown++;
      group.concurrency = 5;
    };
    const end = gate();
    const running = group.go(({ signal }) => {
      if (name === "a task's signal") signal.addEventListener("abort", grow);
      return end.promise;
    });
    await settled();
    listen(group, grow);
    const waiting = [group.insert(never), group.insert(never)];
    const { accepted } = group.stats;
    group.cancel();
    assertEquals([grown, group.stats.accepted], [1, accepted]);
    assertEquals(await Promise.all(waiting), [false, false]);
    end.open();
    await running;
    assertEquals(await group.wait(), accepted - 1);
  });
}
