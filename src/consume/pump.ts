/**
 * Asks the source for messages, as many as there is room for.
 *
 * @module
 */

import { wrongType } from "../base/errors.ts";
import { deferred, ignore, type Settle, tell } from "../base/promises.ts";
import { PATIENCE } from "../base/source.ts";
import { Timer } from "../base/timer.ts";
import type { Receive } from "./message.ts";

/** What a pump fills. */
export interface Basin<M> {
  /** How many more messages there is room for; 0 as long as it is not worth while to ask. */
  readonly room: number;
  take(message: M): void;
  broken(error: unknown): void;
  /** The pump gives nothing more. */
  dry(): void;
}

export class Pump<M> {
  readonly #basin: Basin<M>;
  readonly #stop = new AbortController();
  /** Ends the wait for room. */
  #wake: Settle<void> | undefined = undefined;
  #isDry = false;
  #patience: Timer | undefined = undefined;

  constructor(basin: Basin<M>) {
    this.#basin = basin;
  }

  get isDry(): boolean {
    return this.#isDry;
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async run(source: Receive<M> | AsyncIterable<M>): Promise<void> {
    try {
      if (typeof source === "function") await this.#ask(source);
      else await this.#read(source, true);
    } catch (error) {
      if (!this.isStopped) this.#basin.broken(error);
    }
    this.#end();
  }

  /** There may be room. */
  look(): void {
    if (this.#wake === undefined || this.#basin.room === 0) return;
    this.#wake();
    this.#wake = undefined;
  }

  /** No more is wanted. What the source still gives is taken, for a while. */
  stop(reason: unknown): void {
    if (this.isStopped || this.#isDry) return;
    this.#stop.abort(reason);
    this.#wake?.();
    this.#wake = undefined;
    this.#patience = new Timer(PATIENCE, () => this.#end());
  }

  async #ask(receive: Receive<M>): Promise<void> {
    const { signal } = this.#stop;
    while (await this.#hasRoom()) {
      await this.#read(await receive(this.#basin.room, signal), false);
    }
  }

  /** Takes what the messages are; one by one, as there is room, or all. */
  async #read(
    messages: Iterable<M> | AsyncIterable<M>,
    isOneByOne: boolean,
  ): Promise<void> {
    const iterator = iterate(messages);
    if (isOneByOne) {
      this.#stop.signal.addEventListener(
        "abort",
        () => tell(() => iterator.return?.(), ignore),
      );
    }
    while (!isOneByOne || await this.#hasRoom()) {
      const { done, value } = await iterator.next();
      if (done) return;
      this.#basin.take(value);
    }
  }

  /** Waits for room. False if no more is wanted. */
  async #hasRoom(): Promise<boolean> {
    while (!this.isStopped && this.#basin.room === 0) {
      const { promise, resolve } = deferred<void>();
      this.#wake = resolve;
      await promise;
    }
    return !this.isStopped;
  }

  #end(): void {
    if (this.#isDry) return;
    this.#isDry = true;
    this.#patience?.clear();
    this.#basin.dry();
  }
}

function iterate<M>(
  messages: Iterable<M> | AsyncIterable<M>,
): AsyncIterator<M> | Iterator<M> {
  const from = messages as AsyncIterable<M> & Iterable<M>;
  const iterate = from?.[Symbol.asyncIterator] ?? from?.[Symbol.iterator];
  if (typeof iterate !== "function") {
    throw wrongType(
      "consume",
      "source",
      "a function or an async iterable",
      from,
    );
  }
  return iterate.call(from);
}
