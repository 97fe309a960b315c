/**
 * Draws what goes over time: counts, throughput, latencies; and the ruler, the overview
 * and the marks of what happened to the group.
 *
 * @module
 */

import { above } from "./columns.ts";
import { clock, count, ms, short, stepOf, tick, top } from "./format.ts";
import { BINS, percentile, type Quantiles } from "./quantiles.ts";
import type { Series } from "./series.ts";
import { LEFT, RIGHT, type Surface, type Theme } from "./surface.ts";
import type { Tasks } from "./tasks.ts";
import type { Group, Mark } from "./trace.ts";
import type { View } from "./view.ts";

/** What all of them are drawn from. */
export interface Scene {
  readonly group: Group;
  readonly origin: number;
  readonly view: View;
  readonly theme: Theme;
  /** The time that the pointer is at. */
  readonly pointer: number | undefined;
}

/** A name and a color, with what it is at the pointer. */
export interface Entry {
  readonly name: string;
  readonly color: string;
  readonly value?: string;
}

/** Draws one chart. Returns its legend. */
export type Chart = (surface: Surface, scene: Scene) => Entry[];

/** One of a trace's counts, and how it is shown. */
export interface Line {
  readonly name: string;
  readonly title: string;
  readonly color: string;
}

/** Lines for these counts, those that the trace has. */
export function counts(all: Line[]): Chart {
  return (surface, scene) => {
    const { group, theme, origin, pointer } = scene;
    const lines = all.flatMap(({ name, title, color }) => {
      const series = group.counters.get(name);
      const isThere = series !== undefined && series.most > 0;
      return isThere ? [{ series, title, color }] : [];
    });
    const shapes = lines.map(({ series }) => stepsOf(series, surface, scene));
    const most = top(Math.max(1, ...shapes.flat()));
    axis(surface, theme, [0, most / 2, most], (it) => it / most, short);
    lines.forEach(({ color }, i) => {
      paintSteps(surface, theme.get(color), shapes[i]!, most);
    });
    return lines.map(({ series, title, color }) => ({
      name: title,
      color,
      value: pointer === undefined
        ? `max ${count(series.most)}`
        : count(series.valueAt(origin + pointer)),
    }));
  };
}

/** The most that a series is in each pixel. */
function stepsOf(series: Series, surface: Surface, scene: Scene): number[] {
  const { origin, view } = scene;
  const width = Math.ceil(surface.plot);
  const perPixel = view.span / width;
  const start = origin + view.from;
  let from = series.after(start, 0);
  return Array.from({ length: width }, (_, x) => {
    const to = series.after(start + (x + 1) * perPixel, from);
    const most = series.mostOf(from, to);
    from = to;
    return most;
  });
}

function paintSteps(
  { ctx, height }: Surface,
  color: string,
  values: number[],
  most: number,
): void {
  const y = (value: number) => yOf(height, value / most);
  ctx.beginPath();
  let last = NaN;
  values.forEach((value, x) => {
    // A corner where the value changes; nothing where it stays.
    if (value === last) return;
    if (x > 0) ctx.lineTo(LEFT + x, y(last));
    ctx.lineTo(LEFT + x, y(value));
    last = value;
  });
  ctx.lineTo(LEFT + values.length, y(last));
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5;
  ctx.lineJoin = "round";
  ctx.stroke();
  ctx.lineTo(LEFT + values.length, y(0));
  ctx.lineTo(LEFT, y(0));
  ctx.globalAlpha = 0.14;
  ctx.fillStyle = color;
  ctx.fill();
  ctx.globalAlpha = 1;
}

/** Stretches of time with round edges, so that they stay when the view moves. */
interface Bucket {
  readonly left: number;
  readonly right: number;
  /** Of the attempts that ended in it. */
  readonly from: number;
  readonly to: number;
  readonly start: number;
}

