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
    for (;;) {
      await new Promise<void>(this.#park);
      if (this.#parked.length === 0) this.#work();
      let item = this.#look(undefined);
      while (item !== undefined) {
        await this.#run(item);
        item = this.#look(undefined);
      }
    }
  }

  /** Runs an item, and whatever there is to run after it. Never rejects. */
  async #run(first: StreamItem): Promise<void> {
    const { attempts, crew, runner } = this.#core;
    const id = crew.takeId();
    let ctx = crew.context(id);
    let item: StreamItem | undefined = first;
    do {
      for (; item !== undefined; item = this.#look(id)) {
        if (item.track !== undefined) {
          await attempts.attempt(item, id);
          continue;
        }
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
      // Whoever reads a result asks for the next one a microtask later. To wait for
      // that is a quarter of what it is to park; and to keep the id meanwhile, a
      // third of what a `map` by one worker takes.
      this.#isAwake = true;
      await undefined;
      item = this.#look(id);
    } while (item !== undefined);
    ctx.end();
    crew.release(id);
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
