/**
 * What random programs have found, each in the shortest form: two things that
 * happen in one microtask, or in each other's calls.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import {
  Channel,
  CoGroup,
  CoGroupClosedError,
  fifoQueue,
  type Governor,
  keyedQueue,
  type Permit,
  priorityQueue,
  type QueuedTask,
  type TaskOptions,
} from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assertEquals,
  assertRejects,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { PATIENCE } from "../src/base/source.ts";

test("ctx.workerId of items with options of their own stays below concurrency, one after the other", async () => {
  const ids: number[] = [];
  const gates = range(3).map(() => gate());
  const group = new CoGroup(1);
  const stream = group.map(range(3), async (n, { workerId }) => {
    ids.push(workerId);
    await gates[n]!.promise;
  }, { signal: new AbortController().signal });
  stream.next();
  for (const { open } of gates) {
    stream.next();
    await settled();
    open();
    await settled();
  }
  assertEquals(ids, [0, 0, 0]);
  await group.wait();
});

test("ctx.workerId of tasks with options of their own stays below concurrency, also when a worker is not yet back", async () => {
  const ids: number[] = [];
  const group = new CoGroup({ concurrency: 1, onError: () => {} });
  const { signal } = new AbortController();
  const task = ({ workerId }: { workerId: number }) => {
    ids.push(workerId);
    throw new Error("fails");
  };
  await group.insertAll(range(4).map(() => ({ task, options: { signal } })));
  group.go(task, { signal }).catch(() => {});
  group.add(({ workerId }) => void ids.push(workerId));
  await group.wait();
  assertEquals(ids, [0, 0, 0, 0, 0, 0]);
});

test("CoGroup.mapSettled() that was broken off with a result unread gives nothing but the end", async () => {
  const group = new CoGroup(1);
  const stream = group.mapSettled([1], () => new Promise(() => {}), {
    ahead: 3,
  });
  stream.next();
  group.add(() => new Promise(() => {}));
  group.pause();
  await settled();
  await stream.return!();
  assertEquals(await stream.next(), { value: undefined, done: true });
});

test("CoGroup.map() that was closed before its first next() gives nothing but the end, and the group forgets it", async () => {
  const source = { closed: 0 };
  const items: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () => ({ value: 1, done: false }),
      return: () => {
        source.closed++;
        return { value: undefined, done: true };
      },
    }),
  };
  const group = new CoGroup(1);
  const stream = group.map(items, (n) => n);
  await stream.return!();
  assertEquals(await stream.next(), { value: undefined, done: true });
  assertEquals(source.closed, 1);
  await group.wait();
  assertEquals(source.closed, 1);
});

for (const isAsync of [true, false]) {
  test(`A source (async: ${isAsync}) that closes the group in its own next(), and never answers, keeps no caller waiting`, async () => {
    const source = (group: CoGroup) => {
      const next = () => {
        group.close();
        const never = new Promise<never>(() => {});
        return isAsync ? never : { value: never, done: false };
      };
      return {
        [isAsync ? Symbol.asyncIterator : Symbol.iterator]: () => ({ next }),
      } as unknown as AsyncIterable<() => void>;
    };
    const fed = new CoGroup(1);
    const time = new FakeTime();
    try {
      const all = fed.insertAll(source(fed));
      await fed.wait();
      await settled();
      time.tick(PATIENCE);
      assertEquals(await all, 0);
    } finally {
      time.restore();
    }
    const mapped = new CoGroup(1);
    await assertRejects(
      () => mapped.map(source(mapped), (n) => n).next(),
      CoGroupClosedError,
    );
  });
}

test("CoGroup.insert() that waits for room with a signal that is aborted is not let in by others that leave with it", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  group.add(() => {}, { signal });
  let ran = false;
  const inserted = group.insert(() => void (ran = true), { signal });
  controller.abort();
  assertEquals(await inserted, false);
  group.resume();
  assertEquals(await group.wait(), 1);
  assertEquals([ran, controller.listeners], [false, 0]);
});

/** A governor with permits, which calls back. */
function governed(parts: Partial<Governor>, permit: Partial<Permit> = {}) {
  const made: Governor = {
    tryAcquire: () => ({
      release: () => {},
      [Symbol.dispose]: () => {},
      ...permit,
    }),
    acquire: () => new Promise(() => {}),
    ...parts,
  };
  return made;
}

