// deno-coverage-ignore-file

/**
 * The queues under random use, alone and in a line: no value lost, none twice,
 * the order as promised, limits never exceeded.
 *
 * @module
 */

import fc from "npm:fast-check@4.10.2";
import { CheckedQueue } from "../../src/checked_queue.ts";
import { droppingQueue } from "../../src/dropping_queue.ts";
import { fifoQueue } from "../../src/fifo_queue.ts";
import { KeyedQueue } from "../../src/keyed_queue.ts";
import { Line } from "../../src/line.ts";
import { NONE } from "../../src/maybe.ts";
import { Sender } from "../../src/sender.ts";
import { priorityQueue } from "../../src/priority_queue.ts";
import { slidingQueue } from "../../src/sliding_queue.ts";
import type { QueuedTask } from "../../src/task.ts";
import { IdleLine } from "../support/idle_line.ts";
import { assert, assertEquals } from "../support/std.ts";
import { test } from "../support/test.ts";

/** A task that knows which one it is. */
interface Named extends QueuedTask {
  readonly id: number;
  readonly key: number | undefined;
}

let ids = 0;

function named(key: number | undefined, priority?: number): Named {
  return {
    id: ids++,
    key,
    task: () => {},
    options: priority === undefined ? { key } : { key, priority },
  };
}

// --- priorities ---

/** What a priority queue is: an array, sorted anew for every look at it. */
function first(tasks: Named[]): Named | undefined {
  return tasks.toSorted((a, b) =>
    b.options!.priority! - a.options!.priority! || a.id - b.id
  )[0];
}

test("priorityQueue() is an array that is sorted for every shift, with or without a compare", () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
    { weight: 3, arbitrary: fc.constant("shift" as const) },
    { weight: 1, arbitrary: fc.constant("drain" as const) },
  );
  const compare = (a: QueuedTask, b: QueuedTask) =>
    b.options!.priority! - a.options!.priority!;
  fc.assert(fc.property(
    fc.array(action, { maxLength: 100, size: "max" }),
    fc.boolean(),
    (actions, own) => {
      const queue = priorityQueue(own ? { compare } : {});
      const model: Named[] = [];
      const takeFirst = () => {
        const next = first(model);
        if (next !== undefined) model.splice(model.indexOf(next), 1);
        return next;
      };
      for (const action of actions) {
        if (action === "shift") assertEquals(queue.shift(), takeFirst());
        else if (action === "drain") {
          const drained = queue.drain();
          for (const task of drained) assertEquals(task, takeFirst());
          assertEquals(model.length, 0);
        } else {
          const task = named(undefined, action);
          queue.push(task);
          model.push(task);
        }
        assertEquals([queue.size, queue.peek()], [model.length, first(model)]);
      }
    },
  ));
});

// --- keys ---

type KeyedStep =
  | { do: "push"; key: number | undefined }
  | { do: "shift" | "drain" }
  | { do: "done" | "retry"; which: number };

