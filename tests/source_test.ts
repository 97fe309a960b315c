import { sleep } from "../src/base/probe.ts";
import { NONE } from "../src/base/promises.ts";
import {
  type AnyIterable,
  LATER,
  PATIENCE,
  type Puller,
  Source,
} from "../src/base/source.ts";
import { gate, settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

const kinds = [Symbol.iterator, Symbol.asyncIterator] as const;

/** An iterable of either kind that does as it is told, and how often it was closed. */
function scripted(
  kind: typeof kinds[number],
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

/** A puller that writes down what it hears. */
class Ear implements Puller<unknown> {
  readonly came: unknown[] = [];
  readonly failed: unknown[] = [];
  readonly lostOnes: unknown[] = [];
  readonly source: Source<unknown>;

  constructor(iterable: unknown) {
    this.source = new Source("map", iterable as Iterable<unknown>, this);
  }

  comes(value: unknown): void {
    this.came.push(value);
  }

  fails(error: unknown): void {
    this.failed.push(error);
  }

  lost(error: unknown): void {
    this.lostOnes.push(error);
  }

  /** Pulls, and waits for what it does not have at hand. */
  async pull(): Promise<unknown> {
    const answer = this.source.pull();
    return answer === LATER ? await this.answer() : answer;
  }

  /** Pulls what it does not have at hand. */
  async pullLater(): Promise<unknown> {
    assertStrictEquals(this.source.pull(), LATER);
    return await this.answer();
  }

  /** The one answer to the pull that is under way. */
  async answer(): Promise<unknown> {
    await settled();
    assertEquals(this.came.length + this.failed.length, 1, "one answer a pull");
    if (this.failed.length > 0) throw this.failed.pop();
    return this.came.pop();
  }

  /** All that it has heard and not taken. */
  get heard(): unknown[][] {
    return [this.came, this.failed, this.lostOnes];
  }
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => assert(false, "no rejection"), (e) => e);
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
      () => new Ear(bad),
      TypeError,
      `Cannot map: source must be an iterable or async iterable, received ${shown}`,
    );
  }
});

test("Source.pull() gives the values of an iterable at once, then NONE", () => {
  const { source } = new Ear([1, undefined]);
  assertEquals(
    [source.pull(), source.isOver, source.pull(), source.isOver],
    [1, false, undefined, false],
  );
  assertStrictEquals(source.pull(), NONE);
  assertStrictEquals(source.isOver, true);
  assertStrictEquals(source.pull(), NONE);
});

test("Source.pull() gives the values of an async iterable later, then NONE", async () => {
  async function* values() {
    yield await Promise.resolve("a");
  }
  const ear = new Ear(values());
  assertEquals([await ear.pull(), ear.source.isOver], ["a", false]);
  assertStrictEquals(await ear.pull(), NONE);
  assertStrictEquals(ear.source.isOver, true);
  assertStrictEquals(ear.source.pull(), NONE);
});

test("Source.pull() takes an async iterator's steps whether they are promises or not", async () => {
  const { iterable } = scripted(
    Symbol.asyncIterator,
    () => ({ value: 1, done: false }),
  );
  assertEquals(await new Ear(iterable).pull(), 1);
});

test("Source prefers the async iterator of what has both, and takes null for none", async () => {
  const both = {
    [Symbol.iterator]: () => ["sync"][Symbol.iterator](),
    async *[Symbol.asyncIterator]() {
      yield await Promise.resolve("async");
    },
  };
  assertEquals(await new Ear(both).pull(), "async");
  const half = {
    [Symbol.iterator]: both[Symbol.iterator],
    [Symbol.asyncIterator]: null,
  };
  assertEquals(new Ear(half).source.pull(), "sync");
});

test("Source calls an iterable's method as its own, once, before the first pull", () => {
  const seen: unknown[] = [];
  const iterable = {
    [Symbol.iterator](): Iterator<number> {
      seen.push(this);
      return [1][Symbol.iterator]();
    },
  };
  const { source } = new Ear(iterable);
  source.pull();
  assertEquals(seen.length, 1);
  assertStrictEquals(seen[0], iterable);
  assertStrictEquals(source.given, iterable);
});

test("Source.pull() waits for the promises, and the thenables, of an iterable of either kind", async () => {
  const thenable = {
    then: (resolve: (value: string) => void) => resolve("b"),
  };
  const callable = Object.assign(() => {}, {
    then: (resolve: (value: string) => void) => resolve("c"),
  });
  for (const kind of kinds) {
    const values = [Promise.resolve("a"), thenable, callable];
    const { iterable } = scripted(
      kind,
      () => ({ value: values.shift(), done: false }),
    );
    const ear = new Ear(iterable);
    for (const value of ["a", "b", "c"]) {
      assertEquals(await ear.pullLater(), value);
    }
  }
});

