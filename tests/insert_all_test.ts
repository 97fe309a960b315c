import {
  CoGroup,
  CoGroupClosedError,
  type QueuedTask,
  type Task,
  type TaskFailure,
} from "../mod.ts";
import { Group } from "../src/group/group.ts";
import { insertAll } from "../src/group/insert_all.ts";
import { Intake } from "../src/group/intake.ts";
import { settle } from "../src/group/options.ts";
import { Turn } from "../src/base/turn.ts";
import { PATIENCE } from "../src/base/source.ts";
import {
  assertBooks,
  CountingController,
  gate,
  range,
  settled,
  Tasks,
} from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

test("CoGroup.insertAll() pulls only what there is room for, and says how many were accepted", async () => {
  for (const isAsync of [false, true]) {
    const group = new CoGroup({ concurrency: 2, capacity: 3 });
    const tasks = new Tasks();
    let pulled = 0;
    const sync = function* () {
      for (const i of range(20)) {
        pulled++;
        yield tasks.task(i);
      }
    };
    const later = async function* () {
      yield* sync();
    };
    const all = group.insertAll(isAsync ? later() : sync());
    await settled();
    assertEquals([pulled, group.size, group.inFlight], [5, 3, 2]);
    for (const i of range(20)) {
      tasks.open(i);
      await settled();
      assertEquals(pulled, Math.min(20, 6 + i));
    }
    assertEquals(await all, 20);
    assertEquals([await group.wait(), tasks.started], [0, range(20)]);
  }
});

test("CoGroup.insertAll() at capacity 0 pulls when a worker is idle", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  let pulled = 0;
  function* source() {
    for (const i of range(3)) {
      pulled++;
      yield tasks.task(i);
    }
  }
  const all = group.insertAll(source());
  for (const i of range(3)) {
    await settled();
    assertEquals([pulled, tasks.started.length], [i + 1, i + 1]);
    tasks.open(i);
  }
  assertEquals(await all, 3);
  await group.wait();
});

test("CoGroup.insertAll() holds the place it pulls for; adds go past, and are kept", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const tasks = new Tasks();
  const slow = gate();
  async function* source() {
    await slow.promise;
    yield tasks.task("pulled");
  }
  const all = group.insertAll(source());
  await settled();
  assert(!group.tryInsert(tasks.task("no")), "the place is taken");
  const waiting = group.insert(tasks.task("waits"));
  group.add(tasks.task("added"));
  group.resume();
  tasks.openAll();
  await settled();
  assert(
    tasks.started.includes("added"),
    "what is accepted waits for no source",
  );
  slow.open();
  tasks.openAll();
  assertEquals([await all, await waiting], [1, true]);
  tasks.openAll();
  await group.idle();
  assertEquals(tasks.started.length, 3);
  assertBooks(group);
});

test("CoGroup.insertAll() that waits for room gets it in its turn", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const tasks = new Tasks();
  group.add(tasks.task(0));
  await settled();
  const first = group.insert(tasks.task(1));
  const all = group.insertAll([tasks.task(2), tasks.task(3)]);
  const last = group.insert(tasks.task(4));
  for (const i of range(5)) {
    tasks.open(i);
    await settled();
  }
  assertEquals([await first, await all, await last], [true, 2, true]);
  assertEquals(tasks.started.slice(0, 3), [0, 1, 2]);
  tasks.openAll();
  assertEquals([await group.wait(), tasks.started.length], [0, 5]);
});

test("Two insertAll() with slow sources at capacity 0 share a worker, and an add behind them runs", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const gates = [gate(), gate()];
  const ran: unknown[] = [];
  async function* source(i: number) {
    await gates[i]!.promise;
    yield () => void ran.push(i);
  }
  const all = [group.insertAll(source(0)), group.insertAll(source(1))];
  await settled();
  group.add(() => void ran.push("added"));
  await settled();
  assertEquals(ran, ["added"]);
  gates[1]!.open();
  gates[0]!.open();
  assertEquals(await Promise.all(all), [1, 1]);
  await group.wait();
  assertEquals(ran.length, 3);
});