test("A permit that brings a task in as it is released has that task started", async () => {
  let ran = false;
  let released = 0;
  const group: CoGroup = new CoGroup({
    concurrency: 2,
    governor: governed({}, {
      release: () => {
        if (released++ === 0) group.add(() => void (ran = true));
      },
    }),
  });
  group.add(() => {});
  await settled();
  assertEquals(ran, true);
  assertEquals(await group.wait(), 0);
});

test("A governor that brings a task of higher priority in, as it is asked, has each of them run once", async () => {
  const log: string[] = [];
  let asked = 0;
  const group: CoGroup = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    governor: governed({
      tryAcquire() {
        if (asked++ === 0) {
          group.add(() => void log.push("high"), { priority: 1 });
        }
        return { release: () => {}, [Symbol.dispose]: () => {} };
      },
    }),
  });
  group.add(() => void log.push("low"));
  await settled();
  assertEquals(await group.wait(), 0);
  assertEquals(log, ["high", "low"]);
  assertBooks(group);
});

test("A governor that pauses the group, or aborts it, as it is asked, has nothing started", async () => {
  for (const what of ["pause", "abort"] as const) {
    let ran = false;
    const group: CoGroup = new CoGroup({
      concurrency: 1,
      governor: governed({
        tryAcquire: () => {
          group[what]();
          return { release: () => {}, [Symbol.dispose]: () => {} };
        },
      }),
    });
    group.add(() => void (ran = true));
    await settled();
    assertEquals(ran, false);
    assertBooks(group);
    group.abort();
    assertEquals(await group.wait(), 1);
  }
});

test("Law 13: a governor is asked, and given back to, in the context that made the group", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen = new Set<string | undefined>();
  const look = () => void seen.add(storage.getStore());
  const group = storage.run("maker", () => {
    return new CoGroup({
      concurrency: 2,
      governor: governed({
        tryAcquire: () => {
          look();
          return { release: look, [Symbol.dispose]: () => {} };
        },
      }),
    });
  });
  await storage.run("caller", async () => {
    for (const _ of range(3)) group.add(() => {});
    await Promise.all(range(3).map(() => group.go(() => {})));
    for await (const _ of group.map(range(5), (n) => n));
  });
  await group.wait();
  assertEquals([...seen], ["maker"]);
});

test("CoGroup.map() read from a handler of the group's own abort, with its head dropped, ends with the reason", async () => {
  const group = new CoGroup({ concurrency: 2, grace: 0 });
  let read: Promise<unknown> | undefined;
  const stream = group.map(range(3), async (n, { signal }) => {
    if (n === 1) throw new Error("to be tried again");
    if (n === 0) return n;
    await new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        read = stream.next().catch((reason) => reason);
        resolve(n);
      })
    );
    return n;
  }, { ahead: 1, retry: { minTimeout: 1000 } });
  await stream.next();
  await settled();
  assertEquals(group.stats.delayed, 1);
  group.abort("stop");
  assertEquals(await read, "stop");
  await group.wait();
});

test("CoGroup.map() that was broken off tries no running item again", async () => {
  const errors: unknown[] = [];
  const group = new CoGroup({
    concurrency: 1,
    retry: { minTimeout: 0, jitter: 0 },
    onError: (error) => void errors.push(error),
  });
  const fail = gate();
  let runs = 0;
  const stream = group.map([1, 2], async () => {
    runs++;
    await fail.promise;
  });
  stream.next();
  await settled();
  await stream.return!();
  fail.fail("why");
  await group.wait();
  assertEquals([runs, errors], [1, ["why"]]);
});

test("A queue that has something in it, or another group, is refused: it is for one alone", () => {
  const filled = fifoQueue<QueuedTask>();
  filled.push({ task: () => {} });
  const shared = priorityQueue();
  new CoGroup({ concurrency: 1, queue: shared });
  for (const queue of [filled, shared]) {
    for (
      const make of [
        () => new CoGroup({ concurrency: 1, queue }),
        () => new Channel({ queue }),
      ]
    ) {
      assertThrows(
        make,
        TypeError,
        "queue must be empty, and used by nothing else",
      );
    }
  }
});

test("CoGroup.insert() rejects with what its queue throws when the task is let in, and nothing else suffers", async () => {
  const options: { priority: unknown } = { priority: 5 };
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: priorityQueue({ capacity: 1 }),
  });
  let ran = 0;
  group.add(() => void ran++);
  const spoilt = group.insert(() => void ran++, options as TaskOptions);
  const behind = group.insert(() => void ran++);
  options.priority = "none";
  group.resume();
  await assertRejects(() => spoilt, TypeError, 'received "none"');
  assertEquals(await behind, true);
  assertEquals([await group.wait(), ran, group.stats.accepted], [0, 2, 2]);
  assertBooks(group);
});

