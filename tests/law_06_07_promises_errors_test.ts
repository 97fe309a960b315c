import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  CoGroup,
  CoGroupClosedError,
  priorityQueue,
  type TaskFailure,
} from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import { assert, assertEquals, assertRejects } from "./support/std.ts";
import { test } from "./support/test.ts";
import { ownFailure } from "./support/own_failure.ts";
import { unhandled } from "./support/unhandled.ts";

test("CoGroup.go() gives the task's own result, typed", async () => {
  await using group = new CoGroup(2);
  const length: number = await group.go(() => "four".length);
  const text: string = await group.go(() => Promise.resolve("text"));
  assertEquals([length, text], [4, "text"]);
});

test("CoGroup.go() rejects with the task's own error, which onError does not hear of", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({ concurrency: 1, onError: (e) => heard.push(e) });
  const error = new Error("own");
  for (const retry of [undefined, { maxAttempts: 1 }]) {
    const options = retry && { retry };
    assertEquals(
      await group.go(() => {
        throw error;
      }, options).catch((e) => e),
      error,
    );
    assertEquals(
      await group.go(() => Promise.reject(undefined), options)
        .then(() => "fulfilled", (e) => e),
      undefined,
    );
  }
  assertEquals(heard, []);
  assertEquals(group.stats.rejected, 4);
});

test("CoGroup.go() rejects with a CoGroupClosedError when the intake is closed", async () => {
  const group = new CoGroup(1);
  group.close();
  await assertRejects(() => group.go(() => {}), CoGroupClosedError, "closed");
});

test("CoGroup.go() rejects with the abort's reason when its task is abandoned", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const running = group.go(tasks.task("running"));
  const queued = [group.go(() => {}), group.go(() => {}, { timeout: 5000 })];
  await settled();
  const reason = new Error("stop");
  group.abort(reason);
  for (const promise of queued) {
    assertEquals(await promise.catch((error) => error), reason);
  }
  tasks.openAll();
  await running;
  assertEquals(await group.wait(), 2);
});

test("CoGroup.go() rejects with an AbortError when its task is cleared", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  const promises = [group.go(() => {}), group.go(() => {}, { timeout: 5000 })];
  assertEquals(group.clear().length, 2);
  for (const promise of promises) {
    const error = await promise.catch((error) => error);
    assert(error instanceof DOMException);
    assertEquals(error.name, "AbortError");
  }
  assertEquals(await group.wait(), 2);
});

test("CoGroup.go() cleared in the microtask in which it was called does not start", async () => {
  for (const moment of range(6)) {
    const group = new CoGroup(1);
    let started = 0;
    for (const _ of range(3)) group.go(() => started++).catch(() => {});
    for (const _ of range(moment)) await Promise.resolve();
    const before = started;
    const cleared = group.clear().length;
    assertBooks(group);
    await group.wait();
    assertEquals([started, before + cleared], [before, 3]);
  }
});

test("Law 6: abandoned go promises that are not read are no unhandled rejections", async () => {
  const seen = await unhandled(async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const promises = range(1000).map(() => group.go(() => {}));
    const withdrawn = new AbortController();
    group.go(() => {}, { signal: withdrawn.signal });
    withdrawn.abort();
    const reason = new Error("stop");
    group.abort(reason);
    group.go(() => {});
    assertEquals(await promises[500]!.catch((error) => error), reason);
    const closed = new CoGroup(1);
    closed.close();
    closed.go(() => {});
    closed.go(() => {}, { signal: AbortSignal.abort() });
    const cleared = new CoGroup({ concurrency: 1, paused: true });
    cleared.go(() => {});
    cleared.clear();
    const mapped = new CoGroup(1);
    mapped.map([1, 2], () => {}).next();
    await mapped.wait(); // Closed before anything was pulled.
  });
  assertEquals(seen, []);
});

test("Law 6: a task's own failure, or a source's, that is not read is one unhandled rejection", async () => {
  if ("Deno" in globalThis) {
    const own = new Error("own failure");
    assertEquals(await ownFailure(own), range(6).map(() => own));
  } else {
    const { execFileSync } = await import("node:child_process");
    const url = new URL("./support/own_failure.ts", import.meta.url);
    const printed = execFileSync(process.execPath, [fileURLToPath(url)]);
    assertEquals(printed.toString().trim().split("\n").at(-1), "6");
  }
});

const hostile: [string, () => unknown, isFulfilled: boolean][] = [
  ["throws undefined", () => {
    throw undefined;
  }, false],
  ["rejects with undefined", () => Promise.reject(undefined), false],
  ["returns a thenable whose then getter throws", () => ({
    get then() {
      throw new Error("getter");
    },
  }), false],
  ["returns a thenable whose then throws", () => ({
    then() {
      throw new Error("then");
    },
  }), false],
  ["returns a thenable that calls both callbacks", () => ({
    then(resolve: (value: unknown) => void, reject: (e: unknown) => void) {
      resolve(1);
      reject(new Error("both"));
      resolve(2);
    },
  }), true],
  ["returns a thenable that rejects and then throws", () => ({
    then(_: unknown, reject: (e: unknown) => void) {
      reject(new Error("rejected"));
      throw new Error("thrown");
    },
  }), false],
  [
    "returns a promise with a hostile constructor",
    () =>
      Object.defineProperty(Promise.resolve(), "constructor", {
        get() {
          throw new Error("constructor");
        },
      }),
    false,
  ],
];

