/**
 * The last steps of a group, in flat memory: 32 bytes a step, and a reference.
 *
 * To remember a step is to be quick: a task has three of them at least. The memory
 * grows with the steps, twofold each time.
 *
 * Invariants:
 * 1. Steps have numbers, from 0. Those from `first` to below `end` are there, at most `length` of them.
 * 2. What a step has beyond numbers is kept only if there is such a thing: a task of
 *    which more than its number is known, an error. So a plain task leaves nothing on the heap.
 *
 * @module
 */

import type { ObservedTask, Step, TaskStep } from "../group/observer.ts";

/** The types of steps, by their codes: the most frequent ones first. */
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
  "created",
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

/** So many places there are at first. */
const FEW = 1024;

/** Where everything is kept: one place for each step. */
class Memory {
  times: Float64Array;
  elapsed: Float64Array;
  /** Which task; for `created` and `resized` how many workers. */
  numbers: Float64Array;
  workers: Int32Array;
  /** Type, why, attempt (of `created`: whether it is paused): 5, 3 and 24 bits. */
  words: Uint32Array;
  readonly tasks: (ObservedTask | undefined)[] = [];
  /** By place: few steps have one. */
  readonly errors: Map<number, unknown> = new Map();

  constructor(length: number) {
    this.times = new Float64Array(length);
    this.elapsed = new Float64Array(length);
    this.numbers = new Float64Array(length);
    this.workers = new Int32Array(length);
    this.words = new Uint32Array(length);
  }

  /** How many places there are. */
  get length(): number {
    return this.times.length;
  }

  grow(length: number): void {
    const { times, elapsed, numbers, workers, words } = this;
    (this.times = new Float64Array(length)).set(times);
    (this.elapsed = new Float64Array(length)).set(elapsed);
    (this.numbers = new Float64Array(length)).set(numbers);
    (this.workers = new Int32Array(length)).set(workers);
    (this.words = new Uint32Array(length)).set(words);
  }
}

/** A step, as it is read from the memory: what is not asked for is not read. */
export class Recorded {
  readonly #memory: Memory;
  #at = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** From now on it is the step at that place. */
  move(at: number): this {
    this.#at = at;
    return this;
  }

  get type(): typeof TYPES[number] {
    return TYPES[this.#memory.words[this.#at]! & 31]!;
  }

  get time(): number {
    return this.#memory.times[this.#at]!;
  }

  get elapsed(): number {
    return this.#memory.elapsed[this.#at]!;
  }

  /** Which task; of a step of the group how many workers, or nothing. */
  get number(): number {
    return this.#memory.numbers[this.#at]!;
  }

  /** What is known of the task beyond its number. */
  get task(): ObservedTask | undefined {
    return this.#memory.tasks[this.#at];
  }

  get workerId(): number {
    return this.#memory.workers[this.#at]!;
  }

  get attempt(): number {
    return this.#memory.words[this.#at]! >>> 8;
  }

  get why(): typeof REASONS[number] | undefined {
    return REASONS[((this.#memory.words[this.#at]! >>> 5) & 7) - 1];
  }

  /** What has made the task fail; why it, or the group, was aborted. */
  get error(): unknown {
    return this.#memory.errors.get(this.#at);
  }

  /** Of `created` and `resized`. */
  get concurrency(): number {
    return this.number;
  }

  /** Of `created`. */
  get paused(): boolean {
    return this.attempt > 0;
  }
}

export class Steps {
  readonly length: number;
  /** The number of the next step. */
  end = 0;
  readonly #memory: Memory;
  readonly #recorded: Recorded;
  /** The place of the next step. */
  #at = 0;

  constructor(length: number) {
    this.length = length;
    this.#memory = new Memory(Math.min(length, FEW));
    this.#recorded = new Recorded(this.#memory);
  }

  /** The number of the first step that is there. */
  get first(): number {
    return Math.max(0, this.end - this.length);
  }

  /** The step that the next one takes the place of; undefined if there is room. */
  get leaving(): Recorded | undefined {
    return this.end < this.length ? undefined : this.#recorded.move(this.#at);
  }

  /** Reads a step. Valid until the next read, or push. */
  read(number: number): Recorded {
    return this.#recorded.move(number % this.length);
  }

  /** Takes a step in, in place of the first one if it is full. */
  push(step: Step): void {
    const memory = this.#memory;
    if (this.#at === memory.length) {
      memory.grow(Math.min(this.length, 2 * memory.length));
    }
    if (memory.errors.size > 0) memory.errors.delete(this.#at);
    switch (step.type) {
      case "accepted":
        this.#pushTask(step, 0, -1, 0);
        break;
      case "started":
        this.#pushTask(step, 1, step.workerId, step.attempt);
        break;
      case "fulfilled":
        this.#pushTask(step, 2, step.workerId, step.attempt);
        break;
      default:
        this.#pushOther(step);
    }
    this.end++;
    if (++this.#at === this.length) this.#at = 0;
  }

  #pushTask(
    { time, task, elapsed }: TaskStep,
    code: number,
    workerId: number,
    attempt: number,
  ): void {
    const { id, key, weight } = task;
    const isPlain = id === undefined && key === undefined && weight === 1;
    this.#put(time, elapsed, task.number, workerId, attempt << 8 | code);
    this.#memory.tasks[this.#at] = isPlain ? undefined : task;
  }

  #pushOther(step: Step): void {
    const why = "why" in step ? REASONS.indexOf(step.why) + 1 : 0;
    const code = why << 5 | TYPES.indexOf(step.type);
    if ("task" in step) {
      const isRun = "attempt" in step;
      const workerId = isRun ? step.workerId : -1;
      this.#pushTask(step, code, workerId, isRun ? step.attempt : 0);
    } else {
      const elapsed = "elapsed" in step ? step.elapsed : 0;
      const number = "concurrency" in step ? step.concurrency : 0;
      const isPaused = step.type === "created" && step.paused;
      const word = isPaused ? 1 << 8 | code : code;
      this.#put(step.time, elapsed, number, -1, word);
      this.#memory.tasks[this.#at] = undefined;
    }
    const { errors } = this.#memory;
    if ("error" in step) errors.set(this.#at, step.error);
    if ("reason" in step) errors.set(this.#at, step.reason);
  }

  #put(
    time: number,
    elapsed: number,
    number: number,
    workerId: number,
    word: number,
  ): void {
    const at = this.#at;
    const memory = this.#memory;
    memory.times[at] = time;
    memory.elapsed[at] = elapsed;
    memory.numbers[at] = number;
    memory.workers[at] = workerId;
    memory.words[at] = word;
  }
}
