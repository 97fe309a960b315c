/**
 * `ctx.lend`: a task that waits for something else lends its worker to others.
 */

import {
  type AcquireOptions,
  CoGroup,
  type Governor,
  keyedQueue,
  type Observer,
  type Queue,
  type QueuedTask,
  Semaphore,
  type Step,
  type TaskContext,
} from "../mod.ts";
import {
  assertBooks,
  gate,
  microtasks,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

test("ctx.lend(): go within go comes to its end, 50 deep, on one worker", async () => {
  const group = new CoGroup(1);
  const depth = (n: number): Promise<number> =>
    group.go(async (ctx) => {
      assertEquals(group.inFlight, 1);
      return n === 0 ? 0 : 1 + await ctx.lend(() => depth(n - 1));
    });
  assertEquals(await depth(50), 50);
  assertEquals([await group.wait(), group.stats.fulfilled], [0, 51]);
});

test("ctx.lend(): a mergesort by nested go on 4 workers sorts 1,000 numbers, never more than 4 in flight", async () => {
  const group = new CoGroup(4);
  let most = 0;
  const see = () => most = Math.max(most, group.inFlight);
  const sort = (numbers: number[]): Promise<number[]> =>
    group.go(async (ctx) => {
      see();
      if (numbers.length < 2) return numbers;
      const half = numbers.length >> 1;
      const parts = [numbers.slice(0, half), numbers.slice(half)];
      const [a, b] = await ctx.lend(() => Promise.all(parts.map(sort)));
      see();
      const merged: number[] = [];
      while (a!.length + b!.length > 0) {
        const first = b!.length === 0 || a![0]! <= b![0]! ? a! : b!;
        merged.push(first.shift()!);
      }
      return merged;
    });
  let random = 3;
  const numbers = range(1000).map(() => random = random * 16807 % 2147483647);
  assertEquals(await sort(numbers), numbers.toSorted((a, b) => a - b));
  assertEquals(most, 4);
  await group.wait();
  assertBooks(group);
});

test("ctx.lend(): a lent task is in the books as lent, and its worker takes others", async () => {
  const group = new CoGroup(1);
  const { promise, open } = gate();
  const lent = group.go((ctx) => ctx.lend(() => promise));
  await settled();
  const { inFlight, lent: n } = group.stats;
  assertEquals([inFlight, n, group.inFlight], [0, 1, 0]);
  assertBooks(group);
  assertEquals(await group.go(() => "other"), "other");
  let isIdle = false;
  const idle = group.idle().then(() => isIdle = true);
  await settled();
  assertEquals(isIdle, false, "law 8");
  open();
  await lent;
  await idle;
  assertEquals(group.stats.lent, 0);
});

test("ctx.lend(): a task that comes back goes before everything that has not started, and ctx.workerId says where", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const { promise, open } = gate();
  const order: string[] = [];
  const ids: number[] = [];
  group.add(async (ctx) => {
    await ctx.lend(() => promise);
    order.push("back");
    ids.push(ctx.workerId);
  });
  await settled();
  group.add(tasks.task(0));
  group.add(() => void order.push("next"));
  await settled();
  open();
  await settled();
  assertEquals(order, [], "the worker is busy");
  tasks.open(0);
  await group.wait();
  assertEquals([order, ids], [["back", "next"], [0]]);
});

test("ctx.lend(): two tasks on two workers have different ids again", async () => {
  const group = new CoGroup(2);
  const ids: number[][] = [];
  for (const _ of range(6)) {
    group.add(async (ctx) => {
      await ctx.lend(() => settled());
      const { workerId } = ctx;
      ids.push([workerId, group.inFlight]);
      assert(workerId < 2);
      await settled();
      assertEquals(ctx.workerId, workerId);
    });
  }
  await group.wait();
  assertEquals(ids.length, 6);
  assertEquals(group.stats.rejected, 0);
});

for (const isPaused of [false, true]) {
  test(`ctx.lend(): a lent task goes on after ${isPaused ? "a pause" : "an abort"}, and runs to its end`, async () => {
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const { promise, open } = gate();
    const lent = group.go(async (ctx) => {
      await ctx.lend(() => promise);
      return "to its end";
    });
    await settled();
    if (isPaused) group.pause();
    else group.abort("why");
    const other = group.go(() => "never");
    await settled();
    open();
    assertEquals(await lent, "to its end");
    if (isPaused) {
      group.resume();
      assertEquals(await other, "never");
    } else assertEquals(await other.catch((e) => e), "why");
    await group.wait();
    assertBooks(group);
  });
}

