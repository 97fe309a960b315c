/**
 * j. What a queue and a governor cost a task, where they have nothing to hold
 * back; and how the cost of a priority grows with what is queued: O(log n), as
 * the comparisons tell. Its time grows faster, for the tasks are all over the
 * memory; so does that of sorting them, which stands beside it.
 *
 * @module
 */

import {
  adaptiveLimit,
  CoGroup,
  type CoGroupOptions,
  droppingQueue,
  type Governor,
  keyedQueue,
  priorityQueue,
  type Queue,
  type QueuedTask,
  rateLimit,
  Semaphore,
  slidingQueue,
  type TaskOptions,
} from "../../mod.ts";
import { type Batch, batch, expect } from "../support/contenders.ts";
import {
  type Case,
  type Contender,
  type Section,
  timed,
} from "../support/harness.ts";

const CONCURRENCY = 16;
const KEYS = 100;
const FEW = 10;

/** A queue of the user's own: last in, first out. */
class Stack<T> implements Queue<T> {
  readonly capacity = Infinity;
  #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  push(value: T): void {
    this.#values.push(value);
  }

  peek(): T | undefined {
    return this.#values.at(-1);
  }

  shift(): T | undefined {
    return this.#values.pop();
  }

  clear(): T[] {
    return this.#values.splice(0).reverse();
  }
}

/** Numbers that look random, the same ones in every run. */
function* random(): Generator<number, never> {
  for (let n = 1;; n = n * 48271 % 2147483647) yield n;
}

function randomPriorities(count: number): TaskOptions[] {
  const numbers = random();
  return Array.from(
    { length: count },
    () => ({ priority: numbers.next().value }),
  );
}

/** What a group is made with, and what each task has of its own. */
interface Kind {
  readonly name: string;
  readonly make?: () => Partial<CoGroupOptions>;
  readonly options?: readonly TaskOptions[];
}

const DEFAULT: Kind = { name: "default" };

function contender(
  { name, make, options }: Kind,
  { tasks, verify }: Batch,
): Contender {
  return {
    name,
    measure: timed(tasks.length, async () => {
      const group = new CoGroup({ concurrency: CONCURRENCY, ...make?.() });
      if (options === undefined) { for (const task of tasks) group.add(task); }
      else tasks.forEach((task, i) => group.add(task, options[i]));
      expect(await group.wait(), 0);
      verify();
    }),
  };
}

function queues(count: number): Case {
  const work = batch(count);
  const priorities = randomPriorities(count);
  const few = priorities.map(({ priority }) => ({ priority: priority! % FEW }));
  const keys = Array.from({ length: count }, (_, i) => ({ key: i % KEYS }));
  const kinds: Kind[] = [
    DEFAULT,
    { name: "default, tasks with options", options: priorities },
    {
      name: "slidingQueue",
      make: () => ({ queue: slidingQueue(count) }),
    },
    {
      name: "droppingQueue",
      make: () => ({ queue: droppingQueue(count) }),
    },
    {
      name: "priorityQueue, random priorities",
      make: () => ({ queue: priorityQueue() }),
      options: priorities,
    },
    {
      name: `priorityQueue, ${FEW} priorities`,
      make: () => ({ queue: priorityQueue() }),
      options: few,
    },
    {
      name: `keyedQueue, ${KEYS} keys`,
      make: () => ({ queue: keyedQueue() }),
      options: keys,
    },
    { name: "a queue of one's own", make: () => ({ queue: new Stack() }) },
  ];
  return {
    title: "queues",
    unit: "ns/task",
    base: DEFAULT.name,
    contenders: kinds.map((kind) => contender(kind, work)),
  };
}

/** Options of tasks that nothing comes of: what it costs to be ready for it. */
function taskOptions(count: number): Case {
  const work = batch(count);
  const { signal } = new AbortController();
  const all: Record<string, TaskOptions> = {
    "timeout": { timeout: 1e6 },
    "signal": { signal },
    "retry": { retry: { maxAttempts: 3 } },
    "id": { id: "one" },
    "priority, in the default queue": { priority: 1 },
    "key, in the default queue": { key: 1 },
  };
  const kinds = Object.entries(all).map(([name, options]): Kind => ({
    name,
    options: work.tasks.map(() => options),
  }));
  return {
    title: "options of tasks",
    unit: "ns/task",
    base: DEFAULT.name,
    contenders: [DEFAULT, ...kinds].map((kind) => contender(kind, work)),
  };
}

