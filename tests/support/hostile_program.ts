// deno-coverage-ignore-file

/**
 * A group, and a program for it, whose signals and queue throw or use the group
 * while it is in the middle of something. What is found wrong is written down,
 * for it may be found where nobody reads what is thrown.
 *
 * @module
 */

import {
  adaptiveLimit,
  CoGroup,
  type CoGroupOptions,
  droppingQueue,
  type Governor,
  keyedQueue,
  priorityQueue,
  rateLimit,
  Semaphore,
  slidingQueue,
  type TaskOptions,
} from "../../mod.ts";
import { assertBooks, range, settled } from "./helpers.ts";
import { PolyfilledSignal } from "./polyfilled_signal.ts";
import { assert, type FakeTime } from "./std.ts";
import { TellingQueue } from "./telling_queue.ts";

/** What a task is given, and how it runs. */
export interface Brought {
  signal: number | undefined;
  key: number;
  timed: boolean;
  /** Microtasks until it ends. */
  ticks: number;
  fails: boolean;
}

export type Step =
  | { do: "add" | "go" | "insert" | "tryInsert"; with: Brought }
  | { do: "insertAll"; with: Brought[] }
  | { do: "map"; with: Brought; n: number; later: boolean; settled: boolean }
  | { do: "abort" | "return"; which: number }
  | { do: "resize"; n: number }
  | { do: "drain" | "resume" | "cancel" | "close" }
  | { do: "pause" | "reset" }
  | { do: "microtasks" | "tick"; n: number };

/** What happens when a signal is listened to or left, or a task pushed. */
export interface Surprise {
  does: Step | undefined;
  throws: boolean;
}

/** A program, and the group that it is for. */
export interface Given {
  queue: string;
  capacity: number;
  governor: string;
  concurrency: number;
  retry: boolean;
  paused: boolean;
  upstream: boolean;
  sink: boolean;
  steps: Step[];
  surprises: Surprise[];
}

/** How many signals there are at a time for tasks. */
export const SIGNALS = 4;

/** How a group's queue is made; one of one's own calls back. */
export const queues: Record<string, (n: number, onPush: () => void) => object> =
  {
    default: () => ({}),
    capacity: (n) => ({ capacity: n }),
    keyed: (n) => ({ queue: keyedQueue({ capacity: n }) }),
    priority: (n) => ({ queue: priorityQueue({ capacity: n }) }),
    sliding: (n) => ({ queue: slidingQueue(n + 1) }),
    dropping: (n) => ({ queue: droppingQueue(n) }),
    own: (n, onPush) => ({ queue: new TellingQueue(n, onPush) }),
  };
/** How its governor is made. */
export const governors: Record<string, () => Governor | undefined> = {
  none: () => undefined,
  Semaphore: () => new Semaphore(2),
  rateLimit: () => rateLimit({ limit: 2, interval: 5 }),
  adaptiveLimit: () => adaptiveLimit({ max: 2 }),
};

/** What a signal throws. */
export class Hostile extends RangeError {}

/** A group, what is done to it, and what is wrong with it. */
export class HostileProgram {
  readonly group: CoGroup;
  /** What was done, and found, in order: the story of a failure. */
  readonly story: string[] = [];
  readonly wrong: string[] = [];
  readonly #time: InstanceType<typeof FakeTime>;
  readonly #steps: Step[];
  readonly #surprises: Surprise[];
  readonly #signals: PolyfilledSignal[] = [];
  /** Those that tasks are given now. */
  readonly #current: PolyfilledSignal[];
  readonly #streams: AsyncIterableIterator<unknown>[] = [];
  readonly #pending = new Set<string>();
  #promised = 0;
  #depth = 0;
  /** In how many calls a task is in the line, and not in the books yet. */
  #unbooked = 0;
  /** The one that somebody is about to listen to. */
  #listened: PolyfilledSignal | undefined = undefined;
  #isReady = false;

  constructor(given: Given, time: InstanceType<typeof FakeTime>) {
    this.#time = time;
    this.#steps = given.steps;
    this.#surprises = [...given.surprises];
    const { concurrency, paused, sink, retry, upstream } = given;
    const options: CoGroupOptions = {
      concurrency,
      paused,
      sink,
      onError: () => {},
      ...queues[given.queue]!(given.capacity, () => this.#push()),
    };
    if (retry) options.retry = { maxAttempts: 2, minTimeout: 1, jitter: 0 };
    const governor = governors[given.governor]!();
    if (governor !== undefined) options.governor = governor;
    if (upstream) Object.assign(options, this.#signal().options);
    this.group = new CoGroup(options);
    this.#current = range(SIGNALS).map(() => this.#signal());
    this.#isReady = true;
  }

  #signal(): PolyfilledSignal {
    const signal = new PolyfilledSignal({
      onAdd: (_, signal) => this.#called(signal),
      onRemove: () => this.#called(undefined),
    });
    this.#signals.push(signal);
    return signal;
  }

  /** A queue has taken a task in, which is booked right after that. */
  #push(): void {
    this.#unbooked++;
    this.#surprise(false);
    this.#unbooked--;
  }

