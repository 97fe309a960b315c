import { NONE } from "../src/maybe.ts";
import { Sender } from "../src/sender.ts";
import { fifoQueue } from "../src/fifo_queue.ts";
import type { Queue } from "../src/queue.ts";
import { IdleLine } from "./support/idle_line.ts";
import { range } from "./support/helpers.ts";
import { assert, assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** Someone who waits, and writes down what he is told. */
class Waiter<T> extends Sender<T> {
  readonly told: string[];

  constructor(value: T | typeof NONE, told: string[] = []) {
    super(value);
    this.told = told;
  }

  override admitted(): void {
    this.told.push(`${String(this.value)} in`);
  }

  override refused(): void {
    this.told.push(`${String(this.value)} out`);
  }
}

/** A line that was filled with `values`, where some are "dead" from then on. */
function lineOf<T>(
  { capacity = Infinity, values = [], dead = new Set() }: {
    capacity?: number;
    values?: T[];
    dead?: Set<T>;
  },
): IdleLine<T> {
  const line = new IdleLine<T>(
    fifoQueue(capacity),
    (value) => !dead.has(value),
  );
  for (const value of values) line.keep(value);
  return line;
}

/** Everything that can be taken. */
function shiftAll<T>(line: IdleLine<T>): T[] {
  const values: T[] = [];
  for (let v = line.shift(); v !== NONE; v = line.shift()) values.push(v);
  return values;
}

/** Everything that can be taken, for one who looks at it first. */
function takeAll<T>(line: IdleLine<T>): T[] {
  const values: T[] = [];
  for (let v = line.peek(); v !== undefined; v = line.peek()) {
    line.take();
    values.push(v);
  }
  return values;
}

test("Line is empty when it is new, and has the capacity of its queue", () => {
  const line = lineOf<string>({ capacity: 3 });
  assertEquals([line.capacity, line.size, line.waiting], [3, 0, 0]);
  assertStrictEquals(line.shift(), NONE);
  assertStrictEquals(line.peek(), undefined);
  assertEquals(line.drain(), []);
});

// --- offer and keep ---

test("Line.offer() takes a value in while size is below capacity and idle takers", () => {
  const line = lineOf<number>({ capacity: 1 });
  assertEquals(line.offer(1), true);
  assertEquals(line.offer(2), false);
  assertEquals(line.with(1).offer(2), true);
  assertEquals(line.with(1).offer(3), false);
  assertEquals([line.size, shiftAll(line)], [2, [1, 2]]);
});

test("Line.offer() takes nothing in while somebody waits, room or not", () => {
  const line = lineOf<string>({ capacity: 1 });
  line.join(new Waiter("a"));
  assertEquals(line.with(5).offer("b"), false);
});

test("Line.keep() takes a value in over capacity, in its turn", () => {
  const line = lineOf<number>({ capacity: 1, values: [1, 2, 3] });
  assertEquals([line.size, line.offer(4)], [3, false]);
  assertEquals(shiftAll(line), [1, 2, 3]);
});

test("Line.keep() takes a value in behind all who wait, and it does not barge in", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a"] });
  const told: string[] = [];
  line.join(new Waiter("b", told));
  line.keep("c");
  line.join(new Waiter("d", told));
  line.keep("e");
  assertEquals([line.size, line.waiting], [3, 4]);
  assertEquals(shiftAll(line), ["a", "b", "c", "d", "e"]);
  assertEquals(told, ["b in", "d in"]);
  assertEquals([line.size, line.waiting], [0, 0]);
});

// --- waiting ---

test("Line.admit() lets in who waits, first come first served, as far as there is room", () => {
  const line = lineOf<string>({ capacity: 2, values: ["a", "b"] });
  const told: string[] = [];
  for (const value of ["c", "d", "e"]) line.join(new Waiter(value, told));
  line.admit();
  assertEquals(told, []);
  assertStrictEquals(line.shift(), "a");
  line.admit();
  assertEquals([told, line.size, line.waiting], [["c in"], 2, 2]);
  line.with(1).admit();
  assertEquals([told, line.size], [["c in", "d in"], 3]);
  line.with(9).admit();
  assertEquals(line.waiting, 0);
  assertEquals(shiftAll(line), ["b", "c", "d", "e"]);
});

test("Line.admit() puts what was kept into the queue when nobody waits before it any more", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a"] });
  const told: string[] = [];
  line.join(new Waiter("b", told));
  line.keep("c");
  line.keep("d");
  line.join(new Waiter("e", told));
  line.with(2).admit();
  assertEquals(told, []); // What was kept counts.
  line.with(3).admit();
  assertEquals([told, line.size, line.waiting], [["b in"], 4, 1]);
  assertEquals(shiftAll(line), ["a", "b", "c", "d", "e"]);
});

