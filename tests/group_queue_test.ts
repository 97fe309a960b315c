import {
  checkedQueue,
  CoGroup,
  type CoGroupOptions,
  droppingQueue,
  keyedQueue,
  priorityQueue,
  type Queue,
  type QueuedTask,
  slidingQueue,
  type Task,
} from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  microtasks,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { Stack } from "./support/stack.ts";
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
        group.abort("from return");
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
  group.go(tasks.task(7)); // Quietly: it is not read.
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

test("CoGroup of a keyedQueue: 2,000 tasks over 20 keys run in order per key, and never two of one at once", async () => {
  // Where a slice ends is up to the clock; so is how many run at once then.
  const queue = keyedQueue();
  const group = new CoGroup({ concurrency: 16, queue, slice: Infinity });
  const next = random(6);
  const last = new Map<number, number>();
  const running = new Set<number>();
  let most = 0;
  for (const n of range(2000)) {
    const key = Math.floor(next() * 20);
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
  assertEquals(group.stats.fulfilled, 2000);
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
    ["cleared", (group: CoGroup) => void group.clear()],
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

test("CoGroup of a queue of one's own starts what that says is next; it sees tasks and their options", async () => {
  const queue = new Stack<QueuedTask>();
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

// --- a `compare` that throws ---

const why = new Error("compare");

/** By priority, as without a `compare`; but the call of this number throws, from `arm` on. */
function compareOf(): {
  compare: (a: QueuedTask, b: QueuedTask) => number;
  arm: (number: number) => void;
  hasThrown: () => boolean;
} {
  let left = Infinity;
  return {
    compare: (a, b) => {
      if (left-- === 0) throw why;
      return (b.options?.priority ?? 0) - (a.options?.priority ?? 0);
    },
    arm: (number) => left = number,
    hasThrown: () => left < 0,
  };
}

/** Runs the test with what is printed meanwhile. */
async function printing(
  body: (printed: unknown[]) => Promise<void>,
): Promise<void> {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (reason: unknown) => printed.push(reason);
  try {
    await body(printed);
  } finally {
    console.error = error;
  }
}

const bringing: Record<
  string,
  (group: CoGroup, task: () => void) => unknown
> = {
  "add()": (group, task) => group.add(task, { priority: 1 }),
  "tryInsert()": (group, task) => group.tryInsert(task, { priority: 1 }),
  "insert()": (group, task) => group.insert(task, { priority: 1 }),
  "insertAll()": (group, task) =>
    group.insertAll([{ task, options: { priority: 1 } }]),
  "go()": (group, task) => group.go(task, { priority: 1 }),
  "map()": (group, task) => group.map([1], task, { priority: 1 }).next(),
};

for (const [call, bring] of Object.entries(bringing)) {
  test(`CoGroup.${call} of a task at which compare throws is told so; the task is not accepted, and the others run in order`, async () => {
    const { compare, arm } = compareOf();
    const queue = priorityQueue({ compare });
    const order: number[] = [];
    const group = new CoGroup({ concurrency: 1, queue });
    const tasks = new Tasks();
    group.add(tasks.task("first"));
    await settled();
    for (const n of [2, 0]) {
      group.add(() => void order.push(n), { priority: n });
    }
    arm(0);
    const task = () => assert(false, "started");
    // The first pull of a map is made by a worker: it goes on when that is free.
    tasks.openAll();
    assertStrictEquals(
      await reasonOf((async () => await bring(group, task))()),
      why,
    );
    assertBooks(group);
    group.add(() => void order.push(1), { priority: 1 });
    assertEquals([await group.wait(), group.clear()], [0, []]);
    assertEquals([group.stats.accepted, group.signal.aborted], [4, false]);
    assertEquals(order.toSorted(), [0, 1, 2]);
  });
}

test("CoGroup.insert() at whose task compare throws when there is room is told so, and those behind it come in", async () => {
  const { compare, arm } = compareOf();
  const queue = priorityQueue({ compare, capacity: 2 });
  const group = new CoGroup({ concurrency: 1, queue });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  for (const n of [1, 2]) group.add(tasks.task(n));
  const bad = reasonOf(group.insert(tasks.task("bad")));
  const good = group.insert(tasks.task("good"));
  arm(0);
  tasks.open(0);
  assertStrictEquals(await bad, why);
  tasks.open(1);
  assertEquals(await good, true);
  tasks.openAll();
  assertEquals([await group.wait(), tasks.started], [0, [0, 1, 2, "good"]]);
});

test("CoGroup.insert() at whose task a queue of one's own throws leaves no listener on its signal", async () => {
  class Full extends Stack<QueuedTask> {
    override readonly capacity = 0;
    override push(): void {
      throw why;
    }
  }
  const controller = new CountingController();
  const { signal } = controller;
  const group = new CoGroup({
    concurrency: 1,
    slice: Infinity,
    queue: new Full(),
    paused: true,
  });
  const result = group.insert(() => {}, { signal });
  assertEquals(controller.listeners, 1);
  group.resume();
  assertStrictEquals(await reasonOf(result), why);
  assertEquals([controller.listeners, await group.wait()], [0, 0]);
});

test("CoGroup.insertAll() of a task at which compare throws gives its place to the insert that waits", async () => {
  const { compare, arm } = compareOf();
  const queue = priorityQueue({ compare, capacity: 2 });
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  group.add(() => {});
  const { promise, open } = gate<() => void>();
  const all = group.insertAll((async function* () {
    yield await promise;
  })());
  const insert = group.insert(() => {});
  arm(0);
  open(() => {});
  assertStrictEquals(await reasonOf(all), why);
  assertEquals([await insert, group.size], [true, 2]);
  group.resume();
  assertEquals([await group.wait(), group.stats.fulfilled], [0, 2]);
});

test("CoGroup: a retry at which compare throws has failed with that, and the others run", async () => {
  using time = new FakeTime();
  const { compare, arm } = compareOf();
  const queue = priorityQueue({ compare });
  const group = new CoGroup({ concurrency: 1, queue });
  const tasks = new Tasks();
  const result = group.go(() => {
    throw new Error("once");
  }, { retry: { minTimeout: 100, jitter: 0 } });
  group.add(tasks.task(0));
  group.add(tasks.task(1));
  await settled();
  assertEquals([group.stats.delayed, tasks.started], [1, [0]]);
  arm(0);
  await time.tickAsync(100);
  assertStrictEquals(await reasonOf(result), why);
  assertBooks(group);
  tasks.openAll();
  assertEquals([await group.wait(), group.stats.rejected], [0, 1]);
  assertEquals(tasks.started, [0, 1]);
});

test("CoGroup: a retry at which a queue of one's own throws is reported done to that queue, once", async () => {
  using time = new FakeTime();
  class Once extends Stack<QueuedTask> {
    readonly pushed: QueuedTask[] = [];
    readonly over: QueuedTask[] = [];
    override push(value: QueuedTask): void {
      if (this.pushed.push(value) > 1) throw why;
      super.push(value);
    }
    done(value: QueuedTask): void {
      this.over.push(value);
    }
  }
  const queue = new Once();
  const group = new CoGroup({ concurrency: 1, slice: Infinity, queue });
  const result = group.go(() => {
    throw new Error("once");
  }, { retry: { minTimeout: 100, jitter: 0 } });
  await microtasks();
  assertEquals([group.stats.delayed, queue.over.length], [1, 0]);
  await time.tickAsync(100);
  assertStrictEquals(await reasonOf(result), why);
  assertEquals([queue.over.length, await group.wait()], [1, 0]);
  assertStrictEquals(queue.over[0], queue.pushed[0]);
});

test("CoGroup reports a task as done to a queue of one's own once, and only one that this has given away", async () => {
  const log: string[] = [];
  const tell = (what: string, value: QueuedTask | undefined) => {
    if (value !== undefined) log.push(`${what} ${value.options?.id}`);
    return value;
  };
  class Told extends Stack<QueuedTask> {
    override shift(): QueuedTask | undefined {
      return tell("shift", super.shift());
    }
    done(value: QueuedTask): void {
      tell("done", value);
    }
  }
  const controller = new AbortController();
  const queue = new Told();
  const group = new CoGroup({ concurrency: 1, slice: Infinity, queue });
  const { promise, open } = gate();
  group.add(() => promise, { id: "runs" });
  await microtasks();
  group.add(() => {}, { id: "cleared" });
  group.clear();
  group.add(() => {}, { id: "withdrawn", signal: controller.signal });
  controller.abort();
  await microtasks();
  assertEquals(log, ["shift runs"]);
  open();
  await group.wait();
  const ended = log.filter((line) => line.startsWith("done"));
  const given = log.filter((line) => line.startsWith("shift"));
  assertEquals(ended, given.map((line) => line.replace("shift", "done")));
});

/** What tasks there are besides six that were added, and what becomes of them. */
const scenes: Record<string, {
  tasks: number;
  withdrawn: number;
  isCleared?: boolean;
}> = {
  "nothing else": { tasks: 6, withdrawn: 0 },
  "one of them withdrawn": { tasks: 6, withdrawn: 1 },
  "most of them withdrawn": { tasks: 40, withdrawn: 36 },
  "a clear": { tasks: 6, withdrawn: 1, isCleared: true },
};

for (const [what, { tasks, withdrawn, isCleared }] of Object.entries(scenes)) {
  test(`CoGroup whose compare throws once, whenever that is, with ${what}: each task runs, or is given back, once, and the books balance`, async () => {
    await printing(async (printed) => {
      for (let k = 0, isOver = false; !isOver; k++) {
        const { compare, arm, hasThrown } = compareOf();
        const queue = priorityQueue({ compare });
        const group = new CoGroup({
          concurrency: 1,
          queue,
          paused: true,
          slice: Infinity,
        });
        const own = range(withdrawn).map(() => new AbortController());
        const had: number[] = [];
        const runs: Task[] = range(tasks).map((n) => () => void had.push(n));
        const results: Promise<unknown>[] = [];
        for (const n of range(tasks)) {
          // Withdrawn ones between the others.
          const signal = own[(n * 7) % tasks]?.signal;
          const options = {
            priority: (n * 11) % tasks,
            ...(signal && { signal }),
          };
          if (n % 2 === 0) group.add(runs[n]!, options);
          else results.push(group.go(runs[n]!, options).catch((e) => e));
        }
        const items = group.map(range(2), () => {}, { ahead: 1, priority: 3 });
        const next = items.next().then(() => items.next()).catch((e) => e);
        for (const _ of range(20)) await undefined; // The items are pulled.
        assertEquals(group.size, tasks + 2);
        arm(k);
        for (const controller of own) controller.abort("withdrawn");
        const cleared = isCleared ? group.clear() : [];
        assertBooks(group);
        group.resume();
        const abandoned = await group.wait();
        assertBooks(group);
        const { aborted, reason } = group.signal;
        assertEquals(printed.splice(0), aborted ? [why] : []);
        if (aborted) assertStrictEquals(reason, why);
        const left = group.clear();
        for (const { task } of [...cleared, ...left]) {
          had.push(runs.indexOf(task));
        }
        const isOwn = (n: number) => (n * 7) % tasks < withdrawn;
        const expected = range(tasks).filter((n) => !isOwn(n));
        assertEquals(had.sort((a, b) => a - b), expected, `at ${k}`);
        assertEquals(group.clear(), []);
        const { accepted, fulfilled } = group.stats;
        assertEquals(abandoned + fulfilled, accepted);
        for (const result of await Promise.all(results)) {
          assert(
            result === undefined || result === "withdrawn" || result === why ||
              (result as Error).name === "AbortError",
          );
        }
        await next;
        isOver = !hasThrown();
      }
    });
  });
}

// --- what else is rare, and no fault of the queue's ---

test("CoGroup of a queue of one's own that evicts, and won't have a task after all, evicts none for it", async () => {
  const queue = Object.assign(new Stack<QueuedTask>(), {
    capacity: 2,
    whenFull: "evict" as const,
    push(value: QueuedTask) {
      if (value.options?.priority === 9) throw why;
      queue.values.push(value);
    },
  });
  const group = new CoGroup({ concurrency: 1, paused: true, queue });
  const tasks = new Tasks();
  for (const n of range(2)) group.add(tasks.task(n));
  assertStrictEquals(
    assertThrows(() => group.add(() => {}, { priority: 9 })),
    why,
  );
  assertBooks(group);
  assertEquals([group.size, group.stats.abandoned], [2, 0]);
  group.add(tasks.task(2));
  assertEquals([group.size, group.stats.abandoned], [2, 1]);
  assertBooks(group);
  tasks.openAll();
  group.resume();
  assertEquals([await group.wait(), tasks.started], [1, [2, 0]]);
});

test("CoGroup.insert() whose signal is just being aborted is not let in where a listener before it makes room", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const own = new AbortController();
  const { signal } = own;
  let cleared: QueuedTask[] = [];
  signal.addEventListener("abort", () => cleared = group.clear());
  const task = () => {};
  group.add(task);
  const insert = group.insert(() => assert(false, "started"), { signal });
  const next = group.insert(() => {});
  own.abort();
  assertEquals([cleared, group.size], [[{ task }], 1]);
  assertEquals([await insert, await next], [false, true]);
  group.resume();
  assertEquals([await group.wait(), group.stats.accepted], [1, 2]);
});

test("CoGroup.clear() leaves a function that was a task as it was", () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const task = Object.freeze(() => {});
  group.add(task);
  assertStrictEquals(group.clear()[0]!.task, task);
  assertEquals(Reflect.ownKeys(task).includes("state"), false);
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

test("CoGroup that is aborted while one task is evicted for another gives all that was queued to clear()", async () => {
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: slidingQueue<QueuedTask>(2),
  });
  const items: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () => ({ value: 1, done: false }),
      return: () => {
        group.abort("why");
        return { value: undefined, done: true };
      },
    }),
  };
  const item = group.map(items, (n) => n).next().catch((e) => e);
  await settled();
  const [before, after] = [() => {}, () => {}];
  group.add(before);
  group.add(after);
  assertEquals(group.clear(), [{ task: before }, { task: after }]);
  await group.wait();
  assertBooks(group);
  await item;
});

