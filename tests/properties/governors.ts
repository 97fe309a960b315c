/**
 * The governors under random programs: whoever asks, gives up, releases or
 * changes a limit, in random order. Deno's alone: it needs an npm package. A
 * failure prints the shortest program that shows it, and its seed.
 *
 * @module
 */

import {
  adaptiveLimit,
  type Governor,
  type Permit,
  rateLimit,
  Semaphore,
} from "../../mod.ts";
import fc from "../support/fast_check.ts";
import { CountingController } from "../support/helpers.ts";
import { assert, assertEquals, FakeTime } from "../support/std.ts";
import { test } from "../support/test.ts";

type Step =
  | { do: "acquire"; signal: number | undefined }
  | { do: "tryAcquire" }
  | { do: "release"; which: number; failed: boolean; twice: boolean }
  | { do: "abort"; signal: number }
  | { do: "resize"; limit: number }
  | { do: "pause"; ms: number }
  | { do: "tick"; ms: number }
  | { do: "microtask" };

const SIGNALS = 3;
const signal = fc.nat(SIGNALS - 1);
const common: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("acquire" as const),
      signal: fc.option(signal, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("tryAcquire" as const) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("release" as const),
      which: fc.nat(20),
      failed: fc.boolean(),
      twice: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("abort" as const), signal }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("microtask" as const) }),
  },
];
const resize: fc.WeightedArbitrary<Step> = {
  weight: 1,
  arbitrary: fc.record({
    do: fc.constant("resize" as const),
    limit: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(Infinity)),
  }),
};
const tick: fc.WeightedArbitrary<Step> = {
  weight: 4,
  arbitrary: fc.record({
    do: fc.constant("tick" as const),
    ms: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(50, 100)),
  }),
};
const pause: fc.WeightedArbitrary<Step> = {
  weight: 1,
  arbitrary: fc.record({
    do: fc.constant("pause" as const),
    ms: fc.nat(150),
  }),
};

function program(...more: fc.WeightedArbitrary<Step>[]) {
  // Without `size` no program would have more than ten steps.
  const step = fc.oneof(...common, ...more);
  return fc.array(step, { maxLength: 80, size: "max" });
}

/** Someone who asked for a permit, and what came of it. */
interface Asker {
  readonly number: number;
  readonly signal: number | undefined;
  state: "waits" | "has" | "aborted";
}

/** A program that asks a governor, and knows what it may expect of it. */
class Program {
  readonly governor: Governor;
  readonly time: InstanceType<typeof FakeTime>;
  readonly held: Permit[] = [];
  readonly askers: Asker[] = [];
  readonly given: number[] = [];
  readonly starts: number[] = [];
  #controllers = Array.from(
    { length: SIGNALS },
    () => new CountingController(),
  );

  constructor(governor: Governor, time: InstanceType<typeof FakeTime>) {
    this.governor = governor;
    this.time = time;
  }

  get waiting(): number {
    return this.askers.filter(({ state }) => state === "waits").length;
  }

  get listeners(): number {
    return this.#controllers.reduce((sum, c) => sum + c.listeners, 0);
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "acquire":
        this.#acquire(step.signal);
        break;
      case "tryAcquire": {
        const permit = this.governor.tryAcquire!();
        if (permit === undefined) break;
        assertEquals(this.waiting, 0, "barged in");
        this.#has(permit);
        break;
      }
      case "release": {
        const index = step.which % Math.max(1, this.held.length);
        const [permit] = this.held.splice(index, 1);
        permit?.release(step.failed);
        if (step.twice) permit?.[Symbol.dispose]();
        break;
      }
      case "abort":
        this.#controllers[step.signal]!.abort(step.signal);
        this.#controllers[step.signal] = new CountingController();
        break;
      case "resize":
        (this.governor as Semaphore).limit = step.limit;
        break;
      case "pause":
        (this.governor as ReturnType<typeof rateLimit>).pauseFor(step.ms);
        break;
      case "tick":
        // Each start is to be heard of in its own millisecond.
        for (let i = 0; i < step.ms; i++) {
          this.time.tick(1);
          await Promise.resolve();
        }
        break;
      case "microtask":
    }
  }

  #acquire(signal: number | undefined): void {
    const asker: Asker = { number: this.askers.length, signal, state: "waits" };
    this.askers.push(asker);
    const options = signal === undefined
      ? undefined
      : { signal: this.#controllers[signal]!.signal };
    this.governor.acquire(options).then((permit) => {
      asker.state = "has";
      this.given.push(asker.number);
      this.#has(permit);
    }, (reason) => {
      assertEquals(reason, signal, "the reason of another signal");
      asker.state = "aborted";
    });
  }

  #has(permit: Permit): void {
    this.held.push(permit);
    this.starts.push(this.time.now);
  }

  /** Has everybody who waits be served, and checks what was served. */
  async end(): Promise<void> {
    for (let i = 0; this.waiting > 0; i++) {
      assert(i < 10_000, `${this.waiting} starve`);
      this.held.shift()?.release();
      await Promise.resolve();
      this.time.next();
      await Promise.resolve();
    }
    assertEquals(
      this.given,
      this.given.toSorted((a, b) => a - b),
      "not first come, first served",
    );
    assertEquals(this.listeners, 0, "a listener was left");
    assertEquals(this.time.next(), false, "a timer was left");
    for (const permit of this.held.splice(0)) permit.release();
  }
}

