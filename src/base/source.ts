/**
 * An iterable, sync or async, from which one puller pulls, and which can be
 * stopped while a pull is not answered.
 *
 * Invariants:
 * 1. There is at most one pull at a time, and each is answered once: by what
 *    `pull` returns or throws, or later by `comes` or `fails`, also after a
 *    stop. So no value and no error of a pull is lost.
 * 2. `return` is called once, and only if the source has not ended by itself
 *    (law 12); never inside a call of `next`, where a generator would refuse it.
 * 3. An error of `return` goes to the first call of `closed`, or else to `lost`.
 * 4. `#unpulled` has the promises of an array that were not pulled yet. Each has
 *    a handler, so that its rejection is not an unhandled one meanwhile.
 *
 * @module
 */

import { wrongType } from "./errors.ts";
import { sleep } from "./probe.ts";
import {
  deferred,
  ignore,
  type Maybe,
  NONE,
  promiseIn,
  SETTLED,
} from "./promises.ts";
import { Timer } from "./timer.ts";

/** What a {@linkcode Source} is made of. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** What a source tells its puller. */
export interface Puller<T> {
  /** The answer to a pull: the value, or NONE if there is none any more. */
  comes(value: Maybe<T>): void;
  /**
   * The answer to a pull: it failed. That ends the source, unless what failed is a
   * promise among its values.
   */
  fails(error: unknown): void;
  /** An error that belongs to no pull, and that no promise carries. */
  lost(error: unknown): void;
}

/** The answer to a pull comes later. */
export const LATER: unique symbol = Symbol("later");

/**
 * How many milliseconds `closed` waits for the answer to a pull that was under way at
 * the stop. A generator cleans up only after that answer; a source that never gives it
 * must not hold up for ever what waits for the clean-up.
 */
export const PATIENCE = 500;

const { then } = Promise.prototype;

function promiseOf(answer: unknown): Promise<unknown> {
  try {
    return Promise.resolve(answer);
  } catch (error) {
    return Promise.reject(error); // The promise has a `constructor` that throws.
  }
}

export class Source<T> {
  /** What it was made of. */
  readonly given: AnyIterable<T>;
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  readonly #isAsync: boolean;
  readonly #puller: Puller<T>;
  readonly #unpulled: Set<unknown> | undefined;
  #isOver = false;
  /** Whether `next` is being called. */
  #isAsking = false;
  /** Whether a pull is under way. */
  #isUnanswered = false;
  #onAnswer: (() => void) | undefined = undefined;
  #closing: Promise<void> = SETTLED;
  #closed: Promise<void> | undefined = undefined;

  constructor(doing: string, source: AnyIterable<T>, puller: Puller<T>) {
    const from = source as AsyncIterable<T> & Iterable<T>;
    const iterate = from?.[Symbol.asyncIterator] ?? from?.[Symbol.iterator];
    if (typeof iterate !== "function") {
      throw wrongType(doing, "source", "an iterable or async iterable", source);
    }
    this.given = source;
    this.#puller = puller;
    this.#isAsync = typeof from[Symbol.asyncIterator] === "function";
    this.#iterator = iterate.call(from) as Iterator<T> | AsyncIterator<T>;
    this.#unpulled = Array.isArray(source) ? promisesIn(source) : undefined;
  }

