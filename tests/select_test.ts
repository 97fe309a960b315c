import { Channel, ChannelClosedError, select, slidingQueue } from "../mod.ts";
import type { Queue, Selected } from "../mod.ts";
import { CountingController, gate, range, settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

/** A channel with room that has these values. */
function filled<T>(...values: T[]): Channel<T> {
  const channel = new Channel<T>({ capacity: Infinity });
  for (const value of values) channel.trySend(value);
  return channel;
}

/** What the promise rejects with. */
function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert(false, "it does not reject"),
    (reason) => reason,
  );
}

// --- Values ---

test("select() gives the value that is there, and the channel that it is from", async () => {
  const [a, b] = [filled<string>(), filled(1)];
  const result = await select([a, b]);
  assertEquals(Object.keys(result).sort(), ["channel", "value"]);
  assertStrictEquals(result.channel, b);
  assertEquals([result.value, b.size], [1, 0]);
});

test("select() waits for the first value of any of its channels", async () => {
  const channels = range(3).map(() => new Channel<string>());
  const selected = select(channels);
  await channels[2]!.send("c");
  assertEquals(channels.map((c) => c.trySend("d")), [false, false, false]);
  const { channel, value } = await selected;
  assertStrictEquals(channel, channels[2]);
  assertEquals(value, "c");
});

test("select() takes nothing from the others: what two races lose, it leaves where it is", async () => {
  const [a, b] = [filled("a1", "a2"), filled("b1", "b2")];
  const values: string[] = [];
  for (const _ of range(4)) values.push((await select([a, b])).value!);
  assertEquals(values, ["a1", "b1", "a2", "b2"]);
  assertEquals([a.size, b.size], [0, 0]);
});

test("select() takes from senders that wait, who are told", async () => {
  const [a, b] = [new Channel<string>(), new Channel<string>()];
  const sent = b.send("b");
  assertEquals((await select([a, b])).value, "b");
  await sent;
});

test("select() waits in line with receivers and other selects of its channels", async () => {
  const [a, b] = [new Channel<number>(), new Channel<number>()];
  const log: [string, unknown][] = [];
  const follow = (name: string, promise: Promise<unknown>) =>
    promise.then((value) => log.push([name, value]));
  follow("first", a.receive());
  follow("select", select([b, a]).then(({ value }) => value));
  follow("last", a.receive());
  follow("other", select([a, b]).then(({ value }) => value));
  for (const n of range(4)) assert(a.trySend(n));
  await settled();
  assertEquals(log.sort(), [
    ["first", 0],
    ["last", 2],
    ["other", 3],
    ["select", 1],
  ]);
  assertEquals([a.trySend(9), b.trySend(9)], [false, false]);
});

test("select() takes one value of a channel that is in its list twice", async () => {
  const channel = new Channel<string>();
  const selected = select([channel, channel]);
  assertEquals([channel.trySend("a"), channel.trySend("b")], [true, false]);
  assertEquals((await selected).value, "a");
  const ended = select([channel, channel]);
  channel.close();
  assertStrictEquals((await ended).closed, channel);
});

test("select() takes undefined for a value like any other", async () => {
  const channel = filled(undefined);
  assertEquals(await select([channel]), { channel, value: undefined });
  const selected = select([channel]);
  channel.trySend(undefined);
  assertEquals(await selected, { channel, value: undefined });
});

test("select() awaits a promise, there or yet to come, as receive() does", async () => {
  const channel = filled(Promise.resolve("a"));
  assertEquals((await select([channel])).value, "a");
  const slow = gate<string>();
  const selected = select([channel]);
  channel.trySend(slow.promise);
  slow.open("b");
  assertEquals((await selected).value, "b");
  for (const isThere of [true, false]) {
    const channel = new Channel<Promise<never>>({ capacity: 1 });
    const failure = Promise.reject("lost");
    if (isThere) channel.trySend(failure);
    const selected = reasonOf(select([channel]));
    if (!isThere) channel.trySend(failure);
    assertEquals(await selected, "lost");
    assertEquals([channel.size, channel.closed], [0, false]);
  }
});

