import { Channel } from "../src/channel/channel.ts";
import { slidingQueue } from "../src/queues/sliding_queue.ts";
import { range, settled } from "./support/helpers.ts";
import { assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

test("slidingQueue() says that it evicts, and has its capacity", () => {
  const { capacity, size, whenFull } = slidingQueue(3);
  assertEquals([capacity, size, whenFull], [3, 0, "evict"]);
  assertEquals(slidingQueue(Infinity).capacity, Infinity);
});

for (const bad of [0, -1, 1.5, NaN]) {
  test(`slidingQueue() of capacity ${bad} is a RangeError that names it`, () => {
    assertThrows(
      () => slidingQueue(bad),
      RangeError,
      `Cannot create queue: capacity must be a positive integer or Infinity, received ${bad}`,
    );
  });
}

test("slidingQueue() in a channel: of 1,000 values the last 10 are received, in order", async () => {
  const channel = new Channel<number>({ queue: slidingQueue(10) });
  for (const i of range(1000)) {
    if (i % 2 === 0) await channel.send(i);
    else assertEquals(channel.trySend(i), true);
    assertEquals(channel.size, Math.min(i + 1, 10));
  }
  channel.close();
  assertEquals(await Array.fromAsync(channel), range(1000).slice(990));
});

test("slidingQueue() in a channel evicts nothing that a receiver waits for", async () => {
  const channel = new Channel<number>({ queue: slidingQueue(1) });
  const received = range(3).map(() => channel.receive());
  for (const i of range(5)) channel.trySend(i);
  assertEquals(await Promise.all(received), [0, 1, 2]);
  assertEquals(channel.tryReceive(), { state: "ok", value: 4 });
});

test("slidingQueue() in a channel evicts undefined like any other value", async () => {
  const channel = new Channel<undefined | 1>({ queue: slidingQueue(1) });
  await channel.send(undefined);
  await channel.send(1);
  assertEquals([channel.size, await channel.receive()], [1, 1]);
  await settled();
  assertEquals(channel.size, 0);
});