test("Line.admit() tells a sender when the line is in order", () => {
  const line = lineOf<string>({ capacity: 1 });
  const seen: unknown[] = [];
  class Looker extends Waiter<string> {
    override admitted(): void {
      seen.push(line.size, line.waiting);
    }
  }
  line.join(new Looker("a"));
  line.join(new Waiter("b"));
  line.admit();
  assertEquals(seen, [1, 1]);
});

test("Line.leave() takes exactly that sender out: the first, one in the middle, the last", () => {
  for (const index of range(3)) {
    const line = lineOf<number>({ capacity: 1, values: [9] });
    const told: string[] = [];
    const senders = range(3).map((i) => new Waiter(i, told));
    for (const sender of senders) line.join(sender);
    assertEquals(line.leave(senders[index]!), true);
    assertEquals([line.waiting, told], [2, []]);
    assertEquals(line.leave(senders[index]!), false);
    assertEquals(shiftAll(line), [9, ...range(3).filter((i) => i !== index)]);
    assertEquals(line.leave(senders[(index + 1) % 3]!), false);
  }
});

test("Line.leave() of the only one who waits puts what was kept behind him into the queue", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a"] });
  const sender = new Waiter("b");
  line.join(sender);
  line.keep("c");
  line.leave(sender);
  assertEquals([line.size, line.waiting], [2, 0]);
  assertEquals(line.with(2).offer("d"), true);
  assertEquals(shiftAll(line), ["a", "c", "d"]);
});

test("Line.dismiss() turns everybody who waits away; what was kept stays, in order", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a"] });
  const told: string[] = [];
  line.join(new Waiter("b", told));
  line.keep("c");
  line.join(new Waiter("d", told));
  line.join(new Waiter<string>(NONE, told));
  line.keep("e");
  line.dismiss();
  assertEquals(told, ["b out", "d out", "Symbol(none) out"]);
  assertEquals([line.size, line.waiting], [3, 0]);
  assertEquals(shiftAll(line), ["a", "c", "e"]);
  line.dismiss();
  assertEquals(told.length, 3);
});

// --- shift ---

test("Line.shift() takes from the first sender when the queue is empty, and he is told", () => {
  const line = lineOf<string>({ capacity: 0 });
  const told: string[] = [];
  line.join(new Waiter("a", told));
  line.join(new Waiter("b", told));
  assertStrictEquals(line.shift(), "a");
  assertEquals([told, line.waiting], [["a in"], 1]);
});

test("Line.shift() gives undefined as a value, and NONE for none", () => {
  const line = lineOf<undefined>({ values: [undefined] });
  line.join(new Waiter<undefined>(undefined));
  assertStrictEquals(line.shift(), undefined);
  assertStrictEquals(line.shift(), undefined);
  assertStrictEquals(line.shift(), NONE);
});

/** A queue with a value that may not be taken yet. */
class Shy implements Queue<string> {
  readonly capacity = 0;
  readonly size = 1;
  push(): void {}
  peek(): undefined {}
  shift(): undefined {}
  drain(): string[] {
    return [];
  }
}

test("Line.shift() gives NONE when the queue has values of which none may be taken yet", () => {
  const line = new IdleLine<string>(new Shy());
  const told: string[] = [];
  line.join(new Waiter("a", told));
  assertStrictEquals(line.shift(), NONE);
  assertEquals([told, line.size], [[], 1]);
});

// --- peek and take ---

test("Line.peek() leaves the next value where it is, whatever comes after it", () => {
  const line = lineOf<string>({ capacity: 2, values: ["a", "b"] });
  assertStrictEquals(line.peek(), "a");
  assertEquals([line.size, line.offer("c")], [2, false]);
  line.keep("c");
  assertStrictEquals(line.peek(), "a");
  assertEquals([line.size, shiftAll(line)], [3, ["a", "b", "c"]]);
});

test("Line.peek() is undefined, and nobody is let in, when none of the queue's values may be taken yet", () => {
  const line = new IdleLine<string>(new Shy());
  const told: string[] = [];
  line.join(new Waiter("a", told));
  assertStrictEquals(line.peek(), undefined);
  assertEquals([told, line.size, line.waiting], [[], 1, 1]);
});

