/**
 * Nothing, or a value, where `undefined` is a value.
 *
 * @module
 */

/** No value: `undefined` is one. */
export const NONE: unique symbol = Symbol("none");

/** Nothing to take, or a value. */
export type Maybe<T> = T | typeof NONE;
