// deno-coverage-ignore-file

/**
 * A signal as a polyfill may have it: to listen to it, or to leave it, runs the
 * test's own code, which may throw, or use whatever the signal was given to.
 *
 * @module
 */

interface Listener {
  handleEvent(): void;
}

/** What is called with how often that was done by now, and the signal. */
export interface SignalHooks {
  /** Before a listener is on it. If this throws, it never is. */
  onAdd?: (nth: number, signal: PolyfilledSignal) => void;
  /** When a listener is off it. */
  onRemove?: (nth: number, signal: PolyfilledSignal) => void;
}

export class PolyfilledSignal {
  aborted = false;
  reason: unknown = undefined;
  readonly #hooks: SignalHooks;
  readonly #listeners = new Set<Listener>();
  #added = 0;
  #removed = 0;

  constructor(hooks: SignalHooks = {}) {
    this.#hooks = hooks;
  }

  addEventListener(_name: string, listener: Listener): void {
    this.#hooks.onAdd?.(++this.#added, this);
    this.#listeners.add(listener);
  }

  removeEventListener(_name: string, listener: Listener): void {
    this.#listeners.delete(listener);
    this.#hooks.onRemove?.(++this.#removed, this);
  }

  /** Tells those who listen now, unless they leave before it is their turn. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) listener.handleEvent();
    }
  }

  /** How many listeners are on it. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Options with this signal. */
  get options(): { signal: AbortSignal } {
    return { signal: this as unknown as AbortSignal };
  }
}

/** One that can be listened to so often, and never again. */
export function deafSignal(left = 0): PolyfilledSignal {
  return new PolyfilledSignal({
    onAdd(nth) {
      if (nth > left) throw new RangeError("deaf");
    },
  });
}