test("select() has left all channels when it looks at the value", async () => {
  const [a, b] = [new Channel<object>(), new Channel<object>()];
  const selected = select([a, b]);
  let isIn: boolean | undefined;
  a.trySend({
    get then() {
      isIn = b.trySend({});
      return undefined;
    },
  });
  await selected;
  assertEquals(isIn, false);
});

test("select() takes any iterable of channels, and looks at it once", async () => {
  const [a, b] = [new Channel<string>(), new Channel<string>()];
  const channels = [a, b];
  const selected = [select(channels), select(new Set(channels))];
  channels.length = 0;
  for (const value of ["b", "c"]) b.trySend(value);
  const values = (await Promise.all(selected)).map(({ value }) => value);
  assertEquals([...values, a.trySend("d")], ["b", "c", false]);
});

// --- The end of a channel ---

for (const isClosed of [true, false]) {
  const when = isClosed ? "is closed" : "is closed while it waits";

  test(`select() of a channel that ${when} tells which, and is no rejection`, async () => {
    const [work, quit] = [new Channel<string>(), new Channel<never>()];
    if (isClosed) quit.close();
    const selected = select([work, quit]);
    if (!isClosed) quit.close();
    const result = await selected;
    assertEquals(Object.keys(result), ["closed"]);
    assertStrictEquals(result.closed, quit);
    assertEquals(work.trySend("left it"), false);
  });

  test(`select() of a channel that ${when} with a reason rejects with that reason`, async () => {
    const [a, b] = [new Channel<string>(), new Channel<string>()];
    const reason = new Error("why");
    if (isClosed) b.close(reason);
    const selected = reasonOf(select([a, b]));
    if (!isClosed) b.close(reason);
    assertStrictEquals(await selected, reason);
    assertEquals(a.trySend("left it"), false);
    a.close(undefined);
    assertEquals(await reasonOf(select([a])), undefined);
  });
}

test("select() gives what is left in a closed channel before its end", async () => {
  const channel = filled("a", "b");
  channel.close();
  const results: Selected<typeof channel>[] = [];
  for (const _ of range(3)) results.push(await select([channel]));
  assertEquals(results.map(({ value }) => value), ["a", "b", undefined]);
  assertStrictEquals(results[2]!.closed, channel);
});

test("select() that is read leaves no unhandled rejection behind, whenever its channel was closed", async () => {
  const [closed, open] = [new Channel<string>(), new Channel<string>()];
  closed.close("why");
  const reasons: unknown[] = [];
  const seen = await unhandled(async () => {
    const all = [select([closed]), select([open]), select([closed, open])];
    open.close("too");
    for (const selected of all) reasons.push(await reasonOf(selected));
  });
  assertEquals([reasons, seen], [["why", "too", "why"], []]);
});

test("select() of a queue that throws closes its channel, and rejects with what it throws", async () => {
  const queue: Queue<string> = {
    capacity: 1,
    size: 0,
    push() {},
    peek: () => undefined,
    shift() {
      throw new Error("broken");
    },
    clear: () => [],
  };
  const channel = new Channel({ queue });
  Object.assign(queue, { size: 1 });
  await assertRejects(() => select([channel]), Error, "broken");
  assert(channel.closed);
});

test("select() passes over a channel whose queue holds its values back", async () => {
  let mayGive = false;
  const values: string[] = [];
  const queue: Queue<string> = {
    capacity: 9,
    get size() {
      return values.length;
    },
    push: (value) => void values.push(value),
    peek: () => mayGive ? values[0] : undefined,
    shift: () => mayGive ? values.shift() : undefined,
    clear: () => values.splice(0),
    done() {},
  };
  const [held, other] = [new Channel({ queue }), filled("other")];
  held.trySend("held");
  assertEquals((await select([held, other])).value, "other");
  const waiting = select([held, other]);
  other.trySend("more");
  assertEquals((await waiting).value, "more");
  mayGive = true;
  assertEquals((await select([held, other])).value, "held");
});

