/**
 * The attempts of a group's tasks, by the time of their end, and the lanes of the
 * workers that made them.
 *
 * Invariants, after `settle()`:
 * 1. The columns are as long as each other, and in the order of the ends.
 * 2. Every attempt is in one lane; a lane has its attempts in the order of their starts.
 *
 * @module
 */

import {
  above,
  bytes,
  type Column,
  doubles,
  floats,
  Names,
  words,
} from "./columns.ts";
import { Quantiles } from "./quantiles.ts";

export const FULFILLED = 0;
/** Failed, and tried again. */
export const RETRIED = 1;
export const REJECTED = 2;
/** Not an end: it has lent its worker, and has another part when it is back. */
export const LENT = 3;
/** Not an end: that is where the trace ends. */
export const RUNNING = 4;

/** One attempt, as the reader of a trace has it. */
export interface Attempt {
  start: number;
  end: number;
  lane: number;
  name: string;
  task: number;
  attempt: number;
  outcome: number;
  /** Numbers of names. */
  key: number;
  error: number;
  /** Milliseconds; `queued` is NaN of a part that goes on after a loan. */
  queued: number;
  delayed: number;
  weight: number;
}

/** A worker. */
export class Lane {
  readonly id: number;
  /** The attempts, by their starts; and those starts, and the latest end so far. */
  readonly tasks: Column<Uint32Array> = words();
  readonly starts: Column<Float64Array> = doubles();
  readonly ends: Column<Float64Array> = doubles();
  /** What the attempts before each of them took together, and how many of them failed. */
  readonly busy: Column<Float64Array> = doubles();
  readonly failed: Column<Uint32Array> = words();
  /** How many of those before each one are to be seen, while others are dimmed. */
  readonly lit: Column<Uint32Array> = words();

  /** All of them. */
  readonly columns = [
    ...[this.tasks, this.starts, this.ends, this.busy, this.failed, this.lit],
  ] as Column<Float64Array>[];

  constructor(id: number) {
    this.id = id;
  }

  /** The first attempt that ends after the time. */
  firstAfter(time: number): number {
    return above(this.ends.at, time, 0, this.ends.length);
  }
}

export class Tasks {
  readonly start: Column<Float64Array> = doubles();
  readonly end: Column<Float64Array> = doubles();
  readonly lane: Column<Uint32Array> = words();
  readonly task: Column<Float64Array> = doubles();
  readonly attempt: Column<Uint32Array> = words();
  readonly outcome: Column<Uint8Array> = bytes();
  readonly key: Column<Uint32Array> = words();
  readonly error: Column<Uint32Array> = words();
  readonly queued: Column<Float32Array> = floats();
  readonly delayed: Column<Float32Array> = floats();
  readonly weight: Column<Float32Array> = floats();
  readonly isLit: Column<Uint8Array> = bytes();
  names: string[] = [];

  readonly keys: Names = new Names();
  readonly errors: Names = new Names();
  readonly lanes: Lane[] = [];
  /** Milliseconds before the start, and from the start to the end, in the order of the ends. */
  readonly waiting: Quantiles = new Quantiles();
  readonly running: Quantiles = new Quantiles();
  /** How many of those before each one were tried again, and how many had failed for good. */
  readonly retriedBefore: Column<Uint32Array> = words();
  readonly rejectedBefore: Column<Uint32Array> = words();
  /** Which attempts are shown in full; undefined: all. */
  #filter: ((i: number) => boolean) | undefined;

