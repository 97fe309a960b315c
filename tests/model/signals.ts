// deno-coverage-ignore-file

/**
 * A light AbortSignal that counts its listeners. To make a real one costs more
 * than most programs.
 *
 * @module
 */

interface Listener {
  handleEvent(event: Event): void;
}

/** As much of an AbortSignal as src/ uses, and its controller. */
export class CountedSignal {
  aborted = false;
  reason: unknown = undefined;
  readonly #listeners = new Set<Listener | ((event: Event) => void)>();
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** How many listeners are on it. */
  get listeners(): number {
    return this.#listeners.size;
  }

  addEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Is aborted, though nobody has heard of it yet. */
  mark(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
  }

  /** Tells all who listen. */
  fire(): void {
    for (const listener of [...this.#listeners]) {
      if (typeof listener === "function") listener({} as Event);
      else listener.handleEvent({} as Event);
    }
  }

  /** The same, for those who want one of the platform's type. */
  get signal(): AbortSignal {
    return this as unknown as AbortSignal;
  }
}
