// deno-coverage-ignore-file

/**
 * Clocks and timers that a test moves on, and that may stand for those of the
 * machine, or be the fakes that people bring.
 *
 * @module
 */

import { microtasks } from "./helpers.ts";

/** The machine's `Date` is native code, as it is for a program that no test fakes. */
type Part = "timers" | "Date" | "machine's Date" | "performance" | "loop";

interface Timer {
  readonly id: number;
  readonly due: number;
  readonly callback: () => void;
}

/** The most milliseconds for which a timer can be set; with more it goes off at once. */
const LONGEST = 2 ** 31 - 1;

type Replacement = [object: object, name: string, value: unknown];

/** One that stands for those parts while it is used. */
export class FakeClock {
  now = 0;
  /** How far the wall clock is ahead. */
  wall = 1_000_000;
  readonly #timers = new Map<number, Timer>();
  readonly #parts: Replacement[] = [];
  #ids = 1; // Handles are numbers, and the same ones again in each fake.

  constructor(...parts: Part[]) {
    if (parts.includes("timers")) {
      const clear = (id: number) => this.#timers.delete(id);
      this.#parts.push(
        [globalThis, "setTimeout", this.#set.bind(this)],
        [globalThis, "clearTimeout", clear],
      );
    }
    const dateNow = () => this.now + this.wall;
    if (parts.includes("Date")) this.#parts.push([Date, "now", dateNow]);
    if (parts.includes("machine's Date")) {
      this.#parts.push([Date, "now", dateNow.bind(this)]); // Bound, it is native.
    }
    if (parts.includes("performance")) {
      this.#parts.push([performance, "now", () => this.now]);
    }
    if (parts.includes("loop")) {
      // What else there is to tell of a turn: on Node, timers that nothing fakes.
      const { process = {} } = globalThis as unknown as { process?: object };
      const none = { getBuiltinModule: { value: undefined } };
      this.#parts.push(
        [globalThis, "setImmediate", (turn: () => void) => this.#set(turn)],
        [globalThis, "SharedArrayBuffer", undefined],
        [globalThis, "MessageChannel", undefined],
        [globalThis, "process", Object.create(process, none)],
      );
    }
  }

  /** Puts it in their place, until the end of the block. */
  use(): Disposable {
    const own = this.#parts.map((part) => put(...part));
    return {
      [Symbol.dispose]() {
        for (const restore of own) restore();
      },
    };
  }

  /**
   * Forgets what was set, as an edge runtime does with a request that is over: all
   * timers, or all but so many that were set first.
   */
  drop(but = 0): void {
    for (const id of [...this.#timers.keys()].slice(but)) {
      this.#timers.delete(id);
    }
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Goes on, from timer to timer, and lets what waits for nothing else happen at each. */
  async run(ms: number): Promise<void> {
    const end = this.now + ms;
    await microtasks();
    for (let t = this.#first(); t && t.due <= end; t = this.#first()) {
      this.now = Math.max(this.now, t.due);
      this.#timers.delete(t.id);
      t.callback();
      await microtasks();
    }
    this.now = Math.max(this.now, end);
  }

  #first(): Timer | undefined {
    return [...this.#timers.values()].sort((a, b) => a.due - b.due)[0];
  }

  #set(callback: () => void, ms = 0): number {
    const id = this.#ids++;
    const due = this.now + (ms > LONGEST ? 1 : ms);
    this.#timers.set(id, { id, due, callback });
    return id;
  }
}

function put(...[object, name, value]: Replacement): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  const descriptor = { value, writable: true, configurable: true };
  Object.defineProperty(object, name, descriptor);
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}