for (const end of ["close", "abort"] as const) {
  for (const kind of ["sync", "async"] as const) {
    test(`CoGroup.insertAll() stops at ${end}, closes its ${kind} source once, and says what was accepted`, async () => {
      const group = new CoGroup({ concurrency: 1, capacity: 2 });
      const tasks = new Tasks();
      let pulled = 0;
      let closed = 0;
      const sync = function* () {
        try {
          for (const i of range(100)) {
            pulled++;
            yield tasks.task(i);
          }
        } finally {
          closed++;
        }
      };
      const later = async function* () {
        yield* sync();
      };
      const all = group.insertAll(kind === "sync" ? sync() : later());
      await settled();
      group[end]();
      assertEquals([await all, pulled], [3, 3]);
      await settled();
      assertEquals(closed, 1);
      assertEquals(await group.insertAll(sync()), 0);
      tasks.openAll();
      assertEquals(await group.wait(), end === "close" ? 0 : 2);
    });
  }
}

for (const end of ["close", "abort"] as const) {
  test(`CoGroup.insertAll() that ${end}() stops at any microtask has accepted, or hands back, each task of its source`, async () => {
    let handedBack = 0;
    for (const moment of range(30)) {
      const group = new CoGroup({
        concurrency: 1,
        paused: true,
        slice: Infinity, // All in one turn of the loop.
      });
      const yielded: (() => void)[] = [];
      const source = async function* () {
        for (;;) {
          await Promise.resolve();
          const task = () => {};
          yielded.push(task);
          yield task;
        }
      };
      const all = group.insertAll(source());
      for (const _ of range(moment)) await Promise.resolve();
      group[end]();
      const answer = await all.catch((error) => error);
      const left = group.clear().map(({ task }) => task);
      if (answer instanceof CoGroupClosedError) {
        handedBack++;
        left.push(answer.value as () => void);
      } else if (left.length > group.stats.accepted) handedBack++;
      assertEquals(left, yielded);
      assertEquals(await group.wait(), group.stats.abandoned);
      assertBooks(group);
    }
    assert(handedBack > 0 && handedBack < 30, `${handedBack} of 30`);
  });
}

test("CoGroup.insertAll() skips a task whose own signal is aborted already, and does not count it", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  const controller = new CountingController();
  const { signal } = controller;
  const ran: number[] = [];
  const task = (i: number) => () => void ran.push(i);
  const gone = { signal: AbortSignal.abort() };
  const all = group.insertAll([
    { task: task(0), options: gone },
    { task: task(1), options: { signal } },
    { task: task(2), options: gone },
    { task: task(3) },
  ]);
  await settled();
  assertEquals([group.size, controller.listeners], [1, 1]);
  group.resume();
  assertEquals(await all, 2);
  await group.wait();
  assertEquals([ran, controller.listeners], [[1, 3], 0]);
});

test("CoGroup.insertAll() rejects with the source's error; what was accepted runs", async () => {
  const error = new Error("source");
  // At the end of a slice the last source would wait for the next turn.
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  let ran = 0;
  function* sync() {
    yield () => void ran++;
    throw error;
  }
  async function* later() {
    yield* sync();
  }
  // Made when it is its turn: a rejection must not wait for somebody to hear it.
  const sources = [sync, later, () => [Promise.reject(error) as never]];
  for (const source of sources) {
    assertEquals(await group.insertAll(source()).catch((e) => e), error);
  }
  await group.wait();
  assertEquals(ran, 2);
});

test("CoGroup.insertAll() whose source fails while a place is held for it gives the place up", async () => {
  for (const isLate of [false, true]) {
    const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
    const fails = () => isLate ? Promise.reject("own") : fail();
    const source = { [Symbol.asyncIterator]: () => ({ next: fails }) };
    assertEquals(await group.insertAll(source).catch((e) => e), "own");
    assertEquals(group.tryInsert(() => {}), true);
    group.resume();
    await group.wait();
  }
});

function fail(): never {
  throw "own";
}

test("CoGroup.insertAll() that has ended is forgotten by its group", async () => {
  const group = new Group(settle(1));
  const intake = new Intake(group);
  assertEquals(await insertAll(group, intake, [() => {}]), 1);
  const source = { [Symbol.iterator]: () => ({ next: fail }) };
  assertEquals(await insertAll(group, intake, source).catch((e) => e), "own");
  assertEquals(group.feeds.size, 0);
  await group.wait();
});

