/**
 * What fingers, mice, wheels and keys mean on the timeline.
 *
 * @module
 */

import { LEFT, RIGHT } from "./surface.ts";

/** Pixels are CSS pixels; shares are of the width that times have. */
export interface Moves {
  panBy(share: number): void;
  scrollBy(pixels: number): void;
  /** Makes the stretch shown `factor` times as long, around a place. */
  zoom(factor: number, share: number): void;
  pointAt(
    place: { share: number; y: number; isLanes: boolean } | undefined,
  ): void;
  /** Chooses what is there; twice: and zooms to it. */
  choose(share: number, y: number, isTwice: boolean): void;
  showStretch(from: number, to: number): void;
  /** The whole trace's overview: looks at this part of it. */
  center(share: number): void;
}

/** Pixels that a hand may tremble. */
const STILL = 4;

function shareAt(element: Element, clientX: number): number {
  const { left, width } = element.getBoundingClientRect();
  return (clientX - left - LEFT) / Math.max(1, width - LEFT - RIGHT);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** Whether the page has to be scrolled by the wheel, to see the rest of it. */
function isPageLong(): boolean {
  const { scrollHeight, clientHeight } = document.documentElement;
  return scrollHeight > clientHeight + 1;
}

export function onWheel(element: HTMLElement, moves: Moves): void {
  element.addEventListener("wheel", (event) => {
    const { deltaX, deltaY, deltaMode, ctrlKey, metaKey, shiftKey } = event;
    const unit = deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const isAcross = shiftKey || Math.abs(deltaX) > Math.abs(deltaY);
    if (isAcross) {
      const by = (deltaX || deltaY) * unit;
      moves.panBy(by / Math.max(1, element.clientWidth));
    } else if (ctrlKey || metaKey || !isPageLong()) {
      // A pinch on a touchpad comes with ctrlKey, in small steps.
      const speed = ctrlKey && Math.abs(deltaY) < 40 ? 0.012 : 0.0022;
      const factor = Math.exp(deltaY * unit * speed);
      moves.zoom(factor, clamp(shareAt(element, event.clientX)));
    } else return;
    event.preventDefault();
  }, { passive: false });
}

/** Drags, taps and pinches of lanes and charts. */
export function onDrag(
  element: HTMLElement,
  isLanes: boolean,
  moves: Moves,
): void {
  const held = new Map<number, { x: number; y: number }>();
  let travelled = 0;
  const point = ({ clientX, clientY }: PointerEvent) => {
    const y = clientY - element.getBoundingClientRect().top;
    moves.pointAt({ share: shareAt(element, clientX), y, isLanes });
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (held.size === 0) travelled = 0;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const last = held.get(event.pointerId);
    if (last === undefined) return point(event);
    const next = { x: event.clientX, y: event.clientY };
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, next);
    const width = Math.max(1, element.clientWidth - LEFT - RIGHT);
    travelled += Math.hypot(next.x - last.x, next.y - last.y);
    if (other !== undefined) return pinch(last, next, other);
    if (travelled < STILL) return;
    element.classList.add("holding");
    moves.panBy((last.x - next.x) / width);
    if (isLanes && event.pointerType === "mouse") {
      moves.scrollBy(last.y - next.y);
    }
    point(event);
  });
  /** Two fingers: how far they are apart, and where their middle is. */
  const pinch = (last: Place, next: Place, other: Place) => {
    const before = Math.max(20, Math.abs(last.x - other.x));
    const after = Math.max(20, Math.abs(next.x - other.x));
    const middle = clamp(shareAt(element, (next.x + other.x) / 2));
    moves.zoom(before / after, middle);
    const width = Math.max(1, element.clientWidth);
    moves.panBy((last.x - next.x) / 2 / width);
  };
  const release = (event: PointerEvent) => {
    held.delete(event.pointerId);
    element.classList.remove("holding");
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", () => moves.pointAt(undefined));
  element.addEventListener("click", (event) => {
    if (travelled >= STILL) return;
    const y = event.clientY - element.getBoundingClientRect().top;
    const share = shareAt(element, event.clientX);
    if (isLanes) moves.choose(share, y, event.detail > 1);
    else if (event.detail > 1) moves.zoom(0.4, clamp(share));
  });
}

interface Place {
  x: number;
  y: number;
}

/** A stretch that is drawn over the ruler is shown. */
export function onRuler(element: HTMLElement, moves: Moves): void {
  let from: number | undefined;
  element.addEventListener("pointerdown", (event) => {
    from = clamp(shareAt(element, event.clientX));
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const share = clamp(shareAt(element, event.clientX));
    moves.pointAt({ share, y: 0, isLanes: false });
  });
  element.addEventListener("pointerup", (event) => {
    const to = clamp(shareAt(element, event.clientX));
    if (from !== undefined && Math.abs(to - from) > 0.005) {
      moves.showStretch(Math.min(from, to), Math.max(from, to));
    }
    from = undefined;
  });
  element.addEventListener("pointerleave", () => moves.pointAt(undefined));
}

export function onOverview(element: HTMLElement, moves: Moves): void {
  let isHeld = false;
  const move = (event: PointerEvent) => {
    moves.center(clamp(shareAt(element, event.clientX)));
  };
  element.addEventListener("pointerdown", (event) => {
    isHeld = true;
    element.setPointerCapture(event.pointerId);
    move(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (isHeld) move(event);
  });
  const release = () => isHeld = false;
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
}

/** What each key does, by its name; in capitals with Shift. */
export function onKeys(
  element: HTMLElement,
  keys: Record<string, () => void>,
): void {
  element.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (ctrlKey || metaKey || altKey) return;
    const name = key.length > 1 && shiftKey ? `Shift ${key}` : key;
    const act = keys[name];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}
