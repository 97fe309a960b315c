import {
  CoGroup,
  type CoGroupOptions,
  droppingQueue,
  keyedQueue,
  priorityQueue,
  type Queue,
  type QueuedTask,
  slidingQueue,
} from "../mod.ts";
import { assertBooks, range, settled, Tasks } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(() => assert(false, "it did not reject"), (reason) => reason);

test("CoGroup of a slidingQueue: of 1,000 adds at capacity 10 while paused the last 10 run, 990 are abandoned", async () => {
  const ran: number[] = [];
  const queue = slidingQueue<QueuedTask>(10);
  const group = new CoGroup({ concurrency: 4, paused: true, queue });
  for (const n of range(1000)) {
    assertEquals(group.add(() => void ran.push(n)), true);
    assertBooks(group);
  }
  assertEquals(group.size, 10);
  group.resume();
  assertEquals(await group.wait(), 990);
  assertEquals(ran, range(1000).slice(990));
});

test("CoGroup of a slidingQueue evicts the oldest: its go rejects quietly with an AbortError", async () => {
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: slidingQueue<QueuedTask>(1),
  });
  group.go(() => {}); // Nobody reads this one.
  const evicted = group.go(() => "evicted");
  const last = group.go(() => "last");
  const error = await reasonOf(evicted) as DOMException;
  assertEquals([error.name, error.message], [
    "AbortError",
    "The task was evicted",
  ]);
  group.resume();
  assertEquals(await last, "last");
  assertEquals(await group.wait(), 2);
});

test("CoGroup of a slidingQueue evicts none while a worker is idle, and none that is withdrawn already", async () => {
  const tasks = new Tasks();
  const group = new CoGroup({
    concurrency: 2,
    queue: slidingQueue<QueuedTask>(1),
  });
  const own = new AbortController();
  for (const n of range(3)) {
    group.add(tasks.task(n), n === 2 ? { signal: own.signal } : {});
  }
  await settled();
  assertEquals(tasks.started, [0, 1]);
  own.abort();
  group.add(tasks.task(3));
  assertEquals(group.stats.abandoned, 1);
  tasks.openAll();
  assertEquals(await group.wait(), 1);
  assertEquals(tasks.started, [0, 1, 3]);
});

test("CoGroup of a slidingQueue: an insert never waits, and evicts", async () => {
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: slidingQueue<QueuedTask>(2),
  });
  const tasks = range(5).map(() => () => {});
  assertEquals(await group.insertAll(tasks), 5);
  assertEquals(await group.insert(() => {}), true);
  assertEquals(group.tryInsert(() => {}), true);
  assertEquals([group.size, group.stats.abandoned], [2, 5]);
  group.resume();
  assertEquals(await group.wait(), 5);
});

test("CoGroup of a slidingQueue that evicts an item of a map ends that stream; the books balance whatever its source does", async () => {
  const group: CoGroup = new CoGroup({
    concurrency: 1,
    queue: slidingQueue<QueuedTask>(1),
  });
  const tasks = new Tasks();
  group.add(tasks.task("busy"));
  await settled();
  const source: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () => ({ value: 1, done: false }),
      // As if by chance, in the middle of somebody else's add.
      return: () => {
        group.cancel("from return");
        return { value: undefined, done: true };
      },
    }),
  };
  const next = group.map(source, (n) => n).next();
  await settled();
  assertEquals(group.size, 1);
  assertEquals(group.add(tasks.task("evicts")), true);
  assertBooks(group);
  assertEquals(group.stats.abandoned, 2);
  await reasonOf(next);
  tasks.openAll();
  assertEquals(await group.wait(), 2);
  assertEquals(tasks.started, ["busy"]);
});

