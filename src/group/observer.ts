/**
 * What an observer hears of a group.
 *
 * @module
 */

/**
 * Watches a group: hears of each step of each task, once and in order.
 *
 * It is called in the step itself: the group's state has changed, and no other code of
 * the user's has heard of that, but a queue or a governor of the user's own. So it has to
 * be quick, and must not steer the group: it reads, and takes notes. Of several tasks that
 * one call abandons it hears one after the other, when all are counted. A start, an
 * attempt's end and the acceptance of a `go` are told in the async context in which the
 * task runs.
 *
 * It hears nothing of tasks that are not accepted: `add` was false, or a `droppingQueue`
 * has dropped them (then its `onEvict` hears). What it throws, or rejects with, is printed.
 * A group without an observer pays nothing.
 *
 * @example How long tasks wait, and how long they run
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type Observer } from "@cogroup/cogroup";
 *
 * const log: string[] = [];
 * const observer: Observer = {
 *   onStep(step) {
 *     if ("task" in step) log.push(`${step.task.id} ${step.type}`);
 *   },
 * };
 * await using group = new CoGroup({ concurrency: 1, observer });
 * await group.go(() => {}, { id: "a.jpg" });
 * assert.deepEqual(log, ["a.jpg accepted", "a.jpg started", "a.jpg fulfilled"]);
 * ```
 */
export interface Observer {
  /**
   * Hears of a step.
   *
   * @param step What has happened.
   */
  onStep(step: Step): void;
}

/**
 * A task, as an observer knows it: one object for all its steps.
 *
 * @example What to remember of a task has the task as its key
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type ObservedTask, type Step } from "@cogroup/cogroup";
 *
 * const attempts = new Map<ObservedTask, number>();
 * const observer = {
 *   onStep(step: Step) {
 *     if (step.type === "started") attempts.set(step.task, step.attempt);
 *   },
 * };
 * const group = new CoGroup({ concurrency: 1, observer });
 * group.add(() => {}, { id: "a.jpg", key: "images" });
 * await group.wait();
 * const [[task, count] = []] = attempts;
 * assert.deepEqual([task?.number, task?.id, task?.key, count], [1, "a.jpg", "images", 1]);
 * ```
 */
export interface ObservedTask {
  /** Which one it is of those that the group has accepted, from 1; a `reset` starts no new count. */
  readonly number: number;
  /** The `id` of its options; undefined if it has none. */
  readonly id: unknown;
  /** The `key` of its options. */
  readonly key: unknown;
  /** The `priority` that it was accepted with; 0 if it had none. */
  readonly priority: number;
  /** The `weight` of its options; 1 if it has none. */
  readonly weight: number;
}

/**
 * What an observer hears of: a step of a task, or of its group.
 *
 * @example Tell the ones from the others
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type Step } from "@cogroup/cogroup";
 *
 * const steps: Step[] = [];
 * const observer = { onStep: (step: Step) => void steps.push(step) };
 * const group = new CoGroup({ concurrency: 1, observer });
 * group.add(() => {});
 * await group.wait();
 * assert.deepEqual(steps.map(({ type }) => type), [
 *   "created",
 *   "accepted",
 *   "closed",
 *   "started",
 *   "fulfilled",
 * ]);
 * ```
 */
export type Step = TaskStep | GroupStep;

/**
 * A step of a task. Its steps are a way through this machine, from `accepted` to one of
 * the three ends:
 *
 * | step | the task was | and is then |
 * | --- | --- | --- |
 * | `accepted` | | queued |
 * | `started` | queued | running |
 * | `overdue` | running, or lent; once in an attempt | the same |
 * | `lent` | running | lent |
 * | `back` | lent | running |
 * | `delayed` | as `fulfilled` | delayed |
 * | `due` | delayed | queued |
 * | `fulfilled` | running; lent, where it has ended before its wait | gone |
 * | `rejected` | as `fulfilled`; delayed, where a queue of your own throws | gone |
 * | `abandoned` | queued, or delayed | gone |
 *
 * A queue of your own that throws in `clear`, or gives only a part back, loses tasks: in
 * an abort these count as abandoned, and have no step. What no step of an aborted group
 * has ended by its `reset`, or by the end of its `wait`, is of these.
 *
 * @example Which tasks were slow
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type TaskStep } from "@cogroup/cogroup";
 *
 * const slow: TaskStep[] = [];
 * const group = new CoGroup({
 *   concurrency: 1,
 *   observer: {
 *     onStep(step) {
 *       if (step.type === "fulfilled" && step.elapsed > 60_000) slow.push(step);
 *     },
 *   },
 * });
 * await group.go(() => {});
 * assert.equal(slow.length, 0);
 * ```
 */
