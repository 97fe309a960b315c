import { CoGroup, type TaskContext } from "../mod.ts";
import { PATIENCE } from "../src/base/source.ts";
import {
  assertBooks,
  CountingController,
  range,
  settled,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** A group that somebody else's functions use while it is in the middle of something. */
interface Scene {
  readonly group: CoGroup;
  /** Aborts the group. */
  readonly upstream: CountingController;
  /** The signal of the task that is in the middle of it. */
  readonly own: CountingController;
  /** What is promised; all of it settles. */
  readonly promises: PromiseLike<unknown>[];
  /** Uses the group, once. */
  readonly use: () => void;
}

const fails = () => {
  throw new Error("task");
};

/** Every call there is, as it may come from anywhere. */
const uses: Record<string, (scene: Scene) => unknown> = {
  "add()": ({ group }) => group.add(() => {}),
  "tryInsert()": ({ group }) => group.tryInsert(() => {}),
  "insert()": ({ group }) => group.insert(() => {}),
  "go()": ({ group }) => group.go(() => {}),
  "insertAll()": ({ group }) => group.insertAll([() => {}, () => {}]),
  "map()": ({ group }) => group.map([1, 2], () => {}).next(),
  "mapSettled()": ({ group }) => group.mapSettled([1, 2], fails).next(),
  "close()": ({ group }) => group.close(),
  "abort()": ({ group }) => group.abort(),
  "wait()": ({ group }) => group.wait(),
  "idle()": ({ group }) => group.idle(),
  "clear()": ({ group }) => group.clear(),
  "reset()": ({ group }) => group.reset(),
  "pause() and resume()": ({ group }) => {
    group.pause();
    group.resume();
  },
  "concurrency": ({ group }) => {
    group.concurrency = 1;
    group.concurrency = 3;
  },
  "progress()": ({ group }) => group.progress({ interval: 0 }).next(),
  "stats": ({ group }) => assertBooks(group),
  "an abort of the task": ({ own }) => own.abort(),
  "an abort of the group": ({ upstream }) => upstream.abort(),
};

/** Every place from which it may come, and how to get there. */
const places: Record<string, (scene: Scene) => unknown> = {
  "a task": ({ group, use }) => group.add(() => use()),
  "a task that fails": ({ group, use }) =>
    group.go(() => {
      use();
      fails();
    }),
  "the end of a task": ({ group, use }) =>
    group.go(async () => {
      await undefined;
      use();
    }),
  "a thenable that a task returns": ({ group, use }) =>
    group.go((): unknown => ({
      then(resolve: (value: number) => void) {
        use();
        resolve(1);
      },
    })),
  "onError": ({ group }) => group.add(fails, { retry: { maxAttempts: 1 } }),
  "isRetriable": ({ group, own, use }) =>
    group.go(fails, {
      signal: own.signal,
      retry: {
        maxAttempts: 2,
        minTimeout: 0,
        isRetriable() {
          use();
          return true;
        },
      },
    }),
  "delay": ({ group, own, use }) =>
    group.go(fails, {
      signal: own.signal,
      retry: {
        maxAttempts: 2,
        delay() {
          use();
          return 0;
        },
      },
    }),
  "isRetriable of a map": ({ group, own, use }) =>
    group.map([1, 2, 3], fails, {
      signal: own.signal,
      retry: {
        maxAttempts: 2,
        minTimeout: 0,
        isRetriable() {
          use();
          return false;
        },
      },
    }).next(),
  "fn of a map": ({ group, use }) => group.map([1, 2, 3], use).next(),
  "next() of a source": ({ group, use }) =>
    group.map(source(use, undefined), () => {}).next(),
  "next() of an async source": ({ group, use }) =>
    group.map(asyncSource(use), () => {}).next(),
  "next() of tasks": ({ group, use }) => group.insertAll(source(use, () => {})),
  "return() of a source": ({ group, use }) => {
    const stream = group.map(source(() => {}, undefined, use), () => {});
    return stream.next().then(() => stream.return!());
  },
  "a listener of ctx.signal": ({ group, upstream, use }) =>
    group.add(({ signal }: TaskContext) => {
      signal.addEventListener("abort", use, { once: true });
      upstream.abort();
    }),
  "a listener of group.signal": ({ group, use }) => {
    group.signal.addEventListener("abort", use, { once: true });
    group.add(() => group.abort());
  },
  "a listener of the task's signal, before the group's": (scene) => {
    const { signal } = scene.own;
    const listener = () => {
      signal.removeEventListener("abort", listener);
      scene.use();
    };
    signal.addEventListener("abort", listener);
    scene.group.add(() => {}, { signal });
    scene.own.abort();
  },
  "a getter of the options": ({ group, use }) =>
    group.go(() => {}, {
      get timeout() {
        use();
        return 60_000;
      },
    }),
};

function source<T>(
  next: () => void,
  value: T,
  onReturn = () => {},
): Iterable<T> {
  let left = 3;
  return {
    [Symbol.iterator]: () => ({
      next() {
        next();
        return --left < 0
          ? { value: undefined, done: true }
          : { value, done: false };
      },
      return() {
        onReturn();
        return { value: undefined, done: true };
      },
    }),
  };
}

function asyncSource(next: () => void): AsyncIterable<undefined> {
  const { [Symbol.iterator]: iterate } = source(next, undefined);
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = iterate();
      return { next: () => Promise.resolve(iterator.next()) };
    },
  };
}

