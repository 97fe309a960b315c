/**
 * Draws the lanes. Attempts that are narrower than a pixel are summed up, by sums
 * that the lane has ready: a frame costs what there is to see, not what there is.
 *
 * @module
 */

import { above } from "./columns.ts";
import { LEFT, type Surface, type Theme } from "./surface.ts";
import { type Lane, REJECTED, RETRIED, type Tasks } from "./tasks.ts";
import type { View } from "./view.ts";

const OUTCOME_COLORS: readonly string[] = [
  ...["fulfilled", "retried", "rejected", "lent", "running"],
];
const HUES = 8;
/** Labels cost more than rectangles. */
const MOST_LABELS = 500;
const SCHEME = /^\w+:\/\//;

/** What is to be drawn, and how. */
export interface LanesScene {
  readonly tasks: Tasks;
  /** When the trace begins. */
  readonly origin: number;
  readonly view: View;
  /** CSS pixels: of a lane, and how far they are scrolled. */
  readonly row: number;
  readonly scroll: number;
  readonly isByKey: boolean;
  /** The hue of each key, by its number; above the last hue: of no color. */
  readonly hues: Uint8Array;
  /** Counts up whenever the tasks, or their colors, are others. */
  readonly version: number;
}

interface Label {
  x: number;
  y: number;
  width: number;
  task: number;
}

export class LanePainter {
  readonly #surface: Surface;
  #image: ImageData | undefined;
  #pixels = new Uint32Array(0);
  #labels: Label[] = [];
  #drawn = "";
  #palette: number[] = [];

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  paint(scene: LanesScene, theme: Theme): void {
    const surface = this.#surface;
    if (!surface.begin()) return;
    const { ctx, ratio, plot, height } = surface;
    const width = Math.max(1, Math.round(plot * ratio));
    const rows = Math.round(height * ratio);
    const { view, row, scroll, version, isByKey } = scene;
    const drawn = [
      ...[width, rows, view.from, view.to, row, scroll, version, isByKey],
      theme.get("panel"),
    ].join();
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#fill(scene, theme, width, rows, ratio);
    }
    ctx.putImageData(this.#image!, Math.round(LEFT * ratio), 0);
    this.#paintNames(scene, theme);
    this.#paintLabels(scene, theme);
  }