test("Line.peek() lets the first sender in when the queue is empty, who is told once", () => {
  const line = lineOf<string>({ capacity: 0 });
  const told: string[] = [];
  line.join(new Waiter("a", told));
  line.join(new Waiter("b", told));
  for (const _ of range(2)) assertStrictEquals(line.peek(), "a");
  assertEquals([told, line.size, line.waiting], [["a in"], 1, 1]);
  assertEquals(takeAll(line), ["a", "b"]);
  assertEquals([told, line.size, line.waiting], [["a in", "b in"], 0, 0]);
});

test("Line.take() takes the value that was peeked at, and no other", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a", "b"] });
  line.join(new Waiter("c"));
  line.keep("d");
  assertStrictEquals(line.peek(), "a");
  line.keep("e");
  line.take();
  assertEquals([line.size, line.waiting], [3, 3]);
  assertEquals(takeAll(line), ["b", "c", "d", "e"]);
  assertEquals([line.size, line.waiting], [0, 0]);
});

// --- places that are held ---

test("Line.reserve() holds a place while there is room, and it counts as taken", () => {
  const line = lineOf<string>({ capacity: 1 });
  assertEquals([line.reserve(), line.size], [true, 0]);
  assertEquals([line.reserve(), line.offer("b")], [
    false,
    false,
  ]);
  assertEquals(line.with(1).reserve(), true);
  line.fill("a");
  assertEquals([line.size, line.with(1).offer("b")], [1, false]);
  line.vacate();
  assertEquals(line.with(1).offer("b"), true);
  assertEquals(shiftAll(line), ["a", "b"]);
});

test("Line.reserve() is false while somebody waits", () => {
  const line = lineOf<string>({ capacity: 1 });
  line.join(new Waiter("a"));
  assertEquals(line.with(9).reserve(), false);
});

test("Line.join() of someone without a value holds a place for him when he is let in", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a"] });
  const told: string[] = [];
  line.join(new Waiter<string>(NONE, told));
  line.admit();
  assertEquals(told, []);
  line.shift();
  line.admit();
  assertEquals([told, line.size], [["Symbol(none) in"], 0]);
  assertEquals(line.offer("b"), false);
  line.fill("c");
  assertEquals(shiftAll(line), ["c"]);
});

test("Line.fill() puts the value where its place is: ahead of those who wait", () => {
  const line = lineOf<string>({ capacity: 1 });
  line.reserve();
  line.join(new Waiter("b"));
  line.fill("c");
  assertEquals([line.size, shiftAll(line)], [1, ["c", "b"]]);
});

test("Line.shift() lets someone without a value hold his place, and goes on to who has one", () => {
  const line = lineOf<string>({ capacity: 0 });
  const told: string[] = [];
  line.join(new Waiter<string>(NONE, told));
  line.keep("a");
  assertStrictEquals(line.shift(), "a");
  assertEquals(told, ["Symbol(none) in"]);
  assertEquals(line.with(1).offer("b"), false);
  line.vacate();
  assertEquals(line.with(1).offer("b"), true);
});

test("Line.peek() lets someone without a value hold his place, and goes on to who has one", () => {
  const line = lineOf<string>({ capacity: 0 });
  const told: string[] = [];
  line.join(new Waiter<string>(NONE, told));
  line.keep("a");
  for (const _ of range(2)) assertStrictEquals(line.peek(), "a");
  assertEquals([told, line.size], [["Symbol(none) in"], 1]);
  line.take();
  assertEquals(line.with(1).offer("b"), false);
  line.vacate();
  assertEquals(line.with(1).offer("b"), true);
});

test("Line.shift() leaves who waits to a place that is held; what was kept can't wait for it", () => {
  const line = lineOf<string>({ capacity: 0 });
  const told: string[] = [];
  assert(line.with(1).reserve());
  line.join(new Waiter("a", told));
  assertStrictEquals(line.shift(), NONE);
  assertEquals(told, []);
  line.keep("b");
  assertEquals([line.shift(), line.shift()], ["a", "b"]);
  assertEquals(told, ["a in"]);
});

test("Line.peek() leaves who waits to a place that is held; what was kept can't wait for it", () => {
  const line = lineOf<string>({ capacity: 0 });
  const told: string[] = [];
  assert(line.with(1).reserve());
  line.join(new Waiter("a", told));
  assertStrictEquals(line.peek(), undefined);
  assertEquals(told, []);
  line.keep("b");
  assertEquals(takeAll(line), ["a", "b"]);
  assertEquals(told, ["a in"]);
});

// --- forgotten values ---

test("Line.forget() takes a value out of size at once, and peek() passes it over", () => {
  const dead = new Set<string>();
  const line = lineOf({ values: ["a", "b", "c"], dead });
  for (const value of ["a", "c"]) {
    dead.add(value);
    line.forget();
  }
  assertEquals([line.size, takeAll(line), line.size], [1, ["b"], 0]);
});

