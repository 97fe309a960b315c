import { Channel, CoGroup, type CoGroupOptions, type Task } from "../mod.ts";
import { assertBooks, range } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

const bad = (options: unknown) => () => new CoGroup(options as CoGroupOptions);

const outOfRange: [string, unknown, string][] = [
  ["concurrency", 0, "0"],
  ["concurrency", -1, "-1"],
  ["concurrency", 1.5, "1.5"],
  ["concurrency", NaN, "NaN"],
  ["concurrency", -Infinity, "-Infinity"],
  ["capacity", -1, "-1"],
  ["capacity", 1.5, "1.5"],
  ["capacity", NaN, "NaN"],
  ["grace", -1, "-1"],
  ["grace", NaN, "NaN"],
  ["timeout", -1, "-1"],
  ["timeout", NaN, "NaN"],
  ["slice", -1, "-1"],
  ["slice", NaN, "NaN"],
];

for (const [name, value, shown] of outOfRange) {
  test(`new CoGroup() with ${name} ${shown} throws a RangeError that says so`, () => {
    const options = { concurrency: 1, [name]: value };
    const error = assertThrows(bad(options), RangeError, name);
    assert(error.message.endsWith(`received ${shown}`), error.message);
  });
}

const wrongType: [string, unknown, string][] = [
  ["concurrency", "8", '"8"'],
  ["concurrency", undefined, "undefined"],
  ["concurrency", null, "null"],
  ["concurrency", 1n, "1"],
  ["capacity", "8", '"8"'],
  ["signal", {}, "[object Object]"],
  ["signal", null, "null"],
  ["signal", "abort", '"abort"'],
  ["grace", "yes", '"yes"'],
  ["grace", true, "true"],
  ["worker", 5, "5"],
  ["onError", "log", '"log"'],
  ["retry", 3, "3"],
  ["timeout", "1s", '"1s"'],
  ["slice", "10", '"10"'],
  ["paused", 1, "1"],
];

for (const [name, value, shown] of wrongType) {
  test(`new CoGroup() with ${name} ${shown} throws a TypeError that says so`, () => {
    const options = { concurrency: 1, [name]: value };
    const error = assertThrows(bad(options), TypeError, name);
    assert(error.message.endsWith(`received ${shown}`), error.message);
  });
}

test("new CoGroup() takes a number or options, and nothing else", () => {
  assertEquals(new CoGroup(3).concurrency, 3);
  assertEquals(new CoGroup({ concurrency: Infinity }).concurrency, Infinity);
  assertEquals(new CoGroup({ concurrency: 1, capacity: 0 }).capacity, 0);
  assertEquals(new CoGroup(1).capacity, Infinity);
  assertThrows(
    bad("8"),
    TypeError,
    'concurrency must be a number or options, received "8"',
  );
  assertThrows(bad(undefined), TypeError, "received undefined");
  assertThrows(bad(null), TypeError, "received null");
  assertThrows(bad(0), RangeError, "concurrency");
});

test("CoGroup.concurrency set to what it can't be throws, and stays as it was", () => {
  const group = new CoGroup(2);
  for (const value of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => group.concurrency = value,
      RangeError,
      "Cannot set concurrency: concurrency must",
    );
  }
  assertThrows(() => group.concurrency = "4" as never, TypeError, '"4"');
  assertEquals(group.concurrency, 2);
});

for (const task of [undefined, null, "task", {}] as unknown as Task[]) {
  test(`A task that is no function (${String(task)}) is a TypeError at the call that brought it, and no task`, async () => {
    const group = new CoGroup(1);
    assertThrows(() => group.add(task), TypeError, "task must be a function");
    assertThrows(() => group.tryInsert(task), TypeError, "task");
    await assertRejects(() => group.insert(task), TypeError, "task");
    await assertRejects(
      () => group.go(task),
      TypeError,
      "Cannot go: task must",
    );
    assertEquals(group.stats.accepted, 0);
    await group.wait();
    assertThrows(() => group.add(task), TypeError, "task");
  });
}

