/**
 * Snapshots of a group's books, for those who like to watch. Nothing here runs
 * unless somebody asks for the next one.
 *
 * Invariants:
 * 1. There is a timer only while somebody waits for a snapshot. It does not
 *    keep the process alive: a group that nobody closes must not.
 * 2. The last snapshot is the state in which the closed group has nothing left.
 *
 * @module
 */

import type { CoGroupStats } from "./books.ts";
import { milliseconds, options as checked } from "./check.ts";
import type { Core } from "./core.ts";
import { LONGEST } from "./delays.ts";

/** Options of {@linkcode CoGroup.progress}. */
export interface ProgressOptions {
  /**
   * The least milliseconds between two snapshots.
   *
   * @default {1000}
   */
  interval?: number;
}

const DOING = "watch progress";
const DONE: IteratorResult<CoGroupStats> = { value: undefined, done: true };

export class Progress implements AsyncIterableIterator<CoGroupStats> {
  readonly #core: Core;
  readonly #interval: number;
  #last: CoGroupStats | undefined = undefined;
  #lastTime = 0;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #isOver = false;
  #tail: Promise<unknown> = Promise.resolve();
  /** Has whoever waits look again. */
  #look: () => void = () => {};

  constructor(core: Core, options: ProgressOptions | undefined) {
    const { interval = 1000 } = checked(DOING, options) ?? {};
    this.#core = core;
    this.#interval = milliseconds(DOING, "interval", interval);
  }

  next(): Promise<IteratorResult<CoGroupStats>> {
    // One after the other, as an async generator would.
    const step = this.#tail.then(() => this.#next());
    this.#tail = step;
    return step;
  }

  return(): Promise<IteratorResult<CoGroupStats>> {
    this.#isOver = true;
    this.#look();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #next(): Promise<IteratorResult<CoGroupStats>> {
    while (!this.#isOver) {
      const isEnd = this.#core.isClosed && this.#core.isAtRest;
      const wait = isEnd ? 0 : this.#lastTime + this.#interval - Date.now();
      const stats = this.#core.stats;
      if (wait <= 0 && !isSame(stats, this.#last)) {
        this.#last = stats;
        this.#lastTime = Date.now();
        return { value: stats, done: false };
      }
      if (isEnd) break;
      await this.#pause(wait > 0 ? wait : this.#interval);
    }
    this.#isOver = true;
    return DONE;
  }

  /** Waits for so long, for the end of the group, or for `return`. */
  async #pause(ms: number): Promise<void> {
    const timeout = Math.min(ms, this.#interval, LONGEST);
    await new Promise<void>((resolve) => {
      this.#look = resolve;
      this.#core.onEnd(resolve);
      this.#timer = setTimeout(resolve, timeout);
      (this.#timer as { unref?: () => void }).unref?.();
    });
    this.#core.offEnd(this.#look);
    clearTimeout(this.#timer);
  }
}

function isSame(a: CoGroupStats, b: CoGroupStats | undefined): boolean {
  return b !== undefined &&
    (Object.keys(a) as (keyof CoGroupStats)[]).every((key) =>
      a[key] === b[key]
    );
}