test("CoGroup.add() of a free key passes an insert that waits for a place of another key", async () => {
  const group = new CoGroup({
    concurrency: 3,
    queue: keyedQueue({ capacity: 1 }),
  });
  const tasks = new Tasks();
  for (const n of range(6)) {
    group.insert(tasks.task(n), { key: "slow" });
    await settled();
  }
  group.add(tasks.task("free"), { key: "free" });
  await settled();
  assertEquals(tasks.started, [0, "free"]);
  tasks.openAll();
  await group.wait();
});

test("CoGroup.insertAll() of an endless source at hand lets the workers work", async () => {
  for (const slice of [1, Infinity]) {
    const group = new CoGroup({ concurrency: 4, slice });
    let ran = 0;
    const tasks = {
      *[Symbol.iterator]() {
        for (;;) yield () => void (++ran === 1000 && group.abort());
      },
    };
    await group.insertAll(tasks);
    await group.wait();
    assertEquals(ran >= 1000, true);
  }
});

test("CoGroup.map() far ahead over an endless source at hand lets the workers work", async () => {
  const group = new CoGroup({ concurrency: 4, slice: 1 });
  const items = {
    *[Symbol.iterator]() {
      for (;;) yield 1;
    },
  };
  let read = 0;
  for await (const _ of group.map(items, (n) => n, { ahead: Infinity })) {
    if (++read === 1000) break;
  }
  await group.wait();
  assertEquals(read, 1000);
});

/** Goes on when the clock has: so a slice of 0 is over. */
function burn(): void {
  const begin = performance.now();
  while (performance.now() === begin);
}

test("CoGroup.map() far ahead goes on pulling in the next turn, though no worker is free", async () => {
  const group = new CoGroup({ concurrency: 1, slice: 0 });
  const { promise, open } = gate();
  let pulled = 0;
  const items = {
    *[Symbol.iterator]() {
      for (;;) {
        burn();
        yield ++pulled;
      }
    },
  };
  const mapped = group.map(items, () => promise, { ahead: 49 });
  const first = mapped.next();
  for (const _ of range(50)) await settled();
  assertEquals([pulled, group.inFlight], [50, 1]);
  await mapped.return!();
  open();
  await first;
  await group.wait();
});

test("CoGroup.map() gives what a source has at hand behind what it has promised, also where the turn ends between them", async () => {
  const group = new CoGroup({ concurrency: 4, slice: 0 });
  const items = {
    *[Symbol.iterator]() {
      // Runs of 0 to 19, so that some end just where the turn does.
      let n = 0;
      for (const run of range(20)) {
        for (const _ of range(run)) {
          burn();
          yield n++;
        }
        const promised = n++;
        yield settled().then(() => promised);
      }
    },
  };
  const read: number[] = [];
  for await (const n of group.map(items, (n) => n, { ahead: 40 })) read.push(n);
  assertEquals(read, range(210));
  await group.wait();
});

test("Two groups that never leave the microtask queue take turns", async () => {
  const busy = new CoGroup({ concurrency: 4, slice: 0 });
  const other = new CoGroup({ concurrency: 4, slice: 0 });
  let ran = 0;
  for (const _ of range(10_000)) busy.add(() => void ran++);
  for (const _ of range(20)) other.add(() => {});
  await other.wait();
  assertEquals(ran < 2000, true);
  busy.abort();
  await busy.wait();
});

test("Channel: an iterator that close(reason) has rejected while it waited has ended", async () => {
  const channel = new Channel<number>();
  const iterator = channel[Symbol.asyncIterator]();
  const waiting = iterator.next();
  channel.close("why");
  assertEquals(await waiting.catch((reason) => reason), "why");
  assertEquals(await iterator.next(), { value: undefined, done: true });
});

test("retry: a caller whose signal is aborted while its timeout is judged is told once", async () => {
  using time = new FakeTime();
  const own = new AbortController();
  const group = new CoGroup(2);
  const { promise, open } = gate();
  const stream = group.mapSettled(range(2), () => promise, {
    ahead: 2,
    signal: own.signal,
    timeout: 10,
    retry: {
      isRetriable: () => {
        own.abort("own");
        return false;
      },
    },
  });
  const first = stream.next();
  await settled();
  await time.tickAsync(10);
  assertEquals(await first, {
    value: { status: "rejected", reason: "own", item: 0, index: 0 },
    done: false,
  });
  open();
  await group.wait();
  assertBooks(group);
});

