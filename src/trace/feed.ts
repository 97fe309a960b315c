/**
 * What a recorder has, piece by piece, for pages that watch.
 *
 * Invariants:
 * 1. Nothing is kept for a page but how far it has read: what it is too slow for the
 *    recorder forgets, and the page is told how much that was.
 * 2. The timer runs only while there are pages.
 *
 * @module
 */

import type { TraceEvent } from "./events.ts";
import { type Recorder, withoutArrows } from "./recorder.ts";

/** Milliseconds between two looks; less while there is much to catch up with. */
const INTERVAL = 200;
const HURRY = 100;
/** How many steps are read at once: the program waits for that. */
const MOST = 16_000;
/** A page does not need more of what runs to see that it runs. */
const MOST_OPEN = 1_000;
/** Microseconds that a counter stays what it is, at the least. */
const STILL = 10_000;

/** A page, as an EventSource: what `node:http` has for an answer. */
export interface Page {
  /** Returns whether there is room for more. */
  write(text: string): boolean;
  end(): void;
}

/** The same text for all pages that have read as far. */
interface Piece {
  readonly text: string;
  readonly cursor: number;
  readonly isAll: boolean;
}

export class Feed {
  readonly #recorder: Recorder;
  /** How far each page has read. */
  readonly #pages = new Map<Page, number>();
  /** Those that have no room. */
  readonly #full = new Set<Page>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** How many pages watch. */
  get size(): number {
    return this.#pages.size;
  }

  /** From now on the page is told what happens, and first what is remembered. */
  add(page: Page): void {
    this.#pages.set(page, 0);
    this.#look();
  }

  /** The page has room again. */
  resume(page: Page): void {
    this.#full.delete(page);
  }

  /** The page is gone. */
  delete(page: Page): void {
    this.#pages.delete(page);
    this.#full.delete(page);
    if (this.size === 0) this.#stop();
  }

  /** Tells the pages what is left to tell, and that it is all. */
  close(): void {
    this.#stop();
    const pieces = new Map<number, Piece>();
    for (const page of this.#pages.keys()) {
      while (!this.#full.has(page) && !this.#tell(page, pieces));
      page.write("event: done\ndata:\n\n");
      page.end();
    }
    this.#pages.clear();
    this.#full.clear();
  }

  #look = (): void => {
    this.#stop();
    const pieces = new Map<number, Piece>();
    let isAll = true;
    for (const page of this.#pages.keys()) {
      const knowsAll = !this.#full.has(page) && this.#tell(page, pieces);
      isAll = isAll && knowsAll;
    }
    this.#timer = setTimeout(this.#look, isAll ? INTERVAL : HURRY);
    // A page is no reason for a program to go on.
    (this.#timer as { unref?(): void }).unref?.();
  };

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Returns whether the page knows all by now. */
  #tell(page: Page, pieces: Map<number, Piece>): boolean {
    const from = this.#pages.get(page)!;
    let piece = pieces.get(from);
    if (piece === undefined) pieces.set(from, piece = this.#read(from));
    this.#pages.set(page, piece.cursor);
    if (piece.text !== "" && !page.write(piece.text)) this.#full.add(page);
    return piece.isAll;
  }

  #read(from: number): Piece {
    const { events, open, cursor, missed, more } = withoutArrows(
      this.#recorder,
      from,
      MOST,
    );
    const isAll = !more;
    if (events.length === 0 && open.length === 0) {
      return { text: "", cursor, isAll };
    }
    const data = JSON.stringify({
      events: thin(events),
      open: open.slice(0, MOST_OPEN),
      missed,
    });
    return { text: `data: ${data}\n\n`, cursor, isAll };
  }
}

/** Without counters that don't stay for long. */
function thin(events: TraceEvent[]): TraceEvent[] {
  const kept: TraceEvent[] = [];
  const held = new Map<string, TraceEvent>();
  for (const event of events) {
    if (event.ph !== "C") {
      kept.push(event);
      continue;
    }
    const last = held.get(event.name);
    if (last !== undefined && event.ts - last.ts >= STILL) kept.push(last);
    else if (last !== undefined) {
      // It is what it was when the stretch began, but counts as it is now.
      held.set(event.name, { ...event, ts: last.ts });
      continue;
    }
    held.set(event.name, event);
  }
  kept.push(...held.values());
  return kept;
}
