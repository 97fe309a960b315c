import { Channel } from "../src/channel/channel.ts";
import { droppingQueue } from "../src/queues/dropping_queue.ts";
import { range } from "./support/helpers.ts";
import { assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

test("droppingQueue() says that it refuses, and has its capacity", () => {
  const { capacity, size, whenFull } = droppingQueue(3);
  assertEquals([capacity, size, whenFull], [3, 0, "refuse"]);
  assertEquals(droppingQueue(0).capacity, 0);
});

for (const bad of [-1, 1.5, NaN]) {
  test(`droppingQueue() of capacity ${bad} is a RangeError that names it`, () => {
    assertThrows(
      () => droppingQueue(bad),
      RangeError,
      `Cannot create queue: capacity must be a non-negative integer or Infinity, received ${bad}`,
    );
  });
}

test("droppingQueue() in a channel: of 1,000 values the first 10 are received, in order", async () => {
  const channel = new Channel<number>({ queue: droppingQueue(10) });
  for (const i of range(1000)) {
    if (i % 2 === 0) assertEquals(await channel.send(i), undefined);
    else assertEquals(channel.trySend(i), i < 10);
    assertEquals(channel.size, Math.min(i + 1, 10));
  }
  channel.close();
  assertEquals(await Array.fromAsync(channel), range(10));
});

test("droppingQueue() of capacity 0 in a channel takes a value only for a receiver that waits", async () => {
  const channel = new Channel<number>({ queue: droppingQueue(0) });
  assertEquals(channel.trySend(0), false);
  const received = channel.receive();
  assertEquals([channel.trySend(1), channel.trySend(2)], [true, false]);
  assertEquals(await received, 1);
});

test("droppingQueue() has room again when a value was received", async () => {
  const channel = new Channel<number>({ queue: droppingQueue(1) });
  assertEquals([channel.trySend(0), channel.trySend(1)], [true, false]);
  assertEquals(await channel.receive(), 0);
  assertEquals([channel.trySend(2), channel.size], [true, 1]);
});