/** A queue whose `clear` throws, the first time or always; or loses what is first. */
function badlyCleared(how: "once" | "always" | "loses"): Queue<QueuedTask> {
  let times = 0;
  const queue = new Stack<QueuedTask>();
  const clear = queue.clear.bind(queue);
  queue.clear = () => {
    if (how === "loses") queue.values.shift();
    else if (++times === 1 || how === "always") throw why;
    return clear();
  };
  return queue;
}

const fails: Record<string, [Queue<QueuedTask>, isGiven: boolean]> = {
  "whose clear() throws": [badlyCleared("once"), true],
  "whose clear() always throws": [badlyCleared("always"), false],
  "that is checked, and whose clear() throws": [
    checkedQueue(badlyCleared("always")),
    true,
  ],
  "that is checked, and whose clear() loses a task": [
    checkedQueue(badlyCleared("loses")),
    true,
  ],
};

for (const [what, [queue, isGiven]] of Object.entries(fails)) {
  test(`CoGroup.abort() of a queue ${what} goes on: what can be settled is, the error is printed, and the books balance`, async () => {
    using time = new FakeTime();
    await printing(async (printed) => {
      const upstream = new AbortController();
      const { signal } = upstream;
      const group = new CoGroup({ concurrency: 1, queue, signal });
      const other = new CoGroup({ concurrency: 1, paused: true, signal });
      const others = reasonOf(other.go(() => {}));
      const retry = { minTimeout: 1000, jitter: 0 };
      const delayed = reasonOf(
        group.go(() => Promise.reject("again"), { retry }),
      );
      await settled();
      group.pause();
      const task = () => {};
      group.add(task);
      const queued = reasonOf(group.go(task));
      const stream = group.map([1], (n) => n);
      const item = reasonOf(stream.next());
      await settled();
      upstream.abort("why");
      assertBooks(group);
      assertEquals(printed.length, 1);
      assertEquals(await Promise.all([others, delayed, item]), [
        "why",
        "why",
        "why",
      ]);
      if (isGiven) {
        assertEquals(await queued, "why");
        assertEquals(group.clear().length, 3);
      }
      assertEquals(await group.wait(), 4);
      assertEquals([group.stats.abandoned, group.size], [4, 0]);
      time.tick(10_000);
    });
  });
}

