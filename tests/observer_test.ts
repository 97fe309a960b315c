import { AsyncLocalStorage } from "node:async_hooks";
import {
  allOf,
  CoGroup,
  type CoGroupOptions,
  droppingQueue,
  fifoQueue,
  type Governor,
  keyedQueue,
  type ObservedTask,
  type Queue,
  type QueuedTask,
  Semaphore,
  slidingQueue,
  type Step,
  type TaskContext,
} from "../mod.ts";
import {
  assertBooks,
  gate,
  microtasks,
  range,
  settled,
} from "./support/helpers.ts";
import { assert, assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A group, and all that its observer hears of from then on. */
function watched(
  options: Omit<CoGroupOptions, "observer"> = { concurrency: 1 },
): { group: CoGroup; steps: Step[]; log: () => string[] } {
  const steps: Step[] = [];
  const observer = { onStep: (step: Step) => void steps.push(step) };
  const group = new CoGroup({ slice: Infinity, ...options, observer });
  steps.length = 0; // Of its making: see the first test.
  return { group, steps, log: () => steps.splice(0).map(inWords) };
}

function inWords(step: Step): string {
  const words: unknown[] = [step.type];
  if ("task" in step) words.unshift(step.task.id ?? step.task.number);
  if ("why" in step) words.push(step.why);
  if ("attempt" in step) words.push(`${step.attempt}@${step.workerId}`);
  return words.join(" ");
}

/** The steps of one task. */
function stepsOf(steps: Step[], number: number): Step[] {
  return steps.filter((step) => "task" in step && step.task.number === number);
}

test("An observer first hears of what the group is made with, and may refuse it", () => {
  const steps: Step[] = [];
  const observer = { onStep: (step: Step) => void steps.push(step) };
  new CoGroup({ concurrency: 3, paused: true, observer });
  new CoGroup({ concurrency: Infinity, observer });
  assertEquals(
    steps.map(({ time: _, ...step }) => step),
    [
      { type: "created", concurrency: 3, paused: true },
      { type: "created", concurrency: Infinity, paused: false },
    ],
  );
  const refusing = {
    onStep() {
      throw new RangeError("no more groups");
    },
  };
  assertThrows(
    () => new CoGroup({ concurrency: 1, observer: refusing }),
    RangeError,
    "no more groups",
  );
});

test("An observer hears of the acceptance, the start and the end of tasks from every call", async () => {
  const { group, steps } = watched({ concurrency: 2, capacity: 1 });
  group.add(() => {});
  group.tryInsert(() => {});
  await Promise.all([group.insert(() => {}), group.insert(() => {})]);
  await group.insertAll([() => {}, { task: () => {}, options: { id: "f" } }]);
  await group.go(() => {});
  for await (const _ of group.map([1, 2], (n) => n));
  for await (const _ of group.mapSettled([3], (n) => n));
  await group.wait();
  for (const number of range(10).map((i) => i + 1)) {
    const types = stepsOf(steps, number).map(({ type }) => type);
    assertEquals(types, ["accepted", "started", "fulfilled"], `of ${number}`);
  }
  assertEquals(steps.length, 31);
  assertEquals(steps.filter(({ type }) => type === "closed").length, 1);
});

test("An observer gets one object for all steps of a task, with what its options say", async () => {
  const { group, steps } = watched();
  const options = { id: "a", key: "k", priority: 3, weight: 2 };
  await group.go(() => {}, options);
  await group.go(() => {});
  const tasks = steps.map((step) => (step as { task: ObservedTask }).task);
  assertEquals(new Set(tasks).size, 2);
  const { number, id, key, priority, weight } = tasks[0]!;
  assertEquals({ number, id, key, priority, weight }, {
    number: 1,
    ...options,
  });
  const plain = tasks.at(-1)!;
  assertEquals(
    [plain.number, plain.id, plain.key, plain.priority, plain.weight],
    [2, undefined, undefined, 0, 1],
  );
});

test("Steps tell when they were, and for how long the task was what it was", async () => {
  const { group, steps } = watched({
    concurrency: 1,
    retry: { maxAttempts: 2, minTimeout: 2, jitter: 0 },
  });
  const before = performance.now();
  await group.go(({ attempt }) => attempt === 2 || Promise.reject("busy"));
  const after = performance.now();
  const types = steps.map(({ type }) => type);
  const way = ["accepted", "started", "delayed", "due", "started", "fulfilled"];
  assertEquals(types, way);
  let last = before;
  for (const [i, step] of steps.entries()) {
    assert(step.time >= last && step.time <= after, step.type);
    const elapsed = i === 0 ? 0 : step.time - last;
    assertEquals((step as { elapsed: number }).elapsed, elapsed);
    last = step.time;
  }
  const delayed = steps[2] as Extract<Step, { type: "delayed" }>;
  assertEquals(delayed.error, "busy");
  assert(delayed.until <= delayed.time + 2);
  assert(delayed.until >= steps[1]!.time + 2);
});

test("An observer hears of a rejection with the error, and of each attempt", async () => {
  const { group, steps, log } = watched({
    concurrency: 1,
    retry: { maxAttempts: 2, minTimeout: 0 },
    onError: () => {},
  });
  group.add(() => Promise.reject("broken"));
  await group.idle();
  const end = steps.at(-1) as Extract<Step, { type: "rejected" }>;
  assertEquals(end.error, "broken");
  assertEquals(log(), [
    "1 accepted",
    "1 started 1@0",
    "1 delayed 1@0",
    "1 due",
    "1 started 2@0",
    "1 rejected 2@0",
  ]);
});

test("An observer hears that a task is overdue: its time is over, or its signal has spoken", async () => {
  const { group, log, steps } = watched({ concurrency: 2 });
  const late = gate();
  const timed = group.go(() => late.promise, { timeout: 1 });
  await timed.catch(() => {});
  const controller = new AbortController();
  const told = group.go(() => late.promise, { signal: controller.signal });
  await settled();
  controller.abort("not needed");
  await told.catch(() => {});
  assertEquals(log(), [
    "1 accepted",
    "1 started 1@0",
    "1 overdue timeout 1@0",
    "2 accepted",
    "2 started 1@1",
    "2 overdue signal 1@1",
  ]);
  late.open();
  await group.idle();
  const errors = steps.map((step) =>
    String((step as { error: unknown }).error)
  );
  assertEquals(errors, [
    "TimeoutError: The task timed out after 1 ms",
    "not needed",
  ]);
  assertEquals(log(), ["1 rejected 1@0", "2 rejected 1@1"]);
});

test("An observer hears of a loan, and in which worker the task goes on", async () => {
  const { group, log } = watched({ concurrency: 2 });
  const [first, second] = [gate(), gate()];
  const lender = group.go((ctx) => ctx.lend(() => first.promise), { id: "L" });
  await settled();
  group.add(() => second.promise);
  await settled();
  first.open();
  await lender;
  second.open();
  await group.idle();
  assertEquals(log(), [
    "L accepted",
    "L started 1@0",
    "L lent 1@0",
    "2 accepted",
    "2 started 1@0",
    "L back 1@1",
    "L fulfilled 1@1",
    "2 fulfilled 1@0",
  ]);
});

test("A task that ends while its worker is lent ends in none: -1", async () => {
  const { group, log } = watched({ concurrency: 1 });
  const wait = gate();
  await group.go((ctx) => void ctx.lend(() => wait.promise));
  wait.open();
  await group.wait();
  assertEquals(log(), [
    "1 accepted",
    "1 started 1@0",
    "1 lent 1@0",
    "1 fulfilled 1@-1",
    "closed",
  ]);
});

test("An observer hears why a task is abandoned", async () => {
  const { group, steps, log } = watched({ concurrency: 1, paused: true });
  const controller = new AbortController();
  const { signal } = controller;
  group.add(() => {}, { id: "cleared" });
  group.clear();
  group.add(() => {}, { id: "signal", signal });
  controller.abort("no");
  group.add(() => {}, { id: "id" });
  group.withdraw("id", "nor this");
  group.add(() => {}, { id: "aborted" });
  group.abort("enough");
  assertEquals(
    steps.filter(({ type }) => type === "abandoned").map((step) =>
      String((step as { reason: unknown }).reason)
    ),
    ["AbortError: The task was cleared", "no", "nor this", "enough"],
  );
  assertEquals(log(), [
    "cleared accepted",
    "cleared abandoned cleared",
    "signal accepted",
    "signal abandoned withdrawn",
    "id accepted",
    "id abandoned withdrawn",
    "aborted accepted",
    "aborted",
    "aborted abandoned aborted",
  ]);
  await group.wait();
});

test("An observer hears of items of a map that were dropped when its reader broke off", async () => {
  const { group, steps } = watched({ concurrency: 1 });
  for await (const _ of group.map([1, 2, 3], (n) => n, { ahead: 2 })) break;
  await group.wait();
  const dropped = steps.filter(({ type }) => type === "abandoned");
  assertEquals(group.stats.abandoned, dropped.length);
  for (const step of dropped) {
    assertEquals(inWords(step).slice(2), "abandoned withdrawn");
  }
});

test("An observer hears of an eviction after the task for which it made room", () => {
  const { group, log } = watched({
    concurrency: 1,
    queue: slidingQueue(1),
    paused: true,
  });
  for (const id of ["a", "b"]) group.add(() => {}, { id });
  assertEquals(log(), ["a accepted", "b accepted", "a abandoned evicted"]);
  assertBooks(group);
});

test("An observer hears that a retry was rejected by a queue that throws", async () => {
  const queue = fifoQueue<QueuedTask>();
  let pushes = 0;
  const throwing: Queue<QueuedTask> = {
    get capacity() {
      return queue.capacity;
    },
    get size() {
      return queue.size;
    },
    push: (value) => {
      if (++pushes > 1) throw new Error("full for ever");
      queue.push(value);
    },
    peek: () => queue.peek(),
    shift: () => queue.shift(),
    clear: () => queue.clear(),
  };
  const { group, log } = watched({
    concurrency: 1,
    queue: throwing,
    retry: { maxAttempts: 2, minTimeout: 0 },
    onError: () => {},
  });
  group.add(() => Promise.reject("once"));
  await group.idle();
  assertEquals(log(), [
    "1 accepted",
    "1 started 1@0",
    "1 delayed 1@0",
    "1 rejected 1@-1",
  ]);
});

test("An observer hears of what the group does, once each", async () => {
  const { group, steps, log } = watched({ concurrency: 1 });
  for (const _ of range(2)) group.pause();
  for (const _ of range(2)) group.resume();
  for (const n of [2, 2, 1]) group.concurrency = n;
  for (const _ of range(2)) group.close();
  await group.reset();
  for (const reason of ["first", "second"]) group.abort(reason);
  await group.reset();
  assertEquals(
    steps.flatMap((step) => step.type === "resized" ? [step.concurrency] : []),
    [2, 1],
  );
  assertEquals(
    steps.flatMap((step) => step.type === "aborted" ? [step.reason] : []),
    ["first"],
  );
  assertEquals(log(), [
    "paused",
    "resumed",
    "resized",
    "resized",
    "closed",
    "reset",
    "aborted",
    "closed",
    "reset",
  ]);
});

const semaphore = () => new Semaphore(1);
const foreign = (): Governor => {
  const semaphore = new Semaphore(1);
  return { acquire: (options) => semaphore.acquire(options) };
};
for (const [kind, governor] of Object.entries({ semaphore, foreign })) {
  test(`An observer hears when the group waits for its governor, and no more (${kind})`, async () => {
    const { group, steps } = watched({ concurrency: 2, governor: governor() });
    const wait = gate();
    const results = [group.go(() => wait.promise), group.go(() => {})];
    await settled();
    const waits = () =>
      steps.map(({ type }) => type)
        .filter((type) => ["waiting", "ready", "started"].includes(type));
    const begin = kind === "foreign"
      ? ["waiting", "ready", "started", "waiting"]
      : ["started", "waiting"];
    const end = kind === "foreign"
      ? ["ready", "started"]
      : ["started", "ready"];
    assertEquals(waits(), begin);
    wait.open();
    await Promise.all(results);
    assertEquals(waits(), [...begin, ...end]);
    for (const step of steps) {
      if (step.type === "ready") assert(step.elapsed >= 0);
    }
    await group.wait();
  });
}

test("An observer hears of no start that was not made: the permit of the key was another caller's", async () => {
  const [slots, ofKey] = [new Semaphore(2), new Semaphore(1)];
  const held = slots.tryAcquire({ weight: 2 })!;
  const { group, log } = watched({
    concurrency: 1,
    queue: keyedQueue({ governor: () => ofKey }),
    governor: slots,
  });
  group.add(() => {}, { key: 1 });
  await settled();
  const other = allOf(slots, ofKey).acquire();
  held.release();
  const permit = await other;
  await settled();
  assertEquals(log(), ["1 accepted", "waiting", "ready"]);
  permit.release();
  await group.idle();
  assertEquals(log(), ["1 started 1@0", "1 fulfilled 1@0"]);
});

test("A group that waits for its governor, and is aborted, waits no more", async () => {
  const governor = new Semaphore(1);
  const permit = governor.tryAcquire()!;
  const { group, log } = watched({ concurrency: 1, governor });
  group.add(() => {});
  await settled();
  group.abort();
  await group.wait();
  assertEquals(log(), [
    "1 accepted",
    "waiting",
    "aborted",
    "1 abandoned aborted",
    "closed",
    "ready",
  ]);
  permit.release();
});

test("A start is told with the worker that the task then runs in", async () => {
  const { group, steps } = watched({ concurrency: 3 });
  const ran = new Map<unknown, number[]>();
  const task = async (ctx: TaskContext, id: number) => {
    const seen = [ctx.workerId];
    ran.set(id, seen);
    await Promise.resolve();
    if (id % 3 === 0) await ctx.lend(() => settled());
    seen.push(ctx.workerId);
  };
  for (const id of range(30)) {
    if (id % 2 === 0) group.add((ctx) => task(ctx, id), { id });
    else group.go((ctx) => task(ctx, id), { id });
    if (id % 7 === 0) group.concurrency = 1 + id % 4;
    if (id % 5 === 0) await settled();
  }
  await group.wait();
  for (const [id, seen] of ran) {
    const places = steps.flatMap((step) =>
      (step.type === "started" || step.type === "fulfilled") &&
        step.task.id === id
        ? [step.workerId]
        : []
    );
    assertEquals(places, seen, `of ${id}`);
  }
});

test("A start, and the way back from a loan, are told when tasks() has the task, in its worker", async () => {
  const seen: string[] = [];
  const observer = {
    onStep(step: Step) {
      if (step.type !== "started" && step.type !== "back") return;
      const { id } = step.task;
      const it = group.tasks().find((task) => task.id === id);
      seen.push(`${step.type} ${id}: ${it?.state}`);
      assertEquals(it?.workerId, step.workerId);
      assertEquals(
        group.tasks().filter(({ state }) => state === "running").length,
        group.inFlight,
      );
    },
  };
  const group: CoGroup = new CoGroup({ concurrency: 2, capacity: 1, observer });
  const results = [
    group.go((ctx) => ctx.lend(() => settled()), { id: "go" }),
    group.insert(() => {}, { id: "insert" }),
    group.insertAll(["a", "b", "c"].map((id) => ({
      task: () => Promise.resolve(),
      options: { id },
    }))),
  ];
  const each = (id: number) => ({ id });
  for await (const _ of group.map([1, 2], (n) => n, { each }));
  await Promise.all(results);
  await group.wait();
  assertEquals(seen.sort(), [
    "back go: running",
    "started 1: running",
    "started 2: running",
    "started a: running",
    "started b: running",
    "started c: running",
    "started go: running",
    "started insert: running",
  ]);
});

test("An observer hears of an insert that was let in when the start before that is told", async () => {
  const inFlight: [accepted: number, running: number][] = [];
  const group: CoGroup = new CoGroup({
    concurrency: 2,
    slice: Infinity,
    queue: keyedQueue({ capacity: 0 }),
    paused: true,
    observer: {
      onStep(step) {
        if (step.type !== "accepted") return;
        const running = group.tasks().filter(({ state }) =>
          state === "running"
        );
        inFlight.push([group.inFlight, running.length]);
      },
    },
  });
  const isIn = group.insert(() => {});
  const { promise, open } = gate();
  const items = group.map([1, 2], () => promise, { key: "a" });
  const first = items.next();
  await microtasks();
  group.resume();
  open();
  assertEquals(await isIn, true);
  assertEquals(inFlight, [[0, 0], [0, 0], [1, 1]]);
  await first;
  await items.return!();
  await group.wait();
});

test("An insert into a group with an observer is let in when the start that makes room is told", async () => {
  const { group, log } = watched({ concurrency: 1, capacity: 1 });
  const { promise, open } = gate();
  const last = gate();
  group.add(() => promise, { id: "first" });
  await microtasks();
  group.add(() => last.promise, { id: "second" });
  let isIn = false;
  const insert = group.insert(() => {}, { id: "insert" })
    .then((is) => isIn = is);
  log();
  open();
  await microtasks();
  assertEquals(log(), [
    "first fulfilled 1@0",
    "second started 1@0",
    "insert accepted",
  ]);
  assertEquals(isIn, true);
  last.open();
  await insert;
  assertEquals(await group.wait(), 0);
});

test("The end of a wait for the governor is told when the task that it was for has started", async () => {
  const seen: unknown[] = [];
  const observer = {
    onStep({ type }: Step) {
      if (type !== "ready") return;
      const { queued, inFlight } = group.stats;
      seen.push([queued, inFlight, group.size]);
      assertBooks(group);
    },
  };
  const governor = new Semaphore(1);
  const group: CoGroup = new CoGroup({ concurrency: 2, governor, observer });
  for (const _ of range(2)) group.add(() => settled());
  await group.wait();
  assertEquals(seen, [[0, 1, 0]]);
});

test("No step says that more tasks are in flight than there are workers, though one ends while it has lent its own", async () => {
  let most = 0;
  const observer = {
    onStep({ type }: Step) {
      if (type !== "created") most = Math.max(most, group.inFlight);
    },
  };
  const group: CoGroup = new CoGroup({ concurrency: 1, observer });
  const [first, second] = [gate(), gate()];
  group.add(async (ctx) => {
    ctx.lend(() => second.promise).catch(() => {});
    await first.promise;
  });
  group.add(() => second.promise);
  await settled();
  first.open();
  await settled();
  assertEquals(group.stats.fulfilled, 1);
  second.open();
  await group.wait();
  assertEquals(most, 1);
});

test("Steps' times go on where a test fakes performance.now, and takes that back", async () => {
  const { now } = performance;
  const { group, steps } = watched();
  try {
    const wait = gate();
    group.add(() => wait.promise);
    await settled();
    performance.now = () => 0;
    wait.open();
    await group.go(() => {});
  } finally {
    performance.now = now;
  }
  await group.wait();
  let last = -Infinity;
  for (const step of steps) {
    assert(step.time >= last, step.type);
    if ("elapsed" in step) assert(step.elapsed >= 0, step.type);
    last = step.time;
  }
  assertEquals(steps.length, 7);
});

test("An observer hears nothing of a task that a droppingQueue refuses", async () => {
  const queue = droppingQueue<QueuedTask>(1);
  const { group, log } = watched({ concurrency: 1, queue, paused: true });
  const added = range(2).map(() => group.add(() => {}));
  group.resume();
  await group.wait();
  assertEquals(added, [true, false]);
  assertEquals(log(), [
    "1 accepted",
    "resumed",
    "closed",
    "1 started 1@0",
    "1 fulfilled 1@0",
  ]);
});

test("Steps of a go and of a map are told in the async context of the call", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  const observer = {
    onStep(step: Step) {
      if (step.type !== "started" && step.type !== "fulfilled") return;
      seen.push(`${step.type} ${step.task.id} ${storage.getStore()}`);
    },
  };
  const group = storage.run(
    "group",
    () => new CoGroup({ concurrency: 1, observer }),
  );
  await storage.run("go", () => group.go(() => {}, { id: "g" }));
  const stream = storage.run(
    "map",
    () => group.map([1], (n) => n, { each: () => ({ id: "m" }) }),
  );
  await storage.run("reader", () => Array.fromAsync(stream));
  storage.run("add", () => group.add(() => {}, { id: "a" }));
  await group.wait();
  assertEquals(seen, [
    "started g go",
    "fulfilled g go",
    "started m map",
    "fulfilled m map",
    "started a group",
    "fulfilled a group",
  ]);
});

