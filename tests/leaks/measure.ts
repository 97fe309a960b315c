// deno-coverage-ignore-file

/**
 * What is in use when the garbage is gone: heap, promises and timers; and
 * whether that grows from round to round. On Deno, Bun and Node.
 *
 * @module
 */

import * as v8 from "node:v8";
import { heapInUse } from "../../bench/support/gc.ts";

/** Rounds that are measured, and those before them, which fill what is kept for good. */
const ROUNDS = 10;
/** As many may it take until the noise is small enough to tell. */
const MOST_ROUNDS = 40;
const WARM_UP = 3;
/** Less than a pointer: nothing that is kept for each piece of work is so small. */
const BYTES = 4;
/** As many promises may be in use more after each 1,000 pieces of work. */
const PROMISES = 1;

/** Some work, so many pieces of it in one round. */
export interface Work {
  readonly name: string;
  readonly count: number;
  readonly run: (count: number) => Promise<void>;
}

const timers = new Set<unknown>();
const { setTimeout, clearTimeout } = globalThis;
// The library takes them from the global object, each time.
Object.assign(globalThis, {
  setTimeout: (callback: () => void, ms?: number) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      callback();
    }, ms);
    timers.add(timer);
    return timer;
  },
  clearTimeout: (timer: ReturnType<typeof setTimeout> | undefined) => {
    timers.delete(timer);
    clearTimeout(timer);
  },
});

const { setImmediate } = globalThis as unknown as {
  setImmediate: (callback: () => void) => void;
};

/** Lets the event loop turn. */
export const turn = (): Promise<void> =>
  new Promise<void>((resolve) => setImmediate(resolve));

/**
 * The heap when it falls no more. A group that had to wait for the loop is watched for
 * 20 ms, whatever becomes of it; and Deno ends few such sleeps in a turn.
 */
async function heapAtRest(): Promise<number> {
  for (let before = Infinity;;) {
    await new Promise<void>((resolve) => setTimeout(resolve, 50));
    await turn();
    const heap = heapInUse();
    if (heap > 0.99 * before) return heap;
    before = heap;
  }
}

type Count = () => number;

async function promiseCounter(): Promise<Count> {
  if ("Bun" in globalThis) {
    // Not a literal: only Bun knows the module.
    const { heapStats } = await import(["bun", "jsc"].join(":"));
    return () => heapStats().objectTypeCounts.Promise ?? 0;
  }
  const { queryObjects } = v8 as unknown as {
    queryObjects: (of: unknown, options: { format: "count" }) => number;
  };
  return () => queryObjects(Promise, { format: "count" });
}

const promises = await promiseCounter();

/** The slope of a line through some values, and how sure it is. */
interface Fit {
  readonly slope: number;
  readonly error: number;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/**
 * The median of the slopes between any two (Theil and Sen): a round in which the
 * collector kept hold of what was there by chance, as Bun's does, is passed over.
 */
function fit(values: readonly number[]): Fit {
  const slope = median(
    values.flatMap((y, x) =>
      values.slice(0, x).map((before, i) => (y - before) / (x - i))
    ),
  );
  const rests = values.map((y, x) => y - slope * x);
  const level = median([...rests]);
  const spread = 1.4826 * median(rests.map((rest) => Math.abs(rest - level)));
  const middle = (values.length - 1) / 2;
  const xx = values.reduce((sum, _, x) => sum + (x - middle) ** 2, 0);
  return { slope, error: spread / Math.sqrt(xx) };
}

/** What the rounds have left behind; nothing can be told where the noise is as large. */
export type Verdict = "nothing" | "something" | "noise";

/**
 * Does the work again and again, and prints what it leaves behind. `listeners`
 * are those that nobody should have left.
 */
export async function leaks(
  { name, count, run }: Work,
  listeners: Count,
): Promise<Verdict> {
  const heaps: number[] = [];
  const alive: number[] = [];
  for (let round = 0; round < WARM_UP; round++) await run(count);
  let heap: Fit;
  let isNoisy: boolean;
  do {
    for (let round = 0; round < ROUNDS; round++) {
      await run(count);
      heaps.push(await heapAtRest());
      alive.push(promises());
    }
    heap = fit(heaps);
    isNoisy = 3 * heap.error / count > BYTES;
  } while (isNoisy && heaps.length < MOST_ROUNDS);
  const promise = fit(alive);
  const grows = ({ slope, error }: Fit, limit: number) =>
    slope / count > limit && slope > 3 * error;
  const found = [
    grows(heap, BYTES) && "the heap grows",
    grows(promise, PROMISES / 1000) && "promises stay",
    listeners() !== 0 && "listeners stay, or are missing",
    timers.size > 0 && "timers stay",
  ].filter((what) => what !== false);
  console.log(
    `${(count * heaps.length).toLocaleString("en")} ${name}: ` +
      `${(heap.slope / count).toFixed(2)} ± ` +
      `${(heap.error / count).toFixed(2)} bytes and ` +
      `${(promise.slope / count).toFixed(4)} promises each, ` +
      `${listeners()} listeners, ${timers.size} timers` +
      found.map((what) => `; ${what}`).join("") +
      (isNoisy ? "; too much noise to tell" : ""),
  );
  if (found.length > 0) return "something";
  return isNoisy ? "noise" : "nothing";
}