test("ctx.lend(): what the wait throws, or rejects with, is thrown when the task has a worker again", async () => {
  const group = new CoGroup(1);
  for (
    const wait of [
      () => {
        throw "own";
      },
      () => Promise.reject("own"),
    ]
  ) {
    const result = group.go(async (ctx) => {
      const error = await ctx.lend(wait as () => never).catch((e) => e);
      return [error, group.stats.inFlight, group.stats.lent];
    });
    assertEquals(await result, ["own", 1, 0]);
  }
});

test("ctx.lend(): a task that ends while its worker is lent is counted once, and the group goes on", async () => {
  for (const options of [undefined, { timeout: 60_000 }]) {
    for (const call of ["go", "add"] as const) {
      const group = new CoGroup({ concurrency: 1, onError: () => {} });
      const { promise, open } = gate();
      let back = false;
      group[call]((ctx) => {
        ctx.lend(() => promise).then(() => back = true);
        return settled();
      }, options);
      await settled();
      const others = range(3).map((n) => group.go(() => n));
      assertEquals(await Promise.all(others), [0, 1, 2]);
      await group.idle();
      assertBooks(group);
      assertEquals([group.stats.lent, group.stats.fulfilled], [0, 4]);
      open();
      await settled();
      assertEquals([back, group.stats.inFlight], [true, 0]);
      assertEquals(await group.wait(), 0);
    }
  }
});

test("ctx.lend(): a task that takes its context as one of any number of arguments is counted once, too", async () => {
  for (const call of ["go", "add"] as const) {
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const { promise, open } = gate();
    group[call]((...[ctx]) => void ctx.lend(() => promise));
    await microtasks();
    assertEquals(await group.go(({ workerId }) => workerId), 0);
    await group.idle();
    const { fulfilled, inFlight, lent } = group.stats;
    assertEquals([fulfilled, inFlight, lent], [2, 0, 0], call);
    open();
    assertEquals(await group.wait(), 0);
  }
});

test("ctx.lend() and ctx.signal of a go that has failed, at once or after another, are of no task any more", async () => {
  const group = new CoGroup({ concurrency: 1, slice: Infinity, grace: 0 });
  const contexts: TaskContext[] = [];
  const fails = (ctx: TaskContext) => {
    contexts.push(ctx);
    throw new Error("failed");
  };
  const calls = [group.go(fails), group.go(fails)];
  await Promise.allSettled(calls);
  const { promise, open } = gate();
  const last = group.go(() => promise);
  await microtasks();
  const lent = contexts.map((ctx) => ctx.lend(() => "lent"));
  const signals = contexts.map(({ signal }) => signal);
  assertEquals([group.stats.lent, group.inFlight], [0, 1]);
  group.abort();
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
  open();
  await last;
  assertEquals(await Promise.all(lent), ["lent", "lent"]);
  await group.wait();
});

test("ctx.lend() several times at once lends once: the task has a worker again when the last wait is over", async () => {
  const group = new CoGroup(1);
  const gates = [gate(), gate()];
  let back = 0;
  const result = group.go((ctx) =>
    Promise.all(gates.map(async ({ promise }, i) => {
      await ctx.lend(() => promise);
      back++;
      return i;
    }))
  );
  await settled();
  assertEquals([group.stats.lent, group.stats.inFlight], [1, 0]);
  gates[1]!.open();
  await settled();
  assertEquals([back, group.stats.lent], [1, 1], "it has no worker yet");
  gates[0]!.open();
  assertEquals(await result, [0, 1]);
  assertBooks(group);
});

test("ctx.lend() for each of several tasks of its own group comes to its end on one worker", async () => {
  const group = new CoGroup(1);
  const sum = (depth: number): Promise<number> =>
    group.go(async (ctx) => {
      if (depth === 0) return 1;
      const all = range(3).map(() => ctx.lend(() => sum(depth - 1)));
      return (await Promise.all(all)).reduce((a, b) => a + b);
    });
  assertEquals(await sum(4), 81);
  assertEquals(await group.wait(), 0);
});

