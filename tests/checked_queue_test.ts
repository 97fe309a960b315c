/**
 * `checkedQueue()`: a queue of one's own that is watched, alone, in a channel and in
 * a group.
 */

import { Channel, CoGroup, type Queue, type QueuedTask } from "../mod.ts";
import { checkedQueue } from "../src/queues/checked_queue.ts";
import { fifoQueue } from "../src/queues/fifo_queue.ts";
import { keyedQueue } from "../src/queues/keyed_queue.ts";
import { priorityQueue } from "../src/queues/priority_queue.ts";
import { slidingQueue } from "../src/queues/sliding_queue.ts";
import { ChannelClosedError } from "../src/base/errors.ts";
import { outcomes, reasonOf } from "./support/channel_contract.ts";
import { assertBooks, range, settled, Tasks } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** A queue of the user's own, which is right; to be changed into one that is not. */
class Plain<T> implements Queue<T> {
  capacity = Infinity;
  whenFull: "wait" | "evict" | "refuse" = "wait";
  values: T[] = [];

  get size(): number {
    return this.values.length;
  }

  push(value: T): void {
    this.values.push(value);
  }

  peek(): T | undefined {
    return this.values[0];
  }

  shift(): T | undefined {
    return this.values.shift();
  }

  clear(): T[] {
    return this.values.splice(0);
  }
}

/** One that gives nothing while two of its values run. */
class Limiting<T> extends Plain<T> {
  running: T[] = [];

  override peek(): T | undefined {
    return this.running.length < 2 ? super.peek() : undefined;
  }

  override shift(): T | undefined {
    if (this.running.length === 2 || this.size === 0) return undefined;
    this.running.push(this.values[0]!);
    return super.shift();
  }

  done(value: T): void {
    this.running.splice(this.running.indexOf(value), 1);
  }
}

/** Last in, first out. */
class Stack<T> extends Plain<T> {
  override peek(): T | undefined {
    return this.values.at(-1);
  }

  override shift(): T | undefined {
    return this.values.pop();
  }

  override clear(): T[] {
    return this.values.splice(0).reverse();
  }
}

// --- a queue that is right ---

test("checkedQueue() does what the queue does that it watches", () => {
  const own = new Plain<number>();
  own.capacity = 3;
  own.whenFull = "evict";
  const queue = checkedQueue(own);
  assertEquals([queue.capacity, queue.whenFull, queue.size], [3, "evict", 0]);
  assertEquals([queue.peek(), queue.shift()], [undefined, undefined]);
  for (const i of range(5)) queue.push(i);
  assertEquals([queue.size, queue.peek(), queue.peek()], [5, 0, 0]);
  assertEquals([queue.shift(), queue.shift(), queue.size], [0, 1, 3]);
  assertEquals([queue.clear(), queue.size, queue.clear()], [[2, 3, 4], 0, []]);
  queue.push(1);
  assertEquals([queue.shift(), queue.done], [1, undefined]);
});

test("checkedQueue() lets senders wait, evicts or refuses as its queue says; and lets them wait if it says nothing", () => {
  for (const whenFull of ["wait", "evict", "refuse"] as const) {
    const own = Object.assign(new Plain(), { whenFull });
    assertEquals(checkedQueue(own).whenFull, whenFull);
  }
  const { capacity, size, push, peek, shift, clear } = new Plain();
  const own = { capacity, size, push, peek, shift, clear };
  assertEquals(checkedQueue(own).whenFull, "wait");
});

test("checkedQueue() takes undefined for a value, NaN for itself, and a value as often as it is in", () => {
  const queue = checkedQueue(new Plain<number | undefined>());
  const values = [undefined, NaN, 1, 1, undefined, 1, NaN];
  for (const value of values) queue.push(value);
  for (const value of values.slice(0, 3)) {
    assertEquals([queue.peek(), queue.shift()], [value, value]);
  }
  assertEquals([queue.size, queue.clear()], [4, values.slice(3)]);
});

test("checkedQueue() lets peek() be overtaken by a push", () => {
  const queue = checkedQueue(new Stack<number>());
  queue.push(1);
  assertEquals(queue.peek(), 1);
  queue.push(2);
  assertEquals([queue.shift(), queue.shift()], [2, 1]);
});

