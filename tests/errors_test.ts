import {
  ChannelClosedError,
  CoGroupClosedError,
  outOfRange,
  show,
  wrongType,
} from "../src/base/errors.ts";
import {
  CoGroup,
  droppingQueue,
  type QueuedTask,
  slidingQueue,
} from "../mod.ts";
import { assert, assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("ChannelClosedError is an Error with a name, and without a value if there is none", () => {
  const error = new ChannelClosedError("Cannot receive");
  assert(error instanceof Error);
  assertEquals(
    [error.name, error.message, "value" in error],
    ["ChannelClosedError", "Cannot receive", false],
  );
  assert(error.stack!.includes("errors_test"));
});

test("ChannelClosedError.value is what was not sent, undefined too, and is not to be changed", () => {
  const value = {};
  assertStrictEquals(new ChannelClosedError("why", value).value, value);
  const error = new ChannelClosedError("why", undefined);
  assertEquals(Object.getOwnPropertyDescriptor(error, "value"), {
    value: undefined,
    writable: false,
    enumerable: true,
    configurable: false,
  });
});

test("CoGroupClosedError is an Error with a name, no ChannelClosedError, and without a value if there is none", () => {
  const error = new CoGroupClosedError("Cannot go");
  assert(error instanceof Error && !(error instanceof ChannelClosedError));
  assertEquals([error.name, error.message, "value" in error], [
    "CoGroupClosedError",
    "Cannot go",
    false,
  ]);
});

test("CoGroupClosedError.value is the task that was not accepted, and is not to be changed", () => {
  const value = () => {};
  const error = new CoGroupClosedError("why", value);
  assertEquals(Object.getOwnPropertyDescriptor(error, "value"), {
    value,
    writable: false,
    enumerable: true,
    configurable: false,
  });
});

test('show() does not let "8" and 8 look alike, nor anything else break the message', () => {
  class Thing {}
  const shown = [
    ["8", '"8"'],
    ['a "b"', '"a \\"b\\""'],
    [8, "8"],
    [NaN, "NaN"],
    [true, "true"],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [[1, 2], "[object Array]"],
    [{}, "[object Object]"],
    [new Thing(), "[object Object]"],
    [Object.create(null), "[object Object]"],
    [new Map(), "[object Map]"],
    [() => 1, "a function"],
    [function task() {}, "function task"],
    [Thing, "function Thing"],
  ];
  for (const [value, text] of shown) assertEquals(show(value), text);
});

test("wrongType() and outOfRange() say what was tried, what was wanted and what was received", () => {
  const message = 'Cannot add: timeout must be a number, received "8"';
  const type = wrongType("add", "timeout", "a number", "8");
  assert(type instanceof TypeError);
  assertEquals(type.message, message);
  const range = outOfRange("add", "timeout", "a number", "8");
  assert(range instanceof RangeError);
  assertEquals(range.message, message);
});

test("What became of a task that never runs is said by its error", async () => {
  const messageOf = (promise: Promise<unknown>) =>
    promise.catch(({ name, message }) => `${name}: ${message}`);
  const paused = { concurrency: 1, paused: true };
  const cleared = new CoGroup(paused);
  const first = cleared.go(() => {});
  cleared.clear();
  assertEquals(await messageOf(first), "AbortError: The task was cleared");
  const aborted = new CoGroup(paused);
  const second = aborted.go(() => {});
  aborted.abort();
  assertEquals(
    await messageOf(second),
    "AbortError: The group was aborted",
  );
  const queue = droppingQueue<QueuedTask>(0);
  assertEquals(
    await messageOf(new CoGroup({ ...paused, queue }).go(() => {})),
    "AbortError: Cannot go: the queue is full",
  );
  const closed = new CoGroup(1);
  closed.close();
  assertEquals(
    await messageOf(closed.go(() => {})),
    "CoGroupClosedError: Cannot go: the group is closed (idle() leaves it open)",
  );
  const sliding = slidingQueue<QueuedTask>(1);
  const evicting = new CoGroup({ ...paused, queue: sliding });
  const third = evicting.go(() => {});
  evicting.add(() => {});
  assertEquals(await messageOf(third), "AbortError: The task was evicted");
});
