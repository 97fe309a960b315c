import { Channel } from "../src/channel/channel.ts";
import type { ChannelOptions } from "../src/channel/channel_options.ts";
import { droppingQueue } from "../src/queues/dropping_queue.ts";
import { ChannelClosedError } from "../src/base/errors.ts";
import { fifoQueue } from "../src/queues/fifo_queue.ts";
import {
  channelContract,
  outcomes,
  reasonOf,
} from "./support/channel_contract.ts";
import { CountingController, range, settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
  stdChannel,
} from "./support/std.ts";
import { Stack } from "./support/stack.ts";
import { test } from "./support/test.ts";

channelContract("Channel", Channel, ChannelClosedError);

if (stdChannel !== undefined) {
  channelContract(
    "@std/async Channel",
    stdChannel.Channel,
    stdChannel.ChannelClosedError,
  );
}

test("Channel of capacity Infinity never lets a sender wait", async () => {
  const channel = new Channel<number>({ capacity: Infinity });
  assertEquals(channel.capacity, Infinity);
  for (const i of range(1000)) assert(channel.trySend(i));
  await channel.send(1000);
  assertEquals(channel.size, 1001);
  assertEquals(await channel.receive(), 0);
});

test("Channel of a queue gives values in its order, and has its capacity and size", async () => {
  const queue = new Stack<string>(2);
  const channel = new Channel<string>({ queue });
  await channel.send("a");
  await channel.send("b");
  assertEquals([channel.capacity, channel.size, queue.size], [2, 2, 2]);
  assertEquals(channel.trySend("c"), false);
  const sent = channel.send("c");
  assertEquals(await channel.receive(), "b");
  await sent;
  assertEquals([await channel.receive(), await channel.receive()], ["c", "a"]);
});

const takes: Record<string, (channel: Channel<number>) => unknown> = {
  "receive()": (channel) => channel.receive(),
  "iteration": (channel) => channel[Symbol.asyncIterator]().next(),
  "toReadableStream()": (channel) =>
    channel.toReadableStream().getReader().read(),
  "tryReceive()": (channel) => channel.tryReceive(),
};

for (const [name, take] of Object.entries(takes)) {
  test(`Channel of a queue that throws once as it is to give a value: ${name} gets the error, the others what is left, and then the error`, async () => {
    for (const isClosed of [false, true]) {
      const queue = new Stack<number>(3);
      const channel = new Channel<number>({ queue });
      for (const i of range(3)) channel.trySend(i);
      const sent = channel.send(3).catch((error) => error);
      if (isClosed) channel.close("closed");
      const why = new Error("shift");
      const shift = queue.shift.bind(queue);
      queue.shift = () => {
        queue.shift = shift;
        throw why;
      };
      const got = await reasonOf((async () => await take(channel))());
      assertStrictEquals(got, why);
      const unsent = await sent;
      assertInstanceOf(unsent, ChannelClosedError);
      assertEquals([unsent.value, channel.closed, channel.size], [3, true, 3]);
      assertEquals(await channel.receive(), 2);
      const left: number[] = [];
      const reason = await reasonOf((async () => {
        for await (const value of channel) left.push(value);
      })());
      assertEquals([left, reason], [[1, 0], why]);
      assertEquals(channel.tryReceive(), { state: "closed" });
      assertStrictEquals(await reasonOf(channel.receive()), why);
    }
  });
}

test("Channel.send() and trySend() of what the queue won't have get its error, at once or when there is room; the channel goes on", async () => {
  const why = new RangeError("odd");
  const queue = new Stack<number>(1);
  const push = queue.push.bind(queue);
  queue.push = (value) => {
    if (value % 2 === 1) throw why;
    push(value);
  };
  const channel = new Channel<number>({ queue });
  assertStrictEquals(assertThrows(() => channel.trySend(1)), why);
  assertStrictEquals(await reasonOf(channel.send(1)), why);
  await channel.send(0);
  const controller = new CountingController();
  const { signal } = controller;
  const odd = reasonOf(channel.send(1, { signal }));
  const even = channel.send(2, { signal });
  assertEquals([channel.size, await channel.receive()], [1, 0]);
  assertStrictEquals(await odd, why);
  await even;
  assertEquals([channel.closed, controller.listeners], [false, 0]);
  assertEquals(await channel.receive(), 2);
});

test("Channel of both a queue and a capacity is a TypeError", () => {
  assertThrows(
    () => new Channel({ queue: fifoQueue(), capacity: 1 }),
    TypeError,
    "Cannot create channel: queue stands in place of capacity, received both",
  );
});

test("Channel of options, a capacity or a signal of a wrong type is a TypeError that shows it", async () => {
  assertThrows(
    () => new Channel({ capacity: "8" as unknown as number }),
    TypeError,
    'Cannot create channel: capacity must be a non-negative integer or Infinity, received "8"',
  );
  for (const [bad, shown] of [[8, "8"], [null, "null"]]) {
    assertThrows(
      () => new Channel(bad as unknown as ChannelOptions),
      TypeError,
      `Cannot create channel: options must be an object, received ${shown}`,
    );
  }
  const options = { signal: 8 as unknown as AbortSignal };
  const send = () => new Channel().send(1, options);
  const receive = () => new Channel().receive(options);
  for (const [call, name] of [[send, "send"], [receive, "receive"]] as const) {
    const error = await reasonOf(call());
    assertInstanceOf(error, TypeError);
    assertEquals(
      error.message,
      `Cannot ${name}: signal must be an AbortSignal, received 8`,
    );
  }
});

