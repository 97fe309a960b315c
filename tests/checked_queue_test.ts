import { Channel } from "../src/channel.ts";
import {
  CheckedQueue,
  queueFrom,
  WrongQueueError,
} from "../src/checked_queue.ts";
import { ChannelClosedError } from "../src/errors.ts";
import { fifoQueue } from "../src/fifo_queue.ts";
import { keyedQueue } from "../src/keyed_queue.ts";
import { priorityQueue } from "../src/priority_queue.ts";
import type { Queue } from "../src/queue.ts";
import { outcomes, reasonOf } from "./support/channel_contract.ts";
import { range, settled } from "./support/helpers.ts";
import {
  assertEquals,
  assertInstanceOf,
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

  drain(): T[] {
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

function check<T>(queue: Queue<T>): CheckedQueue<T> {
  return new CheckedQueue("do", queue);
}

// --- a queue that is right ---

test("queueFrom() gives this library's own queues back as they are, and watches any other", () => {
  for (
    const queue of [
      fifoQueue(),
      keyedQueue(),
      priorityQueue(),
      priorityQueue({ compare: () => 0 }),
    ]
  ) {
    assertStrictEquals(
      queueFrom("do", { queue: queue as Queue<unknown> }, 0),
      queue,
    );
  }
  assertInstanceOf(queueFrom("do", { queue: new Plain() }, 0), CheckedQueue);
});

test("CheckedQueue does what the queue does that it watches", () => {
  const own = new Plain<number>();
  own.capacity = 3;
  own.whenFull = "evict";
  const queue = check(own);
  assertEquals([queue.capacity, queue.whenFull, queue.size], [3, "evict", 0]);
  assertEquals([queue.peek(), queue.shift()], [undefined, undefined]);
  for (const i of range(5)) queue.push(i);
  assertEquals([queue.size, queue.peek(), queue.peek()], [5, 0, 0]);
  assertEquals([queue.shift(), queue.shift(), queue.size], [0, 1, 3]);
  assertEquals([queue.drain(), queue.size, queue.drain()], [[2, 3, 4], 0, []]);
  queue.push(1);
  assertEquals([queue.shift(), queue.done], [1, undefined]);
});

test("CheckedQueue lets senders wait if the queue says nothing of that", () => {
  const { capacity, size, push, peek, shift, drain } = new Plain();
  const queue = check({ capacity, size, push, peek, shift, drain });
  assertEquals(queue.whenFull, "wait");
});

test("CheckedQueue takes undefined for a value, NaN for itself, and a value as often as it is in", () => {
  const queue = check(new Plain<number | undefined>());
  const values = [undefined, NaN, 1, 1, undefined, 1, NaN];
  for (const value of values) queue.push(value);
  for (const value of values.slice(0, 3)) {
    assertEquals([queue.peek(), queue.shift()], [value, value]);
  }
  assertEquals([queue.size, queue.drain()], [4, values.slice(3)]);
});

test("CheckedQueue lets peek() be overtaken by a push, and by an end", () => {
  const stack = new Plain<number>();
  stack.peek = () => stack.values.at(-1);
  stack.shift = () => stack.values.pop();
  const queue = check(stack);
  queue.push(1);
  assertEquals(queue.peek(), 1);
  queue.push(2);
  assertEquals([queue.shift(), queue.shift()], [2, 1]);
});

test("CheckedQueue lets a queue hold back what it has while something runs, and tells it the ends", () => {
  const own = new Limiting<string>();
  const queue = check(own);
  for (const value of "abc") queue.push(value);
  assertEquals([queue.shift(), queue.shift()], ["a", "b"]);
  assertEquals([queue.peek(), queue.shift(), queue.size], [
    undefined,
    undefined,
    1,
  ]);
  queue.done!("b");
  queue.done!("b"); // It did not run: the queue does not hear of it.
  assertEquals(own.running, ["a"]);
  assertEquals([queue.peek(), queue.shift()], ["c", "c"]);
});

test("CheckedQueue takes a value that comes again for one that does not run any more", () => {
  const own = new Limiting<string>();
  const queue = check(own);
  queue.push("a");
  assertEquals(queue.shift(), "a");
  own.running = ["b", "c"]; // As if somebody else's ran.
  queue.push("a");
  assertThrows(() => queue.peek(), TypeError, "though nothing runs");
});

test("CheckedQueue lets peek() be overtaken by a drain, and by the end of what runs", () => {
  const own = new Limiting<number>();
  const queue = check(own);
  for (const i of range(2)) queue.push(i);
  assertEquals([queue.shift(), queue.peek()], [0, 1]);
  // Now that one has ended, the queue would rather give another one.
  own.peek = () => own.values.at(-1);
  own.shift = () => own.values.pop();
  queue.push(2);
  own.peek = () => own.values[0];
  assertEquals(queue.peek(), 1);
  queue.done!(0);
  assertEquals(queue.shift(), 2);
  assertEquals([queue.peek(), queue.drain(), queue.shift()], [
    1,
    [1],
    undefined,
  ]);
});

test("CheckedQueue says which question it was that a queue threw at", () => {
  const fail = () => {
    throw new Error("own");
  };
  for (const asked of ["peek", "shift", "drain"] as const) {
    const own = new Plain<number>();
    const queue = check(own);
    queue.push(1);
    Object.defineProperty(own, "size", { get: fail });
    assertThrows(() => queue[asked](), TypeError, "its size threw: own");
  }
  for (const [asked, after] of [["shift", 1], ["drain", 0]] as const) {
    const own = new Plain<number>();
    const queue = check(own);
    for (const i of range(after + 1)) queue.push(i);
    const size = () => own.values.length === after ? fail() : after + 1;
    Object.defineProperty(own, "size", { get: size });
    assertThrows(() => queue[asked](), TypeError, "its size threw: own");
  }
  const own = new Plain<number>();
  own.drain = fail;
  assertThrows(() => check(own).drain(), TypeError, "its drain threw: own");
});

test("CheckedQueue of a queue that was found wrong does not push to it any more", () => {
  const own = new Plain<number>();
  const queue = check(own);
  queue.push(1);
  own.peek = () => 2;
  assertThrows(() => queue.peek(), TypeError, "gave what is not");
  queue.push(3);
  assertEquals([own.values, queue.drain()], [[1], [1, 3]]);
});

test("CheckedQueue watches queues that let who has no room wait, evict, or refuse", () => {
  for (const whenFull of ["wait", "evict", "refuse"] as const) {
    const own = Object.assign(new Plain(), { whenFull });
    assertEquals(check(own).whenFull, whenFull);
  }
});

// --- one that is wrong ---

/** What is wrong with a queue that has the values 1, 2 and 3, and was asked once. */
const lies: Record<
  string,
  {
    lie: (queue: Plain<number>) => void;
    ask: "peek" | "shift" | "drain";
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
    message: "its shift() gave what is not, or not any more, in it",
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
  "has no size": {
    lie: (queue) => Object.defineProperty(queue, "size", { value: undefined }),
    ask: "drain",
    message: "its size is undefined, where 2 are in it",
  },
  "has the size of before after a value was given": {
    lie: (queue) => queue.shift = () => queue.values[0],
    ask: "shift",
    message: "its size is 2, where 1 are in it",
  },
  "has a size after it was drained": {
    lie: (queue) => queue.drain = () => [...queue.values],
    ask: "drain",
    message: "its size is 2, where 0 are in it",
  },
  "loses one when it is drained": {
    lie: (queue) => queue.drain = () => queue.values.splice(0).slice(1),
    ask: "drain",
    message: "its drain() gave 1 of 2 values",
  },
  "drains one twice": {
    lie: (queue) => queue.drain = () => (queue.values.splice(0), [2, 2]),
    ask: "drain",
    message: "its drain() gave what is not, or not any more, in it",
  },
  "drains to no array": {
    lie: (queue) => queue.drain = () => "23" as unknown as number[],
    ask: "drain",
    message: "its drain() gave no array",
  },
  "throws when it is asked": {
    lie: (queue) =>
      queue.peek = () => {
        throw new Error("own");
      },
    ask: "peek",
    message: "its peek threw: own",
  },
  "throws something strange": {
    lie: (queue) =>
      queue.shift = () => {
        throw Object.create(null);
      },
    ask: "shift",
    message: "its shift threw: [object Object]",
  },
};

for (const [name, { lie, ask, message }] of Object.entries(lies)) {
  test(`CheckedQueue of a queue that ${name} says so once, and gives what it holds as it came`, () => {
    for (const end of ["drain", "shift"] as const) {
      const own = new Plain<number>();
      const queue = check(own);
      for (const i of [1, 2, 3]) queue.push(i);
      assertEquals(queue.shift(), 1);
      lie(own);
      const error = assertThrows(
        () => queue[ask](),
        TypeError,
        `Cannot take from queue: ${message}`,
      );
      assertInstanceOf(error, WrongQueueError);
      assertEquals(error.name, "TypeError");
      queue.push(4);
      assertEquals([queue.size, queue.peek()], [3, 2]);
      if (end === "drain") assertEquals(queue.drain(), [2, 3, 4]);
      else assertEquals(range(3).map(() => queue.shift()), [2, 3, 4]);
      assertEquals([queue.size, queue.peek(), queue.shift(), queue.drain()], [
        0,
        undefined,
        undefined,
        [],
      ]);
    }
  });
}

test("CheckedQueue of a queue that gives another value than it showed says so, and keeps both", () => {
  const own = new Plain<number>();
  const queue = check(own);
  for (const i of range(2)) queue.push(i);
  assertEquals(queue.peek(), 0);
  own.shift = () => own.values.pop();
  assertThrows(
    () => queue.shift(),
    TypeError,
    "Cannot take from queue: its shift() gave something else than its peek() just before",
  );
  assertEquals(queue.drain(), [0, 1]);
});

test("CheckedQueue of a queue that gives none after it showed one says so", () => {
  const own = new Plain<number>();
  const queue = check(own);
  queue.push(0);
  assertEquals(queue.peek(), 0);
  own.shift = () => undefined;
  assertThrows(() => queue.shift(), TypeError, "just before");
  assertEquals(queue.drain(), [0]);
});

test("CheckedQueue of a queue that throws in push has the value, and says so to who takes", () => {
  const own = new Plain<number>();
  const queue = check(own);
  queue.push(1);
  const causes = [new Error("first"), new Error("second")];
  const all = [...causes];
  own.push = () => {
    throw causes.shift();
  };
  queue.push(2);
  queue.push(3);
  const error = assertThrows(
    () => queue.shift(),
    TypeError,
    "Cannot take from queue: its push threw: first",
  );
  assertStrictEquals(error.cause, all[0]);
  assertEquals(queue.drain(), [1, 2, 3]);
});

test("CheckedQueue of a queue that throws in done says so to who takes; after that it is left alone", () => {
  const own = new Limiting<number>();
  const queue = check(own);
  for (const i of range(4)) queue.push(i);
  queue.shift();
  queue.shift();
  own.done = () => {
    throw "own";
  };
  queue.done!(0);
  assertThrows(() => queue.peek(), TypeError, 'its done threw: "own"');
  queue.done!(1);
  assertEquals([queue.shift(), queue.shift(), queue.shift()], [
    2,
    3,
    undefined,
  ]);
});

test("CheckedQueue of a queue that holds back what it has, when all that ran has ended, says so", () => {
  const own = new Limiting<number>();
  const queue = check(own);
  for (const i of range(3)) queue.push(i);
  own.done = () => {};
  queue.shift();
  queue.shift();
  queue.done!(0);
  assertEquals(queue.peek(), undefined);
  queue.done!(1);
  assertThrows(() => queue.peek(), TypeError, "gave none of 1 values");
});

// --- what is no queue at all ---

test("queueFrom() of what is no queue is an error that says what is missing", () => {
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
        plain({ values: [1] }),
        RangeError,
        "queue.size must be 0 at first, received 1",
      ],
    ] as const
  ) {
    assertThrows(
      () => queueFrom("do", { queue: bad as unknown as Queue<unknown> }, 0),
      Kind,
      `Cannot do: ${message}`,
    );
  }
});