test("An observer hears of an end before its caller does, with the state in order", async () => {
  const seen: unknown[] = [];
  const observer = {
    onStep(step: Step) {
      if (step.type !== "fulfilled") return;
      seen.push("observer", group.stats.fulfilled, group.inFlight);
      assertBooks(group);
    },
  };
  const group: CoGroup = new CoGroup({ concurrency: 1, observer });
  await group.go(() => {}).then(() => seen.push("caller"));
  assertEquals(seen, ["observer", 1, 0, "caller"]);
});

test("What an observer throws, or rejects with, is printed, and the group goes on", async () => {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...args: unknown[]) => void printed.push(...args);
  try {
    const observer = {
      onStep({ type }: Step): void {
        if (type === "accepted") throw "thrown";
        if (type === "started") return Promise.reject("rejected") as never;
      },
    };
    const group = new CoGroup({ concurrency: 1, observer });
    assertEquals(await group.go(() => 7), 7);
    await settled();
    assertEquals(printed, ["thrown", "rejected"]);
  } finally {
    console.error = error;
  }
});

test("An observer that is none is a TypeError", () => {
  for (const observer of [null, 7, {}, { onStep: 1 }]) {
    assertThrows(
      () => new CoGroup({ concurrency: 1, observer: observer as never }),
      TypeError,
      "observer",
    );
  }
  new CoGroup({ concurrency: 1, observer: undefined });
});

