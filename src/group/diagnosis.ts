/**
 * Finds tasks that wait for themselves (the option `diagnose`).
 *
 * A task that awaits the end of its own group waits for its own end. One that awaits
 * another task, or room, needs a worker for that: if every worker has such a task, no
 * task can go on, and the group stands still. The diagnosis sees which task awaits what
 * by `AsyncLocalStorage`, and has one of these waits fail. So its task gets an error at
 * the line that waits, and the others go on.
 *
 * It takes for granted that a task ends no sooner than what is awaited in it, also in a
 * function of its own that it has called and does not await; and that nothing outside of
 * the group's tasks will help (an abort, more workers). Not found are waits for other
 * groups, for permits and for keys.
 *
 * Invariants:
 * 1. A run is in `#runs` from its start to its end.
 * 2. It looks some microtasks after a step of the group. What can still go on by itself
 *    in this turn of the event loop has done so by then, or makes a step.
 *
 * @module
 */

import { type Asking, watchAwaits } from "../base/awaits.ts";
import { domError, show } from "../base/errors.ts";
import { type Deferred, deferred, type Settle } from "../base/promises.ts";
import { Timer } from "../base/timer.ts";
import type { QueuedTask, Task, TaskContext, WorkerFunction } from "../task.ts";
import type { RunContext } from "./context.ts";
import type { Observer } from "./observer.ts";
import type { State } from "./state.ts";

/**
 * What is missing for the answer to a call: nothing, it was answered; nothing of the
 * group's now (a source has to give something first); the end of the group; the end of
 * tasks in flight; a worker.
 */
export type Lack = "nothing" | "source" | "end" | "tasks" | "worker";

/** A call of one of the group's own methods that may be awaited by a task. */
export interface Wait {
  /** The name of the method. */
  readonly doing: string;
  lack(): Lack;
  /** Has it fail. */
  fail(error: Error): void;
}

/** How, and when, a task has asked for the answer to a call. */
interface Asked {
  readonly how: Asking;
  readonly at: number;
}

/** One attempt of a task. */
interface TaskRun {
  readonly home: Diagnosis;
  readonly ctx: RunContext;
  readonly waits: Map<Wait, Asked>;
}

interface Storage {
  run<R>(run: TaskRun, fn: () => R): R;
  getStore(): TaskRun | undefined;
}

/** What this needs of `node:async_hooks`. */
interface Hooks {
  AsyncLocalStorage: new () => Storage;
}

/** How many microtasks after a step it looks. */
const HOPS = 32;

/** For how many milliseconds nothing must happen where it is not sure that a task waits. */
const PATIENCE = 1000;

/** How many tasks an error names. */
const NAMED = 8;

const RUNTIME = globalThis as {
  process?: { getBuiltinModule?: (name: string) => Hooks | undefined };
};

// One for all groups: where Node has no better way (20, 22), each one that was ever used
// makes every promise of the process dearer.
let storage: Storage | undefined;

export class Diagnosis {
  readonly #state: State;
  readonly #storage: Storage;
  readonly #runs = new Set<TaskRun>();
  #clock = 0;
  #isLooking = false;
  #patience: Timer | undefined = undefined;

  private constructor(state: State, storage: Storage) {
    this.#state = state;
    this.#storage = storage;
  }

  /** Undefined where the runtime has no `AsyncLocalStorage`. */
  static of(state: State): Diagnosis | undefined {
    const hooks = RUNTIME.process?.getBuiltinModule?.("node:async_hooks");
    if (hooks === undefined) return undefined;
    storage ??= new hooks.AsyncLocalStorage();
    return new Diagnosis(state, storage);
  }

