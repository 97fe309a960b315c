import { fifoQueue } from "../src/queue.ts";
import { range } from "./support/helpers.ts";
import { assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

test("fifoQueue() has no end without a capacity, else the one that it was given", () => {
  assertEquals(
    [fifoQueue().capacity, fifoQueue(0).capacity, fifoQueue(8).capacity],
    [Infinity, 0, 8],
  );
});

for (const bad of [-1, 1.5, NaN, -Infinity]) {
  test(`fifoQueue() of capacity ${bad} is a RangeError that names it`, () => {
    assertThrows(
      () => fifoQueue(bad),
      RangeError,
      `Cannot create queue: capacity must be a non-negative integer or Infinity, received ${bad}`,
    );
  });
}

test('fifoQueue() of capacity "8" is a TypeError that shows it', () => {
  assertThrows(
    () => fifoQueue("8" as unknown as number),
    TypeError,
    'capacity must be a non-negative integer or Infinity, received "8"',
  );
});

test("fifoQueue() gives values in the order in which they were pushed", () => {
  const queue = fifoQueue<number>();
  for (const i of range(1000)) queue.push(i);
  assertEquals(queue.size, 1000);
  assertEquals(range(1000).map(() => queue.shift()), range(1000));
  assertEquals([queue.size, queue.shift(), queue.size], [0, undefined, 0]);
});

test("fifoQueue() keeps what is pushed over capacity", () => {
  const queue = fifoQueue<number>(1);
  for (const i of range(3)) queue.push(i);
  assertEquals([queue.size, queue.capacity], [3, 1]);
  assertEquals(range(3).map(() => queue.shift()), range(3));
});

test("fifoQueue() takes undefined for a value like any other", () => {
  const queue = fifoQueue<undefined>();
  queue.push(undefined);
  assertEquals([queue.size, queue.shift(), queue.size], [1, undefined, 0]);
});

test("fifoQueue() keeps the order wherever its ring wraps, grows and shrinks", () => {
  // Every phase begins with the ring at another place.
  for (const offset of range(40)) {
    const queue = fifoQueue<number>();
    let pushed = 0;
    let shifted = 0;
    const push = (n: number) => {
      for (const _ of range(n)) queue.push(pushed++);
    };
    const shift = (n: number) => {
      for (const _ of range(n)) assertEquals(queue.shift(), shifted++);
    };
    push(offset);
    shift(offset);
    for (const n of [15, 16, 17, 31, 32, 33, 200]) {
      push(n);
      assertEquals(queue.size, n);
      shift(n - 1);
      push(offset);
      shift(offset + 1);
      assertEquals(queue.size, 0);
    }
  }
});

test("fifoQueue().drain() gives all values away, in order, wrapped or not, and the queue goes on", () => {
  for (const offset of range(20)) {
    const queue = fifoQueue<number>();
    for (const i of range(offset)) queue.push(-i);
    for (const _ of range(offset)) queue.shift();
    for (const n of [10, 16, 40, 0, 3]) {
      for (const i of range(n)) queue.push(i);
      assertEquals(queue.drain(), range(n));
      assertEquals([queue.size, queue.shift()], [0, undefined]);
    }
  }
});

/** How many slots the ring made while `run` ran: it lengthens itself by `push`. */
function slotsMade(run: () => void): number {
  const { push } = Array.prototype;
  let slots = 0;
  Array.prototype.push = function (this: unknown[], ...values: unknown[]) {
    slots += values.length;
    return push.apply(this, values);
  };
  try {
    run();
  } finally {
    Array.prototype.push = push;
  }
  return slots;
}

test("fifoQueue() does not resize for a value more or less: in and out are O(1)", () => {
  const queue = fifoQueue<number>();
  for (const i of range(16)) queue.push(i);
  const made = slotsMade(() => {
    // To and fro over the mark at which it grows.
    for (let i = 0; i < 1000; i++) {
      queue.push(i);
      queue.shift();
    }
  });
  assertEquals(made, 16);
});

test("fifoQueue() does not hold the memory of a burst for ever", () => {
  const queue = fifoQueue<number>();
  const burst = () =>
    slotsMade(() => {
      for (let i = 0; i < 1000; i++) queue.push(i);
    });
  const first = burst();
  for (const _ of range(990)) queue.shift();
  assertEquals(burst() > 900, true);
  while (queue.size > 0) queue.shift();
  assertEquals(burst(), first);
  queue.drain();
  assertEquals(burst(), first);
});