test("checkedQueue() lets peek() be overtaken by a clear, and by the end of what runs", () => {
  const own = new Limiting<number>();
  const queue = checkedQueue(own);
  for (const i of range(3)) queue.push(i);
  assertEquals([queue.shift(), queue.peek()], [0, 1]);
  // Now that one has ended, the queue would rather give another one.
  own.shift = () => own.values.pop();
  queue.done!(0);
  assertEquals(queue.shift(), 2);
  assertEquals([queue.peek(), queue.clear(), queue.shift()], [
    1,
    [1],
    undefined,
  ]);
});

test("checkedQueue() lets a queue hold back what it has while something runs, and tells it the ends", () => {
  const own = new Limiting<string>();
  const queue = checkedQueue(own);
  for (const value of "abc") queue.push(value);
  assertEquals([queue.shift(), queue.shift()], ["a", "b"]);
  assertEquals([queue.peek(), queue.shift(), queue.size], [
    undefined,
    undefined,
    1,
  ]);
  queue.done!("b");
  assertEquals(own.running, ["a"]);
  assertEquals([queue.peek(), queue.shift()], ["c", "c"]);
});

test("checkedQueue().done() of what does not run is a TypeError, and the queue does not hear of it", () => {
  const own = new Limiting<string>();
  const queue = checkedQueue(own);
  queue.push("a");
  queue.push("b");
  queue.shift();
  queue.done!("a");
  own.done = () => assert(false, "heard of it");
  for (const value of ["a", "b", "c"]) {
    assertThrows(
      () => queue.done!(value),
      TypeError,
      "Cannot end what the queue has not given",
    );
  }
  assertEquals(queue.shift(), "b");
});

test("checkedQueue() takes a value that comes again for one that does not run any more", () => {
  const own = new Limiting<string>();
  const queue = checkedQueue(own);
  queue.push("a");
  assertEquals(queue.shift(), "a");
  own.running = ["b", "c"]; // As if others ran.
  queue.push("a");
  assertThrows(() => queue.peek(), TypeError, "though nothing runs");
});

test("checkedQueue() hands on what its queue throws, which is no fault: it goes on", () => {
  for (const name of ["push", "peek", "shift", "done"] as const) {
    const own = new Limiting<number>();
    const queue = checkedQueue(own);
    for (const i of range(2)) queue.push(i);
    queue.shift();
    const cause = new Error("own");
    const right = own[name];
    own[name] = () => {
      throw cause;
    };
    assertStrictEquals(assertThrows(() => queue[name]!(0)), cause);
    own[name] = right as never;
    queue.push(2);
    assertEquals([queue.size, queue.shift(), queue.clear()], [2, 1, [2]]);
  }
});

test("checkedQueue() finds nothing wrong with this library's own queues", () => {
  const make = {
    fifo: fifoQueue<QueuedTask>(),
    sliding: slidingQueue<QueuedTask>(1),
    priority: priorityQueue(),
    keyed: keyedQueue(),
  };
  for (const own of Object.values(make)) {
    const queue = checkedQueue(own);
    const tasks = range(6).map((n) => ({
      task: () => {},
      options: { key: n % 2, priority: n % 3 },
    }));
    for (const task of tasks) queue.push(task);
    const given: QueuedTask[] = [];
    while (queue.size > 2) {
      const task = queue.peek();
      if (task === undefined) given.forEach((task) => queue.done!(task));
      else given.push(queue.shift()!);
    }
    given.push(...queue.clear());
    assertEquals(new Set(given), new Set(tasks));
    assertEquals([given.length, queue.size, queue.peek()], [6, 0, undefined]);
  }
});

// --- one that is wrong ---

/** What is wrong with a queue that has the values 1, 2 and 3, and was asked once. */
const lies: Record<
  string,
  {
    lie: (queue: Plain<number>) => void;
    ask: "peek" | "shift" | "clear" | "push";
    message: string;
  }
