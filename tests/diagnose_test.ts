/**
 * The option `diagnose`: an await that would stand still for ever fails, and says why.
 */

import {
  CoGroup,
  type CoGroupOptions,
  type TaskContext,
  type WorkerFunction,
} from "../mod.ts";
import { assertBooks, gate, seeded, settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

type Waiter = (group: CoGroup, ctx: TaskContext) => unknown;

function diagnosing(concurrency: number, options?: Partial<CoGroupOptions>) {
  return new CoGroup({ concurrency, diagnose: true, ...options });
}

/** What the wait fails with, in a task of that group. */
async function failureOf(group: CoGroup, wait: Waiter): Promise<Error> {
  const task = async (ctx: TaskContext) => {
    try {
      return await wait(group, ctx);
    } catch (error) {
      return error;
    }
  };
  const error = await group.go(task, { id: "waiter" });
  assert(error instanceof Error, `it does not fail: ${error}`);
  assertEquals(error.name, "InvalidStateError");
  assert(error.message.includes('the task "waiter"'), error.message);
  assert(error.message.includes("ctx.lend"), error.message);
  return error;
}

/** Waits for the end of the task that waits. */
const ends: Record<string, Waiter> = {
  "wait()": (group) => group.wait(),
  "idle()": (group) => group.idle(),
  "reset()": (group) => group.reset(),
  "shutdown()": (group) => group.shutdown(),
  "asyncDispose": async (group) => {
    await using _group = group;
  },
  "idle() while lent": (group, ctx) => ctx.lend(() => group.idle()),
  "idle() that was called before": (group) => {
    const idle = group.idle();
    return Promise.resolve().then(() => idle);
  },
};

for (const [name, wait] of Object.entries(ends)) {
  test(`diagnose: a task that awaits ${name} of its own group gets an InvalidStateError that names it, though workers are free`, async () => {
    const group = diagnosing(3);
    await failureOf(group, wait);
    await group.wait();
    assertBooks(group);
  });
}

/** Throws an error that says what the reason was. */
const wrapped = (reason: unknown): never => {
  throw new Error(String(reason));
};

async function* late(n: number) {
  for (let i = 0; i < n; i++) {
    yield await new Promise<number>((resolve) => setTimeout(resolve, 1, i));
  }
}

const fill = (group: CoGroup) => {
  while (group.tryInsert(() => "filler"));
};

/** Waits for what only a worker can bring. */
const shorts: Record<string, Waiter> = {
  "await go()": async (group) => await group.go(() => "child"),
  "return go()": (group) => group.go(() => "child"),
  "go().then()": async (group) =>
    await group.go(() => "child").then((child) => child),
  "go().finally()": async (group) =>
    await group.go(() => "child").finally(() => {}),
  "go() in a function of its own": async (group) => {
    const load = async () => await group.go(() => "child");
    await Promise.all([load()]);
  },
  "insert()": (group) => {
    fill(group);
    return group.insert(() => "child");
  },
  "insertAll()": (group) => group.insertAll([1, 2, 3].map((n) => () => n)),
  "insertAll() of a slow source": (group) => {
    fill(group);
    async function* tasks() {
      for await (const n of late(3)) yield () => n;
    }
    return group.insertAll(tasks());
  },
  "a value of map()": async (group) => {
    for await (const _ of group.map([1, 2], (n) => n));
  },
  "a value of map() over a slow source": async (group) => {
    for await (const _ of group.map(late(2), (n) => n));
  },
  "a value of mapSettled()": (group) =>
    group.mapSettled([1, 2], (n) => n).next(),
};

for (const [name, wait] of Object.entries(shorts)) {
  test(`diagnose: a task that awaits ${name} gets an InvalidStateError where no worker is left`, async () => {
    const group = diagnosing(1, { capacity: 1 });
    await failureOf(group, wait);
    await group.wait();
    assertBooks(group);
  });

  test(`diagnose: a task that awaits ${name} gets what it awaits where a worker is left`, async () => {
    const group = diagnosing(2, { capacity: 1 });
    await group.go(async (ctx) => void await wait(group, ctx));
    await group.wait();
    assertBooks(group);
    assertEquals(group.stats.rejected + group.stats.abandoned, 0);
  });

  test(`diagnose: a task that lends its worker gets what it awaits by ${name}`, async () => {
    const group = diagnosing(1, { capacity: 1 });
    await group.go((ctx) =>
      ctx.lend(() => wait(group, ctx) as Promise<unknown>)
    );
    await group.wait();
    assertEquals(group.stats.rejected + group.stats.abandoned, 0);
  });
}

for (const how of ["all", "allSettled"] as const) {
  const gather = (group: CoGroup): Promise<unknown> => {
    const calls: Promise<unknown>[] = [1, 2].map((n) => group.go(() => n));
    return Promise[how as "all"](calls);
  };

  test(`diagnose: a task that awaits Promise.${how} of go() gets an InvalidStateError when nothing has happened for a second`, async () => {
    using time = new FakeTime();
    const group = diagnosing(1);
    let results: unknown;
    const task = group.go(async () => results = await gather(group));
    task.catch(() => {});
    await time.tickAsync(999);
    assertEquals(group.stats.abandoned, 0);
    for (let i = 0; i < 2; i++) { // One for each call, which allSettled waits for.
      await time.tickAsync(1000);
      for (let hop = 0; hop < 100; hop++) await undefined;
    }
    if (how === "all") await assertRejects(() => task, Error, "stands still");
    else assert(JSON.stringify(results).includes("rejected"), `${results}`);
    await group.wait();
    assertBooks(group);
  });

  test(`diagnose: a task that gathers go() by Promise.${how}, works on and lends its worker in the end gets all`, async () => {
    using time = new FakeTime();
    const group = diagnosing(1);
    const task = group.go(async (ctx) => {
      const all = gather(group);
      for (let i = 0; i < 10; i++) {
        await new Promise((resolve) => setTimeout(resolve, 900));
        group.withdraw("none"); // Nothing of the group's.
        group.add(() => {});
      }
      return await ctx.lend(() => all);
    });
    for (let i = 0; i < 11; i++) {
      await time.tickAsync(900);
      for (let hop = 0; hop < 100; hop++) await undefined;
    }
    assertEquals((await task as unknown[]).length, 2);
    await group.wait();
  });
}

test("diagnose: a task that has lent its worker, and comes back to wait for another, is found", async () => {
  const group = diagnosing(1);
  const task = group.go(async (ctx) => {
    const child = group.go(() => {
      if (group.stats.retried === 0) throw new Error("again");
    }, { retry: { maxAttempts: 2, minTimeout: 5, maxTimeout: 5 } });
    const rest = ctx.lend(() =>
      new Promise((resolve) => setTimeout(resolve, 1))
    );
    await child;
    await rest;
  });
  await assertRejects(() => task, Error, "stands still");
  await group.wait();
  assertBooks(group);
});

test("diagnose: an insert that fails brings its task in no more", async () => {
  const group = diagnosing(1, { capacity: 1 });
  let ran = false;
  const task = group.go(async () => {
    fill(group);
    await group.insert(() => void (ran = true));
  });
  await assertRejects(() => task, Error, "Cannot await insert");
  assertEquals([await group.wait(), group.stats.fulfilled, ran], [0, 1, false]);
  assertBooks(group);
});

test("diagnose: an insertAll that fails takes in no more, and closes its source", async () => {
  const group = diagnosing(1, { capacity: 1 });
  let isClosed = false;
  const ran: number[] = [];
  function* source() {
    try {
      for (let n = 0; n < 5; n++) yield () => void ran.push(n);
    } finally {
      isClosed = true;
    }
  }
  await failureOf(group, () => group.insertAll(source()));
  await group.wait();
  assertEquals([isClosed, ran], [true, [0]]);
});

test("diagnose: a next() of a map that no reader awaits is no unhandled rejection", async () => {
  const group = diagnosing(1);
  const results = group.map(late(1), (n) => n);
  results.next();
  group.abort();
  group.map([1], (n) => n).next();
  await settled();
});

test("diagnose: a subclass may have methods of its own", async () => {
  class Mine extends CoGroup {
    override wait = () => Promise.resolve(7);
  }
  assertEquals(await new Mine({ concurrency: 1, diagnose: true }).wait(), 7);
});

test("diagnose: when all of three workers await go, the last of them to wait fails, all are named, and the others go on", async () => {
  const group = diagnosing(3);
  const results = ["a", "b", "c"].map((id) =>
    group.go(async () => await group.go(() => `child of ${id}`), { id })
  );
  const { message } = await assertRejects(() => results[2]!, Error);
  for (const id of ["a", "b", "c"]) {
    assert(message.includes(`"${id}"`), message);
  }
  assertEquals(await results[0], "child of a");
  assertEquals(await results[1], "child of b");
  await group.wait();
  assertEquals(group.stats.abandoned, 1);
  assertBooks(group);
});

test("diagnose: of many tasks eight are named, and the rest are counted", async () => {
  const group = diagnosing(10);
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, () => group.go(() => group.go(() => 0))),
  );
  const failed = results.find(({ status }) => status === "rejected");
  const { reason } = failed as PromiseRejectedResult;
  assert(reason.message.includes("a task in worker 7, 2 more"), reason.message);
});