function bucketsOf(
  surface: Surface,
  { group, origin, view }: Scene,
  least: number,
): { step: number; buckets: Bucket[] } {
  const { end } = group.tasks;
  const step = stepOf(view.span, Math.max(1, surface.plot / least));
  const buckets: Bucket[] = [];
  const first = Math.floor(view.from / step) * step;
  let from = above(end.at, origin + first, 0, end.length);
  for (let start = first; start < view.to; start += step) {
    const to = above(end.at, origin + start + step, from, end.length);
    const left = Math.max(LEFT, surface.x(start, view));
    const right = Math.min(
      surface.width - RIGHT,
      surface.x(start + step, view),
    );
    buckets.push({ left, right, from, to, start });
    from = to;
  }
  return { step, buckets };
}

/** Attempts that ended, a second: bars of what became of them, one on the other. */
export const throughput: Chart = (surface, scene) => {
  const { group: { tasks }, theme, pointer } = scene;
  const { step, buckets } = bucketsOf(surface, scene, 4);
  const perSecond = 1e6 / step;
  const most = top(
    Math.max(...buckets.map(({ from, to }) => to - from)) * perSecond,
  );
  axis(surface, theme, [0, most / 2, most], (it) => it / most, short);
  const { ctx, height } = surface;
  let said: number[] | undefined;
  for (const { left, right, from, to, start } of buckets) {
    const retried = between(tasks.retriedBefore.at, from, to);
    const rejected = between(tasks.rejectedBefore.at, from, to);
    const parts = [to - from - retried - rejected, retried, rejected];
    const isAt = pointer !== undefined && pointer >= start &&
      pointer < start + step;
    if (isAt) said = parts;
    let y = yOf(height, 0);
    const width = Math.max(1, right - left - (right - left > 3 ? 1 : 0));
    parts.forEach((part, i) => {
      if (part === 0) return;
      const tall = part * perSecond / most * (height - PAD * 2);
      // What failed is seen, however rare it is.
      const shown = i > 0 ? Math.max(1.5, tall) : tall;
      ctx.fillStyle = theme.get(["fulfilled", "retried", "rejected"][i]!);
      ctx.fillRect(left, y - shown, width, shown);
      y -= tall;
    });
  }
  return ["fulfilled", "retried", "rejected"].map((name, i) => ({
    name,
    color: name,
    ...said && { value: `${short(said[i]! * perSecond)}/s` },
  }));
};

function between(before: Uint32Array, from: number, to: number): number {
  return to > from ? before[to]! - before[from]! : 0;
}

const SHARES = [0.5, 0.95, 0.99];

/** Percentiles over time, on a logarithmic scale. */
export function latencies(of: (tasks: Tasks) => Quantiles): Chart {
  return (surface, scene) => {
    const { group: { tasks }, theme, pointer } = scene;
    const { step, buckets } = bucketsOf(surface, scene, 9);
    const values = buckets.map(({ from, to }) => {
      const bins = new Uint32Array(BINS);
      if (to > from) of(tasks).addTo(bins, from, to);
      return SHARES.map((share) => percentile(bins, share));
    });
    const [low, high] = decades(values.flat());
    const place = (value: number) =>
      Math.log10(Math.max(value, low) / low) / Math.log10(high / low);
    const ticks = [];
    const every = Math.ceil(Math.log10(high / low) / 3);
    for (let it = low; it <= high * 1.01; it *= 10 ** every) {
      ticks.push(it);
    }
    axis(surface, theme, ticks, place, tick);
    paintLatencies(surface, theme, buckets, values, place);
    const at = pointer === undefined
      ? -1
      : buckets.findIndex(({ start }) =>
        pointer >= start && pointer < start + step
      );
    return ["p50", "p95", "p99"].map((name, i) => ({
      name,
      color: name,
      ...at >= 0 && { value: ms(values[at]![i]!) },
    }));
  };
}

/** Powers of ten around the values. */
function decades(values: number[]): [low: number, high: number] {
  const seen = values.filter((value) => value > 0.001);
  if (seen.length === 0) return [1, 10];
  const power = (value: number) => Math.log10(value);
  const low = 10 ** Math.floor(power(Math.min(...seen)));
  const high = 10 ** Math.ceil(power(Math.max(...seen)));
  return [low, high > low ? high : low * 10];
}