> = {
  "gives a value twice": {
    lie: (queue) => queue.shift = () => (queue.values.pop(), 1),
    ask: "shift",
    message: "its shift() gave what is not, or not any more, in it",
  },
  "gives a value that it never got": {
    lie: (queue) => queue.shift = () => (queue.values.pop(), 9),
    ask: "shift",
    message: "its shift() gave what is not, or not any more, in it",
  },
  "gives undefined for a value": {
    lie: (queue) => queue.shift = () => void queue.values.pop(),
    ask: "shift",
    message:
      "its shift() gave none of 2 values, though nothing runs that they could wait for",
  },
  "shows a value that it never got": {
    lie: (queue) => queue.peek = () => 9,
    ask: "peek",
    message: "its peek() gave what is not, or not any more, in it",
  },
  "shows a value that it gave": {
    lie: (queue) => queue.peek = () => 1,
    ask: "peek",
    message: "its peek() gave what is not, or not any more, in it",
  },
  "never gives one": {
    lie: (queue) => queue.shift = () => undefined,
    ask: "shift",
    message:
      "its shift() gave none of 2 values, though nothing runs that they could wait for",
  },
  "never shows one": {
    lie: (queue) => queue.peek = () => undefined,
    ask: "peek",
    message:
      "its peek() gave none of 2 values, though nothing runs that they could wait for",
  },
  "has too few": {
    lie: (queue) => queue.values.pop(),
    ask: "peek",
    message: "its size is 1, where 2 are in it",
  },
  "has too many": {
    lie: (queue) => queue.values.push(2),
    ask: "shift",
    message: "its size is 3, where 2 are in it",
  },
  "has too many when one more comes": {
    lie: (queue) => queue.values.push(2),
    ask: "push",
    message: "its size is 3, where 2 are in it",
  },
  "has no size": {
    lie: (queue) => Object.defineProperty(queue, "size", { value: undefined }),
    ask: "clear",
    message: "its size is undefined, where 0 are in it",
  },
  "has the size of before after a value was given": {
    lie: (queue) => queue.shift = () => queue.values[0],
    ask: "shift",
    message: "its size is 2, where 1 are in it",
  },
  "has a size after it was cleared": {
    lie: (queue) => queue.clear = () => [...queue.values],
    ask: "clear",
    message: "its size is 2, where 0 are in it",
  },
  "loses one when it is cleared": {
    lie: (queue) => queue.clear = () => queue.values.splice(0).slice(1),
    ask: "clear",
    message: "its clear() gave 1 of 2 values",
  },
  "clears one twice": {
    lie: (queue) => queue.clear = () => (queue.values.splice(0), [2, 2]),
    ask: "clear",
    message: "its clear() gave what is not, or not any more, in it",
  },
  "clears to no array": {
    lie: (queue) => queue.clear = () => "23" as unknown as number[],
    ask: "clear",
    message: "its clear() gave no array",
  },
};

for (const [name, { lie, ask, message }] of Object.entries(lies)) {
  test(`checkedQueue() of a queue that ${name} says so in each call, and clear() gives back what should be in it`, () => {
    const own = new Plain<number>();
    const queue = checkedQueue(own);
    for (const i of [1, 2, 3]) queue.push(i);
    assertEquals(queue.shift(), 1);
    lie(own);
    const error = assertThrows(
      () => queue[ask](9),
      TypeError,
      `Cannot use queue: ${message}`,
    );
    for (const again of ["push", "peek", "shift"] as const) {
      assertStrictEquals(assertThrows(() => queue[again](4)), error);
    }
    assertEquals([queue.size, queue.clear(), queue.clear()], [2, [2, 3], []]);
    assertStrictEquals(assertThrows(() => queue.push(5)), error);
    assertEquals(queue.size, 0);
  });
}

test("checkedQueue() of a queue that gives another value than it showed, or none, says so, and keeps all", () => {
  for (const lie of ["pop", "none"]) {
    const own = new Limiting<number>();
    const queue = checkedQueue(own);
    for (const i of range(4)) queue.push(i);
    queue.shift(); // While it runs the queue may give none, but not show one.
    assertEquals(queue.peek(), 1);
    own.shift = lie === "pop" ? () => own.values.pop() : () => undefined;
    assertThrows(
      () => queue.shift(),
      TypeError,
      "Cannot use queue: its shift() gave something else than its peek() just before",
    );
    assertEquals(queue.clear(), [1, 2, 3]);
  }
});

