import {
  CoGroup,
  fifoQueue,
  type Queue,
  type QueuedTask,
  Semaphore,
  slidingQueue,
  type Step,
} from "../mod.ts";
import { QUEUE, Recorder, type TraceEvent } from "../src/trace/mod.ts";
import { gate, range, settled } from "./support/helpers.ts";
import { assert, assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";
import { checkFormat } from "./support/trace_format.ts";

type Args = Record<string, unknown>;

/** The parts of attempts, in the order of their ends. */
function slices(events: readonly TraceEvent[]): TraceEvent[] {
  return events.filter(({ ph, cat }) => ph === "X" && cat === "task");
}

function named(events: readonly TraceEvent[], name: string): TraceEvent[] {
  return events.filter((event) => event.name === name);
}

/** Does a bit of everything. */
async function work(recorder: Recorder): Promise<CoGroup> {
  const group = new CoGroup({
    concurrency: 3,
    observer: recorder,
    governor: new Semaphore(2),
    retry: { maxAttempts: 2, minTimeout: 0 },
    onError: () => {},
    slice: Infinity,
  });
  for (const id of range(12)) {
    const fails = id % 4 === 0;
    const options = { id, key: id % 3, weight: 1 + id % 2 };
    group.add(
      async (ctx) => {
        await Promise.resolve();
        if (id % 5 === 0) await ctx.lend(() => settled());
        if (fails) throw new Error(`no ${id}`);
      },
      id % 2 ? options : undefined,
    );
  }
  group.pause();
  group.resume();
  group.concurrency = 2;
  await group.idle();
  for await (const n of group.map(range(5), (n) => n, { ahead: 2 })) {
    if (n === 3) break;
  }
  group.add(() => settled(), { timeout: 1 });
  group.add(() => {});
  group.clear();
  await group.wait();
  return group;
}

test("Recorder gives a trace in Chrome's format, whatever the group does", async () => {
  const recorder = new Recorder({ name: "everything" });
  await work(recorder);
  const trace = recorder.toJSON();
  checkFormat(trace.traceEvents);
  assertEquals(trace.displayTimeUnit, "ms");
  const { name, missed, steps, timeOrigin } = trace.otherData;
  assertEquals([name, missed], ["everything", 0]);
  assert(steps > 60 && timeOrigin === performance.timeOrigin);
  assertEquals(JSON.parse(JSON.stringify(recorder)), trace);
});

test("Recorder shows each attempt in the lane of its worker, with how it ended", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({
    concurrency: 2,
    observer: recorder,
    retry: { maxAttempts: 2, minTimeout: 1 },
    onError: () => {},
  });
  group.add(() => {}, { id: "a.jpg", key: "k", weight: 3 });
  group.add(() => Promise.reject(new Error("busy")));
  await group.wait();
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  const [first, second, third] = slices(traceEvents);
  const { queuedMs, ...args } = first!.args as Args;
  assert(Number(queuedMs) >= 0);
  assertEquals([first!.name, first!.tid], ["a.jpg", 0]);
  assertEquals(args, {
    task: 1,
    key: "k",
    weight: 3,
    attempt: 1,
    end: "fulfilled",
    delayedMs: 0,
  });
  assertEquals([second!.name, second!.tid], ["task 2", 1]);
  assertEquals(second!.args!["end"], "delayed");
  assertEquals(third!.args!["end"], "rejected");
  assertEquals(third!.args!["attempt"], 2);
  assertEquals(third!.args!["error"], "Error: busy");
  assert(Number(third!.args!["delayedMs"]) > 0); // A timer may be early, too.
  const delays = named(traceEvents, "delayed");
  assertEquals(delays.map(({ ph }) => ph), ["b", "e"]);
  const names = named(traceEvents, "thread_name").map(({ tid, args }) =>
    `${tid} ${args!["name"]}`
  );
  assertEquals(names, [`${QUEUE} queue`, "0 worker 0", "1 worker 1"]);
});

test("Recorder shows a lent worker as free, and the task where it goes on", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  const inner = () => group.go(() => {}, { id: "inner" });
  await group.go((ctx) => ctx.lend(inner), { id: "outer" });
  const wait = gate();
  await group.go((ctx) => void ctx.lend(() => wait.promise), { id: "lost" });
  wait.open();
  await group.wait();
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  assertEquals(
    slices(traceEvents).map(({ name, args }) => `${name} ${args!["end"]}`),
    ["outer lent", "inner fulfilled", "outer fulfilled", "lost lent"],
  );
  assertEquals(
    named(traceEvents, "lent").map(({ ph, args }) => [ph, args?.["id"]]),
    [
      ["b", "outer"],
      ["e", undefined],
      ["b", "lost"],
      ["e", undefined],
    ],
  );
  assertEquals(named(traceEvents, "lost ended")[0]!.args!["end"], "fulfilled");
});

