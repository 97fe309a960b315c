/**
 * Observers of groups: {@linkcode Recorder} makes traces that Chrome and Perfetto show.
 *
 * @module
 */

export { Recorder } from "./recorder.ts";
export type { NewEvents, RecorderOptions, Trace } from "./recorder.ts";
export { QUEUE } from "./events.ts";
export type { TraceEvent } from "./events.ts";