test("checkedQueue() of a queue that holds back what it has, when all that ran has ended, says so", () => {
  const own = new Limiting<number>();
  const queue = checkedQueue(own);
  for (const i of range(3)) queue.push(i);
  own.done = () => {};
  queue.shift();
  queue.shift();
  queue.done!(0);
  assertEquals(queue.peek(), undefined);
  queue.done!(1);
  assertThrows(() => queue.peek(), TypeError, "gave none of 1 values");
});

test("checkedQueue() that was found wrong takes the ends of what runs, and leaves its queue alone", () => {
  const own = new Limiting<number>();
  const queue = checkedQueue(own);
  for (const i of range(2)) queue.push(i);
  queue.shift();
  own.values.pop();
  assertThrows(() => queue.peek(), TypeError, "its size is 0");
  own.done = own.clear = () => {
    throw new Error("not left alone");
  };
  queue.done!(0);
  assertEquals(queue.clear(), [1]);
});

test("checkedQueue() of a queue whose clear() throws hands that on, and gives all back when it is asked again", () => {
  const own = new Plain<number>();
  const queue = checkedQueue(own);
  for (const i of [1, 1, 2]) queue.push(i);
  const cause = new Error("own");
  own.clear = () => {
    throw cause;
  };
  assertStrictEquals(assertThrows(() => queue.clear()), cause);
  assertStrictEquals(assertThrows(() => queue.peek()), cause);
  assertEquals([queue.clear(), queue.size], [[1, 1, 2], 0]);
});

// --- what is no queue at all, or not to be had ---

/** What takes a queue, and what its errors say that it cannot do. */
const uses: Record<
  string,
  [doing: string, use: (queue: Queue<QueuedTask>) => unknown]
> = {
  "checkedQueue()": ["check queue", (queue) => checkedQueue(queue)],
  "new Channel()": ["create channel", (queue) => new Channel({ queue })],
  "new CoGroup()": [
    "create CoGroup",
    (queue) => new CoGroup({ concurrency: 1, queue }),
  ],
};

for (const [call, [doing, use]] of Object.entries(uses)) {
  test(`${call} with what is no queue is an error that says what is missing`, () => {
    const plain = (changes: object) => Object.assign(new Plain(), changes);
    for (
      const [bad, Kind, message] of [
        [8, TypeError, "queue must be a Queue, received 8"],
        [null, TypeError, "queue must be a Queue, received null"],
        [{}, TypeError, "queue.push must be a function, received undefined"],
        [
          plain({ peek: 1 }),
          TypeError,
          "queue.peek must be a function, received 1",
        ],
        [
          plain({ clear: undefined }),
          TypeError,
          "queue.clear must be a function, received undefined",
        ],
        [
          plain({ done: 1 }),
          TypeError,
          "queue.done must be a function, received 1",
        ],
        [
          plain({ whenFull: "drop" }),
          TypeError,
          'queue.whenFull must be "wait", "evict" or "refuse", received "drop"',
        ],
        [
          plain({ capacity: -1 }),
          RangeError,
          "queue.capacity must be a non-negative integer or Infinity, received -1",
        ],
        [
          plain({ capacity: 0, whenFull: "evict" }),
          RangeError,
          "queue.capacity must be a positive integer or Infinity, received 0",
        ],
        [
          Object.defineProperty(new Plain(), "size", { value: "0" }),
          RangeError,
          'queue.size must be a non-negative integer, received "0"',
        ],
        [
          plain({ values: [1] }),
          TypeError,
          "queue must be empty, and used by nothing else",
        ],
      ] as const
    ) {
      assertThrows(
        () => use(bad as unknown as Queue<QueuedTask>),
        Kind,
        `Cannot ${doing}: ${message}`,
      );
    }
  });

  test(`${call} with a queue that something else uses is a TypeError that says so`, () => {
    for (const [, first] of Object.values(uses)) {
      for (const make of [() => new Plain<QueuedTask>(), keyedQueue]) {
        const queue = make();
        first(queue);
        assertThrows(
          () => use(queue),
          TypeError,
          "queue must be empty, and used by nothing else",
        );
      }
    }
  });
}

