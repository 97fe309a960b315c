// deno-coverage-ignore-file

/**
 * What the tests have in common: gates instead of sleep, and the books.
 *
 * @module
 */

import type { CoGroup } from "../../mod.ts";
import { assertEquals } from "./std.ts";

/** A promise, and what settles it. */
export interface Gate<T = void> {
  promise: Promise<T>;
  open: (value: T) => void;
  fail: (reason: unknown) => void;
}

/** Something that a task waits for until the test says go on. */
export function gate<T = void>(): Gate<T> {
  const made = {} as Gate<T>;
  made.promise = new Promise((resolve, reject) => {
    made.open = resolve;
    made.fail = reject;
  });
  return made;
}

// Taken now: later a test may have faked them.
const { setImmediate, setTimeout } = globalThis as typeof globalThis & {
  setImmediate: (callback: () => void) => void;
};

/** As the library sleeps: by a timer only where there is nothing else, as in browsers. */
const sleep: () => Promise<unknown> = typeof SharedArrayBuffer === "function"
  ? () =>
    Promise.resolve(
      Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
        .value,
    )
  : () => new Promise((resolve) => setTimeout(resolve, 1));

/**
 * Lets everything happen that can happen without a timer, faked or not. A group
 * that has used its slice up, as any may on a busy machine, goes on after a moment's
 * sleep and some turns of the loop; so this takes longer.
 */
export async function settled(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    let turns = -Infinity;
    sleep().then(() => turns = 0);
    // Turns all the time: the sleep alone keeps no process alive.
    while (turns++ < 5) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

/**
 * Lets everything happen that waits for nothing but microtasks. Enough for groups
 * that never yield (`slice: Infinity`), and a tenth of what `settled` takes.
 */
export function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Law 1, for this instant. */
export function assertBooks(group: CoGroup): void {
  const s = group.stats;
  assertEquals(
    s.fulfilled + s.rejected + s.abandoned + s.queued + s.delayed + s.lent +
      s.inFlight,
    s.accepted,
    `the books don't balance: ${JSON.stringify(s)}`,
  );
}

/** The numbers from 0 to `n - 1`. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** Tasks that wait for their gates, and tell what goes on. */
export class Tasks {
  /** The names of those that started, in order. */
  readonly started: (string | number)[] = [];
  /** The most that were in flight at once. */
  most = 0;
  #gates = new Map<string | number, Gate>();
  #inFlight = 0;

  /** A task of this name, which ends when the test says so. */
  task(name: string | number): () => Promise<void> {
    const wait = gate();
    this.#gates.set(name, wait);
    return async () => {
      this.started.push(name);
      this.most = Math.max(this.most, ++this.#inFlight);
      try {
        await wait.promise;
      } finally {
        this.#inFlight--;
      }
    };
  }

  /** Lets the task end well. */
  open(name: string | number): void {
    this.#gates.get(name)!.open();
  }

  /** Lets the task fail. */
  fail(name: string | number, reason: unknown): void {
    this.#gates.get(name)!.fail(reason);
  }

  /** Lets all tasks end well. */
  openAll(): void {
    for (const { open } of this.#gates.values()) open();
  }
}

/** A signal that counts the listeners on it who wait for its abort. */
export class CountingController extends AbortController {
  /** How many listeners are on it. */
  listeners = 0;
  /** How many ever were. */
  added = 0;

  constructor() {
    super();
    const signal = this.signal;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: unknown[]) => {
      if (args[0] === "abort") this.listeners++;
      this.added++;
      (add as (...args: unknown[]) => void)(...args);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      if (args[0] === "abort") this.listeners--;
      (remove as (...args: unknown[]) => void)(...args);
    };
  }
}

/** What every async generator inherits from. It has no name of its own. */
export const AsyncIteratorPrototype: object = Object.getPrototypeOf(
  Object.getPrototypeOf((async function* () {}).prototype),
);

/** Numbers from 0 to 1 that look random, and are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let n = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    n ^= n + Math.imul(n ^ (n >>> 7), 61 | n);
    return ((n ^ (n >>> 14)) >>> 0) / 2 ** 32;
  };
}
