/**
 * What a trace says, by group: its tasks, its counts over time, and what happened to it.
 * Reads the trace events of `Recorder.toJSON()`, in any order; what it does not know it
 * leaves alone. Times are microseconds.
 *
 * @module
 */

import { Series } from "./series.ts";
import { FULFILLED, LENT, REJECTED, RETRIED, RUNNING, Tasks } from "./tasks.ts";

/** One event of Chrome's trace format. */
export interface TraceEvent {
  readonly ph: string;
  readonly name?: string;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly pid?: number;
  readonly tid?: number;
  readonly id?: string | number;
  readonly args?: Record<string, unknown>;
}

/** Something that happened to the whole group. */
export interface Mark {
  readonly time: number;
  readonly name: string;
  readonly text: string;
}

/** What was waited for beyond the queue: how often, how many microseconds, how many still do. */
export interface Wait {
  count: number;
  total: number;
  open: number;
}

const OUTCOMES: Record<string, number> = {
  fulfilled: FULFILLED,
  delayed: RETRIED,
  rejected: REJECTED,
  lent: LENT,
};
/** As many attempts are kept of a live feed, and a half more before the oldest go. */
const MOST_LIVE = 400_000;

/** A text for a value of any kind. */
function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

export class Group {
  readonly id: number;
  name: string;
  readonly tasks: Tasks = new Tasks();
  readonly counters: Map<string, Series> = new Map();
  readonly marks: Mark[] = [];
  /** How often each thing happened to a task. */
  readonly incidents: Map<string, number> = new Map();
  /** By what is waited for: "delayed", "lent", "governor". */
  readonly waits: Map<string, Wait> = new Map();
  readonly #begun = new Map<string, number>();

  constructor(id: number) {
    this.id = id;
    this.name = `group ${id}`;
  }

  counter(name: string): Series {
    let series = this.counters.get(name);
    if (series === undefined) {
      this.counters.set(name, series = new Series());
    }
    return series;
  }

  addCount(time: number, { name = "", args = {} }: TraceEvent): void {
    for (const key in args) { // The most of a trace: pairs of entries cost a lot.
      const isOnly = key === "value" || key === "count" || key === name;
      this.counter(isOnly ? name : key).push(time, number(args[key]));
    }
  }

  addIncident(time: number, { name = "", cat, args = {} }: TraceEvent): void {
    if (cat === "group") {
      const said = Object.entries(args).filter(([, it]) => text(it) !== "");
      const about = said.map(([key, it]) => `${key}: ${text(it)}`).join(", ");
      this.marks.push({ time, name, text: about });
    } else this.incidents.set(name, (this.incidents.get(name) ?? 0) + 1);
  }

  addAttempt(
    time: number,
    { name = "", dur = 0, tid = 0, args: its = {} }: TraceEvent,
  ): void {
    const { tasks } = this;
    const error = text(its.error);
    const key = text(its.key);
    tasks.add({
      start: time,
      end: time + dur,
      lane: tid,
      name,
      task: typeof its.task === "number" ? its.task : NaN,
      attempt: typeof its.attempt === "number" ? its.attempt : 1,
      outcome: OUTCOMES[text(its.end)] ?? RUNNING,
      key: key === "" ? 0 : tasks.keys.of(key),
      error: error === "" ? 0 : tasks.errors.of(error),
      // Of what goes on after it has lent its worker there is none.
      queued: typeof its.queuedMs === "number" ? its.queuedMs : NaN,
      delayed: number(its.delayedMs),
      weight: typeof its.weight === "number" ? its.weight : 1,
    });
  }

  beginWait(time: number, { cat = "", id }: TraceEvent): void {
    const wait = this.waits.get(cat) ?? { count: 0, total: 0, open: 0 };
    this.waits.set(cat, wait);
    const place = `${cat} ${id}`;
    if (this.#begun.has(place)) return; // A feed that has missed something opens anew.
    this.#begun.set(place, time);
    wait.count++;
    wait.open++;
  }

  endWait(end: number, { cat = "", id }: TraceEvent): void {
    const place = `${cat} ${id}`;
    const time = this.#begun.get(place);
    const wait = this.waits.get(cat);
    if (time === undefined || wait === undefined) return;
    this.#begun.delete(place);
    wait.total += end - time;
    wait.open--;
  }

  settle(): void {
    this.tasks.settle();
    this.marks.sort((a, b) => a.time - b.time);
  }

  /** Keeps the last tasks alone, so that a feed may go on for days. */
  trim(): void {
    if (this.tasks.length < MOST_LIVE * 1.5) return;
    this.tasks.keepLast(MOST_LIVE);
    const first = this.tasks.start.at[0]!;
    for (const series of this.counters.values()) series.dropBefore(first);
  }
}

export class Trace {
  readonly groups: Map<number, Group> = new Map();
  start: number = Infinity;
  end: number = -Infinity;
  /** How many events a feed had to leave out. */
  missed = 0;

  add(events: readonly TraceEvent[]): void {
    for (const event of events) this.#addOne(event);
  }

  /** Takes out what only seemed to end, since the feed was read at that moment. */
  dropRunning(): void {
    for (const group of this.groups.values()) group.tasks.dropRunning();
  }

  settle(): void {
    for (const group of this.groups.values()) group.settle();
  }

  trim(): void {
    for (const group of this.groups.values()) group.trim();
    const starts = [...this.groups.values()]
      .filter(({ tasks }) => tasks.length > 0)
      .map(({ tasks }) => tasks.start.at[0]!);
    // The end of the first one: nothing that is kept ended earlier.
    if (starts.length > 0) {
      this.start = Math.max(this.start, Math.min(...starts));
    }
  }

  /** The group with the most tasks. */
  get largest(): Group | undefined {
    return [...this.groups.values()]
      .sort((a, b) => b.tasks.length - a.tasks.length)[0];
  }

  #groupOf(id: number): Group {
    let group = this.groups.get(id);
    if (group === undefined) this.groups.set(id, group = new Group(id));
    return group;
  }

  #addOne(event: TraceEvent): void {
    const { ph, ts: time = NaN, dur = 0, pid = 0 } = event;
    const group = this.#groupOf(pid);
    if (ph === "M") {
      const name = text(event.args?.name);
      if (event.name === "process_name" && name !== "") group.name = name;
      return;
    }
    if (!Number.isFinite(time)) return;
    // An arrow begins where a task was queued: maybe long before what is remembered.
    if (ph === "s" || ph === "f") return;
    if (time < this.start) this.start = time;
    if (time + dur > this.end) this.end = time + dur;
    switch (ph) {
      case "X":
        // The queue's own have no length: they are where arrows begin.
        if (event.cat === "queue") return;
        return group.addAttempt(time, event);
      case "C":
        return group.addCount(time, event);
      case "i":
      case "I":
        return group.addIncident(time, event);
      case "b":
        return group.beginWait(time, event);
      case "e":
        return group.endWait(time, event);
    }
  }
}
