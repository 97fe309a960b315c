// deno-coverage-ignore-file

/**
 * Where a program's streams and feeds get their values from: it answers when
 * the program says so, and ends as it was told to.
 *
 * @module
 */

import { must } from "./jobs.ts";
import type { SourceSpec } from "./program.ts";

/** What has been asked of a source that has not answered. */
export interface Unanswered {
  readonly source: ProgramSource;
  answer(isWell: boolean): void;
}

/** Who pulls from it, in the model. */
export interface Puller {
  /** It was asked. */
  pulls(): void;
  /** A value for it. */
  make(): unknown;
  /** A value has come, at hand or later; it may be that nobody wants it any more. */
  comes(value: unknown, isAtHand: boolean): void;
  /** There is no more, or it failed. */
  ended(error: { is: unknown } | undefined): void;
  /** Its `return` has failed. */
  closedBadly(error: unknown): void;
}

/** What the source needs of the program. */
export interface SourceHost {
  guard(check: () => void): void;
  nested(spec: SourceSpec): void;
  readonly unanswered: Set<Unanswered>;
  error(what: string): unknown;
}

export class ProgramSource {
  readonly #spec: SourceSpec;
  readonly #host: SourceHost;
  readonly #puller: Puller;
  readonly #name: string;
  #left: number;
  #unanswered: Unanswered | undefined = undefined;
  /** Whether it has ended by itself. */
  hasEnded = false;
  /** Whether the model has closed it. */
  isClosed = false;
  returns = 0;
  /** What it has failed with. */
  error: unknown = undefined;

  constructor(
    name: string,
    spec: SourceSpec,
    host: SourceHost,
    puller: Puller,
  ) {
    this.#name = name;
    this.#spec = spec;
    this.#host = host;
    this.#puller = puller;
    this.#left = spec.items;
  }

  /** The iterable that the group gets. */
  get iterable(): Iterable<never> & AsyncIterable<never> {
    const iterator: Record<string, unknown> = { next: () => this.#next() };
    if (this.#spec.closes !== "none") iterator.return = () => this.#return();
    const isAsync = this.#spec.kind === "async";
    return {
      [isAsync ? Symbol.asyncIterator : Symbol.iterator]: () => iterator,
    } as unknown as Iterable<never> & AsyncIterable<never>;
  }

  /** The model has it closed. */
  close(): void {
    if (this.isClosed || this.hasEnded) return;
    this.isClosed = true;
  }

  /** Whether it has been asked and has not answered. */
  get isAsked(): boolean {
    return this.#unanswered !== undefined;
  }

  /** Whether its `return` was called and never answers. */
  get neverCloses(): boolean {
    return this.returns > 0 && this.#spec.closes === "never";
  }

  /** Whether it was closed as it should be. */
  check(): void {
    must(
      this.hasEnded || this.returns === 1 || this.#spec.closes === "none",
      `law 12: the source of ${this.#name} was not closed`,
    );
  }

  #next(): unknown {
    const { guard } = this.#host;
    guard(() => this.#puller.pulls());
    this.#host.nested(this.#spec);
    if (this.#spec.kind === "async") return this.#later();
    if (this.#left === 0) {
      const { end } = this.#spec;
      this.hasEnded = true;
      const error = end === "fails" ? this.#fail() : undefined;
      guard(() =>
        this.#puller.ended(error === undefined ? undefined : { is: error })
      );
      if (error !== undefined) throw error;
      return { value: undefined, done: true };
    }
    if (this.#spec.kind === "promises") {
      return { value: this.#later(), done: false };
    }
    this.#left--;
    const value = this.#puller.make();
    guard(() => this.#puller.comes(value, true));
    return { value, done: false };
  }

  /** A promise, which is settled when the program says so. */
  #later(): Promise<unknown> {
    const isAsync = this.#spec.kind === "async";
    const promise = new Promise((resolve, reject) => {
      const unanswered: Unanswered = {
        source: this,
        answer: (isWell) => {
          this.#host.unanswered.delete(unanswered);
          const isEnd = this.#left === 0;
          if (!isWell || (isEnd && this.#spec.end === "fails")) {
            return reject(this.#fail());
          }
          if (isEnd) return resolve({ value: undefined, done: true });
          this.#left--;
          const value = this.#puller.make();
          resolve(isAsync ? { value, done: false } : value);
        },
      };
      this.#unanswered = unanswered;
      this.#host.unanswered.add(unanswered);
    });
    this.#follow(promise, isAsync);
    return promise;
  }

  /** Tells the model of the answer in the moment before the group hears of it. */
  #follow(promise: Promise<unknown>, isAsync: boolean): void {
    const { guard } = this.#host;
    promise.then((step) => {
      this.#unanswered = undefined;
      guard(() => {
        if (!isAsync) return this.#puller.comes(step, false);
        const { value, done } = step as IteratorResult<unknown>;
        if (done) {
          this.hasEnded = true;
          this.#puller.ended(undefined);
        } else this.#puller.comes(value, false);
      });
    }, (error) => {
      this.#unanswered = undefined;
      // The iterator itself has failed; one of promises has not.
      if (isAsync) this.hasEnded = true;
      guard(() => this.#puller.ended({ is: error }));
    });
  }

  #return(): unknown {
    this.returns++;
    this.#host.guard(() => {
      must(this.returns === 1, `law 12: ${this.#name} closed its source twice`);
      must(
        !this.hasEnded,
        `law 12: ${this.#name} closed a source that had ended`,
      );
    });
    const { closes } = this.#spec;
    if (closes === "throws") {
      const error = this.#host.error(`${this.#name} return()`);
      queueMicrotask(() =>
        this.#host.guard(() => this.#puller.closedBadly(error))
      );
      throw error;
    }
    if (closes === "never") return new Promise(() => {});
    return this.#spec.kind === "async" ? Promise.resolve({ done: true }) : {};
  }

  #fail(): unknown {
    return this.error = this.#host.error(`${this.#name} source`);
  }
}