const keyedStep: fc.Arbitrary<KeyedStep> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      key: fc.option(fc.nat(3), { nil: undefined }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("shift" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("done" as const, "retry" as const),
      which: fc.nat(9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drain" as const) }) },
);

/** Keyed tasks as they should be: an array for each key, looked through anew. */
class KeyedModel {
  readonly perKey: number;
  /** By key, in order; a task without one is alone. */
  readonly lanes: Map<unknown, Named[]> = new Map();
  readonly running: Named[] = [];
  /** For every lane that might have given a task: who went before it since. */
  readonly passed: Map<unknown, unknown[]> = new Map();

  constructor(perKey: number) {
    this.perKey = perKey;
  }

  get size(): number {
    return [...this.lanes.values()].reduce((n, { length }) => n + length, 0);
  }

  laneOf(task: Named): unknown {
    return task.key ?? task;
  }

  put(task: Named, how: "push" | "unshift"): void {
    const lane = this.lanes.get(this.laneOf(task)) ?? [];
    lane[how](task);
    this.lanes.set(this.laneOf(task), lane);
  }

  /** The lanes that may give a task. */
  ready(): unknown[] {
    return [...this.lanes].filter(([name, lane]) =>
      lane.length > 0 &&
      this.running.filter((task) => task.key === name).length < this.perKey
    ).map(([name]) => name);
  }

  take(task: Named): void {
    const name = this.laneOf(task);
    const lane = this.lanes.get(name)!;
    assert(this.ready().includes(name), "more than perKey at a time");
    assertEquals(lane.shift()!.id, task.id, "out of order in its key");
    this.running.push(task);
    if (lane.length === 0) this.lanes.delete(name);
    this.passed.delete(name);
    const ready = this.ready();
    for (const other of this.passed.keys()) {
      if (!ready.includes(other)) this.passed.delete(other);
    }
    for (const other of ready) {
      if (other === name) continue;
      const passed = this.passed.get(other) ?? [];
      assert(
        !passed.includes(name),
        "a key had two turns while another waited",
      );
      this.passed.set(other, [...passed, name]);
    }
  }

  /** Takes one of those that run out of them. */
  end(which: number): Named | undefined {
    return this.running.splice(which % (this.running.length || 1), 1)[0];
  }
}

test("keyedQueue() gives every task once, in order within its key, perKey at a time, the keys in turns", () => {
  fc.assert(
    fc.property(
      fc.array(keyedStep, { maxLength: 120, size: "max" }),
      fc.constantFrom(1, 2, 3, Infinity),
      (steps, perKey) => {
        const queue = new KeyedQueue(Infinity, perKey);
        const model = new KeyedModel(perKey);
        const shift = () => {
          const next = queue.peek();
          const task = queue.shift() as Named | undefined;
          assert(next === task, "peek and shift disagree");
          if (task !== undefined) model.take(task);
          else assertEquals(model.ready(), []);
          return task;
        };
        for (const step of steps) {
          if (step.do === "push") {
            const task = named(step.key);
            queue.push(task);
            model.put(task, "push");
          } else if ("which" in step) {
            const task = model.end(step.which);
            if (task === undefined) continue;
            if (step.do === "done") queue.done(task);
            else {
              queue.push(task);
              model.put(task, task.key === undefined ? "push" : "unshift");
            }
          } else if (step.do === "shift") shift();
          else {
            const drained = queue.drain() as Named[];
            assertEquals(drained.length, model.size);
            model.passed.clear();
            for (const task of drained) {
              const lane = model.lanes.get(model.laneOf(task))!;
              assertEquals(lane.shift()!.id, task.id);
            }
            model.lanes.clear();
          }
          assertEquals(queue.size, model.size);
        }
        while (queue.size > 0 || model.running.length > 0) {
          if (shift() === undefined) queue.done(model.end(0)!);
        }
        assertEquals(queue.keys, 0, "something of a key is left");
      },
    ),
    { numRuns: 500 },
  );
});

// --- a queue of the user's own ---

test("CheckedQueue loses no value, and gives none twice, however its queue lies", () => {
  const step = fc.constantFrom("push", "shift", "peek", "drain", "done");
  const lie = fc.record({
    after: fc.integer({ min: 1, max: 30 }),
    how: fc.constantFrom("lose", "repeat", "invent", "size", "throw", "none"),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.nat(3)), { maxLength: 60, size: "max" }),
      lie,
      (steps, { after, how }) => {
        let asked = 0;
        const inner = fifoQueue<number>();
        let last = -1;
        const isLie = () => asked++ >= after;
        const give = (value: number | undefined) => {
          if (!isLie() || how === "size") return value;
          if (how === "throw") throw new Error("own");
          if (how === "none") return undefined;
          if (how === "lose") return inner.shift();
          return how === "repeat" ? last : -2;
        };
        const queue = new CheckedQueue<number>("test", {
          capacity: Infinity,
          get size() {
            return inner.size + (how === "size" && isLie() ? 1 : 0);
          },
          push(value) {
            inner.push(value);
          },
          peek: () => give(inner.peek()),
          shift: () => last = give(inner.shift()) as number,
          drain() {
            const values = inner.drain();
            return values.length > 0
              ? values.map((v) => give(v) as number)
              : [];
          },
          done() {
            if (isLie() && how === "throw") throw new Error("own");
          },
        });
        const held = new Set<number>();
        const take = (value: number | undefined) => {
          if (value !== undefined) assert(held.delete(value), "given twice");
        };
        let errors = 0;
        let pushed = 0;
        for (const [step, n] of steps) {
          try {
            if (step === "push") {
              queue.push(pushed);
              held.add(pushed++);
            } else if (step === "done") queue.done!(n);
            else if (step === "peek") queue.peek();
            else if (step === "shift") take(queue.shift());
            else queue.drain().forEach(take);
          } catch (error) {
            assert((error as Error).message.startsWith("Cannot take from"));
            errors++;
          }
          assertEquals(queue.size, held.size);
        }
        assert(errors <= 1, "an error more than once");
        try {
          queue.drain().forEach(take);
        } catch {
          queue.drain().forEach(take);
        }
        assertEquals([queue.size, held.size], [0, 0], "lost");
      },
    ),
    { numRuns: 1000 },
  );
});

