/**
 * What becomes of a stream's source: its errors, its clean-up, its promises.
 *
 * @module
 */

import {
  CoGroup,
  CoGroupClosedError,
  Semaphore,
  type TaskFailure,
} from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

const bothOrders = [{ ordered: true }, { ordered: false }];
const both = ["map", "mapSettled"] as const;

/** A group, and what its `onError` has heard. */
function listening(concurrency: number): {
  group: CoGroup;
  heard: unknown[];
  failures: TaskFailure[];
} {
  const heard: unknown[] = [];
  const failures: TaskFailure[] = [];
  const onError = (error: unknown, failure: TaskFailure) => {
    heard.push(error);
    failures.push(failure);
  };
  return { group: new CoGroup({ concurrency, onError }), heard, failures };
}

/** Values that are there, and then a failure when the test says so. */
async function* failing(values: number, late: Promise<void>) {
  yield* range(values);
  await late;
}

/** Nothing goes unhandled in it. */
async function quietly(run: () => Promise<void>): Promise<void> {
  assertEquals(await unhandled(run), []);
}

async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => "ended", (error) => error);
}

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown> {
  const all: unknown[] = [];
  try {
    for await (const value of stream) all.push(value);
    return all;
  } catch (error) {
    return [...all, { thrown: error }];
  }
}