// --- Fairness ---

test("select() serves full channels in turn, whatever their place in the list", async () => {
  const channels = range(4).map((i) => filled(...Array<number>(50).fill(i)));
  const seen: number[] = [];
  for (const round of range(200)) {
    const list = round % 2 ? channels : channels.toReversed();
    seen.push((await select(list)).value!);
  }
  for (const at of range(50)) {
    const four = seen.slice(4 * at, 4 * at + 4);
    assertEquals(four.toSorted(), range(4), `of round ${at}`);
  }
});

test("select() lets no channel starve beside full ones, in loops that take turns over other lists", async () => {
  const [a, b, c] = [filled("a"), filled("b"), filled("c")];
  const seen: string[] = [];
  const loop = async (list: Channel<string>[]) => {
    for (const _ of range(30)) {
      const { channel, value } = await select(list);
      channel!.trySend(value!);
      seen.push(value!);
    }
  };
  await Promise.all([loop([a!, b!, c!]), loop([b!, a!])]);
  const times = ["a", "b", "c"].map((v) => seen.filter((s) => s === v).length);
  assert(Math.min(...times) >= 10, `${times}`);
});

test("select() hears of the end of a channel beside a full one", async () => {
  const [work, quit] = [filled(...range(9)), new Channel<never>()];
  quit.close();
  const results: unknown[] = [];
  for (const _ of range(4)) {
    const { closed, value } = await select([work, quit]);
    results.push(closed ? "quit" : value);
  }
  assertEquals(results, [0, "quit", 1, "quit"]);
});

test("select() counts what comes while it waits as a turn of that channel", async () => {
  const [a, b] = [new Channel<string>(), new Channel<string>()];
  const selected = select([a, b]);
  a.trySend("a1");
  assertEquals((await selected).value, "a1");
  const sent = [a.send("a2"), b.send("b1")];
  assertEquals((await select([a, b])).value, "b1");
  assertEquals((await select([a, b])).value, "a2");
  await Promise.all(sent);
});

// --- Signals ---

test("select() that is aborted leaves all channels and takes nothing with it", async () => {
  const controller = new CountingController();
  const channels = range(3).map(() => new Channel<string>());
  const selected = select(channels, { signal: controller.signal });
  assertEquals(controller.listeners, 1);
  controller.abort("why");
  for (const channel of channels) assertEquals(channel.trySend("a"), false);
  assertEquals(await reasonOf(selected), "why");
  assertEquals(controller.listeners, 0);
});

test("select() takes its listener off when it has a value, an end or an error", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const ways: ((channel: Channel<string>) => void)[] = [
    (channel) => channel.trySend("a"),
    (channel) => channel.close(),
    (channel) => channel.close("why"),
  ];
  for (const end of ways) {
    const channel = new Channel<string>();
    const selected = select([new Channel<string>(), channel], { signal });
    assertEquals(controller.listeners, 1);
    end(channel);
    assertEquals(controller.listeners, 0);
    await selected.catch(() => {});
  }
  controller.abort();
});

test("select() looks at an aborted signal as receive() does: only if it had to wait", async () => {
  const signal = AbortSignal.abort("why");
  const channel = filled("a");
  const other = new Channel<string>();
  assertEquals((await select([other, channel], { signal })).value, "a");
  assertEquals(await reasonOf(select([other, channel], { signal })), "why");
  assertEquals(await reasonOf(other.receive({ signal })), "why");
  assertEquals(other.trySend("it does not wait"), false);
  channel.close();
  assertStrictEquals(
    (await select([other, channel], { signal })).closed,
    channel,
  );
});