test("TaskOptions that are used again with another signal do not change the task that came before", async () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const group = new CoGroup({ concurrency: 1, paused: true, capacity: 0 });
  const options = { signal: one.signal };
  let ran = false;
  const inserted = group.insert(() => void (ran = true), options);
  options.signal = other.signal;
  other.abort();
  group.resume();
  assertEquals(await inserted, true);
  await group.wait();
  assertEquals(ran, true);
});

for (const how of ["abort", "close"] as const) {
  test(`CoGroup.insertAll() that waits for the loop to turn while the group is ended by ${how} resolves`, async () => {
    const group = new CoGroup({
      concurrency: 1,
      capacity: 1,
      paused: true,
      slice: 0, // Which has it wait at once.
    });
    for (const _ of range(3)) group.add(() => {}); // No room.
    const accepted: number[] = [];
    group.insertAll([() => {}]).then((n) => accepted.push(n));
    group[how]();
    await settled();
    assertEquals(accepted, [0]);
    group.resume();
    await group.wait();
  });
}

test("keyedQueue() gives a key its turn though a task of it was withdrawn", async () => {
  const controller = new AbortController();
  const tasks = new Tasks();
  const group = new CoGroup({ concurrency: 1, queue: keyedQueue() });
  group.add(tasks.task("withdrawn"), { key: 1, signal: controller.signal });
  group.add(tasks.task("Ann"), { key: 1 });
  group.add(tasks.task("Bo"), { key: 2 });
  controller.abort();
  await settled();
  assertEquals(tasks.started, ["Ann"]);
  tasks.openAll();
  await group.wait();
  assertBooks(group);
});

test("CoGroup with a keyed queue starts the task that is let in while a worker is idle and another one goes on", async () => {
  const tasks = new Tasks();
  const queue = keyedQueue({ capacity: 0 });
  const group = new CoGroup({ concurrency: 2, queue });
  group.add(tasks.task("Ann 1"), { key: "Ann" });
  group.add(tasks.task("Bo"), { key: "Bo" });
  group.insert(tasks.task("Cy"), { key: "Cy" });
  await settled();
  group.add(tasks.task("Ann 2"), { key: "Ann" });
  tasks.open("Bo"); // Its worker can't start Ann's second; nor is there room.
  await settled();
  tasks.open("Ann 1");
  await settled();
  assertEquals(tasks.started, ["Ann 1", "Bo", "Ann 2", "Cy"]);
  tasks.openAll();
  await group.wait();
});

test("CoGroup.map() that is read in the middle of an abort ends with its reason, though its source has ended", async () => {
  const read: Promise<unknown>[] = [];
  const group = new CoGroup({
    concurrency: 2,
    onError: () => void read.push(mapped.next()),
  });
  const unread = group.mapSettled([1, 2], () => Promise.reject("unread"));
  await unread.next();
  const mapped = group.map([1], (n) => n);
  assertEquals(await mapped.next(), { value: 1, done: false });
  await settled();
  group.abort("aborted"); // Reports what was unread, before the other ends.
  assertEquals(read.length, 1);
  assertEquals(await read[0]!.catch((reason) => reason), "aborted");
  assertEquals(await mapped.next(), { value: undefined, done: true });
  await group.wait();
});

test("CoGroup.map() tells the reader that waits of its failure, not one that reads because another failure is reported then", async () => {
  const read: Promise<unknown>[] = [];
  const group = new CoGroup({
    concurrency: 2,
    onError: () => void read.push(mapped.next()),
    slice: Infinity, // Where one ends, the second item may start later.
  });
  const gates = range(3).map(() => gate());
  const mapped = group.map(range(3), (n) => gates[n]!.promise, {
    ahead: Infinity,
  });
  gates[0]!.open();
  await mapped.next();
  await settled(); // Now both of them are in flight.
  for (const n of [1, 2]) gates[n]!.fail(`failure ${n}`);
  await settled();
  const first = await mapped.next().catch((reason) => reason);
  assertEquals([first, read.length], ["failure 1", 1]);
  assertEquals(await read[0], { value: undefined, done: true });
  await group.wait();
});