test("CoGroup.insertAll() that has ended leaves the event loop's slice to others", async () => {
  await new CoGroup({ concurrency: 1, slice: 1, paused: true }).insertAll([]);
  const turn = new Turn(Infinity);
  turn.enter();
  turn.leave(); // So that the smallest slice is looked for again.
  for (const begin = performance.now(); performance.now() < begin + 5;) {
    assertEquals(turn.mayStart(), true);
  }
});

test("CoGroup.insertAll() says whose source it is that is none", async () => {
  const error = await new CoGroup(1).insertAll(8 as never).catch((e) => e);
  assert(error.message.startsWith("Cannot insertAll: "), error.message);
});

test("CoGroup.insert() that its signal turns away is forgotten at once", async () => {
  const group = new Group(
    settle({ concurrency: 1, capacity: 0, paused: true }),
  );
  const intake = new Intake(group);
  const controller = new AbortController();
  const inserted = intake.insert(() => {}, { signal: controller.signal });
  assertEquals(group.backlog.waiting, 1);
  controller.abort();
  assertEquals([group.backlog.waiting, await inserted], [0, false]);
});

for (const end of ["close", "abort"] as const) {
  test(`CoGroup.insertAll() takes no task in that calls ${end}() as it is looked at, and hands it back`, async () => {
    const group = new CoGroup({ concurrency: 1, capacity: 0 });
    const ran: string[] = [];
    const task = {
      task: () => ran.push("task"),
      get options() {
        group[end]();
        return {};
      },
    };
    const all = group.insertAll([task]);
    await assertHandedBack(group, all, task, 0);
    assertEquals([await group.wait(), group.stats.accepted, ran], [0, 0, []]);
  });
}

/** The task that came too late is the caller's again, and in no book. */
async function assertHandedBack(
  group: CoGroup,
  all: Promise<number>,
  value: Task | QueuedTask,
  accepted: number,
): Promise<void> {
  const task = typeof value === "function" ? value : value.task;
  const answer = await all.catch((error) => error);
  if (group.signal.aborted) {
    assertEquals(answer, accepted);
    const left = group.clear();
    assertStrictEquals(left.at(-1)?.task, task);
    if (typeof value !== "function") {
      const { options } = left.at(-1)!;
      assertEquals(options, value.options);
    }
  } else {
    assertInstanceOf(answer, CoGroupClosedError);
    assertStrictEquals(answer.value, value);
    assertEquals(answer.message, "Cannot insertAll: the group is closed");
  }
  assertBooks(group);
}

/** Sources of one task, which comes when the test says so. */
const slowSources: Record<
  string,
  (task: Task | QueuedTask, late: Promise<void>) => AsyncIterable<Task>
> = {
  "an async generator": async function* (task, late) {
    await late;
    yield task as Task;
  },
  "an async iterator of promises": (task, late) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const value = late.then(() => task) as unknown as Task;
        return Promise.resolve({ value, done: false });
      },
    }),
  }),
  "an async iterator that says it has closed before it answers": (
    task,
    late,
  ) => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        await late;
        return { value: task as Task, done: false };
      },
      return: () => Promise.resolve({ value: undefined, done: true }),
    }),
  }),
  "an array of promises": (task, late) =>
    [late.then(() => task)] as unknown as AsyncIterable<Task>,
  "a generator of promises": (task, late) =>
    (function* () {
      yield late.then(() => task);
    })() as unknown as AsyncIterable<Task>,
};