// --- in a line ---

type LineStep =
  | { do: "keep" | "offer" | "fill" | "requeue" | "take" | "drain" }
  | { do: "forget"; which: number }
  | { do: "idle"; n: number };

const lineStep: fc.Arbitrary<LineStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "keep" as const,
        "offer" as const,
        "fill" as const,
        "take" as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("forget" as const),
      which: fc.nat(99),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("idle" as const), n: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("requeue" as const, "drain" as const),
    }),
  },
);

test("Line of a sliding or a dropping queue is an array that evicts its first, or refuses", () => {
  fc.assert(
    fc.property(
      fc.array(lineStep, { maxLength: 150, size: "max" }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (steps, capacity, slides) => {
        const dead = new Set<number>();
        const evicted: number[] = [];
        const line = new IdleLine<number>(
          slides ? slidingQueue(capacity) : droppingQueue(capacity),
          (value) => !dead.has(value),
          (value) => evicted.push(value),
        );
        let model: number[] = [];
        const gone: number[] = [];
        let idle = 0;
        let brought = 0;
        for (const step of steps) {
          if (step.do === "idle") line.with(idle = step.n);
          else if (step.do === "take") {
            const value = line.peek();
            assertEquals(value, model.shift());
            if (value !== undefined) line.take();
          } else if (step.do === "drain") {
            assertEquals(line.drain(), model);
            model = [];
          } else if (step.do === "forget") {
            const value = model.splice(step.which % (model.length || 1), 1)[0];
            if (value === undefined) continue;
            dead.add(value);
            line.forget();
          } else if (step.do === "requeue") {
            model.push(brought);
            line.requeue(brought++);
          } else {
            if (step.do === "fill") assert(line.reserve());
            const isIn = line[step.do](brought);
            const isFull = model.length >= capacity + idle;
            assertEquals(isIn, slides || !isFull);
            while (slides && model.length >= capacity + idle) {
              gone.push(model.shift()!);
            }
            if (isIn) model.push(brought);
            brought++;
          }
          assertEquals([line.size, line.waiting], [model.length, 0]);
          assertEquals(evicted, gone);
        }
        assertEquals(line.drain(), model);
      },
    ),
    { numRuns: 500 },
  );
});

/** Someone who waits for room. */
class Waiter extends Sender<QueuedTask> {
  isIn = false;

  override admitted(): void {
    this.isIn = true;
  }

  override refused(): void {}
}

type GroupStep =
  | { do: "keep" | "insert"; key: number | undefined }
  | { do: "end" | "fail" | "again" | "forget" | "abandon"; which: number }
  | { do: "start" };

const groupStep: fc.Arbitrary<GroupStep> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "insert" as const,
        "insert" as const,
        "keep" as const,
      ),
      key: fc.option(fc.nat(1), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("start" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "end" as const,
        "fail" as const,
        "again" as const,
        "forget" as const,
        "abandon" as const,
      ),
      which: fc.nat(9),
    }),
  },
);

