// deno-coverage-ignore-file

/**
 * An event loop as some platforms have it: edge runtimes, hidden tabs, tests
 * with fake timers. It has a clock of its own, which tasks move on. It counts
 * turns in place of milliseconds.
 *
 * @module
 */

import { loadAnew } from "./load_anew.ts";

type Callback = () => void;

/**
 * What becomes of what waits for the loop: it `runs` as it should, it `throws`
 * where it is asked for, it is `dropped`, or it is `held` until the test says so.
 */
export type Fate = "runs" | "throws" | "dropped" | "held";

/** What stands in place of a property, at times. */
class Replacement {
  readonly #object: object;
  readonly #name: string;
  readonly #value: unknown;
  // Taken now, not when it is put there: a test that fails early may overlap the next.
  readonly #own: PropertyDescriptor | undefined;

  constructor(object: object, name: string, value: unknown) {
    this.#object = object;
    this.#name = name;
    this.#value = value;
    this.#own = Object.getOwnPropertyDescriptor(object, name);
  }

  put(): void {
    Object.defineProperty(this.#object, this.#name, {
      value: this.#value,
      writable: true,
      configurable: true,
    });
  }

  remove(): void {
    if (this.#own === undefined) {
      Reflect.deleteProperty(this.#object, this.#name);
    } else Object.defineProperty(this.#object, this.#name, this.#own);
  }
}

interface Timer {
  readonly due: number;
  readonly goOff: Callback;
}

const globals = globalThis as unknown as Record<string, unknown>;
const nextTurn = globals.setImmediate as (callback: Callback) => void;
const RealChannel = globalThis.MessageChannel;

export class OddLoop {
  /** Milliseconds that the clocks show. Timers that run move it on, too. */
  clock = 1000;
  /** What becomes of a timer that is set now, */
  timers: Fate = "runs";
  /** an immediate, */
  immediates: Fate = "runs";
  /** and a message through a port. */
  messages: Fate = "runs";

  readonly #loop: Replacement[];
  readonly #clocks: Replacement[];
  readonly #timers = new Set<Timer>();
  #held: Callback[] = [];

  /** One that has no globals of these names. */
  constructor(...missing: string[]) {
    this.#clocks = [
      new Replacement(performance, "now", () => this.clock),
      new Replacement(Date, "now", () => Math.floor(this.clock)),
    ];
    this.#loop = Object.entries({
      setTimeout: this.#setTimeout.bind(this),
      clearTimeout: (timer: Timer) => this.#timers.delete(timer),
      setImmediate: this.#setImmediate.bind(this),
      MessageChannel: this.#channelClass(),
      SharedArrayBuffer: globals.SharedArrayBuffer,
      // Node's modules have immediates of their own, which nothing fakes.
      process: Object.create(globals.process as object, {
        getBuiltinModule: { value: undefined },
      }),
    }).map(([name, value]) =>
      new Replacement(
        globals,
        name,
        missing.includes(name) ? undefined : value,
      )
    );
  }

  /** Puts it in place of the program's loop and clocks, until the end of the block. */
  use(): Disposable {
    return put([...this.#loop, ...this.#clocks]);
  }

  /** The same, but the loop is the program's. */
  useClocks(): Disposable {
    return put(this.#clocks);
  }

  /** The library, as a program with this loop loads it. Once in a test file. */
  async load(): Promise<typeof import("../../mod.ts")> {
    using _ = this.use();
    return await loadAnew();
  }

  /** Lets go what was held so far. */
  release(): void {
    for (const callback of this.#held.splice(0)) callback();
  }

  #meet(fate: Fate, callback: Callback): void {
    if (fate === "runs") nextTurn(callback);
    else if (fate === "held") this.#held.push(callback);
  }

  #setTimeout(
    callback: (...args: unknown[]) => void,
    ms = 0,
    ...args: unknown[]
  ): Timer {
    refuse(this.timers);
    const timer = {
      due: this.clock + ms,
      goOff: () => callback(...args),
      ref: () => timer,
      unref: () => timer,
    };
    this.#timers.add(timer);
    const { timers } = this;
    this.#meet(timers, () => {
      // In order, without a wait: what is due next is due now.
      const due = timers === "held" ? timer : this.#first();
      if (due === undefined || !this.#timers.delete(due)) return;
      this.clock = Math.max(this.clock, due.due);
      due.goOff();
    });
    return timer;
  }

  #first(): Timer | undefined {
    return [...this.#timers].sort((a, b) => a.due - b.due)[0];
  }

  #setImmediate(callback: (...args: unknown[]) => void, ...args: unknown[]) {
    refuse(this.immediates);
    this.#meet(this.immediates, () => callback(...args));
  }

  #channelClass(): typeof MessageChannel {
    // deno-lint-ignore no-this-alias
    const loop = this;
    return class extends RealChannel {
      constructor() {
        refuse(loop.messages);
        super();
        for (const port of [this.port1, this.port2]) {
          const post = port.postMessage.bind(port);
          port.postMessage = (message: unknown) => {
            refuse(loop.messages);
            if (loop.messages === "runs") post(message);
          };
        }
      }
    };
  }
}

function put(replacements: Replacement[]): Disposable {
  for (const replacement of replacements) replacement.put();
  return {
    [Symbol.dispose]() {
      for (const replacement of replacements) replacement.remove();
    },
  };
}

function refuse(fate: Fate): void {
  if (fate === "throws") throw new Error("not allowed on this platform");
}

/** Whether the promise settles within so many moments, of some turns of the real loop each. */
export async function isDone(
  promise: Promise<unknown>,
  moments = 1_000,
): Promise<boolean> {
  let isSettled = false;
  promise.finally(() => isSettled = true).catch(() => {});
  for (let i = 0; i < moments && !isSettled; i++) await moment();
  return isSettled;
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/** As long as a probe takes: a sleep, which alone keeps no process alive, and some turns. */
async function moment(): Promise<void> {
  let turns = -Infinity;
  Promise.resolve(Atomics.waitAsync(cell, 0, 0, 1).value).then(() => turns = 0);
  while (turns++ < 5) await new Promise<void>((resolve) => nextTurn(resolve));
}

/** Counts what happens in one turn of the real loop, at the most. */
export class TurnCounter implements Disposable {
  /** The most so far. */
  most = 0;
  #now = 0;
  #isOver = false;

  constructor() {
    const turn = () => {
      this.#now = 0;
      if (!this.#isOver) nextTurn(turn);
    };
    turn();
  }

  count(): void {
    this.most = Math.max(this.most, ++this.#now);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }
}