test("select() that has its value is not taken back by an abort", async () => {
  const controller = new AbortController();
  const channel = new Channel<Promise<string>>();
  const selected = select([channel], { signal: controller.signal });
  const slow = gate<string>();
  channel.trySend(slow.promise);
  controller.abort("late");
  slow.open("a");
  assertEquals((await selected).value, "a");
});

test("select() 10,000 times beside a channel that never has anything leaves nothing in it", async () => {
  const quit = new Channel<never>();
  const controller = new CountingController();
  const { signal } = controller;
  const work = new Channel<number>();
  for (const n of range(10_000)) {
    const selected = select([work, quit], { signal });
    work.trySend(n);
    assertEquals((await selected).value, n);
  }
  assertEquals([controller.listeners, quit.trySend(0 as never)], [0, false]);
});

// --- Bad input ---

const bad: [
  title: string,
  channels: unknown,
  type: ErrorConstructor,
  string,
][] = [
  [
    "no iterable",
    5,
    TypeError,
    "Cannot select: channels must be an iterable of Channels, received 5",
  ],
  [
    "nothing",
    undefined,
    TypeError,
    "Cannot select: channels must be an iterable of Channels, received undefined",
  ],
  [
    "one channel in no list",
    new Channel(),
    TypeError,
    "Cannot select: channels must be an iterable of Channels, received [object Object]",
  ],
  [
    "something else in the list",
    [new Channel(), "a"],
    TypeError,
    'Cannot select: channels[1] must be a Channel, received "a"',
  ],
  [
    "null in the list",
    [null],
    TypeError,
    "Cannot select: channels[0] must be a Channel, received null",
  ],
  [
    "an object that looks like a channel",
    [Object.create(Channel.prototype)],
    TypeError,
    "Cannot select: channels[0] must be a Channel, received [object Object]",
  ],
  [
    "an empty list",
    [],
    RangeError,
    "Cannot select: channels must have at least one Channel, received none",
  ],
];

for (const [title, channels, type, message] of bad) {
  test(`select() of ${title} rejects with a ${type.name} that says so`, async () => {
    const error = await reasonOf(select(channels as Channel<string>[]));
    assertInstanceOf(error, type);
    assertEquals((error as Error).message, message);
  });
}

test("select() rejects with a TypeError for options that are none, and takes nothing", async () => {
  const channel = filled("a");
  for (const options of [null, 5, { signal: 5 }, { signal: null }]) {
    const selected = select([channel], options as never);
    assertInstanceOf(await reasonOf(selected), TypeError);
  }
  assertEquals(channel.size, 1);
  await select([channel], { signal: undefined });
});

test("select() rejects with what an iterable of channels throws", async () => {
  function* channels(): Generator<Channel<string>> {
    yield filled("a");
    throw new Error("no more");
  }
  await assertRejects(() => select(channels()), Error, "no more");
});

// --- Types ---

test("select() has the type of the value where the channel is known", async () => {
  const work = filled({ job: 1 });
  const control = filled<"fast" | "slow">("fast");
  const later = filled(Promise.resolve(5));
  const quit = new Channel<never>();
  let jobs = 0;
  for (const _ of range(3)) {
    const { channel, value, closed } = await select([
      work,
      control,
      later,
      quit,
    ]);
    if (closed) throw new Error("none is closed");
    if (channel === work) jobs += value.job satisfies number;
    else if (channel === control) {
      jobs += (value satisfies "fast" | "slow").length;
    } else if (channel === later) jobs += value satisfies number;
    // @ts-expect-error: It may be of any of them.
    else value satisfies never;
  }
  assertEquals(jobs, 10);
});

test("select() of channels that evict gets what comes as their receivers do", async () => {
  const channel = new Channel<number>({ queue: slidingQueue(1) });
  const selected = select([channel]);
  for (const n of range(3)) channel.trySend(n);
  assertEquals((await selected).value, 0);
  assertEquals((await select([channel])).value, 2);
  channel.close();
  await assertRejects(() => channel.receive(), ChannelClosedError);
});
