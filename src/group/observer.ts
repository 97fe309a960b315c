/**
 * What an observer hears of a group.
 *
 * @module
 */

/**
 * Watches a group: hears of each step of each task, once and in order.
 *
 * It is called in the step itself: the group's state has changed, and no other code of
 * the user's has heard of that. So it has to be quick, and must not steer the group: it
 * reads, and takes notes. Of several tasks that one call abandons it hears one after the
 * other, when all are counted. A start, an attempt's end and the acceptance of a `go` are
 * told in the async context in which the task runs.
 *
 * What it throws, or rejects with, is printed. A group without an observer pays nothing.
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

/** A task, as an observer knows it: one object for all its steps. */
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
 * | `delayed` | running | delayed |
 * | `due` | delayed | queued |
 * | `fulfilled` | running | gone |
 * | `rejected` | running; delayed, where a queue of your own throws | gone |
 * | `abandoned` | queued, or delayed | gone |
 */
export type TaskStep =
  | AcceptedStep
  | StartedStep
  | OverdueStep
  | LentStep
  | DelayedStep
  | DueStep
  | FulfilledStep
  | RejectedStep
  | AbandonedStep;

/** A step of a group as a whole. */
export type GroupStep =
  | LifeStep
  | ResizedStep
  | AbortedStep
  | WaitingStep
  | ReadyStep;

/** What all steps have. */
export interface BaseStep {
  /** When it was: milliseconds, as `performance.now` has them. */
  readonly time: number;
}

/** What all steps of tasks have. */
export interface BaseTaskStep extends BaseStep {
  /** Which task. */
  readonly task: ObservedTask;
  /**
   * Milliseconds since the task's last step: for how long it was what it was. An
   * `overdue` counts for nothing here. 0 for the first.
   */
  readonly elapsed: number;
}

/** What all steps have that a task makes while it runs. */
export interface BaseRunStep extends BaseTaskStep {
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** The worker; -1 if it has none, because its worker is lent. */
  readonly workerId: number;
}

/** The task was taken in, and is queued. */
export interface AcceptedStep extends BaseTaskStep {
  /** What has happened. */
  readonly type: "accepted";
}

/** An attempt begins. */
export interface StartedStep extends BaseRunStep {
  /** What has happened. */
  readonly type: "started";
}

/** The attempt's time is over, or its caller was told early, and it runs on. */
export interface OverdueStep extends BaseRunStep {
  /** What has happened. */
  readonly type: "overdue";
  /** Whether it was its `timeout`, or its own signal. */
  readonly why: "timeout" | "signal";
}

/** The task has lent its worker; or it goes on, in this worker or, if it has ended meanwhile, in none. */
export interface LentStep extends BaseRunStep {
  /** What has happened. */
  readonly type: "lent" | "back";
}

/** The attempt has failed, and the task waits for the next one. */
export interface DelayedStep extends BaseRunStep {
  /** What has happened. */
  readonly type: "delayed";
  /** What the attempt has failed with. */
  readonly error: unknown;
  /** When it is due: milliseconds, as `time`. */
  readonly until: number;
}

/** The task is queued again, for its next attempt. */
export interface DueStep extends BaseTaskStep {
  /** What has happened. */
  readonly type: "due";
}

/** The task has ended well. */
export interface FulfilledStep extends BaseRunStep {
  /** What has happened. */
  readonly type: "fulfilled";
}

/** The task has failed for good. */
export interface RejectedStep extends BaseRunStep {
  /** What has happened. */
  readonly type: "rejected";
  /** What it has failed with, as its caller or `onError` hears it. */
  readonly error: unknown;
}

/** The task will never run. */
export interface AbandonedStep extends BaseTaskStep {
  /** What has happened. */
  readonly type: "abandoned";
  /** By what: an abort of the group, `clear`, a withdrawal (its own signal, its id, the end of its stream), or an eviction. */
  readonly why: Abandonment;
  /** What its promise rejects with; undefined where no caller hears it. */
  readonly reason: unknown;
}

/** Why a task will never run. */
export type Abandonment = "aborted" | "cleared" | "withdrawn" | "evicted";

/** The group is paused, goes on, has closed its intake, or is open again after `reset`. */
export interface LifeStep extends BaseStep {
  /** What has happened. */
  readonly type: "paused" | "resumed" | "closed" | "reset";
}

/** The group has more workers, or fewer. */
export interface ResizedStep extends BaseStep {
  /** What has happened. */
  readonly type: "resized";
  /** How many it has now. */
  readonly concurrency: number;
}

/** The group was aborted. The tasks that this abandons come right after it. */
export interface AbortedStep extends BaseStep {
  /** What has happened. */
  readonly type: "aborted";
  /** Why. */
  readonly reason: unknown;
}

/** A task is next, and the group waits for a permit of its governor. */
export interface WaitingStep extends BaseStep {
  /** What has happened. */
  readonly type: "waiting";
}

/** That wait is over: there is a permit, or nothing that needs one. */
export interface ReadyStep extends BaseStep {
  /** What has happened. */
  readonly type: "ready";
  /** Milliseconds for which it has waited. */
  readonly elapsed: number;
}
