/**
 * The laws under random programs: every kind of call, in random order, with
 * tasks that end when the schedule says so. Deno's alone: it needs an npm
 * package. A failure prints the shortest program that shows it, and its seed.
 *
 * @module
 */

import { CoGroup, fifoQueue } from "../../mod.ts";
import fc from "../support/fast_check.ts";
import { assertBooks, type Gate, gate, settled } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { test } from "../support/test.ts";

type Step =
  | { do: "add" | "go" | "insert" | "tryInsert"; own: boolean; retry: boolean }
  | { do: "end"; which: number; well: boolean }
  | { do: "withdraw"; which: number }
  | { do: "microtasks"; n: number }
  | { do: "resize"; n: number }
  | { do: "pause" | "resume" | "clear" | "idle" | "insertAll" | "map" }
  | { do: "abort" | "close" };

const nth = fc.nat(30);
const bring = fc.record({
  do: fc.constantFrom("add", "go", "insert", "tryInsert"),
  own: fc.boolean(),
  retry: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: bring as fc.Arbitrary<Step> },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("end"),
      which: nth,
      well: fc.boolean(),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("microtasks"),
      n: fc.integer({ min: 1, max: 6 }),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("withdraw"),
      which: nth,
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("resize"),
      n: fc.integer({ min: 1, max: 5 }),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "pause",
        "resume",
        "resume",
        "clear",
        "idle",
        "insertAll",
        "map",
      ),
    }) as fc.Arbitrary<Step>,
  },
);
const lastSteps: fc.Arbitrary<Step[]> = fc.tuple(
  fc.constantFrom<Step>({ do: "abort" }, { do: "close" }, { do: "resume" }),
  fc.array(step, { maxLength: 10 }),
).map(([end, steps]) => [end, ...steps]);

/** One task of the program, and what became of it. */
interface Record {
  readonly call: number;
  readonly controller: AbortController;
  runs: Gate[];
  inFlight: number;
}

class Program {
  readonly group: CoGroup;
  readonly records: Record[] = [];
  readonly firstStarts: number[] = [];
  readonly promises: Promise<unknown>[] = [];
  limit: number;
  inFlight = 0;
  isAborted = false;
  isPaused = false;
  #calls = 0;

  constructor(concurrency: number, capacity: number) {
    this.limit = concurrency;
    this.group = new CoGroup({ concurrency, capacity, onError: () => {} });
  }

  /** A task; `isLater` if it is brought later than the call that brings it. */
  task(isLater = false) {
    const record: Record = {
      call: this.#calls++,
      controller: new AbortController(),
      runs: [],
      inFlight: 0,
    };
    const ids = new Set<number>();
    this.records.push(record);
    const run = async (
      { workerId, attempt }: { workerId: number; attempt: number },
    ) => {
      assert(!this.isAborted, "law 5: started after the abort");
      assert(!this.isPaused, "started while paused");
      assert(!record.controller.signal.aborted, "started when withdrawn");
      assert(++this.inFlight <= this.limit, "law 2: too many in flight");
      assertEquals(this.inFlight, this.group.inFlight);
      assert(++record.inFlight === 1, "law 11: two attempts at once");
      assert(!ids.has(workerId), "a worker id twice");
      if (attempt === 1 && !isLater) this.firstStarts.push(record.call);
      const wait = gate();
      record.runs.push(wait);
      try {
        await wait.promise;
      } finally {
        this.inFlight--;
        record.inFlight--;
      }
    };
    return { record, run };
  }