test("Source.pull() gives functions, null and objects without a then function as they are", () => {
  const values = [() => {}, null, { then: 1 }];
  const { source } = new Ear(values);
  for (const value of values) assertStrictEquals(source.pull(), value);
});

test("Source.pull() throws what an iterable throws, and is over without closing it", () => {
  const reason = new Error("why");
  const { iterable, closed } = scripted(Symbol.iterator, () => {
    throw reason;
  });
  const { source } = new Ear(iterable);
  assertStrictEquals(assertThrows(() => source.pull()), reason);
  assertStrictEquals(source.isOver, true);
  source.stop();
  assertEquals(closed(), 0);
});

test("Source.pull() throws what an async iterator's next throws, and is over without closing it", () => {
  const { iterable, closed } = scripted(Symbol.asyncIterator, () => {
    throw new Error("why");
  });
  const { source } = new Ear(iterable);
  assertThrows(() => source.pull(), Error, "why");
  source.stop();
  assertEquals([source.isOver, closed()], [true, 0]);
});

test("Source.pull() fails with what an async iterable fails with, undefined too, and is over without closing it", async () => {
  const { iterable, closed } = scripted(
    Symbol.asyncIterator,
    () => Promise.reject(undefined),
  );
  const ear = new Ear(iterable);
  assertEquals(await reasonOf(ear.pull()), undefined);
  ear.source.stop();
  assertEquals([ear.source.isOver, closed()], [true, 0]);
});

test("Source.pull() of a value that is a rejected promise fails with its reason, and the source is not over", async () => {
  const throwing = {
    get then() {
      throw "why";
    },
  };
  const hostile = Object.defineProperty(Promise.resolve(), "constructor", {
    get() {
      throw "why";
    },
  });
  for (const kind of kinds) {
    for (const value of [Promise.reject("why"), throwing, hostile]) {
      const { iterable, closed } = scripted(
        kind,
        () => ({ value, done: false }),
      );
      const ear = new Ear(iterable);
      assertEquals(await reasonOf(ear.pullLater()), "why");
      assertEquals([ear.source.isOver, closed()], [false, 0]);
      ear.source.stop();
      assertEquals(closed(), 1);
    }
  }
});

test("Source.pull() of an async iterator whose answer is a promise that throws when it is looked at fails with that", async () => {
  const answer = Object.defineProperty(Promise.resolve(), "constructor", {
    get() {
      throw "why";
    },
  });
  const ear = new Ear(scripted(Symbol.asyncIterator, () => answer).iterable);
  assertEquals(await reasonOf(ear.pullLater()), "why");
  assertEquals(ear.source.isOver, true);
});

test("Source.pull() of an iterator whose step is no object is a TypeError that shows it, and the end", async () => {
  for (const [bad, shown] of [[null, "null"], [8, "8"]] as const) {
    for (const kind of kinds) {
      const ear = new Ear(scripted(kind, () => bad).iterable);
      const error = await reasonOf(ear.pull());
      assertInstanceOf(error, TypeError);
      assertEquals(
        error.message,
        `Cannot iterate: what next returns must be an object, received ${shown}`,
      );
      assertEquals(ear.source.isOver, true);
    }
  }
});

test("Source.stop() closes the source once, which is asked for nothing more", async () => {
  for (const kind of kinds) {
    let asked = 0;
    const { iterable, closed } = scripted(
      kind,
      () => ({ value: ++asked, done: false }),
    );
    const ear = new Ear(iterable);
    await ear.pull();
    ear.source.stop();
    ear.source.stop();
    assertEquals([ear.source.isOver, closed()], [true, 1]);
    assertStrictEquals(ear.source.pull(), NONE);
    assertEquals(asked, 1);
  }
});

test("Source.stop() does not close a source that has ended, and needs no return method", async () => {
  const { iterable, closed } = scripted(
    Symbol.iterator,
    () => ({ done: true }),
  );
  const { source } = new Ear(iterable);
  source.pull();
  source.stop();
  await source.closed();
  assertEquals(closed(), 0);
  const plain = {
    [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }) }),
  };
  const ear = new Ear(plain);
  ear.source.stop();
  await ear.source.closed();
  assertEquals([ear.source.isOver, ear.heard], [true, [[], [], []]]);
});

