/**
 * A limit that many machines share: a fixed number of tokens that a server keeps. A
 * permit holds as many as its weight. Given back when the permit is released, they are a
 * semaphore; given back `interval` ms after the start, the rate of a sliding window.
 *
 * - **A token is a lease.** The holder says every third of it that it still works; when its
 *   process dies, the token is free again after one lease. A process that stood still for
 *   longer has lost it: the permit's `lost` speaks.
 * - **One round trip brings several** (`batch`). `tryAcquire` hands out the spares. A spare that
 *   has no use within `keep` ms goes back, and all of them do at `close()`.
 * - **A server that is away** is asked again, and `onError` hears of it: an `acquire` that
 *   rejects would abort the group.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { AcquireOptions, Governor, Permit } from "../../mod.ts";

/** One token, which is ours for a lease. */
export interface Token {
  /** Ours for another lease. A promise of false: it is another's by now. */
  beat(): unknown;
  /** Free for others after so many ms. */
  free(delay: number): unknown;
}

/** What to take, and for how long to try, in ms: then it is asked again. */
export interface Wanted {
  readonly least: number;
  readonly most: number;
  readonly within: number;
}

/** Up to `most` tokens as soon as there are any; none if there are fewer than `least`, where the server can tell. */
export type TakeTokens = (
  wanted: Wanted,
  signal: AbortSignal,
) => AsyncIterable<Token> | Promise<Token[]>;

/** Options of {@linkcode TokenLimit}. All times are in ms. */
export interface TokenLimitOptions {
  /** How many tokens there are. */
  limit: number;
  /** How long a token is ours without a beat, as the server has it. */
  lease: number;
  /** A rate: how long after its start a token is free again. Default: a semaphore. */
  interval?: number;
  /** How many to ask for at once. Default: 1. */
  batch?: number;
  /** How long a spare waits for its use. Default: 100. */
  keep?: number;
  /** From one try to the next, while the server is away. Default: 500. */
  pause?: number;
  /** Hears that the server is away, or that a token could not be given back. */
  onError?: (error: unknown) => void;
}

/** A token, and when it is no longer ours, by the monotonic clock. */
type Lease = readonly [token: Token, until: number];

const DEFAULTS = { batch: 1, keep: 100, pause: 500, onError: console.error };
/** Those that are another's by now are left alone. */
type Free = (leases: readonly Lease[], delay: number) => void;
type Options =
  & TokenLimitOptions
  & Required<Omit<TokenLimitOptions, "interval">>;

interface Waiter {
  readonly weight: number;
  readonly resolve: (permit: Permit) => void;
  readonly reject: (reason: unknown) => void;
}

/** The governor. */
export class TokenLimit implements Governor {
  readonly #options: Options;
  readonly #take: TakeTokens;
  readonly #closing = new AbortController();
  readonly #waiters = new Set<Waiter>();
  /** What is under way: the server is asked for tokens, or is given some back. */
  readonly #calls = new Set<Promise<void>>();
  #spares: Lease[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPulling = false;

  constructor(take: TakeTokens, options: TokenLimitOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#take = take;
  }

  tryAcquire({ weight = 1 }: AcquireOptions = {}): Permit | undefined {
    this.#check(weight);
    return this.#waiters.size > 0 ? undefined : this.#give(weight);
  }

