// deno-coverage-ignore-file

/**
 * The queues under random use, on their own: no value lost, none twice,
 * the order as promised, limits never exceeded.
 *
 * @module
 */

import { KeyedQueue } from "../../src/queues/keyed_queue.ts";
import { priorityQueue } from "../../src/queues/priority_queue.ts";
import type { QueuedTask } from "../../src/task.ts";
import fc from "../support/fast_check.ts";
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
    { weight: 1, arbitrary: fc.constant("clear" as const) },
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
        else if (action === "clear") {
          const cleared = queue.clear();
          for (const task of cleared) assertEquals(task, takeFirst());
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
  | { do: "shift" | "clear" }
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
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
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
            const cleared = queue.clear() as Named[];
            assertEquals(cleared.length, model.size);
            model.passed.clear();
            for (const task of cleared) {
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
