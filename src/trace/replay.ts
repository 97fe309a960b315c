/**
 * What a group is doing after so many of its steps.
 *
 * @module
 */

import type { ObservedTask } from "../group/observer.ts";
import type { Recorded } from "./steps.ts";

/** What a worker is at. */
export interface Lane {
  isBusy: boolean;
  number: number;
  task: ObservedTask | undefined;
  attempt: number;
  /** When the task has started, or gone on, here. */
  since: number;
  /** The number of the start among all. */
  start: number;
  /** How long it was queued; undefined if it goes on. */
  queued: number | undefined;
  delayed: number;
}

/** A task that waits without a worker. */
export interface Apart {
  readonly number: number;
  readonly task: ObservedTask | undefined;
  readonly since: number;
  readonly how: "delayed" | "lent";
}

/** How many there are. */
export interface Counts {
  readonly queued: number;
  readonly delayed: number;
  readonly inFlight: number;
  readonly lent: number;
  /** What the tasks that have started and not ended weigh. */
  readonly permits: number;
  /** 1 while the group waits for its governor. */
  readonly waits: number;
}

export class Replay {
  queued = 0;
  delayed = 0;
  inFlight = 0;
  lent = 0;
  permits = 0;
  /** How many starts there were. */
  starts = 0;
  /** Whether the group has ever waited for its governor. */
  hasWaited = false;
  /** Since when the group waits for its governor. */
  waitsSince: number | undefined = undefined;
  /** By the ids of workers. */
  readonly lanes: (Lane | undefined)[] = [];
  /** Those that are delayed or lent, by their numbers. */
  readonly apart: Map<number, Apart> = new Map<number, Apart>();
  /** How long a task was delayed that is queued again, by its number. */
  readonly delays: Map<number, number> = new Map<number, number>();

  get counts(): Counts {
    const { queued, delayed, inFlight, lent, permits } = this;
    const waits = this.waitsSince === undefined ? 0 : 1;
    return { queued, delayed, inFlight, lent, permits, waits };
  }

  /** Another one, of the same state. */
  copy(): Replay {
    const { lanes, apart, delays, ...rest } = this;
    const copy = Object.assign(new Replay(), rest);
    for (const lane of lanes) copy.lanes.push(lane && { ...lane });
    for (const [number, one] of apart) copy.apart.set(number, one);
    for (const [number, ms] of delays) copy.delays.set(number, ms);
    return copy;
  }

  /** Takes the next step. */
  take(step: Recorded): void {
    const { number } = step;
    switch (step.type) {
      case "accepted":
        this.queued++;
        break;
      case "started":
        this.queued--;
        this.inFlight++;
        this.permits += weightOf(step);
        this.starts++;
        this.#occupy(step, step.elapsed, this.#takeDelay(number));
        break;
      case "fulfilled":
      case "rejected":
        this.#end(step);
        break;
      case "delayed":
        this.#end(step);
        this.#setApart(step, "delayed");
        break;
      case "due":
        this.#back(number);
        this.queued++;
        this.delays.set(number, step.elapsed);
        break;
      case "lent":
        this.inFlight--;
        this.#leave(step.workerId);
        this.#setApart(step, "lent");
        break;
      case "back":
        this.#back(number);
        this.inFlight++;
        this.#occupy(step, undefined, 0);
        break;
      case "abandoned":
        if (this.apart.has(number)) this.#back(number);
        else this.queued--;
        this.delays.delete(number);
        break;
      case "waiting":
        this.hasWaited = true;
        this.waitsSince = step.time;
        break;
      case "ready":
        this.waitsSince = undefined;
        break;
      case "reset": // A queue of the user's own may have lost some: no step tells of these.
        this.queued = 0;
        this.delays.clear();
    }
  }

  #takeDelay(number: number): number {
    if (this.delays.size === 0) return 0;
    const delay = this.delays.get(number) ?? 0;
    this.delays.delete(number);
    return delay;
  }

  #occupy(step: Recorded, queued: number | undefined, delayed: number): void {
    const { workerId, number, task, attempt, time } = step;
    const lane = this.lanes[workerId] ??= {} as Lane;
    lane.isBusy = true;
    lane.number = number;
    lane.task = task;
    lane.attempt = attempt;
    lane.since = time;
    lane.start = this.starts;
    lane.queued = queued;
    lane.delayed = delayed;
  }

  #leave(workerId: number): void {
    const lane = this.lanes[workerId]!;
    lane.isBusy = false;
    lane.task = undefined; // What it refers to may be large.
  }

  /** An attempt has ended; or, after one, the delay. */
  #end(step: Recorded): void {
    const how = this.apart.get(step.number)?.how;
    if (how !== "delayed") this.permits -= weightOf(step);
    if (how !== undefined) return this.#back(step.number);
    this.inFlight--;
    this.#leave(step.workerId);
  }

  #setApart({ number, task, time }: Recorded, how: Apart["how"]): void {
    this[how]++;
    this.apart.set(number, { number, task, since: time, how });
  }

  #back(number: number): void {
    const { how } = this.apart.get(number)!;
    this[how]--;
    this.apart.delete(number);
  }
}

function weightOf({ task }: Recorded): number {
  return task === undefined ? 1 : task.weight;
}