test("ctx.lend() within a lend comes to its end, and gives the worker back once", async () => {
  const group = new CoGroup(1);
  const result = group.go((ctx) =>
    ctx.lend(async () => {
      await ctx.lend(() => settled());
      return "both";
    })
  );
  assertEquals(await result, "both");
  assertEquals([await group.wait(), group.stats.lent], [0, 0]);
  assertBooks(group);
});

test("ctx.lend() that comes when the task has ended, from onError or a helper, harms no other task", async () => {
  for (const options of [undefined, { priority: 1 }]) {
    const contexts: TaskContext[] = [];
    const group = new CoGroup({
      concurrency: 1,
      onError: () => void contexts[0]!.lend(() => settled()),
    });
    group.add((ctx) => {
      contexts.push(ctx);
      ctx.lend(() => settled());
      throw 1;
    }, options);
    const ids: number[] = [];
    for (const _ of range(4)) {
      group.add(async ({ workerId }) => {
        ids.push(workerId, group.inFlight);
        await settled();
      });
    }
    assertEquals(await group.wait(), 0);
    assertEquals(ids, [0, 1, 0, 1, 0, 1, 0, 1]);
    assertBooks(group);
  }
});

test("ctx.lend(): a task that comes back to the same worker is among the running ones", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const { promise, open } = gate();
  group.add(async (ctx) => {
    await ctx.lend(() => settled());
    await promise;
  }, { timeout: 60_000, id: "a" });
  while (group.stats.lent === 0) await settled();
  while (group.stats.inFlight === 0) await settled();
  group.add(tasks.task(0), { id: "b" });
  open();
  await settled();
  assertEquals(group.tasks().map(({ id, state }) => [id, state]), [
    ["b", "running"],
  ]);
  tasks.openAll();
  await group.wait();
});

test("Law 10: tasks that come back from a lend let the loop turn", async () => {
  const group = new CoGroup({ concurrency: 1, slice: 1 });
  const { promise, open } = gate();
  let ran = 0;
  for (const _ of range(60)) {
    group.add(async (ctx) => {
      await ctx.lend(() => promise);
      ran++;
      for (const begin = performance.now(); performance.now() < begin + 1;);
    });
  }
  await settled();
  while (group.stats.lent < 60) await settled();
  let seen = -1;
  setTimeout(() => seen = ran, 0);
  open();
  await group.wait();
  assert(seen >= 0 && seen < 60, `${seen} of 60 had come back`);
});

test("ctx.lend() of thousands that come back at once overflows nothing", async () => {
  const group = new CoGroup({ concurrency: 10_000, slice: Infinity });
  const { promise, open } = gate();
  for (const _ of range(10_000)) group.add((ctx) => ctx.lend(() => promise));
  await settled();
  group.concurrency = 1;
  const busy = gate();
  group.add(() => busy.promise);
  await settled();
  open();
  await settled();
  group.concurrency = 10_000;
  busy.open();
  assertEquals([await group.wait(), group.stats.fulfilled], [0, 10_001]);
});

/** A context that was kept, and is used when its task has ended. */
class Kept {
  #ctx: TaskContext | undefined = undefined;

  readonly task = (ctx: TaskContext): void => {
    this.#ctx = ctx;
  };

  readonly hidden = (...[ctx]: TaskContext[]): void => {
    this.#ctx = ctx;
  };

  readonly use = (): void => {
    const ctx = this.#ctx;
    this.#ctx = undefined;
    ctx?.lend(() => settled());
  };
}

