/**
 * When a failed task is tried again. The fields and their defaults are those
 * of @std/async `retry`.
 *
 * @module
 */

import { callable, count, number, options as checked } from "./check.ts";
import { outOfRange } from "./errors.ts";
import { isThenable } from "./promises.ts";

/**
 * How often, and after how long, a failed task is tried again. Before the attempt
 * `n + 1` it waits `minTimeout * multiplier ** (n - 1)` milliseconds, but never above
 * `maxTimeout`, less what `jitter` leaves to chance.
 *
 * An option that is not what it should be is a RangeError or a TypeError at the call
 * that brings it.
 *
 * @example Only what may go away by itself
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type RetryOptions } from "@cogroup/cogroup";
 *
 * class Busy extends Error {}
 * const retry: RetryOptions = {
 *   maxAttempts: 3,
 *   isRetriable: (error) => error instanceof Busy,
 *   delay: () => 0, // Or what the server says.
 * };
 * await using group = new CoGroup({ concurrency: 1, retry });
 * const task = ({ attempt }: { attempt: number }) => {
 *   if (attempt < 3) throw new Busy();
 *   return attempt;
 * };
 * assert.equal(await group.go(task), 3);
 * ```
 */
export interface RetryOptions {
  /**
   * How often it is tried, the first time included: a positive integer.
   *
   * @default {5}
   */
  maxAttempts?: number | undefined;
  /**
   * Milliseconds before the second attempt, before `jitter`.
   *
   * @default {1000}
   */
  minTimeout?: number | undefined;
  /**
   * Milliseconds that no wait is above.
   *
   * @default {60000}
   */
  maxTimeout?: number | undefined;
  /**
   * How much longer each wait is than the one before: at least 1.
   *
   * @default {2}
   */
  multiplier?: number | undefined;
  /**
   * Which part of each wait is left to chance, from 0 (none) to 1 (all).
   *
   * @default {1}
   */
  jitter?: number | undefined;
  /**
   * Whether to try again after this error. Called once an attempt, and only if
   * there is an attempt left. If it throws, or rejects, the task has failed with that.
   *
   * @default {() => true}
   * @param error What the attempt failed with.
   * @returns Whether to try again, or a promise of that. While it is awaited the
   *   task is in flight. An abort of the group, or of the task's own signal, does
   *   not wait for it: then the task has failed.
   */
  isRetriable?:
    | ((error: unknown) => boolean | PromiseLike<boolean>)
    | undefined;
  /**
   * Milliseconds before the next attempt, for errors that tell (Retry-After).
   * `maxTimeout` and `jitter` do not touch them.
   *
   * @param error What the attempt failed with.
   * @param attempt Which attempt that was, from 1.
   * @returns A finite, non-negative number of milliseconds; undefined for the
   *   wait that there would be without this; or a promise of either. Anything
   *   else fails the task with a RangeError whose `cause` is the error.
   */
  delay?:
    | ((
      error: unknown,
      attempt: number,
    ) => number | undefined | PromiseLike<number | undefined>)
    | undefined;
}

/** Says whether, and when, a failed task is tried again. */
export interface Retries {
  /**
   * Milliseconds until the next attempt; undefined if there is none to come. A
   * promise of that if the user's functions return promises. Throws, or rejects with,
   * what they throw.
   */
  wait(
    error: unknown,
    attempt: number,
  ): number | undefined | Promise<number | undefined>;
}

/** One for all of them: a closure for each policy would be as large as that. */
const always = () => true;

/** The options with all defaults in place. */
interface Rule {
  readonly maxAttempts: number;
  readonly minTimeout: number;
  readonly maxTimeout: number;
  readonly multiplier: number;
  readonly jitter: number;
  readonly isRetriable: NonNullable<RetryOptions["isRetriable"]>;
  readonly delay: RetryOptions["delay"];
}

/** Reads each property once: the value that is checked is the one that counts. */
function ruleOf({
  maxAttempts = 5,
  minTimeout = 1000,
  maxTimeout = 60_000,
  multiplier = 2,
  jitter = 1,
  isRetriable = always,
  delay,
}: RetryOptions): Rule {
  return {
    maxAttempts,
    minTimeout,
    maxTimeout,
    multiplier,
    jitter,
    isRetriable,
    delay,
  };
}

/** RetryOptions that were checked. */
export class RetryPolicy implements Retries {
  readonly #rule: Rule;

  /**
   * The policy by these options: the last one, if that says the same (bench: j). Throws if
   * an option is not what it should be.
   */
  static of(
    doing: string,
    options: RetryOptions,
    last?: Retries,
  ): RetryPolicy {
    const rule = ruleOf(checked(doing, options, "retry")!);
    return last instanceof RetryPolicy && last.#says(rule)
      ? last
      : new RetryPolicy(doing, rule);
  }

  private constructor(doing: string, rule: Rule) {
    const { maxAttempts, minTimeout, maxTimeout, multiplier, jitter } = rule;
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
    callable(doing, "retry.isRetriable", rule.isRetriable);
    if (rule.delay !== undefined) callable(doing, "retry.delay", rule.delay);
    this.#rule = rule;
  }

  #says(rule: Rule): boolean {
    const own = this.#rule;
    return own.maxAttempts === rule.maxAttempts &&
      own.minTimeout === rule.minTimeout &&
      own.maxTimeout === rule.maxTimeout &&
      own.multiplier === rule.multiplier && own.jitter === rule.jitter &&
      own.isRetriable === rule.isRetriable && own.delay === rule.delay;
  }

  /** Whether it asks functions of the user's. */
  get asksUser(): boolean {
    const { isRetriable, delay } = this.#rule;
    return isRetriable !== always || delay !== undefined;
  }

  /** How often a task is tried. */
  get maxAttempts(): number {
    return this.#rule.maxAttempts;
  }

  /** Also throws, or rejects with, a RangeError for an answer that is no wait. */
  wait(
    error: unknown,
    attempt: number,
  ): number | undefined | Promise<number | undefined> {
    if (attempt >= this.#rule.maxAttempts) return undefined;
    const isRetriable = this.#rule.isRetriable(error);
    if (isThenable(isRetriable)) {
      return Promise.resolve(isRetriable).then((isRetriable) =>
        isRetriable ? this.#wait(error, attempt) : undefined
      );
    }
    return isRetriable ? this.#wait(error, attempt) : undefined;
  }

  #wait(
    error: unknown,
    attempt: number,
  ): number | undefined | Promise<number | undefined> {
    const told = this.#rule.delay?.(error, attempt);
    return isThenable(told)
      ? Promise.resolve(told).then((told) => this.#heed(told, error, attempt))
      : this.#heed(told, error, attempt);
  }

  #heed(told: number | undefined, error: unknown, attempt: number): number {
    if (told === undefined) {
      const o = this.#rule;
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
