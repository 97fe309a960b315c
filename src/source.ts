/**
 * An iterable, of either kind, from which one consumer pulls, and which can be
 * stopped while it does not answer.
 *
 * Invariants:
 * 1. There is at most one pull at a time.
 * 2. `return` is called once, and only if the source has not ended by itself
 *    (law 12). Nobody waits for it, and what it throws is nobody's: by then the
 *    consumer has a better reason, or none.
 *
 * @module
 */

import { wrongType } from "./errors.ts";
import { type Maybe, NONE } from "./maybe.ts";

/** What a {@linkcode Source} is made of. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

const ignore = () => {};

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    typeof (value as PromiseLike<unknown>).then === "function";
}

export class Source<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  readonly #isAsync: boolean;
  #isOver = false;
  #onStop: (() => void) | undefined = undefined;

  constructor(doing: string, source: AnyIterable<T>) {
    const from = source as AsyncIterable<T> & Iterable<T>;
    const iterate = from?.[Symbol.asyncIterator] ?? from?.[Symbol.iterator];
    if (typeof iterate !== "function") {
      throw wrongType(doing, "source", "an iterable or async iterable", source);
    }
    this.#isAsync = typeof from[Symbol.asyncIterator] === "function";
    this.#iterator = iterate.call(from) as Iterator<T> | AsyncIterator<T>;
  }

  /** Whether there is nothing more to pull. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The next value; a promise of it where the source does not have it at hand;
   * NONE if there is none any more. Throws, or rejects, with what the source
   * fails with; the source has ended by that.
   */
  pull(): Maybe<T> | Promise<Maybe<T>> {
    if (this.#isOver) return NONE;
    let value: Maybe<T>;
    try {
      const step = this.#iterator.next();
      if (this.#isOver) { // Stopped in its own call: nobody waits for the answer.
        if (this.#isAsync) Promise.resolve(step).catch(ignore);
        return NONE;
      }
      if (this.#isAsync) {
        return this.#whileOpen(
          Promise.resolve(step).then((step) => this.#read(step)),
        );
      }
      value = this.#read(step as IteratorResult<T>);
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    // As `for await` does: an iterable of promises is one of their values.
    return isThenable(value)
      ? this.#whileOpen(Promise.resolve(value) as Promise<T>)
      : value;
  }

  /** Pulls no more: closes the source, and ends the pull that is under way. */
  stop(): void {
    if (this.#isOver) return;
    this.#onStop?.();
    this.#close();
  }

  #close(): void {
    this.#isOver = true;
    try {
      const answer: unknown = this.#iterator.return?.();
      if (isThenable(answer)) Promise.resolve(answer).catch(ignore);
    } catch {
      // Invariant 2.
    }
  }

  #read(step: IteratorResult<T>): Maybe<T> {
    if (step === null || typeof step !== "object") {
      throw wrongType("iterate", "what next returns", "an object", step);
    }
    if (!step.done) return step.value;
    this.#isOver = true;
    return NONE;
  }

  /** Waits for the answer, or for `stop`, without leaving anything on either. */
  #whileOpen(answer: Promise<Maybe<T>>): Promise<Maybe<T>> {
    return new Promise((resolve, reject) => {
      this.#onStop = () => resolve(NONE);
      answer.then(resolve, (error) => {
        // An async source that fails has ended; one of promises has not.
        if (this.#isAsync) this.#isOver = true;
        else if (!this.#isOver) this.#close();
        reject(error);
      });
    });
  }
}
