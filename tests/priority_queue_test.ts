import { Channel } from "../src/channel/channel.ts";
import {
  priorityQueue,
  type PriorityQueueOptions,
} from "../src/queues/priority_queue.ts";
import type { Queue } from "../src/queues/queue.ts";
import type { QueuedTask } from "../src/task.ts";
import { reasonOf } from "./support/channel_contract.ts";
import { range } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

interface Named extends QueuedTask {
  readonly name: string | number;
}

function named(name: string | number, priority?: number): Named {
  return priority === undefined
    ? { name, task: () => {} }
    : { name, task: () => {}, options: { priority } };
}

function names(values: (QueuedTask | undefined)[]): (string | number)[] {
  return values.map((value) => (value as Named).name);
}

function shiftAll(queue: Queue<QueuedTask>): (string | number)[] {
  return names(
    range(queue.size).map(() => {
      const next = queue.peek();
      assertStrictEquals(queue.shift(), next);
      return next;
    }),
  );
}

test("priorityQueue() is empty when it is new, lets senders wait, and has no end without a capacity", () => {
  const queue = priorityQueue();
  assertEquals([queue.size, queue.capacity, queue.whenFull], [
    0,
    Infinity,
    "wait",
  ]);
  assertEquals([queue.peek(), queue.shift(), queue.clear()], [
    undefined,
    undefined,
    [],
  ]);
  assertEquals(priorityQueue({ capacity: 0 }).capacity, 0);
});

test("priorityQueue() gives the highest priority first, and 0 where there is none", () => {
  const queue = priorityQueue();
  for (const p of [-1, undefined, 2, -Infinity, 0.5, Infinity]) {
    queue.push(named(String(p), p));
  }
  assertEquals(queue.size, 6);
  assertEquals(shiftAll(queue), [
    "Infinity",
    "2",
    "0.5",
    "undefined",
    "-1",
    "-Infinity",
  ]);
});

test("priorityQueue() is first come, first served among equals, of several rounds too", () => {
  const queue = priorityQueue();
  for (const i of range(10)) queue.push(named(i, i % 2));
  assertEquals(names([queue.shift(), queue.shift()]), [1, 3]);
  for (const i of range(4)) queue.push(named(10 + i, i % 2));
  assertEquals(shiftAll(queue), [5, 7, 9, 11, 13, 0, 2, 4, 6, 8, 10, 12]);
});

test("priorityQueue() gives 2,000 random priorities sorted and stable", () => {
  const queue = priorityQueue();
  let seed = 1;
  const values = range(2000).map((i) => {
    seed = (seed * 48271) % 2147483647;
    return named(i, seed % 100);
  });
  for (const value of values) queue.push(value);
  // Sorting is stable by the language's own promise.
  const sorted = values.toSorted((a, b) =>
    b.options!.priority! - a.options!.priority!
  );
  for (const value of sorted) assertStrictEquals(queue.shift(), value);
});

test("priorityQueue() is O(log n) a task: 2,000 of them take no more compares than a heap does", () => {
  let compares = 0;
  const compare = (a: QueuedTask, b: QueuedTask) => {
    compares++;
    return b.options!.priority! - a.options!.priority!;
  };
  const n = 2000;
  for (const direction of [1, -1]) {
    const queue = priorityQueue({ compare });
    for (const i of range(n)) queue.push(named(i, direction * i));
    for (const _ of range(n)) queue.shift();
  }
  // Up: one on each level; down: two.
  const most = 2 * n * 3 * Math.log2(n);
  assert(compares <= most, `${compares} compares`);
});

test("priorityQueue() reads a priority once: to change it later changes nothing", () => {
  const queue = priorityQueue();
  const values = range(10).map((i) => named(i, i));
  for (const value of values) queue.push(value);
  for (const { options } of values) options!.priority = 5;
  assertEquals(shiftAll(queue), range(10).reverse());
});

test("priorityQueue().clear() gives all tasks away in the order of shift, and the queue goes on", () => {
  const queue = priorityQueue();
  for (const _ of range(2)) {
    for (const i of range(10)) queue.push(named(i, i % 3));
    assertEquals(names(queue.clear()), [2, 5, 8, 1, 4, 7, 0, 3, 6, 9]);
    assertEquals(queue.size, 0);
  }
});

test("priorityQueue() of a compare puts first what it says, and what it calls equal as it came", () => {
  const due: Record<string, number> = { b: 1, a: 1, d: 0, c: 2 };
  const queue = priorityQueue({
    capacity: 2,
    compare: (a, b) => due[(a as Named).name]! - due[(b as Named).name]!,
  });
  for (const name of "abcd") queue.push(named(name, NaN));
  assertEquals([queue.capacity, queue.size], [2, 4]);
  assertEquals(shiftAll(queue), ["d", "a", "b", "c"]);
});

test("priorityQueue() of a compare that answers NaN is first come, first served", () => {
  const queue = priorityQueue({ compare: () => NaN });
  for (const i of range(20)) queue.push(named(i));
  assertEquals(shiftAll(queue), range(20));
});

/** A queue of a compare that throws when it is told to. */
function throwing(): {
  queue: Queue<QueuedTask>;
  why: Error;
  compare: (isRight: boolean) => void;
} {
  const why = new Error("no order");
  let isRight = true;
  const queue = priorityQueue({
    compare: (a, b) => {
      if (!isRight) throw why;
      return b.options!.priority! - a.options!.priority!;
    },
  });
  return { queue, why, compare: (is) => isRight = is };
}