test("diagnose: two tasks that await each other are found", async () => {
  const group = diagnosing(2);
  const { promise, open } = gate<Promise<unknown>[]>();
  const calls: Promise<unknown>[] = [0, 1].map((n) =>
    group.go(async () => {
      const others = await promise;
      await others[1 - n];
    })
  );
  open([]);
  await Promise.allSettled(calls);
  const pair: Promise<unknown>[] = [];
  for (const n of [0, 1]) {
    pair.push(group.go(async () => {
      await Promise.resolve();
      await pair[1 - n];
    }));
  }
  await assertRejects(() => Promise.all(pair), Error, "stands still");
  await group.wait();
  assertBooks(group);
});

test("diagnose: a running task of which another is told that it waits in vain runs on undisturbed", async () => {
  const group = diagnosing(2, { grace: 0 });
  const signals: AbortSignal[] = [];
  const pair: Promise<unknown>[] = [];
  for (const n of [0, 1]) {
    pair.push(group.go(async ({ signal }) => {
      signals.push(signal);
      await Promise.resolve();
      await pair[1 - n]!.catch(() => {});
      await settled(); // It is told once, and waits for nothing of the group now.
    }));
  }
  const results = await Promise.allSettled(pair);
  assertEquals(results.filter(({ status }) => status === "rejected").length, 1);
  await group.idle();
  const { fulfilled, overdue, rejected } = group.stats;
  assertEquals([fulfilled, overdue, rejected], [2, 0, 0]);
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
  await group.wait();
});

