/**
 * One listener on each signal, however many watchers it has (law 9).
 *
 * Invariant: a signal has a {@linkcode Watch}, and that its one listener, exactly
 * while a watcher is on the signal. A watcher is told once, and is off by then.
 *
 * @module
 */

import { domError } from "./errors.ts";
import { Link, List } from "./list.ts";
import { type Maybe, NONE } from "./promises.ts";

/** Why the signal was aborted; an AbortError where an older polyfill does not tell. */
export function reasonOf({ reason }: AbortSignal): unknown {
  return reason === undefined
    ? domError("The operation was aborted", "AbortError")
    : reason;
}

/** Is told when a signal is aborted. Watches one signal at a time. */
export interface Watcher extends Link {
  /** The signal was aborted. The watcher is off it already. */
  onAbort(reason: unknown): void;
}

const watches = new WeakMap<AbortSignal, Watch>();

class Watch extends List<Watcher> {
  readonly #signal: AbortSignal;
  // A function: older polyfills know no other listener.
  readonly #listener = () => this.#look();

  constructor(signal: AbortSignal) {
    super();
    this.#signal = signal;
    signal.addEventListener("abort", this.#listener);
  }

  /** Does nothing a second time: a watcher that is told may take others off. */
  end(): void {
    if (watches.get(this.#signal) !== this) return;
    watches.delete(this.#signal);
    this.#signal.removeEventListener("abort", this.#listener);
  }

  #look(): void {
    // Any code can dispatch an event of this name; only an abort is one.
    if (!this.#signal.aborted) return;
    this.end();
    const reason = reasonOf(this.#signal);
    let error: Maybe<unknown> = NONE;
    for (let w = this.shift(); w !== undefined; w = this.shift()) {
      try {
        w.onAbort(reason);
      } catch (thrown) { // The others are to be told all the same.
        if (error === NONE) error = thrown;
      }
    }
    if (error !== NONE) throw error;
  }
}

/** Puts the watcher on a signal that is not aborted. O(1). */
export function watch(signal: AbortSignal, watcher: Watcher): void {
  let watch = watches.get(signal);
  if (watch === undefined) watches.set(signal, watch = new Watch(signal));
  watch.push(watcher);
}

/** Takes the watcher, if there is one, off the signal that it is on, if any. O(1). */
export function unwatch(watcher: Watcher | undefined): void {
  if (watcher?.list === undefined) return;
  const list = watcher.list as Watch;
  list.delete(watcher);
  if (list.size === 0) list.end();
}

/** Calls a function when the signal is aborted: to end a wait, or to abort a group. */
export class AbortWatcher extends Link implements Watcher {
  readonly #onAbort: (reason: unknown) => void;

  constructor(onAbort: (reason: unknown) => void) {
    super();
    this.#onAbort = onAbort;
  }

  onAbort(reason: unknown): void {
    this.#onAbort(reason);
  }
}
