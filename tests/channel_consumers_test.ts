/**
 * Law 1 for channels: a consumer that leaves takes no value with it.
 */

import { PassThrough, Readable } from "node:stream";
import { Channel, type Queue } from "../mod.ts";
import { outcomes, reasonOf } from "./support/channel_contract.ts";
import { gate, range, seeded, settled } from "./support/helpers.ts";
import { assert, assertEquals, assertInstanceOf } from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

type Iteration<T> = AsyncIterableIterator<T> & AsyncDisposable;

const DONE: IteratorResult<never> = { value: undefined, done: true };

/** All that can be taken now. */
function rest<T>(channel: Channel<T>): T[] {
  const values: T[] = [];
  for (;;) {
    const result = channel.tryReceive();
    if (result.state !== "ok") return values;
    values.push(result.value);
  }
}

// --- iterators ---

/** How the reader of an iterator leaves, and how that call settles. */
const leaving: Record<
  string,
  [(iterator: Iteration<unknown>) => PromiseLike<unknown>, ...end: unknown[]]
> = {
  "return()": [(it) => it.return!(), DONE],
  "return() with a value": [
    (it) => it.return!("value"),
    { value: "value", done: true },
  ],
  "throw()": [(it) => it.throw!("why"), "rejected", "why"],
  "[Symbol.asyncDispose]()": [(it) => it[Symbol.asyncDispose](), undefined],
};

for (const [way, [leave, ...end]] of Object.entries(leaving)) {
  test(`Channel's iterator that ${way} has ended lets no next() wait, and the next value goes to the next consumer`, async () => {
    const channel = new Channel<string>();
    const iterator = channel[Symbol.asyncIterator]();
    const { log, follow } = outcomes();
    for (const i of range(3)) follow(i, iterator.next());
    const receive = channel.receive();
    follow(way, Promise.resolve(leave(iterator)));
    await channel.send("job");
    assertEquals(await receive, "job");
    await settled();
    assertEquals(log, [[0, DONE], [1, DONE], [2, DONE], [way, ...end]]);
    assertEquals(await iterator.next(), DONE);
    assertEquals(channel.trySend("too many"), false);
    assertEquals(channel.closed, false);
  });

  test(`Channel's iterator that ${way} has ended gives the promise that it awaits to the next consumer`, async () => {
    const channel = new Channel<unknown>();
    const iterator = channel[Symbol.asyncIterator]();
    const { log, follow } = outcomes();
    const { promise, open } = gate<string>();
    for (const i of range(2)) follow(i, iterator.next());
    channel.trySend(promise);
    follow(way, Promise.resolve(leave(iterator)));
    await settled();
    assertEquals(log, [[0, DONE], [1, DONE], [way, ...end]]);
    const receive = channel.receive();
    open("job");
    assertEquals(await receive, "job");
    assertEquals(rest(channel), []);
  });
}

for (const [index, where] of ["first", "middle", "last"].entries()) {
  test(`Channel's iterator that leaves from the ${where} place leaves the others in theirs`, async () => {
    const channel = new Channel<number>();
    const iterators = range(3).map(() => channel[Symbol.asyncIterator]());
    const { log, follow } = outcomes();
    for (const i of range(3)) follow(i, iterators[i]!.next());
    iterators[index]!.return!();
    assertEquals([channel.trySend(0), channel.trySend(1)], [true, true]);
    assertEquals(channel.trySend(2), false);
    await settled();
    const [first, second] = range(3).filter((i) => i !== index);
    assertEquals(log, [
      [index, DONE],
      [first, { value: 0, done: false }],
      [second, { value: 1, done: false }],
    ]);
  });
}

