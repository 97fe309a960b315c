/**
 * One listener a signal, however many watch it (law 9).
 *
 * Invariants:
 * 1. A signal has a {@linkcode Watch}, and the watch its one listener, exactly
 *    while somebody watches the signal.
 * 2. A watcher is told once, or leaves untold, whatever the signal makes of it:
 *    a polyfilled one that won't let its listener go costs nobody anything.
 *
 * @module
 */

import { Link, List } from "./list.ts";
import { print } from "./print.ts";

/** Someone who wants to know when a signal is aborted. Watches one at a time. */
export abstract class Watcher extends Link {
  /** The signal was aborted. The watcher is off it already. */
  abstract onAbort(reason: unknown): void;
}

const watches = new WeakMap<AbortSignal, Watch>();

class Watch extends List<Watcher> {
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    super();
    this.#signal = signal;
    signal.addEventListener("abort", this); // First: a polyfilled one may throw.
    watches.set(signal, this);
  }

  handleEvent(): void {
    // Anybody can dispatch an event of this name; only an abort is one.
    if (!this.#signal.aborted) return;
    this.end();
    const { reason } = this.#signal;
    for (let w = this.shift(); w !== undefined; w = this.shift()) {
      w.onAbort(reason);
    }
  }

  /** Once: those who are told may leave while others are yet to be told. */
  end(): void {
    if (watches.get(this.#signal) !== this) return;
    watches.delete(this.#signal);
    try {
      this.#signal.removeEventListener("abort", this);
    } catch (error) {
      print(error); // The listener was everybody's: it is no task's failure.
    }
  }
}

/** Has the watcher told when `signal`, which is not aborted, is. O(1). */
export function watch(signal: AbortSignal, watcher: Watcher): void {
  (watches.get(signal) ?? new Watch(signal)).push(watcher);
}

/** Takes the watcher, if there is one, off its signal, if it is on one. O(1). */
export function unwatch(watcher: Watcher | undefined): void {
  if (watcher?.list === undefined) return;
  const list = watcher.list as Watch;
  list.delete(watcher);
  if (list.size === 0) list.end();
}

/** The end of a wait by a signal. */
export class Cancel extends Watcher {
  readonly #onAbort: (reason: unknown) => void;

  constructor(onAbort: (reason: unknown) => void) {
    super();
    this.#onAbort = onAbort;
  }

  override onAbort(reason: unknown): void {
    this.#onAbort(reason);
  }
}
