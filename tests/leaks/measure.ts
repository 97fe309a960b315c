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

/** The slope of a line through the values, and how sure it is. */
function fit(values: readonly number[]): { slope: number; error: number } {
  const n = values.length;
  const middle = (n - 1) / 2;
  const mean = values.reduce((a, b) => a + b) / n;
  let xx = 0;
  let xy = 0;
  values.forEach((value, i) => {
    xx += (i - middle) ** 2;
    xy += (i - middle) * (value - mean);
  });
  const slope = xy / xx;
  const rest = values.reduce(
    (sum, value, i) => sum + (value - mean - slope * (i - middle)) ** 2,
    0,
  );
  return { slope, error: Math.sqrt(rest / (n - 2) / xx) };
}

/**
 * Does the work again and again, and prints what it leaves behind. Whether that
 * is anything. `listeners` are those that nobody should have left.
 */
export async function leaks(
  { name, count, run }: Work,
  listeners: Count,
): Promise<boolean> {
  const heaps: number[] = [];
  const alive: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    await run(count);
    for (let i = 0; i < 3; i++) await turn();
    const bytes = heapInUse();
    if (round < 0) continue;
    heaps.push(bytes);
    alive.push(promises());
  }
  const heap = fit(heaps);
  const promise = fit(alive);
  const found = [
    heap.slope / count > BYTES && heap.slope > 3 * heap.error &&
    "the heap grows",
    promise.slope / count > PROMISES / 1000 &&
    promise.slope > 3 * promise.error && "promises stay",
    listeners() > 0 && "listeners stay",
    timers.size > 0 && "timers stay",
  ].filter((what) => what !== false);
  console.log(
    `${(count * ROUNDS).toLocaleString("en")} ${name}: ` +
      `${(heap.slope / count).toFixed(2)} ± ` +
      `${(heap.error / count).toFixed(2)} bytes and ` +
      `${(promise.slope / count).toFixed(4)} promises each, ` +
      `${listeners()} listeners, ${timers.size} timers` +
      found.map((what) => `; ${what}`).join(""),
  );
  return found.length > 0;
}