test("CoGroup of a queue whose clear() throws when withdrawn tasks are cleaned up is aborted with that, and each task is told", async () => {
  await printing(async (printed) => {
    const queue = checkedQueue(badlyCleared("once"));
    const group = new CoGroup({ concurrency: 1, paused: true, queue });
    const own = new AbortController();
    const other = new CoGroup({ concurrency: 1, paused: true });
    const { signal } = own;
    const results = range(40).map(() =>
      reasonOf(group.go(() => {}, { signal }))
    );
    results.push(reasonOf(other.go(() => {}, { signal })));
    const last = reasonOf(group.go(() => {}));
    own.abort("withdrawn");
    for (const reason of await Promise.all(results)) {
      assertEquals(reason, "withdrawn");
    }
    assertBooks(group);
    group.resume();
    assertEquals([await last, await group.wait()], [why, 41]);
    assertEquals(printed, [why]);
  });
});

/** A queue of the user's own, with more to it, under names that this library uses itself. */
class Busy<T> implements Queue<T> {
  readonly capacity = Infinity;
  readonly ended: T[] = [];
  readonly onEvict = "none";
  readonly attach = new Set<T>();
  readonly lost = 1;
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  get all(): T[] {
    return this.#values;
  }

  push(value: T): void {
    this.#values.push(value);
  }

