/**
 * The last steps of a group, in flat memory: 32 bytes a step, and a reference.
 *
 * Invariants:
 * 1. Steps have numbers, from 0. Those from `first` to below `end` are there, at most `length` of them.
 * 2. What a step has beyond numbers is kept only if there is such a thing: a task of
 *    which more than its number is known, an error. So a plain task leaves nothing on the heap.
 *
 * @module
 */

import type { ObservedTask, Step, TaskStep } from "../group/observer.ts";

/** The types of steps, by their codes. */
export const TYPES = [
  "accepted",
  "started",
  "fulfilled",
  "rejected",
  "delayed",
  "due",
  "lent",
  "back",
  "overdue",
  "abandoned",
  "paused",
  "resumed",
  "closed",
  "reset",
  "resized",
  "aborted",
  "waiting",
  "ready",
] as const;

/** Why a task is overdue or abandoned, by their codes. */
const REASONS = [
  "timeout",
  "signal",
  "aborted",
  "cleared",
  "withdrawn",
  "evicted",
] as const;

type Why = typeof REASONS[number];

const CODES = new Map<string, number>(TYPES.map((type, code) => [type, code]));

/** A step, as it is read from the memory: one object for all of them. */
export interface Recorded {
  type: typeof TYPES[number];
  time: number;
  elapsed: number;
  /** Which task. */
  number: number;
  /** What is known of it beyond its number. */
  task: ObservedTask | undefined;
  workerId: number;
  attempt: number;
  why: Why | undefined;
  /** What has made it fail; why it, or the group, was aborted. */
  error: unknown;
  concurrency: number;
}

export class Steps {
  readonly length: number;
  /** The number of the next step. */
  end = 0;
  readonly #times: Float64Array;
  readonly #elapsed: Float64Array;
  /** Which task; for `resized` how many workers. */
  readonly #numbers: Float64Array;
  readonly #workers: Int32Array;
  /** Type, why, attempt: 5, 3 and 24 bits. */
  readonly #words: Uint32Array;
  readonly #tasks: (ObservedTask | undefined)[];
  /** By the numbers of steps. */
  readonly #errors = new Map<number, unknown>();

  constructor(length: number) {
    this.length = length;
    this.#times = new Float64Array(length);
    this.#elapsed = new Float64Array(length);
    this.#numbers = new Float64Array(length);
    this.#workers = new Int32Array(length);
    this.#words = new Uint32Array(length);
    this.#tasks = new Array(length).fill(undefined);
  }

  /** The number of the first step that is there. */
  get first(): number {
    return Math.max(0, this.end - this.length);
  }

  get isFull(): boolean {
    return this.end >= this.length;
  }

  /** Takes a step in, in place of the first one if it is full. */
  push(step: Step): void {
    const { type, time } = step;
    const at = this.end % this.length;
    if (this.#errors.size > 0) this.#errors.delete(this.end - this.length);
    this.#times[at] = time;
    switch (type) {
      case "accepted":
      case "due":
        this.#pushTask(at, step, -1, 0);
        break;
      case "started":
      case "fulfilled":
      case "lent":
      case "back":
        this.#pushTask(at, step, step.workerId, step.attempt << 8);
        break;
      default:
        this.#pushOther(at, step);
    }
    this.#words[at]! |= CODES.get(type)!;
    this.end++;
  }

  /** Reads a step. Valid until the next read. */
  read(number: number): Recorded {
    const at = number % this.length;
    const word = this.#words[at]!;
    read.type = TYPES[word & 31]!;
    read.time = this.#times[at]!;
    read.elapsed = this.#elapsed[at]!;
    read.number = read.concurrency = this.#numbers[at]!;
    read.task = this.#tasks[at];
    read.workerId = this.#workers[at]!;
    read.attempt = word >>> 8;
    read.why = REASONS[((word >>> 5) & 7) - 1];
    read.error = this.#errors.get(number);
    return read;
  }

  #pushTask(at: number, step: TaskStep, worker: number, word: number): void {
    const { task } = step;
    this.#elapsed[at] = step.elapsed;
    this.#numbers[at] = task.number;
    this.#workers[at] = worker;
    this.#words[at] = word;
    const isPlain = task.id === undefined && task.key === undefined &&
      task.weight === 1;
    this.#tasks[at] = isPlain ? undefined : task;
  }

  #pushOther(at: number, step: Step): void {
    const why = "why" in step ? REASONS.indexOf(step.why) + 1 : 0;
    if ("task" in step) {
      const { workerId = -1, attempt = 0 } = step as Partial<Recorded>;
      this.#pushTask(at, step, workerId, attempt << 8 | why << 5);
    } else {
      this.#elapsed[at] = "elapsed" in step ? step.elapsed : 0;
      this.#numbers[at] = "concurrency" in step ? step.concurrency : 0;
      this.#words[at] = 0;
      this.#tasks[at] = undefined;
    }
    if ("error" in step) this.#errors.set(this.end, step.error);
    if ("reason" in step) this.#errors.set(this.end, step.reason);
  }
}

const read: Recorded = {
  type: "accepted",
  time: 0,
  elapsed: 0,
  number: 0,
  task: undefined,
  workerId: 0,
  attempt: 0,
  why: undefined,
  error: undefined,
  concurrency: 0,
};
