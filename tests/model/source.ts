// deno-coverage-ignore-file

/**
 * Where a program's streams and feeds get their values from: it answers when
 * the program says so, and ends as it was told to.
 *
 * @module
 */

import { must } from "./jobs.ts";
import type { SourceSpec } from "./program.ts";

/**
 * How many microtasks lie between the answer of a source and its arrival in
 * the group. The model hears of it in the moment before.
 */
const HOPS = { async: 3, promises: 2 };

/** What has been asked of a source that has not answered. */
export interface Pending {
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
  /** The pull was given up by a stop. */
  gaveUp(): void;
}

/** What the source needs of the program. */
export interface SourceHost {
  guard(check: () => void): void;
  nested(spec: SourceSpec): void;
  readonly pending: Set<Pending>;
  error(what: string): unknown;
}

export class ProgramSource {
  readonly #spec: SourceSpec;
  readonly #host: SourceHost;
  readonly #puller: Puller;
  readonly #name: string;
  #left: number;
  #pending: Pending | undefined = undefined;
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
    if (this.#pending === undefined) return;
    this.#host.pending.delete(this.#pending);
    this.#giveUp();
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
      const pending: Pending = {
        source: this,
        answer: (isWell) => {
          this.#host.pending.delete(pending);
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
      // Closed in its own call: nobody waits for an answer, and there is none.
      if (this.isClosed) return this.#host.guard(() => this.#puller.gaveUp());
      this.#pending = pending;
      this.#host.pending.add(pending);
    });
    this.#follow(promise, isAsync);
    return promise;
  }

  #giveUp(): void {
    this.#pending = undefined;
    queueMicrotask(() => this.#host.guard(() => this.#puller.gaveUp()));
  }

  /** Tells the model of the answer in the moment before the group hears of it. */
  #follow(promise: Promise<unknown>, isAsync: boolean): void {
    const { guard } = this.#host;
    const pending = this.#pending;
    if (pending === undefined) return;
    const isMine = () => {
      if (this.#pending !== pending) return false;
      this.#pending = undefined;
      return true;
    };
    let arrival: Promise<unknown> = promise;
    for (let hops = isAsync ? HOPS.async : HOPS.promises; hops > 1; hops--) {
      arrival = arrival.then((step) => {
        const { done } = step as IteratorResult<unknown>;
        if (isAsync && done) this.hasEnded = true;
        return step;
      }, (error) => {
        // The iterator itself has failed; one of promises has not.
        if (isAsync && hops === 2) this.hasEnded = true;
        throw error;
      });
    }
    arrival.then((step) => {
      if (!isMine()) return;
      guard(() => {
        if (!isAsync) return this.#puller.comes(step, false);
        const { value, done } = step as IteratorResult<unknown>;
        if (done) this.#puller.ended(undefined);
        else this.#puller.comes(value, false);
      });
    }, (error) => {
      if (isMine()) guard(() => this.#puller.ended({ is: error }));
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
    if (closes === "throws") throw this.#host.error(`${this.#name} return()`);
    if (closes === "never") return new Promise(() => {});
    return this.#spec.kind === "async" ? Promise.resolve({ done: true }) : {};
  }

  #fail(): unknown {
    return this.error = this.#host.error(`${this.#name} source`);
  }
}
