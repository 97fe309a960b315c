import { Runner } from "../src/group/runner.ts";
import type { TaskContext, WorkerFunction } from "../src/task.ts";
import { settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

const ctx: TaskContext = {
  signal: new AbortController().signal,
  workerId: 3,
  attempt: 2,
  lend: () => Promise.reject("not here"),
};

const task = () => {};

/** What is printed with `console.error` while `run` runs, and soon after. */
async function printed(
  run: () => void,
  write: (...args: unknown[]) => void = () => {},
): Promise<unknown[][]> {
  const lines: unknown[][] = [];
  const { error } = console;
  console.error = (...args) => {
    lines.push(args);
    write();
  };
  try {
    assertEquals(
      await unhandled(async () => {
        run();
        await settled();
      }),
      [],
    );
  } finally {
    console.error = error;
  }
  return lines;
}

test("Runner.invoke() calls the task with its context, and gives its result back as it is", () => {
  const runner = new Runner(undefined);
  const result = Promise.resolve();
  let seen: unknown;
  assertStrictEquals(
    runner.invoke((ctx) => {
      seen = ctx;
      return result;
    }, ctx),
    result,
  );
  assertStrictEquals(seen, ctx);
});

test("Runner.invoke() leaves the task and its context to the worker function, and gives its result back", () => {
  const seen: unknown[] = [];
  let ran = 0;
  const task = () => ++ran;
  const worker = ((...args: unknown[]) => {
    seen.push(...args);
    return "instead";
  }) as WorkerFunction;
  assertEquals(new Runner(worker).invoke(task, ctx), "instead");
  assertEquals([seen.length, ran], [2, 0]);
  assertStrictEquals(seen[0], task);
  assertStrictEquals(seen[1], ctx);
  const around: WorkerFunction = (task, ctx) => task(ctx);
  assertEquals(new Runner(around).invoke(task, ctx), 1);
});

test("Runner.invoke() lets what the task or the worker function throws through", () => {
  const fails = () => {
    throw new Error("why");
  };
  assertThrows(() => new Runner(undefined).invoke(fails, ctx), Error, "why");
  assertThrows(() => new Runner(fails).invoke(task, ctx), Error, "why");
});

test("Runner.report() tells onError of the error, and which task failed where, once", async () => {
  const calls: unknown[][] = [];
  const runner = new Runner(undefined, (...args) => void calls.push(args));
  const options = { timeout: 5 };
  const lines = await printed(() => {
    runner.report("why", { task, options }, ctx);
    runner.report(undefined, { task }, ctx);
  });
  assertEquals(calls, [
    ["why", { task, options, workerId: 3, attempt: 2 }],
    [undefined, { task, options: undefined, workerId: 3, attempt: 2 }],
  ]);
  assertEquals(lines, []);
});

test("Runner.report() prints the error, and nothing else, without an onError", async () => {
  const error = new Error("why");
  const runner = new Runner(undefined);
  const lines = await printed(() => runner.report(error, { task }, ctx));
  assertEquals(lines.length, 1);
  assertEquals(lines[0]!.length, 1);
  assertStrictEquals(lines[0]![0], error);
});

test("Runner.report() prints what onError throws, rejects with, or makes a thenable fail with", async () => {
  const hostile = {
    get then() {
      throw "from then";
    },
  };
  const handlers: [() => unknown, unknown][] = [
    [() => {
      throw "thrown";
    }, "thrown"],
    [() => Promise.reject("rejected"), "rejected"],
    [() => ({
      then: (_: unknown, no: (reason: unknown) => void) => no("thenable"),
    }), "thenable"],
    [() => hostile, "from then"],
    [() => Promise.reject(undefined), undefined],
  ];
  for (const [onError, expected] of handlers) {
    const runner = new Runner(undefined, onError as () => void);
    const lines = await printed(() => runner.report("why", { task }, ctx));
    assertEquals(lines, [[expected]]);
  }
});

test("Runner.report() prints nothing for an onError that returns something harmless", async () => {
  for (const result of [1, null, Promise.resolve(1)]) {
    const runner = new Runner(undefined, () => result);
    assertEquals(await printed(() => runner.report("why", { task }, ctx)), []);
  }
});

test("Runner.report() survives a console that throws", async () => {
  const throws = () => {
    throw new Error("from the console");
  };
  const handlers = [undefined, throws, () => Promise.reject("rejected")];
  for (const onError of handlers) {
    const runner = new Runner(undefined, onError);
    const lines = await printed(
      () => runner.report("why", { task }, ctx),
      throws,
    );
    assert(lines.length === 1);
  }
});