  acquire({ weight = 1, signal }: AcquireOptions = {}): Promise<Permit> {
    this.#check(weight);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      const leave = () => {
        signal?.removeEventListener("abort", stop);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        weight,
        resolve: (permit) => {
          leave();
          resolve(permit);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      const stop = () => waiter.reject(signal!.reason);
      signal?.addEventListener("abort", stop);
      this.#waiters.add(waiter);
      this.#serve();
      this.#keep(this.#pull());
    });
  }

  /**
   * Gives the spares back. No permit is given any more: callers that wait hear an AbortError.
   * Permits in use stay in use. Resolves when the server has been told, so that the connection
   * may be closed; or after a lease, if it does not answer: by then they are free.
   */
  async close(): Promise<void> {
    const { signal } = this.#closing;
    this.#closing.abort();
    for (const waiter of this.#waiters) waiter.reject(signal.reason);
    this.#giveBack();
    const told = new AbortController();
    const lease = sleep(this.#options.lease, undefined, {
      signal: told.signal,
    });
    await Promise.race([this.#allTold(), lease.catch(() => {})]);
    told.abort();
  }

  async #allTold(): Promise<void> {
    await sleep(0); // Starts that were made just now tell it in a later turn.
    while (this.#calls.size > 0) await Promise.all(this.#calls);
  }

  #check(weight: number): void {
    if (weight <= this.#options.limit) return;
    throw new RangeError(
      `weight ${weight} is above the limit ${this.#options.limit}`,
    );
  }

  #give(weight: number): Permit | undefined {
    const { interval, lease } = this.#options;
    // An old one might be another's before its first beat.
    const old = performance.now() + lease / 2;
    this.#giveBack(([, until]) => until <= old);
    if (this.#spares.length < weight) return undefined;
    const leases = this.#spares.splice(0, weight);
    if (this.#spares.length === 0) clearTimeout(this.#timer);
    return interval === undefined
      ? new Place(leases, this.#free, this.#options)
      : new Start(leases, interval, this.#free);
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const permit = this.#give(waiter.weight);
      if (permit === undefined) return;
      waiter.resolve(permit);
    }
  }

  /** Asks for tokens as long as a caller waits. */
  async #pull(): Promise<void> {
    if (this.#isPulling) return;
    this.#isPulling = true;
    const { signal } = this.#closing;
    while (this.#waiters.size > 0 && !signal.aborted) {
      try {
        await this.#ask(signal);
      } catch (error) {
        if (signal.aborted) break; // It was told to stop, and what it has is free after its lease.
        this.#options.onError(error);
        await sleep(this.#options.pause, undefined, { signal }).catch(() => {});
      }
    }
    this.#isPulling = false;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { batch, lease } = this.#options;
    const [first] = this.#waiters;
    const least = Math.max(1, first!.weight - this.#spares.length);
    const wanted = { least, most: Math.max(least, batch), within: lease / 4 };
    // The server's lease begins later: when it gives the token.
    const until = performance.now() + lease;
    const tokens = await this.#take(wanted, signal);
    if (Array.isArray(tokens)) this.#add(tokens, until);
    else for await (const token of tokens) this.#add([token], until);
  }

  #add(tokens: readonly Token[], until: number): void {
    for (const token of tokens) this.#spares.push([token, until]);
    this.#serve();
    if (this.#closing.signal.aborted) this.#giveBack();
    clearTimeout(this.#timer);
    if (this.#spares.length === 0) return;
    this.#timer = setTimeout(() => this.#giveBack(), this.#options.keep);
  }

  #giveBack(isOver: (spare: Lease) => boolean = () => true): void {
    const over = this.#spares.filter(isOver);
    if (over.length === 0) return;
    this.#spares = this.#spares.filter((spare) => !isOver(spare));
    if (this.#spares.length === 0) clearTimeout(this.#timer);
    this.#free(over, 0);
  }

  readonly #free: Free = (leases, delay) => {
    this.#keep(this.#tellFree(leases, delay));
  };

  async #tellFree(leases: readonly Lease[], delay: number): Promise<void> {
    const now = performance.now();
    try {
      const ours = leases.filter(([, until]) => until > now);
      await Promise.all(ours.map(([token]) => token.free(delay)));
    } catch (error) {
      this.#options.onError(error); // Free after its lease.
    }
  }

  #keep(call: Promise<void>): void {
    this.#calls.add(call);
    call.finally(() => this.#calls.delete(call));
  }
}

/** The permit of a semaphore. */
class Place implements Permit {
  readonly #lost = new AbortController();
  readonly #tokens: readonly Token[];
  readonly #free: Free;
  readonly #options: Options;
  #until: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(leases: readonly Lease[], free: Free, options: Options) {
    this.#tokens = leases.map(([token]) => token);
    this.#until = Math.min(...leases.map(([, until]) => until));
    this.#free = free;
    this.#options = options;
    this.#wait();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  release(): void {
    if (this.#timer === undefined) return;
    this.#end();
    const until = this.#until;
    this.#free(this.#tokens.map((token) => [token, until]), 0);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    const left = this.#until - performance.now();
    const beat = this.#options.lease / 4;
    this.#timer = setTimeout(() => this.#beat(), Math.min(beat, left));
  }

  async #beat(): Promise<void> {
    const now = performance.now();
    if (now >= this.#until) return this.#lose();
    this.#wait();
    try {
      const answers = await Promise.all(
        this.#tokens.map((token) => token.beat()),
      );
      if (answers.includes(false)) this.#lose();
      else this.#until = now + this.#options.lease;
    } catch (error) {
      this.#options.onError(error); // The next beat may get through.
    }
  }

  #lose(): void {
    if (this.#timer === undefined) return; // It was released meanwhile.
    this.#end();
    this.#lost.abort(
      new DOMException("The lease of the permit has ended.", "TimeoutError"),
    );
  }
}

/** The permit of a rate: what it was for begins now, or it is waived. */
class Start implements Permit {
  readonly #leases: readonly Lease[];
  readonly #interval: number;
  readonly #free: Free;
  readonly #timer: ReturnType<typeof setTimeout>;
  #isOver = false;

  constructor(leases: readonly Lease[], interval: number, free: Free) {
    this.#leases = leases;
    this.#interval = interval;
    this.#free = free;
    // Not at once: the interval is to begin on the server after the start here.
    this.#timer = setTimeout(() => this.release());
  }

  release(): void {
    this.#end(this.#interval);
  }

  waive(): void {
    this.#end(0);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #end(delay: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#free(this.#leases, delay);
  }
}