function governors(count: number): Case {
  const work = batch(count);
  const kinds: Kind[] = [
    DEFAULT,
    // The same way through the group as a governor's tasks go, without one.
    { name: "default, with a timeout", make: () => ({ timeout: 1e12 }) },
    {
      name: `Semaphore(${CONCURRENCY})`,
      make: () => ({ governor: new Semaphore(CONCURRENCY) }),
    },
    {
      name: `Semaphore(${CONCURRENCY / 2}), waited for`,
      make: () => ({ governor: new Semaphore(CONCURRENCY / 2) }),
    },
    {
      name: "rateLimit, never reached",
      make: () => ({ governor: rateLimit({ limit: 1e9, interval: 1000 }) }),
    },
    {
      name: "adaptiveLimit, never reached",
      make: () => ({
        governor: adaptiveLimit({ max: 1000, initial: CONCURRENCY }),
      }),
    },
  ];
  return {
    title: "governors",
    unit: "ns/task",
    base: DEFAULT.name,
    contenders: kinds.map((kind) => contender(kind, work)),
  };
}

/** A permit that is free, and is given back at once. */
function permits(count: number): Case {
  const ways: Record<string, () => Governor> = {
    "Semaphore": () => new Semaphore(CONCURRENCY),
    "rateLimit": () => rateLimit({ limit: 1e9, interval: 1000 }),
    "adaptiveLimit": () => adaptiveLimit({ max: 1000, initial: CONCURRENCY }),
  };
  return {
    title: "acquire + release of a free permit",
    unit: "ns/permit",
    base: "Semaphore",
    contenders: Object.entries(ways).map(([name, make]) => ({
      name,
      measure: timed(count, async () => {
        const governor = make();
        for (let i = 0; i < count; i++) (await governor.acquire()).release();
      }),
    })),
  };
}

const priorityOf = ({ options }: QueuedTask) => options!.priority!;

/** All of them in, and then all of them out, in order. */
function fillAndEmpty(
  queue: Queue<QueuedTask>,
  values: readonly QueuedTask[],
): void {
  for (const value of values) queue.push(value);
  let last = Infinity;
  for (let n = values.length; n > 0; n--) {
    const priority = priorityOf(queue.shift()!);
    if (priority > last) throw new Error(`${priority} after ${last}`);
    last = priority;
  }
}

/** Comparisons for each task: the same in every round, so they are counted once. */
function comparisons(values: readonly QueuedTask[]): () => number {
  let count: number | undefined;
  return () => {
    if (count === undefined) {
      let n = 0;
      const compare = (a: QueuedTask, b: QueuedTask) => {
        n++;
        return priorityOf(b) - priorityOf(a);
      };
      fillAndEmpty(priorityQueue({ compare }), values);
      count = n / values.length;
    }
    return count;
  };
}

/** Small batches again and again, to be measurable. */
function repeated(size: number, run: () => unknown): Contender["measure"] {
  const times = Math.max(1, 1e5 / size);
  return timed(times * size, () => {
    for (let i = 0; i < times; i++) run();
  });
}

function priorities(sizes: readonly number[]): Case[] {
  const task = () => {};
  const all = randomPriorities(Math.max(...sizes))
    .map((options) => ({ task, options }));
  const bySize = (
    title: string,
    unit: string,
    measured: (values: readonly QueuedTask[]) => Contender["measure"],
  ): Case => {
    const name = (size: number) =>
      `${title}, ${size.toExponential().replace("+", "")}`;
    return {
      title: `by how many are queued: ${title}`,
      unit,
      base: name(sizes[0]!),
      contenders: sizes.map((size) => ({
        name: name(size),
        measure: measured(all.slice(0, size)),
      })),
    };
  };
  return [
    bySize("priorityQueue, comparisons", "each", comparisons),
    bySize(
      "priorityQueue, push + shift",
      "ns/task",
      (values) =>
        repeated(values.length, () => fillAndEmpty(priorityQueue(), values)),
    ),
    bySize(
      "Array.sort of them",
      "ns/task",
      (values) =>
        repeated(
          values.length,
          () => values.toSorted((a, b) => priorityOf(b) - priorityOf(a)),
        ),
    ),
  ];
}

export const seams: Section = {
  letter: "j",
  title: `queues and governors: add + wait, concurrency ${CONCURRENCY}`,
  maxRounds: 9,
  cases: ({ quick }) => {
    const count = quick ? 10_000 : 100_000;
    const sizes = quick ? [1e3, 1e4, 1e5] : [1e3, 1e4, 1e5, 1e6];
    return [
      queues(count),
      taskOptions(count),
      governors(count),
      permits(count),
      ...priorities(sizes),
    ];
  },
};
