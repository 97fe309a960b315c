/**
 * Steps as events of Chrome's trace format, which Perfetto and `chrome://tracing` show.
 *
 * Each worker is a thread, with a complete event ("X") for each attempt of a task: for
 * each part of it, if it lends its worker. One more thread is the queue, where an arrow
 * ("s", "f") begins that ends where the task starts. What waits without a worker (a
 * delay, a loan, the wait for the governor) is an asynchronous event ("b", "e"), what
 * happens at once an instant ("i"), and what there is of each a counter ("C").
 *
 * WARNING: Perfetto takes the id of an arrow for a hexadecimal integer, or drops it; and
 * takes events in the order of their times, those of one time as they stand in the file.
 * So an arrow's end stands behind the slice at which it points, which it would miss else.
 * It has one row for asynchronous events of one name. It stacks slices that have no length
 * and one time, 512 of them; at the 513th, arrows begin at another one. A coarse clock
 * gives all tasks one time that are added together: in the queue they are nanoseconds apart.
 *
 * @module
 */

import type { ObservedTask } from "../group/observer.ts";
import type { Apart, Counts, Lane, Replay } from "./replay.ts";
import type { Recorded } from "./steps.ts";

/**
 * An event of Chrome's trace format.
 *
 * @example How long each attempt took
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { Recorder, type TraceEvent } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder();
 * const group = new CoGroup({ concurrency: 1, observer: recorder });
 * await group.go(() => {}, { id: "a.jpg" });
 * const took = ({ name, dur }: TraceEvent) => `${name} ${typeof dur}`;
 * const isRun = ({ ph, cat }: TraceEvent) => ph === "X" && cat === "task";
 * const { traceEvents } = recorder.toJSON();
 * assert.deepEqual(traceEvents.filter(isRun).map(took), ["a.jpg number"]);
 * ```
 */