async function play(
  place: (scene: Scene) => unknown,
  use: (scene: Scene) => unknown,
): Promise<void> {
  let isUsed = false;
  const promises: PromiseLike<unknown>[] = [];
  const keep = (result: unknown) => {
    if (!(result instanceof Promise)) return;
    result.catch(() => {}); // It is read at the end.
    promises.push(result);
  };
  const upstream = new CountingController();
  const own = new CountingController();
  const group = new CoGroup({
    concurrency: 2,
    capacity: 1,
    signal: upstream.signal,
    grace: 0,
    onError: () => scene.use(),
  });
  const scene: Scene = {
    group,
    upstream,
    own,
    promises,
    use: () => {
      if (isUsed) return;
      isUsed = true;
      keep(use(scene));
    },
  };
  // What is there already: a task in flight, one queued, one that waits for room.
  keep(place(scene));
  for (const _ of range(3)) keep(group.insert(() => {}));
  await group.idle();
  group.close();
  await group.wait();
  const results = await Promise.allSettled(promises);
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    const { name, message } = result.reason as Error;
    const isOurs = ["AbortError", "CoGroupClosedError"].includes(name) ||
      message === "task";
    assert(isOurs, `${name}: ${message}`);
  }
  assert(isUsed, "never got there");
  await group.wait();
  assertBooks(group);
  const { queued, delayed, inFlight } = group.stats;
  assertEquals([queued, delayed, inFlight], [0, 0, 0]);
  assertEquals(own.listeners, 0);
  await group.wait();
}

for (const [from, place] of Object.entries(places)) {
  test(`A group can be used in every way from ${from}, and comes to its end`, async () => {
    for (const [what, use] of Object.entries(uses)) {
      try {
        await play(place, use);
      } catch (cause) {
        throw new Error(`${what} from ${from}`, { cause });
      }
    }
  });
}

