// deno-coverage-ignore-file

/**
 * Thin stand-ins for what the tests use of @std, for where JSR is out of reach
 * and for Bun and Node, which don't know deno.json.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";

// deno-lint-ignore no-explicit-any
type Class<E> = abstract new (...args: any[]) => E;

/** Fails unless the value is truthy. */
export function assert(value: unknown, message?: string): asserts value {
  nodeAssert(value, message!);
}

/** Fails unless the two are deeply equal. */
export function assertEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  nodeAssert.deepEqual(actual, expected, message!);
}

/** Fails unless the two are the same. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  nodeAssert.equal(actual, expected, message!);
}

/** Fails unless the value is of the class. */
export function assertInstanceOf<E>(
  value: unknown,
  type: Class<E>,
  message?: string,
): asserts value is E {
  nodeAssert(value instanceof type, message ?? `not a ${type.name}`);
}

function checkError<E extends Error>(
  error: unknown,
  type: Class<E> = Error as unknown as Class<E>,
  includes = "",
): E {
  assertInstanceOf(error, type, `${error} is not a ${type.name}`);
  nodeAssert(
    error.message.includes(includes),
    `"${error.message}" does not include "${includes}"`,
  );
  return error;
}

/** Fails unless the function throws an error of the class, with the words. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  type?: Class<E>,
  includes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new nodeAssert.AssertionError({ message: "did not throw" });
}

/** Fails unless the promise rejects with an error of the class, with the words. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  type?: Class<E>,
  includes?: string,
): Promise<E> {
  const promise = fn();
  try {
    await promise;
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new nodeAssert.AssertionError({ message: "did not reject" });
}

interface FakeTimer {
  id: number;
  due: number;
  every: number | undefined;
  callback: (...args: unknown[]) => void;
  args: unknown[];
}

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};

/** Timers and dates that move only when they are told to. */
export class FakeTime {
  #now: number;
  #ids = 1;
  #timers = new Map<number, FakeTimer>();

  constructor(start: number = real.Date.now()) {
    this.#now = start;
    const now = () => this.#now;
    class FakeDate extends real.Date {
      constructor(...args: unknown[]) {
        super(...(args.length === 0 ? [now()] : args) as [number]);
      }
      static override now(): number {
        return now();
      }
    }
    const clear = (id: unknown) => void this.#timers.delete(id as number);
    const add = (repeat: boolean) =>
    (
      callback: FakeTimer["callback"],
      ms = 0,
      ...args: unknown[]
    ) => {
      const id = this.#ids++;
      const every = repeat ? Math.max(1, ms) : undefined;
      const due = this.#now + Math.max(0, Math.floor(ms));
      this.#timers.set(id, { id, due, every, callback, args });
      return id;
    };
    Object.assign(globalThis, {
      Date: FakeDate,
      setTimeout: add(false),
      clearTimeout: clear,
      setInterval: add(true),
      clearInterval: clear,
    });
  }

  get now(): number {
    return this.#now;
  }

  #first(): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.#timers.values()) {
      if (first === undefined || timer.due < first.due) first = timer;
    }
    return first;
  }

  /** Moves on, and calls what is due on the way. */
  tick(ms = 0): void {
    const end = this.#now + ms;
    for (let t = this.#first(); t && t.due <= end; t = this.#first()) {
      this.#now = t.due;
      if (t.every === undefined) this.#timers.delete(t.id);
      else this.#timers.set(t.id, { ...t, due: t.due + t.every });
      t.callback(...t.args);
    }
    this.#now = end;
  }

  /** Runs all microtasks that are waiting. */
  async runMicrotasks(): Promise<void> {
    await new Promise((resolve) => real.setTimeout(resolve, 0));
  }

  /** `runMicrotasks`, then `tick`. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Moves on to the next timer. False if there is none. */
  next(): boolean {
    const first = this.#first();
    if (first !== undefined) this.tick(first.due - this.#now);
    return first !== undefined;
  }

  /** `runMicrotasks`, then `next`. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Makes time real again. */
  restore(): void {
    Object.assign(globalThis, real);
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}

/** Rejects when the promise takes longer than `ms`. */
export function deadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    const error = new DOMException("Signal timed out.", "TimeoutError");
    timer = setTimeout(() => reject(error), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Rejects when the signal is aborted. */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", abort)
    );
  });
}

/** Tries again, up to `maxAttempts` times. */
export async function retry<T>(
  fn: (() => Promise<T>) | (() => T),
  options: { maxAttempts?: number; minTimeout?: number; jitter?: number } = {},
): Promise<T> {
  const { maxAttempts = 5, minTimeout = 1000 } = options;
  for (let attempt = 1;; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt >= maxAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, minTimeout));
    }
  }
}