// --- in a channel ---

const GIVES_TWICE = "Cannot use queue: its shift() gave";

/** A channel whose queue has 1, 2 and 3, and will lie. */
function lyingChannel(): Channel<number> {
  const own = new Plain<number>();
  own.capacity = 3;
  own.shift = () => (own.values.shift(), 9);
  const channel = new Channel<number>({ queue: checkedQueue(own) });
  for (const i of [1, 2, 3]) channel.trySend(i);
  return channel;
}

const takes: Record<string, (channel: Channel<number>) => unknown> = {
  "receive()": (channel) => channel.receive(),
  "iteration": (channel) => channel[Symbol.asyncIterator]().next(),
  "toReadableStream()": (channel) =>
    channel.toReadableStream().getReader().read(),
  "tryReceive()": (channel) => channel.tryReceive(),
};

for (const [name, take] of Object.entries(takes)) {
  test(`Channel of a checkedQueue() that is wrong: ${name} gets the error, which closes the channel for all`, async () => {
    const channel = lyingChannel();
    const { log, follow } = outcomes();
    follow("send", channel.send(4).catch((error) => error.constructor));
    const error = await reasonOf((async () => await take(channel))());
    assertInstanceOf(error, TypeError);
    assert(error.message.startsWith(GIVES_TWICE), error.message);
    await settled();
    assertEquals(log, [["send", ChannelClosedError]]);
    assertEquals([channel.closed, channel.trySend(5), channel.size], [
      true,
      false,
      3,
    ]);
    for (const take of Object.values(takes).slice(0, 3)) {
      assertStrictEquals(
        await reasonOf((async () => await take(channel))()),
        error,
      );
    }
    assertEquals(channel.tryReceive(), { state: "closed" });
  });
}

test("Channel of a checkedQueue() that is found wrong after it was closed tells its receivers that", async () => {
  for (const reason of [[], ["why"]]) {
    const channel = lyingChannel();
    channel.close(...reason as [unknown]);
    const values = channel[Symbol.asyncIterator]();
    const error = await reasonOf(values.next());
    assertInstanceOf(error, TypeError);
    assertStrictEquals(await reasonOf(channel.receive()), error);
  }
});

for (const name of ["send", "trySend"] as const) {
  test(`Channel of a checkedQueue() that can't evict: ${name}() gets the error, and nothing is lost`, async () => {
    const evicting = new Plain<number>();
    evicting.capacity = 1;
    evicting.whenFull = "evict";
    evicting.shift = () => undefined;
    const channel = new Channel({ queue: checkedQueue(evicting) });
    await channel[name](1);
    // deno-lint-ignore require-await
    const error = await reasonOf((async () => channel[name](2))());
    assertInstanceOf(error, TypeError);
    assertEquals(channel.size, 1);
    assertStrictEquals(await reasonOf(channel.receive()), error);
    assertEquals(channel.closed, true);
  });
}

// --- in a group ---

const groupLies: Record<string, (queue: Stack<QueuedTask>) => void> = {
  "gives the same one twice": (queue) => {
    const [first] = queue.values;
    queue.shift = () => first;
    queue.peek = () => first;
  },
  "says that it is empty": (queue) => {
    Object.defineProperty(queue, "size", { get: () => 0 });
  },
  "gives what was never in it": (queue) => {
    queue.peek = () => ({ task: () => {} });
  },
  "gives nothing": (queue) => {
    queue.peek = () => undefined;
  },
  "gives another one than it shows": (queue) => {
    queue.shift = () => queue.values.shift();
  },
  "loses one": (queue) => {
    queue.values.length--;
  },
};

/** Runs the test with what is printed meanwhile. */
async function printing(
  body: (printed: unknown[]) => Promise<void>,
): Promise<void> {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (reason: unknown) => printed.push(reason);
  try {
    await body(printed);
  } finally {
    console.error = error;
  }
}