function paintLatencies(
  { ctx, height }: Surface,
  theme: Theme,
  buckets: Bucket[],
  values: number[][],
  place: (value: number) => number,
): void {
  const y = (value: number) => yOf(height, place(value));
  buckets.forEach(({ left, right }, i) => {
    const [p50, , p99] = values[i] as [number, number, number];
    if (Number.isNaN(p50)) return;
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = theme.get("p95");
    ctx.fillRect(left, y(p99), right - left, y(p50) - y(p99));
    ctx.globalAlpha = 1;
    ["p99", "p95", "p50"].forEach((name, j) => {
      ctx.fillStyle = theme.get(name);
      const thick = name === "p50" ? 2.5 : 1.5;
      const at = y(values[i]![2 - j]!) - thick / 2;
      ctx.fillRect(left, at, Math.max(1, right - left), thick);
    });
  });
}

/** CSS pixels above and below a chart's own. */
const PAD = 5;

function yOf(height: number, share: number): number {
  return height - PAD - share * (height - PAD * 2);
}

/** Lines across, with labels left of them. */
function axis(
  surface: Surface,
  theme: Theme,
  ticks: number[],
  place: (value: number) => number,
  label: (value: number) => string,
): void {
  const { ctx, width, height } = surface;
  surface.font(10.5);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const tick of ticks) {
    const y = Math.round(yOf(height, place(tick))) + 0.5;
    ctx.fillStyle = theme.get("line");
    ctx.fillRect(LEFT, y - 0.5, width - LEFT - RIGHT, 1);
    ctx.fillStyle = theme.get("soft");
    ctx.fillText(label(tick), LEFT - 8, Math.min(height - 6, Math.max(6, y)));
  }
}

/** The times along the top. */
export function paintRuler(surface: Surface, { view, theme }: Scene): void {
  const { ctx, height, width } = surface;
  const step = stepOf(view.span, surface.plot / 84);
  surface.font(11);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const first = Math.ceil(view.from / step) * step;
  for (let time = first; time <= view.to; time += step) {
    const x = Math.round(surface.x(time, view));
    ctx.fillStyle = theme.get("line");
    ctx.fillRect(x, height - 9, 1, 9);
    ctx.fillStyle = theme.get("soft");
    if (x < width - 44) ctx.fillText(clock(time, step), x + 4, height - 9);
  }
}

/** A line where the group waited for its governor. */
export function paintWaits(surface: Surface, scene: Scene): void {
  const series = scene.group.counters.get("waits");
  if (series === undefined) return;
  const { ctx, height } = surface;
  ctx.fillStyle = scene.theme.get("retried");
  stepsOf(series, surface, scene).forEach((most, x) => {
    if (most > 0) ctx.fillRect(LEFT + x, height - 3, 1, 3);
  });
}