test("Recorder marks what happens to the group and to waiting tasks", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({
    concurrency: 1,
    observer: recorder,
    queue: slidingQueue(1),
    retry: { minTimeout: 60_000 },
  });
  group.add(() => Promise.reject("again"), { id: "delayed" });
  await settled();
  group.pause();
  group.add(() => {}, { id: "evicted" });
  group.add(() => {}, { id: "aborted" });
  for (const n of [4, Infinity]) group.concurrency = n;
  group.abort(new Error("enough"));
  await group.reset();
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  const marks = traceEvents.filter(({ ph }) => ph === "i");
  assertEquals(
    marks.map((
      { name, s, args },
    ) => [name, s, args!["why"], args!["reason"], args!["concurrency"]]),
    [
      ["created", "p", undefined, undefined, 1],
      ["paused", "p", undefined, undefined, undefined],
      ["evicted", "t", "evicted", undefined, undefined],
      ["resized", "p", undefined, undefined, 4],
      ["resized", "p", undefined, undefined, "Infinity"],
      ["aborted", "p", undefined, "Error: enough", undefined],
      ["abandoned", "t", "aborted", "Error: enough", undefined],
      ["abandoned", "t", "aborted", "Error: enough", undefined],
      ["closed", "p", undefined, undefined, undefined],
      ["reset", "p", undefined, undefined, undefined],
    ],
  );
  assertEquals(
    traceEvents.filter(({ cat }) => cat === "delayed").map(({ ph }) => ph),
    ["b", "e"],
  );
});

test("Recorder marks a task that is overdue, in its lane, or if it has lent that, in the queue's", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({ concurrency: 1, observer: recorder, timeout: 1 });
  const [first, second] = [gate(), gate()];
  group.go(() => first.promise).catch(() => {});
  group.go((ctx) => ctx.lend(() => second.promise)).catch(() => {});
  const isOverdue = (count: number) => group.stats.overdue === count;
  while (!isOverdue(1)) await settled();
  first.open();
  await settled();
  while (!isOverdue(1)) await settled();
  second.open();
  await group.wait();
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  assertEquals(
    named(traceEvents, "overdue").map(({ tid, args }) => [tid, args!["why"]]),
    [[0, "timeout"], [QUEUE, "timeout"]],
  );
});

test("Recorder counts what is queued, delayed, in flight and lent, and permits if the group waits for some", async () => {
  const recorder = new Recorder();
  const group = await work(recorder);
  const { traceEvents } = recorder.toJSON();
  const tasks = named(traceEvents, "tasks");
  const most = Math.max(...tasks.map(({ args }) => Number(args!["queued"])));
  assertEquals(most, 12);
  const none = { queued: 0, delayed: 0, inFlight: 0, lent: 0 };
  assertEquals(tasks.at(-1)!.args, none);
  const permits = named(traceEvents, "governor");
  assert(permits.some(({ args }) => args!["waits"] === 1));
  assertEquals(permits.at(-1)!.args, { permits: 0, waits: 0 });
  assertEquals(group.inFlight, 0);
  const other = new Recorder();
  const plain = new CoGroup({ concurrency: 1, observer: other });
  await plain.go(() => {});
  assertEquals(named(other.toJSON().traceEvents, "governor"), []);
});

test("Recorder shows what runs, and what waits for the governor, as far as it is", async () => {
  const recorder = new Recorder();
  const wait = gate();
  const group = new CoGroup({
    concurrency: 2,
    observer: recorder,
    governor: new Semaphore(1),
  });
  group.add(() => wait.promise, { id: "long" });
  group.add(() => {});
  await settled();
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  const [long] = slices(traceEvents);
  assertEquals([long!.name, long!.args!["end"]], ["long", "running"]);
  const waits = named(traceEvents, "waits for a permit");
  assertEquals(waits.map(({ ph }) => ph), ["b"]);
  const { open } = recorder.eventsSince();
  assertEquals(open.map(({ name }) => name), ["long"]);
  wait.open();
  await group.wait();
  assertEquals(recorder.eventsSince().open, []);
});

