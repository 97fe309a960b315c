/**
 * Keeps the last steps of a group, and gives them as a trace.
 *
 * Invariants:
 * 1. `#base` is the state of the group before the first step that is still there.
 * 2. `#seen` is that before the step where the last reader of `eventsSince` stopped.
 *
 * @module
 */

import { count, options as checked } from "../base/check.ts";
import { outOfRange, wrongType } from "../base/errors.ts";
import type { Observer, Step } from "../group/observer.ts";
import { opening, running, type TraceEvent, write } from "./events.ts";
import { Replay } from "./replay.ts";
import { Steps } from "./steps.ts";

/**
 * Options of a {@linkcode Recorder}.
 *
 * @example The last steps alone
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { Recorder, type RecorderOptions } from "@cogroup/cogroup/trace";
 *
 * const options: RecorderOptions = { name: "thumbnails", steps: 3 };
 * const recorder = new Recorder(options);
 * const group = new CoGroup({ concurrency: 1, observer: recorder });
 * for (const n of [1, 2]) await group.go(() => n);
 * assert.equal(recorder.toJSON().otherData.missed, 3);
 * ```
 */
export interface RecorderOptions {
  /**
   * What the group is called in the trace.
   *
   * @default {"CoGroup"}
   */
  name?: string | undefined;
  /**
   * How many steps are kept; a task has three or more. 40 bytes each.
   *
   * @default {100_000}
   */
  steps?: number | undefined;
}

/**
 * A trace in Chrome's format, as `JSON.stringify` writes it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Recorder, type Trace } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder({ name: "thumbnails" });
 * const trace: Trace = JSON.parse(JSON.stringify(recorder));
 * assert.equal(trace.otherData.name, "thumbnails");
 * assert.equal(trace.traceEvents[0]?.name, "process_name");
 * ```
 */
export interface Trace {
  /** What has happened. */
  readonly traceEvents: TraceEvent[];
  /** How viewers show times. */
  readonly displayTimeUnit: "ms";
  /** What more there is to know. */
  readonly otherData: {
    /** The group. */
    readonly name: string;
    /** What `ts` 0 is: milliseconds since 1970. */
    readonly timeOrigin: number;
    /** How many steps there are in it. */
    readonly steps: number;
    /** How many earlier ones were forgotten. */
    readonly missed: number;
  };
}

/**
 * What is new since a reader has looked: see {@linkcode Recorder}.
 *
 * @example What a page shows: what has ended, and what runs
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { type NewEvents, Recorder } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder();
 * const group = new CoGroup({ concurrency: 1, observer: recorder });
 * const seen: string[] = [];
 * const show = ({ open }: NewEvents) => open.forEach(({ name }) => seen.push(name));
 * await group.go(() => show(recorder.eventsSince()), { id: "a.jpg" });
 * show(recorder.eventsSince());
 * assert.deepEqual(seen, ["a.jpg"]);
 * ```
 */
export interface NewEvents {
  /** The events. The first ones name the group and its lanes, if the reader has none yet. */
  readonly events: TraceEvent[];
  /** What runs, as if it ended now: to show until the next look, which brings the true end. */
  readonly open: TraceEvent[];
  /** For the next call. */
  readonly cursor: number;
  /** How many steps were forgotten before they were read. If there are any, `events` open anew. */
  readonly missed: number;
}

const DOING = "create Recorder";

/**
 * An observer that remembers the last steps of one group, and gives them as a trace in
 * Chrome's format: for https://ui.perfetto.dev, `chrome://tracing`, or a page of your own.
 *
 * Each worker is a lane, with the tasks that it ran. There are arrows from where a task
 * was queued to where it starts, counters of what is queued, delayed, in flight and lent,
 * and marks for what happened to the group.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { Recorder, type Trace } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder({ name: "thumbnails" });
 * const group = new CoGroup({ concurrency: 2, observer: recorder });
 * for (const id of ["a.jpg", "b.jpg"]) group.add(() => Promise.resolve(), { id });
 * await group.wait();
 *
 * const json = JSON.stringify(recorder); // To be written to a file.
 * const { traceEvents }: Trace = JSON.parse(json);
 * const ran = traceEvents.filter(({ cat, ph }) => cat === "task" && ph === "X");
 * assert.deepEqual(ran.map(({ name }) => name), ["a.jpg", "b.jpg"]);
 * assert.equal(ran[0]?.args?.end, "fulfilled");
 * ```
 */
