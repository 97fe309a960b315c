/**
 * When a failed task is tried again. The fields and their defaults are those
 * of @std/async `retry`.
 *
 * @module
 */

import { callable, count, number, options as checked } from "./check.ts";
import { outOfRange } from "./errors.ts";

/** How often, and after how long, a failed task is tried again. */
export interface RetryOptions {
  /**
   * How often it is tried, the first time included: a positive integer.
   *
   * @default {5}
   */
  maxAttempts?: number;
  /**
   * Milliseconds before the second attempt, before `jitter`.
   *
   * @default {1000}
   */
  minTimeout?: number;
  /**
   * Milliseconds that no wait is above.
   *
   * @default {60000}
   */
  maxTimeout?: number;
  /**
   * How much longer each wait is than the one before: at least 1.
   *
   * @default {2}
   */
  multiplier?: number;
  /**
   * Which part of each wait is left to chance, from 0 (none) to 1 (all).
   *
   * @default {1}
   */
  jitter?: number;
  /**
   * Whether to try again after this error. Asked once an attempt, and only if
   * there is an attempt left. If it throws, the task has failed with that.
   *
   * @default {() => true}
   * @param error What the attempt failed with.
   * @returns Whether to try again.
   */
  isRetriable?: (error: unknown) => boolean;
  /**
   * Milliseconds before the next attempt, for errors that tell (Retry-After).
   * `maxTimeout` and `jitter` do not touch them.
   *
   * @param error What the attempt failed with.
   * @param attempt Which attempt that was, from 1.
   * @returns A finite, non-negative number of milliseconds; undefined for the
   *   wait that there would be without this. Anything else fails the task with
   *   a RangeError whose `cause` is the error.
   */
  delay?: (error: unknown, attempt: number) => number | undefined;
}

/** RetryOptions that were checked, with all defaults in place. */
export class RetryPolicy {
  readonly #options: Required<Omit<RetryOptions, "delay">>;
  readonly #delay: RetryOptions["delay"];

  /** Throws if one of the options is not what it should be. */
  constructor(doing: string, options: RetryOptions) {
    const {
      maxAttempts = 5,
      minTimeout = 1000,
      maxTimeout = 60_000,
      multiplier = 2,
      jitter = 1,
      isRetriable = () => true,
      delay,
    } = checked(doing, options, "retry")!;
    count(doing, "retry.maxAttempts", maxAttempts, 1);
    number(
      doing,
      "retry.maxTimeout",
      "a positive number of milliseconds",
      maxTimeout,
      (n) => n > 0,
    );
    number(
      doing,
      "retry.minTimeout",
      `a number of milliseconds from 0 to maxTimeout (${maxTimeout})`,
      minTimeout,
      (n) => n >= 0 && n <= maxTimeout,
    );
    number(
      doing,
      "retry.multiplier",
      "a finite number of at least 1",
      multiplier,
      (n) => n >= 1 && n < Infinity,
    );
    number(
      doing,
      "retry.jitter",
      "a number from 0 to 1",
      jitter,
      (n) => n >= 0 && n <= 1,
    );
    callable(doing, "retry.isRetriable", isRetriable);
    if (delay !== undefined) callable(doing, "retry.delay", delay);
    this.#options = {
      maxAttempts,
      minTimeout,
      maxTimeout,
      multiplier,
      jitter,
      isRetriable,
    };
    this.#delay = delay;
  }

  /**
   * Milliseconds until the next attempt; undefined if there is none to come.
   * Throws what the caller's functions throw, or what their answers deserve.
   */
  wait(error: unknown, attempt: number): number | undefined {
    const o = this.#options;
    if (attempt >= o.maxAttempts || !o.isRetriable(error)) return undefined;
    const told = this.#delay?.(error, attempt);
    if (told === undefined) {
      const backoff = o.minTimeout * o.multiplier ** (attempt - 1);
      return (1 - o.jitter * Math.random()) * Math.min(o.maxTimeout, backoff);
    }
    if (typeof told === "number" && told >= 0 && told < Infinity) return told;
    const wanted = "a finite, non-negative number of milliseconds or undefined";
    const wrong = outOfRange("retry", "what delay returns", wanted, told);
    wrong.cause = error;
    throw wrong;
  }
}
