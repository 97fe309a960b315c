import { Channel } from "../src/channel/channel.ts";
import {
  KeyedQueue,
  keyedQueue,
  type KeyedQueueOptions,
} from "../src/queues/keyed_queue.ts";
import type { Queue } from "../src/queues/queue.ts";
import type { QueuedTask } from "../src/task.ts";
import { range } from "./support/helpers.ts";
import { assert, assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

interface Named extends QueuedTask {
  readonly name: string;
}

/** A task whose key is the first letter of its name; "-" is for none. */
function named(name: string): Named {
  return name[0] === "-"
    ? { name, task: () => {} }
    : { name, task: () => {}, options: { key: name[0] } };
}

/** A queue of these tasks, which are found by their names. */
function queueOf(
  list: string,
  perKey = 1,
): { queue: KeyedQueue; tasks: Record<string, Named> } {
  const queue = new KeyedQueue(Infinity, perKey);
  const tasks: Record<string, Named> = {};
  for (const name of list.split(" ")) queue.push(tasks[name] = named(name));
  return { queue, tasks };
}

const nameOf = (value: QueuedTask | undefined) => (value as Named)?.name;

/** Everything that can be taken now. */
function shiftAll(queue: Queue<QueuedTask>): string {
  const names: string[] = [];
  for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
    assertEquals(queue.shift(), next);
    names.push(nameOf(next));
  }
  assertEquals(queue.shift(), undefined);
  return names.join(" ");
}

test("keyedQueue() is empty when it is new, lets senders wait, and has no end without a capacity", () => {
  const queue = keyedQueue();
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
  assertEquals(keyedQueue({ capacity: 0 }).capacity, 0);
});

test("keyedQueue() gives one task of a key, and the next when that has ended", () => {
  const { queue, tasks } = queueOf("a1 a2 b1");
  assertEquals([shiftAll(queue), queue.size], ["a1 b1", 1]);
  queue.done(tasks.b1!);
  assertEquals(shiftAll(queue), "");
  queue.done(tasks.a1!);
  assertEquals([shiftAll(queue), queue.size], ["a2", 0]);
});

test("keyedQueue() gives perKey tasks of a key at a time", () => {
  const { queue, tasks } = queueOf("a1 a2 a3 a4", 2);
  assertEquals(shiftAll(queue), "a1 a2");
  queue.done(tasks.a2!);
  assertEquals(shiftAll(queue), "a3");
  queue.done(tasks.a3!);
  queue.done(tasks.a1!);
  assertEquals(shiftAll(queue), "a4");
});

test("keyedQueue() lets the keys take turns, however many tasks each of them has", () => {
  const { queue } = queueOf("a1 a2 a3 a4 b1 b2 c1", Infinity);
  assertEquals(shiftAll(queue), "a1 b1 c1 a2 b2 a3 a4");
});

test("keyedQueue() puts a key that may go on behind those that wait for their turn", () => {
  const { queue, tasks } = queueOf("a1 a2 b1 c1");
  assertEquals(nameOf(queue.shift()), "a1");
  queue.done(tasks.a1!);
  assertEquals(shiftAll(queue), "b1 c1 a2");
});

test("keyedQueue() lets a task without a key take its turn, and wait for no other", () => {
  const { queue, tasks } = queueOf("a1 a2 -1 -2 b1 -3");
  assertEquals(shiftAll(queue), "a1 -1 -2 b1 -3");
  queue.done(tasks["-1"]!);
  assertEquals(queue.keys, 2);
});

test("keyedQueue() has undefined for no key, and takes keys for the same as a Map does", () => {
  const object = {};
  for (
    const [a, b, same] of [
      [NaN, NaN, true],
      [0, -0, true],
      [null, null, true],
      [object, object, true],
      [undefined, undefined, false],
      [{}, {}, false],
      ["1", 1, false],
    ]
  ) {
    const queue = keyedQueue();
    queue.push({ task: () => {}, options: { key: a } });
    queue.push({ task: () => {}, options: { key: b } });
    queue.shift();
    assertEquals(queue.peek() === undefined, same, String(a));
  }
});

