/**
 * What watches a group: {@linkcode Recorder} keeps a trace that Perfetto and Chrome show,
 * {@linkcode diagnosticsObserver} publishes to `node:diagnostics_channel`, and
 * {@linkcode progressLines} says in a terminal how far it is.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { Recorder } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder({ name: "squares" });
 * const group = new CoGroup({ concurrency: 2, observer: recorder });
 * for await (const _ of group.map([1, 2, 3], (n) => n * n));
 * const trace = JSON.stringify(recorder); // A file for https://ui.perfetto.dev.
 * assert(trace.includes('"name":"task 3"'));
 * ```
 *
 * @module
 */

export { Recorder } from "./recorder.ts";
export { diagnosticsObserver } from "./diagnostics.ts";
export { tellAll } from "./tell_all.ts";
export { progressLines } from "./progress_lines.ts";
export { QUEUE } from "./events.ts";

export type { NewEvents, RecorderOptions, Trace } from "./recorder.ts";
export type { TraceEvent } from "./events.ts";
export type { DiagnosticsMessage, DiagnosticsOptions } from "./diagnostics.ts";
export type { ProgressLinesOptions, WithProgress } from "./progress_lines.ts";

// What an observer is, and hears.
export type {
  GroupStep,
  ObservedTask,
  Observer,
  Step,
  TaskStep,
} from "../group/observer.ts";
export type { CoGroupStats } from "../group/state.ts";
