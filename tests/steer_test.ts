/**
 * Tasks that are known by an id: to look at, to move up, to withdraw; the end of the
 * intake as a signal, and an end within a time.
 */

import {
  checkedQueue,
  CoGroup,
  CoGroupClosedError,
  keyedQueue,
  priorityQueue,
  type Queue,
  type QueuedTask,
  slidingQueue,
  type TaskOptions,
} from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
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

function reasonOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

// --- tasks() ---

test("CoGroup.tasks() shows what is queued in order, delayed, running and lent, with what is known of each", async () => {
  using _ = new FakeTime();
  const group = new CoGroup({
    concurrency: 2,
    slice: Infinity,
    retry: { maxAttempts: 2, minTimeout: 50, jitter: 0 },
  });
  const tasks = new Tasks();
  const { promise, open } = gate();
  group.add(() => Promise.reject("again"), { id: "delayed", key: "k" });
  await settled();
  group.add((ctx) => ctx.lend(() => promise), { id: "lent", priority: 3 });
  group.add(tasks.task(0), { id: "running" });
  await settled();
  group.add(tasks.task(1));
  group.add(tasks.task(2), { id: 7 });
  group.add(tasks.task(3), { id: 7 });
  await settled();
  const shown = group.tasks();
  const rest = { workerId: undefined, key: undefined, priority: 0, weight: 1 };
  assertEquals(shown.filter(({ state }) => state !== "running"), [
    { ...rest, id: 7, state: "queued", attempt: 0 },
    { ...rest, id: 7, state: "queued", attempt: 0 },
    { ...rest, id: "delayed", state: "delayed", attempt: 1, key: "k" },
    { ...rest, id: "lent", state: "lent", attempt: 1, priority: 3 },
  ]);
  const running = shown.filter(({ state }) => state === "running");
  const ids = running.map(({ id }) => id);
  assertEquals(new Set(ids), new Set(["running", undefined]));
  assertEquals(running.map(({ attempt }) => attempt), [1, 1]);
  assertEquals(running.map(({ workerId }) => workerId).toSorted(), [0, 1]);
  group.abort();
  assertEquals(
    group.tasks().map(({ state }) => state).toSorted(),
    ["lent", "running", "running"],
  );
  open();
  tasks.openAll();
  await group.wait();
  assertEquals(group.tasks(), []);
});

test("CoGroup.tasks() shows none that has ended, also where its end is told, and none twice", async () => {
  const shown: string[] = [];
  const look = () => {
    const { queued, delayed, inFlight, lent } = group.stats;
    const states = group.tasks().map(({ state }) => state);
    assertEquals(states.length, queued + delayed + inFlight + lent);
    shown.push(states.join());
  };
  const group = new CoGroup({
    concurrency: 1,
    slice: Infinity,
    onError: look,
  });
  group.add(() => Promise.reject("bare"));
  group.add(() => Promise.reject("an entry"), { id: 1 });
  group.add(() => Promise.reject("a tracked one"), { timeout: 1000 });
  await group.idle();
  assertEquals(shown, ["queued,queued", "queued", ""]);
  await group.go(() => {}, { timeout: 1000 }).then(look);
  const retry = { maxAttempts: 2, minTimeout: 0, jitter: 0 };
  group.add(() => Promise.reject("again"), { retry });
  while (group.stats.delayed === 0) await undefined;
  for (const _ of range(5)) {
    look();
    await undefined;
  }
  assertEquals(new Set(shown.slice(4)), new Set(["delayed"]));
  await group.wait();
  assertBooks(group);
});

/** A queue of the user's own: first in, first out. */
function ownQueue(): Queue<QueuedTask> {
  const values: QueuedTask[] = [];
  return {
    capacity: Infinity,
    get size() {
      return values.length;
    },
    push: (value) => void values.push(value),
    peek: () => values[0],
    shift: () => values.shift(),
    clear: () => values.splice(0),
  };
}