test("diagnose: a wait for a task that has not started fails before one for a task that runs", async () => {
  const group = diagnosing(2);
  const { promise, open } = gate();
  const told = await group.go(async () => {
    const child = group.go(async () => {
      const grandchild = group.go(() => "grandchild");
      open();
      try {
        return await grandchild;
      } catch (error) {
        return error;
      }
    });
    await promise;
    return await child;
  });
  assert(told instanceof Error, "the child is told");
  await group.wait();
  assertBooks(group);
});

test("diagnose: a task that has what it waited for counts as one that waits no more", async () => {
  const group = diagnosing(2);
  const { promise, open } = gate();
  const first = group.go(async () => {
    await group.go(() => "child");
    await promise;
  });
  await settled();
  const second = group.go(async () => await group.go(() => "another"));
  await settled();
  open();
  assertEquals(await second, "another");
  await first;
  await group.wait();
});

test("diagnose: a task that awaits an item of its map, which waits itself, is found", async () => {
  const group = diagnosing(2);
  const inner = async () => await group.go(() => "child");
  const task = group.go(async () => {
    for await (const _ of group.map([1], inner));
  });
  await assertRejects(() => task, Error, "stands still");
  await group.wait();
  assertBooks(group);
});

test("diagnose: an insert that got its room, and then another wait, is told of the other one", async () => {
  const group = diagnosing(2, { capacity: 0 });
  const { promise, open } = gate();
  const task = group.go(async () => {
    group.add(() => promise);
    const insert = group.insert(() => "child");
    const rest = insert.then((isIn) => isIn);
    setTimeout(open, 1);
    const all = Promise.all([insert, rest]);
    await rest;
    await all;
    group.concurrency = 1;
    await group.go(() => "another");
  });
  await assertRejects(() => task, Error, "Cannot await go");
  await group.wait();
});

