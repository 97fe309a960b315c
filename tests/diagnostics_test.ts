import { subscribe, unsubscribe } from "node:diagnostics_channel";
import process from "node:process";
import { CoGroup, type Step } from "../mod.ts";
import {
  type DiagnosticsMessage,
  diagnosticsObserver,
  Recorder,
  tellAll,
} from "../src/trace/mod.ts";
import { assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

const observer = (onStep: (step: Step) => void) => ({ onStep });

test("diagnosticsObserver() publishes each step on the channel of its type", async () => {
  const heard: string[] = [];
  const types = ["accepted", "started", "fulfilled", "closed"];
  const onMessage = (message: unknown, channel: unknown) => {
    const { name, step } = message as DiagnosticsMessage;
    if (name === "this one") heard.push(`${String(channel)} ${step.type}`);
  };
  for (const type of types) subscribe(`cogroup:${type}`, onMessage);
  try {
    const observer = diagnosticsObserver({ name: "this one" });
    const group = new CoGroup({ concurrency: 1, observer });
    const other = new CoGroup({
      concurrency: 1,
      observer: diagnosticsObserver(),
    });
    await Promise.all([group.go(() => {}), other.go(() => {})]);
    group.pause(); // Nothing is subscribed to that.
    group.resume();
    await group.wait();
  } finally {
    for (const type of types) unsubscribe(`cogroup:${type}`, onMessage);
  }
  assertEquals(heard, types.map((type) => `cogroup:${type} ${type}`));
});

test("diagnosticsObserver() does nothing where there is no such module", async () => {
  const runtime = process as { getBuiltinModule?: unknown };
  const { getBuiltinModule } = runtime;
  runtime.getBuiltinModule = undefined;
  try {
    const observer = diagnosticsObserver();
    const group = new CoGroup({ concurrency: 1, observer });
    assertEquals(await group.go(() => 1), 1);
  } finally {
    runtime.getBuiltinModule = getBuiltinModule;
  }
});

test("diagnosticsObserver() refuses a name that is no string", () => {
  assertThrows(
    () => diagnosticsObserver({ name: 1 as never }),
    TypeError,
    "name",
  );
});

test("tellAll() tells each of its observers, in order, whatever the others throw", async () => {
  const { error } = console;
  const heard: unknown[] = [];
  console.error = (error: unknown) => void heard.push(error);
  try {
    const recorder = new Recorder();
    const all = tellAll(
      observer(({ type }) => void heard.push(`first ${type}`)),
      observer(({ type }) => {
        if (type !== "created") throw "second";
      }),
      observer(({ type }) => {
        if (type !== "created") return Promise.reject("third") as never;
      }),
      recorder,
    );
    const group = new CoGroup({ concurrency: 1, observer: all });
    group.close();
    await group.wait();
    const created = heard.shift();
    assertEquals(created, "first created");
    assertEquals(heard, ["first closed", "second", "third"]);
    assertEquals(recorder.toJSON().otherData.steps, 2);
    assertThrows(
      () => new CoGroup({ concurrency: 1, observer: tellAll(all) }),
      TypeError,
      "a Recorder is for one group",
    );
  } finally {
    console.error = error;
  }
});

test("tellAll() refuses what is no observer", () => {
  for (const wrong of [undefined, {}, 7]) {
    assertThrows(
      () => tellAll(new Recorder(), wrong as never),
      TypeError,
      "onStep",
    );
  }
});