  readonly #columns = [
    ...[this.start, this.end, this.lane, this.task, this.attempt],
    ...[this.outcome, this.key, this.error, this.queued, this.delayed],
    ...[this.weight, this.isLit],
  ] as Column<Float64Array>[];
  readonly #sums = [this.retriedBefore, this.rejectedBefore];
  readonly #lanesById = new Map<number, Lane>();
  #settled = 0;
  #isSorted = true;

  get length(): number {
    return this.start.length;
  }

  get isFiltered(): boolean {
    return this.#filter !== undefined;
  }

  add(it: Attempt): void {
    if (it.end < (this.end.last() ?? -Infinity)) this.#isSorted = false;
    this.start.push(it.start);
    this.end.push(it.end);
    this.lane.push(it.lane);
    this.task.push(it.task);
    this.attempt.push(it.attempt);
    this.outcome.push(it.outcome);
    this.key.push(it.key);
    this.error.push(it.error);
    this.queued.push(it.queued);
    this.delayed.push(it.delayed);
    this.weight.push(it.weight);
    this.isLit.push(1);
    this.names.push(it.name);
  }

  /** Makes what was added since the last time ready to be seen. */
  settle(): void {
    if (!this.#isSorted) {
      const order = new Uint32Array(this.length).map((_, i) => i);
      const ends = this.end.at;
      this.#keepOnly(order.sort((a, b) => ends[a]! - ends[b]!));
    }
    let isLaneAdded = false;
    for (let i = this.#settled; i < this.length; i++) {
      isLaneAdded = this.#settleOne(i) || isLaneAdded;
    }
    this.#settled = this.length;
    if (isLaneAdded) this.lanes.sort((a, b) => a.id - b.id);
    for (const lane of this.lanes) this.#extend(lane);
  }

  /** Drops those at the end that run, of which a feed will say more. */
  dropRunning(): void {
    let length = this.length;
    while (length > 0 && this.outcome.at[length - 1] === RUNNING) {
      const lane = this.laneOf(--length);
      for (const column of lane.columns) column.length--;
    }
    for (const column of this.#columns) column.length = length;
    for (const column of this.#sums) {
      column.length = Math.min(column.length, length + 1);
    }
    this.names.length = length;
    this.waiting.cut(length);
    this.running.cut(length);
    this.#settled = length;
  }

  /** Drops all but the last ones. */
  keepLast(most: number): void {
    const dropped = this.length - most;
    if (dropped <= 0) return;
    this.#keepOnly(new Uint32Array(most).map((_, i) => i + dropped));
    this.settle();
  }

  /** Dims all but those that the filter takes. Returns how many these are. */
  filter(takes?: (i: number) => boolean): number {
    this.#filter = takes;
    const { at } = this.isLit;
    let count = 0;
    for (let i = 0; i < this.length; i++) {
      at[i] = takes === undefined || takes(i) ? 1 : 0;
      count += at[i]!;
    }
    for (const lane of this.lanes) {
      lane.lit.clear();
      this.#light(lane);
    }
    return count;
  }

  /** The attempt with this place in the lane and time, if there is one. */
  find(lane: Lane, time: number, tolerance: number): number | undefined {
    const { tasks, starts } = lane;
    let best: number | undefined;
    let distance = tolerance;
    // Later starts lie above: the last one that holds the time is what is seen.
    let i = above(starts.at, time + tolerance, 0, starts.length) - 1;
    for (let tries = 0; i >= 0 && tries < 64; i--, tries++) {
      const task = tasks.at[i]!;
      const end = this.end.at[task]!;
      const start = starts.at[i]!;
      const off = time < start ? start - time : Math.max(0, time - end);
      if (off === 0) return task;
      if (off <= distance) {
        best = task;
        distance = off;
      }
    }
    return best;
  }

  /** All attempts of an attempt's task, in their order. */
  attemptsOf(i: number): number[] {
    const task = this.task.at[i]!;
    const found: number[] = [];
    for (let j = 0; j < this.length; j++) {
      if (this.task.at[j] === task) found.push(j);
    }
    return found.sort((a, b) => this.start.at[a]! - this.start.at[b]!);
  }

  laneOf(i: number): Lane {
    return this.#lanesById.get(this.lane.at[i]!)!;
  }

  #keepOnly(order: Uint32Array): void {
    for (const column of this.#columns) column.reorder(order);
    this.names = Array.from(order, (i) => this.names[i]!);
    this.#isSorted = true;
    this.#settled = 0;
    this.waiting.clear();
    this.running.clear();
    for (const column of this.#sums) column.clear();
    this.lanes.length = 0;
    this.#lanesById.clear();
  }

  /** Returns whether its lane is a new one. */
  #settleOne(i: number): boolean {
    const outcome = this.outcome.at[i]!;
    if (this.#filter && !this.#filter(i)) this.isLit.at[i] = 0;
    const isEnd = outcome <= REJECTED;
    this.waiting.push(isEnd ? this.queued.at[i]! + this.delayed.at[i]! : NaN);
    const ran = (this.end.at[i]! - this.start.at[i]!) / 1000;
    this.running.push(isEnd ? ran : NaN);
    count(this.retriedBefore, outcome === RETRIED);
    count(this.rejectedBefore, outcome === REJECTED);
    const id = this.lane.at[i]!;
    let lane = this.#lanesById.get(id);
    const isNew = lane === undefined;
    if (lane === undefined) {
      lane = new Lane(id);
      this.lanes.push(lane);
      this.#lanesById.set(id, lane);
    }
    lane.tasks.push(i);
    return isNew;
  }

  /** Brings the sums of a lane up to its last attempt. */
  #extend(lane: Lane): void {
    const { tasks, starts, ends, busy, failed } = lane;
    const from = starts.length;
    if (from === tasks.length) return;
    const start = this.start.at;
    let previous = starts.last() ?? -Infinity;
    let isSorted = true;
    for (let i = from; i < tasks.length && isSorted; i++) {
      isSorted = start[tasks.at[i]!]! >= previous;
      previous = start[tasks.at[i]!]!;
    }
    if (!isSorted) {
      // Only where tasks lend their workers: then a later one can end first.
      tasks.at.subarray(0, tasks.length).sort((a, b) => start[a]! - start[b]!);
      for (const column of lane.columns.slice(1)) column.clear();
    }
    for (let i = starts.length; i < tasks.length; i++) {
      const task = tasks.at[i]!;
      const end = this.end.at[task]!;
      starts.push(start[task]!);
      ends.push(Math.max(end, ends.last() ?? -Infinity));
      if (i === 0) busy.push(0);
      busy.push(busy.last()! + end - start[task]!);
      const outcome = this.outcome.at[task];
      count(failed, outcome === RETRIED || outcome === REJECTED);
    }
    this.#light(lane);
  }

  #light({ lit, tasks }: Lane): void {
    for (let i = Math.max(0, lit.length - 1); i < tasks.length; i++) {
      count(lit, this.isLit.at[tasks.at[i]!] === 1);
    }
  }
}

/** Adds to a column of counts: entry i is how many there were before i. */
function count(column: Column<Uint32Array>, isOne: boolean): void {
  if (column.length === 0) column.push(0);
  column.push(column.last()! + (isOne ? 1 : 0));
}
