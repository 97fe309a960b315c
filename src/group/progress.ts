/**
 * Snapshots of what a group has counted. Nothing runs here unless a reader asks for the
 * next one.
 *
 * Invariants:
 * 1. There is a timer only while a reader waits for a snapshot. It does not keep the
 *    process alive: a group that is never closed must not.
 * 2. The last snapshot is the state in which the closed group has nothing left.
 *
 * @module
 */

import { milliseconds, options as checked } from "../base/check.ts";
import { Clock } from "../base/clock.ts";
import { DONE, Steps } from "../base/steps.ts";
import { Timer } from "../base/timer.ts";
import { resultsRead } from "./call.ts";
import type { Group } from "./group.ts";
import type { CoGroupStats } from "./state.ts";

/**
 * Options of {@linkcode CoGroup.prototype.progress}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type ProgressOptions } from "@cogroup/cogroup";
 *
 * const options: ProgressOptions = { interval: 100 };
 * await using group = new CoGroup(1);
 * for await (const { accepted } of group.progress(options)) {
 *   assert.equal(accepted, 0);
 *   break;
 * }
 * ```
 */
export interface ProgressOptions {
  /**
   * The least milliseconds between two snapshots.
   *
   * @default {1000}
   */
  interval?: number | undefined;
}

const DOING = "watch progress";

export class Progress extends Steps<CoGroupStats> {
  readonly #group: Group;
  readonly #interval: number;
  readonly #clock = new Clock();
  #last: CoGroupStats | undefined = undefined;
  /** When the next snapshot may be given. */
  #due = 0;
  #isOver = false;
  #tail: Promise<unknown> = Promise.resolve();
  /** Makes a `next` that waits look again. */
  #look: () => void = () => {};

  constructor(group: Group, options: ProgressOptions | undefined) {
    super();
    const { interval = 1000 } = checked(DOING, options) ?? {};
    this.#group = group;
    this.#interval = milliseconds(DOING, "interval", interval);
  }

  override next(): Promise<IteratorResult<CoGroupStats>> {
    // One after the other, as in an async generator.
    const step = this.#tail.then(() => this.#next());
    this.#tail = step;
    return step;
  }

  override leave(): Promise<unknown> {
    this.#isOver = true;
    this.#look();
    return this.#tail;
  }

  async #next(): Promise<IteratorResult<CoGroupStats>> {
    while (!this.#isOver) {
      const isEnd = this.#group.state.isClosed && this.#group.isAtRest;
      const wait = isEnd ? 0 : this.#due - this.#clock.now();
      const stats = this.#group.stats;
      if (isEnd) await resultsRead();
      if (wait <= 0 && !isSame(stats, this.#last)) {
        this.#last = stats;
        this.#due = this.#clock.now() + this.#interval;
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
    const time = this.#clock.now() + ms;
    let timer!: Timer;
    await new Promise<void>((resolve) => {
      this.#look = resolve;
      this.#group.onEnd(resolve);
      timer = new Timer(ms, () => {
        this.#clock.reach(time);
        resolve();
      }).unref();
    });
    this.#group.offEnd(this.#look);
    timer.clear();
  }
}

function isSame(a: CoGroupStats, b: CoGroupStats | undefined): boolean {
  return b !== undefined &&
    (Object.keys(a) as (keyof CoGroupStats)[]).every((key) =>
      a[key] === b[key]
    );
}