for (const { ordered } of bothOrders) {
  const where = ordered ? "in order" : "as they are ready";

  test(`Law 7: a source of map that fails after fn has goes to onError, once; the reader gets fn's error (${where})`, async () => {
    for (const error of [new Error("connection lost"), undefined]) {
      await quietly(async () => {
        const { group, heard } = listening(4);
        const late = gate();
        const mapper = new Error("mapper");
        const fn = () => Promise.reject(mapper);
        const stream = group.map(failing(1, late.promise), fn, { ordered });
        assertStrictEquals(await outcomeOf(stream.next()), mapper);
        late.fail(error);
        await settled();
        assertEquals(heard, [error]);
        assertEquals((await stream.next()).done, true);
        await group.wait();
        assertEquals(heard.length, 1);
      });
    }
  });

  test(`Law 7: a source of map that has failed before fn does goes to onError, once; the reader gets fn's error (${where})`, async () => {
    await quietly(async () => {
      const { group, heard } = listening(4);
      const tasks = new Tasks();
      const late = gate();
      const stream = group.map(
        failing(2, late.promise),
        (i) => tasks.task(i)(),
        { ordered },
      );
      const first = outcomeOf(stream.next());
      await settled();
      late.fail("connection lost");
      await settled();
      assertEquals(heard, [], "the reader may yet hear of it");
      tasks.fail(1, "mapper");
      await settled();
      assertEquals(heard, ["connection lost"]);
      tasks.openAll();
      if (ordered) {
        assertEquals(await first, "ended");
        assertEquals(await outcomeOf(stream.next()), "mapper");
      } else assertEquals(await first, "mapper");
      await group.wait();
      assertEquals(heard.length, 1);
    });
  });

  for (const method of both) {
    test(`Law 7: a source of ${method} that fails when it has no reader any more goes to onError, once (${where})`, async () => {
      const ends = {
        break: async ({ stream }) => void await stream.return!(),
        throw: async ({ stream }) =>
          assertEquals(await outcomeOf(stream.throw!("thrown")), "thrown"),
        abort: async ({ group, next }) => {
          group.abort("aborted");
          assertEquals(await next, "aborted");
        },
        close: async ({ group, next }) => {
          group.close();
          assert(await next instanceof CoGroupClosedError);
        },
      } satisfies Record<
        string,
        (scene: {
          group: CoGroup;
          stream: AsyncIterableIterator<unknown>;
          next: Promise<unknown>;
        }) => Promise<void>
      >;
      for (const [name, end] of Object.entries(ends)) {
        for (const isUnderWay of [true, false]) {
          // A close lets the reader have the error that is there.
          if (name === "close" && !isUnderWay) continue;
          await quietly(async () => {
            const { group, heard } = listening(4);
            const late = gate();
            const busy = gate<number>();
            const stream = group[method](
              failing(isUnderWay ? 1 : 2, late.promise),
              (i) => i === 1 ? busy.promise : i,
              { ordered },
            );
            await stream.next();
            const next = outcomeOf(stream.next());
            await settled();
            if (!isUnderWay) late.fail("connection lost");
            await settled();
            assertEquals(heard, []);
            const ended = end({ group, stream, next });
            await settled();
            if (isUnderWay) late.fail("connection lost");
            await ended;
            await settled();
            assertEquals(heard, ["connection lost"], name);
            busy.open(0);
            await group.wait();
            assertEquals(heard.length, 1);
          });
        }
      }
    });

    test(`Law 7: what return() of the source of ${method} fails with goes to onError, once, where no return() of the stream carries it (${where})`, async () => {
      const ends = {
        abort: (group) => group.abort(),
        close: (group) => group.close(),
        throw: (_, stream) => void stream.throw!("thrown").catch(() => {}),
        fn: () => {},
      } satisfies Record<
        string,
        (group: CoGroup, stream: AsyncIterableIterator<unknown>) => void
      >;
      const closes = [
        () => {
          throw "clean-up";
        },
        () => Promise.reject("clean-up"),
      ];
      for (const [name, end] of Object.entries(ends)) {
        if (name === "fn" && method === "mapSettled") continue;
        for (const kind of [Symbol.iterator, Symbol.asyncIterator]) {
          for (const close of closes) {
            await quietly(async () => {
              const { group, heard, failures } = listening(1);
              const source = {
                [kind]: () => ({
                  next: () => ({ value: 1, done: false }),
                  return: close,
                }),
              } as unknown as Iterable<number>;
              const options = { ordered };
              const stream = group[method](source, (i) => {
                if (name === "fn") throw "mapper";
                return i;
              }, options);
              const first = await outcomeOf(stream.next());
              assertEquals(first, name === "fn" ? "mapper" : "ended");
              end(group, stream);
              await settled();
              assertEquals(heard, ["clean-up"], name);
              await stream.return!();
              await group.wait();
              const [failure, ...more] = failures;
              assertEquals(more, []);
              const { workerId, attempt, task } = failure!;
              assertEquals([workerId, attempt], [-1, 0]);
              assertStrictEquals(failure!.options, options);
              assertStrictEquals(task(undefined as never), source);
            });
          }
        }
      }
    });

    test(`Law 12: break waits for the clean-up of the source of ${method}, as for await does, and throws what that throws (${where})`, async () => {
      for (const concurrency of [1, 4]) {
        for (const isThrowing of [false, true]) {
          for (const body of ["break", "throw"]) {
            const { group, heard } = listening(concurrency);
            const clean = gate();
            let cleanUps = 0;
            const source = async function* () {
              try {
                for (let i = 0;; i++) yield i;
              } finally {
                await clean.promise;
                cleanUps++;
                // deno-lint-ignore no-unsafe-finally
                if (isThrowing) throw "clean-up";
              }
            };
            let isOver = false;
            const loop = outcomeOf((async () => {
              for await (
                const _ of group[method](source(), (i) => i, { ordered })
              ) {
                if (body === "throw") throw "body";
                break;
              }
            })());
            loop.then(() => isOver = true);
            await settled();
            assertEquals([isOver, cleanUps], [false, 0]);
            clean.open();
            assertEquals(
              await loop,
              body === "throw" ? "body" : isThrowing ? "clean-up" : "ended",
            );
            assertEquals([cleanUps, heard], [1, []]);
            await group.wait();
          }
        }
      }
    });
  }
}

test("Law 12: break throws what the clean-up of a source at hand throws", async () => {
  const { group, heard } = listening(2);
  const source = function* () {
    try {
      for (let i = 0;; i++) yield i;
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw "clean-up";
    }
  };
  const loop = (async () => {
    for await (const _ of group.map(source(), (i) => i)) break;
  })();
  assertEquals(await outcomeOf(loop), "clean-up");
  assertEquals(heard, []);
  await group.wait();
});

test("Law 12: break waits for a pull that is under way, and for the clean-up behind it", async () => {
  const group = new CoGroup(4);
  const page = gate();
  let isClean = false;
  const source = async function* () {
    try {
      yield 1;
      await page.promise;
      yield 2;
    } finally {
      await Promise.resolve();
      isClean = true;
    }
  };
  const stream = group.map(source(), (i) => i);
  await stream.next();
  await settled();
  const ended = stream.return!("value");
  await settled();
  assertEquals(isClean, false);
  page.open();
  assertEquals(await ended as unknown, { value: "value", done: true });
  assertEquals(isClean, true);
  await group.wait();
});