test("Recorder keeps the last steps alone, and still knows what began before", async () => {
  const all = new Recorder();
  const few = new Recorder({ steps: 20 });
  const observer = {
    onStep(step: Step) {
      all.onStep(step);
      few.onStep(step);
      checkFormat(few.toJSON().traceEvents);
    },
  };
  const twin = { name: "", onStep: observer.onStep } as Recorder;
  await work(twin);
  const { otherData, traceEvents } = few.toJSON();
  assertEquals(otherData.steps, 20);
  assertEquals(otherData.missed, all.toJSON().otherData.steps - 20);
  const counts = named(all.toJSON().traceEvents, "tasks");
  const last = named(traceEvents, "tasks");
  assertEquals(last, counts.slice(-last.length));
});

test("Recorder.eventsSince() gives each event once, to readers at their own pace", async () => {
  const recorder = new Recorder();
  const quick: TraceEvent[] = [];
  const slow: TraceEvent[] = [];
  let [at, slowAt, steps] = [0, 0, 0];
  const observer = {
    onStep(step: Step) {
      recorder.onStep(step);
      const { events, cursor, missed } = recorder.eventsSince(at);
      quick.push(...events);
      at = cursor;
      assertEquals(missed, 0);
      if (++steps % 7 > 0) return;
      const later = recorder.eventsSince(slowAt);
      slow.push(...later.events);
      slowAt = later.cursor;
    },
  };
  await work({ name: "", onStep: observer.onStep } as Recorder);
  slow.push(...recorder.eventsSince(slowAt).events);
  const { traceEvents } = recorder.toJSON();
  assertEquals(quick, traceEvents);
  assertEquals(slow, traceEvents);
  assertEquals(recorder.eventsSince(at).events, []);
});

test("Recorder.eventsSince() reads no more steps than it is told to, and shows what runs with the last", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  const done = gate();
  for (let i = 0; i < 5; i++) group.add(() => done.promise);
  await settled();
  const all = recorder.eventsSince();
  const events: TraceEvent[] = [];
  let cursor = 0;
  for (;;) {
    const piece = recorder.eventsSince(cursor, 2);
    assert(piece.cursor - cursor <= 2);
    events.push(...piece.events);
    cursor = piece.cursor;
    assertEquals(piece.more, cursor < all.cursor);
    assertEquals(piece.open.length, piece.more ? 0 : 1);

    if (!piece.more) break;
  }
  assertEquals(events, all.events);
  assertThrows(() => recorder.eventsSince(0, 0), RangeError);
  done.open();
  await group.wait();
});

test("Recorder.eventsSince() says how many steps a reader has missed, and opens anew", async () => {
  const recorder = new Recorder({ steps: 10 });
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  await group.go(() => {});
  const { cursor } = recorder.eventsSince();
  assertEquals(cursor, 4);
  for (const _ of range(5)) await group.go(() => {});
  const { events, missed } = recorder.eventsSince(cursor);
  assertEquals(missed, 19 - 10 - 4);
  assertEquals(events[0]!.name, "process_name");
  checkFormat(events);
});

test("Recorder.eventsSince() remembers what several readers have seen", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  const cursors = range(6).map(() => 0);
  const events: TraceEvent[][] = cursors.map(() => []);
  const look = (reader: number) => {
    const piece = recorder.eventsSince(cursors[reader], 3 + reader);
    events[reader]!.push(...piece.events);
    cursors[reader] = piece.cursor;
    return piece.more;
  };
  for (const id of range(20)) {
    await group.go((ctx) => ctx.lend(() => settled()), { id });
    look(id % 6);
    look(id % 2);
  }
  const { traceEvents } = recorder.toJSON();
  for (const reader of cursors.keys()) {
    while (look(reader));
    assertEquals(events[reader], traceEvents, `reader ${reader}`);
  }
});

