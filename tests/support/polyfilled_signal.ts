// deno-coverage-ignore-file

/**
 * A signal as older polyfills have it: what listens to it has to be a function, and
 * it has no `reason`.
 *
 * @module
 */

type Listener = (event: { type: string }) => void;

export class PolyfilledSignal {
  aborted = false;
  readonly #listeners = new Set<Listener>();

  addEventListener(type: string, listener: Listener): void {
    if (typeof listener !== "function") throw new TypeError("no function");
    if (type === "abort") this.#listeners.add(listener);
  }

  removeEventListener(type: string, listener: Listener): void {
    if (type === "abort") this.#listeners.delete(listener);
  }

  /** What its controller does. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of [...this.#listeners]) listener({ type: "abort" });
  }

  /** How many listeners are on it. */
  get listeners(): number {
    return this.#listeners.size;
  }
}
