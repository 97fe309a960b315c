/**
 * A line whose queue evicts, refuses, or limits what runs. What a line does
 * with a queue that lets senders wait is in line_test.ts.
 */

import { CheckedQueue } from "../src/checked_queue.ts";
import { droppingQueue } from "../src/dropping_queue.ts";
import { fifoQueue } from "../src/fifo_queue.ts";
import { keyedQueue } from "../src/keyed_queue.ts";
import { NONE } from "../src/maybe.ts";
import { Sender } from "../src/sender.ts";
import { priorityQueue } from "../src/priority_queue.ts";
import type { Queue } from "../src/queue.ts";
import { slidingQueue } from "../src/sliding_queue.ts";
import type { QueuedTask } from "../src/task.ts";
import { IdleLine } from "./support/idle_line.ts";
import { range } from "./support/helpers.ts";
import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** Someone who waits, and writes down what he is told. */
class Waiter<T> extends Sender<T> {
  readonly told: string[];

  constructor(value: T | typeof NONE, told: string[] = []) {
    super(value);
    this.told = told;
  }

  override admitted(): void {
    this.told.push("in");
  }

  override refused(): void {
    this.told.push("out");
  }
}

/** A line of numbers, some of which are "dead" from a time on, and what it evicted. */
class Evicting {
  readonly evicted: (number | string)[] = [];
  readonly dead = new Set<number | string>();
  readonly line: IdleLine<number | string>;

  constructor(queue: Queue<number | string>) {
    this.line = new IdleLine<number | string>(
      queue,
      (value) => !this.dead.has(value),
      (value) => this.evicted.push(value),
    );
  }

  forget(...values: (number | string)[]): void {
    for (const value of values) {
      this.dead.add(value);
      this.line.forget();
    }
  }
}

/** Everything that can be taken. */
function takeAll<T>(line: IdleLine<T>): T[] {
  const values: T[] = [];
  for (let v = line.peek(); v !== undefined; v = line.peek()) {
    values.push(v);
    line.take();
    line.done(v);
  }
  return values;
}

test("Line.whenFull is what its queue says; to wait, if it says nothing", () => {
  const says = (queue: Queue<unknown>) => new IdleLine(queue).whenFull;
  assertEquals(
    [fifoQueue(1), slidingQueue(1), droppingQueue(1)].map(says),
    ["wait", "evict", "refuse"],
  );
  const { capacity, size, push, peek, shift, drain } = fifoQueue();
  assertEquals(says({ capacity, size, push, peek, shift, drain }), "wait");
});

// --- refusing ---

test("Line of a queue that refuses says no where size is not below capacity and idle takers", () => {
  const line = new IdleLine<number>(droppingQueue(1));
  assertEquals([line.keep(1), line.keep(2)], [true, false]);
  assertEquals([line.offer(2), line.fill(2)], [false, false]);
  assertEquals([line.with(1).keep(3), line.with(1).offer(4)], [true, false]);
  assertEquals([line.with(2).offer(5), line.with(3).fill(6)], [true, true]);
  assertEquals(line.with(Infinity).keep(7), true);
  assertEquals([line.size, takeAll(line)], [5, [1, 3, 5, 6, 7]]);
});

test("Line of a queue that refuses holds no place: what is brought later may be refused", () => {
  const line = new IdleLine<number>(droppingQueue(1));
  assertEquals([line.reserve(), line.reserve()], [true, true]);
  assertEquals([line.fill(1), line.fill(2)], [true, false]);
  assertEquals(line.reserve(), true);
  line.vacate();
  line.take();
  assertEquals([line.offer(3), line.offer(4)], [true, false]);
});

test("Line of a queue that refuses has the room of forgotten values", () => {
  const { line, evicted, forget } = bound(new Evicting(droppingQueue(2)));
  assertEquals([1, 2, 3].map((i) => line.keep(i)), [true, true, false]);
  forget(1);
  assertEquals([line.keep(4), line.keep(5)], [true, false]);
  assertEquals([line.size, takeAll(line), evicted], [2, [2, 4], []]);
});

test("Line.force() is never refused", () => {
  const line = new IdleLine<number>(droppingQueue(1));
  for (const i of range(3)) line.force(i);
  assertEquals([line.size, takeAll(line)], [3, [0, 1, 2]]);
});

