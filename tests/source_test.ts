import { NONE } from "../src/maybe.ts";
import { type AnyIterable, Source } from "../src/source.ts";
import { reasonOf } from "./support/channel_contract.ts";
import { gate, settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

/** An iterable of either kind that does as it is told, and how often it was closed. */
function scripted(
  kind: typeof Symbol.asyncIterator | typeof Symbol.iterator,
  next: () => unknown,
  close: () => unknown = () => ({ done: true }),
): { iterable: AnyIterable<unknown>; closed: () => number } {
  let closed = 0;
  const returns = () => {
    closed++;
    return close();
  };
  const iterable = { [kind]: () => ({ next, return: returns }) };
  return {
    iterable: iterable as unknown as AnyIterable<unknown>,
    closed: () => closed,
  };
}

test("Source of what is no iterable is a TypeError that shows it", () => {
  for (
    const [bad, shown] of [
      [undefined, "undefined"],
      [null, "null"],
      [8, "8"],
      [{}, "[object Object]"],
      [{ [Symbol.asyncIterator]: 8 }, "[object Object]"],
    ]
  ) {
    assertThrows(
      () => new Source("insertAll", bad as Iterable<unknown>),
      TypeError,
      `Cannot insertAll: source must be an iterable or async iterable, received ${shown}`,
    );
  }
});

test("Source.pull() gives the values of an iterable at once, then NONE", () => {
  const source = new Source("map", [1, undefined]);
  assertEquals(
    [source.pull(), source.isOver, source.pull(), source.isOver],
    [1, false, undefined, false],
  );
  assertStrictEquals(source.pull(), NONE);
  assertStrictEquals(source.isOver, true);
  assertStrictEquals(source.pull(), NONE);
});

test("Source.pull() gives promises of the values of an async iterable, then of NONE", async () => {
  async function* values() {
    yield await Promise.resolve("a");
  }
  const source = new Source("map", values());
  const first = source.pull();
  assertInstanceOf(first, Promise);
  assertEquals([await first, source.isOver], ["a", false]);
  assertStrictEquals(await source.pull(), NONE);
  assertStrictEquals(source.isOver, true);
  assertStrictEquals(source.pull(), NONE);
});

test("Source.pull() takes an async iterator's steps whether they are promises or not", async () => {
  const { iterable } = scripted(
    Symbol.asyncIterator,
    () => ({ value: 1, done: false }),
  );
  assertEquals(await new Source("map", iterable).pull(), 1);
});

test("Source prefers the async iterator of what has both, and takes null for none", async () => {
  const both = {
    [Symbol.iterator]: () => ["sync"][Symbol.iterator](),
    async *[Symbol.asyncIterator]() {
      yield await Promise.resolve("async");
    },
  };
  assertEquals(await new Source<unknown>("map", both).pull(), "async");
  const half = {
    [Symbol.iterator]: both[Symbol.iterator],
    [Symbol.asyncIterator]: null,
  };
  assertEquals(
    new Source("map", half as unknown as Iterable<string>).pull(),
    "sync",
  );
});

test("Source calls an iterable's method as its own, once, before the first pull", () => {
  const seen: unknown[] = [];
  const iterable = {
    [Symbol.iterator](): Iterator<number> {
      seen.push(this);
      return [1][Symbol.iterator]();
    },
  };
  const source = new Source("map", iterable);
  source.pull();
  assertEquals(seen.length, 1);
  assertStrictEquals(seen[0], iterable);
});

test("Source.pull() waits for the promises, and the thenables, of an iterable, as for await does", async () => {
  const thenable = {
    then: (resolve: (value: string) => void) => resolve("b"),
  };
  const callable = Object.assign(() => {}, {
    then: (resolve: (value: string) => void) => resolve("c"),
  });
  const values = [Promise.resolve("a"), thenable, callable];
  const source = new Source<unknown>("map", values);
  const pulled = [await source.pull(), await source.pull()];
  assertEquals([...pulled, await source.pull()], ["a", "b", "c"]);
});

test("Source.pull() gives functions, null and objects without a then function as they are", () => {
  const values = [() => {}, null, { then: 1 }];
  const source = new Source<unknown>("map", values);
  for (const value of values) assertStrictEquals(source.pull(), value);
});

test("Source.pull() throws what an iterable throws, and is over without closing it", () => {
  const reason = new Error("why");
  const { iterable, closed } = scripted(Symbol.iterator, () => {
    throw reason;
  });
  const source = new Source("map", iterable);
  assertStrictEquals(assertThrows(() => source.pull()), reason);
  assertStrictEquals(source.isOver, true);
  source.stop();
  assertEquals(closed(), 0);
});

test("Source.pull() throws what an async iterator's next throws, and is over without closing it", () => {
  const { iterable, closed } = scripted(Symbol.asyncIterator, () => {
    throw new Error("why");
  });
  const source = new Source("map", iterable);
  assertThrows(() => source.pull(), Error, "why");
  source.stop();
  assertEquals([source.isOver, closed()], [true, 0]);
});

test("Source.pull() rejects with what an async iterable fails with, undefined too, and is over without closing it", async () => {
  const { iterable, closed } = scripted(
    Symbol.asyncIterator,
    () => Promise.reject(undefined),
  );
  const source = new Source("map", iterable);
  assertEquals(await reasonOf(source.pull() as Promise<unknown>), undefined);
  source.stop();
  assertEquals([source.isOver, closed()], [true, 0]);
});

test("Source.pull() rejects with what an iterable's promise rejects with, and closes the iterable, which had not ended", async () => {
  const { iterable, closed } = scripted(
    Symbol.iterator,
    () => ({ value: Promise.reject("why"), done: false }),
  );
  const source = new Source("map", iterable);
  assertEquals(await reasonOf(source.pull() as Promise<unknown>), "why");
  assertEquals([source.isOver, closed()], [true, 1]);
  source.stop();
  assertEquals(closed(), 1);
});

test("Source.pull() of an iterator whose step is no object is a TypeError that shows it, and the end", async () => {
  for (const [bad, shown] of [[null, "null"], [8, "8"]] as const) {
    const message =
      `Cannot iterate: what next returns must be an object, received ${shown}`;
    const sync = new Source(
      "map",
      scripted(Symbol.iterator, () => bad).iterable,
    );
    assertThrows(() => sync.pull(), TypeError, message);
    const async = new Source(
      "map",
      scripted(Symbol.asyncIterator, () => Promise.resolve(bad)).iterable,
    );
    await assertRejects(
      () => async.pull() as Promise<unknown>,
      TypeError,
      message,
    );
    assertEquals([sync.isOver, async.isOver], [true, true]);
  }
});

test("Source.stop() closes the source once, which is asked for nothing more", async () => {
  for (const kind of [Symbol.iterator, Symbol.asyncIterator] as const) {
    let asked = 0;
    const { iterable, closed } = scripted(
      kind,
      () => ({ value: ++asked, done: false }),
    );
    const source = new Source("map", iterable);
    await source.pull();
    source.stop();
    source.stop();
    assertEquals([source.isOver, closed()], [true, 1]);
    assertStrictEquals(source.pull(), NONE);
    assertEquals(asked, 1);
  }
});

test("Source.stop() does not close a source that has ended, and needs no return method", () => {
  const { iterable, closed } = scripted(
    Symbol.iterator,
    () => ({ done: true }),
  );
  const ended = new Source("map", iterable);
  ended.pull();
  ended.stop();
  assertEquals(closed(), 0);
  const plain = {
    [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }) }),
  };
  const source = new Source("map", plain);
  source.stop();
  assertStrictEquals(source.isOver, true);
});

