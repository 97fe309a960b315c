/**
 * A canvas with sharp lines, whatever its size, and the colors of the page.
 *
 * @module
 */

import type { View } from "./view.ts";

/** The page's colors, as its style has them for light and for dark. */
export class Theme {
  readonly #style = getComputedStyle(document.documentElement);
  // To ask the style is slow.
  readonly #colors = new Map<string, string>();
  readonly #words = new Map<string, number>();

  get(name: string): string {
    let color = this.#colors.get(name);
    if (color === undefined) {
      color = this.#style.getPropertyValue(`--${name}`).trim();
      this.#colors.set(name, color);
    }
    return color;
  }

  /** As a pixel of an image: opaque, mixed with another one by so much. */
  pixel(name: string, onto?: string, share = 1): number {
    const place = `${name} ${onto} ${share}`;
    let word = this.#words.get(place);
    if (word === undefined) {
      const front = channels(this.get(name));
      const back = onto === undefined ? front : channels(this.get(onto));
      const [r, g, b] = front.map((value, i) =>
        Math.round(value * share + back[i]! * (1 - share))
      ) as [number, number, number];
      this.#words.set(place, word = (255 << 24 | b << 16 | g << 8 | r) >>> 0);
    }
    return word;
  }
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

const FONT = getComputedStyle(document.body).fontFamily;

/** How many CSS pixels are left of the drawing, for labels, and right of it. */
export const LEFT = 44;
export const RIGHT = 6;

export class Surface {
  readonly canvas: HTMLCanvasElement;
  readonly ctx: CanvasRenderingContext2D;
  /** CSS pixels. */
  width = 0;
  height = 0;
  ratio = 1;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d")!;
  }

  get plot(): number {
    return Math.max(1, this.width - LEFT - RIGHT);
  }

  /** Empties it, at the size that the page has for it now. Returns whether there is any. */
  begin(): boolean {
    const { canvas, ctx } = this;
    this.ratio = globalThis.devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    const width = Math.round(this.width * this.ratio);
    const height = Math.round(this.height * this.ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    return width > 0 && height > 0;
  }

  /** Where a time is, and the time at a place. */
  x(time: number, view: View): number {
    return LEFT + (time - view.from) / view.span * this.plot;
  }

  time(x: number, view: View): number {
    return view.from + (x - LEFT) / this.plot * view.span;
  }

  font(size: number, weight = 400): void {
    this.ctx.font = `${weight} ${size}px ${FONT}`;
  }
}