test("Channel's iterator that ends in the microtask of a send() has what was sent before, and nothing that is sent after", async () => {
  for (const [first, second] of [["first", "second"], [{ n: 1 }, { n: 2 }]]) {
    await settled(); // The loop has just turned: no value has to wait (law 10).
    const channel = new Channel<unknown>({ capacity: 1 });
    const read = (before: () => void) => {
      const iterator = channel[Symbol.asyncIterator]();
      const step = iterator.next();
      before();
      iterator.return!();
      return step;
    };
    channel.send(first);
    const atHand = read(() => {});
    const waited = read(() => channel.send(second));
    const late = read(() => {});
    channel.send("third");
    assertEquals(await atHand, { value: first, done: false });
    assertEquals(await waited, { value: second, done: false });
    assertEquals(await late, DONE);
    assertEquals(rest(channel), ["third"]);
  }
});

test("Channel closed after its iterator has left, with or without a reason, tells that iterator nothing", async () => {
  for (const reason of [[], ["why"]]) {
    const channel = new Channel<number>();
    const iterator = channel[Symbol.asyncIterator]();
    const waiting = iterator.next();
    iterator.return!();
    channel.close(...reason as [unknown]);
    assertEquals([await waiting, await iterator.next()], [DONE, DONE]);
  }
});

test("Channel's iterator that was left while it awaited a value gives it to the consumer that waits, at once", async () => {
  const channel = new Channel<unknown>();
  const iterators = range(2).map(() => channel[Symbol.asyncIterator]());
  const { log, follow } = outcomes();
  const { promise, open } = gate<string>();
  for (const i of range(2)) follow(i, iterators[i]!.next());
  channel.trySend(promise);
  iterators[0]!.return!();
  assertEquals(channel.trySend("more"), false, "none waits for more");
  open("job");
  await settled();
  assertEquals(log, [[0, DONE], [1, { value: "job", done: false }]]);
});

test("Channel's iterator that was left while it awaited a value puts it in front of what is there, and of senders that wait for room", async () => {
  const channel = new Channel<unknown>({ capacity: 2 });
  const iterator = channel[Symbol.asyncIterator]();
  const values = [Promise.resolve(), "b", "c", "d", "e"];
  const sends = values.map((value) => channel.send(value));
  iterator.next();
  assertEquals(channel.size, 2);
  iterator.return!();
  iterator.return!();
  assertEquals(channel.size, 3, "what was taken in stays in, room or not");
  assertEquals(channel.trySend("f"), false);
  assertEquals(rest(channel), values);
  await Promise.all(sends);
});

test("Channel's iterator that was left while it awaited a value puts it in front of any number of values", () => {
  for (const count of range(40)) {
    const channel = new Channel<unknown>({ capacity: Infinity });
    const iterator = channel[Symbol.asyncIterator]();
    const promise = Promise.resolve();
    channel.trySend(promise);
    iterator.next();
    for (const i of range(count)) channel.trySend(i);
    iterator.return!();
    assertEquals(rest(channel), [promise, ...range(count)]);
  }
});

test("Channel's iterator that was left while it awaited what rejects leaves that to the next consumer", async () => {
  const channel = new Channel<unknown>({ capacity: 1 });
  const { promise, fail } = gate();
  channel.trySend(promise);
  const reasons = await unhandled(async () => {
    const iterator = channel[Symbol.asyncIterator]();
    const step = iterator.next();
    iterator.return!();
    fail("why");
    assertEquals(await step, DONE);
    assertEquals(await reasonOf(channel.receive()), "why");
  });
  assertEquals(reasons, []);
});

test("Channel of a thenable that throws in its then fails the iterator that takes it, not the sender", async () => {
  for (const when of ["is there", "comes"]) {
    const channel = new Channel<unknown>({ capacity: 1 });
    const hostile = Object.defineProperty({}, "then", {
      get() {
        throw "hostile";
      },
    });
    const iterator = channel[Symbol.asyncIterator]();
    if (when === "is there") channel.trySend(hostile);
    const step = iterator.next();
    if (when === "comes") assert(channel.trySend(hostile));
    assertEquals(await reasonOf(step), "hostile");
    assertEquals(await iterator.next(), DONE);
  }
});