test("Source.stop() loses no answer to a pull that is under way, whichever way it comes", async () => {
  for (const kind of kinds) {
    for (const isWell of [true, false]) {
      const late = gate<unknown>();
      const { iterable, closed } = scripted(
        kind,
        () =>
          kind === Symbol.iterator
            ? { value: late.promise, done: false }
            : late.promise,
      );
      const ear = new Ear(iterable);
      assertEquals(ear.source.pull(), LATER);
      ear.source.stop();
      assertEquals([ear.source.isOver, closed()], [true, 1]);
      await settled();
      assertEquals(ear.heard, [[], [], []]);
      const value = kind === Symbol.iterator ? 1 : { value: 1, done: false };
      if (isWell) late.open(value);
      else late.fail("why");
      await settled();
      assertEquals(ear.heard, [isWell ? [1] : [], isWell ? [] : ["why"], []]);
      assertStrictEquals(ear.source.pull(), NONE);
    }
  }
});

for (const kind of ["sync", "async"] as const) {
  test(`Source.stop() inside the next() of a ${kind} generator closes that behind the call, whose answer comes`, async () => {
    const ways = { yields: 1, throws: 0, ends: 1 } as const;
    for (const way of ["yields", "throws", "ends"] as const) {
      let cleanUps = 0;
      const body = function* () {
        try {
          ear.source.stop();
          if (way === "throws") throw "why";
          if (way === "yields") yield "late";
        } finally {
          cleanUps++;
        }
      };
      const later = async function* () {
        yield* body();
      };
      const ear = new Ear(kind === "sync" ? body() : later());
      const answer = await ear.pull().catch((error) => [error]);
      const answers = { yields: "late", throws: ["why"], ends: NONE };
      assertEquals(answer, answers[way] as unknown);
      await ear.source.closed();
      assertEquals([cleanUps, ear.source.isOver], [1, true]);
      assertEquals(ear.heard, [[], [], []], `${ways[way]}`);
    }
  });
}

test("Source.closed() waits for what return() answers, and rejects with what that fails with, once", async () => {
  const fails = [
    () => {
      throw "why";
    },
    () => Promise.reject("why"),
    () => ({
      then(_: unknown, reject: (reason: unknown) => void) {
        reject("why");
      },
    }),
  ];
  for (const kind of kinds) {
    const clean = gate<unknown>();
    const ear = new Ear(scripted(kind, () => {}, () => clean.promise).iterable);
    ear.source.stop();
    let isClosed = false;
    const closed = ear.source.closed().then(() => isClosed = true);
    await settled();
    assertEquals(isClosed, false);
    clean.open({ done: true });
    await closed;
    for (const fail of fails) {
      const ear = new Ear(scripted(kind, () => {}, fail).iterable);
      const seen = await unhandled(async () => {
        ear.source.stop();
        assertEquals(await reasonOf(ear.source.closed()), "why");
        await ear.source.closed();
      });
      assertEquals([seen, ear.heard], [[], [[], [], []]]);
    }
  }
});

test("Source tells lost() what return() fails with, if closed() is not asked, and then does not reject with it", async () => {
  for (const kind of kinds) {
    const ear = new Ear(
      scripted(kind, () => {}, () => Promise.reject("why")).iterable,
    );
    const seen = await unhandled(async () => {
      ear.source.stop();
      await settled();
      assertEquals(ear.heard, [[], [], ["why"]]);
      await ear.source.closed();
    });
    assertEquals([seen, ear.heard], [[], [[], [], ["why"]]]);
  }
});

test("Source.closed() waits for a pull that is under way to be answered, and then for the clean-up, however long that takes", async () => {
  for (const isAnswered of [true, false]) {
    const pulled = gate();
    const clean = gate();
    const values = async function* () {
      try {
        await pulled.promise;
        yield 1;
      } finally {
        await clean.promise;
      }
    };
    const time = new FakeTime();
    try {
      const ear = new Ear(values());
      ear.source.pull();
      ear.source.stop();
      let isClosed = false;
      const closed = ear.source.closed(isAnswered).then(() => isClosed = true);
      await settled();
      assertEquals(isClosed, false);
      pulled.open();
      await settled();
      time.tick(10 * PATIENCE);
      await settled();
      assertEquals([isClosed, ear.came], [false, [1]]);
      clean.open();
      await closed;
    } finally {
      time.restore();
    }
  }
});

