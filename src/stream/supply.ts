/**
 * The supply of a stream: pulls items from the source as long as the stream wants more,
 * and brings them into the group like other tasks. It is the host of its items.
 *
 * Its workers were called in the async context of the `map`, and so the source and
 * the function run in that (law 13). Between their tasks they are parked, and one of
 * them is woken when there may be something to do.
 *
 * Invariants:
 * 1. Keep one worker parked or waking: only code in this async context can make another.
 * 2. `isAwake` while a worker is about to look, and so sees all that there is to do; or
 *    while `#call` is about to call one.
 * 3. A value that comes when the stream is ending is dropped. An error that comes then
 *    goes to `onError`, as does any other error that no reader gets (law 7).
 *
 * @module
 */

import { options as checked } from "../base/check.ts";
import { wrongType } from "../base/errors.ts";
import { ignore, type Maybe, NONE, SETTLED } from "../base/promises.ts";
import { reasonOf } from "../base/signals.ts";
import {
  type AnyIterable,
  LATER,
  type Puller,
  Source,
} from "../base/source.ts";
import type { Host, Item as Queued, Traits } from "../group/entry.ts";
import type { Group } from "../group/group.ts";
import type { Intake } from "../group/intake.ts";
import { optionsOver } from "../group/options.ts";
import { NOWHERE } from "../group/runner.ts";
import { NO_ID } from "../group/ids.ts";
import type { Workers } from "../group/workers.ts";
import type { ItemContext, Task, TaskOptions } from "../task.ts";
import { Item, type ItemHome, ItemRun } from "./item.ts";

/** What a stream is made of. */
export interface StreamParts {
  group: Group;
  intake: Intake;
  doing: "map" | "mapSettled";
  items: AnyIterable<unknown>;
  fn: (item: never, ctx: ItemContext) => unknown;
  /** Gives the options of one item, over those of all items. */
  each: ((item: never, index: number) => TaskOptions | undefined) | undefined;
  /** Those of all items. */
  options: TaskOptions | undefined;
  traits: Traits;
  ordered: boolean;
  ahead: number;
}

/** How a stream ends. */
export interface End {
  readonly error: Maybe<unknown>;
  /** Whether it is an end of the group, or by a signal, which need not be read (law 6). */
  readonly isQuiet: boolean;
}

/** The end without an error. */
export const OVER: End = { error: NONE, isQuiet: false };

/** The stream, as its supply sees it. */
export interface Demand extends ItemHome {
  readonly wantsMore: boolean;
  /** Whether no further item is wanted, not even one that was asked for. */
  readonly isEnding: boolean;
  /** An item was pulled, and is about to come into the group. */
  pulled(item: Item): void;
  /** There are no more items. */
  ended(end: End): void;
}

/** How many items at hand are pulled before one of them is started. */
const AT_ONCE = 8;