test("Law 12: break waits half a second, and no longer, for a source that never answers", async () => {
  const stuck = [
    async function* () {
      yield 1;
      await new Promise(() => {});
    },
    async function* () {
      yield 1;
      yield new Promise<number>(() => {});
    },
  ];
  for (const source of stuck) {
    const time = new FakeTime();
    try {
      const { group, heard } = listening(4);
      const stream = group.map(source(), (i) => i);
      await stream.next();
      await settled();
      let isOver = false;
      const ended = stream.return!().then(() => isOver = true);
      await settled();
      time.tick(499);
      await settled();
      assertEquals(isOver, false);
      time.tick(1);
      await ended;
      assertEquals([await group.wait(), heard], [0, []]);
    } finally {
      time.restore();
    }
  }
});

test("Law 12: break waits for no promise of an array that is slow, for the array has no clean-up", async () => {
  const time = new FakeTime();
  try {
    const group = new CoGroup(4);
    const source = [Promise.resolve(1), new Promise<number>(() => {})];
    for await (const _ of group.map(source as unknown as number[], (i) => i)) {
      await settled();
      break;
    }
    await group.wait();
  } finally {
    time.restore();
  }
});

test("Law 12: throw() of a stream waits for the clean-up of its source, too", async () => {
  const group = new CoGroup(1);
  const clean = gate();
  const source = async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      await clean.promise;
    }
  };
  const stream = group.map(source(), (i) => i);
  await stream.next();
  let isOver = false;
  const ended = outcomeOf(stream.throw!("thrown"));
  ended.then(() => isOver = true);
  await settled();
  assertEquals(isOver, false);
  clean.open();
  assertEquals(await ended, "thrown");
  await group.wait();
});

test("Law 12: a second return() of a stream waits, too, and only the first one throws what the clean-up does", async () => {
  const { group, heard } = listening(1);
  const clean = gate();
  const source = async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      await clean.promise;
    }
  };
  const stream = group.map(source(), (i) => i);
  await stream.next();
  const first = outcomeOf(stream.return!());
  let isSecond = false;
  const second = stream.return!().then(() => isSecond = true);
  await settled();
  assertEquals(isSecond, false);
  clean.fail("clean-up");
  assertEquals([await first, await second], ["clean-up", true]);
  assertEquals(heard, []);
  await group.wait();
});

test("Law 12: return() of a stream whose group was closed carries what the clean-up then throws; it is told once", async () => {
  const { group, heard } = listening(1);
  const clean = gate();
  const source = async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      await clean.promise;
    }
  };
  const stream = group.map(source(), (i) => i);
  await stream.next();
  group.close();
  await settled();
  const ended = outcomeOf(stream.return!());
  clean.fail("clean-up");
  assertEquals([await ended, heard], ["clean-up", []]);
  await group.wait();
});

test("Law 12: return() of a stream in the next() of its own source waits for the clean-up behind that", async () => {
  const { group, heard } = listening(1);
  let cleanUps = 0;
  let ended: Promise<unknown> | undefined;
  const source = function* () {
    try {
      ended = stream.return!();
      yield 1;
    } finally {
      cleanUps++;
    }
  };
  const stream: AsyncIterableIterator<number> = group.map(source(), (i) => i);
  assertEquals((await stream.next()).done, true);
  await ended;
  assertEquals([cleanUps, heard, group.stats.accepted], [1, [], 0]);
  await group.wait();
});