/** Where the user's code is called by the end of a task. */
const atTheEnd: Record<string, (kept: Kept) => CoGroup> = {
  "release() of a key's governor": ({ task, use }) => {
    const permit = { release: use, [Symbol.dispose]() {} };
    const governor: Governor = {
      tryAcquire: () => permit,
      acquire: () => Promise.resolve(permit),
    };
    const queue = keyedQueue({ governor: () => governor });
    const group = new CoGroup({ concurrency: 1, queue });
    group.add(task, { key: "one" });
    return group;
  },
  "done() of a queue of the user's own": ({ task, use }) => {
    const values: QueuedTask[] = [];
    const queue: Queue<QueuedTask> = {
      capacity: Infinity,
      get size() {
        return values.length;
      },
      push: (value) => void values.push(value),
      peek: () => values[0],
      shift: () => values.shift(),
      clear: () => values.splice(0),
      done: use,
    };
    const group = new CoGroup({ concurrency: 1, queue });
    group.add(task);
    return group;
  },
  "onError of a task with a timeout": ({ hidden, use }) => {
    const group = new CoGroup({ concurrency: 1, onError: use });
    const failing = (...args: TaskContext[]) => {
      hidden(...args);
      throw new Error("broken");
    };
    group.add(failing, { timeout: 1e6 });
    return group;
  },
  "onError of a plain entry": ({ hidden, use }) => {
    const group = new CoGroup({ concurrency: 1, onError: use });
    const failing = (...args: TaskContext[]) => {
      hidden(...args);
      throw new Error("broken");
    };
    group.add(failing, { priority: 1 });
    return group;
  },
  "onStep of an observer": ({ hidden, use }) => {
    const onStep = ({ type }: Step) => type === "fulfilled" && use();
    const observer = { onStep } as Observer;
    const group = new CoGroup({ concurrency: 1, observer });
    group.add(hidden);
    return group;
  },
  "an isRetriable that takes its time": ({ hidden, use }) => {
    const group = new CoGroup({
      concurrency: 1,
      onError() {},
      retry: {
        async isRetriable() {
          await Promise.resolve();
          use();
          await settled();
          return false;
        },
      },
    });
    group.add((...args) => {
      hidden(...args);
      throw new Error("broken");
    }, { timeout: 1e6 });
    return group;
  },
};

for (const [where, begin] of Object.entries(atTheEnd)) {
  test(`ctx.lend() of a task that has ended lends nothing: in ${where}`, async () => {
    const group = begin(new Kept());
    group.add(() => settled(), { key: "another" });
    await settled();
    const { inFlight, lent } = group.stats;
    assert(inFlight >= 0 && lent === 0, `${inFlight} in flight, ${lent} lent`);
    assertEquals(await group.wait(), 0);
    assertBooks(group);
    const { inFlight: left, lent: away } = group.stats;
    assertEquals([left, away], [0, 0]);
  });
}

test("ctx.lend() of a task that has ended waits, and lends nothing", async () => {
  const group = new CoGroup(1);
  const contexts: TaskContext[] = [];
  await group.go((ctx) => void contexts.push(ctx), { timeout: 60_000 });
  assertEquals(await contexts[0]!.lend(() => 7), 7);
  assertEquals([group.stats.lent, group.stats.inFlight], [0, 0]);
  assertEquals(await group.go(() => "next"), "next");
  assertBooks(group);
});

test("ctx.lend(): a timeout while it is lent tells the caller; the task is overdue until it has ended", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const { promise, open } = gate();
  const late = group.go((ctx) => ctx.lend(() => promise), { timeout: 10 });
  late.catch(() => {});
  await settled();
  time.tick(10);
  await assertRejects(() => late, Error, "timed out after 10 ms");
  assertEquals([group.stats.lent, group.stats.overdue], [1, 1]);
  assertEquals(await group.go(() => "other"), "other");
  open();
  await group.wait();
  assertEquals([group.stats.lent, group.stats.overdue], [0, 0]);
  assertBooks(group);
});

test("ctx.lend() in a retried task and in an item of map: each attempt lends anew", async () => {
  const group = new CoGroup({
    concurrency: 1,
    retry: { maxAttempts: 3, minTimeout: 0, jitter: 0 },
  });
  const results: string[] = [];
  const items = group.map(["a", "b"], async (item, ctx) => {
    const inner = await ctx.lend(() => group.go(() => `${item}${ctx.attempt}`));
    if (ctx.attempt < 2) throw "again";
    return `${inner}${ctx.index}`;
  });
  for await (const item of items) results.push(item);
  assertEquals(results, ["a20", "b21"]);
  await group.wait();
  assertBooks(group);
});

test("ctx.lend(): a group that is full again when a task comes back leaves the line of its governor", async () => {
  const semaphore = new Semaphore(1);
  const signals: AbortSignal[] = [];
  const governor = {
    acquire: (options: AcquireOptions) => {
      signals.push(options.signal!);
      return semaphore.acquire(options);
    },
  };
  const group = new CoGroup({ concurrency: 1, governor, slice: Infinity });
  const [waits, ends] = [gate(), gate()];
  group.add(async (ctx) => {
    await ctx.lend(() => waits.promise);
    await ends.promise;
  });
  group.add(() => {});
  await settled();
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
  waits.open();
  await settled();
  assertEquals(signals.map(({ aborted }) => aborted), [false, true]);
  ends.open();
  assertEquals([await group.wait(), signals.length], [0, 3]);
});