  async take(step: Step): Promise<void> {
    const { group } = this;
    switch (step.do) {
      case "add":
      case "go":
      case "insert":
      case "tryInsert": {
        const { record, run } = this.task();
        const result = group[step.do](run, {
          ...(step.own && { signal: record.controller.signal }),
          ...(step.retry && { retry: { minTimeout: 0, maxAttempts: 2 } }),
        });
        if (result instanceof Promise) {
          this.promises.push(result.catch(() => {}));
        }
        break;
      }
      case "end": {
        const running = this.records.filter((r) => r.inFlight > 0);
        const record = running[step.which % running.length];
        const run = record?.runs.at(-1);
        if (step.well) run?.open();
        else run?.fail(new Error("program"));
        break;
      }
      case "withdraw": {
        const waiting = this.records.filter((r) => r.runs.length === 0);
        waiting[step.which % waiting.length]?.controller.abort();
        break;
      }
      case "microtasks":
        for (let i = 0; i < step.n; i++) await Promise.resolve();
        break;
      case "resize":
        // Those above a smaller limit may go on; nothing above it may start.
        group.concurrency = this.limit = step.n;
        break;
      case "pause":
      case "resume":
        this.isPaused = step.do === "pause";
        group[step.do]();
        break;
      case "clear":
        group.clear();
        break;
      case "idle":
        this.promises.push(group.idle());
        break;
      case "insertAll":
        this.promises.push(
          group.insertAll([this.task(true).run, this.task(true).run]),
        );
        break;
      case "map": {
        const { run } = this.task(true);
        const stream = group.map([1], (_, ctx) => run(ctx));
        this.promises.push(stream.next().catch(() => {}));
        break;
      }
      case "abort":
        this.isAborted = true;
        group.abort();
        break;
      case "close":
        group.close();
    }
  }

  /** Lets everything come to its end, and checks that it does. */
  async end(): Promise<void> {
    this.isPaused = false;
    this.group.resume();
    const done = this.group.wait();
    let isDone = false;
    done.then(() => isDone = true);
    while (!isDone) {
      for (const { runs } of this.records) {
        for (const run of runs) run.open();
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
      assertBooks(this.group);
    }
    await Promise.all(this.promises); // Law 6: every promise settles.
    const { stats } = this.group;
    assertEquals([stats.queued, stats.delayed, stats.inFlight], [0, 0, 0]);
    assertEquals(await done, stats.abandoned);
  }
}

const programs = fc.record({
  concurrency: fc.integer({ min: 1, max: 4 }),
  capacity: fc.constantFrom(0, 1, 3, Infinity),
  steps: fc.array(step, { maxLength: 40, size: "max" }),
  last: lastSteps,
});

test("Laws 1 to 9 and 11 hold for random programs", async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (given) => {
      const program = new Program(given.concurrency, given.capacity);
      for (const step of [...given.steps, ...given.last]) {
        await program.take(step);
        assertBooks(program.group);
      }
      await program.end();
      const starts = program.firstStarts;
      assertEquals(
        starts,
        starts.toSorted((a, b) => a - b),
        "law 4: not in the order of the calls",
      );
    }),
    { numRuns: 500 },
  );
});

test("fifoQueue() is an array with push, shift and clear", () => {
  const actions = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ push: fc.nat() }) },
      { weight: 3, arbitrary: fc.constant("shift" as const) },
      { weight: 1, arbitrary: fc.constant("burst" as const) },
      { weight: 1, arbitrary: fc.constant("clear" as const) },
    ),
    { maxLength: 200, size: "max" },
  );
  fc.assert(fc.property(actions, (actions) => {
    const queue = fifoQueue<number>();
    let model: number[] = [];
    for (const action of actions) {
      if (action === "shift") assertEquals(queue.shift(), model.shift());
      else if (action === "clear") {
        assertEquals(queue.clear(), model);
        model = [];
      } else if (action === "burst") {
        for (let i = 0; i < 50; i++) {
          queue.push(i);
          model.push(i);
        }
      } else {
        queue.push(action.push);
        model.push(action.push);
      }
      assertEquals(queue.size, model.length);
    }
    assertEquals(queue.clear(), model);
  }));
});

test("settled() comes after all that can happen without a timer", async () => {
  let ticks = 0;
  (async () => {
    for (; ticks < 1000; ticks++) await Promise.resolve();
  })();
  await settled();
  assertEquals(ticks, 1000);
});