test("Recorder.chunks() gives the text of the trace in pieces, also if the group goes on meanwhile", async () => {
  const recorder = new Recorder({ steps: 20_000 });
  const none = JSON.parse([...recorder.chunks()].join(""));
  assertEquals(none, recorder.toJSON());
  const group = new CoGroup({
    concurrency: 3,
    observer: recorder,
    slice: Infinity,
  });
  const run = (tasks: number) => {
    for (let i = 1; i < tasks; i++) group.add(() => {});
    return group.go(() => {});
  };
  await run(6_000);
  const pieces = [...recorder.chunks()];
  assert(pieces.length > 3);
  assertEquals(JSON.parse(pieces.join("")), recorder.toJSON());
  const wait = gate();
  group.add(() => wait.promise, { id: "long" });
  await settled();
  const meanwhile: string[] = [];
  for (const piece of recorder.chunks()) {
    meanwhile.push(piece);
    if (meanwhile.length < 3) await run(5_000);
  }
  const { traceEvents, otherData } = JSON.parse(meanwhile.join(""));
  assert(otherData.missed > 0);
  const long = slices(traceEvents).filter(({ name }) => name === "long");
  assertEquals(long.map(({ args }) => args!["end"]), ["running"]);
  wait.open();
  await group.wait();
});

test("Recorder takes memory as steps come, however many it may keep", () => {
  const recorder = new Recorder({ steps: 2 ** 32 - 1 });
  const task = { id: undefined, key: undefined, priority: 0, weight: 1 };
  const count = 3_000;
  for (const i of range(count)) {
    const number = { task: { ...task, number: i + 1 }, elapsed: 0 };
    recorder.onStep({ type: "accepted", time: i, ...number });
  }
  const { otherData, traceEvents } = recorder.toJSON();
  assertEquals([otherData.steps, otherData.missed], [count, 0]);
  assertEquals(
    named(traceEvents, "tasks").map(({ args }) => args!["queued"]),
    range(count).map((i) => i + 1),
  );
});

test("Recorder gives the trace of a group that has 150,000 tasks in flight", () => {
  const count = 150_000;
  const recorder = new Recorder({ steps: 2 * count });
  const plain = { id: undefined, key: undefined, priority: 0, weight: 1 };
  for (let i = 0; i < count; i++) {
    const task = { ...plain, number: i + 1 };
    const it = { time: i, task, elapsed: 0 };
    recorder.onStep({ type: "accepted", ...it });
    recorder.onStep({ type: "started", ...it, attempt: 1, workerId: i });
  }
  assertEquals(slices(recorder.toJSON().traceEvents).length, count);
});

test("Recorder is for one group: a second one is not made", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  await group.reset();
  assertThrows(
    () => new CoGroup({ concurrency: 1, observer: recorder }),
    TypeError,
    "a Recorder is for one group",
  );
  await group.go(() => {});
  assertEquals(slices(recorder.toJSON().traceEvents).length, 1);
});

test("Recorder counts nothing as queued after a reset, if the group's queue has lost it", async () => {
  const queue = fifoQueue<QueuedTask>();
  const losing: Queue<QueuedTask> = {
    capacity: Infinity,
    get size() {
      return queue.size;
    },
    push: (value) => queue.push(value),
    peek: () => queue.peek(),
    shift: () => queue.shift(),
    clear: () => queue.clear().slice(1),
  };
  const recorder = new Recorder();
  const group = new CoGroup({
    concurrency: 1,
    observer: recorder,
    queue: losing,
    paused: true,
  });
  for (const id of ["lost", "told of"]) group.add(() => {}, { id });
  group.abort();
  assertEquals(group.stats.abandoned, 2);
  await group.reset();
  const { traceEvents } = recorder.toJSON();
  assertEquals(named(traceEvents, "abandoned").length, 1);
  const counts = named(traceEvents, "tasks");
  assertEquals(counts.at(-1)!.args!["queued"], 0);
});

test("Recorder cuts ids, keys and errors that are long, and names a task without a text by its number", async () => {
  const recorder = new Recorder();
  const onError = () => {};
  const group = new CoGroup({ concurrency: 1, observer: recorder, onError });
  const long = "x".repeat(1_000_000);
  group.add(() => Promise.reject(long), { id: long, key: long });
  group.add(() => {}, { id: "" });
  await group.wait();
  const [first, second] = slices(recorder.toJSON().traceEvents);
  assertEquals(first!.name, `${"x".repeat(99)}…`);
  for (const name of ["key", "error"]) {
    assertEquals(first!.args![name], `${"x".repeat(999)}…`);
  }
  assertEquals(second!.name, "task 2");
  checkFormat(recorder.toJSON().traceEvents);
});

test("Recorder shows no slice of negative length where a test has faked performance.now meanwhile", async () => {
  const { now } = performance;
  const recorder = new Recorder();
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  const waits = [gate(), gate()];
  try {
    for (const { promise } of waits) group.add(() => promise);
    await settled();
    performance.now = () => 0;
    waits[0]!.open();
    await settled();
    checkFormat(recorder.toJSON().traceEvents);
  } finally {
    performance.now = now;
  }
  waits[1]!.open();
  await group.wait();
  checkFormat(recorder.toJSON().traceEvents);
});

