import { readFile } from "node:fs/promises";
import * as mod from "../mod.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/**
 * The files of src/, from the bottom to the top: each may import from those
 * above it in this list, and from no others.
 */
const layers = {
  "errors.ts": () => import("../src/errors.ts", { with: { type: "text" } }),
  "check.ts": () => import("../src/check.ts", { with: { type: "text" } }),
  "list.ts": () => import("../src/list.ts", { with: { type: "text" } }),
  "heap.ts": () => import("../src/heap.ts", { with: { type: "text" } }),
  "bell.ts": () => import("../src/bell.ts", { with: { type: "text" } }),
  "ids.ts": () => import("../src/ids.ts", { with: { type: "text" } }),
  "turn.ts": () => import("../src/turn.ts", { with: { type: "text" } }),
  "books.ts": () => import("../src/books.ts", { with: { type: "text" } }),
  "delays.ts": () => import("../src/delays.ts", { with: { type: "text" } }),
  "queue.ts": () => import("../src/queue.ts", { with: { type: "text" } }),
  "own_queue.ts": () =>
    import("../src/own_queue.ts", { with: { type: "text" } }),
  "fifo_queue.ts": () =>
    import("../src/fifo_queue.ts", { with: { type: "text" } }),
  "sliding_queue.ts": () =>
    import("../src/sliding_queue.ts", { with: { type: "text" } }),
  "dropping_queue.ts": () =>
    import("../src/dropping_queue.ts", { with: { type: "text" } }),
  "checked_queue.ts": () =>
    import("../src/checked_queue.ts", { with: { type: "text" } }),
  "places.ts": () => import("../src/places.ts", { with: { type: "text" } }),
  "settlers.ts": () => import("../src/settlers.ts", { with: { type: "text" } }),
  "maybe.ts": () => import("../src/maybe.ts", { with: { type: "text" } }),
  "sender.ts": () => import("../src/sender.ts", { with: { type: "text" } }),
  "line.ts": () => import("../src/line.ts", { with: { type: "text" } }),
  "retry.ts": () => import("../src/retry.ts", { with: { type: "text" } }),
  "task.ts": () => import("../src/task.ts", { with: { type: "text" } }),
  "priority_queue.ts": () =>
    import("../src/priority_queue.ts", { with: { type: "text" } }),
  "keyed_queue.ts": () =>
    import("../src/keyed_queue.ts", { with: { type: "text" } }),
  "print.ts": () => import("../src/print.ts", { with: { type: "text" } }),
  "context.ts": () => import("../src/context.ts", { with: { type: "text" } }),
  "signals.ts": () => import("../src/signals.ts", { with: { type: "text" } }),
  "governor.ts": () => import("../src/governor.ts", { with: { type: "text" } }),
  "permits.ts": () => import("../src/permits.ts", { with: { type: "text" } }),
  "semaphore.ts": () =>
    import("../src/semaphore.ts", { with: { type: "text" } }),
  "rate_limit.ts": () =>
    import("../src/rate_limit.ts", { with: { type: "text" } }),
  "adaptive_limit.ts": () =>
    import("../src/adaptive_limit.ts", { with: { type: "text" } }),
  "gate.ts": () => import("../src/gate.ts", { with: { type: "text" } }),
  "entry.ts": () => import("../src/entry.ts", { with: { type: "text" } }),
  "call.ts": () => import("../src/call.ts", { with: { type: "text" } }),
  "runner.ts": () => import("../src/runner.ts", { with: { type: "text" } }),
  "attempt.ts": () => import("../src/attempt.ts", { with: { type: "text" } }),
  "waiter.ts": () => import("../src/waiter.ts", { with: { type: "text" } }),
  "channel_options.ts": () =>
    import("../src/channel_options.ts", { with: { type: "text" } }),
  "channel.ts": () => import("../src/channel.ts", { with: { type: "text" } }),
  "options.ts": () => import("../src/options.ts", { with: { type: "text" } }),
  "worker.ts": () => import("../src/worker.ts", { with: { type: "text" } }),
  "core.ts": () => import("../src/core.ts", { with: { type: "text" } }),
  "intake.ts": () => import("../src/intake.ts", { with: { type: "text" } }),
  "source.ts": () => import("../src/source.ts", { with: { type: "text" } }),
  "feed.ts": () => import("../src/feed.ts", { with: { type: "text" } }),
  "stream_item.ts": () =>
    import("../src/stream_item.ts", { with: { type: "text" } }),
  "carrier.ts": () => import("../src/carrier.ts", { with: { type: "text" } }),
  "stream.ts": () => import("../src/stream.ts", { with: { type: "text" } }),
  "map.ts": () => import("../src/map.ts", { with: { type: "text" } }),
  "progress.ts": () => import("../src/progress.ts", { with: { type: "text" } }),
  "cogroup.ts": () => import("../src/cogroup.ts", { with: { type: "text" } }),
};

const names = Object.keys(layers);

async function textOf(name: string): Promise<string> {
  // Node has no text imports, and needs no permission to read.
  if (!("Deno" in globalThis) && !("Bun" in globalThis)) {
    return await readFile(new URL(`../src/${name}`, import.meta.url), "utf8");
  }
  const { default: text } = await layers[name as keyof typeof layers]();
  return text as unknown as string;
}

function importsOf(text: string): string[] {
  // Those of doc examples are in comments, behind an asterisk.
  const imports = text.matchAll(/^(?:import|export|\}).* from "(.+)";$/gm);
  return [...imports].map(([, specifier]) => specifier!);
}

test("mod.ts exports exactly these values", () => {
  assertEquals(Object.keys(mod).sort(), [
    "Channel",
    "ChannelClosedError",
    "CoGroup",
    "CoGroupClosedError",
    "Semaphore",
    "adaptiveLimit",
    "droppingQueue",
    "fifoQueue",
    "keyedQueue",
    "priorityQueue",
    "rateLimit",
    "slidingQueue",
  ]);
});

test("CoGroup has exactly these members", () => {
  const members = Object.getOwnPropertyNames(mod.CoGroup.prototype);
  assertEquals(members.sort(), [
    "add",
    "cancel",
    "capacity",
    "close",
    "closed",
    "concurrency",
    "constructor",
    "drain",
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
    "signal",
    "size",
    "stats",
    "tryInsert",
    "wait",
  ]);
  const group = new mod.CoGroup(1);
  assertEquals(Object.keys(group), []);
  assertEquals(typeof group[Symbol.asyncDispose], "function");
});

test("src/ imports point downward, never in a circle, and out of src/ not at all", async () => {
  for (const name of names) {
    const text = await textOf(name);
    assert(text.startsWith("/**\n * "), `${name} states what it is for`);
    for (const specifier of importsOf(text)) {
      assert(specifier.startsWith("./"), `${name} imports ${specifier}`);
      const below = names.slice(0, names.indexOf(name));
      assert(
        below.includes(specifier.slice(2)),
        `${name} imports ${specifier}, which is not below it`,
      );
    }
  }
});

test("src/ has no file of more than 350 lines", async () => {
  for (const name of names) {
    const lines = (await textOf(name)).split("\n").length - 1;
    assert(lines <= 350, `${name} has ${lines} lines`);
  }
});