export type TaskStep =
  & {
    /**
     * When it was: milliseconds, as `performance.now` has them. It never goes back, also
     * where a test fakes clocks.
     */
    readonly time: number;
    /** Which task. */
    readonly task: ObservedTask;
    /**
     * For how long the task was what it was: milliseconds since its last step. An
     * `overdue` counts for nothing here.
     */
    readonly elapsed: number;
  }
  & (
    | { readonly type: "accepted" | "due" }
    | {
      readonly type: "abandoned";
      /** By an abort of the group; by `clear`; by its own signal, its id or its stream; by an eviction. */
      readonly why: "aborted" | "cleared" | "withdrawn" | "evicted";
      /** What its promise rejects with; undefined where no caller hears it. */
      readonly reason: unknown;
    }
    | {
      readonly type: "started" | "lent" | "back" | "fulfilled";
      /** Which attempt it is, from 1; of a message of `consume`, as its deliveries count. */
      readonly attempt: number;
      /** The worker; -1 if the task has none, because it has lent it. */
      readonly workerId: number;
    }
    | {
      readonly type: "overdue";
      /** Which attempt it is. */
      readonly attempt: number;
      /** The worker, or -1. */
      readonly workerId: number;
      /** Whether its time is over, or its own signal has spoken and its caller knows. */
      readonly why: "timeout" | "signal";
    }
    | {
      readonly type: "delayed";
      /** Which attempt it was. */
      readonly attempt: number;
      /** The worker, or -1. */
      readonly workerId: number;
      /** What it has failed with. */
      readonly error: unknown;
      /** When the next one is due: milliseconds, as `time`. */
      readonly until: number;
    }
    | {
      readonly type: "rejected";
      /** Which attempt it was. */
      readonly attempt: number;
      /** The worker, or -1. */
      readonly workerId: number;
      /** What it has failed with, as its caller or `onError` hears it. */
      readonly error: unknown;
    }
  );

/**
 * A step of a group as a whole. `created` is the first one; what an observer throws at
 * it, the constructor of the group throws. `aborted` comes before the tasks that it
 * abandons; `waiting` when a task is next and the governor has no permit for it, `ready`
 * when that wait is over: when there is one, or right after the start that took it.
 *
 * @example For how long the governor has held the group up
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type GroupStep, Semaphore } from "@cogroup/cogroup";
 *
 * let waited = 0;
 * const onReady = (step: Extract<GroupStep, { type: "ready" }>) =>
 *   void (waited += step.elapsed);
 * const group = new CoGroup({
 *   concurrency: 2,
 *   governor: new Semaphore(1),
 *   observer: { onStep: (step) => step.type === "ready" && onReady(step) },
 * });
 * for (const _ of [1, 2]) group.add(() => Promise.resolve());
 * await group.wait();
 * assert(waited >= 0);
 * ```
 */
export type GroupStep =
  & {
    /** When it was: milliseconds, as `performance.now` has them. */
    readonly time: number;
  }
  & (
    | {
      readonly type: "created";
      /** How many workers it has. */
      readonly concurrency: number;
      /** Whether it was made without starting. */
      readonly paused: boolean;
    }
    | {
      readonly type: "paused" | "resumed" | "closed" | "reset" | "waiting";
    }
    | {
      readonly type: "resized";
      /** How many workers there are now. */
      readonly concurrency: number;
    }
    | {
      readonly type: "aborted";
      /** Why. */
      readonly reason: unknown;
    }
    | {
      readonly type: "ready";
      /** For how long it has waited: milliseconds. */
      readonly elapsed: number;
    }
  );
