/**
 * The workers of a stream. They are called in the async context of the `map`
 * (law 13), and take the stream's items for as long as those are next in line;
 * anything else is left to whom it belongs.
 *
 * Invariants:
 * 1. `#summoned` is the item that the group has called, and none but it.
 * 2. Nothing that a user's function throws gets out of a worker (law 7).
 *
 * @module
 */

import { Bell } from "./bell.ts";
import type { Core } from "./core.ts";
import type { ItemCarrier, StreamItem } from "./stream_item.ts";

export class Carrier implements ItemCarrier {
  readonly #core: Core;
  readonly #bell = new Bell();
  #summoned: StreamItem | undefined = undefined;

  constructor(core: Core) {
    this.#core = core;
    this.#dispatch();
  }

  summon(item: StreamItem): void {
    this.#summoned = item;
    this.#bell.ring();
  }

  /** Sends out a worker when it is an item's turn. */
  async #dispatch(): Promise<void> {
    const { crew } = this.#core;
    for await (const _ of this.#bell) {
      // To claim one may summon the next.
      for (let item = this.#takeTurn(); item; item = this.#takeTurn()) {
        const id = item.state === "queued" ? crew.claim(item) : -1;
        if (id >= 0) this.#work(item, id);
      }
    }
  }

  #takeTurn(): StreamItem | undefined {
    const item = this.#summoned;
    this.#summoned = undefined;
    return item;
  }

  /** One worker; see {@linkcode Crew}, whose loop this is for results. */
  async #work(first: StreamItem, id: number): Promise<void> {
    const { attempts, crew, runner } = this.#core;
    let ctx = crew.context(id);
    for (
      let item: StreamItem | undefined = first;
      item !== undefined;
      item = crew.nextOf(this, id) as StreamItem | undefined
    ) {
      if (!item.isPlain) {
        await attempts.attempt(item, id);
        continue;
      }
      try {
        const value = await runner.invoke(item.task, ctx);
        crew.settle(item, true);
        item.fulfilled(value);
      } catch (error) {
        crew.settle(item, false);
        if (!item.failed(error, ctx)) runner.report(error, item, ctx);
      }
      if (ctx.looked) {
        ctx.end();
        ctx = crew.context(id);
      }
    }
    ctx.end();
    crew.release(id);
  }
}