/** Runs the programs on governors that `make` makes; `check` looks after every step. */
async function holds<O, G extends Governor>(
  given: fc.Arbitrary<O>,
  steps: fc.Arbitrary<Step[]>,
  make: (options: O) => G,
  check: (program: Program, governor: G, options: O) => void,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(given, steps, async (options, steps) => {
      using time = new FakeTime(1_000_000);
      const governor = make(options);
      const program = new Program(governor, time);
      for (const step of steps) {
        // All that was granted is heard of in the next microtask.
        await program.take(step);
        check(program, governor, options);
      }
      await program.end();
      check(program, governor, options);
    }),
    { numRuns: 500 },
  );
}

test("Semaphore never gives out more than its limit, nor fewer while somebody waits, in random programs", async () => {
  let allowed = 0;
  await holds(
    fc.integer({ min: 1, max: 5 }),
    program(resize),
    (limit) => new Semaphore(limit),
    ({ held, waiting }, { limit }) => {
      // A limit that was lowered lets the holders end.
      allowed = Math.max(limit, Math.min(allowed, held.length));
      assert(held.length <= allowed, `${held.length} of ${allowed} held`);
      assert(waiting === 0 || held.length >= limit, "room, and somebody waits");
    },
  );
});

test("Semaphore has all permits again when all are released, in random programs", async () => {
  let last: Semaphore | undefined;
  const whole = () => {
    if (last === undefined) return;
    const permits = Array.from({ length: 7 }, () => last!.tryAcquire!());
    assertEquals(
      permits.filter(Boolean).length,
      Math.min(7, last.limit),
      "a permit was lost or won",
    );
  };
  await holds(fc.integer({ min: 1, max: 5 }), program(resize), (limit) => {
    whole();
    return last = new Semaphore(limit);
  }, () => {});
  whole();
});

test("rateLimit() never lets a window hold more than its limit, nor a burst more than that, in random programs", async () => {
  const given = fc.integer({ min: 1, max: 5 }).chain((limit) =>
    fc.record({
      limit: fc.constant(limit),
      interval: fc.constantFrom(1, 10, 60, 100),
      burst: fc.integer({ min: 1, max: limit }),
    })
  );
  await holds(
    given,
    program(tick, pause),
    rateLimit,
    ({ starts }, _, { limit, interval, burst }) => {
      const last = starts.at(-1)!;
      assert(!(last - starts.at(-1 - limit)! < interval), "window");
      // A start may be early by what the one before it was late: under 1 ms.
      for (let n = burst; n < starts.length; n++) {
        const least = (n + 1 - burst) * interval / limit - 1;
        assert(last - starts.at(-1 - n)! > least, `burst, ${n}`);
      }
    },
  );
});

test("adaptiveLimit() never gives out more than its limit, nor leaves min to max, in random programs", async () => {
  const given = fc.integer({ min: 1, max: 8 }).chain((max) =>
    fc.integer({ min: 1, max }).chain((min) =>
      fc.record({
        min: fc.constant(min),
        max: fc.constant(max),
        initial: fc.integer({ min, max }),
      })
    )
  );
  let allowed = 0;
  await holds(
    given,
    program(tick),
    adaptiveLimit,
    ({ held, waiting }, { limit }, { min, max }) => {
      assert(limit >= min && limit <= max && Number.isInteger(limit));
      allowed = Math.max(limit, Math.min(allowed, held.length));
      assert(held.length <= allowed, `${held.length} of ${allowed} held`);
      const least = Math.max(min, Math.floor(limit / 2));
      assert(waiting === 0 || held.length >= least, "room, and somebody waits");
    },
  );
});