test("Source.closed() gives a pull that is never answered up in time, and tells lost() of a late end of the clean-up", async () => {
  for (const isAnswered of [true, false]) {
    const late = gate<unknown>();
    const clean = gate<unknown>();
    const { iterable } = scripted(
      Symbol.asyncIterator,
      () => late.promise,
      () => clean.promise,
    );
    const time = new FakeTime();
    try {
      const ear = new Ear(iterable);
      ear.source.pull();
      ear.source.stop();
      let isClosed = false;
      ear.source.closed(isAnswered).then(() => isClosed = true);
      await settled();
      time.tick(PATIENCE - 1);
      await settled();
      assertEquals(isClosed, false);
      time.tick(1);
      await settled();
      assertEquals([isClosed, ear.heard], [true, [[], [], []]]);
      late.open({ value: "late", done: false });
      clean.fail("later");
      await settled();
      assertEquals(ear.heard, [["late"], [], ["later"]]);
    } finally {
      time.restore();
    }
  }
});

test("Source.closed() gives a pull that is never answered up in time, though a test has taken its fake time away", async () => {
  const { iterable } = scripted(
    Symbol.asyncIterator,
    () => new Promise(() => {}),
    () => new Promise(() => {}),
  );
  const ear = new Ear(iterable);
  const time = new FakeTime();
  let isClosed = false;
  // In real time: what this waits by is nothing that a test can fake.
  let isLate = false;
  try {
    ear.source.pull();
    ear.source.stop();
    ear.source.closed().then(() => isClosed = true);
    await settled();
    sleep(PATIENCE, () => isLate = true); // Behind that of the source.
    while (!isLate) await settled();
    assertEquals(isClosed, false);
  } finally {
    time.restore();
  }
  while (!isClosed) await settled();
  assertEquals(ear.heard, [[], [], []]);
});

test("Source.closed() that a test has faked clearTimeout for gives no real timer to that", async () => {
  const pulled = gate<unknown>();
  const { iterable } = scripted(Symbol.asyncIterator, () => pulled.promise);
  const ear = new Ear(iterable);
  ear.source.pull();
  ear.source.stop();
  const closed = ear.source.closed(true);
  await settled();
  const { setTimeout, clearTimeout } = globalThis;
  const cleared: unknown[] = [];
  try {
    globalThis.setTimeout = (() => 1) as unknown as typeof setTimeout;
    globalThis.clearTimeout = (handle) => void cleared.push(handle);
    pulled.open({ value: 1, done: false });
    await closed;
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  assertEquals(cleared, []);
});

test("Source.closed() waits for the answer of a source that has closed already only if that is wanted", async () => {
  const late = gate<unknown>();
  for (const isAnswered of [false, true]) {
    const ear = new Ear(
      scripted(Symbol.asyncIterator, () => late.promise).iterable,
    );
    ear.source.pull();
    ear.source.stop();
    let isClosed = false;
    const closed = ear.source.closed(isAnswered).then(() => isClosed = true);
    await settled();
    assertEquals(isClosed, !isAnswered);
    if (isAnswered) late.open({ value: 1, done: false });
    await closed;
  }
});

test("Source of an array with promises handles their rejections from the start, and tells lost() of those that were not pulled at the stop", async () => {
  const slow = gate();
  const ear = new Ear([slow.promise, 1, Promise.reject("a")]);
  const rest = [Promise.reject("b"), Promise.reject("b"), Promise.resolve()];
  const other = new Ear(rest);
  const seen = await unhandled(async () => {
    ear.source.pull();
    await settled();
    slow.open();
    await settled();
    assertEquals([ear.came.pop(), ear.source.pull()], [undefined, 1]);
    assertEquals(await reasonOf(ear.pull()), "a");
    assertEquals(ear.heard, [[], [], []]);
    ear.source.stop();
    assertEquals(await reasonOf(other.pull()), "b");
    other.source.stop();
    await settled();
  });
  assertEquals([seen, ear.heard], [[], [[], [], []]]);
  assertEquals(other.heard, [[], [], ["b"]]);
});

test("Source looks at the values of an array alone before they are pulled", () => {
  const lazy = {
    length: 1,
    get 0(): never {
      throw new Error("looked at");
    },
    *[Symbol.iterator]() {
      yield 1;
    },
  };
  assertEquals(new Ear(lazy).source.pull(), 1);
});

test("Source of an array looks at no thenable before it is pulled: to look may be to set it off", () => {
  let looks = 0;
  const lazy = {
    get then() {
      looks++;
      return undefined;
    },
  };
  const { source } = new Ear([lazy]);
  assertEquals(looks, 0);
  source.pull();
  assertEquals(looks > 0, true);
});