test("Line.requeue() is never refused", () => {
  const line = new IdleLine<number>(droppingQueue(1));
  line.keep(1);
  line.requeue(2);
  assertEquals([line.size, takeAll(line)], [2, [1, 2]]);
});

// --- evicting ---

function bound(evicting: Evicting) {
  const { line, evicted } = evicting;
  return { line, evicted, forget: evicting.forget.bind(evicting) };
}

for (const way of ["keep", "offer", "fill"] as const) {
  test(`Line.${way}() evicts the oldest value where there is no room, and takes the new one in`, () => {
    const { line, evicted } = new Evicting(slidingQueue(2));
    for (const i of range(5)) {
      if (way === "fill") assertEquals(line.reserve(), true);
      assertEquals(line[way](i), true);
      assertEquals(line.size, Math.min(i + 1, 2));
    }
    assertEquals([evicted, takeAll(line)], [[0, 1, 2], [3, 4]]);
  });

  test(`Line.${way}() evicts nothing while there are idle takers`, () => {
    const { line, evicted } = new Evicting(slidingQueue(1));
    for (const i of range(4)) assertEquals(line.with(3)[way](i), true);
    assertEquals([evicted, line.size], [[], 4]);
    line.with(3)[way](4);
    assertEquals([evicted, line.size], [[0], 4]);
  });

  test(`Line.${way}() evicts as many as are over capacity, when fewer takers are idle than before`, () => {
    const { line, evicted } = new Evicting(slidingQueue(1));
    for (const i of range(4)) line.with(3)[way](i);
    line.with(0)[way](4);
    assertEquals([evicted, takeAll(line)], [[0, 1, 2, 3], [4]]);
  });
}

test("Line.vacate() of a queue that evicts gives up a place that was never held", () => {
  const { line, evicted } = new Evicting(slidingQueue(2));
  line.reserve();
  line.vacate();
  for (const i of range(2)) line.keep(i);
  assertEquals([evicted, line.size], [[], 2]);
});

test("Line.force() evicts nothing", () => {
  const { line, evicted } = new Evicting(slidingQueue(1));
  for (const i of range(3)) line.force(i);
  assertEquals([evicted, takeAll(line)], [[], [0, 1, 2]]);
});

test("Line.requeue() evicts nothing", () => {
  const { line, evicted } = new Evicting(slidingQueue(1));
  line.keep(1);
  line.requeue(2);
  assertEquals([evicted, takeAll(line)], [[], [1, 2]]);
});

test("Line evicts no forgotten value: it drops it, and evicts the oldest live one", () => {
  const { line, evicted, forget } = bound(new Evicting(slidingQueue(3)));
  for (const value of ["a", "b", "c"]) line.keep(value);
  forget("a", "b");
  line.keep("d");
  line.keep("e");
  assertEquals([evicted, line.size], [[], 3]);
  line.keep("f");
  assertEquals([evicted, takeAll(line)], [["c"], ["d", "e", "f"]]);
  assertEquals(line.size, 0);
});

test("Line evicts first and then takes in: who hears of it finds the line in order", () => {
  const seen: unknown[] = [];
  const line: IdleLine<number> = new IdleLine<number>(
    slidingQueue(2),
    undefined,
    (value) => seen.push([value, line.size, line.peek()]),
  );
  for (const i of range(3)) line.keep(i);
  assertEquals([seen, takeAll(line)], [[[0, 1, 1]], [1, 2]]);
});

test("Line evicts without a callback, and undefined too", () => {
  const line = new IdleLine<undefined | 1>(slidingQueue(1));
  line.keep(undefined);
  line.keep(1);
  assertEquals([line.size, line.shift(), line.shift()], [1, 1, NONE]);
});

test("Line of a queue that evicts, but can give nothing now, holds one more", () => {
  const blocked: Queue<number> = Object.assign(fifoQueue<number>(1), {
    whenFull: "evict" as const,
    shift: () => undefined,
  });
  const { line, evicted } = new Evicting(blocked as Queue<number | string>);
  for (const i of range(3)) assertEquals(line.keep(i), true);
  assertEquals([line.size, evicted], [3, []]);
});