for (const isBack of [false, true]) {
  test(`Law 2: a task that has ended ${isBack ? "as it waits to go on" : "while it is lent"} is not in flight while isRetriable thinks it over`, async () => {
    const asked = gate();
    const waits = gate();
    let inFlight = -1;
    const group = new CoGroup({
      concurrency: 1,
      slice: Infinity,
      retry: {
        maxAttempts: 2,
        minTimeout: 0,
        isRetriable: async () => {
          inFlight = group.inFlight;
          await asked.promise;
          return false;
        },
      },
    });
    const tasks = new Tasks();
    const end = gate();
    const failed = group.go(async (ctx) => {
      ctx.lend(() => waits.promise);
      await end.promise;
      throw "own";
    });
    const other = group.go(tasks.task(0));
    await settled();
    if (isBack) waits.open();
    await settled();
    end.open();
    await settled();
    assertEquals([inFlight, group.inFlight, group.stats.lent], [1, 1, 1]);
    assertEquals(group.tasks().map(({ state }) => state), ["running", "lent"]);
    assertBooks(group);
    waits.open();
    tasks.open(0);
    await other;
    const third = group.go(() => group.stats.lent);
    assertEquals(await third, 1, "it needs no worker any more");
    asked.open();
    assertEquals(await failed.catch((e) => e), "own");
    assertEquals([await group.wait(), group.stats.lent], [0, 0]);
    assertBooks(group);
  });
}

test("ctx.lend(): a failure that onError hears of late, at the end of a stream, tells which worker it was", async () => {
  using time = new FakeTime();
  const workers: number[] = [];
  const group = new CoGroup({
    concurrency: 3,
    slice: Infinity,
    onError: (_, { workerId }) => void workers.push(workerId),
  });
  const gates = range(3).map(() => gate());
  const { promise } = gate();
  const items = group.map(range(3), async (n, ctx) => {
    if (n > 0) ctx.lend(() => promise);
    await gates[n]!.promise;
  }, { each: (n) => n > 0 ? { timeout: 5 } : undefined });
  const first = items.next();
  await settled();
  time.tick(5);
  for (const { open } of gates.toReversed()) open();
  await first;
  await assertRejects(() => items.next(), Error, "timed out");
  assertEquals(workers, [1]);
  await group.wait();
});

test("ctx.lend() of a task that has run for a while lets one start that was queued before", async () => {
  const group = new CoGroup(1);
  const [begins, waits] = [gate(), gate()];
  group.add(async (ctx) => {
    await begins.promise;
    await ctx.lend(() => waits.promise);
  });
  const other = group.go(() => group.stats.lent);
  await settled();
  begins.open();
  assertEquals(await other, 1);
  waits.open();
  assertEquals(await group.wait(), 0);
});

test("ctx.lend() of a task that waits to go on has it wait for that, too, and others start", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const gates = range(2).map(() => gate());
  const contexts: TaskContext[] = [];
  group.add((ctx) => {
    contexts.push(ctx);
    return ctx.lend(() => gates[0]!.promise);
  });
  await settled();
  group.add(tasks.task(0));
  await settled();
  gates[0]!.open();
  await settled();
  contexts[0]!.lend(() => gates[1]!.promise);
  const other = group.go(() => group.stats.lent);
  tasks.open(0);
  assertEquals(await other, 1);
  gates[1]!.open();
  assertEquals(await group.wait(), 0);
  assertBooks(group);
});

test("ctx.lend(): after the abort ctx.signal of a lent task speaks when grace is over", async () => {
  using time = new FakeTime();
  const group = new CoGroup({ concurrency: 1, grace: 50, slice: Infinity });
  const seen: unknown[] = [];
  const { promise, open } = gate();
  group.add(async (ctx: TaskContext) => {
    ctx.signal.addEventListener("abort", () => seen.push(ctx.signal.reason));
    await ctx.lend(() => promise);
  });
  await settled();
  group.abort("why");
  time.tick(49);
  assertEquals(seen, []);
  time.tick(1);
  assertEquals(seen, ["why"]);
  open();
  await group.wait();
});

