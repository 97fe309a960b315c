/**
 * Makes the group's own workers check whether something can start.
 *
 * Invariants:
 * 1. `isRung` is true from a ring until the workers have looked. A caller that finds it
 *    true need do nothing more: they look at everything there is to do.
 * 2. They look in a later microtask than the ring (law 3), in the async context of
 *    the call of `answer` (law 13). On workerd that is the context of the ring.
 *
 * @module
 */

import { HAS_REQUESTS } from "../base/probe.ts";
import { keep, lastResolve, type Settle } from "../base/promises.ts";

export class Bell {
  #resolve: Settle<void> | undefined = undefined;
  isRung = false;

  ring(): void {
    if (this.isRung) return;
    this.isRung = true;
    this.#resolve?.();
  }

  /** From now on each ring has `look` called. Once. */
  answer(look: () => void): void {
    if (HAS_REQUESTS) this.#answerThere(look);
    else this.#answerHere(look);
  }

  async #answerHere(look: () => void): Promise<void> {
    for (;;) {
      this.isRung = false;
      const ring = new Promise<void>(keep);
      this.#resolve = lastResolve();
      await ring;
      look();
    }
  }

  // WARNING: a promise that waits for the ring is lost on workerd with the request that
  // has made it, and so is each task that a later request brings.
  #answerThere(look: () => void): void {
    this.#resolve = async () => {
      await undefined;
      look();
      this.isRung = false;
    };
  }
}
