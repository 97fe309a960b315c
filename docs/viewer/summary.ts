/**
 * Sums up the attempts that ended in a stretch of time: in all, by key, by error, by
 * worker; and which of them were the slowest.
 *
 * @module
 */

import { above } from "./columns.ts";
import { binOf, BINS, type Histogram, percentile } from "./quantiles.ts";
import { FULFILLED, type Lane, REJECTED, RETRIED } from "./tasks.ts";
import type { Group } from "./trace.ts";

/** Milliseconds. */
export interface Latency {
  readonly name: string;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What one key, or one error, has to do with it. Times are milliseconds. */
export interface Row {
  readonly name: string;
  /** Its number, in the names of keys or errors. */
  readonly number: number;
  attempts: number;
  retried: number;
  rejected: number;
  waited: number;
  ran: number;
  longest: number;
}

export interface WorkerRow {
  readonly id: number;
  readonly attempts: number;
  readonly failed: number;
  /** Milliseconds, and as a share of the stretch. */
  readonly busy: number;
  readonly share: number;
}

export interface Summary {
  /** Milliseconds. */
  readonly span: number;
  readonly attempts: number;
  readonly fulfilled: number;
  readonly retried: number;
  readonly rejected: number;
  /** Of the workers' time; above 1 where tasks lend their workers. */
  readonly utilization: number;
  readonly latencies: Latency[];
  readonly keys: Row[];
  readonly errors: Row[];
  readonly workers: WorkerRow[];
  /** Attempts, by their numbers. */
  readonly slowest: number[];
}

const SLOWEST = 10;

/** Of the attempts that ended after `from` and not after `to`, by the trace's own clock. */
export function summarize(group: Group, from: number, to: number): Summary {
  const { tasks } = group;
  const { start, end, outcome, key, error, queued, delayed } = tasks;
  const first = above(end.at, from, 0, end.length);
  const last = above(end.at, to, first, end.length);
  const keys = new Map<number, Row>();
  const errors = new Map<number, Row>();
  const waits = new Distribution("Waiting");
  const runs = new Distribution("Running");
  const slowest = new Slowest();
  const became = new Uint32Array(5);
  for (let i = first; i < last; i++) {
    const ran = (end.at[i]! - start.at[i]!) / 1000;
    const its = outcome.at[i]!;
    became[its]!++;
    slowest.add(i, ran);
    const isEnd = its <= REJECTED;
    if (isEnd) {
      waits.add(queued.at[i]! + delayed.at[i]!);
      runs.add(ran);
    }
    const rows = [rowOf(keys, tasks.keys.texts, key.at[i]!)];
    if (error.at[i] !== 0) {
      rows.push(rowOf(errors, tasks.errors.texts, error.at[i]!));
    }
    for (const row of rows) {
      if (isEnd) row.attempts++;
      if (its === RETRIED) row.retried++;
      if (its === REJECTED) row.rejected++;
      row.waited += (queued.at[i]! || 0) + delayed.at[i]!;
      row.ran += ran;
      row.longest = Math.max(row.longest, ran);
    }
  }
  const workers = tasks.lanes.map((lane) => workerIn(lane, end.at, from, to));
  const busy = workers.reduce((sum, row) => sum + row.busy, 0);
  const span = (to - from) / 1000;
  return {
    span,
    attempts: became[FULFILLED]! + became[RETRIED]! + became[REJECTED]!,
    fulfilled: became[FULFILLED]!,
    retried: became[RETRIED]!,
    rejected: became[REJECTED]!,
    utilization: busy / (span * Math.max(1, workers.length)),
    latencies: [waits.latency(), runs.latency()],
    keys: [...keys.values()],
    errors: [...errors.values()],
    workers,
    slowest: slowest.all(),
  };
}

/** So much of another one's share is as much. */
const ALIKE = 0.95;

class Distribution {
  readonly #name: string;
  readonly #bins: Histogram = new Uint32Array(BINS);
  #max = NaN;

  constructor(name: string) {
    this.#name = name;
  }

  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#bins[binOf(value)]!++;
    if (!(value <= this.#max)) this.#max = value;
  }

  latency(): Latency {
    const at = (share: number) =>
      Math.min(percentile(this.#bins, share), this.#max);
    return {
      name: this.#name,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      max: this.#max,
    };
  }
}

/** The few largest of many. */
class Slowest {
  #found: { task: number; ran: number }[] = [];
  #least = -Infinity;

  add(task: number, ran: number): void {
    if (this.#found.length === SLOWEST && ran <= this.#least) return;
    this.#found.push({ task, ran });
    this.#found.sort((a, b) => b.ran - a.ran);
    this.#found.length = Math.min(this.#found.length, SLOWEST);
    this.#least = this.#found.at(-1)!.ran;
  }

  all(): number[] {
    return this.#found.map(({ task }) => task);
  }
}

function rowOf(
  rows: Map<number, Row>,
  names: string[],
  number: number,
): Row {
  let row = rows.get(number);
  if (row === undefined) {
    row = {
      name: names[number]!,
      number,
      ...{ attempts: 0, retried: 0, rejected: 0 },
      ...{ waited: 0, ran: 0, longest: 0 },
    };
    rows.set(number, row);
  }
  return row;
}

/** A worker's time between the two, to the microsecond. */
function workerIn(
  lane: Lane,
  ends: Float64Array,
  from: number,
  to: number,
): WorkerRow {
  const { starts, tasks, busy, failed } = lane;
  const first = lane.firstAfter(from);
  const last = above(starts.at, to, first, starts.length);
  let sum = last > first ? busy.at[last]! - busy.at[first]! : 0;
  if (last > first) {
    // Those at the edges are only partly between them.
    const begin = starts.at[first]!;
    if (begin < from) sum -= from - begin;
    const end = ends[tasks.at[last - 1]!]!;
    if (end > to) sum -= end - to;
  }
  return {
    id: lane.id,
    attempts: last - first,
    failed: last > first ? failed.at[last]! - failed.at[first]! : 0,
    busy: sum / 1000,
    share: sum / (to - from),
  };
}

/**
 * The one to three keys that have at least half of something, and those that have as
 * much as the last of these, if there are many more keys, and enough of it to speak of:
 * what holds up all the others.
 */
export function culprits(
  rows: Row[],
  of: (row: Row) => number,
  enough: number,
): { names: string[]; share: number } | undefined {
  const total = rows.reduce((sum, row) => sum + of(row), 0);
  if (total < enough) return undefined;
  const worst = rows.filter((row) => row.name !== "" && of(row) > 0)
    .sort((a, b) => of(b) - of(a));
  let sum = 0;
  for (let i = 0; i < Math.min(3, worst.length); i++) {
    sum += of(worst[i]!);
    if (sum < total * 0.5) continue;
    if (rows.length < (i + 1) * 3) return undefined; // A fair share.
    const least = of(worst[i]!) * ALIKE;
    const named = worst.filter((row) => of(row) >= least);
    if (rows.length < named.length * 2) return undefined; // That, too.
    sum = named.reduce((sum, row) => sum + of(row), 0);
    return { names: named.map(({ name }) => name), share: sum / total };
  }
  return undefined;
}