export class Supply implements Puller<unknown>, Host {
  readonly lingers = true;
  isAwake = false;
  readonly #parts: StreamParts;
  readonly #workers: Workers;
  /** Those of the items. */
  readonly #traits: Traits;
  readonly #demand: Demand;
  readonly #source: Source<unknown>;
  readonly #parked: (() => void)[] = [];
  readonly #park = (resolve: () => void): void => {
    this.#parked.push(resolve);
  };
  readonly #call = (): void => {
    if (this.isAwake) this.#parked.pop()?.();
  };
  /** Whether a pull, or a turn of the event loop, is awaited. */
  #isPulling = false;
  /** The index of the next item. */
  #index = 0;

  constructor(parts: StreamParts, demand: Demand) {
    this.#parts = parts;
    this.#workers = parts.group.workers;
    this.#traits = { ...parts.traits, host: this };
    this.#demand = demand;
    this.#source = new Source(parts.doing, parts.items, this);
    this.#work();
  }

  /** There may be something to pull or to start; it is seen in a later microtask. */
  wake(): void {
    if (this.isAwake) return;
    this.isAwake = true;
    // Not at once: often a worker is done a microtask later and looks anyway. To call
    // a parked one for each item would take a third of the time of a `map`.
    SETTLED.then(this.#call);
  }

  /** More may be wanted than before. */
  wakeToPull(): void {
    if (this.#wantsMore()) this.wake();
  }

  next(workerId: number): Queued | undefined {
    this.isAwake = false;
    const workers = this.#workers;
    // WARNING: pull before the start, and only one item: pulling may pause or abort the
    // group (law 5), and a source that takes its time must not keep all from starting.
    this.#pull(1);
    const item = workers.nextOf(this, workerId);
    if (item === undefined) this.#pull(AT_ONCE);
    else this.wakeToPull();
    workers.wakeNext(); // There may be more to do than one worker can do.
    return item;
  }

  /** Pulls no more. Runs the user's code. */
  stop(): void {
    this.#source.stop();
  }

  /** See `Source.closed`. */
  closed(): Promise<void> {
    return this.#source.closed();
  }

  comes(value: Maybe<unknown>): void {
    this.#isPulling = false;
    this.#bringIn(value);
    this.wake();
  }

  fails(error: unknown): void {
    this.#isPulling = false;
    const isItem = this.#parts.doing === "mapSettled" && !this.#source.isOver;
    if (this.#demand.isEnding) this.lost(error);
    else if (isItem) this.#failed(error, undefined, this.#index++);
    else this.#demand.ended({ error, isQuiet: false });
    this.wake();
  }

  lost(error: unknown): void {
    const { group, options } = this.#parts;
    group.runner.report(error, { task: this.#standIn, options }, NOWHERE);
  }

  /** One worker, parked or at work. If it was the last parked one, it makes another first. */
  async #work(): Promise<void> {
    const workers = this.#workers;
    for (;;) {
      await new Promise<void>(this.#park);
      if (this.#parked.length === 0) this.#work();
      let item = this.next(NO_ID);
      while (item !== undefined) {
        await workers.work(this, item);
        item = this.next(NO_ID);
      }
    }
  }

  #wantsMore(): boolean {
    return !this.#isPulling && this.#demand.wantsMore;
  }

  /** Pulls up to so many items. A single item is counted when it starts (law 10). */
  #pull(most: number): void {
    const { turn } = this.#workers;
    for (let n = 0; this.#wantsMore(); n++) {
      // The workers first: a source with all items at hand would leave them no turn.
      if (n === most) return most > 1 ? this.wake() : undefined;
      if (most > 1 && !turn.mayStart()) return this.#pullAfter(turn.turned());
      let value;
      try {
        value = this.#source.pull();
      } catch (error) {
        return this.fails(error);
      }
      this.#isPulling = value === LATER;
      if (value !== LATER) this.#bringIn(value);
    }
  }

  #pullAfter(promise: Promise<void>): void {
    this.#isPulling = true;
    promise.then(() => {
      this.#isPulling = false;
      this.wake();
    });
  }

  /** Brings an item in, like any other task. */
  #bringIn(value: Maybe<unknown>): void {
    if (value === NONE && !this.#demand.isEnding) {
      return this.#demand.ended(OVER);
    }
    if (this.#isRefused()) return;
    const { doing, each, group, fn, intake } = this.#parts;
    const index = this.#index++;
    let { options } = this.#parts;
    let itsTraits = this.#traits;
    try {
      const own = this.#ownOptions(value, index);
      if (own !== undefined) {
        options = optionsOver(options, own);
        itsTraits = { ...intake.traits(doing, options), host: this };
      }
    } catch (error) { // Of `each`, or of what it gave.
      if (this.#demand.isEnding) return this.lost(error);
      return this.#failed(error, value, index);
    }
    // `each` may have ended the stream, or the group.
    if (each !== undefined && this.#isRefused()) return;
    const { signal } = itsTraits;
    if (signal?.aborted) return this.#failed(reasonOf(signal), value, index);
    const task: Task = (ctx) => fn(value as never, new ItemRun(ctx, index));
    const item = this.#item(task, options, itsTraits, value, index);
    // It needs no room: the reader has asked for it. No wake needed: every caller looks
    // right after this.
    try {
      group.backlog.force(item);
    } catch (error) { // A queue of the user's own throws.
      return item.abandoned(error);
    }
    group.accept(item);
  }

  /** Whether no item may come in any more. Then the stream ends with that. */
  #isRefused(): boolean {
    if (this.#demand.isEnding) return true;
    const { intake, traits } = this.#parts;
    const refusal = intake.refusal("map", traits);
    if (refusal === NONE) return false;
    this.#demand.ended({ error: refusal, isQuiet: true });
    return true;
  }

  #ownOptions(value: unknown, index: number): TaskOptions | undefined {
    const { doing, each } = this.#parts;
    const given = each?.(value as never, index);
    if (given instanceof Promise) { // A promise looks like options that say nothing.
      given.catch(ignore);
      throw wrongType(doing, "what each gives", "options, at once", given);
    }
    return checked(doing, given, "what each gives");
  }

  #item(
    task: Task,
    options: TaskOptions | undefined,
    traits: Traits,
    value: unknown,
    index: number,
  ): Item {
    const demand = this.#demand;
    const item = new Item(task, options, traits, demand, value, index);
    demand.pulled(item);
    return item;
  }

  /** An item that fails before it is a task, or because it never was a value. */
  #failed(reason: unknown, value: unknown, index: number): void {
    const task = this.#standIn;
    const { options } = this.#parts;
    const item = this.#item(task, options, this.#traits, value, index);
    item.failed(reason, NOWHERE);
    // It counts as a start (law 10): a source may have nothing but such items.
    const { turn } = this.#workers;
    if (!turn.mayStart()) this.#pullAfter(turn.turned());
  }

  /** Stands for the source where an error of it is reported: see `TaskFailure`. */
  readonly #standIn: Task = () => this.#parts.items;
}