/** A group, as far as a line sees of it. */
class Workers {
  readonly dead: Set<QueuedTask> = new Set();
  readonly queue: KeyedQueue;
  readonly line: Line<QueuedTask>;
  readonly limit: number;
  readonly perKey: number;
  readonly queued: Named[] = [];
  readonly running: Named[] = [];
  readonly delayed: Named[] = [];
  readonly waiters: Waiter[] = [];
  ended = 0;

  constructor(capacity: number, limit: number, perKey: number) {
    this.queue = new KeyedQueue(capacity, perKey);
    const isLive = (task: QueuedTask) => !this.dead.has(task);
    const idle = () => this.idle;
    this.line = new Line(this.queue, isLive, undefined, idle);
    this.limit = limit;
    this.perKey = perKey;
  }

  get idle(): number {
    return this.limit - this.running.length;
  }

  take(from: Named[], which: number): Named | undefined {
    return from.splice(which % (from.length || 1), 1)[0];
  }

  start(): boolean {
    if (this.idle === 0) return false;
    const task = this.line.peek() as Named | undefined;
    this.settleWaiters(); // To look may let somebody in.
    if (task === undefined) return false;
    assert(!this.dead.has(task), "a forgotten task");
    this.line.take();
    const { key } = task;
    const busy = [...this.running, ...this.delayed].filter((t) =>
      t.key === key
    );
    assert(key === undefined || busy.length < this.perKey, "more than perKey");
    const index = this.queued.indexOf(task);
    assert(index >= 0, "a task that is not queued");
    this.queued.splice(index, 1);
    this.running.push(task);
    this.line.admit();
    this.settleWaiters();
    return true;
  }

  settleWaiters(): void {
    for (const waiter of this.waiters.filter(({ isIn }) => isIn)) {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      this.queued.push(waiter.value as Named);
    }
  }

  end(task: Named | undefined): void {
    if (task === undefined) return;
    this.ended++;
    this.line.done(task);
    this.line.admit();
    this.settleWaiters();
  }

  act(step: GroupStep): void {
    if (step.do === "start") this.start();
    else if ("key" in step) {
      const task = named(step.key);
      if (step.do === "keep") this.line.keep(task);
      else if (!this.line.offer(task)) {
        const waiter = new Waiter(task);
        this.waiters.push(waiter);
        this.line.join(waiter);
        return;
      }
      this.queued.push(task);
    } else if (step.do === "end") this.end(this.take(this.running, step.which));
    else if (step.do === "abandon") {
      this.end(this.take(this.delayed, step.which));
    } else if (step.do === "fail") {
      const task = this.take(this.running, step.which);
      if (task === undefined) return;
      this.delayed.push(task);
      this.line.admit();
      this.settleWaiters();
    } else if (step.do === "again") {
      const task = this.take(this.delayed, step.which);
      if (task === undefined) return;
      this.line.requeue(task);
      this.queued.push(task);
    } else {
      const task = this.take(this.queued, step.which);
      if (task === undefined) return;
      this.dead.add(task);
      this.line.forget();
      this.ended++;
      this.line.admit();
      this.settleWaiters();
    }
  }
}

test("Line of a keyed queue gives everything, whoever waits, fails, or is forgotten", () => {
  fc.assert(
    fc.property(
      fc.array(groupStep, { maxLength: 120, size: "max" }),
      fc.constantFrom(0, 1, 2, 5, Infinity),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 2 }),
      (steps, capacity, limit, perKey) => {
        const workers = new Workers(capacity, limit, perKey);
        let brought = 0;
        for (const step of steps) {
          workers.act(step);
          if (step.do === "keep" || step.do === "insert") brought++;
          assertEquals(workers.line.size, workers.queued.length);
        }
        // To the end: nobody may have to wait for ever.
        while (workers.ended < brought) {
          if (workers.start()) continue;
          if (workers.running.length > 0) workers.act({ do: "end", which: 0 });
          else if (workers.delayed.length > 0) {
            workers.act({ do: "again", which: 0 });
          } else throw new Error("a task waits for ever");
        }
        assertEquals(workers.line.peek(), undefined); // Drops what is forgotten.
        assertEquals([workers.line.size, workers.queue.keys], [0, 0]);
        assertEquals(workers.line.shift(), NONE);
      },
    ),
    { numRuns: 1000 },
  );
});
