/**
 * What all async iterators of the library have in common: to their readers they
 * are what an async generator is.
 */

import { Channel, CoGroup } from "../mod.ts";
import { outcomes, reasonOf } from "./support/channel_contract.ts";
import {
  AsyncIteratorPrototype,
  gate,
  range,
  settled,
} from "./support/helpers.ts";
import { assert, assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

const { isPrototypeOf } = Object.prototype;

type Iteration = AsyncIterableIterator<unknown> & AsyncDisposable;

const DONE: IteratorResult<never> = { value: undefined, done: true };

/** An iterator; whether its group's or channel's part in it is over, if that can be told. */
interface Made {
  iterator: Iteration;
  isLeft?: () => boolean;
}

/** A source that knows whether it was closed. */
function source(): Iterable<number> & { closed: number } {
  const source = {
    closed: 0,
    [Symbol.iterator]: () => source,
    next: () => ({ value: 1, done: false }),
    return: () => {
      source.closed++;
      return { value: undefined, done: true };
    },
  };
  return source as Iterable<number> & { closed: number };
}

/** Iterators whose next()s wait; of `progress`, all but the first, which was read. */
const waiting: Record<string, () => Promise<Made> | Made> = {
  "CoGroup.map()": () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const items = source();
    const iterator = group.map(items, (item) => item);
    return { iterator, isLeft: () => items.closed === 1 };
  },
  "CoGroup.mapSettled()": () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const items = source();
    const iterator = group.mapSettled(items, (item) => item);
    return { iterator, isLeft: () => items.closed === 1 };
  },
  "CoGroup.progress()": async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const iterator = group.progress();
    await iterator.next();
    return { iterator };
  },
  "Channel's iterator": () => {
    const channel = new Channel<number>();
    const iterator = channel[Symbol.asyncIterator]();
    return { iterator, isLeft: () => !channel.trySend(1) };
  },
};

for (const [name, make] of Object.entries(waiting)) {
  test(`${name} inherits from %AsyncIteratorPrototype%, whatever that will have`, async () => {
    const { iterator } = await make();
    assert(isPrototypeOf.call(AsyncIteratorPrototype, iterator));
    assertStrictEquals(iterator[Symbol.asyncIterator](), iterator);
    const helper = Symbol("helper");
    Object.defineProperty(AsyncIteratorPrototype, helper, {
      configurable: true,
      value(this: unknown) {
        return this;
      },
    });
    try {
      const { [helper]: help } = iterator as unknown as Record<
        symbol,
        () => unknown
      >;
      assertStrictEquals(help!.call(iterator), iterator);
    } finally {
      Reflect.deleteProperty(AsyncIteratorPrototype, helper);
    }
  });

  test(`${name} is ended by an await using block, though a next() waits`, async () => {
    let made: Made;
    let step: Promise<unknown>;
    {
      made = await make();
      await using iterator = made.iterator;
      step = iterator.next();
      await settled();
    }
    assertEquals([await step, await made.iterator.next()], [DONE, DONE]);
    assert(made.isLeft?.() ?? true);
  });

  test(`${name} that was ended is done for good, and gives return() its value, throw() its reason`, async () => {
    for (const isRead of [true, false]) {
      for (const way of ["return", "throw"] as const) {
        const { iterator, isLeft } = await make();
        if (isRead) iterator.next();
        const end = iterator[way]!("first");
        if (way === "throw") assertEquals(await reasonOf(end), "first");
        else assertEquals(await end, { value: "first", done: true });
        assert(isLeft?.() ?? true);
        assertEquals([await iterator.next(), await iterator.next()], [
          DONE,
          DONE,
        ]);
        assertEquals(await iterator.return!(), DONE);
        assertEquals(await iterator.return!(Promise.resolve("later")), {
          value: "later",
          done: true,
        });
        assertEquals(await reasonOf(iterator.throw!("later")), "later");
        await iterator[Symbol.asyncDispose]();
      }
    }
  });

  test(`${name} settles next()s that wait in their order, and before the return() that ends them`, async () => {
    const { iterator } = await make();
    const { log, follow } = outcomes();
    for (const i of range(4)) follow(i, iterator.next());
    await settled();
    assertEquals(log, []);
    follow("return", iterator.return!("value"));
    await settled();
    assertEquals(log, [
      ...range(4).map((i) => [i, DONE]),
      ["return", { value: "value", done: true }],
    ]);
  });

  test(`${name} settles a next() that comes as it ends behind those that waited`, async () => {
    const { iterator } = await make();
    const { log, follow } = outcomes();
    for (const i of range(2)) follow(i, iterator.next());
    iterator.return!();
    for (const i of [2, 3]) follow(i, iterator.next());
    await settled();
    assertEquals(log, range(4).map((i) => [i, DONE]));
  });
}

for (const settles of ["map", "mapSettled"] as const) {
  test(`CoGroup.${settles}() answers next()s in their order, also those that come after its end`, async () => {
    const group = new CoGroup(2);
    const gates = range(3).map(() => gate<string>());
    const iterator = group[settles](gates, ({ promise }) => promise);
    const { log, follow } = outcomes();
    for (const i of range(5)) follow(i, iterator.next());
    for (const i of [1, 0, 2]) gates[i]!.open(`${i}`);
    await settled();
    follow(5, iterator.next());
    await settled();
    assertEquals(log.map((entry) => (entry as unknown[])[0]), range(6));
    await group.wait();
  });
}

test("CoGroup.map() that fails tells the next() that waits first, and then the others of the end, in their order", async () => {
  const group = new CoGroup(1);
  const { promise, fail } = gate();
  const iterator = group.map([1], () => promise);
  const { log, follow } = outcomes();
  for (const i of range(3)) follow(i, iterator.next());
  await settled();
  fail("why");
  // The first reader to hear of it asks again.
  reasonOf(promise).then(() => follow("late", iterator.next()));
  await settled();
  assertEquals(log, [
    [0, "rejected", "why"],
    [1, DONE],
    [2, DONE],
    ["late", DONE],
  ]);
  await group.wait();
});

test("CoGroup.map() that is read in the call that ends the group answers the next()s in their order", async () => {
  for (const end of ["abort", "close"] as const) {
    const group = new CoGroup({ concurrency: 1, paused: true });
    const iterator = group.map([1], (item) => item);
    const { log, follow } = outcomes();
    for (const i of range(2)) follow(i, iterator.next());
    await settled();
    group[end]("why");
    follow(2, iterator.next());
    group.resume();
    await settled();
    assertEquals(log.map((entry) => (entry as unknown[])[0]), range(3));
  }
});