  /** A signal is about to be listened to, or was left. */
  #called(signal: PolyfilledSignal | undefined): void {
    const before = this.#listened;
    this.#listened = signal;
    try {
      this.#surprise(true);
    } finally {
      this.#listened = before;
    }
  }

  /** Somebody's code is called, and does what is next on the list. */
  #surprise(mayThrow: boolean): void {
    if (!this.#isReady) return;
    this.check("inside");
    const surprise = this.#surprises.shift();
    if (surprise?.does !== undefined && this.#depth < 2) {
      this.#depth++;
      this.take(surprise.does);
      this.#depth--;
    }
    if (surprise?.throws && mayThrow) {
      this.story.push("throws");
      throw new Hostile("hostile");
    }
  }

  /** Law 1, for this instant. */
  check(when: string): void {
    if (this.#unbooked > 0) return;
    try {
      assertBooks(this.group);
      assert(this.group.size >= 0, `size ${this.group.size}`);
    } catch (error) {
      this.wrong.push(`${when}: ${(error as Error).message}`);
    }
  }

  /** Something that has to settle, in one way or the other. */
  #promise(what: string, promise: Promise<unknown>): void {
    const name = `${what} ${++this.#promised}`;
    this.#pending.add(name);
    promise.then(() => {}, (error) => {
      if (error instanceof TypeError) {
        this.wrong.push(`${name}: ${error.stack}`);
      }
    }).then(() => this.#pending.delete(name));
  }

  #task({ signal, ticks, fails }: Brought): () => Promise<void> {
    const own = signal === undefined ? undefined : this.#current[signal];
    return async () => {
      if (own?.aborted) this.wrong.push("a task started that was withdrawn");
      for (const _ of range(ticks)) await undefined;
      if (fails) throw new Error("task");
    };
  }

  #options({ signal, key, timed }: Brought): TaskOptions {
    return {
      ...(signal !== undefined && this.#current[signal]!.options),
      ...(timed && { timeout: 5 }),
      key,
      priority: key,
    };
  }

  /** Does what may be done from anywhere; it throws at nobody but who brings a task. */
  take(step: Step): void {
    const at = `${"  ".repeat(this.#depth)}${step.do}`;
    this.story.push(at);
    try {
      this.#do(step);
    } catch (error) {
      const may = step.do === "add" || step.do === "tryInsert";
      if (!may || !(error instanceof Hostile)) {
        this.wrong.push(`${step.do} threw: ${(error as Error).stack}`);
      }
    }
    this.check(at);
  }

  #do(step: Step): void {
    const { group } = this;
    switch (step.do) {
      case "add":
      case "tryInsert":
        group[step.do](this.#task(step.with), this.#options(step.with));
        break;
      case "go":
      case "insert": {
        const task = this.#task(step.with);
        this.#promise(step.do, group[step.do](task, this.#options(step.with)));
        break;
      }
      case "insertAll": {
        const tasks = step.with.map((one) => ({
          task: this.#task(one),
          options: this.#options(one),
        }));
        this.#promise("insertAll", group.insertAll(tasks));
        break;
      }
      case "map":
        this.#map(step);
        break;
      case "abort": {
        const signal = (step.which < 5 ? undefined : this.#listened) ??
          this.#current[step.which % SIGNALS]!;
        const at = this.#current.indexOf(signal);
        if (at >= 0) this.#current[at] = this.#signal();
        signal.abort(new Error("withdrawn"));
        break;
      }
      case "return": {
        const stream = this.#streams[step.which % this.#streams.length];
        if (stream) this.#promise("return", stream.return!());
        break;
      }
      case "resize":
        group.concurrency = step.n;
        break;
      case "reset":
        this.#promise("reset", group.reset());
        break;
      case "drain":
      case "resume":
      case "pause":
      case "cancel":
      case "close":
        group[step.do]();
    }
  }

  #map(step: Step & { do: "map" }): void {
    const { n, later, settled } = step;
    const items = range(n);
    const source = later
      ? (async function* () {
        yield* items;
      })()
      : items;
    const task = this.#task(step.with);
    const options = { ...this.#options(step.with), ordered: n % 2 === 0 };
    const stream = settled
      ? this.group.mapSettled(source, task, options)
      : this.group.map(source, task, options);
    this.#streams.push(stream);
    const read = async () => {
      for await (const _ of stream);
    };
    this.#promise("map", read());
  }

  /** Does it all, and lets everything come to its end. */
  async run(): Promise<void> {
    for (const step of this.#steps) {
      this.take(step);
      if (step.do === "tick") await this.#time.tickAsync(step.n);
      else if (step.do === "microtasks") {
        for (const _ of range(step.n)) await undefined;
      }
      this.check("later");
      if (this.wrong.length > 0) return;
    }
    if (this.group.paused) this.group.resume();
    await this.#settle(); // Nobody waits for ever, not in an open group either.
    this.#promise("idle", this.group.idle());
    await this.#settle();
    this.#promise("wait", this.group.wait());
    await this.#settle();
    const { stats } = this.group;
    if (stats.queued + stats.delayed + stats.inFlight > 0) {
      this.wrong.push(`not at rest: ${JSON.stringify(stats)}`);
    }
    const left = this.#signals.filter(({ listeners }) => listeners > 0).length;
    if (left > 0) this.wrong.push(`${left} signals with a listener`);
  }

  /** Lets everything happen that has to. */
  async #settle(): Promise<void> {
    await settled();
    for (let n = 0; n < 50 && this.#pending.size > 0; n++) {
      this.#time.tick(5);
      await settled();
    }
    this.check("at rest");
    if (this.#pending.size > 0) {
      this.wrong.push(`never settled: ${[...this.#pending].join()}`);
      this.#pending.clear();
    }
  }
}