for (const [what, make] of Object.entries(slowSources)) {
  for (const end of ["close", "abort"] as const) {
    test(`Law 1: insertAll() of ${what} hands back the task that was on its way at ${end}()`, async () => {
      const options = { id: 8, priority: 1 };
      for (const value of [() => {}, { task: () => {}, options }]) {
        for (const queued of [0, 2]) {
          const group = new CoGroup({ concurrency: 1, paused: true });
          for (const _ of range(queued)) group.add(() => {});
          const late = gate();
          const all = group.insertAll(make(value, late.promise));
          await settled();
          group[end]();
          const done = end === "abort" ? await group.wait() : 0;
          await settled();
          late.open();
          await assertHandedBack(group, all, value, 0);
          assertEquals([group.stats.accepted, await all.catch(() => 0)], [
            queued,
            0,
          ]);
          group.resume();
          assertEquals(
            [done, await group.wait()],
            end === "abort" ? [queued, queued] : [0, 0],
          );
        }
      }
    });

    test(`Law 1: insertAll() of ${what} that answers too late for its promise hands the task back all the same, at ${end}()`, async () => {
      const time = new FakeTime();
      try {
        const heard: [unknown, TaskFailure][] = [];
        const onError = (error: unknown, failure: TaskFailure) =>
          void heard.push([error, failure]);
        const group = new CoGroup({ concurrency: 1, onError });
        const late = gate();
        const task = () => {};
        const source = make(task, late.promise);
        const all = group.insertAll(source);
        await settled();
        group[end]();
        await settled();
        time.tick(PATIENCE);
        assertEquals([await all, await group.wait()], [0, 0]);
        assertEquals(group.clear(), []);
        late.open();
        await settled();
        if (end === "abort") assertEquals(group.clear(), [{ task }]);
        else {
          const [error, failure] = heard[0]!;
          assertInstanceOf(error, CoGroupClosedError);
          assertStrictEquals(error.value, task);
          assertStrictEquals(failure.task(undefined as never), source);
          const { workerId, attempt } = failure;
          assertEquals([workerId, attempt, heard.length], [-1, 0, 1]);
        }
        assertEquals([await group.wait(), group.stats.accepted], [0, 0]);
      } finally {
        time.restore();
      }
    });
  }
}

for (const end of ["close", "abort"] as const) {
  test(`Law 1: insertAll() hands back the task of a source that calls ${end}() in its own next(), and closes it`, async () => {
    for (const kind of ["sync", "promise", "async"]) {
      for (const before of [0, 1]) {
        const group = new CoGroup({ concurrency: 1, paused: true });
        const task = () => {};
        let cleanUps = 0;
        const sync = function* () {
          try {
            for (const _ of range(before)) yield () => {};
            group[end]();
            yield kind === "promise" ? Promise.resolve(task) as never : task;
            throw new Error("pulled after the end");
          } finally {
            cleanUps++;
          }
        };
        const later = async function* () {
          yield* sync();
        };
        const all = group.insertAll(kind === "async" ? later() : sync());
        await assertHandedBack(group, all, task, before);
        assertEquals([group.stats.accepted, cleanUps], [before, 1]);
        group.resume();
        assertEquals(await group.wait(), end === "close" ? 0 : before);
      }
    }
  });

  test(`CoGroup.insertAll() rejects with a TypeError for what is no task, also after ${end}()`, async () => {
    const group = new CoGroup(1);
    const late = gate();
    const source = slowSources["an async generator"]!;
    const all = group.insertAll(source(8 as never, late.promise));
    await settled();
    group[end]();
    late.open();
    await assertRejects(() => all, TypeError, "Cannot insertAll: task must be");
    assertEquals([group.clear(), await group.wait()], [[], 0]);
  });

  test(`CoGroup.insertAll() skips a late task whose own signal is aborted, after ${end}(), too`, async () => {
    const group = new CoGroup(1);
    const late = gate();
    const gone = {
      task: () => {},
      options: { signal: AbortSignal.abort() },
    };
    const source = slowSources["an async generator"]!;
    const all = group.insertAll(source(gone, late.promise));
    await settled();
    group[end]();
    late.open();
    assertEquals([await all, group.clear()], [0, []]);
    await group.wait();
  });

  test(`Law 7: insertAll() carries the first error of its source after ${end}(), and onError hears of the next one`, async () => {
    const heard: unknown[] = [];
    const onError = (error: unknown) => void heard.push(error);
    const seen = await unhandled(async () => {
      for (const error of ["connection lost", undefined]) {
        const group = new CoGroup({ concurrency: 1, onError });
        const late = gate<never>();
        const source = {
          [Symbol.asyncIterator]: () => ({
            next: () => late.promise,
            return: () => Promise.reject("clean-up"),
          }),
        };
        const all = group.insertAll(source).then(() => "no", (e) => [e]);
        await settled();
        group[end]();
        await settled();
        assertEquals(heard, []);
        late.fail(error);
        assertEquals(await all, [error]);
        await settled();
        assertEquals(heard.splice(0), ["clean-up"]);
        await group.wait();
      }
    });
    assertEquals(seen, []);
  });

  test(`Law 12: insertAll() waits for the clean-up of its source at ${end}(), and rejects with what that throws`, async () => {
    for (const isThrowing of [false, true]) {
      for (const capacity of [1, Infinity]) {
        const heard: unknown[] = [];
        const group = new CoGroup({
          concurrency: 1,
          capacity,
          paused: true,
          onError: (error) => heard.push(error),
        });
        const clean = gate();
        const more = gate();
        const source = async function* () {
          try {
            yield () => {};
            await more.promise;
            yield () => {};
          } finally {
            await clean.promise;
          }
        };
        let isOver = false;
        const all = group.insertAll(source()).catch((error) => error);
        all.then(() => isOver = true);
        await settled();
        group[end]();
        await settled();
        const hasPulled = capacity === Infinity;
        more.open();
        await settled();
        assertEquals(isOver, false);
        if (isThrowing) clean.fail("clean-up");
        else clean.open();
        const answer = await all;
        if (end === "close" && hasPulled) {
          assertInstanceOf(answer, CoGroupClosedError);
          assertEquals(heard, isThrowing ? ["clean-up"] : []);
        } else assertEquals([answer, heard], [isThrowing ? "clean-up" : 1, []]);
        group.resume();
        await group.wait();
      }
    }
  });
}

