import * as mod from "../mod.ts";
import * as channels from "../src/channel/mod.ts";
import * as consuming from "../src/consume/mod.ts";
import * as trace from "../src/trace/mod.ts";
import { assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("mod.ts exports exactly these values", () => {
  assertEquals(Object.keys(mod).sort(), [
    "Channel",
    "ChannelClosedError",
    "CoGroup",
    "CoGroupClosedError",
    "Semaphore",
    "adaptiveLimit",
    "allOf",
    "checkedQueue",
    "droppingQueue",
    "fifoQueue",
    "keyedQueue",
    "priorityQueue",
    "rateLimit",
    "select",
    "slidingQueue",
  ]);
});

test("The entry point for channels exports exactly these values, the same as mod.ts", () => {
  assertEquals(Object.keys(channels).sort(), [
    "Channel",
    "ChannelClosedError",
    "checkedQueue",
    "droppingQueue",
    "fifoQueue",
    "keyedQueue",
    "priorityQueue",
    "select",
    "slidingQueue",
  ]);
  for (const [name, value] of Object.entries(channels)) {
    assertStrictEquals(value, mod[name as keyof typeof mod] as typeof value);
  }
});

test("The entry point for durable queues exports exactly one value", () => {
  assertEquals(Object.keys(consuming), ["consume"]);
});

test("A Consumption has exactly these members", async () => {
  const group = new mod.CoGroup(1);
  group.close();
  const consumption = consuming.consume(group, () => [], () => {});
  assertEquals(Object.keys(consumption), ["close", "wait", "stats", "error"]);
  await consumption.wait();
});

test("The entry point for traces exports exactly these values", () => {
  assertEquals(Object.keys(trace).sort(), [
    "QUEUE",
    "Recorder",
    "diagnosticsObserver",
    "progressLines",
    "serveTrace",
    "tellAll",
  ]);
});

test("CoGroup has exactly these members", () => {
  const members = Object.getOwnPropertyNames(mod.CoGroup.prototype);
  assertEquals(members.sort(), [
    "abort",
    "add",
    "capacity",
    "clear",
    "close",
    "closed",
    "closing",
    "concurrency",
    "constructor",
    "go",
    "idle",
    "inFlight",
    "insert",
    "insertAll",
    "map",
    "mapSettled",
    "pause",
    "paused",
    "progress",
    "reset",
    "resume",
    "setPriority",
    "shutdown",
    "signal",
    "size",
    "stats",
    "tasks",
    "tryInsert",
    "wait",
    "withdraw",
  ]);
  const group = new mod.CoGroup(1);
  assertEquals(Object.keys(group), []);
  assertEquals(typeof group[Symbol.asyncDispose], "function");
});
