/**
 * Finds tasks that wait for themselves (the option `diagnose`).
 *
 * A task that awaits the end of its own group waits for its own end. One that awaits
 * another task, or room, needs a worker for that: if every worker has such a task, no
 * task can go on, and the group stands still. The diagnosis sees who awaits what by
 * `AsyncLocalStorage`, and has one of these waits fail. So its task gets an error at the
 * line that waits, and the others go on.
 *
 * It takes for granted that a task needs what is awaited in it: a task that starts an
 * async function, in which such a call is awaited, and ends without awaiting that
 * function, may be found although it would have ended. Not found are waits for other
 * groups and for permits of a governor.
 *
 * Invariants:
 * 1. A run is in `#runs` from its start to its end. Its waits are in the order in which
 *    they began; those that are over are left out when the diagnosis looks.
 * 2. It looks some microtasks after the last change. What can still go on by itself in
 *    this turn of the event loop has done so by then.
 *
 * @module
 */

import { watchAwaits } from "../base/awaits.ts";
import { CoGroupClosedError, domError, show } from "../base/errors.ts";
import { deferred, ignore, type Settle } from "../base/promises.ts";
import type { Task, TaskContext, WorkerFunction } from "../task.ts";
import type { RunContext } from "./context.ts";
import type { State } from "./state.ts";

/** A call of one of the group's own methods that may be awaited by a task. */
export interface Wait {
  /** The name of the method. */
  readonly doing: string;
  /**
   * What is missing for its answer: nothing that the group could give (it was answered,
   * or it waits for a source); the end of the group; the end of a task in flight; a worker.
   */
  lacks(): "nothing" | "end" | "task" | "worker";
  /** Has it fail. */
  fail(error: Error): void;
}

/** One attempt of a task. */
interface TaskRun {
  readonly ctx: RunContext;
  /** What it awaits, and when it began to. */
  readonly waits: Map<Wait, number>;
}

/** What this needs of `node:async_hooks`. */
interface Hooks {
  AsyncLocalStorage: new () => {
    run<R>(run: TaskRun, fn: () => R): R;
    getStore(): TaskRun | undefined;
  };
}

/** How many microtasks after a change it looks. */
const HOPS = 32;

/** How many tasks an error names. */
const NAMED = 8;

const RUNTIME = globalThis as {
  process?: { getBuiltinModule?: (name: string) => Hooks | undefined };
};

export class Diagnosis {
  readonly #state: State;
  readonly #storage: InstanceType<Hooks["AsyncLocalStorage"]>;
  readonly #runs = new Set<TaskRun>();
  #clock = 0;
  #isLooking = false;

  private constructor(state: State, { AsyncLocalStorage }: Hooks) {
    this.#state = state;
    this.#storage = new AsyncLocalStorage();
  }

  /** Undefined where the runtime has no `AsyncLocalStorage`. */
  static of(state: State): Diagnosis | undefined {
    const hooks = RUNTIME.process?.getBuiltinModule?.("node:async_hooks");
    return hooks && new Diagnosis(state, hooks);
  }

  /** The worker function of the group, with every run in an async context of its own. */
  around(own: WorkerFunction | undefined): WorkerFunction {
    return <T>(task: Task<T>, ctx: TaskContext) => {
      const run = { ctx: ctx as RunContext, waits: new Map() };
      return this.#storage.run(run, async () => {
        this.#runs.add(run);
        try { // Awaited here, so that a promise which the task returns is seen to be.
          return await (own === undefined ? task(ctx) : own(task, ctx));
        } finally {
          this.#runs.delete(run);
          this.look();
        }
      });
    };
  }

  /** Notices from now on which tasks await the promise of a call. */
  watch<T>(promise: Promise<T>, wait: Wait): Promise<T> {
    return watchAwaits(promise, () => {
      this.#storage.getStore()?.waits.set(wait, ++this.#clock);
      this.look();
    });
  }

  /** The same, by a promise that can fail before the call has its answer. */
  watchAnswer<T>(
    doing: string,
    answer: Promise<T>,
    lack: () => ReturnType<Wait["lacks"]>,
    onFail: () => void = ignore,
  ): Promise<T> {
    const { promise, resolve, reject } = deferred<T>();
    let isOver = false;
    const ends = <V>(settle: Settle<V>) => (value: V) => {
      isOver = true;
      settle(value);
    };
    const onError = ends(reject);
    answer.then(ends(resolve), (error) => {
      if (error instanceof CoGroupClosedError) promise.catch(ignore); // As `answer` itself.
      onError(error);
    });
    return this.watch(promise, {
      doing,
      lacks: () => isOver ? "nothing" : lack(),
      fail: (error) => {
        onError(error);
        onFail();
      },
    });
  }

  /** Something has changed: looks a little later. */
  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#lookLater();
  }

  async #lookLater(): Promise<void> {
    for (let hop = 0; hop < HOPS; hop++) await undefined;
    this.#isLooking = false;
    for (const run of this.#runs) this.#forgetOld(run);
    this.#failEnds();
    this.#failOne();
  }

  #forgetOld({ waits }: TaskRun): void {
    for (const wait of waits.keys()) {
      if (wait.lacks() === "nothing") waits.delete(wait);
    }
  }

  /** Has waits for the group's end fail. */
  #failEnds(): void {
    for (const run of this.#runs) {
      for (const wait of run.waits.keys()) {
        if (wait.lacks() !== "end") continue;
        const message =
          `Cannot await ${wait.doing}: it waits for the end of all tasks, also of ${
            nameOf(run)
          }, which awaits it (await it outside of the group's tasks: ctx.lend does not help here)`;
        wait.fail(domError(message, "InvalidStateError"));
      }
    }
  }

  /** If no task in flight can go on: has the youngest wait for a worker fail. */
  #failOne(): void {
    const { inFlight, limit } = this.#state;
    const runs = [...this.#runs].filter(({ ctx, waits }) =>
      !ctx.isLent && waits.size > 0
    );
    if (runs.length < inFlight || runs.length < limit) return;
    const waits = runs.flatMap((run) => [...run.waits])
      .sort(([, a], [, b]) => b - a)
      .map(([wait]) => wait);
    const wait = waits.find((wait) => wait.lacks() === "worker") ?? waits[0]!;
    const names = runs.slice(0, NAMED).map(nameOf);
    if (runs.length > NAMED) names.push(`${runs.length - NAMED} more`);
    const message =
      `Cannot await ${wait.doing}: the group stands still, for every worker has a task that waits for a worker: ${
        names.join(", ")
      } (lend the worker meanwhile: await ctx.lend(() => group.${wait.doing}(...)))`;
    wait.fail(domError(message, "InvalidStateError"));
    this.look(); // That may not be enough: a task may catch the error, and await another.
  }
}

function nameOf({ ctx: { item, workerId } }: TaskRun): string {
  const id = typeof item === "object" ? item.options?.id : undefined;
  return id === undefined
    ? `a task in worker ${workerId}`
    : `the task ${show(id)}`;
}
