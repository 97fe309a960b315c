/**
 * Promises that are settled from elsewhere, with one executor for all of them: a
 * closure for each would take as long to make as the promise does.
 *
 * @module
 */

/** Settles a promise one way or the other. */
export type Settle<T> = (value: T) => void;

class Settlers {
  resolve!: Settle<never>;
  reject!: Settle<unknown>;
}

/**
 * What settles the promise that {@linkcode keep} was the executor of last: to
 * be taken before the next one is made. (Fields, for two variables of a module
 * take 5 ns longer to write.)
 */
export const last: Settlers = new Settlers();

/** The executor. */
export function keep(resolve: Settle<never>, reject: Settle<unknown>): void {
  last.resolve = resolve;
  last.reject = reject;
}