test("CoGroup.tasks() shows a task as running while its failure is judged, with a timeout, a signal or neither", async () => {
  const { signal } = new AbortController();
  for (const own of [{}, { timeout: 1e6 }, { signal }]) {
    const { promise, open } = gate();
    const retry = { isRetriable: () => promise.then(() => false) };
    const group = new CoGroup({ concurrency: 1, onError() {} });
    group.add(() => Promise.reject("failed"), { id: 1, retry, ...own });
    await settled();
    assertEquals(
      group.tasks().map(({ id, state, workerId }) => [id, state, workerId]),
      [[1, "running", 0]],
    );
    open();
    await group.wait();
    assertEquals([group.tasks(), group.stats.rejected], [[], 1]);
  }
});

test("CoGroup.tasks() changes nothing: in every queue what is queued starts in the order that it shows", async () => {
  for (
    const queue of [
      undefined,
      priorityQueue(),
      keyedQueue({ perKey: Infinity }),
      slidingQueue<never>(100),
      ownQueue(),
    ]
  ) {
    const group = new CoGroup({ concurrency: 1, queue, paused: true });
    const ran: number[] = [];
    for (const i of range(20)) {
      group.add(() => void ran.push(i), { id: i, priority: i % 3 });
    }
    const shown = group.tasks().map(({ id }) => id);
    assertEquals(group.tasks().map(({ id }) => id), shown);
    assertEquals(shown.length, 20);
    group.resume();
    await group.wait();
    assertEquals(ran, shown);
    assertBooks(group);
  }
});

test("CoGroup.tasks() shows what was kept behind inserts that wait, and no withdrawn task", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const own = new AbortController();
  group.add(() => {}, { id: "first" });
  const waits = group.insert(() => {}, { id: "waits" });
  group.add(() => {}, { id: "kept" });
  group.add(() => {}, { id: "gone", signal: own.signal });
  own.abort();
  assertEquals(group.tasks().map(({ id }) => id), ["first", "kept"]);
  group.resume();
  assertEquals([await waits, await group.wait()], [true, 1]);
});

test("CoGroup.tasks() shows tasks without options, too, and with what may be in some", async () => {
  const group = new CoGroup(2);
  const tasks = new Tasks();
  group.add(tasks.task(0));
  group.add(tasks.task(1), { key: 1 });
  group.add(tasks.task(2));
  group.add(tasks.task(3), { priority: 2 });
  await settled();
  assertEquals(
    group.tasks().map(({ state, attempt, key, priority }) => [
      state,
      attempt,
      key,
      priority,
    ]),
    [
      ["queued", 0, undefined, 0],
      ["queued", 0, undefined, 2],
      ["running", 1, undefined, 0],
      ["running", 1, 1, 0],
    ],
  );
  for (const i of range(4)) {
    tasks.open(i);
    await settled();
  }
  await group.wait();
});

// --- setPriority ---

test("CoGroup.setPriority() moves queued tasks of that id, in order among equals, and no others", async () => {
  const group = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    paused: true,
  });
  const ran: string[] = [];
  for (const name of ["a1", "b1", "a2", "b2", "c1"]) {
    group.add(() => void ran.push(name), { id: name[0] });
  }
  assertEquals(group.setPriority("b", 5), 2);
  assertEquals(group.setPriority("c", -1), 1);
  assertEquals(group.setPriority("z", 1), 0);
  assertEquals(
    group.tasks().map(({ id, priority }) => [id, priority]),
    [["b", 5], ["b", 5], ["a", 0], ["a", 0], ["c", -1]],
  );
  group.resume();
  await group.wait();
  assertEquals(ran, ["b1", "b2", "a1", "a2", "c1"]);
});

for (const checks of [false, true]) {
  test(`CoGroup.setPriority() puts a task among its equals as it came, also after tasks()${checks ? ", in a checkedQueue" : ""}`, async () => {
    const queue = checks ? checkedQueue(priorityQueue()) : priorityQueue();
    const group = new CoGroup({ concurrency: 1, queue, paused: true });
    const ran: string[] = [];
    group.add(() => void ran.push("first"), { id: 1 });
    group.add(() => void ran.push("second"), { id: 2, priority: 1 });
    assertEquals(group.tasks().map(({ id }) => id), [2, 1]);
    assertEquals(group.setPriority(2, 0), 1);
    assertEquals(group.tasks().map(({ id }) => id), [1, 2]);
    group.resume();
    await group.wait();
    assertEquals(ran, ["first", "second"]);
  });
}