const badSources: [string, () => unknown, isFailure: boolean][] = [
  ["whose iterator is nothing", () => ({
    [Symbol.iterator]: () => undefined,
  }), true],
  ["whose next is no function", () => ({
    [Symbol.iterator]: () => ({ next: 5 }),
  }), true],
  ["whose next getter throws", () => ({
    [Symbol.iterator]: () => ({
      get next() {
        throw new Error("source");
      },
    }),
  }), true],
  ["whose done getter throws", () => ({
    [Symbol.iterator]: () => ({
      next: () => ({
        get done() {
          throw new Error("source");
        },
      }),
    }),
  }), true],
  ["whose value getter throws", () => ({
    [Symbol.iterator]: () => ({
      next: () => ({
        get value() {
          throw new Error("source");
        },
      }),
    }),
  }), true],
  ["whose return getter throws", () => ({
    [Symbol.iterator]: () => ({
      next: fails,
      get return() {
        throw new Error("source");
      },
    }),
  }), true],
  ["whose step has a then that throws", () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => ({
        get then() {
          throw new Error("source");
        },
      }),
    }),
  }), true],
  ["whose step settles twice", () => {
    let left = 2;
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => ({
          then(yes: (step: unknown) => void, no: (reason: unknown) => void) {
            yes(--left < 0 ? { done: true } : { value: () => {} });
            no(new Error("too late"));
            yes({ value: "too late" });
          },
        }),
      }),
    };
  }, false],
  ["whose answer to return is a hostile thenable", () => {
    let left = 2;
    return {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          Promise.resolve(--left < 0 ? { done: true } : { value: () => {} }),
        return: () => ({
          get then() {
            throw new Error("return");
          },
        }),
      }),
    };
  }, false],
];

for (const [what, make, isFailure] of badSources) {
  test(`A source ${what} ${isFailure ? "fails" : "is read"} as it should, in map and insertAll`, async () => {
    const group = new CoGroup(1);
    const read = async () => {
      let count = 0;
      for await (const _ of group.map(make() as [], () => {})) count++;
      return count;
    };
    const insertAll = () => group.insertAll(make() as []);
    for (const run of [read, insertAll]) {
      if (isFailure) await assertRejects(run);
      else assertEquals(await run(), 2);
    }
    assert(group.tryInsert(() => {}), "its place is free");
    await group.wait();
    assertBooks(group);
  });
}

test("A source that stops its consumer in its own next() is waited for no longer than one that is stopped later", async () => {
  for (const end of ["close", "abort"] as const) {
    const never = (group: CoGroup) => ({
      [Symbol.asyncIterator]: () => ({
        next() {
          group[end]();
          return new Promise<never>(() => {});
        },
      }),
    });
    const feeding = new CoGroup(1);
    const time = new FakeTime();
    try {
      const all = feeding.insertAll(never(feeding));
      await settled();
      time.tick(PATIENCE);
      assertEquals(await all, 0);
    } finally {
      time.restore();
    }
    const mapping = new CoGroup(1);
    await assertRejects(() => mapping.map(never(mapping), () => {}).next());
    const late = new CoGroup(1);
    const rejects = {
      [Symbol.asyncIterator]: () => ({
        next() {
          late[end]();
          return Promise.reject(new Error("late"));
        },
      }),
    };
    await assertRejects(() => late.insertAll(rejects), Error, "late");
    await Promise.all([feeding.wait(), mapping.wait(), late.wait()]);
  }
});

test("A task's signal that is aborted while its failure or its timeout is judged settles the caller once", async () => {
  for (const answer of [true, false]) {
    for (const timeout of [undefined, 0]) {
      const controller = new CountingController();
      const group = new CoGroup(1);
      const reason = new Error("withdrawn");
      let open = () => {};
      const task = () => {
        if (timeout === undefined) throw new Error("task");
        return new Promise<void>((resolve) => open = resolve);
      };
      const promise = group.go(task, {
        signal: controller.signal,
        ...(timeout !== undefined && { timeout }),
        retry: {
          maxAttempts: 3,
          minTimeout: 0,
          isRetriable() {
            controller.abort(reason);
            return answer;
          },
        },
      });
      const error = await promise.catch((error) => error);
      assertEquals(error.message, timeout === 0 ? "withdrawn" : "task");
      open();
      await group.wait();
      const { rejected, retried } = group.stats;
      assertEquals([rejected, retried, controller.listeners], [1, 0, 0]);
    }
  }
});

test("An item's signal that is aborted while its timeout is judged gives one result, and no second one", async () => {
  const controller = new AbortController();
  const group = new CoGroup(1);
  let open = () => {};
  const results = group.mapSettled(
    [1],
    () => new Promise<void>((resolve) => open = resolve),
    {
      ordered: false,
      signal: controller.signal,
      timeout: 0,
      retry: {
        isRetriable() {
          controller.abort("withdrawn");
          return false;
        },
      },
    },
  );
  const { value } = await results.next();
  assertEquals(value, {
    status: "rejected",
    reason: "withdrawn",
    item: 1,
    index: 0,
  });
  open();
  assertEquals(await results.next(), { value: undefined, done: true });
  await group.wait();
});