/** What `console.log` shows of a group. */
function shown(group: object): string {
  const show = Symbol.for("nodejs.util.inspect.custom");
  const method =
    (group as Record<symbol, (...args: unknown[]) => string>)[show]!;
  const inspect = (value: unknown) => JSON.stringify(value);
  return method.call(group, 2, {}, inspect);
}

test("console.log shows the name and the fields of a class that is derived, and no group as none", () => {
  class Crawler extends CoGroup {
    host = "example.org";
  }
  assertEquals(
    shown(new Crawler(2)),
    'Crawler (open) {"concurrency":2,"host":"example.org"}',
  );
  const group = new CoGroup(1);
  for (
    const none of [
      Object.create(CoGroup.prototype),
      CoGroup.prototype,
      new Proxy(group, {}),
      Object.create(group),
    ]
  ) assertEquals(shown(none), "CoGroup {}");
  assertEquals(shown(Crawler.prototype), "Crawler {}");
});

test("console.log shows what state a group is in, and what it has counted", async () => {
  const group = new CoGroup({ concurrency: 2, onError: () => {} });
  assertEquals(shown(group), 'CoGroup (open) {"concurrency":2}');
  group.pause();
  group.add(() => {});
  assertEquals(
    shown(group),
    'CoGroup (open, paused) {"concurrency":2,"accepted":1,"queued":1}',
  );
  group.resume();
  group.close();
  assert(shown(group).startsWith("CoGroup (closed) {"));
  await group.wait();
  assertEquals(
    shown(group),
    'CoGroup (done) {"concurrency":2,"accepted":1,"fulfilled":1}',
  );
  const wait = gate();
  const other = new CoGroup(1);
  other.add(() => wait.promise);
  await settled();
  other.abort();
  assert(shown(other).startsWith("CoGroup (aborted) {"));
  wait.open();
  await other.wait();
});