test("CoGroup.tasks() shows a priorityQueue whose compare throws as the tasks came, and they stay", () => {
  let isBroken = false;
  const queue = priorityQueue({
    compare: (a, b) => {
      if (isBroken) throw new Error("no order");
      return b.options!.priority! - a.options!.priority!;
    },
  });
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  for (const id of range(3)) group.add(() => {}, { id, priority: id });
  isBroken = true;
  assertEquals(group.tasks().map(({ id }) => id), [0, 1, 2]);
  isBroken = false;
  assertEquals(group.tasks().map(({ id }) => id), [2, 1, 0]);
  assertEquals(group.clear().map(({ options }) => options?.id), [2, 1, 0]);
});

test("CoGroup.tasks() shows delayed tasks of one time in the order in which they were delayed", async () => {
  using _ = new FakeTime();
  const group = new CoGroup({
    concurrency: 9,
    retry: { maxAttempts: 2, minTimeout: 10, jitter: 0 },
  });
  for (const id of range(9)) group.add(() => Promise.reject(), { id });
  await settled();
  assertEquals(group.tasks().map(({ id }) => id), range(9));
  group.clear();
});

test("CoGroup.setPriority() is what a retry of the task queues with, too", async () => {
  using time = new FakeTime();
  const group = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    slice: Infinity,
    paused: true,
    retry: { maxAttempts: 2, minTimeout: 10, jitter: 0 },
  });
  const ran: string[] = [];
  group.add(({ attempt }) => {
    ran.push(`a${attempt}`);
    if (attempt === 1) throw "again";
  }, { id: "a" });
  group.setPriority("a", 1);
  const { promise, open } = gate();
  group.add(() => promise);
  group.add(() => void ran.push("b"));
  group.resume();
  await settled();
  await time.tickAsync(10);
  open();
  await group.wait();
  assertEquals(ran, ["a1", "a2", "b"]);
});

test("CoGroup.setPriority() finds a task by the id that it was brought with, whatever became of its options", async () => {
  const queue = priorityQueue({ capacity: 2 });
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const log: string[] = [];
  const named = (name: string) => () => void log.push(name);
  group.add(named("x"), { priority: 3 });
  group.add(named("y"), { priority: 2 });
  const options: TaskOptions = { id: "a", priority: 1 };
  const inserted = group.insert(named("a"), options);
  delete options.id;
  group.resume();
  while (log.length === 0) await undefined;
  group.pause();
  assertEquals([await inserted, group.setPriority("a", 10)], [true, 1]);
  group.resume();
  await group.wait();
  assertEquals(log, ["x", "a", "y"]);
});

test("CoGroup.setPriority() of a queue that has no priorities is a TypeError, and of what is no number", () => {
  for (const queue of [undefined, keyedQueue()]) {
    const group = new CoGroup({ concurrency: 1, queue, paused: true });
    group.add(() => {}, { id: 1 });
    assertThrows(
      () => group.setPriority(1, 2),
      TypeError,
      "Cannot set priority: the group has no priorityQueue as its queue",
    );
  }
  const group = new CoGroup({ concurrency: 1, queue: priorityQueue() });
  assertThrows(() => group.setPriority(1, NaN), RangeError, "received NaN");
  assertThrows(() => group.setPriority(1, "2" as never), TypeError);
});

test("CoGroup.setPriority() is O(log n): among 4,096 queued a move compares no more than a heap does", () => {
  let compares = 0;
  const queue = priorityQueue({
    compare: (a, b) => {
      compares++;
      return b.options!.priority! - a.options!.priority!;
    },
  });
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  for (const id of range(4096)) group.add(() => {}, { id, priority: id % 64 });
  for (const id of range(100)) {
    compares = 0;
    assertEquals(group.setPriority(id * 40, id), 1);
    assert(compares <= 5 * 12, `${compares} compares`);
  }
  group.abort();
});