for (const [what, task, isFulfilled] of hostile) {
  for (const timeout of [Infinity, 1_000_000]) {
    const kind = timeout === Infinity ? "plain" : "with options";
    test(`Law 7: a task (${kind}) that ${what} counts once, and the next 1,000 run at full concurrency`, async () => {
      const heard: unknown[] = [];
      const group = new CoGroup({
        concurrency: 4,
        onError: (error) => heard.push(error),
        timeout,
      });
      group.add(task);
      await group.idle();
      const { fulfilled, rejected, inFlight } = group.stats;
      assertEquals(
        [fulfilled, rejected, inFlight],
        isFulfilled ? [1, 0, 0] : [0, 1, 0],
      );
      assertEquals(heard.length, isFulfilled ? 0 : 1);

      const promise = group.go(task);
      assertEquals(
        await promise.then(() => true, () => false),
        isFulfilled,
      );

      const tasks = new Tasks();
      for (const i of range(1000)) group.add(tasks.task(i));
      await settled();
      assertEquals(group.inFlight, 4);
      tasks.openAll();
      await group.wait();
      assertEquals(tasks.started.length, 1000);
      assertEquals(heard.length, isFulfilled ? 0 : 1);
    });
  }
}

test("Law 7: onError hears of each error once, and of which task it was and where it ran", async () => {
  const heard: [unknown, TaskFailure][] = [];
  const group = new CoGroup({
    concurrency: 2,
    onError: (error, failure) => void heard.push([error, failure]),
  });
  const plain = () => {
    throw "plain";
  };
  const withOptions = () => {
    throw "with options";
  };
  const options = { timeout: 1000 };
  group.add(plain);
  group.add(withOptions, options);
  await group.wait();
  assertEquals(heard.map(([error]) => error), ["plain", "with options"]);
  const [a, b] = heard.map(([, failure]) => failure);
  assertEquals(a!.task, plain);
  assertEquals([a!.workerId, a!.attempt, a!.options], [0, 1, undefined]);
  assertEquals(b!.task, withOptions);
  assertEquals([b!.workerId, b!.attempt, b!.options], [0, 1, options]);
});

test("Law 7: a custom worker runs around every attempt, and may fail as a task may", async () => {
  const ran: [number, number][] = [];
  const group = new CoGroup({
    concurrency: 1,
    onError: () => {},
    worker: (task, ctx) => {
      ran.push([ctx.workerId, ctx.attempt]);
      if (ran.length === 1) throw new Error("worker");
      return task(ctx);
    },
  });
  group.add(() => {});
  group.add(() => {});
  assertEquals(await group.go(() => "result"), "result");
  assertEquals(
    await group.go(() => "result", { timeout: 1000 }),
    "result",
  );
  assertEquals(ran, [[0, 1], [0, 1], [0, 1], [0, 1]]);
  assertEquals([group.stats.rejected, group.stats.fulfilled], [1, 3]);
});

test("onError that throws or rejects costs nothing, and what it fails with is printed", async () => {
  const printed: unknown[] = [];
  const real = console.error;
  console.error = (error: unknown) => {
    printed.push(error);
    throw new Error("a console that throws");
  };
  try {
    let calls = 0;
    const group = new CoGroup({
      concurrency: 1,
      onError: (error) => {
        calls++;
        if (error === 1) throw "thrown";
        if (error === 2) return Promise.reject("rejected") as never;
        return { then: 5 } as never;
      },
    });
    for (const i of [1, 2, 3]) group.add(() => Promise.reject(i));
    let ran = false;
    group.add(() => void (ran = true));
    await group.wait();
    await settled();
    assert(ran);
    assertEquals([calls, printed], [3, ["thrown", "rejected"]]);
  } finally {
    console.error = real;
  }
});

test("onError is console.error by default, with the error alone", async () => {
  const printed: unknown[][] = [];
  const real = console.error;
  console.error = (...args: unknown[]) => void printed.push(args);
  try {
    const group = new CoGroup(1);
    group.add(() => Promise.reject("oops"));
    await group.wait();
    assertEquals(printed, [["oops"]]);
  } finally {
    console.error = real;
  }
});

test("onError that aborts the group stops on the first error", async () => {
  const group = new CoGroup({
    concurrency: 2,
    onError: (error) => group.abort(error),
  });
  const first = new Error("first");
  const other = gate();
  group.add(() => other.promise);
  group.add(() => Promise.reject(first));
  for (const _ of range(10)) group.add(() => {});
  await settled();
  assertEquals(group.signal.reason, first);
  other.open();
  assertEquals(await group.wait(), 10);
});

test("CoGroup.go() with Promise.all and an abort is an errgroup", async () => {
  const group = new CoGroup(2);
  const first = new Error("first");
  const results = range(10).map((i) =>
    group.go(() => i === 3 ? Promise.reject(first) : i)
  );
  const error = await Promise.all(results).catch((error) => {
    group.abort(error);
    return error;
  });
  assertEquals(error, first);
  await group.wait();
  assertBooks(group);
});

test("Law 7: the failure of a task whose options are for the queue alone goes to onError, once, and costs no worker", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({
    concurrency: 1,
    queue: priorityQueue(),
    onError: (error, { options }) => heard.push([error, options]),
  });
  const options = { priority: 1 };
  group.add(() => {
    throw "own";
  }, options);
  group.add(() => {});
  await group.wait();
  assertEquals(heard, [["own", options]]);
  const { fulfilled, rejected, inFlight } = group.stats;
  assertEquals([fulfilled, rejected, inFlight], [1, 1, 0]);
});
