/**
 * The workers of a stream. They are called in the async context of the `map`
 * (law 13), pull from its source, and take its items for as long as those are
 * next in line; anything else is left to whom it belongs. Between their tasks
 * they are parked, and one of them is woken when there may be something to do.
 *
 * Invariants:
 * 1. At least one worker is parked, or woken and about to look around: nobody
 *    else could call one in this context.
 * 2. `#isAwake` while somebody is about to look around, who then sees whatever
 *    anybody wants to wake him for; or while `#call` is about to call one.
 * 3. Nothing that a user's function throws gets out of a worker (law 7).
 *
 * @module
 */

import type { Core } from "./core.ts";
import type { ItemCarrier, StreamItem } from "./stream_item.ts";

const SETTLED = Promise.resolve();

export class Carrier implements ItemCarrier {
  readonly #core: Core;
  readonly #pull: () => void;
  readonly #parked: (() => void)[] = [];
  readonly #park = (resolve: () => void): void => {
    this.#parked.push(resolve);
  };
  readonly #call = (): void => {
    if (this.#isAwake) this.#parked.pop()?.();
  };
  #isAwake = false;

  /** `pull` brings in what the stream wants, and is called in its context. */
  constructor(core: Core, pull: () => void) {
    this.#core = core;
    this.#pull = pull;
    this.#work();
  }

  /** There may be something to pull or to start; it is seen in a later microtask. */
  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    // Not at once: often a worker is done a microtask later and looks around
    // anyway. To call a parked one for each item would cost a third of `map`.
    SETTLED.then(this.#call);
  }

  /** One worker; see {@linkcode Crew}, whose loop this is for results. */
  async #work(): Promise<void> {
    const { attempts, crew, line, runner } = this.#core;
    for (;;) {
      await new Promise<void>(this.#park);
      if (this.#parked.length === 0) this.#work();
      let item = this.#look(undefined);
      while (item !== undefined) {
        const id = crew.takeId();
        let ctx = crew.context(id);
        while (item !== undefined) {
          if (item.track !== undefined) await attempts.attempt(item, id);
          else {
            try {
              const value = await runner.invoke(item.task, ctx);
              this.#isAwake = true;
              crew.settle(item, true);
              item.fulfilled(value);
            } catch (error) {
              this.#isAwake = true;
              crew.settle(item, false);
              if (!item.failed(error, ctx)) runner.report(error, item, ctx);
            }
            if (ctx.looked) {
              ctx.end();
              ctx = crew.context(id);
            }
          }
          item = this.#look(id);
          // It keeps its id, if nobody else wants that: a `map` by one worker takes
          // two thirds of the time then.
          if (item === undefined && line.size === 0) {
            await this.#moment();
            item = this.#look(id);
          }
        }
        ctx.end();
        crew.release(id);
        await this.#moment();
        item = this.#look(undefined);
      }
    }
  }

  /**
   * Whoever reads a result asks for the next one a microtask later: to wait for
   * that is a quarter of what it is to park.
   */
  #moment(): undefined {
    this.#isAwake = true;
  }

  /**
   * Looks around, with or without an id: has the stream pull, and starts an
   * item if one is next.
   */
  #look(id: number | undefined): StreamItem | undefined {
    this.#isAwake = false;
    this.#pull();
    const { crew } = this.#core;
    const item = crew.nextOf(this, id);
    crew.callNext(); // There may be more to do than one can do.
    return item as StreamItem | undefined;
  }
}