// --- in a channel ---

const GIVES_TWICE = "Cannot take from queue: its shift() gave";

/** A channel whose queue has 1, 2 and 3, and will lie. */
function lyingChannel(): { channel: Channel<number>; own: Plain<number> } {
  const own = new Plain<number>();
  own.capacity = 3;
  own.shift = () => (own.values.shift(), 9);
  const channel = new Channel<number>({ queue: own });
  for (const i of [1, 2, 3]) channel.trySend(i);
  return { channel, own };
}

const takes = {
  "receive()": (channel: Channel<number>) => channel.receive(),
  "iteration": (channel: Channel<number>) =>
    channel[Symbol.asyncIterator]().next(),
  "toReadableStream()": (channel: Channel<number>) =>
    channel.toReadableStream().getReader().read(),
  "tryReceive()": async (channel: Channel<number>) => {
    await undefined;
    channel.tryReceive();
  },
};

for (const [name, take] of Object.entries(takes)) {
  test(`Channel of a wrong queue: ${name} gets the error, the channel is closed, and what is left comes first`, async () => {
    const { channel } = lyingChannel();
    const { log, follow } = outcomes();
    follow("send", channel.send(4).catch((error) => error.constructor));
    const error = await reasonOf(Promise.resolve(take(channel)));
    assertInstanceOf(error, TypeError);
    assertEquals(error.message.startsWith(GIVES_TWICE), true);
    await settled();
    assertEquals(log, [["send", ChannelClosedError]]);
    assertEquals([channel.closed, channel.trySend(5)], [true, false]);
    assertEquals(await channel.receive(), 1);
    const rest: number[] = [];
    const reason = await reasonOf((async () => {
      for await (const value of channel) rest.push(value);
    })());
    assertStrictEquals(reason, error);
    assertEquals(rest, [2, 3]);
    assertStrictEquals(await reasonOf(channel.receive()), error);
    assertEquals(channel.tryReceive(), { state: "closed" });
  });
}

test("Channel of a wrong queue that was closed before: one call gets the error, then it goes on as it was", async () => {
  const { channel } = lyingChannel();
  channel.close();
  const values = channel[Symbol.asyncIterator]();
  assertInstanceOf(await reasonOf(values.next()), TypeError);
  assertEquals(await values.next(), { value: undefined, done: true });
  assertEquals(await Array.fromAsync(channel), [1, 2, 3]);
  assertInstanceOf(await reasonOf(channel.receive()), ChannelClosedError);
});

for (const name of ["send", "trySend"] as const) {
  test(`Channel of a wrong queue that evicts: ${name}() gets the error, and nothing is lost`, async () => {
    const evicting = new Plain<number>();
    evicting.capacity = 1;
    evicting.whenFull = "evict";
    evicting.shift = () => undefined;
    const channel = new Channel<number>({ queue: evicting });
    await channel[name](1);
    // deno-lint-ignore require-await
    const error = await reasonOf((async () => channel[name](2))());
    assertInstanceOf(error, TypeError);
    assertEquals([channel.closed, channel.size], [true, 1]);
    assertEquals(await channel.receive(), 1);
    assertStrictEquals(await reasonOf(channel.receive()), error);
  });
}