test("Channel's iterator answers next()s that wait for one promise after the other in order, and not before each", async () => {
  const channel = new Channel<unknown>({ capacity: Infinity });
  const iterator = channel[Symbol.asyncIterator]();
  const { log, follow } = outcomes();
  const [first, second] = [gate<string>(), gate<string>()];
  for (const value of [first.promise, second.promise, "third"]) {
    channel.trySend(value);
  }
  for (const i of range(3)) follow(i, iterator.next());
  first.open("first");
  await settled();
  assertEquals(log, [[0, { value: "first", done: false }]]);
  second.open("second");
  await settled();
  assertEquals(log.slice(1), [
    [1, { value: "second", done: false }],
    [2, { value: "third", done: false }],
  ]);
});

test("Channel's iterator answers 100,000 next()s that waited for one promise, in order", async () => {
  const count = 100_000;
  const channel = new Channel<unknown>({ capacity: Infinity });
  const iterator = channel[Symbol.asyncIterator]();
  const { promise, open } = gate<number>();
  const nexts = range(count).map(() => iterator.next());
  channel.trySend(promise);
  for (const i of range(count - 1)) channel.trySend(i + 1);
  open(0);
  const values = (await Promise.all(nexts)).map(({ value }) => value);
  assertEquals(values.every((value, i) => value === i), true);
});

test("Channel of a queue of your own has a value that was given back at the queue's place for it", async () => {
  /** The shortest one first. */
  class Shortest implements Queue<string | Promise<string>> {
    readonly capacity = 3;
    #values: (string | Promise<string>)[] = [];
    get size() {
      return this.#values.length;
    }
    push(value: string | Promise<string>) {
      this.#values.push(value);
      const length = (v: typeof value) => typeof v === "string" ? v.length : 2;
      this.#values.sort((a, b) => length(a) - length(b));
    }
    peek() {
      return this.#values[0];
    }
    shift() {
      return this.#values.shift();
    }
    clear() {
      return this.#values.splice(0);
    }
  }
  const channel = new Channel<string | Promise<string>>({
    queue: new Shortest(),
  });
  const promise = Promise.resolve("bb");
  for (const value of ["ccc", promise]) channel.trySend(value);
  const iterator = channel[Symbol.asyncIterator]();
  iterator.next();
  channel.trySend("a");
  iterator.return!();
  assertEquals(rest(channel), ["a", promise, "ccc"]);
  await settled();
});

/** First in, first out, until it won't have any more. */
class Picky implements Queue<unknown> {
  readonly capacity = 2;
  readonly why = new Error("won't have it");
  isFull = false;
  #values: unknown[] = [];
  get size() {
    return this.#values.length;
  }
  push(value: unknown) {
    if (this.isFull) throw this.why;
    this.#values.push(value);
  }
  peek() {
    return this.#values[0];
  }
  shift() {
    return this.#values.shift();
  }
  clear() {
    return this.#values.splice(0);
  }
}

const takers = {
  iterator: (channel: Channel<unknown>) => {
    const iterator = channel[Symbol.asyncIterator]();
    iterator.next();
    return () => iterator.return!();
  },
  stream: (channel: Channel<unknown>) => {
    const stream = channel.toReadableStream();
    return () => stream.cancel("enough");
  },
};

for (const [name, take] of Object.entries(takers)) {
  test(`Channel of a queue that won't have a value back from the ${name} that leaves is closed with its error, and the value is the next one`, async () => {
    for (const isClosed of [false, true]) {
      const queue = new Picky();
      const channel = new Channel<unknown>({ queue });
      const { promise } = gate();
      for (const value of [promise, "b"]) channel.trySend(value);
      const leave = take(channel);
      await undefined; // A stream takes in a microtask.
      assertEquals(channel.size, 1);
      if (isClosed) channel.close("closed");
      queue.isFull = true;
      await leave();
      assertEquals([channel.closed, channel.size], [true, 2]);
      assertEquals(rest(channel), [promise, "b"]);
      assertEquals(await reasonOf(channel.receive()), queue.why);
    }
  });
}

// --- streams over the iterator ---

const { from } = ReadableStream as {
  from?: <T>(source: AsyncIterable<T>) => ReadableStream<T>;
};

