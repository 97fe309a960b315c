/**
 * A line that is told in each test how many takers are idle.
 */

import { Line } from "../../src/line.ts";
import type { Queue } from "../../src/queue.ts";

export class IdleLine<T> extends Line<T> {
  #idle = 0;

  constructor(
    queue: Queue<T>,
    isLive?: (value: T) => boolean,
    onEvict?: (value: T) => void,
  ) {
    super(queue, isLive, onEvict, () => this.#idle);
  }

  /** The line, for which so many takers are idle from now on. */
  with(idle: number): this {
    this.#idle = idle;
    return this;
  }
}