export interface TraceEvent {
  /** What it is called. */
  readonly name: string;
  /** Which kind of event: X, C, M, i, s, f, b or e. */
  readonly ph: "X" | "C" | "M" | "i" | "s" | "f" | "b" | "e";
  /** When: microseconds, on the clock of `performance.now`. */
  readonly ts: number;
  /** The group: always the same, and no `tid`. */
  readonly pid: number;
  /** The worker's id; or {@linkcode QUEUE}. */
  readonly tid: number;
  /** For how long, of an X: microseconds. */
  readonly dur?: number;
  /** What it is about: a task, a delay, a loan, the queue, the governor, the group. */
  readonly cat?: string;
  /** Which events belong together, of s and f, b and e. */
  readonly id?: string;
  /** How far an instant reaches: its thread, or the process. */
  readonly s?: "t" | "p";
  /** That an arrow ends at the slice around it. */
  readonly bp?: "e";
  /** What more is known. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/**
 * The `tid` of the thread that stands for the queue.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { QUEUE, Recorder } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder();
 * const group = new CoGroup({ concurrency: 1, observer: recorder, paused: true });
 * group.add(() => {}, { id: "a.jpg" });
 * group.clear();
 * const { traceEvents } = recorder.toJSON();
 * const [cleared] = traceEvents.filter(({ name }) => name === "abandoned");
 * assert.deepEqual([cleared?.tid, cleared?.args?.why], [QUEUE, "cleared"]);
 * ```
 */
export const QUEUE = 1_000_000_000;

/** A viewer takes a thread with the number of its process for the main one. */
const PID = 2 * QUEUE;
/** So many tasks that were queued at one time are apart there, by a nanosecond each. */
const MOST_APART = 1_000;
/** As many characters of an id, and of other texts of the user's, are enough. */
const MOST_OF_NAME = 100;
const MOST_OF_TEXT = 1_000;

/** What opens a trace: names, and what is under way by then. */
export function opening(name: string, replay: Replay): TraceEvent[] {
  const events = [
    meta("process_name", 0, { name }),
    meta("thread_name", QUEUE, { name: "queue" }),
    meta("thread_sort_index", QUEUE, { sort_index: -1 }),
  ];
  for (const id of replay.lanes.keys()) {
    if (replay.lanes[id] !== undefined) events.push(...laneNames(id));
  }
  for (const one of replay.apart.values()) events.push(begin(one));
  const { waitsSince } = replay;
  if (waitsSince !== undefined) events.push(governor("b", waitsSince));
  return events;
}

/** Adds what runs at that time, as if it ended then. */
export function running(
  replay: Replay,
  time: number,
  events: TraceEvent[],
  hasArrows: boolean,
): void {
  for (const [id, lane] of replay.lanes.entries()) {
    if (lane?.isBusy) {
      run(lane, id, time, "running", undefined, events, hasArrows);
    }
  }
}

/** Adds the events of the next step, if asked with its arrow, and has the replay take it. */
export function write(
  step: Recorded,
  replay: Replay,
  events: TraceEvent[],
  hasArrows: boolean,
): void {
  const { type, time, workerId, number } = step;
  const apart = replay.apart.get(number);
  switch (type) {
    case "accepted":
      break;
    case "started":
    case "back":
      if (workerId >= 0 && replay.lanes[workerId] === undefined) {
        events.push(...laneNames(workerId));
      }
      if (type === "back") events.push(end(apart!, time));
      break;
    case "due":
    case "abandoned":
      if (apart !== undefined) events.push(end(apart, time));
      if (type === "abandoned") events.push(abandoned(step));
      break;
    case "fulfilled":
    case "rejected":
    case "delayed":
    case "lent":
      if (apart !== undefined) events.push(end(apart, time));
      if (apart?.how !== "delayed") ended(step, replay, events, hasArrows);
      break;
    case "overdue":
      events.push(overdue(step));
      break;
    default:
      events.push(groupEvent(step));
  }
  const before = replay.counts;
  replay.take(step);
  if (type === "delayed" || type === "lent") {
    events.push(begin(replay.apart.get(number)!));
  }
  count(time, before, replay, events);
}

/** A task leaves its worker; or it ends, and has none. */
function ended(
  step: Recorded,
  { lanes }: Replay,
  events: TraceEvent[],
  hasArrows: boolean,
): void {
  const { type, time, workerId, number, task, error } = step;
  const lane = lanes[workerId];
  if (lane !== undefined) {
    return run(lane, workerId, time, type, error, events, hasArrows);
  }
  const args = {
    ...about(number, task),
    end: type,
    ...errorArg("error", error),
  };
  events.push(instant(`${title(number, task)} ended`, time, QUEUE, args));
}

function overdue({ time, workerId, number, task, why }: Recorded): TraceEvent {
  const tid = workerId < 0 ? QUEUE : workerId;
  return instant("overdue", time, tid, { ...about(number, task), why });
}

function abandoned({ time, number, task, why, error }: Recorded): TraceEvent {
  const name = why === "evicted" ? "evicted" : "abandoned";
  const args = { ...about(number, task), why, ...errorArg("reason", error) };
  return instant(name, time, QUEUE, args);
}

function groupEvent(step: Recorded): TraceEvent {
  const { type, time, paused, error } = step;
  const concurrency = plain(step.concurrency);
  switch (type) {
    case "waiting":
      return governor("b", time);
    case "ready":
      return governor("e", time);
    case "created":
      return instant(type, time, undefined, { concurrency, paused });
    case "resized":
      return instant(type, time, undefined, { concurrency });
    default:
      return instant(type, time, undefined, errorArg("reason", error));
  }
}

/** Counters, of what has changed. */
function count(
  time: number,
  before: Counts,
  replay: Replay,
  events: TraceEvent[],
): void {
  const { queued, delayed, inFlight, lent, waits } = replay.counts;
  // Sums of fractions are not exact.
  const permits = Math.round(replay.permits * 1e6) / 1e6;
  if (
    queued !== before.queued || delayed !== before.delayed ||
    inFlight !== before.inFlight || lent !== before.lent
  ) events.push(counter("tasks", time, { queued, delayed, inFlight, lent }));
  const isOther = replay.permits !== before.permits || waits !== before.waits;
  if (replay.hasWaited && isOther) {
    events.push(counter("governor", time, { permits, waits }));
  }
}

function counter(
  name: string,
  time: number,
  args: Record<string, number>,
): TraceEvent {
  return { name, ph: "C", ts: micros(time), pid: PID, tid: 0, args };
}

function meta(
  name: string,
  tid: number,
  args: Record<string, unknown>,
): TraceEvent {
  return { name, ph: "M", ts: 0, pid: PID, tid, args };
}

function laneNames(id: number): TraceEvent[] {
  return [
    meta("thread_name", id, { name: `worker ${id}` }),
    meta("thread_sort_index", id, { sort_index: id }),
  ];
}

/** One part of an attempt, in its worker; with an arrow, if it is the first and has waited. */
function run(
  lane: Lane,
  tid: number,
  time: number,
  how: string,
  error: unknown,
  events: TraceEvent[],
  hasArrows: boolean,
): void {
  const { number, task, attempt, start, since, queued, delayed } = lane;
  const ts = micros(since);
  const name = title(number, task);
  const arrow = { name: "queued", cat: "queue", id: String(start), pid: PID };
  const isArrow = hasArrows && queued !== undefined && queued > 0;
  if (isArrow) {
    const apart = (number % MOST_APART) * 1e-6;
    const from = Math.min(ts, micros(since - queued + apart));
    const place = { ts: from, pid: PID, tid: QUEUE };
    events.push(
      { name, cat: "queue", ph: "X", ...place, dur: 0 },
      { ...arrow, ph: "s", ...place },
    );
  }
  const args = {
    ...about(number, task),
    attempt,
    end: how,
    ...errorArg("error", error),
    ...(queued === undefined ? {} : { queuedMs: queued, delayedMs: delayed }),
  };
  // In whole nanoseconds, so that slices neither overlap nor have odd tails.
  const dur = Math.round((micros(time) - ts) * 1e3) / 1e3;
  events.push({ name, cat: "task", ph: "X", ts, dur, pid: PID, tid, args });
  if (isArrow) events.push({ ...arrow, ph: "f", bp: "e", ts, tid });
}

function begin({ how, number, task, since }: Apart): TraceEvent {
  const args = about(number, task);
  if (task?.id !== undefined) args["id"] = title(number, task);
  return { ...asynchronous("b", how, how, number, since), args };
}

function end({ how, number }: Apart, time: number): TraceEvent {
  return asynchronous("e", how, how, number, time);
}

function governor(ph: "b" | "e", time: number): TraceEvent {
  return asynchronous(ph, "governor", "waits for a permit", 0, time);
}

function asynchronous(
  ph: "b" | "e",
  cat: string,
  name: string,
  id: number,
  time: number,
): TraceEvent {
  const ts = micros(time);
  return { name, cat, ph, id: String(id), ts, pid: PID, tid: QUEUE };
}

/** In a thread; or, if none is given, in the whole process. */
function instant(
  name: string,
  time: number,
  tid: number | undefined,
  args: Record<string, unknown>,
): TraceEvent {
  const s = tid === undefined ? "p" : "t";
  const cat = s === "p" ? "group" : "task";
  const ts = micros(time);
  return { name, cat, ph: "i", s, ts, pid: PID, tid: tid ?? 0, args };
}

function title(number: number, task: ObservedTask | undefined): string {
  const id = task?.id === undefined ? "" : text(task.id, MOST_OF_NAME);
  return id === "" ? `task ${number}` : id;
}

/** What is known of a task. */
function about(
  number: number,
  task: ObservedTask | undefined,
): Record<string, unknown> {
  const about: Record<string, unknown> = { task: number };
  if (task?.key !== undefined) about["key"] = text(task.key, MOST_OF_TEXT);
  if (task !== undefined && task.weight !== 1) about["weight"] = task.weight;
  return about;
}

function errorArg(name: string, error: unknown): Record<string, string> {
  return error === undefined ? {} : { [name]: text(error, MOST_OF_TEXT) };
}

/** JSON has no Infinity. */
function plain(n: number): number | string {
  return n < Infinity ? n : "Infinity";
}

/** A value of the user's, as a text of so many characters at most. */
function text(value: unknown, most: number): string {
  try {
    const all = String(value);
    return all.length > most ? `${all.slice(0, most - 1)}…` : all;
  } catch {
    return typeof value;
  }
}

/** Milliseconds as microseconds, to the nanosecond. */
function micros(ms: number): number {
  return Math.round(ms * 1e6) / 1e3;
}