test("Channel.send() and .receive() with a signal that can't be listened to reject, and nothing waits", async () => {
  const channel = new Channel<number>();
  const signal = {
    aborted: false,
    addEventListener() {
      throw new Error("deaf");
    },
    removeEventListener() {},
  } as unknown as AbortSignal;
  for (
    const wait of [channel.send(1, { signal }), channel.receive({ signal })]
  ) {
    assertEquals((await reasonOf(wait) as Error).message, "deaf");
  }
  assertEquals(channel.tryReceive(), { state: "empty" });
  assert(!channel.trySend(1));
});

test("Channel puts one listener on a signal for 1,000 waiters, and leaves none", async () => {
  const controller = new CountingController();
  const { signal } = controller;
  const channel = new Channel<number>();
  const sends = range(1000).map((i) => channel.send(i, { signal }));
  assertEquals([controller.listeners, controller.added], [1, 1]);
  for (const i of range(999)) assertEquals(await channel.receive(), i);
  assertEquals(controller.listeners, 1);
  assertEquals(await channel.receive(), 999);
  await Promise.all(sends);
  assertEquals([controller.listeners, controller.added], [0, 1]);
  const receives = range(1000).map(() => channel.receive({ signal }));
  assertEquals([controller.listeners, controller.added], [1, 2]);
  controller.abort("aborted");
  assertEquals(controller.listeners, 0);
  for (const receive of receives) {
    assertEquals(await reasonOf(receive), "aborted");
  }
  assertEquals(channel.trySend(1), false);
});

test("Channel.close() takes 1,000 waiters off their signal", async () => {
  for (const wait of ["send", "receive"] as const) {
    const controller = new CountingController();
    const { signal } = controller;
    const channel = new Channel<number>();
    const waits = range(1000).map((i) =>
      wait === "send"
        ? channel.send(i, { signal })
        : channel.receive({ signal })
    );
    channel.close("closed");
    assertEquals(controller.listeners, 0);
    controller.abort("too late");
    for (const wait of waits) assert(await reasonOf(wait) !== "too late");
  }
});

test("Channel.tryReceive() lets the waiting sender in before another can barge in", async () => {
  const channel = new Channel<string>({ capacity: 1 });
  channel.trySend("a");
  const { log, follow } = outcomes();
  follow("b", channel.send("b"));
  channel.tryReceive();
  assertEquals(channel.trySend("c"), false);
  await settled();
  assertEquals(log, [["b", undefined]]);
});

test("Channel.send() whose signal is aborted in the middle takes no room from the one behind it", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  const controller = new AbortController();
  channel.trySend(0);
  const { log, follow } = outcomes();
  follow(1, channel.send(1, { signal: controller.signal }));
  follow(2, channel.send(2));
  controller.abort("aborted");
  assertEquals(channel.size, 1);
  channel.tryReceive();
  await settled();
  assertEquals(log, [[1, "rejected", "aborted"], [2, undefined]]);
  assertEquals(channel.tryReceive(), { state: "ok", value: 2 });
});

test("Channel.send() that is refused, and [Symbol.asyncDispose](), give promises that have resolved", async () => {
  const channel = new Channel<number>({ queue: droppingQueue(0) });
  assertEquals(await Promise.all([channel.send(1)]), [undefined]);
  for (const step of [channel.send(1), channel[Symbol.asyncDispose]()]) {
    assertInstanceOf(step, Promise);
    await step;
  }
});

/** A queue that gives nothing until it may. */
class Held extends Stack<string> {
  mayGive = false;

  override peek(): string | undefined {
    return this.mayGive ? super.peek() : undefined;
  }

  override shift(): string | undefined {
    return this.mayGive ? super.shift() : undefined;
  }
}

test("Channel of a queue that holds its values back gives them when a call comes after it may", async () => {
  const queue = new Held(4);
  const channel = new Channel<string>({ queue });
  await channel.send("a");
  assertEquals(channel.tryReceive().state, "empty");
  const waiting = channel.receive();
  await settled();
  assertEquals(channel.size, 1);
  queue.mayGive = true;
  await channel.send("b");
  assertEquals([await waiting, await channel.receive()].sort(), ["a", "b"]);
});

test("Channel of a queue that is to evict, and has nothing to give now, holds one more", async () => {
  const queue = Object.assign(new Held(1), { whenFull: "evict" as const });
  const channel = new Channel<string>({ queue });
  await channel.send("a");
  await channel.send("b");
  assertEquals(channel.size, 2);
  queue.mayGive = true;
  await channel.send("c");
  assertEquals(channel.size, 1);
  assertEquals(await channel.receive(), "c");
});

test("Channel of a queue that evicts, and then won't have a value, brings back none that was evicted before", async () => {
  const queue = Object.assign(new Stack<string>(1), {
    whenFull: "evict" as const,
  });
  const channel = new Channel<string>({ queue });
  for (const value of ["a", "b", "c"]) await channel.send(value);
  const why = new Error("the queue's");
  const push = queue.push.bind(queue);
  queue.push = (value) => {
    if (value === "bad") throw why;
    push(value);
  };
  assertStrictEquals(await reasonOf(channel.send("bad")), why);
  assertEquals([channel.size, await channel.receive()], [1, "c"]);
});

test("Channel whose queue won't have what the only sender waits with is empty for who receives", async () => {
  const why = new Error("the queue's");
  const queue = new Stack<string>(0);
  queue.push = () => {
    throw why;
  };
  const channel = new Channel<string>({ queue });
  const sent = reasonOf(channel.send("a"));
  assertEquals(channel.tryReceive().state, "empty");
  assertStrictEquals(await sent, why);
});