test("CoGroup of a droppingQueue refuses what there is no room for, and says so in each way", async () => {
  const tasks = new Tasks();
  const group = new CoGroup({
    concurrency: 1,
    queue: droppingQueue<QueuedTask>(1),
  });
  assertEquals(group.add(tasks.task(0)), true);
  assertEquals(group.add(tasks.task(1)), true);
  assertEquals(group.add(tasks.task(2)), false);
  assertEquals(group.tryInsert(tasks.task(3)), false);
  assertEquals(await group.insert(tasks.task(4)), false);
  assertEquals(await group.insertAll([tasks.task(5), tasks.task(6)]), 0);
  group.go(tasks.task(7)); // Quietly: nobody reads it.
  for (const options of [{}, { timeout: 100 }]) {
    const error = await reasonOf(group.go(tasks.task(8), options));
    assertEquals((error as DOMException).name, "AbortError");
  }
  assertBooks(group);
  assertEquals(group.stats.accepted, 2);
  tasks.openAll();
  assertEquals(await group.wait(), 0);
  assertEquals(tasks.started, [0, 1]);
});

test("CoGroup of a droppingQueue never refuses an item of a map: its reader makes room", async () => {
  const group = new CoGroup({
    concurrency: 2,
    queue: droppingQueue<QueuedTask>(0),
  });
  const results: number[] = [];
  for await (const n of group.map(range(10), (n) => n)) results.push(n);
  assertEquals(results, range(10));
});

test("CoGroup of a priorityQueue starts the highest first, whatever call brought it", async () => {
  const order: string[] = [];
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: priorityQueue(),
  });
  const note = (name: string) => () => void order.push(name);
  group.add(note("none"));
  group.add(note("-1"), { priority: -1 });
  const five = group.go(note("5"), { priority: 5 });
  group.add(note("5, later"), { priority: 5 });
  group.add(note("7"), { priority: 7, timeout: 1000 });
  group.resume();
  await five;
  await group.wait();
  assertEquals(order, ["7", "5", "5, later", "none", "-1"]);
});

test("CoGroup of a priorityQueue: one that is called and then passed by a higher one starts in its turn", async () => {
  const order: string[] = [];
  const group = new CoGroup({ concurrency: 1, queue: priorityQueue() });
  for (const options of [{}, { timeout: 1000 }]) {
    const low = group.go(() => void order.push("low"), options);
    await Promise.resolve(); // By now it is called, and has not started.
    group.add(() => void order.push("high"), { priority: 1 });
    await low;
  }
  await group.wait();
  assertEquals(order.filter((name) => name === "low").length, 2);
  assertEquals(order.length, 4);
});

test("CoGroup of a priorityQueue: a priority that is none is refused at the call, and nothing is lost", async () => {
  const group = new CoGroup({ concurrency: 1, queue: priorityQueue() });
  assertThrows(
    () => group.add(() => {}, { priority: NaN }),
    RangeError,
    "priority must be a number that is not NaN, received NaN",
  );
  assertThrows(
    () => group.add(() => {}, { priority: "1" as unknown as number }),
    TypeError,
  );
  await assertRejects(
    () => group.insert(() => {}, { priority: NaN }),
    RangeError,
  );
  await assertRejects(() => group.go(() => {}, { priority: NaN }), RangeError);
  assertBooks(group);
  assertEquals(group.stats.accepted, 0);
  assertEquals(await group.wait(), 0);
});

/** Deterministic random numbers. */
function random(seed: number): () => number {
  return () => {
    seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (seed >>> 0) / 2 ** 32;
  };
}

test("CoGroup of a keyedQueue: 10,000 tasks over 100 keys run in order per key, and never two of one at once", async () => {
  // Where a slice ends is up to the clock; so is how many run at once then.
  const queue = keyedQueue();
  const group = new CoGroup({ concurrency: 16, queue, slice: Infinity });
  const next = random(6);
  const last = new Map<number, number>();
  const running = new Set<number>();
  let most = 0;
  for (const n of range(10_000)) {
    const key = Math.floor(next() * 100);
    const ticks = Math.floor(next() * 8);
    const task = async () => {
      assert(!running.has(key), "two of one key");
      running.add(key);
      most = Math.max(most, group.inFlight);
      assert((last.get(key) ?? -1) < n, "not in order");
      last.set(key, n);
      for (let i = 0; i < ticks; i++) await Promise.resolve();
      running.delete(key);
    };
    if (n % 3 === 0) group.go(task, { key }).catch(() => {});
    else group.add(task, { key });
  }
  await group.wait();
  assertEquals(group.stats.fulfilled, 10_000);
  assert(most > 8 && most <= 16, `${most} at once`);
});