test("CoGroup.setPriority() at which compare throws is told so, and the task stays where it is", async () => {
  const queue = priorityQueue({
    compare: (a, b) => {
      if (a.options!.priority === 9) throw "compare";
      return b.options!.priority! - a.options!.priority!;
    },
  });
  const group = new CoGroup({ concurrency: 1, queue, paused: true });
  const ran: number[] = [];
  for (const id of range(3)) {
    group.add(() => void ran.push(id), { id, priority: 3 - id });
  }
  assertEquals(reasonOf(() => group.setPriority(1, 9)), "compare");
  assertEquals(group.tasks().map(({ priority }) => priority), [3, 2, 1]);
  assertEquals(group.setPriority(2, 5), 1);
  group.resume();
  assertEquals([await group.wait(), ran], [0, [2, 0, 1]]);
  assertBooks(group);
});

// --- withdraw ---

test("CoGroup.withdraw() abandons queued and delayed tasks of that id, and lets running ones be", async () => {
  using _ = new FakeTime();
  const group = new CoGroup({
    concurrency: 1,
    slice: Infinity,
    retry: { maxAttempts: 2, minTimeout: 50, jitter: 0 },
  });
  const delayed = group.go(() => Promise.reject("again"), { id: 1 });
  await settled();
  const { promise, open } = gate();
  const running = group.go(() => promise, { id: 1 });
  await settled();
  const queued = group.go(() => "never", { id: 1 });
  const other = group.go(() => "other", { id: 2 });
  assertEquals(group.stats.delayed, 1);
  assertEquals(group.withdraw(1, "why"), 2);
  assertEquals(await delayed.catch((e) => e), "why");
  assertEquals(await queued.catch((e) => e), "why");
  assertEquals(group.withdraw(1), 0);
  open();
  await running;
  assertEquals(await other, "other");
  assertEquals([await group.wait(), group.stats.fulfilled], [2, 2]);
  assertBooks(group);
});

test("CoGroup.withdraw() without a reason rejects with an AbortError, and such a rejection is quiet", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const result = group.go(() => 1, { id: undefined });
  group.go(() => 1, { id: "quiet" });
  const told = group.go(() => 1, { id: "told" });
  assertEquals(group.withdraw(undefined), 0, "undefined is no id");
  assertEquals([group.withdraw("quiet"), group.withdraw("told")], [1, 1]);
  const error = await told.catch((e) => e);
  assertEquals([error.name, error.message], [
    "AbortError",
    "The task was withdrawn",
  ]);
  group.resume();
  assertEquals(await result, 1);
});

test("CoGroup.withdraw() of an item of mapSettled is its result", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const results = group.mapSettled(range(3), (n) => tasks.task(n)(), {
    ahead: 2,
    each: (id) => ({ id }),
  });
  const first = results.next();
  await settled();
  assertEquals(group.withdraw(1, "why"), 1);
  tasks.openAll();
  await first;
  assertEquals((await results.next()).value.reason, "why");
  tasks.openAll();
  await results.return!();
  await group.wait();
});

test("CoGroup.withdraw() whose rejection withdraws another one counts each once", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const own = new AbortController();
  group.add(() => {}, { id: 1 });
  group.add(() => {}, { id: 1, signal: own.signal });
  own.signal.addEventListener("abort", () => group.withdraw(1));
  own.abort();
  assertEquals([group.withdraw(1), group.stats.abandoned], [0, 2]);
  assertEquals(await group.wait(), 2);
});

test("CoGroup.withdraw() that has a source closed, which withdraws the next one, tells how many are gone", async () => {
  const group = new CoGroup({ concurrency: 1, onError: () => {} });
  const { promise, open } = gate();
  const inner: number[] = [];
  const source = {
    [Symbol.iterator]: () => ({
      next: () => ({ value: 1, done: false }),
      return: () => {
        inner.push(group.withdraw("both", "inner"));
        return { value: undefined, done: true };
      },
    }),
  };
  group.add(() => promise);
  await settled();
  const results = group.map(source, (n) => n, { each: () => ({ id: "both" }) });
  const first = results.next();
  await settled();
  const other = group.go(() => "never", { id: "both" });
  assertEquals([group.withdraw("both", "outer"), inner], [2, [1]]);
  assertEquals(await first.catch((e) => e), "outer");
  assertEquals(await other.catch((e) => e), "inner");
  open();
  assertEquals(await group.wait(), 2);
  assertBooks(group);
});

// --- closing ---

