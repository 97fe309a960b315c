/**
 * Checks of what comes from outside, each with an error that names the option
 * and what was received.
 *
 * @module
 */

import { outOfRange, wrongType } from "./errors.ts";

/** A number, of those that are allowed. */
export function number(
  doing: string,
  name: string,
  wanted: string,
  value: unknown,
  isAllowed: (value: number) => boolean,
): number {
  if (typeof value !== "number") throw wrongType(doing, name, wanted, value);
  if (!isAllowed(value)) throw outOfRange(doing, name, wanted, value);
  return value;
}

/** A whole number of at least `least`, or Infinity. */
export function count(
  doing: string,
  name: string,
  value: unknown,
  least: 0 | 1,
): number {
  const wanted = `a ${
    least === 0 ? "non-negative" : "positive"
  } integer or Infinity`;
  return number(
    doing,
    name,
    wanted,
    value,
    (n) => (n === Infinity || Number.isInteger(n)) && n >= least,
  );
}

/** A time in milliseconds: not negative, and not NaN. Infinity is never. */
export function milliseconds(
  doing: string,
  name: string,
  value: unknown,
): number {
  const wanted = "a non-negative number of milliseconds";
  return number(doing, name, wanted, value, (n) => n >= 0);
}

/** A task's priority: any number. 0 if there is none. */
export function priority(doing: string, value: unknown): number {
  if (value === undefined) return 0;
  const wanted = "a number that is not NaN";
  return number(doing, "priority", wanted, value, (n) => !Number.isNaN(n));
}

/** How much of a limit it takes: a positive, finite number. 1 if there is none. */
export function weight(doing: string, value: unknown): number {
  if (value === undefined) return 1;
  const wanted = "a positive, finite number";
  return number(doing, "weight", wanted, value, (n) => n > 0 && n < Infinity);
}

/** A function. */
export function callable<F>(doing: string, name: string, value: F): F {
  if (typeof value !== "function") {
    throw wrongType(doing, name, "a function", value);
  }
  return value;
}

/** A boolean. */
export function flag(doing: string, name: string, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw wrongType(doing, name, "a boolean", value);
  }
  return value;
}

/** An object with options, or nothing. */
export function options<O extends object>(
  doing: string,
  value: O | undefined,
  name = "options",
): O | undefined {
  if (value !== undefined && (typeof value !== "object" || value === null)) {
    throw wrongType(doing, name, "an object", value);
  }
  return value;
}

/** An AbortSignal, of whatever realm or polyfill it is; or nothing. */
export function abortSignal(
  doing: string,
  value: AbortSignal | undefined,
  name = "signal",
): AbortSignal | undefined {
  if (value === undefined) return undefined;
  const signal = value as Partial<AbortSignal> | null;
  if (
    signal === null || typeof signal !== "object" ||
    typeof signal.aborted !== "boolean" ||
    typeof signal.addEventListener !== "function"
  ) {
    throw wrongType(doing, name, "an AbortSignal", value);
  }
  return value;
}
