/**
 * Asks the source for messages, as many as there is room for.
 *
 * Invariants:
 * 1. Nothing is asked for beyond the room. What comes all the same is taken: it has to be
 *    given back, at least.
 * 2. It is dry when the source is at an end; or, after a stop, when the source had enough
 *    time to give what it has. What comes later still is taken, too.
 *
 * @module
 */

import { Clock } from "../base/clock.ts";
import { wrongType } from "../base/errors.ts";
import {
  deferred,
  ignore,
  isThenable,
  type Settle,
  tell,
} from "../base/promises.ts";
import { PATIENCE } from "../base/source.ts";
import { Timer } from "../base/timer.ts";
import type { Receive } from "./message.ts";

/** What a pump fills. */
export interface Basin<M> {
  /** For how many more messages there is room. */
  readonly room: number;
  /** With how much room it is worth while to ask. */
  readonly least: number;
  take(message: M): void;
  /** The source, or its clean-up, has failed. */
  broken(error: unknown): void;
  /** It is dry. */
  dry(): void;
}

/** The most milliseconds between two requests, where the answer is nothing at once. */
const LONGEST_PAUSE = 1000;

const clock = new Clock();

export class Pump<M> {
  readonly #basin: Basin<M>;
  readonly #stop = new AbortController();
  /** Ends its wait, and the room that it waits for. */
  #wake: Settle<void> = ignore;
  #wanted = Infinity;
  /** Closes what is being read. */
  #leave: () => void = ignore;
  /** Whether the signal tells the source of a stop. */
  #isTold = false;
  #patience: Timer | undefined = undefined;
  isDry = false;

  constructor(basin: Basin<M>) {
    this.#basin = basin;
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Gives messages until the source is at an end, or it is stopped. Once; never rejects. */
  async run(source: Receive<M> | AsyncIterable<M>): Promise<void> {
    this.#isTold = typeof source === "function";
    try {
      if (typeof source === "function") await this.#ask(source);
      else await this.#read(source, 0);
    } catch (error) {
      if (!this.isStopped) this.#basin.broken(error);
    }
    this.#end();
  }

  /** There may be room. */
  look(): void {
    if (this.#basin.room >= this.#wanted) this.#wake();
  }

  /** No more is wanted. */
  stop(reason: unknown): void {
    if (this.isStopped || this.isDry) return;
    this.#patience = new Timer(PATIENCE, () => this.#end());
    this.#stop.abort(reason);
    this.#wake();
    if (!this.#isTold) this.#leave();
  }

  async #ask(receive: Receive<M>): Promise<void> {
    const { signal } = this.#stop;
    let pause = 0;
    for (;;) {
      const room = await this.#room(this.#basin.least);
      if (room === 0) return;
      const time = clock.now();
      const taken = await this.#read(await receive(room, signal), room);
      // WARNING: an engine that has nothing, and says so at once, must not be asked again
      // at once: the event loop would never turn.
      pause = taken > 0 ? 0 : Math.min(2 * pause + 1, LONGEST_PAUSE);
      const left = pause - (clock.now() - time);
      if (left > 0) await this.#wait(Infinity, left);
    }
  }

  /** Takes so many as they come, and then one by one, as there is room. How many it took. */
  async #read(
    messages: Iterable<M> | AsyncIterable<M>,
    room: number,
  ): Promise<number> {
    const iterator = iterate(messages);
    this.#leave = () => {
      this.#leave = ignore;
      tell(() => iterator.return?.(), (error) => this.#basin.broken(error));
    };
    for (let taken = 0;; taken++) {
      if (taken >= room && await this.#room(1) === 0) {
        this.#leave();
        return taken;
      }
      const step = iterator.next();
      const { done, value } = isThenable(step) ? await step : step;
      if (done) {
        this.#leave = ignore;
        return taken;
      }
      this.#basin.take(value);
    }
  }

  /** The room, as soon as it is so large; 0 if no more is wanted. */
  async #room(least: number): Promise<number> {
    while (!this.isStopped) {
      const { room } = this.#basin;
      if (room >= least) return room;
      await this.#wait(least);
    }
    return 0;
  }

  /** Waits for so much room, for a stop, or for the end of a time. */
  async #wait(room: number, ms?: number): Promise<void> {
    if (this.isStopped) return;
    const { promise, resolve } = deferred<void>();
    this.#wake = resolve;
    this.#wanted = room;
    const timer = ms === undefined ? undefined : new Timer(ms, resolve);
    await promise;
    timer?.clear();
    this.#wanted = Infinity;
  }

  #end(): void {
    this.#patience?.clear();
    if (this.isDry) return;
    this.isDry = true;
    this.#leave();
    this.#basin.dry();
  }
}

function iterate<M>(
  messages: Iterable<M> | AsyncIterable<M>,
): AsyncIterator<M> | Iterator<M> {
  const from = messages as AsyncIterable<M> & Iterable<M>;
  const iterate = from?.[Symbol.asyncIterator] ?? from?.[Symbol.iterator];
  if (typeof iterate === "function") return iterate.call(from);
  throw wrongType("consume", "messages", "an iterable or async iterable", from);
}