test("Source.stop() ends a pull that is under way with NONE, and drops the late answer", async () => {
  const answer = gate<IteratorResult<number>>();
  const { iterable, closed } = scripted(
    Symbol.asyncIterator,
    () => answer.promise,
  );
  const source = new Source("map", iterable);
  const pulled = source.pull();
  source.stop();
  assertStrictEquals(await pulled, NONE);
  assertEquals([source.isOver, closed()], [true, 1]);
  answer.open({ value: 1, done: false });
  await settled();
  assertStrictEquals(source.pull(), NONE);
});

test("Source.stop() waits for nobody: neither for the answer to return, nor for a promise of an iterable", async () => {
  const late = gate<number>();
  const { iterable, closed } = scripted(
    Symbol.iterator,
    () => ({ value: late.promise, done: false }),
    () => new Promise(() => {}),
  );
  const source = new Source("map", iterable);
  const pulled = source.pull();
  source.stop();
  assertStrictEquals(await pulled, NONE);
  late.open(1);
  await settled();
  assertEquals([source.isOver, closed()], [true, 1]);
});

test("Source.stop() keeps what return throws or rejects with to itself, and what a late answer fails with", async () => {
  const closes = [
    () => {
      throw new Error("from return");
    },
    () => Promise.reject(new Error("from return")),
    () => ({
      then(_: unknown, reject: (reason: unknown) => void) {
        reject(new Error("from return"));
      },
    }),
  ];
  for (const close of closes) {
    for (const kind of [Symbol.iterator, Symbol.asyncIterator] as const) {
      const late = gate<never>();
      const { iterable, closed } = scripted(
        kind,
        () =>
          kind === Symbol.iterator
            ? { value: late.promise, done: false }
            : late.promise,
        close,
      );
      const source = new Source("map", iterable);
      const seen = await unhandled(async () => {
        const pulled = source.pull();
        source.stop();
        assertStrictEquals(await pulled, NONE);
        late.fail(new Error("too late"));
        await settled();
      });
      assertEquals(seen, []);
      assertEquals(closed(), 1);
    }
  }
});

test("Source leaves nothing on a source that has answered: stop() after a pull changes nothing of it", async () => {
  async function* values() {
    yield await Promise.resolve(1);
    assert(false, "was pulled again");
  }
  const source = new Source("map", values());
  const pulled = source.pull();
  assertEquals(await pulled, 1);
  source.stop();
  assertEquals(await pulled, 1);
  assertStrictEquals(source.isOver, true);
});

test("Source.pull() of a function that is a thenable is a promise, too", async () => {
  const later = Object.assign(() => {}, {
    then: (resolve: (value: number) => void) => resolve(1),
  });
  const answer = new Source<unknown>("map", [later]).pull();
  assertInstanceOf(answer, Promise);
  assertEquals(await answer, 1);
});
