// deno-coverage-ignore-file

/**
 * Time that passes when the program says so: the timers, the clocks and the
 * event loop's turns that src/ sees. It has to be installed before src/ is
 * loaded, which binds some of them then.
 *
 * Invariants:
 * 1. `now` is a whole number, so that a timer whose time has a fraction of its
 *    own is due together with no other one.
 * 2. Timers go off in the order in which they are due; of two that are due
 *    together the one that was set first.
 *
 * @module
 */

/** Milliseconds that a stream or an insertAll waits for the answer of its source at most. */
export const PATIENCE = 500;

/** A timer that is set. */
export interface Timer {
  readonly due: number;
  readonly ms: number;
  readonly turn: number;
  /** Whether delayed tasks wait for it: its time is a whole number, as a governor's is. */
  readonly isOfDelays: boolean;
  /** Whether tasks that run wait for it, all that have no caller for one. */
  readonly isOfTimeouts: boolean;
  /** When it is due by the time that src/ knows of. */
  readonly known: number;
  readonly callback: () => void;
  unref(): void;
}

const { setImmediate } = globalThis as unknown as {
  setImmediate: (callback: () => void) => void;
};

/** Lets all microtasks run that there are, by a turn of the real loop. */
export function allMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

class Clock {
  /** The time of `Date`, in milliseconds. */
  now = 0;
  /** Milliseconds of plain work that `performance.now` knows of. */
  worked = 0;
  /** How often somebody looked at `performance.now`. */
  looks = 0;
  readonly timers: Set<Timer> = new Set();
  #immediates: (() => void)[] = [];
  #turn = 0;
  #isFaked = false;
  /** `Date.now` as src/ saw it first. */
  #dateNow: typeof Date.now | undefined = undefined;
  #restore: (() => void) | undefined = undefined;

  /** How many callbacks wait for the loop to turn. */
  get immediates(): number {
    return this.#immediates.length;
  }

  /**
   * Takes the place of the real time. What is bound the first time, as src/ is
   * loaded, measures turns of the loop: plain work makes that `Date.now` go on.
   * Later on it is what timers go by, and for those no time goes by in a turn.
   */
  install(): void {
    const real = globalThis as unknown as Record<string, unknown>;
    const names = ["setTimeout", "clearTimeout", "setImmediate"];
    const kept = names.map((name) => real[name]);
    const { waitAsync } = Atomics;
    const { process } = real;
    const dateNow = Date.now;
    const random = Math.random;
    real.setTimeout = (callback: () => void, ms = 0) => {
      const due = this.now + Math.max(0, ms);
      const stack = due % 1 === 0 ? new Error().stack! : "";
      const isOfTimeouts = stack.includes("group/timeouts.ts");
      const timer = {
        due,
        ms,
        callback,
        turn: this.#turn++,
        isOfTimeouts,
        isOfDelays: stack.includes("group/delays.ts") && !isOfTimeouts,
        known: this.known + ms,
        unref() {},
      };
      this.timers.add(timer);
      return timer;
    };
    real.clearTimeout = (timer: Timer) => void this.timers.delete(timer);
    real.setImmediate = (callback: () => void) => {
      this.#immediates.push(callback);
    };
    // What src/ has for a moment's sleep, of the loop alone, and for watching it.
    Atomics.waitAsync =
      ((_cell: unknown, _index: 0, _value: 0, ms: number) => ({
        value: new Promise<void>((resolve) => {
          if (ms <= 1) this.#immediates.push(resolve);
        }),
      })) as unknown as typeof waitAsync;
    real.process = undefined; // Which has the real immediates.
    const isFirst = this.#dateNow === undefined;
    // Bound, it is native code, as src/ expects of the real one.
    this.#dateNow ??= (() => this.now + Math.floor(this.worked)).bind(this);
    this.fake(!isFirst);
    Math.random = () => 0;
    const performanceNow = Object.getOwnPropertyDescriptor(performance, "now");
    Object.defineProperty(performance, "now", {
      configurable: true,
      writable: true,
      value: () => {
        this.looks++;
        return this.now + this.worked;
      },
    });
    this.#restore = () => {
      names.forEach((name, i) => real[name] = kept[i]);
      Atomics.waitAsync = waitAsync;
      real.process = process;
      Date.now = dateNow;
      Math.random = random;
      if (performanceNow === undefined) {
        delete (performance as { now?: unknown }).now;
      } else Object.defineProperty(performance, "now", performanceNow);
    };
  }

  /**
   * Whether src/ takes the time for a test's: then no time goes by while work is
   * done, as far as its `Clock` knows.
   */
  fake(isFaked: boolean): void {
    this.#isFaked = isFaked;
    Date.now = isFaked ? () => this.now : this.#dateNow!;
  }

  /** The time that src/ knows of. */
  get known(): number {
    return this.#isFaked ? this.now : this.now + this.worked;
  }

  /** Gives the real time its place back. */
  uninstall(): void {
    this.#restore?.();
    this.#restore = undefined;
  }

  /** The timer that goes off next, if one is due by now. */
  next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) {
      if (timer.due > this.now) continue;
      if (
        first === undefined || timer.due < first.due ||
        (timer.due === first.due && timer.turn < first.turn)
      ) first = timer;
    }
    return first;
  }

  /** When the first timer is due; Infinity if there is none. */
  get firstDue(): number {
    let due = Infinity;
    for (const timer of this.timers) due = Math.min(due, timer.due);
    return due;
  }

  /** The loop turns. */
  turn(): void {
    const callbacks = this.#immediates;
    this.#immediates = [];
    for (const callback of callbacks) callback();
  }

  /** Forgets what a program has left behind. */
  clear(): void {
    this.timers.clear();
    this.turn();
    this.now = Math.ceil(this.now + this.worked) + 1000;
    this.worked = 0;
  }
}

/** The one clock there is. */
export const clock: Clock = new Clock();