  /** The worker function of the group, with every run in an async context of its own. */
  around(own: WorkerFunction | undefined): WorkerFunction {
    return <T>(task: Task<T>, ctx: TaskContext) => {
      const run = { home: this, ctx: ctx as RunContext, waits: new Map() };
      return this.#storage.run(run, async () => {
        this.#runs.add(run);
        try { // Awaited here, so that a promise which the task returns is seen to be.
          return await (own === undefined ? task(ctx) : own(task, ctx));
        } finally {
          this.#runs.delete(run);
        }
      });
    };
  }

  /** The observer of the group: each step is a reason to look. */
  beside(own: Observer | undefined): Observer {
    return {
      onStep: (step) => {
        this.look();
        return own?.onStep(step);
      },
    };
  }

  /** Notices from now on which tasks wait for the promise of a call. */
  watch<T>(promise: Promise<T>, wait: Wait): Promise<T> {
    return watchAwaits(promise, (how) => {
      const run = this.#storage.getStore();
      if (run?.home !== this) return;
      if (how === "awaited" || !run.waits.has(wait)) {
        run.waits.set(wait, { how, at: ++this.#clock });
      }
      this.look();
    });
  }

  /** A promise for the answer to a call, which is watched. */
  deferred<T>(
    doing: string,
    lack: () => Lack,
    onFail?: (error: Error) => void,
  ): Deferred<T> {
    const { promise, resolve, reject } = deferred<T>();
    let isOver = false;
    const ends = <V>(settle: Settle<V>) => (value: V) => {
      isOver = true;
      settle(value);
    };
    const fails = ends(reject);
    this.watch(promise, {
      doing,
      lack: () => isOver ? "nothing" : lack(),
      fail: onFail ?? fails,
    });
    return { promise, resolve: ends(resolve), reject: fails };
  }

  /** An answer that all callers share, for one of them. */
  ownAnswer<T>(doing: string, answer: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = this.deferred<T>(doing, () => "end");
    answer.then(resolve, reject);
    return promise;
  }

  /** Something may have changed: looks a little later. */
  look(): void {
    this.#patience?.clear();
    this.#patience = undefined;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#lookLater();
  }

  async #lookLater(): Promise<void> {
    for (let hop = 0; hop < HOPS; hop++) await undefined;
    this.#isLooking = false;
    for (const run of this.#runs) this.#failEnds(run);
    const stuck = this.#stuck();
    if (stuck === undefined) return;
    // Asked for by `Promise.all` alone: it may be that the task does not wait yet.
    const isSure = stuck.every(({ waits }) =>
      [...waits.values()].some(({ how }) => how === "awaited")
    );
    if (isSure) this.#failOne(stuck);
    else this.#patience = new Timer(PATIENCE, () => this.#failOne(stuck));
  }

  /** Has its waits for the group's end fail; forgets those that are over. */
  #failEnds(run: TaskRun): void {
    for (const [wait, { how }] of run.waits) {
      const lack = wait.lack();
      if (lack === "nothing") run.waits.delete(wait);
      if (lack !== "end" || how !== "awaited") continue;
      fail(
        wait,
        `${nameOf(run)} waits for the end of all tasks, its own too`,
        "do that outside of tasks: ctx.lend is no help here",
      );
    }
  }

  /** The tasks in flight, if none of them can go on. */
  #stuck(): TaskRun[] | undefined {
    const { inFlight, limit } = this.#state;
    const stuck = [...this.#runs].filter(({ ctx, waits }) =>
      !ctx.isLent && [...waits.keys()].some(needsWorker)
    );
    return stuck.length < Math.max(inFlight, limit) ? undefined : stuck;
  }

  /** Has the youngest of their waits fail; best one for a task that has not started. */
  #failOne(stuck: TaskRun[]): void {
    const waits = stuck.flatMap(({ waits }) => [...waits])
      .sort(([, a], [, b]) => b.at - a.at)
      .map(([wait]) => wait)
      .filter(needsWorker);
    const wait = waits.find((wait) => wait.lack() === "worker") ?? waits[0]!;
    const names = stuck.slice(0, NAMED).map(nameOf);
    if (stuck.length > NAMED) names.push(`${stuck.length - NAMED} more`);
    fail(
      wait,
      `the group stands still, for all workers have tasks that wait for a worker (${
        names.join(", ")
      })`,
      `lend the worker: await ctx.lend(() => group.${wait.doing}(...))`,
    );
    this.look(); // That may not be enough: a task may catch the error, and await another.
  }
}

function needsWorker(wait: Wait): boolean {
  const lack = wait.lack();
  return lack === "worker" || lack === "tasks";
}

function fail(wait: Wait, why: string, cure: string): void {
  const message = `Cannot await ${wait.doing}: ${why}; ${cure}`;
  wait.fail(domError(message, "InvalidStateError"));
}

function nameOf({ ctx: { item, workerId } }: TaskRun): string {
  const { options } = item as QueuedTask; // An observed group has entries only.
  const id = options?.id;
  return id === undefined
    ? `a task in worker ${workerId}`
    : `the task ${show(id)}`;
}
