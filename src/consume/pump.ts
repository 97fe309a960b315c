/**
 * Asks the source for messages, as many as there is room for.
 *
 * Invariants:
 * 1. Nothing is asked for beyond the room. What comes all the same is taken: it has to be
 *    given back, at least.
 * 2. It is dry when the source is at an end, and has cleaned up; or, after a stop, when the
 *    source had enough time for that. What comes later still is taken, too.
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
  SETTLED,
} from "../base/promises.ts";
import { type AnyIterable, PATIENCE } from "../base/source.ts";
import { Timer } from "../base/timer.ts";
import type { Turn } from "../base/turn.ts";
import type { Receive } from "./message.ts";

type AnyIterator<M> = Iterator<M> | AsyncIterator<M>;

/** What a pump fills. */
export interface Basin<M> {
  /** For how many more messages there is room. */
  readonly room: number;
  /** With how much room it is worth while to ask. */
  readonly least: number;
  /** Each message counts as a start (law 10): a source may have all of them at hand. */
  readonly turn: Turn;
  /** False if it is no message. */
  take(message: M): boolean;
  /** The source has failed: it is at an end. */
  broken(error: unknown): void;
  /** The source, or its clean-up, has failed when nothing more was wanted of it. */
  report(error: unknown): void;
  /** It is dry. */
  look(): void;
}

/** The least milliseconds between two requests, where the answer is nothing. */
const PAUSE = 100;

/** The most messages that are asked for at once: there may be no limit. */
const MANY = 10_000;

const clock = new Clock();

export class Pump<M> {
  readonly #basin: Basin<M>;
  readonly #source: Receive<M> | AnyIterator<M>;
  readonly #stop = new AbortController();
  /** Ends its wait, and the room that it waits for. */
  #wake: Settle<void> = ignore;
  #wanted = Infinity;
  /** Closes what is being read, once. Resolves, and never rejects, when it has cleaned up. */
  #leave: () => Promise<void> = nothing;
  #patience: Timer | undefined = undefined;
  isDry = false;

  /** Throws if the source is none. */
  constructor(basin: Basin<M>, source: Receive<M> | AsyncIterable<M>) {
    this.#basin = basin;
    this.#source = typeof source === "function"
      ? source
      : iterate(source, "source", "a function or iterable");
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Gives messages until the source is at an end, or it is stopped. Once; never rejects. */
  async run(): Promise<void> {
    const source = this.#source;
    try {
      if (typeof source === "function") await this.#ask(source);
      else await this.#read(source, 0);
    } catch (error) {
      if (!this.isStopped) this.#basin.broken(error);
      else if (!isAbort(error, this.#stop.signal)) this.#basin.report(error);
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
    // A function has the signal, and may have more to give.
    if (typeof this.#source !== "function") this.#leave();
  }

  async #ask(receive: Receive<M>): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      const room = Math.min(await this.#room(this.#basin.least), MANY);
      if (this.isStopped) return; // Looked at now: it may have come since.
      const time = clock.now();
      const messages = await receive(room, signal);
      const iterator = iterate(messages, "what receive gives", "an iterable");
      // All that an array has is here already, and would wait for its lease otherwise.
      const most = Array.isArray(messages) ? Infinity : room;
      const taken = await this.#read(iterator, most);
      // WARNING: an engine that has nothing, and says so at once, must not be asked again
      // at once: the event loop would never turn.
      const left = taken > 0 ? 0 : PAUSE - (clock.now() - time);
      if (left > 0) await this.#wait(Infinity, left);
    }
  }

  /** Takes so many as they come, and then one by one, as there is room. How many it took. */
  async #read(iterator: AnyIterator<M>, room: number): Promise<number> {
    const { turn } = this.#basin;
    let closed: Promise<void> | undefined;
    this.#leave = () => closed ??= this.#close(iterator);
    let taken = 0;
    for (;;) {
      if (taken >= room) {
        await this.#room(1);
        if (this.isStopped) break;
      }
      if (!turn.mayStart()) await turn.turned();
      const step = iterator.next();
      const { done, value } = isThenable(step) ? await step : step;
      if (done) {
        this.#leave = () => closed ?? nothing();
        break;
      }
      if (this.#basin.take(value)) taken++;
    }
    await this.#leave();
    return taken;
  }

  async #close(iterator: AnyIterator<M>): Promise<void> {
    try {
      await iterator.return?.();
    } catch (error) {
      this.#basin.report(error);
    }
  }

  /** The room, as soon as it is so large, or no more is wanted. */
  async #room(least: number): Promise<number> {
    for (;;) {
      const { room } = this.#basin;
      if (room >= least || this.isStopped) return room;
      await this.#wait(least);
    }
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
  }

  #end(): void {
    this.#patience?.clear();
    this.isDry = true;
    this.#leave();
    this.#basin.look();
  }
}

function nothing(): Promise<void> {
  return SETTLED;
}

/** Whether the source has failed because it was told to end. */
function isAbort(error: unknown, { reason }: AbortSignal): boolean {
  return error === reason || (error as Error | null)?.name === "AbortError";
}

function iterate<M>(
  given: AnyIterable<M>,
  name: string,
  wanted: string,
): AnyIterator<M> {
  const from = given as AsyncIterable<M> & Iterable<M>;
  const iterate = from?.[Symbol.asyncIterator] ?? from?.[Symbol.iterator];
  if (typeof iterate === "function") return iterate.call(from);
  throw wrongType("consume", name, wanted, from);
}