test("CoGroup.closing is aborted by close, wait and shutdown, with a CoGroupClosedError; by an abort with its reason", async () => {
  for (const end of ["close", "wait", "shutdown"] as const) {
    const group = new CoGroup(1);
    const { closing } = group;
    assertEquals(closing.aborted, false);
    group[end]();
    assertInstanceOf(closing.reason, CoGroupClosedError);
    assertStrictEquals(group.closing, closing);
  }
  const group = new CoGroup(1);
  const { closing } = group;
  group.abort("why");
  assertEquals(closing.reason, "why");
  await group.reset();
  assertEquals(group.closing.aborted, false);
  group.close();
  group.abort("too late for it");
  assertInstanceOf(group.closing.reason, CoGroupClosedError);
});

test("CoGroup.closing speaks when the state is in order: its handler may use the group", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  const waits = group.insert(() => {});
  const seen: unknown[] = [];
  group.closing.addEventListener("abort", () => {
    seen.push(group.closed, group.add(() => {}), group.tryInsert(() => {}));
    group.abort("handler");
  });
  group.close();
  assertEquals(seen, [true, false, false]);
  assertEquals([await waits, await group.wait()], [false, 0]);
});

// --- shutdown ---

test("CoGroup.closing speaks last: streams have their end, and inserts that wait their answer, whatever its handler does", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0, paused: true });
  const items = group.map([1, 2], (n) => n);
  const next = items.next();
  const insert = group.insert(() => {});
  let waiting = -1;
  group.closing.addEventListener("abort", () => {
    items.throw!("own").catch(() => {});
    group.concurrency = 2; // It lets inserts in, if one waits.
    waiting = group.stats.accepted;
  });
  const { accepted } = group.stats;
  group.abort("why");
  assertEquals(await next.catch((e) => e), "why");
  assertEquals([await insert, waiting], [false, accepted]);
});

test("CoGroup.shutdown() lets everything run that ends in time, and leaves no timer", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const tasks = new Tasks();
  for (const i of range(3)) group.add(tasks.task(i));
  const done = group.shutdown({ grace: 1000 });
  assertEquals(group.add(() => {}), false);
  for (const _ of range(3)) {
    await settled();
    tasks.openAll();
  }
  assertEquals([await done, group.stats.fulfilled], [0, 3]);
  assertEquals([group.signal.aborted, time.next()], [false, false]);
});

test("CoGroup.shutdown() aborts when its grace is over, and ctx.signal speaks at once, whatever the group's own grace is", async () => {
  for (const grace of [Infinity, 60_000, 0]) {
    using time = new FakeTime();
    const group = new CoGroup({ concurrency: 1, slice: Infinity, grace });
    const running = group.go(({ signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve(signal.reason.message))
      )
    );
    const queued = group.go(() => "never");
    const done = group.shutdown({ grace: 100 });
    await settled();
    time.tick(99);
    assertEquals(group.signal.aborted, false);
    time.tick(1);
    assertEquals(await running, "The group was shut down");
    await assertRejects(() => queued, Error, "The group was shut down");
    assertEquals(await done, 1);
    assertEquals(time.next(), false, "a timer is left");
  }
});

test("CoGroup.shutdown() of a group in which nothing runs abandons what is queued when its grace is over", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, paused: true });
  group.add(() => {});
  const done = group.shutdown({ grace: 10 });
  await settled();
  time.tick(10);
  assertEquals(await done, 1);
});

test("CoGroup.shutdown() of a group that is aborted already tells the tasks that run", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const running = group.go(({ signal }) =>
    new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve(signal.reason))
    )
  );
  await settled();
  group.abort("first");
  const done = group.shutdown({ grace: 0 });
  await settled();
  time.tick(0);
  assertEquals([await running, await done], ["first", 0]);
});

test("CoGroup.shutdown() without a grace is wait(); a bad one is an error, and closes nothing", async () => {
  const group = new CoGroup(1);
  const bad = [
    [{ grace: -1 }, RangeError],
    [{ grace: "1" }, TypeError],
    [8, TypeError],
  ] as const;
  for (const [options, Kind] of bad) {
    await assertRejects(() => group.shutdown(options as never), Kind);
  }
  assertEquals(group.closed, false);
  group.add(() => {});
  assertEquals([await group.shutdown(), group.stats.fulfilled], [0, 1]);
});
