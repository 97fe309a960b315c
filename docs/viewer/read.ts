/**
 * Reads a trace piece by piece, whatever its size: the events of each piece are parsed
 * as soon as it is there. It may leave out events of the category "queue".
 *
 * @module
 */

import type { TraceEvent } from "./trace.ts";

/** What is between two events, as the recorder writes them. */
const BORDER = '},{"name":';
/**
 * Most events are of arrows, which the page does not draw: to parse them is a waste. In
 * no string is anything that looks like this: there quotes have backslashes.
 */
const ARROWS = /,\{"name":"[^"]*","cat":"queue"[^{}]*\}/g;
/** Most of the others are counts of tasks: to parse them as JSON takes twice as long. */
const COUNTS =
  /,\{"name":"tasks","ph":"C","ts":([\d.]+),"pid":(\d+),"tid":0,"args":\{"queued":(\d+),"delayed":(\d+),"inFlight":(\d+),"lent":(\d+)\}\}/g;
const QUOTE = 34;
const BACKSLASH = 92;
const BEGINS = new Set([91, 123]); // [ {
const ENDS = new Set([93, 125]); // ] }

/**
 * Cuts the text of a trace into arrays of events: `{ "traceEvents": [...] }`, or an array
 * alone. What stands beside the events is in `rest`, with an empty array in their place.
 */
export class Reader {
  rest = "";
  #text = "";
  #isInEvents = false;
  #isAfterEvents = false;
  /** Where the search is in the text, and how deep below the array. */
  #at = 0;
  #depth = 0;
  #isInString = false;

  /** The events that are complete with this piece. */
  push(piece: string): TraceEvent[] {
    this.#text += piece;
    if (this.#isAfterEvents) return this.#keepRest();
    if (!this.#isInEvents && !this.#findEvents()) return [];
    return this.#cutFast().concat(this.#cut());
  }

  #keepRest(): TraceEvent[] {
    this.rest += this.#text;
    this.#text = "";
    return [];
  }

  #findEvents(): boolean {
    const match = /^\s*\[|"traceEvents"\s*:\s*\[/.exec(this.#text);
    if (match === null) return false;
    const after = match.index + match[0].length;
    this.rest = this.#text.slice(0, after);
    this.#text = this.#text.slice(after);
    return this.#isInEvents = true;
  }

  /**
   * Most of the piece at once, if its events look like the recorder's. What is in a
   * string can't look like their border: there a quote is its end. Elsewhere it can,
   * and then what is before it is no JSON.
   */
  #cutFast(): TraceEvent[] {
    const border = this.#text.lastIndexOf(BORDER);
    if (border < 0) return [];
    try {
      const text = this.#text.slice(0, border + 1).replace(ARROWS, "");
      const events = parse(text.replace(COUNTS, "")).concat(countsIn(text));
      this.#text = this.#text.slice(border + 1);
      this.#at = this.#depth = 0;
      this.#isInString = false;
      return events;
    } catch {
      return [];
    }
  }

  /** What is left of it, or all of it, bracket by bracket. */
  #cut(): TraceEvent[] {
    const text = this.#text;
    let end = 0; // Of the last complete event.
    let i = this.#at;
    let closes = -1;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (this.#isInString) {
        const quote = endOfString(text, i);
        if (quote < 0) {
          // Backslashes at the end are looked at again, with what they escape.
          i = text.length - escapes(text, text.length, i);
          break;
        }
        i = quote;
        this.#isInString = false;
      } else if (code === QUOTE) this.#isInString = true;
      else if (code < 91) continue; // The most of what is outside of strings.
      else if (BEGINS.has(code)) this.#depth++;
      else if (ENDS.has(code)) {
        if (this.#depth === 0) {
          closes = i;
          break;
        }
        if (--this.#depth === 0) end = i + 1;
      }
    }
    const events = parse(text.slice(0, end));
    this.#text = text.slice(end);
    this.#at = i - end;
    if (closes >= 0) {
      this.#isAfterEvents = true;
      this.#text = text.slice(closes);
      this.#keepRest();
    }
    return events;
  }
}

/** The counts, as the events that they are. */
function countsIn(text: string): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (let its; (its = COUNTS.exec(text)) !== null;) {
    events.push({
      name: "tasks",
      ph: "C",
      ts: Number(its[1]),
      pid: Number(its[2]),
      args: {
        queued: Number(its[3]),
        delayed: Number(its[4]),
        inFlight: Number(its[5]),
        lent: Number(its[6]),
      },
    });
  }
  return events;
}

/** Events with commas between them, and maybe one before. */
function parse(text: string): TraceEvent[] {
  return JSON.parse(`[${text.replace(/^[\s,]+/, "")}]`);
}

/** The index of the quote that ends the string; negative if it is yet to come. */
function endOfString(text: string, from: number): number {
  let quote = text.indexOf('"', from);
  while (quote >= 0 && escapes(text, quote, from) % 2 === 1) {
    quote = text.indexOf('"', quote + 1);
  }
  return quote;
}

/** How many backslashes stand before the index, but not before `from`. */
function escapes(text: string, index: number, from: number): number {
  let i = index;
  while (i > from && text.charCodeAt(i - 1) === BACKSLASH) i--;
  return index - i;
}