// Chromium has none.
if (from !== undefined) {
  test("ReadableStream.from(channel) that is cancelled while it waits leaves the next value to the next consumer", async () => {
    const channel = new Channel<string>();
    const reader = from.call(ReadableStream, channel).getReader();
    const read = reader.read();
    await settled();
    await reader.cancel("why");
    assertEquals((await read).done, true);
    const receive = channel.receive();
    await channel.send("job");
    assertEquals(await receive, "job");
  });

  test("ReadableStream.from(channel) whose pipe is aborted leaves the next value to the next consumer", async () => {
    const channel = new Channel<string>();
    const written: unknown[] = [];
    const sink = new WritableStream({ write: (v) => void written.push(v) });
    const controller = new AbortController();
    const { signal } = controller;
    const pipe = from.call(ReadableStream, channel).pipeTo(sink, { signal });
    await channel.send("first");
    await settled();
    controller.abort("why");
    assertEquals(await reasonOf(pipe), "why");
    const receive = channel.receive();
    await channel.send("job");
    assertEquals([await receive, written], ["job", ["first"]]);
  });
}

// Browsers have none.
if (typeof Readable.from === "function") {
  for (const reason of [undefined, new Error("why")]) {
    test(`Readable.from(channel) that is destroyed ${reason === undefined ? "" : "with an error "}while it waits leaves the next value to the next consumer`, async () => {
      const channel = new Channel<string>();
      const readable = Readable.from(channel);
      const closed = new Promise<unknown>((resolve) => {
        readable.on("error", resolve).on("close", () => resolve(undefined));
      });
      readable.read();
      await settled();
      readable.destroy(reason);
      assertEquals(await closed, reason);
      const receive = channel.receive();
      await channel.send("job");
      assertEquals(await receive, "job");
    });
  }

  test("Readable.from(channel) that is piped leaves the next value to the next consumer when it is destroyed", async () => {
    const channel = new Channel<string>();
    const readable = Readable.from(channel);
    const pipe = readable.pipe(new PassThrough({ objectMode: true }));
    const first = new Promise((resolve) => pipe.once("data", resolve));
    await channel.send("first");
    assertEquals(await first, "first");
    await settled();
    const closed = new Promise((resolve) => readable.once("close", resolve));
    readable.destroy();
    await closed;
    assertEquals(channel.trySend("too many"), false);
    const receive = channel.receive();
    await channel.send("job");
    assertEquals(await receive, "job");
    pipe.destroy();
  });
}

// --- toReadableStream ---

for (const capacity of [0, 1, 4]) {
  test(`Channel.toReadableStream() of capacity ${capacity} that is cancelled gives back what it took ahead, before all others`, async () => {
    const channel = new Channel<number>({ capacity });
    const { log, follow } = outcomes();
    for (const i of range(6)) follow(i, channel.send(i));
    const stream = channel.toReadableStream();
    await settled();
    const isIn = capacity + 1;
    assertEquals(log, range(isIn).map((i) => [i, undefined]));
    await stream.cancel();
    assertEquals(channel.closed, true);
    assertEquals(channel.size, isIn);
    assertEquals(rest(channel), range(isIn));
    await settled();
    const turnedAway = log.slice(isIn) as [
      number,
      string,
      { value: unknown },
    ][];
    assertEquals(
      turnedAway.map(([i, , { value }]) => [i, value]),
      range(6).slice(isIn).map((i) => [i, i]),
    );
  });
}

test("Channel.toReadableStream() that is cancelled with a reason gives that to receivers after what it took ahead", async () => {
  const channel = new Channel<string>();
  const stream = channel.toReadableStream();
  await channel.send("job");
  await stream.cancel("why");
  assertEquals(await channel.receive(), "job");
  assertEquals(await reasonOf(channel.receive()), "why");
});

test("Channel.toReadableStream() that is cancelled gives what it took ahead to the consumer that waits", async () => {
  const channel = new Channel<string>();
  const stream = channel.toReadableStream();
  await channel.send("job");
  const receives = [channel.receive(), channel.receive()];
  await stream.cancel("why");
  assertEquals(await receives[0], "job");
  assertEquals(await reasonOf(receives[1]!), "why");
});