test("Line.forget() makes room", () => {
  const dead = new Set<string>();
  const line = lineOf({ capacity: 2, values: ["a", "b"], dead });
  dead.add("a");
  line.forget();
  assertEquals([line.offer("c"), line.offer("d")], [
    true,
    false,
  ]);
  assertEquals(takeAll(line), ["b", "c"]);
});

test("Line.forget() of a value that was peeked at passes it over", () => {
  const dead = new Set<string>();
  const line = lineOf({ values: ["a", "b"], dead });
  assertStrictEquals(line.peek(), "a");
  dead.add("a");
  line.forget();
  assertEquals([line.size, takeAll(line), line.size], [1, ["b"], 0]);
});

test("Line.forget() of a value that was kept behind who waits lets it pass over in its turn", () => {
  const dead = new Set<string>();
  const line = lineOf({ capacity: 0, dead });
  line.join(new Waiter("a"));
  line.keep("b");
  line.keep("c");
  dead.add("b");
  line.forget();
  assertEquals([line.size, takeAll(line), line.size], [1, ["a", "c"], 0]);
});

/** A queue that tells how many values are in it, forgotten ones too. */
function lineWithQueue(
  dead: Set<number>,
): { line: IdleLine<number>; queue: Queue<number> } {
  const queue = fifoQueue<number>();
  return { line: new IdleLine(queue, (value) => !dead.has(value)), queue };
}

test("Line.forget() cleans up once more than half of what is there is forgotten", () => {
  const dead = new Set<number>();
  const { line, queue } = lineWithQueue(dead);
  for (const i of range(100)) line.keep(i);
  for (const i of range(50)) {
    dead.add(i);
    line.forget();
  }
  assertEquals([queue.size, line.size], [100, 50]);
  dead.add(50);
  line.forget();
  assertEquals([queue.size, line.size], [49, 49]);
  assertEquals(takeAll(line), range(100).slice(51));
});

test("Line.forget() does not clean up after a few", () => {
  const dead = new Set<number>();
  const { line, queue } = lineWithQueue(dead);
  for (const i of range(33)) line.keep(i);
  for (const i of range(32)) {
    dead.add(i);
    line.forget();
  }
  assertEquals([queue.size, line.size], [33, 1]);
  dead.add(32);
  line.forget();
  assertEquals([queue.size, line.size], [0, 0]);
});

test("Line.forget() is O(1) a value: all of them are looked at twice at most", () => {
  let looks = 0;
  const dead = new Set<number>();
  const line = new IdleLine<number>(fifoQueue(), (value) => {
    looks++;
    return !dead.has(value);
  });
  for (const i of range(10_000)) line.keep(i);
  for (const i of range(10_000)) {
    dead.add(i);
    line.forget();
  }
  assert(line.size === 0 && looks <= 20_000, `${looks} looks`);
});

// --- drain ---

test("Line.drain() gives all values away in the order of shift, and who waits goes on waiting", () => {
  const line = lineOf<string>({ capacity: 1, values: ["a", "b"] });
  assertStrictEquals(line.peek(), "a");
  const told: string[] = [];
  line.join(new Waiter("c", told));
  line.keep("d");
  line.join(new Waiter("e", told));
  line.keep("f");
  assertEquals(line.drain(), ["a", "b", "d", "f"]);
  assertEquals([line.size, line.waiting, told], [0, 2, []]);
  assertEquals(shiftAll(line), ["c", "e"]);
});

test("Line.drain() leaves those that stay where they are, in order", () => {
  const line = lineOf<string>({ capacity: 1, values: ["A", "b", "C"] });
  assertStrictEquals(line.peek(), "A");
  line.join(new Waiter("d"));
  line.keep("E");
  line.keep("f");
  const stays = (value: string) => value === value.toUpperCase();
  assertEquals(line.drain(stays), ["b", "f"]);
  assertEquals([line.size, line.waiting], [3, 2]);
  assertEquals(shiftAll(line), ["A", "C", "d", "E"]);
});

test("Line.drain() does not give away what was forgotten, and it is not missed", () => {
  const dead = new Set<string>();
  const line = lineOf({ capacity: 1, values: ["a", "b", "c"], dead });
  assertStrictEquals(line.peek(), "a");
  line.join(new Waiter("d"));
  line.keep("e");
  line.keep("f");
  for (const value of ["b", "e"]) {
    dead.add(value);
    line.forget();
  }
  assertEquals(line.drain(), ["a", "c", "f"]);
  assertEquals(line.size, 0);
  line.keep("g");
  assertEquals([line.size, takeAll(line)], [1, ["d", "g"]]);
});
