// deno-coverage-ignore-file

/**
 * A queue of one's own that runs the test's code whenever it takes a task in.
 *
 * @module
 */

import type { Queue, QueuedTask } from "../../mod.ts";

/** Calls back when it has taken a value in, and when it has given one away. */
export class TellingQueue implements Queue<QueuedTask> {
  readonly capacity: number;
  readonly #onPush: () => void;
  readonly #onShift: () => void;
  readonly #values: QueuedTask[] = [];

  constructor(
    capacity: number,
    onPush: () => void,
    onShift: () => void = () => {},
  ) {
    this.capacity = capacity;
    this.#onPush = onPush;
    this.#onShift = onShift;
  }

  get size(): number {
    return this.#values.length;
  }

  push(value: QueuedTask): void {
    this.#values.push(value);
    this.#onPush();
  }

  peek(): QueuedTask | undefined {
    return this.#values[0];
  }

  shift(): QueuedTask | undefined {
    const value = this.#values.shift();
    this.#onShift();
    return value;
  }

  drain(): QueuedTask[] {
    return this.#values.splice(0);
  }
}