  /** Whether there is nothing more to pull. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The next value, or NONE if there is none any more; LATER where the source
   * does not have it at hand. Throws what the source fails with, as `fails`
   * would tell it. The source may be stopped inside this call.
   */
  pull(): Maybe<T> | typeof LATER {
    if (this.#isOver) return NONE;
    let value: Maybe<T>;
    try {
      this.#isAsking = true;
      const step = this.#iterator.next();
      this.#isAsking = false;
      if (this.#isAsync) {
        this.#follow(step, this.#onStep, this.#onStepFails);
        if (this.#isOver) this.#close();
        return LATER;
      }
      const wasStopped = this.#isOver;
      value = this.#read(step as IteratorResult<T>);
      if (wasStopped && value !== NONE) this.#close();
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    const promise = promiseIn(value);
    return promise === undefined ? value : this.#await(value, promise);
  }

  /**
   * Pulls no more, and closes the source. A pull that is under way is answered all
   * the same, if the source ever answers it.
   */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isAsking) this.#close();
  }

  /**
   * Resolves when the source, which was stopped or has ended, is closed; with
   * `isAnswered`, when the pull that was under way is answered, too. Waits for that
   * pull no longer than PATIENCE. The first call rejects with what `return` fails with.
   */
  closed(isAnswered = false): Promise<void> {
    if (this.#closed !== undefined) return this.#closed.catch(ignore);
    return this.#closed = this.#whenClosed(isAnswered);
  }

  async #whenClosed(isAnswered: boolean): Promise<void> {
    await undefined; // A stop inside a call of `next` has closed it by then.
    const closing = this.#closing;
    if (this.#isUnanswered && !await this.#isInTime(isAnswered)) {
      closing.catch((error) => this.#puller.lost(error));
    } else await closing;
  }

  /** Whether the pull that is under way is answered, or the source closed, in time. */
  #isInTime(isAnswered: boolean): Promise<boolean> {
    const { promise, resolve } = deferred<boolean>();
    let isOver = false;
    const settle = (isInTime: boolean) => {
      isOver = true;
      timer.clear();
      resolve(isInTime);
    };
    const timer = new Timer(PATIENCE, () => settle(false));
    // A test may take its fake timers away, and never move them on.
    const watch = () =>
      sleep(PATIENCE, () => {
        if (isOver) return;
        if (timer.isLost) settle(false);
        else watch();
      });
    watch();
    const inTime = this.#onAnswer = () => settle(true);
    if (!isAnswered) this.#closing.then(inTime, inTime);
    return promise;
  }

  #close(): void {
    const closing = this.#closing = this.#return();
    closing.catch((error) => {
      if (this.#closed !== undefined) return;
      this.#closing = SETTLED;
      this.#puller.lost(error);
    });
    for (const promise of this.#unpulled ?? []) {
      then.call(promise, ignore, (error) => this.#puller.lost(error));
    }
  }

  async #return(): Promise<void> {
    await this.#iterator.return?.();
  }

  #read(step: IteratorResult<T>): Maybe<T> {
    if (step === null || typeof step !== "object") {
      throw wrongType("iterate", "what next returns", "an object", step);
    }
    if (!step.done) return step.value;
    this.#isOver = true;
    return NONE;
  }

  /** As `for await` does: an iterable of promises is one of their values. */
  #await(value: unknown, promise: Promise<unknown>): typeof LATER {
    this.#unpulled?.delete(value);
    return this.#follow(promise, this.#onValue, this.#onFailure);
  }

  // The functions are fields, so that a pull need not make any.
  #follow(
    answer: unknown,
    onAnswer: (answer: never) => void,
    onFailure: (error: unknown) => void,
  ): typeof LATER {
    this.#isUnanswered = true;
    then.call(promiseOf(answer), onAnswer as () => void, onFailure);
    return LATER;
  }

  readonly #onStep = (step: IteratorResult<T>): void => {
    let value: Maybe<T>;
    try {
      value = this.#read(step);
    } catch (error) {
      return this.#onStepFails(error);
    }
    const promise = promiseIn(value);
    if (promise === undefined) this.#onValue(value);
    else this.#await(value, promise);
  };

  readonly #onStepFails = (error: unknown): void => {
    this.#isOver = true;
    this.#onFailure(error);
  };

  readonly #onValue = (value: Maybe<T>): void => {
    this.#answered();
    this.#puller.comes(value);
  };

  readonly #onFailure = (error: unknown): void => {
    this.#answered();
    this.#puller.fails(error);
  };

  #answered(): void {
    this.#isUnanswered = false;
    this.#onAnswer?.();
  }
}

/**
 * The promises among the values, each with a handler from now on. Only genuine
 * promises: to read the `then` of another thenable may set off what it stands for.
 */
function promisesIn(values: readonly unknown[]): Set<unknown> | undefined {
  let promises: Set<unknown> | undefined;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(value instanceof Promise)) continue;
    then.call(value, ignore, ignore);
    (promises ??= new Set()).add(value);
  }
  return promises;
}
