/**
 * Promises that other code settles, and values that may be promises.
 *
 * @module
 */

/** The absence of a value: `undefined` is a value. */
export const NONE: unique symbol = Symbol("none");

/** Nothing, or a value. */
export type Maybe<T> = T | typeof NONE;

/** Settles a promise one way or the other. */
export type Settle<T> = (value: T) => void;

// Fields of an object: two variables of a module take 5 ns longer to write.
class Settlers {
  resolve: Settle<never> | undefined = undefined;
  reject: Settle<unknown> | undefined = undefined;
}

const last = new Settlers();

/**
 * The executor of a promise that other code settles. There is one for all of them: to
 * make a closure for each takes as long as to make the promise.
 */
export function keep(resolve: Settle<never>, reject: Settle<unknown>): void {
  last.resolve = resolve;
  last.reject = reject;
}

/**
 * Takes what resolves the promise that was just made with {@linkcode keep}. It is
 * not kept here, for it keeps hold of the value with which it resolves.
 */
export function lastResolve<T>(): Settle<T> {
  const { resolve } = last;
  last.resolve = undefined;
  return resolve as Settle<T>;
}

/** Takes what rejects that promise. */
export function lastReject(): Settle<unknown> {
  const { reject } = last;
  last.reject = undefined;
  return reject as Settle<unknown>;
}

/** A promise, and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: Settle<T>;
  readonly reject: Settle<unknown>;
}

/** A promise that other code settles, where one object more does not matter. */
export function deferred<T>(): Deferred<T> {
  const promise = new Promise<T>(keep);
  return { promise, resolve: lastResolve<T>(), reject: lastReject() };
}

/** For what needs no answer: a rejection, a timer's end. */
export function ignore(): void {}

const { then } = Promise.prototype;
const resolved = Promise.resolve.bind(Promise) as <T>(value: T) => Promise<T>;

/**
 * Calls one of the two when `await` of the value would go on. As there, a `then` of its own
 * that a promise of the engine's has is not asked. Throws what a getter of it throws. A
 * promise must not answer differently each time that it is asked for its `constructor`.
 */
export function afterwards<R>(
  value: unknown,
  onFulfilled: (value: unknown) => R,
  onRejected: (error: unknown) => R,
): Promise<R> {
  return then.call(resolved(value), onFulfilled, onRejected) as Promise<R>;
}

/** To do something one microtask later. */
export const SETTLED: Promise<void> = Promise.resolve();

/** Calls the user's function. What that throws, or rejects with, goes to `onError`. */
export function tell(call: () => unknown, onError: Settle<unknown>): void {
  try {
    const result = call();
    if (result !== undefined) Promise.resolve(result).catch(onError);
  } catch (error) {
    onError(error);
  }
}

/** A rejection that need not be handled (law 6). */
export function rejectQuietly(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(ignore);
  return promise;
}

/** Whether the value has a `then`. Throws what a getter of it throws. */
export function isThenable<T>(value: T): value is T & PromiseLike<Awaited<T>> {
  return (typeof value === "object" || typeof value === "function") &&
    typeof (value as { then?: unknown } | null)?.then === "function";
}

/**
 * A promise of what `await` would make of the value; undefined if that is the
 * value itself. Never throws: a thenable that does gives a promise that rejects.
 */
export function promiseIn<T>(value: T): Promise<Awaited<T>> | undefined {
  if (typeof value !== "object" && typeof value !== "function") return;
  try {
    return isThenable(value) ? Promise.resolve(value) : undefined;
  } catch (error) {
    return Promise.reject(error);
  }
}