test("Channel.toReadableStream() that is cancelled while it waits, with a read or without, leaves its place", async () => {
  for (const isRead of [true, false]) {
    const channel = new Channel<string>();
    const reader = channel.toReadableStream().getReader();
    const read = isRead ? reader.read() : Promise.resolve({ done: true });
    await settled();
    const reason = reasonOf(channel.receive());
    await reader.cancel("why");
    assertEquals((await read).done, true);
    assertEquals(await reason, "why");
  }
});

test("Channel.toReadableStream() that is cancelled as soon as it is made, or read, takes nothing", async () => {
  for (const isRead of [false, true]) {
    const channel = new Channel<string>({ capacity: 2 });
    for (const value of ["a", "b"]) channel.trySend(value);
    const reader = channel.toReadableStream().getReader();
    const read = isRead ? reader.read() : Promise.resolve({ done: true });
    await reader.cancel();
    assertEquals((await read).done, true);
    assertEquals(rest(channel), ["a", "b"]);
  }
});

test("Channel.toReadableStream() cancelled in the microtask of a read has given that its value, and no other is lost", async () => {
  const channel = new Channel<string>({ capacity: 3 });
  for (const value of ["a", "b", "c"]) channel.trySend(value);
  const reader = channel.toReadableStream().getReader();
  await settled();
  const reads = [reader.read(), reader.read()];
  const cancelled = reader.cancel();
  const got = (await Promise.all(reads)).flatMap(({ value }) => value ?? []);
  await cancelled;
  assertEquals([...got, ...rest(channel)], ["a", "b", "c"]);
});

test("Channel.toReadableStream() that is cancelled while it awaits a value gives that back", async () => {
  for (const isRead of [false, true]) {
    const channel = new Channel<unknown>({ capacity: 2 });
    const { promise, open } = gate<string>();
    for (const value of [promise, "b"]) channel.trySend(value);
    const reader = channel.toReadableStream().getReader();
    const read = isRead ? reader.read() : Promise.resolve({ done: true });
    await settled();
    assertEquals(channel.size, 1);
    await reader.cancel();
    open("a");
    assertEquals((await read).done, true);
    assertEquals([await channel.receive(), await channel.receive()], [
      "a",
      "b",
    ]);
  }
});

test("Channel.toReadableStream() cancelled while it awaits what rejects leaves that to the next consumer", async () => {
  const channel = new Channel<unknown>({ capacity: 1 });
  const { promise, fail } = gate();
  channel.trySend(promise);
  const stream = channel.toReadableStream();
  await settled();
  const reasons = await unhandled(async () => {
    await stream.cancel();
    fail("why");
    await settled();
    assertEquals(await reasonOf(channel.receive()), "why");
  });
  assertEquals(reasons, []);
});

test("Channel.toReadableStream() whose reader is released while it reads keeps the next value for the next reader", async () => {
  const channel = new Channel<string>();
  const stream = channel.toReadableStream();
  const first = stream.getReader();
  const read = first.read();
  await settled();
  first.releaseLock();
  assertInstanceOf(await reasonOf(read), TypeError);
  await channel.send("job");
  await settled();
  assertEquals((await stream.getReader().read()).value, "job");
});

test("Channel.toReadableStream() whose pipe is aborted, and that is then cancelled, gives back what has come meanwhile", async () => {
  const channel = new Channel<string>();
  const stream = channel.toReadableStream();
  const controller = new AbortController();
  const { signal } = controller;
  const pipe = stream.pipeTo(new WritableStream(), {
    signal,
    preventCancel: true,
  });
  await settled();
  controller.abort("why");
  assertEquals(await reasonOf(pipe), "why");
  await channel.send("job");
  await stream.cancel();
  assertEquals(rest(channel), ["job"]);
});

