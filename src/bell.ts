/**
 * What wakes the one that listens: an async iterator with a step for any
 * number of rings since the last one.
 *
 * Invariants:
 * 1. `isRung` from a ring until the listener asks for the next step. So
 *    whoever finds it rung can leave the rest to the listener, which looks at
 *    everything there is to do before it asks again.
 * 2. A step comes in a later microtask than its ring (law 3).
 *
 * @module
 */

const STEP: IteratorResult<void> = { value: undefined, done: false };

export class Bell implements AsyncIterableIterator<void> {
  #resolve: ((step: IteratorResult<void>) => void) | undefined = undefined;
  #isRung = false;

  get isRung(): boolean {
    return this.#isRung;
  }

  ring(): void {
    if (this.#isRung) return;
    this.#isRung = true;
    this.#resolve?.(STEP);
  }

  next(): Promise<IteratorResult<void>> {
    this.#isRung = false;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