  peek(): T | undefined {
    return this.#values[0];
  }

  shift(): T | undefined {
    return this.#values.shift();
  }

  clear(): T[] {
    return this.#values.splice(0);
  }

  done(value: T): void {
    this.ended.push(value);
  }

  rest(): never {
    throw new Error("that is not for a group");
  }

  update(): never {
    return this.rest();
  }

  discard(): never {
    return this.rest();
  }

  withdrawn(): never {
    return this.rest();
  }
}

for (const isChecked of [false, true]) {
  test(`CoGroup of a queue of the user's own calls nothing of it but what a Queue has; checked: ${isChecked}`, async () => {
    const own = new Busy<QueuedTask>();
    const queue = isChecked ? checkedQueue(own) : own;
    const group = new CoGroup({ concurrency: 1, queue, paused: true });
    const ran: number[] = [];
    for (const id of range(3)) group.add(() => void ran.push(id), { id });
    assertEquals(group.tasks().map(({ id }) => id), [0, 1, 2]);
    assertEquals(group.withdraw(1), 1);
    assertThrows(() => group.setPriority(2, 1), TypeError);
    group.resume();
    await group.idle();
    group.pause();
    group.add(() => {});
    assertEquals(group.clear().length, 1);
    assertEquals([await group.wait(), ran], [2, [0, 2]]);
    assertBooks(group);
    assertEquals(own.ended.length, 3); // What was withdrawn was taken out, too.
  });
}