test("Line.dismiss(), admit() and drain() find nobody who waits in a queue that evicts or refuses", () => {
  for (const queue of [slidingQueue<number>(2), droppingQueue<number>(2)]) {
    const line = new IdleLine(queue);
    for (const i of range(4)) line.keep(i);
    line.admit();
    line.dismiss();
    assertEquals([line.waiting, line.size, line.drain().length], [0, 2, 2]);
    assertEquals([line.size, line.keep(5), line.size], [0, true, 1]);
  }
});

// --- limiting what runs ---

interface Named extends QueuedTask {
  readonly name: string;
}

/** Tasks whose key is the first letter of their names. */
function named(name: string): Named {
  return { name, task: () => {}, options: { key: name[0] } };
}

const nameOf = (task: QueuedTask | undefined) => (task as Named)?.name;

/** A line of a keyed queue, and its tasks, all of them kept. */
function keyedLine(list: string, capacity = Infinity) {
  const dead = new Set<string>();
  const line = new IdleLine<QueuedTask>(
    keyedQueue({ capacity }),
    (task) => !dead.has((task as Named).name),
  );
  const tasks: Record<string, Named> = {};
  for (const name of list.split(" ")) line.keep(tasks[name] = named(name));
  const take = () => {
    const task = line.peek();
    if (task !== undefined) line.take();
    return nameOf(task);
  };
  const forget = (name: string) => {
    dead.add(name);
    line.forget();
  };
  return { line, tasks, take, forget };
}

test("Line.peek() finds nothing while the queue holds back what it has, whoever waits", () => {
  const { line, tasks, take } = keyedLine("a1 a2", 1);
  const told: string[] = [];
  line.join(new Waiter<QueuedTask>(named("b1"), told));
  assertEquals([take(), take(), told], ["a1", undefined, []]);
  line.done(tasks.a1!);
  assertEquals([take(), take(), told], ["a2", "b1", ["in"]]);
});

test("Line.done() costs nothing, and does nothing, where the queue limits nothing", () => {
  const line = new IdleLine<number>(fifoQueue());
  line.done(1);
  line.keep(1);
  line.done(1);
  assertEquals([line.size, line.shift()], [1, 1]);
});

test("Line.peek() passes a forgotten value over, which neither holds its key nor takes its turn", () => {
  const { line, take, forget } = keyedLine("a1 a2 b1");
  forget("a1");
  assertEquals([take(), take(), line.size], ["a2", "b1", 0]);
});

/** First in, first out, and tells what has ended. */
function telling(ended: number[]): Queue<number> {
  const values: number[] = [];
  return {
    capacity: Infinity,
    get size() {
      return values.length;
    },
    push: (value) => void values.push(value),
    peek: () => values[0],
    shift: () => values.shift(),
    drain: () => values.splice(0),
    done: (value) => void ended.push(value),
  };
}

for (const isChecked of [false, true]) {
  test(`Line.peek() takes a forgotten value out of a queue of one's own${isChecked ? ", which is watched," : ""} and tells its end`, () => {
    const ended: number[] = [];
    const own = telling(ended);
    const queue = isChecked ? new CheckedQueue("make line", own) : own;
    const line = new IdleLine<number>(queue, (value) => value !== 1);
    for (const value of [1, 2]) line.keep(value);
    line.forget();
    assertEquals([line.peek(), own.size, ended], [2, 1, [1]]);
  });
}

test("Line.forget() of a value behind one that runs leaves its key to the next one", () => {
  const { line, tasks, take, forget } = keyedLine("a1 a2 a3");
  assertEquals(take(), "a1");
  forget("a2");
  line.done(tasks.a1!);
  assertEquals([take(), line.size], ["a3", 0]);
});

test("Line.forget() cleans up, and no key is held by what was forgotten", () => {
  const { line, tasks, take, forget } = keyedLine(
    range(100).map((i) => `a${i}`).join(" "),
  );
  assertEquals(take(), "a0");
  for (const i of range(90)) forget(`a${i + 1}`);
  assertEquals(line.size, 9);
  line.done(tasks.a0!);
  for (const i of range(9)) {
    assertEquals(take(), `a${91 + i}`);
    line.done(tasks[`a${91 + i}`]!);
  }
  assertEquals([take(), line.size], [undefined, 0]);
});

