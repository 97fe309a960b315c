/**
 * How far a group is, in words for a terminal.
 *
 * @module
 */

import { count, options as checked } from "../base/check.ts";
import { Clock } from "../base/clock.ts";
import type { CoGroupStats } from "../group/state.ts";

/**
 * Options of {@linkcode progressLines}.
 *
 * @example Of how many is known from the start
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { progressLines, type ProgressLinesOptions } from "@cogroup/cogroup/trace";
 *
 * const options: ProgressLinesOptions = { interval: 100, total: 2_000 };
 * for await (const line of progressLines(new CoGroup(1), options)) {
 *   assert.equal(line, "0 of 2,000 · 0/s");
 *   break;
 * }
 * ```
 */
export interface ProgressLinesOptions {
  /**
   * The least milliseconds between two lines.
   *
   * @default {1000}
   */
  interval?: number | undefined;
  /** How many tasks there will be, if that is known; else it is how many were accepted by then. */
  total?: number | undefined;
}

/**
 * What is watched: a group, or what has counted as one does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { progressLines, type WithProgress } from "@cogroup/cogroup/trace";
 *
 * const group: WithProgress = new CoGroup(1);
 * for await (const line of progressLines(group)) {
 *   assert.equal(line, "0 of 0 · 0/s · 0 s");
 *   break;
 * }
 * ```
 */
export interface WithProgress {
  /**
   * Snapshots of what the group has counted.
   *
   * @param options The least milliseconds between two of them.
   * @returns The snapshots.
   */
  progress(options?: { interval?: number }): AsyncIterable<CoGroupStats>;
}

/** The rate is that of so many of the last lines. */
const LINES = 10;

/**
 * Says how far a group is: how many tasks have ended, of how many, how many of them
 * failed, how many run, how many end in a second, and how long the rest will take at that
 * rate. Ends with the line of the end, when the group is closed and nothing is left.
 *
 * @param group The group.
 * @param options How often, and of how many.
 * @returns The lines, without an end of line.
 * @throws {RangeError} If `interval` or `total` is negative or NaN: from the first `next`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { progressLines } from "@cogroup/cogroup/trace";
 *
 * const group = new CoGroup(2);
 * for (const _ of [1, 2, 3]) group.add(() => Promise.resolve());
 * group.close();
 * let last = "";
 * for await (const line of progressLines(group)) {
 *   last = line; // await Deno.stderr.write(encoder.encode(`\r${line}\x1b[K`))
 * }
 * assert.match(last, /^3 of 3 · [\d,]+\/s · \d+ s$/);
 * ```
 */
export async function* progressLines(
  group: WithProgress,
  options?: ProgressLinesOptions,
): AsyncGenerator<string, void> {
  const doing = "tell progress";
  const { interval = 1000, total } = checked(doing, options) ?? {};
  if (total !== undefined) count(doing, "total", total, 0);
  const clock = new Clock();
  const begin = clock.now();
  /** When how many had ended. */
  const seen: [time: number, ended: number][] = [];
  for await (const stats of group.progress({ interval })) {
    const time = clock.now();
    const ended = stats.fulfilled + stats.rejected + stats.abandoned;
    seen.push([time, ended]);
    if (seen.length > LINES) seen.shift();
    const [since, before] = seen[0]!;
    const rate = (ended - before) / Math.max(time - since, 1) * 1000;
    yield line(stats, total ?? stats.accepted, rate, time - begin);
  }
}

function line(
  stats: CoGroupStats,
  total: number,
  rate: number,
  time: number,
): string {
  const { fulfilled, rejected, abandoned, inFlight, delayed, lent } = stats;
  const ended = fulfilled + rejected + abandoned;
  const left = Math.max(total - ended, 0);
  const parts = [`${show(ended)} of ${show(total)}`];
  const some = {
    failed: rejected,
    abandoned,
    running: inFlight,
    delayed,
    lent,
  };
  for (const [what, count] of Object.entries(some)) {
    if (count > 0) parts.push(`${show(count)} ${what}`);
  }
  parts.push(`${show(rate)}/s`);
  if (left === 0) parts.push(duration(time));
  else if (rate > 0) parts.push(`${duration(left / rate * 1000)} left`);
  return parts.join(" · ");
}

function show(n: number): string {
  return Math.round(n).toLocaleString("en");
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