test("diagnose: a shrink of concurrency that leaves no worker is noticed", async () => {
  const group = diagnosing(2);
  const { promise, open } = gate();
  const call = group.go(async () => {
    group.go(() => promise);
    await group.go(() => "child");
  });
  await settled();
  group.concurrency = 1;
  open();
  await assertRejects(() => call, Error, "stands still");
  await group.wait();
});

const fine: Record<string, Waiter> = {
  "go() without an await": (group) => void group.go(() => "child"),
  "go().then() without an await": (group) =>
    void group.go(() => 1).then((n) => n + 1),
  "go() that it awaits only after its child can run": async (group) => {
    const child = group.go(() => "child");
    group.concurrency = 2;
    await child;
    group.concurrency = 1;
  },
  "wait() without an await": (group) => void group.wait().then(() => {}),
  "a race of go() and something else": (group) =>
    Promise.race([group.go(() => "child"), settled()]),
  "any of go() and something else": (group) =>
    Promise.any([group.go(() => "child"), settled()]),
  "go() with a signal of its own": async (group) => {
    const own = new AbortController();
    const { signal } = own;
    settled().then(() => own.abort("own"));
    await assertRejects(
      async () => await group.go(() => "child", { signal }).catch(wrapped),
      Error,
      "own",
    );
  },
  "insert() with a signal of its own": async () => {
    const full = diagnosing(1, { capacity: 0 });
    const own = new AbortController();
    const task = full.go(() => full.insert(() => 1, { signal: own.signal }));
    await settled();
    own.abort();
    assertEquals(await task, false);
  },
  "idle() with a signal of its own": (group) =>
    group.idle({ signal: AbortSignal.timeout(1) }).catch(() => {}),
  "go().then() with a function of the engine": (group) => {
    group.go(() => "child").then(Boolean);
    group.go(() => "child").then(parseInt.bind(undefined));
    return settled();
  },
  "a race of go(), where errors have no stack": async (group) => {
    const { stackTraceLimit } = Error as { stackTraceLimit?: number };
    Object.assign(Error, { stackTraceLimit: 0 });
    await Promise.race([group.go(() => "child"), settled()]);
    Object.assign(Error, { stackTraceLimit });
  },
  "a map over a source that is slow, and empty, while others are queued":
    async (group) => {
      group.add(() => {});
      for await (const _ of group.map(late(0), (n) => n));
    },
  "go() of another group": async () => {
    const other = diagnosing(1);
    await other.go(() => "child");
  },
  "the next value of a map whose source is slow, and then over": async (
    group,
  ) => {
    const { promise, open } = gate();
    const next = () => promise.then(() => ({ done: true, value: 0 } as const));
    const none = { [Symbol.asyncIterator]: () => ({ next }) };
    setTimeout(open, 1);
    for await (const _ of group.map(none, (n) => n));
  },
};

for (const [name, wait] of Object.entries(fine)) {
  test(`diagnose: no false alarm for ${name}`, async () => {
    const errors: unknown[] = [];
    const group = diagnosing(1, { onError: (error) => errors.push(error) });
    await group.go(async (ctx) => void await wait(group, ctx));
    await group.wait();
    assertEquals(errors, []);
    assertEquals(group.stats.rejected, 0);
    assertBooks(group);
  });
}

test("diagnose: what a task did after its end is not taken for the next task's", async () => {
  const group = diagnosing(1);
  const { promise, open } = gate();
  let late: Promise<unknown> | undefined;
  await group.go(() => {
    late = promise.then(async () => await group.go(() => "late"));
  });
  const holder = group.go(async () => {
    open();
    await settled();
    return "held";
  });
  assertEquals([await holder, await late], ["held", "late"]);
});