/** The whole trace, and which part of it is shown. */
export function paintOverview(surface: Surface, scene: Scene): void {
  const { ctx, height, plot, width } = surface;
  const { group: { tasks }, origin, view, theme } = scene;
  const { end } = tasks;
  const columns = Math.max(1, Math.floor(plot / 2));
  const edges: number[] = [0];
  for (let i = 1, from = 0; i <= columns; i++) {
    const time = origin + view.length * i / columns;
    edges.push(from = above(end.at, time, from, end.length));
  }
  let most = 1;
  for (let i = 0; i < columns; i++) {
    most = Math.max(most, edges[i + 1]! - edges[i]!);
  }
  ctx.fillStyle = theme.get("track");
  ctx.fillRect(LEFT, 0, plot, height);
  for (let i = 0; i < columns; i++) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    if (from === to) continue;
    const x = LEFT + i * plot / columns;
    // By its root: what is little beside the most is still seen.
    const tall = Math.max(2, Math.sqrt((to - from) / most) * (height - 6));
    ctx.globalAlpha = 0.75;
    ctx.fillStyle = theme.get("fulfilled");
    ctx.fillRect(x, height - tall, plot / columns, tall);
    ctx.globalAlpha = 1;
    const retried = between(tasks.retriedBefore.at, from, to);
    const rejected = between(tasks.rejectedBefore.at, from, to);
    if (retried + rejected === 0) continue;
    ctx.fillStyle = theme.get(rejected > 0 ? "rejected" : "retried");
    const part = Math.max(2, tall * (retried + rejected) / (to - from));
    ctx.fillRect(x, height - part, plot / columns, part);
  }
  const left = LEFT + view.from / view.length * plot;
  const right = LEFT + view.to / view.length * plot;
  ctx.fillStyle = theme.get("panel");
  ctx.globalAlpha = 0.72;
  ctx.fillRect(LEFT, 0, left - LEFT, height);
  ctx.fillRect(right, 0, width - RIGHT - right, height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.get("accent");
  ctx.lineWidth = 1.5;
  ctx.strokeRect(
    left + 0.75,
    0.75,
    Math.max(2, right - left - 1.5),
    height - 1.5,
  );
}

const MARK_COLORS: Record<string, string> = {
  aborted: "rejected",
  paused: "retried",
  resumed: "fulfilled",
};

/** Pauses, and lines where something happened to the group; and the pointer's time. */
export function paintMarks(
  surface: Surface,
  { group, origin, view, theme, pointer }: Scene,
  hasShades = true,
): void {
  const { ctx, height, width } = surface;
  const inside = (x: number) => Math.min(Math.max(x, LEFT), width - RIGHT);
  let paused: number | undefined;
  const shade = (from: number, to: number) => {
    if (!hasShades) return;
    const left = inside(surface.x(from, view));
    ctx.globalAlpha = 0.13;
    ctx.fillStyle = theme.get("retried");
    ctx.fillRect(left, 0, inside(surface.x(to, view)) - left, height);
    ctx.globalAlpha = 1;
  };
  // What has a color of its own is drawn over what happened at the same time.
  const weight = ({ name }: Mark) => name in MARK_COLORS ? 1 : 0;
  const lines = group.marks.toSorted((a, b) => weight(a) - weight(b));
  for (const { time, name } of lines) {
    const at = time - origin;
    if (name === "paused") paused ??= at;
    if (name === "resumed" && paused !== undefined) {
      shade(paused, at);
      paused = undefined;
    }
    if (at < view.from || at > view.to) continue;
    ctx.fillStyle = theme.get(MARK_COLORS[name] ?? "soft");
    ctx.fillRect(Math.round(surface.x(at, view)) - 0.5, 0, 1.5, height);
  }
  if (paused !== undefined) shade(paused, view.length);
  if (pointer !== undefined && pointer >= view.from && pointer <= view.to) {
    ctx.fillStyle = theme.get("soft");
    ctx.globalAlpha = 0.6;
    ctx.fillRect(Math.round(surface.x(pointer, view)), 0, 1, height);
    ctx.globalAlpha = 1;
  }
}

/** The names of the marks, below the ruler's times: flags at their lines. */
export function paintFlags(
  surface: Surface,
  { group, origin, view, theme }: Scene,
): void {
  const { ctx, width } = surface;
  surface.font(10.5, 600);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  let free = 0;
  for (const { time, name } of group.marks) {
    const at = time - origin;
    if (at < view.from || at > view.to) continue;
    const wide = ctx.measureText(name).width + 8;
    const x = Math.min(surface.x(at, view), width - RIGHT - wide);
    if (x < free) continue;
    ctx.fillStyle = theme.get(MARK_COLORS[name] ?? "soft");
    ctx.fillRect(x, 0, wide, 14);
    ctx.fillStyle = theme.get("on-bar");
    ctx.fillText(name, x + 4, 7.5);
    free = x + wide + 2;
  }
}