test("keyedQueue() gives a task that is tried again before the others of its key", () => {
  const { queue, tasks } = queueOf("a1 a2 b1 b2");
  assertEquals(shiftAll(queue), "a1 b1");
  queue.push(tasks.a1!); // Never reported done: it held its key.
  assertEquals([shiftAll(queue), queue.size], ["a1", 2]);
  queue.done(tasks.a1!);
  assertEquals(shiftAll(queue), "a2");
});

test("keyedQueue() gives the last task of a key again when it is tried again", () => {
  const { queue, tasks } = queueOf("a1");
  queue.shift();
  queue.push(tasks.a1!);
  queue.push(named("a2"));
  assertEquals([nameOf(queue.shift()), queue.shift()], ["a1", undefined]);
  queue.done(tasks.a1!);
  assertEquals(nameOf(queue.shift()), "a2");
});

test("keyedQueue() puts a task without a key that is tried again behind the others", () => {
  const { queue, tasks } = queueOf("-1 -2");
  assertEquals(nameOf(queue.shift()), "-1");
  queue.push(tasks["-1"]!);
  assertEquals(shiftAll(queue), "-2 -1");
});

test("keyedQueue() takes a task that has ended, and comes again, for a new one", () => {
  const { queue, tasks } = queueOf("a1 a2");
  queue.shift();
  queue.done(tasks.a1!);
  queue.push(tasks.a1!);
  assertEquals(nameOf(queue.shift()), "a2");
  queue.done(tasks.a2!);
  assertEquals(nameOf(queue.shift()), "a1");
});

test("keyedQueue() counts a task as often as it is in", () => {
  const { queue, tasks } = queueOf("a1", 2);
  queue.push(tasks.a1!);
  queue.push(named("a2"));
  assertEquals(shiftAll(queue), "a1 a1");
  queue.done(tasks.a1!);
  assertEquals(shiftAll(queue), "a2");
  queue.done(tasks.a1!);
  queue.done(tasks.a1!); // Once too often, which changes nothing.
  queue.push(named("a3"));
  queue.push(named("a4"));
  assertEquals(shiftAll(queue), "a3");
});

test("keyedQueue().done() ends the task of the key that it came with, whatever its options say now", () => {
  const { queue, tasks } = queueOf("a1 a2");
  queue.shift();
  tasks.a1!.options!.key = "b";
  queue.done(tasks.a1!);
  assertEquals([shiftAll(queue), queue.keys], ["a2", 1]);
});

test("keyedQueue().done() of a task that does not run changes nothing", () => {
  const { queue, tasks } = queueOf("a1 a2");
  queue.done(tasks.a2!);
  queue.done(named("a3"));
  assertEquals([shiftAll(queue), queue.size], ["a1", 1]);
});

test("keyedQueue() has nothing of a key when its last task has ended", () => {
  const queue = new KeyedQueue(Infinity, 1);
  for (const i of range(1000)) {
    queue.push({ task: () => {}, options: { key: i } });
  }
  assertEquals(queue.keys, 1000);
  for (let next = queue.shift(); next; next = queue.shift()) queue.done(next);
  assertEquals([queue.keys, queue.size], [0, 0]);
});

test("keyedQueue().clear() lets keys take turns, first those that may start, and leaves nothing", () => {
  const { queue } = queueOf("a1 a2 a3 b1 b2 -1 c1");
  assertEquals(queue.clear().map(nameOf).join(" "), "a1 b1 -1 c1 a2 b2 a3");
  assertEquals([queue.size, queue.keys, queue.peek()], [0, 0, undefined]);
});

