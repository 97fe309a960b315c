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

  /** Has the signal to itself, but for one that came while it was listened to. */
  begin(watcher: Watcher): Watch {
    // First: a polyfilled signal may throw, or do whatever it likes.
    this.#signal.addEventListener("abort", this);
    const other = watches.get(this.#signal);
    if (other === undefined) watches.set(this.#signal, this);
    (other ?? this).push(watcher); // Before it is left, which may end the other.
    if (other !== undefined) this.#leave();
    return other ?? this;
  }

  /** Once: those who are told may leave while others are yet to be told. */
  end(): void {
    if (watches.get(this.#signal) !== this) return;
    watches.delete(this.#signal);
    this.#leave();
  }

  #leave(): void {
    try {
      this.#signal.removeEventListener("abort", this);
    } catch (error) {
      print(error); // The listener was everybody's: it is no task's failure.
    }
  }
}

/** Has the watcher told when `signal`, which is not aborted, is. O(1). */
export function watch(signal: AbortSignal, watcher: Watcher): void {
  const known = watches.get(signal);
  if (known !== undefined) return known.push(watcher);
  new Watch(signal).begin(watcher).handleEvent(); // It may have been aborted just now.
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

/**
 * Has the signal end a wait: that of `link`, which is in a list for as long as it
 * lasts. Throws what the signal throws; then the wait is whoever calls this's to end.
 */
export function cancelBy(
  signal: AbortSignal,
  link: Link,
  onAbort: (reason: unknown) => void,
): Cancel {
  const cancel = new Cancel(onAbort);
  watch(signal, cancel);
  // A polyfilled signal may have ended it while it was listened to.
  if (link.list === undefined) unwatch(cancel);
  return cancel;
}
