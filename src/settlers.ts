/**
 * Promises that are settled from elsewhere, with one executor for all of them: a
 * closure for each would take as long to make as the promise does.
 *
 * @module
 */

/** Settles a promise one way or the other. */
export type Settle<T> = (value: T) => void;

// Fields, for two variables of a module take 5 ns longer to write.
class Settlers {
  resolve: Settle<never> | undefined = undefined;
  reject: Settle<unknown> | undefined = undefined;
}

const last = new Settlers();

/** The executor of a promise that is settled from elsewhere. */
export function keep(resolve: Settle<never>, reject: Settle<unknown>): void {
  last.resolve = resolve;
  last.reject = reject;
}

/**
 * Takes what resolves the promise that was just made with {@linkcode keep}. It
 * is not kept here: it would keep hold of whatever it resolved that promise with.
 */
export function lastResolve<T>(): Settle<T> {
  const { resolve } = last;
  last.resolve = undefined;
  return resolve as Settle<T>;
}

/** Takes what rejects it. */
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

/** A promise that is settled from elsewhere, where an object more doesn't matter. */
export function deferred<T>(): Deferred<T> {
  const promise = new Promise<T>(keep);
  return { promise, resolve: lastResolve<T>(), reject: lastReject() };
}