test("ctx.lend(): a larger concurrency lets a task that waits to go on do so", async () => {
  const group = new CoGroup(1);
  const tasks = new Tasks();
  const { promise, open } = gate();
  let back = false;
  group.add(async (ctx) => {
    await ctx.lend(() => promise);
    back = true;
  });
  await settled();
  group.add(tasks.task(0));
  await settled();
  open();
  await settled();
  assertEquals(back, false);
  group.concurrency = 2;
  await settled();
  assertEquals(back, true);
  tasks.openAll();
  await group.wait();
});

test("Law 2: random programs of tasks that lend have never more than concurrency in flight, and end", async () => {
  let random = 5;
  const next = (n: number) => {
    random = random * 16807 % 2147483647;
    return random % n;
  };
  for (const _ of range(80)) {
    const concurrency = 1 + next(3);
    const group = new CoGroup({ concurrency, onError: () => {} });
    const running = new Set<number>();
    const errors = new Set<unknown>();
    let accepted = 0;
    const work = (depth: number): Promise<unknown> => {
      accepted++;
      const options = [undefined, { timeout: 60_000 }, { id: depth }][next(3)];
      return group.go(async (ctx) => {
        const enter = () => {
          assert(!running.has(ctx.workerId), "two tasks with one id");
          running.add(ctx.workerId);
          assert(running.size <= concurrency && group.inFlight <= concurrency);
        };
        enter();
        for (let i = next(4); i > 0; i--) await undefined;
        if (depth > 0) {
          running.delete(ctx.workerId);
          await ctx.lend(() =>
            Promise.all(range(next(3)).map(() => work(depth - 1)))
          );
          enter();
        }
        running.delete(ctx.workerId);
        if (next(5) === 0) throw "own";
      }, options).catch((error) => errors.add(error));
    };
    const all = range(4).map(() => work(3));
    await Promise.all(all);
    assertEquals(await group.wait(), 0);
    errors.delete("own");
    assertEquals([...errors], []);
    assertEquals(group.stats.accepted, accepted);
    assertBooks(group);
  }
});

type Bring = (
  group: CoGroup,
  task: (ctx: TaskContext) => unknown,
) => unknown;

/** Ways to bring a task whose context is its own. */
const ways: Record<string, Bring> = {
  "add()": (group, task) => group.add(task),
  "add() with an id": (group, task) => group.add(task, { id: 1 }),
  "add() with a timeout": (group, task) => group.add(task, { timeout: 1e6 }),
  "add() with a signal": (group, task) => {
    group.add(task, { signal: new AbortController().signal });
  },
  "map()": async (group, task) => {
    for await (const _ of group.map([1], (_, ctx) => task(ctx)));
  },
  "map() with a timeout": async (group, task) => {
    const options = { timeout: 1e6 };
    for await (const _ of group.map([1], (_, ctx) => task(ctx), options));
  },
  "add() by way of a worker function": (group, task) => {
    group.add((...args) => task(args[0]));
  },
  "add() with a timeout by way of a worker function": (group, task) => {
    group.add((...args) => task(args[0]), { timeout: 1e6 });
  },
};

for (const [name, bring] of Object.entries(ways)) {
  test(`ctx.lend(): a context of ${name} that is used after its task's end lends no other task's worker`, async () => {
    const isWrapped = name.includes("worker function");
    const group = new CoGroup({
      concurrency: 1,
      ...isWrapped && { worker: (task, ctx) => task(ctx) },
    });
    const { promise, open } = gate();
    let most = 0;
    const count = () => void (most = Math.max(most, group.inFlight));
    let late: Promise<unknown> | undefined;
    const forgotten = (ctx: TaskContext) => {
      late = promise.then(() => ctx.lend(settled));
    };
    const brought = bring(group, forgotten);
    for (const _ of range(4)) {
      group.add(async () => {
        open();
        count();
        await settled();
        count();
        assertEquals(group.stats.lent, 0);
      });
    }
    await brought;
    await group.wait();
    await late;
    assertEquals([most, group.stats.fulfilled], [1, 5]);
  });
}

test("ctx.lend(): what is not a function rejects, and lends nothing", async () => {
  const group = new CoGroup(1);
  const bad = group.go((ctx) => {
    const lent = ctx.lend(5 as never);
    assertEquals([group.inFlight, group.stats.lent], [1, 0]);
    return lent;
  });
  const message = "Cannot lend: wait must be a function, received 5";
  await assertRejects(() => bad, TypeError, message);
  assertEquals(await group.wait(), 0);
});
