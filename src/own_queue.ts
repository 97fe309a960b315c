/**
 * What tells this library's own queues, which can be trusted, from those that
 * have to be watched.
 *
 * @module
 */

import type { Queue } from "./queue.ts";

/** What happens to a value for which there is no room. */
export type WhenFull = NonNullable<Queue<unknown>["whenFull"]>;

/** A queue that keeps what {@linkcode Queue} promises. Nobody else can make one. */
export abstract class OwnQueue<T> implements Queue<T> {
  abstract readonly capacity: number;
  abstract readonly whenFull: WhenFull;
  abstract readonly size: number;
  abstract push(value: T): void;
  abstract peek(): T | undefined;
  abstract shift(): T | undefined;
  abstract drain(): T[];
  done?(value: T): void;
  /** Whether a channel or a group has it; then it is theirs alone. */
  isTaken = false;

  /** Takes in again what it had, whatever has become of that since. Never throws. */
  pushAgain(value: T): void {
    this.push(value);
  }

  /**
   * Takes out the value that it was just peeked at, which will not be used: to
   * the others it is as if that had never been here.
   */
  discard(): void {
    const value = this.shift() as T;
    this.done?.(value);
  }

  /** Throws what `push` will throw, for a value that is pushed later. */
  vet(_value: T): void {}
}