  /** Fills the image, pixel by pixel: the canvas's own rectangles are too slow. */
  #fill(
    scene: LanesScene,
    theme: Theme,
    width: number,
    height: number,
    ratio: number,
  ): void {
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    this.#pixels.fill(theme.pixel("panel"));
    this.#labels = [];
    this.#palette = paletteOf(theme, scene.isByKey);
    const { row, scroll, tasks } = scene;
    const gap = row > 11 ? 2 : row > 4 ? 1 : 0;
    const track = theme.pixel("track");
    const first = Math.floor(scroll / row);
    for (let i = first; i < tasks.lanes.length; i++) {
      const y = (i * row - scroll) * ratio;
      if (y >= height) break;
      const top = Math.max(0, Math.round(y));
      const bottom = Math.min(height, Math.round(y + (row - gap) * ratio));
      this.#fillRect(0, top, width, bottom, track);
      this.#fillLane(scene, tasks.lanes[i]!, top, bottom);
    }
  }

  #fillLane(scene: LanesScene, lane: Lane, top: number, bottom: number): void {
    const { tasks, origin, view } = scene;
    const width = this.#image!.width;
    const scale = width / view.span;
    const from = origin + view.from;
    const to = origin + view.to;
    const starts = lane.starts.at;
    const count = lane.starts.length;
    let i = lane.firstAfter(from);
    while (i < count && starts[i]! < to) {
      const task = lane.tasks.at[i]!;
      const left = Math.floor((starts[i]! - from) * scale);
      const right = Math.floor((tasks.end.at[task]! - from) * scale);
      if (right - left >= 1) {
        this.#fillTask(scene, task, left, right, top, bottom);
        i++;
        continue;
      }
      // All that begin in this pixel, but for the last one if it goes on.
      const limit = from + (left + 1) / scale;
      let next = above(starts, limit, i + 1, count);
      const last = lane.tasks.at[next - 1]!;
      if (next - 1 > i && tasks.end.at[last]! > limit) next--;
      this.#fillSum(scene, lane, i, next, left, scale, top, bottom);
      i = next;
    }
  }

  #fillTask(
    scene: LanesScene,
    task: number,
    left: number,
    right: number,
    top: number,
    bottom: number,
  ): void {
    const { tasks } = scene;
    const x0 = Math.max(0, left);
    const isWide = right - left > 3;
    const x1 = Math.min(this.#image!.width, isWide ? right - 1 : right);
    const color = this.#colorOf(scene, task);
    this.#fillRect(x0, top, x1, bottom, color);
    const outcome = tasks.outcome.at[task]!;
    const isFailed = outcome === RETRIED || outcome === REJECTED;
    // By key, failures have an edge; and for eyes that tell no red from blue.
    if (isFailed && x1 - x0 > 3 && bottom - top > 5 && tasks.isLit.at[task]) {
      const edge = Math.max(1, Math.round((bottom - top) / 7));
      const dark = this.#palette[this.#palette.length - 2 + +(outcome === 2)]!;
      this.#fillRect(x0, bottom - edge, x1, bottom, dark);
    }
    if (isWide && bottom - top > 9) this.#cutCorners(x0, x1, top, bottom);
    if (x1 - x0 > 30 && this.#labels.length < MOST_LABELS) {
      this.#labels.push({ x: x0, y: (top + bottom) / 2, width: x1 - x0, task });
    }
  }

  #cutCorners(left: number, right: number, top: number, bottom: number): void {
    const width = this.#image!.width;
    const pixels = this.#pixels;
    const track = this.#palette[this.#palette.length - 3]!;
    for (const y of [top, bottom - 1]) {
      pixels[y * width + left] = track;
      pixels[y * width + right - 1] = track;
    }
  }

  /** Attempts i..next of the lane are all in the pixel at x. */
  #fillSum(
    scene: LanesScene,
    lane: Lane,
    i: number,
    next: number,
    x: number,
    scale: number,
    top: number,
    bottom: number,
  ): void {
    if (x < 0 || x >= this.#image!.width) return;
    const count = next - i;
    const busy = (lane.busy.at[next]! - lane.busy.at[i]!) * scale;
    const lit = lane.lit.at[next]! - lane.lit.at[i]!;
    const middle = lane.tasks.at[i + (count >> 1)]!;
    const task = lit === count ? middle : this.#litOne(scene, lane, i, next);
    const color = this.#colorOf(scene, task);
    const palette = this.#palette;
    const track = palette[palette.length - 3]!;
    // Never so thin that one alone can't be seen.
    const share = Math.min(1, 0.35 + 0.65 * busy);
    this.#fillRect(x, top, x + 1, bottom, mix(color, track, share));
    const failed = lane.failed.at[next]! - lane.failed.at[i]!;
    if (failed > 0 && lit > 0) {
      const part = Math.max(2, Math.round((bottom - top) * failed / count));
      const y = Math.max(top, bottom - part);
      this.#fillRect(x, y, x + 1, bottom, palette[palette.length - 1]!);
    }
  }

  #litOne({ tasks }: LanesScene, lane: Lane, i: number, next: number): number {
    for (let j = i; j < next && j < i + 512; j++) {
      if (tasks.isLit.at[lane.tasks.at[j]!] === 1) return lane.tasks.at[j]!;
    }
    return lane.tasks.at[i]!;
  }

  #colorOf({ tasks, isByKey, hues }: LanesScene, task: number): number {
    if (tasks.isLit.at[task] === 0) {
      return this.#palette[this.#palette.length - 4]!;
    }
    return isByKey
      ? this.#palette[hues[tasks.key.at[task]!] ?? HUES]!
      : this.#palette[tasks.outcome.at[task]!]!;
  }

  #fillRect(
    left: number,
    top: number,
    right: number,
    bottom: number,
    color: number,
  ): void {
    const width = this.#image!.width;
    const pixels = this.#pixels;
    for (let y = top; y < bottom; y++) {
      pixels.fill(color, y * width + left, y * width + right);
    }
  }

  #paintNames({ tasks, row, scroll }: LanesScene, theme: Theme): void {
    const { ctx, height } = this.#surface;
    this.#surface.font(11);
    ctx.fillStyle = theme.get("soft");
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    const every = Math.ceil(14 / row);
    const first = Math.floor(scroll / row);
    for (let i = first; i < tasks.lanes.length; i++) {
      if (i % every !== 0) continue;
      const y = i * row - scroll + Math.min(row, 14) / 2;
      if (y > height) break;
      ctx.fillText(String(tasks.lanes[i]!.id), LEFT - 8, y);
    }
  }

  #paintLabels({ tasks, row }: LanesScene, theme: Theme): void {
    if (row < 13) return;
    const { ctx, ratio } = this.#surface;
    this.#surface.font(11);
    ctx.textAlign = "left";
    for (const { x, y, width, task } of this.#labels) {
      ctx.fillStyle = theme.get(tasks.isLit.at[task] ? "on-bar" : "soft");
      const most = Math.floor((width / ratio - 10) / 6.2);
      const name = tasks.names[task]!.replace(SCHEME, "");
      if (most < Math.min(5, name.length)) continue;
      const text = name.length <= most ? name : endOf(name, most);
      ctx.fillText(text, LEFT + x / ratio + 5, y / ratio + 0.5);
    }
  }
}

/** Addresses and paths begin alike: their ends tell which is which. */
function endOf(name: string, most: number): string {
  const end = name.slice(1 - most);
  const slash = end.indexOf("/");
  return `…${slash > 0 && slash < end.length - 1 ? end.slice(slash) : end}`;
}

/** By outcome or hue; then dimmed, track, and the edges of what failed. */
function paletteOf(theme: Theme, isByKey: boolean): number[] {
  const names = isByKey
    ? [...Array.from({ length: HUES }, (_, i) => `hue${i}`), "other"]
    : OUTCOME_COLORS;
  const edge = (name: string) =>
    isByKey ? theme.pixel(name) : theme.pixel(name, "ink", 0.7);
  return [
    ...names.map((name) => theme.pixel(name)),
    theme.pixel("dim"),
    theme.pixel("track"),
    edge("retried"),
    edge("rejected"),
  ];
}

function mix(front: number, back: number, share: number): number {
  if (share >= 1) return front;
  const channel = (shift: number) => {
    const a = front >>> shift & 255;
    const b = back >>> shift & 255;
    return Math.round(a * share + b * (1 - share)) << shift;
  };
  return (255 << 24 | channel(16) | channel(8) | channel(0)) >>> 0;
}