test("keyedQueue().clear() leaves a key to its task that runs, and blocks it no longer than that", () => {
  const { queue, tasks } = queueOf("a1 a2 a3 b1 b2");
  assertEquals(nameOf(queue.shift()), "a1");
  const cleared = queue.clear();
  assertEquals(cleared.map(nameOf).join(" "), "b1 a2 b2 a3");
  assertEquals([queue.size, queue.keys], [0, 1]);
  for (const task of cleared) queue.push(task);
  assertEquals(shiftAll(queue), "b1");
  queue.done(tasks.a1!);
  assertEquals(shiftAll(queue), "a2");
});

test("keyedQueue().clear() takes a task that is to be tried again, and frees its key", () => {
  const { queue, tasks } = queueOf("a1 a2");
  queue.shift();
  queue.push(tasks.a1!);
  assertEquals(queue.clear().map(nameOf), ["a1", "a2"]);
  assertEquals(queue.keys, 0);
});

test("keyedQueue() is O(1) a task: each is looked at once, however many blocked ones there are", () => {
  let looks = 0;
  const taskOf = (key: unknown): QueuedTask => ({
    task: () => {},
    get options() {
      looks++;
      return { key };
    },
  });
  const queue = keyedQueue();
  const [busy, ...blocked] = range(1000).map(() => taskOf("busy"));
  const others = range(100).map(taskOf);
  for (const task of [busy!, ...blocked, ...others]) queue.push(task);
  for (const task of [busy, ...others, undefined]) {
    assert(queue.shift() === task);
  }
  assertEquals(looks, 1100);
});

test("keyedQueue() in a channel lets the keys take turns, and blocks none", async () => {
  const channel = new Channel({ queue: keyedQueue() });
  for (const name of ["a1", "a2", "a3", "b1", "-1"]) {
    await channel.send(named(name));
  }
  channel.close();
  const names = (await Array.fromAsync(channel)).map(nameOf);
  assertEquals(names, ["a1", "b1", "-1", "a2", "a3"]);
});

test("keyedQueue() of options of a wrong type or out of range is an error that names them", () => {
  for (
    const [options, Kind, message] of [
      [8, TypeError, "options must be an object, received 8"],
      [
        { capacity: NaN },
        RangeError,
        "capacity must be a non-negative integer or Infinity, received NaN",
      ],
      [
        { perKey: 0 },
        RangeError,
        "perKey must be a positive integer or Infinity, received 0",
      ],
    ] as const
  ) {
    assertThrows(
      () => keyedQueue(options as unknown as KeyedQueueOptions),
      Kind,
      `Cannot create queue: ${message}`,
    );
  }
});

test("keyedQueue() gives a task that is tried again, those that wait for its key, and those that come, in order", () => {
  const { queue, tasks } = queueOf("a1 a2 a3");
  queue.shift();
  queue.push(tasks.a1!);
  queue.push(named("a4"));
  const names = [];
  for (let next = queue.shift(); next; next = queue.shift()) {
    names.push(nameOf(next));
    queue.done(next);
  }
  assertEquals(names, ["a1", "a2", "a3", "a4"]);
  assertEquals([queue.size, queue.keys], [0, 0]);
});

test("keyedQueue().done() of a task that runs with two keys frees both of them", () => {
  const queue = new KeyedQueue(Infinity, 1);
  const options = { key: 1 };
  const task = { task: () => {}, options };
  queue.push(task);
  options.key = 2;
  queue.push(task);
  for (const _ of range(2)) assertEquals(queue.shift(), task);
  assertEquals(queue.keys, 2);
  queue.done(task);
  assertEquals(queue.keys, 1);
  queue.done(task);
  assertEquals(queue.keys, 0);
});

test("KeyedQueue.discard() takes out what is next, which is no turn of its key, and the key with its last task", () => {
  const { queue } = queueOf("a1 a2 a3 b1 -1 c1");
  queue.discard();
  assertEquals([nameOf(queue.peek()), queue.size, queue.keys], ["a2", 5, 3]);
  assertEquals(shiftAll(queue), "a2 b1 -1 c1");
  const { queue: other } = queueOf("a1 b1");
  other.discard();
  assertEquals([nameOf(other.peek()), other.size, other.keys], ["b1", 1, 1]);
});