/** A paused group of a watched queue with five tasks and a call. */
function watchedGroup(): {
  group: CoGroup;
  queue: Stack<QueuedTask>;
  result: Promise<unknown>;
  ran: () => number;
} {
  const queue = new Stack<QueuedTask>();
  const group = new CoGroup({
    concurrency: 2,
    paused: true,
    queue: checkedQueue(queue),
  });
  let ran = 0;
  for (const _ of range(5)) group.add(() => void ran++);
  const result = group.go(() => void ran++);
  return { group, queue, result, ran: () => ran };
}

test("CoGroup of a checkedQueue() that is right runs everything, in the queue's order", async () => {
  const group = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: checkedQueue(new Stack<QueuedTask>()),
  });
  const order: number[] = [];
  for (const n of range(3)) group.add(() => void order.push(n));
  group.resume();
  assertEquals([await group.wait(), order], [0, [2, 1, 0]]);
});

for (const [what, lie] of Object.entries(groupLies)) {
  test(`CoGroup of a checkedQueue() that ${what} is aborted with a TypeError, which is printed: no hang, and the books balance`, async () => {
    await printing(async (printed) => {
      const { group, queue, result, ran } = watchedGroup();
      lie(queue);
      group.resume();
      const abandoned = await group.wait();
      assertEquals(abandoned + ran(), 6);
      assertBooks(group);
      const { reason } = group.signal;
      assertInstanceOf(reason, TypeError);
      assert(reason.message.startsWith("Cannot use queue: "), reason.message);
      assertEquals(printed, [reason]);
      assertStrictEquals(await reasonOf(result), reason);
      assertEquals(group.clear().length, abandoned);
      assertEquals(group.clear(), []);
    });
  });
}

test("CoGroup of a checkedQueue() that is found wrong as a task comes tells that call, and is aborted: what runs keeps its result", async () => {
  await printing(async (printed) => {
    const { group, queue } = watchedGroup();
    const tasks = new Tasks();
    group.clear();
    group.resume();
    const first = group.go(tasks.task("first"));
    await settled();
    group.add(() => assert(false, "started"));
    queue.values.push({ task: () => {} });
    const error = assertThrows(
      () => group.add(() => {}),
      TypeError,
      "its size",
    );
    assertBooks(group);
    assertEquals([group.stats.accepted, group.size], [8, 0 + 1]);
    tasks.openAll();
    assertEquals(await first, undefined);
    await settled();
    assertEquals(printed, [error]);
    assertStrictEquals(group.signal.reason, error);
    assertEquals([await group.wait(), group.clear().length], [7, 1]);
    assertBooks(group);
  });
});

test("CoGroup of a queue whose done() throws is aborted with that error, which is printed; the task that has ended keeps its result", async () => {
  await printing(async (printed) => {
    for (const isChecked of [false, true]) {
      for (const options of [{}, { timeout: 60_000 }]) {
        const own = new Limiting<QueuedTask>();
        const why = new Error("done");
        own.done = () => {
          throw why;
        };
        const queue = isChecked ? checkedQueue(own) : own;
        const group = new CoGroup({ concurrency: 1, queue });
        const first = group.go(() => "result", options);
        const second = group.go(() => assert(false, "started"));
        assertEquals(await first, "result");
        assertStrictEquals(await reasonOf(second), why);
        assertBooks(group);
        assertEquals([await group.wait(), group.stats.fulfilled], [1, 1]);
        assertEquals(printed.splice(0), [why]);
      }
    }
  });
});

test("CoGroup of a queue that won't take a task tells each call that brings it, and nothing is accepted", async () => {
  for (const isChecked of [false, true]) {
    const own = new Plain<QueuedTask>();
    const why = new RangeError("full");
    own.push = () => {
      throw why;
    };
    const queue = isChecked ? checkedQueue(own) : own;
    const group = new CoGroup({ concurrency: 1, queue });
    const task = () => assert(false, "started");
    for (const call of ["add", "tryInsert"] as const) {
      assertStrictEquals(assertThrows(() => group[call](task)), why);
    }
    for (
      const call of [
        () => group.insert(task),
        () => group.insertAll([task]),
        () => group.go(task),
        () => group.map([1], task).next(),
      ]
    ) {
      assertStrictEquals(await assertRejects(call), why);
    }
    assertEquals([group.stats.accepted, group.signal.aborted], [0, false]);
    assertEquals([await group.wait(), group.clear()], [0, []]);
  }
});
