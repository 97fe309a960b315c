import { fifoQueue } from "../src/queues/fifo_queue.ts";
import { range } from "./support/helpers.ts";
import { assert, assertEquals, assertThrows } from "./support/std.ts";
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

test("fifoQueue() keeps the order wherever its blocks begin and end", () => {
  // Every phase begins at another place of a block.
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
    const long = offset % 8 === 0 ? [2500] : []; // Over the longest block.
    for (const n of [15, 16, 17, 31, 32, 33, 200, ...long]) {
      push(n);
      assertEquals(queue.size, n);
      shift(n - 1);
      push(offset);
      shift(offset + 1);
      assertEquals(queue.size, 0);
    }
  }
});

test("fifoQueue().peek() tells what shift() would give, however often, and gives nothing away", () => {
  for (const offset of range(40)) {
    const queue = fifoQueue<number>();
    for (const i of range(offset)) queue.push(-i);
    for (const _ of range(offset)) queue.shift();
    for (const i of range(40)) queue.push(i);
    for (const i of range(40)) {
      assertEquals([queue.peek(), queue.peek(), queue.size], [i, i, 40 - i]);
      assertEquals(queue.shift(), i);
    }
  }
});

test("fifoQueue().peek() tells the same value, whatever is pushed behind it", () => {
  const queue = fifoQueue<number>();
  for (const i of range(2500)) {
    queue.push(i);
    assertEquals(queue.peek(), 0);
  }
});

test("fifoQueue().peek() is undefined for an empty queue: new, shifted empty or cleared", () => {
  for (const n of [0, 1, 15, 16, 17, 48, 200, 2500]) {
    const queue = fifoQueue<number>();
    assertEquals(queue.peek(), undefined);
    for (const i of range(n)) queue.push(i);
    while (queue.size > 0) queue.shift();
    assertEquals([queue.peek(), queue.size], [undefined, 0]);
    for (const i of range(n)) queue.push(i);
    queue.clear();
    assertEquals([queue.peek(), queue.size], [undefined, 0]);
    queue.push(7);
    assertEquals([queue.peek(), queue.size], [7, 1]);
  }
});

test("fifoQueue().peek() tells undefined, where that is the value", () => {
  const queue = fifoQueue<number | undefined>();
  queue.push(undefined);
  queue.push(1);
  assertEquals([queue.peek(), queue.size], [undefined, 2]);
  queue.shift();
  assertEquals([queue.peek(), queue.size], [1, 1]);
});

test("fifoQueue().clear() gives all values away, in order, wherever they are, and the queue goes on", () => {
  for (const offset of range(20)) {
    const queue = fifoQueue<number>();
    for (const i of range(offset)) queue.push(-i);
    for (const _ of range(offset)) queue.shift();
    for (const n of [10, 16, 40, 0, 3]) {
      for (const i of range(n)) queue.push(i);
      assertEquals(queue.clear(), range(n));
      assertEquals([queue.size, queue.shift()], [0, undefined]);
    }
  }
});

/** How many slots were made while `run` ran: a block fills its own. */
function slotsMade(run: () => void): number {
  const { fill } = Array.prototype;
  let slots = 0;
  Array.prototype.fill = function (this: unknown[], value: unknown) {
    slots += this.length;
    return fill.call(this, value);
  };
  try {
    run();
  } finally {
    Array.prototype.fill = fill;
  }
  return slots;
}

test("fifoQueue() does not make a block for a value more or less: in and out are O(1)", () => {
  /** To and fro over the mark at which it grows, with so many in it. */
  const made = (n: number, times: number) => {
    const queue = fifoQueue<number>();
    for (const i of range(n)) queue.push(i);
    return slotsMade(() => {
      for (let i = 0; i < times; i++) {
        queue.push(i);
        queue.shift();
      }
    });
  };
  // One more, for the two to take turns; and none is made any more.
  for (const times of [1000, 10_000]) assertEquals(made(16, times), 16);
  for (const n of [0, 1, 15, 17, 48, 49, 1008, 1024, 5000]) {
    const slots = made(n, 10_000);
    assert(slots <= 10_000, `${slots} slots, ${n} in it`);
  }
});

test("fifoQueue() does not hold the memory of a burst for ever", () => {
  const queue = fifoQueue<number>();
  const n = 10_000;
  const burst = () =>
    slotsMade(() => {
      for (let i = 0; i < n; i++) queue.push(i);
    });
  const first = burst();
  assert(first <= n + n / 8, `${first} slots for ${n}`);
  for (let i = 0; i < n - 10; i++) queue.shift();
  // The block of those that are left, and a spare one.
  const most = 2 * n / 8;
  const second = burst();
  assert(second >= n - most, `${second} slots for ${n}`);
  while (queue.size > 0) queue.shift();
  const third = burst();
  assert(third >= n - most, `${third} slots for ${n}`);
  queue.clear();
  const fourth = burst();
  assert(fourth >= n - most, `${fourth} slots for ${n}`);
});