test("diagnose: a task's own failure, an unread rejection and the worker function are as without it", async () => {
  const seen: unknown[] = [];
  const group = diagnosing(2, {
    onError: (error) => seen.push(error),
    worker: (task, ctx) => {
      seen.push(ctx.workerId);
      return task(ctx);
    },
  });
  group.add(() => Promise.reject("broken"));
  await assertRejects(
    () => group.go(() => Promise.reject(new Error("mine"))),
    Error,
    "mine",
  );
  assertEquals(seen, [0, 1, "broken"]);
  group.abort(new Error("enough"));
  group.go(() => "never"); // Not an unhandled rejection.
  group.insertAll([]);
  await settled();
});

test("diagnose: without AsyncLocalStorage nothing is watched", async () => {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule?: unknown };
  };
  const { getBuiltinModule } = process;
  try {
    process.getBuiltinModule = () => undefined;
    const group = diagnosing(1);
    const calls = [group.go(() => 1), group.idle(), group.insertAll([])];
    for (const call of calls) assert(!Object.hasOwn(call, "then"));
    await Promise.all(calls);
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});

function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {}); // Its task may have failed before it awaits this.
  return promise;
}

/** A random task that starts others, awaits some of them, and lends its worker now and then. */
function program(
  random: () => number,
  group: CoGroup,
  depth: number,
): (ctx: TaskContext) => Promise<void> {
  const steps = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
    const kind = Math.floor(random() * 16);
    const child = depth === 0 || kind === 0
      ? undefined
      : program(random, group, depth - 1);
    return { kind, child };
  });
  return async (ctx) => {
    const later: Promise<unknown>[] = [];
    for (const { kind, child } of steps) {
      if (child === undefined) await undefined;
      else if (kind === 1) await group.go(child);
      else if (kind === 2) await ctx.lend(() => group.go(child));
      else if (kind === 3) group.add(child);
      else if (kind === 4) group.go(child).then(() => {}, () => {});
      else if (kind === 5) later.push(quiet(group.go(child)));
      else if (kind === 6) await Promise.race([group.go(child), undefined]);
      else if (kind === 7) await Promise.all([group.go(child), undefined]);
      else await ctx.lend(async () => await Promise.all([group.go(child)]));
    }
    await ctx.lend(() => Promise.all(later));
  };
}

/** Whether the program has ended, and how. */
async function outcome(
  seed: number,
  diagnose: boolean,
  time: { tick(ms: number): void },
) {
  const random = seeded(seed);
  const errors: unknown[] = [];
  const concurrency = 1 + Math.floor(random() * 3);
  const onError = (error: unknown) => errors.push(error);
  // As many microtasks a task, with the option and without: a race may depend on it.
  const observer = { onStep() {} };
  const worker: WorkerFunction | undefined = diagnose
    ? undefined
    : async (task, ctx) => await task(ctx);
  const group = new CoGroup({
    concurrency,
    diagnose,
    onError,
    observer,
    worker,
    slice: Infinity,
  });
  const keep = (error: unknown) => void errors.push(error);
  for (let n = 0; n < 2; n++) group.go(program(random, group, 3)).catch(keep);
  let isIdle = false;
  group.idle().then(() => isIdle = true);
  for (let i = 0; i < 6000 && !isIdle; i++) {
    await undefined;
    if (i % 300 === 299) time.tick(1000); // For what Promise.all has gathered.
  }
  const { stats } = group;
  group.abort();
  return { isIdle, errors: errors.length, stats };
}

test("diagnose: random programs that come to an end raise no alarm, and those that do not come to one by it", async () => {
  using time = new FakeTime();
  let stuck = 0;
  const seeds = 400;
  for (let seed = 1; seed <= seeds; seed++) {
    const plain = await outcome(seed, false, time);
    const seen = await outcome(seed, true, time);
    assert(seen.isIdle, `program ${seed} ends`);
    if (plain.isIdle) assertEquals({ ...seen, seed }, { ...plain, seed });
    else {assert(
        seen.errors + seen.stats.abandoned > 0,
        `program ${seed} is found`,
      );}
    if (!plain.isIdle) stuck++;
  }
  assert(stuck > seeds / 20 && stuck < seeds * 0.9, `${stuck} stand still`);
});