test("Law 1: insertAll() hands a task back that comes when the group is open again: it has ended", async () => {
  for (const end of ["close", "abort"] as const) {
    const group = new CoGroup(1);
    const late = gate();
    const task = () => {};
    const source = slowSources["an async generator"]!(task, late.promise);
    const all = group.insertAll(source).catch((error) => error);
    await settled();
    group[end]();
    await group.reset();
    late.open();
    const error = await all;
    assertInstanceOf(error, CoGroupClosedError);
    assertStrictEquals(error.value, task);
    assertEquals([group.stats.accepted, group.clear()], [0, []]);
    assertEquals(await group.wait(), 0);
  }
});

test("Law 6: that insertAll() hands a task back is no unhandled rejection; that its source fails is one", async () => {
  const seen = await unhandled(async () => {
    const group = new CoGroup(1);
    const late = gate();
    group.insertAll(slowSources["an async generator"]!(() => {}, late.promise));
    await settled();
    group.close();
    late.open();
    await settled();
    await group.wait();
  });
  assertEquals(seen, []);
});

test("CoGroup.insertAll() of an array with promises handles them all: its promise has the first rejection, onError the others", async () => {
  for (const end of ["nothing", "close", "abort"] as const) {
    const heard: unknown[] = [];
    const seen = await unhandled(async () => {
      const onError = (error: unknown) => void heard.push(error);
      const group = new CoGroup({ concurrency: 1, onError });
      const slow = gate<Task>();
      const source = [slow.promise, Promise.reject("a"), Promise.reject("b")];
      const all = group.insertAll(source as unknown as Task[])
        .catch((error) => error);
      await settled();
      if (end !== "nothing") group[end]();
      slow.open(() => {});
      const answer = await all;
      if (end === "nothing") assertEquals(answer, "a");
      else if (end === "abort") assertEquals(answer, 0);
      else assertInstanceOf(answer, CoGroupClosedError);
      await settled();
      await group.wait();
    });
    assertEquals([seen, heard], [[], end === "nothing" ? ["b"] : ["a", "b"]]);
  }
});

test("CoGroup.insertAll() on a group that has ended closes its source, and rejects with what that throws", async () => {
  for (const end of ["close", "abort"] as const) {
    const group = new CoGroup(1);
    group[end]();
    const source = {
      [Symbol.iterator]: () => ({
        next: (): never => {
          throw "pulled";
        },
        return: (): never => {
          throw "clean-up";
        },
      }),
    };
    const error = await group.insertAll(source).catch((error) => error);
    assertEquals(error, "clean-up");
  }
});

test("CoGroup.insertAll() on a group that has ended holds no place, and gives none back", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1, paused: true });
  group.close();
  assertEquals(await group.insertAll([() => {}]), 0);
  await group.reset();
  assertEquals(
    [group.tryInsert(() => {}), group.tryInsert(() => {})],
    [true, false],
  );
  group.resume();
  await group.wait();
});

test("CoGroup.insertAll() that fails frees its place at once", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 0 });
  const all = group.insertAll({
    [Symbol.iterator]: () => ({ next: fail }),
  });
  assertEquals(group.tryInsert(() => {}), true);
  assertEquals(await all.catch((error) => error), "own");
  await group.wait();
});