const badOptions: [string, unknown][] = [
  ["options", 5],
  ["signal", { signal: {} }],
  ["timeout", { timeout: -1 }],
  ["timeout", { timeout: "1" }],
  ["priority", { priority: "high" }],
  ["retry", { retry: 3 }],
  ["retry.maxAttempts", { retry: { maxAttempts: 0 } }],
];

for (const [name, value] of badOptions) {
  test(`Options of a task with a bad ${name} (${JSON.stringify(value)}) are an error at the call, and nothing is lost`, async () => {
    const group = new CoGroup(1);
    const options = value as { timeout: number };
    const task = () => {};
    const said = (method: string) => `Cannot ${method}: ${name} must`;
    assertThrows(() => group.add(task, options), Error, said("add"));
    assertThrows(
      () => group.tryInsert(task, options),
      Error,
      said("tryInsert"),
    );
    assertThrows(() => group.map([], task, options), Error, said("map"));
    await assertRejects(
      () => group.insert(task, options),
      Error,
      said("insert"),
    );
    await assertRejects(() => group.go(task, options), Error, said("go"));
    await assertRejects(
      () => group.insertAll([{ task, options }]),
      Error,
      said("insertAll"),
    );
    assertEquals(group.stats.accepted, 0);
    let ran = false;
    group.add(() => void (ran = true));
    await group.wait();
    assert(ran);
  });
}

test("CoGroup.map() and mapSettled() throw for a bad source, fn, order or ahead", () => {
  const group = new CoGroup(1);
  const fn = () => {};
  for (const method of ["map", "mapSettled"] as const) {
    const map = group[method].bind(group) as (...args: unknown[]) => unknown;
    assertThrows(() => map(5, fn), TypeError, "source");
    assertThrows(() => map(undefined, fn), TypeError, "source");
    assertThrows(() => map([], "fn"), TypeError, `Cannot ${method}: fn must`);
    assertThrows(() => map([], fn, { ordered: 1 }), TypeError, "ordered");
    assertThrows(() => map([], fn, { ahead: -1 }), RangeError, "ahead");
    assertThrows(() => map([], fn, { ahead: "1" }), TypeError, "ahead");
    assertThrows(() => map([], fn, null), TypeError, "options");
  }
});

test("CoGroup.insertAll() rejects for what is no source, and for what is no task; what came before runs", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 2 });
  await assertRejects(() => group.insertAll(5 as never), TypeError, "source");
  let closed = 0;
  let ran = 0;
  function* tasks() {
    try {
      for (const _ of range(3)) yield () => void ran++;
      yield "no task" as never;
    } finally {
      closed++;
    }
  }
  await assertRejects(() => group.insertAll(tasks()), TypeError, "task");
  for (
    const [bad, shown] of [[{ task: 5 }, 5], [null, null], [
      undefined,
      undefined,
    ], [8, 8]]
  ) {
    const error = await assertRejects(
      () => group.insertAll([bad as never]),
      TypeError,
      "Cannot insertAll: task must be a function",
    );
    assert(error.message.endsWith(`received ${shown}`), error.message);
  }
  assert(group.tryInsert(() => void ran++), "the place is free again");
  assertEquals([await group.wait(), ran, closed], [0, 4, 1]);
  assertBooks(group);
});

test("CoGroup.wait() and progress() complain about bad options", async () => {
  const group = new CoGroup(1);
  await assertRejects(
    () => group.wait({ signal: {} as never }),
    TypeError,
    "Cannot wait: signal must",
  );
  await assertRejects(
    () => group.wait(5 as never),
    TypeError,
    "Cannot wait: options must",
  );
  assert(!group.closed, "a call that failed has done nothing");
  assertThrows(() => group.progress({ interval: -1 }), RangeError, "interval");
  assertThrows(() => group.progress(5 as never), TypeError, "options");
});

test("new Channel() complains about a bad capacity", () => {
  const channel = (capacity: unknown) => () =>
    new Channel({ capacity: capacity as number });
  assertThrows(channel(-1), RangeError, "capacity");
  assertThrows(channel("8"), TypeError, "capacity");
});
