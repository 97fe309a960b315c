/**
 * Keeps the last steps of a group, and gives them as a trace.
 *
 * Invariants:
 * 1. `#base` is the state of the group before the first step that is still there.
 * 2. `#seen` has that before the steps where the last readers have stopped, by the
 *    numbers of these steps, the oldest first.
 *
 * @module
 */

import { count, number, options as checked } from "../base/check.ts";
import { wrongType } from "../base/errors.ts";
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
 * assert.equal(recorder.toJSON().otherData.missed, 4);
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
   * How many steps are kept; a task has three or more. A step takes 40 bytes, and keeps
   * what it tells of: the task, if that has an id, a key or a weight, and an error. The
   * memory for them grows with the steps.
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
  /**
   * What runs, as if it ended now, without arrows: to show until the next look, which
   * brings the true end. Nothing if there is more to read.
   */
  readonly open: TraceEvent[];
  /** For the next call. */
  readonly cursor: number;
  /** How many steps were forgotten before they were read. If there are any, `events` open anew. */
  readonly missed: number;
  /** Whether there is more to read, since only so many steps were asked for. */
  readonly more: boolean;
}

const DOING = "create Recorder";
const READING = "read events";
/** So many steps are a piece of text. */
const PIECE = 5_000;
/** For so many readers of `eventsSince` it is remembered what they have seen. */
const READERS = 4;

/** What is read at once. */
interface Piece {
  readonly events: TraceEvent[];
  /** The state after it. */
  readonly replay: Replay;
  readonly cursor: number;
  readonly missed: number;
}

/** As `eventsSince`, for a page that draws no arrows: they are half of the cost. */
export let withoutArrows: (
  recorder: Recorder,
  cursor: number,
  most: number,
) => NewEvents;

/**
 * An observer that remembers the last steps of one group, and gives them as a trace in
 * Chrome's format: for https://ui.perfetto.dev, `chrome://tracing`, or a page of your own.
 * A second group that is made with it is a TypeError.
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
  static {
    withoutArrows = (recorder, cursor, most) =>
      recorder.#since(cursor, most, false);
  }

  /** What the group is called. */
  readonly name: string;
  readonly #steps: Steps;
  readonly #base: Replay = new Replay();
  readonly #seen = new Map<number, Replay>();
  #hasGroup = false;

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
    const wanted = "an integer from 1 to 4294967295";
    const isLength = (n: number) => Number.isInteger(n) && n > 0 && n < 2 ** 32;
    this.name = name;
    this.#steps = new Steps(number(DOING, "steps", wanted, steps, isLength));
  }

  /**
   * Remembers a step. The group calls it.
   *
   * @param step The step.
   * @throws {TypeError} If it is the `created` of a second group.
   */
  onStep(step: Step): void {
    if (step.type === "created") this.#take();
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
    const { events, replay, cursor, missed } = this.#read(0, Infinity, true);
    this.#addRunning(replay, events, true);
    const otherData = this.#otherData(cursor, missed);
    return { traceEvents: events, displayTimeUnit: "ms", otherData };
  }

  /**
   * Gives the text of the trace in pieces: as one, that of millions of steps is more than a
   * string can be. The group may go on meanwhile; what it does then may be in it, too.
   *
   * @returns The pieces, to be written one after the other.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   * import { Recorder } from "@cogroup/cogroup/trace";
   *
   * const recorder = new Recorder();
   * const group = new CoGroup({ concurrency: 2, observer: recorder });
   * await group.go(() => {});
   * const file: string[] = [];
   * for (const piece of recorder.chunks()) file.push(piece);
   * assert.deepEqual(JSON.parse(file.join("")), recorder.toJSON());
   * ```
   */
  *chunks(): Generator<string, void, undefined> {
    const { end } = this.#steps;
    let [cursor, missed, isLast, opens] = [0, 0, false, '{"traceEvents":['];
    while (!isLast) {
      const piece = this.#read(cursor, PIECE, true);
      const { events, replay } = piece;
      cursor = piece.cursor;
      missed += piece.missed;
      isLast = cursor >= end;
      if (isLast) this.#addRunning(replay, events, true);
      yield opens + JSON.stringify(events).slice(1, -1);
      opens = ",";
    }
    const otherData = JSON.stringify(this.#otherData(cursor, missed));
    yield `],"displayTimeUnit":"ms","otherData":${otherData}}`;
  }

  #take(): void {
    if (this.#hasGroup) {
      throw new TypeError(
        "Cannot record: a Recorder is for one group, and this one has another",
      );
    }
    this.#hasGroup = true;
  }

  #otherData(cursor: number, missed: number): Trace["otherData"] {
    const { timeOrigin } = performance;
    return { name: this.name, timeOrigin, steps: cursor - missed, missed };
  }

  /**
   * The events since the last look, for a reader that shows them live.
   *
   * @param cursor Where the last look has ended; 0 for all that is remembered.
   * @param most How many steps are read at most; default Infinity.
   * @returns The events, and the cursor for the next look.
   * @throws {RangeError} If the cursor is none that this recorder has given, or `most`
   *   is not a positive integer or Infinity.
   * @throws {TypeError} If one of them is not a number.
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
  eventsSince(cursor: number = 0, most: number = Infinity): NewEvents {
    return this.#since(cursor, most, true);
  }

  #since(cursor: number, most: number, hasArrows: boolean): NewEvents {
    const { replay, ...read } = this.#read(cursor, most, hasArrows);
    const more = read.cursor < this.#steps.end;
    const open: TraceEvent[] = [];
    if (!more) this.#addRunning(replay, open, false);
    return { ...read, open, more };
  }

  #read(cursor: number, most: number, hasArrows: boolean): Piece {
    const steps = this.#steps;
    const { first, end } = steps;
    const isCursor = (n: number) => Number.isInteger(n) && n >= 0 && n <= end;
    const wanted = `an integer from 0 to ${end}`;
    const from = number(READING, "cursor", wanted, cursor, isCursor);
    const start = Math.max(from, first);
    const last = Math.min(end, start + count(READING, "most", most, 1));
    const missed = start - from;
    const replay = this.#at(start);
    const events = from === 0 || missed > 0 ? opening(this.name, replay) : [];
    for (let n = start; n < last; n++) {
      write(steps.read(n), replay, events, hasArrows);
    }
    this.#remember(last, replay);
    return { events, replay, cursor: last, missed };
  }

  #addRunning(replay: Replay, to: TraceEvent[], hasArrows: boolean): void {
    const { end } = this.#steps;
    // The steps may be on another clock: a test has faked it.
    const last = end === 0 ? 0 : this.#steps.read(end - 1).time;
    running(replay, Math.max(last, performance.now()), to, hasArrows);
  }

  #remember(number: number, replay: Replay): void {
    const seen = this.#seen;
    seen.delete(number);
    seen.set(number, replay);
    if (seen.size <= READERS) return;
    const [oldest] = seen.keys();
    seen.delete(oldest!);
  }

  /** The state before that step. A reader most often goes on where it has stopped. */
  #at(number: number): Replay {
    const seen = this.#seen.get(number);
    if (seen !== undefined) return seen.copy();
    const replay = this.#base.copy();
    for (let n = this.#steps.first; n < number; n++) {
      replay.take(this.#steps.read(n));
    }
    return replay;
  }
}