export class Recorder implements Observer {
  /** What the group is called. */
  readonly name: string;
  readonly #steps: Steps;
  readonly #base: Replay = new Replay();
  #seen: Replay = new Replay();
  #seenEnd = 0;

  /**
   * Makes a recorder, for one group.
   *
   * @param options What the group is called, and how much is kept.
   * @throws {RangeError} If `steps` is not a positive integer below 2^32.
   * @throws {TypeError} If an option is of the wrong type.
   */
  constructor(options?: RecorderOptions) {
    const { name = "CoGroup", steps = 100_000 } = checked(DOING, options) ?? {};
    if (typeof name !== "string") {
      throw wrongType(DOING, "name", "a string", name);
    }
    const length = count(DOING, "steps", steps, 1);
    if (length >= 2 ** 32) {
      throw outOfRange(DOING, "steps", "below 2^32", steps);
    }
    this.name = name;
    this.#steps = new Steps(length);
  }

  /**
   * Remembers a step. The group calls it.
   *
   * @param step The step.
   */
  onStep(step: Step): void {
    const { leaving } = this.#steps;
    if (leaving !== undefined) this.#base.take(leaving);
    this.#steps.push(step);
  }

  /**
   * Gives the trace of what is remembered; tasks that run are shown as if they ended now.
   *
   * @returns The trace, for `JSON.stringify`.
   */
  toJSON(): Trace {
    const steps = this.#steps;
    const { first, end: last } = steps;
    const replay = this.#base.copy();
    const traceEvents = opening(this.name, replay);
    for (let n = first; n < last; n++) {
      write(steps.read(n), replay, traceEvents);
    }
    traceEvents.push(...running(replay, performance.now()));
    return {
      traceEvents,
      displayTimeUnit: "ms",
      otherData: {
        name: this.name,
        timeOrigin: performance.timeOrigin,
        steps: last - first,
        missed: first,
      },
    };
  }

  /**
   * The events since the last look, for a reader that shows them live.
   *
   * @param cursor Where the last look has ended; 0 for all that is remembered.
   * @returns The events, and the cursor for the next look.
   * @throws {RangeError} If the cursor is none that this recorder has given.
   * @throws {TypeError} If it is not a number.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   * import { Recorder } from "@cogroup/cogroup/trace";
   *
   * const recorder = new Recorder();
   * const group = new CoGroup({ concurrency: 2, observer: recorder });
   * await group.go(() => "first");
   * const { cursor } = recorder.eventsSince();
   * await group.go(() => "second", { id: "second" });
   * const { events, missed } = recorder.eventsSince(cursor);
   * assert(events.some(({ name, ph }) => name === "second" && ph === "X"));
   * assert.equal(missed, 0);
   * ```
   */
  eventsSince(cursor = 0): NewEvents {
    const steps = this.#steps;
    const { first, end: last } = steps;
    const from = count("read events", "cursor", cursor, 0);
    if (from > last) {
      throw outOfRange("read events", "cursor", `at most ${last}`, cursor);
    }
    const start = Math.max(from, first);
    const missed = start - from;
    const replay = this.#at(start);
    const events = from === 0 || missed > 0 ? opening(this.name, replay) : [];
    for (let n = start; n < last; n++) write(steps.read(n), replay, events);
    this.#seen = replay;
    this.#seenEnd = last;
    const open = running(replay, performance.now());
    return { events, open, cursor: last, missed };
  }

  /** The state before that step. A reader most often goes on where it has stopped. */
  #at(number: number): Replay {
    if (number === this.#seenEnd) return this.#seen;
    const replay = this.#base.copy();
    for (let n = this.#steps.first; n < number; n++) {
      replay.take(this.#steps.read(n));
    }
    return replay;
  }
}