test("Recorder shows no error of a step that it has forgotten", async () => {
  const recorder = new Recorder({ steps: 3 });
  const onError = () => {};
  const group = new CoGroup({ concurrency: 1, observer: recorder, onError });
  const ends = () => slices(recorder.toJSON().traceEvents).at(-1)!.args!;
  group.add(() => Promise.reject("broken"));
  await group.idle();
  assertEquals(ends()["error"], "broken");
  await group.go(() => {});
  assertEquals(ends()["error"], undefined);
});

test("Recorder ends the delay of a task that the queue does not take back", () => {
  const recorder = new Recorder();
  const { id, key } = { id: "a", key: undefined };
  const task = { number: 1, id, key, priority: 0, weight: 1 };
  const run = { task, attempt: 1, workerId: 0, elapsed: 1 };
  const steps: Step[] = [
    { type: "accepted", time: 1, task, elapsed: 0 },
    { type: "started", time: 2, ...run },
    { type: "delayed", time: 3, ...run, error: "busy", until: 4 },
    { type: "rejected", time: 4, ...run, workerId: -1, error: "no queue" },
  ];
  for (const step of steps) recorder.onStep(step);
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  assertEquals(slices(traceEvents).map(({ args }) => args!["end"]), [
    "delayed",
  ]);
  assertEquals(
    named(traceEvents, "delayed").filter(({ cat }) => cat === "delayed").map((
      { ts },
    ) => ts),
    [
      3000,
      4000,
    ],
  );
});

test("Recorder has an arrow for each task that waited, also of 2,000 that a coarse clock gives one time", () => {
  const recorder = new Recorder();
  const numbers = Array.from({ length: 2_000 }, (_, i) => i + 1);
  const taskOf = (number: number) => ({
    task: { number, id: number, key: undefined, priority: 0, weight: 1 },
  });
  for (const number of numbers) {
    const step = { time: 5, ...taskOf(number), elapsed: 0 };
    recorder.onStep({ type: "accepted", ...step });
  }
  for (const number of numbers) {
    // The first one does not wait.
    const run = { ...taskOf(number), workerId: 0, attempt: 1 };
    const start = { time: 4 + number, elapsed: number - 1 };
    recorder.onStep({ type: "started", ...run, ...start });
    const end = { time: 5 + number, elapsed: 1 };
    recorder.onStep({ type: "fulfilled", ...run, ...end });
  }
  const { traceEvents } = recorder.toJSON();
  checkFormat(traceEvents);
  const queued = traceEvents.filter(({ ph, tid }) => ph === "X" && tid > 0);
  assertEquals(
    queued.map(({ name }) => name),
    numbers.slice(1).map(String),
  );
  for (const { ts } of queued) assert(ts >= 5_000 && ts < 5_001, `${ts}`);
});

test("Recorder holds the texts of ids and errors that have none", async () => {
  const recorder = new Recorder();
  const group = new CoGroup({
    concurrency: 1,
    observer: recorder,
    onError: () => {},
  });
  const odd = Object.create(null);
  group.add(() => Promise.reject(odd), { id: odd, key: Symbol("s") });
  await group.wait();
  const [slice] = slices(recorder.toJSON().traceEvents);
  assertEquals(
    [slice!.name, slice!.args!["error"], slice!.args!["key"]],
    ["object", "object", "Symbol(s)"],
  );
});

test("new Recorder() refuses options that are none", () => {
  for (const steps of [0, -1, 1.5, NaN, Infinity, 2 ** 32]) {
    assertThrows(() => new Recorder({ steps }), RangeError, "steps");
  }
  assertThrows(() => new Recorder({ steps: "1" as never }), TypeError, "steps");
  assertThrows(() => new Recorder({ name: 7 as never }), TypeError, "name");
  assertThrows(() => new Recorder(null as never), TypeError, "options");
  assertEquals(new Recorder().name, "CoGroup");
});

test("Recorder.eventsSince() refuses a cursor that it has not given", () => {
  const recorder = new Recorder();
  for (const cursor of [1, -1, NaN, 0.5]) {
    assertThrows(() => recorder.eventsSince(cursor), RangeError, "cursor");
  }
  assertThrows(() => recorder.eventsSince("0" as never), TypeError, "cursor");
});