test("Channel.toReadableStream() that is broken out of gives back what it took ahead", async () => {
  const channel = new Channel<number>({ capacity: 3 });
  for (const i of range(3)) channel.trySend(i);
  const stream = channel.toReadableStream() as
    & ReadableStream<number>
    & AsyncIterable<number>;
  const got: number[] = [];
  for await (const value of stream) {
    got.push(value);
    await settled();
    if (value === 1) break;
  }
  assertEquals([got, rest(channel)], [[0, 1], [2]]);
});

test("Channel.toReadableStream() through a pipe to a writer that fails loses nothing but what that was given", async () => {
  const channel = new Channel<number>({ capacity: 5 });
  for (const i of range(5)) channel.trySend(i);
  const given: number[] = [];
  const sink = new WritableStream<number>({
    async write(value) {
      given.push(value);
      await settled();
      if (value === 1) throw "broken";
    },
  }, { highWaterMark: 1 });
  assertEquals(
    await reasonOf(channel.toReadableStream().pipeTo(sink)),
    "broken",
  );
  assertEquals([...given, ...rest(channel)], range(5));
});

// --- all of them at once ---

/** A value to send: a number, or a promise of one, which settles when it is told to. */
interface Sent {
  value: unknown;
  settle?: () => void;
}

const { setImmediate } = globalThis as unknown as {
  setImmediate: (callback: () => void) => void;
};

/** A few turns of the loop: a moment's sleep each time would take seconds. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Consumers that come, take and leave at random; resolves with what was sent, and what they had. */
async function play(seed: number): Promise<{ sent: number[]; had: number[] }> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const channel = new Channel<unknown>({ capacity: below(3) });
  const sent: number[] = [];
  const had: number[] = [];
  const settles: (() => void)[] = [];
  const consumers: {
    take: () => Promise<{ value?: unknown; done?: boolean | undefined }>;
    leave: () => Promise<unknown>;
  }[] = [];
  const add = (value: unknown) => void had.push(value as number);
  const make = (): Sent => {
    const id = sent.push(sent.length) - 1;
    const { promise, open, fail } = gate<number>();
    promise.catch(() => {});
    const kind = below(4);
    if (kind < 2) return { value: id };
    const settle = kind === 2 ? () => open(id) : () => fail(id);
    return { value: promise, settle };
  };
  const steps = [
    () => {
      const { value, settle } = make();
      channel.send(value).catch(({ value }) =>
        Promise.resolve(value).then(add, add)
      );
      if (settle !== undefined) settles.push(settle);
    },
    () => {
      if (settles.length > 0) settles.splice(below(settles.length), 1)[0]!();
    },
    () => {
      const iterator = channel[Symbol.asyncIterator]();
      const leave = () => iterator.return!();
      consumers.push({ take: () => iterator.next(), leave });
    },
    () => {
      if (consumers.length === 0) return;
      consumers[below(consumers.length)]!.take().then(
        ({ value, done }) => done ? undefined : add(value),
        add,
      );
    },
    () => {
      if (consumers.length > 0) {
        consumers.splice(below(consumers.length), 1)[0]!.leave();
      }
    },
    () => {
      const result = channel.tryReceive();
      if (result.state === "ok") Promise.resolve(result.value).then(add, add);
    },
    () => turns(),
  ];
  for (const _ of range(40)) await steps[below(steps.length)]!();
  // A stream, which closes the channel as it leaves.
  const reader = channel.toReadableStream().getReader();
  reader.closed.catch(add); // All of its reads get what one promise rejects with.
  for (const _ of range(below(3))) {
    reader.read().then(({ value, done }) => done || add(value), () => {});
  }
  if (below(2) === 0) await turns();
  reader.cancel().catch(() => {});
  channel.close();
  for (const value of rest(channel)) Promise.resolve(value).then(add, add);
  for (const settle of settles) settle();
  await settled();
  for (const value of rest(channel)) Promise.resolve(value).then(add, add);
  await settled();
  return { sent, had };
}

test("Channel loses no value, and gives none twice, whatever consumers come and leave (100 seeds)", async () => {
  for (const seed of range(100)) {
    const { sent, had } = await play(seed);
    assertEquals(had.sort((a, b) => a - b), sent, `seed ${seed}`);
  }
});