test("CoGroup of a keyedQueue: a key with a backlog of 1,000 does not keep 99 others from finishing first", async () => {
  const group = new CoGroup({ concurrency: 16, queue: keyedQueue() });
  const ends: number[] = [];
  const task = (key: number) => async () => {
    await Promise.resolve();
    ends.push(key);
  };
  for (const _ of range(1000)) group.add(task(0), { key: 0 });
  for (const key of range(100).slice(1)) {
    for (const _ of range(10)) group.add(task(key), { key });
  }
  await group.wait();
  const before = ends.slice(0, ends.findLastIndex((key) => key > 0));
  const slow = before.filter((key) => key === 0).length;
  // 990 others at 15 at a time: 66 rounds, in each of which the slow one had one.
  assert(
    slow <= 70,
    `${slow} of the backlog ran before the last of the others`,
  );
});

test("CoGroup of a keyedQueue: a retry keeps its key's turn, so the order holds", async () => {
  using time = new FakeTime();
  const order: string[] = [];
  const group = new CoGroup({
    concurrency: 4,
    queue: keyedQueue(),
    retry: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
  });
  const failOnce = (name: string) => ({ attempt }: { attempt: number }) => {
    order.push(`${name}${attempt}`);
    if (attempt === 1) throw new Error("once");
  };
  group.add(failOnce("a"), { key: "a" });
  group.add(() => void order.push("a, second"), { key: "a" });
  group.add(() => void order.push("b"), { key: "b" });
  await settled();
  assertEquals(order, ["a1", "b"]);
  await time.tickAsync(100);
  await settled();
  assertEquals(order, ["a1", "b", "a2", "a, second"]);
  await group.wait();
});

for (
  const [what, end] of [
    ["withdrawn", (_: CoGroup, own: AbortController) => own.abort()],
    ["drained", (group: CoGroup) => void group.drain()],
  ] as const
) {
  test(`CoGroup of a keyedQueue: a delayed task that is ${what} frees its key`, async () => {
    using time = new FakeTime();
    const group = new CoGroup({ concurrency: 4, queue: keyedQueue() });
    const own = new AbortController();
    group.add(() => Promise.reject(new Error("again")), {
      key: "a",
      signal: own.signal,
      retry: { minTimeout: 1000 },
    });
    await settled();
    assertEquals(group.stats.delayed, 1);
    end(group, own);
    let ran = false;
    group.add(() => void (ran = true), { key: "a" });
    await settled();
    assertEquals(ran, true);
    await time.tickAsync(0);
    assertEquals(await group.wait(), 1);
  });
}

test("CoGroup of a keyedQueue: a queued task that is withdrawn frees its key, and is passed by", async () => {
  const group = new CoGroup({ concurrency: 4, queue: keyedQueue() });
  const tasks = new Tasks();
  const own = new AbortController();
  group.add(tasks.task(0), { key: "a" });
  group.add(tasks.task(1), { key: "a", signal: own.signal });
  group.add(tasks.task(2), { key: "a" });
  await settled();
  own.abort();
  tasks.openAll();
  assertEquals(await group.wait(), 1);
  assertEquals(tasks.started, [0, 2]);
});

test("CoGroup of a keyedQueue: map shares the keys, and reset leaves none taken", async () => {
  const group = new CoGroup({ concurrency: 4, queue: keyedQueue() });
  let inFlight = 0;
  const fn = async (n: number) => {
    assertEquals(++inFlight, 1);
    await Promise.resolve();
    inFlight--;
    return n;
  };
  for (const _ of range(2)) {
    const results: number[] = [];
    for await (const n of group.map(range(10), fn, { key: "a" })) {
      results.push(n);
    }
    assertEquals(results, range(10));
    await group.reset();
  }
});

/** A stack, which is as good a queue as any. */
class Stack implements Queue<QueuedTask> {
  readonly capacity = Infinity;
  values: QueuedTask[] = [];
  get size(): number {
    return this.values.length;
  }
  push(value: QueuedTask): void {
    this.values.push(value);
  }
  peek(): QueuedTask | undefined {
    return this.values.at(-1);
  }
  shift(): QueuedTask | undefined {
    return this.values.pop();
  }
  drain(): QueuedTask[] {
    return this.values.splice(0).reverse();
  }
}