test("An insert that waits is turned away by its signal, also when that signal makes the room", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  let ran = 0;
  group.add(() => void ran++, { signal });
  const waiting = group.insert(() => void ran++, { signal });
  const behind = group.insert(() => void ran++);
  controller.abort();
  assertEquals(await waiting, false);
  assertEquals(await behind, true);
  group.resume();
  assertEquals([await group.wait(), ran, controller.listeners], [1, 1, 0]);
});

test("Options may be used again with another signal: each task keeps the one it came with", async () => {
  const [first, second] = [new CountingController(), new CountingController()];
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const options = { signal: first.signal };
  group.add(() => {}, options);
  const waiting = group.insert(() => {}, options);
  options.signal = second.signal;
  first.abort();
  assertEquals([await waiting, group.size], [false, 0]);
  second.abort();
  group.resume();
  assertEquals([first.listeners, second.listeners], [0, 0]);
  assertEquals(await group.wait(), 1);
});

test("A stream is just over after a break, whatever was under way", async () => {
  const group = new CoGroup(1);
  const never = () => new Promise<void>(() => {});
  const stream = group.mapSettled([1], never, { ahead: 3 });
  const first = stream.next();
  group.add(() => {});
  group.pause();
  for (const _ of range(10)) await undefined;
  await stream.return!();
  for (const step of [await first, await stream.next()]) {
    assertEquals(step, { value: undefined, done: true });
  }
  group.resume();
  await group.wait();
});

test("ctx.workerId is below concurrency, however the tasks come and whatever options they have", async () => {
  const ids = new Set<number>();
  const group = new CoGroup({ concurrency: 1, timeout: 60_000 });
  const see = ({ workerId }: TaskContext) => void ids.add(workerId);
  const stream = group.map(range(6), (_, ctx) => see(ctx), { ahead: 2 });
  const reads = range(7).map(() => stream.next());
  for (const i of range(20)) {
    await undefined;
    group.add(see);
    if (i % 3 === 0) group.go(see, { retry: { maxAttempts: 2 } });
  }
  await Promise.all(reads);
  await group.wait();
  assertEquals([...ids], [0]);
});

test("A subclass may override every method: the group calls none of its own", async () => {
  const called: string[] = [];
  class Loud extends CoGroup {
    override add(...args: Parameters<CoGroup["add"]>): boolean {
      called.push("add");
      return super.add(...args);
    }
    override insert(...args: Parameters<CoGroup["insert"]>): Promise<boolean> {
      called.push("insert");
      return super.insert(...args);
    }
    override close(): void {
      called.push("close");
      super.close();
    }
    override wait(...args: Parameters<CoGroup["wait"]>): Promise<number> {
      called.push("wait");
      return super.wait(...args);
    }
    override get size(): number {
      called.push("size");
      return super.size;
    }
  }
  const group = new Loud(2);
  await group.insertAll([() => {}]);
  for await (const _ of group.map([1], () => {}));
  await group.go(() => {});
  await group.reset();
  await group[Symbol.asyncDispose]();
  assertEquals(called, []);
});

test("A proxy may stand for a task, its options, a source or a worker", async () => {
  const through = <T extends object>(value: T) => new Proxy(value, {});
  const group = new CoGroup({
    ...through({ concurrency: 1 }),
    worker: through((task, ctx) => task(ctx)),
  });
  const task = through(() => 1);
  assert(group.add(task, through({ timeout: 60_000 })));
  assertEquals(await group.go(task, through({ timeout: 60_000 })), 1);
  const results: number[] = [];
  const source = through({
    [Symbol.iterator]: () => [1, 2][Symbol.iterator](),
  });
  for await (const n of group.map(source, through((n: number) => n))) {
    results.push(n);
  }
  assertEquals(results, [1, 2]);
  await group.wait();
});