test("priorityQueue().push() of a task at which compare throws hands that on, and the task is not in", () => {
  const { queue, why, compare } = throwing();
  for (const i of range(3)) queue.push(named(i, i));
  compare(false);
  assertStrictEquals(assertThrows(() => queue.push(named("bad", 9))), why);
  compare(true);
  queue.push(named("late", 2));
  assertEquals([queue.size, shiftAll(queue)], [4, [2, "late", 1, 0]]);
});

test("priorityQueue().shift() whose compare throws hands that on, and gives nothing away", () => {
  const { queue, why, compare } = throwing();
  for (const i of range(5)) queue.push(named(i, i));
  compare(false);
  for (const _ of range(2)) {
    assertStrictEquals(assertThrows(() => queue.shift()), why);
    assertEquals([names([queue.peek()]), queue.size], [[4], 5]);
  }
  compare(true);
  assertEquals(shiftAll(queue), [4, 3, 2, 1, 0]);
});

test("priorityQueue().clear() whose compare throws gives all tasks away, the first in order, the rest as they came", () => {
  const came = [2, 0, 5, 3, 1, 4];
  const ordered: number[] = [];
  for (let k = 0, left = 0; left >= 0; k++) {
    left = Infinity;
    const queue = priorityQueue({
      compare: (a, b) => {
        if (left-- === 0) throw new Error("no order");
        return b.options!.priority! - a.options!.priority!;
      },
    });
    for (const i of came) queue.push(named(i, i));
    left = k;
    const cleared = names(queue.clear());
    const n = came.findIndex((_, n) => {
      const first = range(6).reverse().slice(0, n);
      const rest = came.filter((i) => !first.includes(i));
      return String(cleared) === String([...first, ...rest]);
    });
    if (left < 0) ordered.push(n);
    else assertEquals(cleared, range(6).reverse());
    assertEquals([queue.size, queue.peek()], [0, undefined]);
    queue.push(named(1, 1));
    assertEquals(shiftAll(queue), [1]);
    left = left < 0 ? 0 : -1;
  }
  // The later it throws, the more of them are in order.
  assertEquals(ordered, ordered.toSorted((a, b) => a - b));
  assertEquals([ordered[0], new Set(ordered).size > 3], [0, true]);
});

for (
  const [bad, shown, Kind] of [
    [NaN, "NaN", RangeError],
    ["8", '"8"', TypeError],
    [null, "null", TypeError],
  ] as const
) {
  const message =
    `Cannot queue task: priority must be a number that is not NaN, received ${shown}`;

  test(`priorityQueue().push() of priority ${shown} is a ${Kind.name} that names it, and it is not in`, () => {
    const queue = priorityQueue();
    assertThrows(
      () => queue.push(named("bad", bad as number)),
      Kind,
      message,
    );
    assertEquals(queue.size, 0);
  });

  test(`priorityQueue() in a channel: priority ${shown} fails the call that brings it, and no other`, async () => {
    const channel = new Channel({ queue: priorityQueue({ capacity: 1 }) });
    const send = () => channel.send(named("bad", bad as number));
    await assertRejects(send, Kind, message);
    assertThrows(
      () => channel.trySend(named("bad", bad as number)),
      Kind,
      message,
    );
    await channel.send(named("good"));
    const late = reasonOf(send()); // Known when there is room for it.
    const next = channel.send(named("next"));
    assertEquals([channel.size, channel.closed], [1, false]);
    assertEquals(names([await channel.receive()]), ["good"]);
    assertInstanceOf(await late, Kind);
    await next;
    assertEquals(names([await channel.receive()]), ["next"]);
  });
}

test("priorityQueue() in a channel lets senders wait, and orders what is in it", async () => {
  const channel = new Channel({ queue: priorityQueue({ capacity: 2 }) });
  const sent = range(4).map((i) => channel.send(named(i, i)));
  const got = [];
  for (const _ of range(4)) got.push(await channel.receive());
  await Promise.all(sent);
  assertEquals(names(got), [1, 2, 3, 0]);
});

test("priorityQueue() of options of a wrong type or out of range is an error that names them", () => {
  for (
    const [options, Kind, message] of [
      [8, TypeError, "options must be an object, received 8"],
      [
        { capacity: -1 },
        RangeError,
        "capacity must be a non-negative integer or Infinity, received -1",
      ],
      [{ compare: 8 }, TypeError, "compare must be a function, received 8"],
    ] as const
  ) {
    assertThrows(
      () => priorityQueue(options as unknown as PriorityQueueOptions),
      Kind,
      `Cannot create queue: ${message}`,
    );
  }
});

test("priorityQueue({ compare }) takes the sign alone of what compare gives", () => {
  for (const size of [0.5, 1, 2]) {
    const compare = (a: QueuedTask, b: QueuedTask) =>
      size *
      Math.sign((b as Named).name as number - ((a as Named).name as number));
    const queue = priorityQueue({ compare });
    for (const n of [1, 3, 2, 5, 4]) queue.push(named(n));
    assertEquals(shiftAll(queue), [5, 4, 3, 2, 1]);
  }
});