test("CoGroup of a queue of one's own starts what that says is next; it sees tasks and their options", async () => {
  const queue = new Stack();
  const order: number[] = [];
  const group = new CoGroup({ concurrency: 1, paused: true, queue });
  for (const n of range(3)) {
    group.add(() => void order.push(n), { priority: n });
  }
  assertEquals(queue.values.map(({ options }) => options?.priority), range(3));
  group.resume();
  await group.wait();
  assertEquals(order, [2, 1, 0]);
});

const lies: Record<string, (queue: Stack) => void> = {
  "gives the same one twice": (queue) => {
    const [first] = queue.values;
    queue.shift = () => first;
    queue.peek = () => first;
  },
  "says that it is empty": (queue) => {
    Object.defineProperty(queue, "size", { get: () => 0 });
  },
  "gives what was never in it": (queue) => {
    queue.peek = () => ({ task: () => {} });
  },
  "gives nothing": (queue) => {
    queue.peek = () => undefined;
  },
  "gives another one than it shows": (queue) => {
    queue.shift = () => queue.values.shift();
  },
  "throws in peek": (queue) => {
    queue.peek = () => {
      throw new Error("peek");
    };
  },
  "throws in shift": (queue) => {
    queue.shift = () => {
      throw new Error("shift");
    };
  },
  "loses one": (queue) => {
    queue.values.length--;
  },
};

for (const [what, lie] of Object.entries(lies)) {
  test(`CoGroup of a queue that ${what} is aborted with a clear error: no hang, and the books balance`, async () => {
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (reason: unknown) => printed.push(reason);
    try {
      const queue = new Stack();
      const group = new CoGroup({ concurrency: 2, paused: true, queue });
      let ran = 0;
      for (const _ of range(5)) group.add(() => void ran++);
      const promise = group.go(() => void ran++);
      promise.catch(() => {});
      lie(queue);
      group.resume();
      const abandoned = await group.wait();
      assertEquals(abandoned + ran, 6);
      assertBooks(group);
      assert(group.signal.aborted);
      const { reason } = group.signal;
      assertInstanceOf(reason, TypeError);
      assert(reason.message.startsWith("Cannot take from queue: "));
      assertStrictEquals(printed[0], reason);
      assertEquals(group.drain().length, abandoned);
    } finally {
      console.error = error;
    }
  });
}

test("CoGroup.drain() of a wrong queue gives back what the group has; so does an abort", () => {
  const { error } = console;
  console.error = () => {};
  try {
    for (const isAbort of [true, false]) {
      const queue = new Stack();
      const group = new CoGroup({ concurrency: 2, paused: true, queue });
      for (const _ of range(5)) group.add(() => {});
      queue.drain = () => [];
      if (isAbort) group.cancel();
      assertEquals(group.drain().length, 5);
      assertEquals(group.stats.abandoned, 5);
      assertBooks(group);
    }
  } finally {
    console.error = error;
  }
});

test("new CoGroup() with a queue that is none, or with a capacity beside it, is an error that says so", () => {
  const wrong = (options: unknown, message: string) =>
    assertThrows(
      () => new CoGroup(options as CoGroupOptions),
      TypeError,
      message,
    );
  wrong({ concurrency: 1, queue: 5 }, "queue must be a Queue, received 5");
  wrong(
    { concurrency: 1, queue: {} },
    "queue.push must be a function, received undefined",
  );
  wrong(
    { concurrency: 1, queue: keyedQueue(), capacity: 5 },
    "Cannot create CoGroup: queue stands in place of capacity, received both",
  );
});

test("CoGroup that is aborted while one task is evicted for another gives all that was queued to drain()", async () => {
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: slidingQueue<QueuedTask>(2),
  });
  const items: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () => ({ value: 1, done: false }),
      return: () => {
        group.cancel("why");
        return { value: undefined, done: true };
      },
    }),
  };
  const item = group.map(items, (n) => n).next().catch((e) => e);
  await settled();
  const [before, after] = [() => {}, () => {}];
  group.add(before);
  group.add(after);
  assertEquals(group.drain(), [{ task: before }, { task: after }]);
  await group.wait();
  assertBooks(group);
  await item;
});