for (const { ordered } of bothOrders) {
  const where = ordered ? "in order" : "as they are ready";

  test(`CoGroup.map() of an array with a rejected promise fails with it in its turn, and it is never unhandled (${where})`, async () => {
    await quietly(async () => {
      const { group, heard } = listening(2);
      const slow = gate<number>();
      const source = [slow.promise, Promise.reject("why"), Promise.reject("b")];
      const all = readAll(
        group.map(source as unknown as number[], (i) => i, { ordered }),
      );
      await settled();
      slow.open(7);
      assertEquals(await all, [7, { thrown: "why" }]);
      await settled();
      assertEquals(heard, ["b"], "what was not pulled is told, once");
      await group.wait();
    });
  });

  test(`CoGroup.mapSettled() gives a rejected promise of its source as an item that failed, which fn is not called for, and goes on (${where})`, async () => {
    await quietly(async () => {
      // With two workers it would be ready before the first one is.
      const { group, heard } = listening(ordered ? 2 : 1);
      const called: number[] = [];
      const lazy = function* () {
        yield Promise.resolve(1);
        yield Promise.reject("why");
        yield Promise.resolve(3);
      };
      const later = () => {
        const values = lazy();
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => Promise.resolve(values.next()),
          }),
        };
      };
      for (const make of [() => [...lazy()], lazy, later]) {
        const source = make() as unknown as Iterable<number>;
        const all = await readAll(group.mapSettled(source, (i) => {
          called.push(i);
          return i * 2;
        }, { ordered }));
        assertEquals(all, [
          { status: "fulfilled", value: 2, item: 1, index: 0 },
          { status: "rejected", reason: "why", item: undefined, index: 1 },
          { status: "fulfilled", value: 6, item: 3, index: 2 },
        ]);
      }
      assertEquals([called, heard], [[1, 3, 1, 3, 1, 3], []]);
      assertEquals([await group.wait(), group.stats.accepted], [0, 6]);
      assertBooks(group);
    });
  });

  test(`CoGroup.mapSettled() that is broken off tells onError of a rejected promise of its source that was not read, once (${where})`, async () => {
    await quietly(async () => {
      const { group, heard, failures } = listening(4);
      const busy = gate<number>();
      const source = [1, Promise.reject("why"), 3] as unknown as number[];
      const stream = group.mapSettled(
        source,
        (i) => i === 1 ? busy.promise : i,
        { ordered: true, ahead: ordered ? 0 : 1 },
      );
      stream.next();
      await settled();
      await stream.return!();
      assertEquals(heard, ["why"]);
      const { workerId, attempt, task } = failures[0]!;
      assertEquals([workerId, attempt], [-1, 0]);
      assertStrictEquals(task(undefined as never), source);
      busy.open(0);
      await group.wait();
    });
  });
}

test("CoGroup.mapSettled() pulls on behind a rejected promise, whether the reader waits or not", async () => {
  for (const isWaiting of [true, false]) {
    const { group } = listening(3);
    const tasks = new Tasks();
    const late = gate<number>();
    const source = [1, late.promise, 3] as unknown as number[];
    const stream = group.mapSettled(source, (i) => {
      if (i > 1 || isWaiting) return tasks.task(i)();
      return void tasks.started.push(i);
    });
    const first = stream.next();
    if (!isWaiting) await first;
    await settled();
    late.fail("why");
    await settled();
    assertEquals(tasks.started, [1, 3]);
    tasks.openAll();
    await first;
    await stream.return!();
    await group.wait();
  }
});

test("CoGroup.map() of a source at hand pulls all that it may, though its governor lets none of it start", async () => {
  const busy = gate();
  const governor = new Semaphore(1);
  const group = new CoGroup({ concurrency: 20, governor });
  group.add(() => busy.promise);
  await settled();
  let pulled = 0;
  const source = function* () {
    for (;;) yield pulled++;
  };
  const stream = group.map(source(), (i) => i);
  const first = stream.next();
  await settled();
  assertEquals(pulled, 20);
  busy.open();
  assertEquals((await first).value, 0);
  await stream.return!();
  await group.wait();
});

test("CoGroup.mapSettled() whose source itself fails ends with that error", async () => {
  const { group, heard } = listening(2);
  const sync = function* () {
    yield 1;
    throw "why";
  };
  const later = async function* () {
    yield* sync();
  };
  for (const source of [sync, later]) {
    assertEquals(await readAll(group.mapSettled(source(), (i) => i)), [
      { status: "fulfilled", value: 1, item: 1, index: 0 },
      { thrown: "why" },
    ]);
  }
  assertEquals(heard, []);
  await group.wait();
});

test("CoGroup.mapSettled() whose promise is rejected when its stream is over tells onError, once", async () => {
  await quietly(async () => {
    const { group, heard } = listening(2);
    const late = gate<number>();
    const source = [1, late.promise] as unknown as number[];
    const stream = group.mapSettled(source, (i) => i);
    await stream.next();
    await settled();
    await stream.return!();
    late.fail("why");
    await settled();
    assertEquals(heard, ["why"]);
    await group.wait();
  });
});

test("Law 7: an error of a source that no reader gets is printed, if there is no onError", async () => {
  const { error } = console;
  const printed: unknown[][] = [];
  console.error = (...args: unknown[]) => void printed.push(args);
  try {
    const group = new CoGroup(2);
    const late = gate();
    const stream = group.map(failing(1, late.promise), (i) => i);
    await stream.next();
    await settled();
    group.abort();
    late.fail("connection lost");
    await settled();
    await group.wait();
  } finally {
    console.error = error;
  }
  assertEquals(printed, [["connection lost"]]);
});