test("Line.shift() reports the end at once: who takes that way tells of none", () => {
  const { line } = keyedLine("a1 a2 a3 b1");
  const names = range(4).map(() => nameOf(line.shift() as QueuedTask));
  assertEquals(names, ["a1", "b1", "a2", "a3"]);
  assertStrictEquals(line.shift(), NONE);
});

test("Line.shift() passes forgotten values over", () => {
  const { line, forget } = keyedLine("a1 a2 b1");
  forget("a1");
  forget("b1");
  assertEquals(nameOf(line.shift() as QueuedTask), "a2");
  assertEquals([line.shift(), line.size], [NONE, 0]);
});

test("Line.drain() blocks no key, but for those of the values that run", () => {
  const { line, tasks, take } = keyedLine("a1 a2 b1 b2");
  assertEquals(take(), "a1");
  const drained = line.drain();
  assertEquals(drained.map(nameOf), ["b1", "a2", "b2"]);
  for (const task of drained) line.keep(task);
  assertEquals([take(), take()], ["b1", undefined]);
  line.done(tasks.a1!);
  assertEquals(take(), "a2");
});

test("Line.drain() keeps the order of those that stay", () => {
  const { line, take, tasks } = keyedLine("a1 a2 a3 b1");
  const stays = (task: QueuedTask) => nameOf(task) !== "a2";
  assertEquals(line.drain(stays).map(nameOf), ["a2"]);
  assertEquals([take(), take(), take()], ["a1", "b1", undefined]);
  line.done(tasks.a1!);
  assertEquals(take(), "a3");
});

test("Line.requeue() puts a value that limits others ahead of who waits for its place", () => {
  const { line, tasks, take } = keyedLine("a1 a2", 1);
  const told: string[] = [];
  assertEquals(take(), "a1");
  // Full of what a1 holds back: to wait behind b1 would be to wait for ever.
  line.join(new Waiter<QueuedTask>(named("b1"), told));
  line.requeue(tasks.a1!);
  assertEquals([take(), line.waiting], ["a1", 1]);
  line.done(tasks.a1!);
  assertEquals([take(), take(), told], ["a2", "b1", ["in"]]);
});

test("Line.requeue() puts any other value behind who waits", () => {
  const line = new IdleLine<string>(fifoQueue(1));
  line.keep("a");
  line.join(new Waiter("b"));
  line.requeue("c");
  assertEquals([line.size, takeAll(line)], [2, ["a", "b", "c"]]);
});

// --- what a queue does not take ---

test("Line.join() and keep() behind who waits throw at once what push() would throw later", () => {
  const line = new IdleLine<QueuedTask>(priorityQueue({ capacity: 0 }));
  const bad: QueuedTask = { task: () => {}, options: { priority: NaN } };
  const throws = (call: () => void) =>
    assertThrows(call, RangeError, "priority must be a number that is not NaN");
  throws(() => line.keep(bad));
  throws(() => line.join(new Waiter<QueuedTask>(bad)));
  line.join(new Waiter<QueuedTask>(NONE));
  throws(() => line.keep(bad));
  assertEquals([line.waiting, line.size], [1, 0]);
  assertEquals(line.with(1).offer(bad), false); // It is not even looked at.
});

test("Line.fill() of what the queue does not take gives the place up", () => {
  const line = new IdleLine<QueuedTask>(priorityQueue({ capacity: 1 }));
  const task: QueuedTask = { task: () => {}, options: { priority: NaN } };
  assertEquals(line.reserve(), true);
  assertThrows(() => line.fill(task), RangeError);
  assertEquals([line.reserve(), line.reserve()], [true, false]);
});

test("Line.keep() of a queue of another order goes past those who wait: that alone says who is next", () => {
  const values: string[] = [];
  const line = new IdleLine<string>({
    capacity: 0,
    get size() {
      return values.length;
    },
    push: (value) => void values.push(value),
    peek: () => values[0],
    shift: () => values.shift(),
    drain: () => values.splice(0),
  });
  line.join(new Waiter("a"));
  line.keep("b");
  assertEquals(takeAll(line), ["b", "a"]);
});