for (const isChecked of [false, true]) {
  const what = `an order of arrival; checked: ${isChecked}`;
  const make = () =>
    isChecked ? checkedQueue(new Stack<QueuedTask>()) : new Stack<QueuedTask>();

  test(`CoGroup.tasks() and a clean-up after withdrawals leave a queue of the user's own as it is, with ${what}`, async () => {
    const queue = make();
    const group = new CoGroup({ concurrency: 1, queue, paused: true });
    const ran: number[] = [];
    for (const id of range(100)) group.add(() => void ran.push(id), { id });
    assertEquals(group.tasks().map(({ id }) => id), range(100));
    for (const id of range(100)) if (id % 3 > 0) group.withdraw(id);
    assertEquals(group.tasks().length, 34);
    group.resume();
    assertEquals(await group.wait(), 66);
    assertEquals(ran, range(34).map((n) => 99 - 3 * n));
    assertBooks(group);
  });

  test(`CoGroup.clear() leaves the items of a map in their order in a queue of the user's own, with ${what}`, async () => {
    const queue = make();
    const group = new CoGroup({ concurrency: 1, queue, slice: Infinity });
    const [slow, ran] = [gate(), [] as number[]];
    group.add(() => slow.promise);
    await settled();
    const items = group.map(range(3), (n) => ran.push(n), { ahead: 2 });
    const first = items.next();
    await settled();
    group.add(() => {});
    assertEquals(group.clear().length, 1);
    slow.open();
    await first;
    await items.next();
    await items.next();
    assertEquals(ran, [2, 1, 0]);
    await group.wait();
  });
}

test("CoGroup.go() that a task of a higher priority overtakes, before it has started, starts after it", async () => {
  for (const concurrency of [1, 2]) {
    const group = new CoGroup({ concurrency, queue: priorityQueue() });
    const { promise, open } = gate();
    const started: string[] = [];
    const first = group.go(() => started.push("low"), { priority: 0 });
    group.add(() => {
      started.push("high");
      return promise;
    }, { priority: 1 });
    await settled();
    assertEquals(started, ["high", "low"].slice(0, concurrency));
    open();
    await first;
    assertEquals(started, ["high", "low"]);
    await group.wait();
  }
});
