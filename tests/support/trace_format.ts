// deno-coverage-ignore-file

/**
 * What Chrome's trace event format says of a file, as far as a recorder writes it: what
 * its document "Trace Event Format" says of each kind of event, and what viewers take for
 * granted, as Perfetto's importer does.
 *
 * @module
 */

import type { TraceEvent } from "../../src/trace/mod.ts";
import { assert, assertEquals } from "./std.ts";

type Slice = { begin: number; end: number };

/** Whole nanoseconds: sums of microseconds are not exact. */
const nanos = (micros: number) => Math.round(micros * 1e3);

/** Holds events against the format. `isWhole`: no earlier ones were left out. */
export function checkFormat(events: readonly TraceEvent[]): void {
  for (const event of events) checkEvent(event);
  assertEquals(JSON.parse(JSON.stringify(events)), events, "it is plain data");
  const lanes = slicesByLane(events);
  checkLanes(events, lanes);
  checkFlows(events, lanes);
  checkBindings(events);
  checkStacks(events);
  checkPairs(events);
}

function checkEvent(event: TraceEvent): void {
  const { name, ph, ts, pid, tid, dur, args, s } = event;
  const what = JSON.stringify(event);
  assert(typeof name === "string" && name !== "", what);
  assert("XCMisfbe".includes(ph) && ph.length === 1, what);
  assert(Number.isFinite(ts) && ts >= 0, what);
  assert(Number.isSafeInteger(tid) && tid >= 0, what);
  assert(pid === 2_000_000_000 && pid !== tid, what);
  assertEquals(dur !== undefined, ph === "X", what);
  if (ph === "X") assert(Number.isFinite(dur) && dur! >= 0, what);
  assertEquals(s !== undefined, ph === "i", what);
  if (ph === "i") assert(s === "t" || s === "p" || s === "g" as never, what);
  if (ph === "M") {
    const known = { process_name: "name", thread_name: "name" };
    const key = known[name as keyof typeof known] ?? "sort_index";
    assert(args !== undefined && key in args, what);
  }
  if (ph === "C") {
    const counts = Object.values(args!);
    assert(counts.length > 0, what);
    for (const n of counts) {
      assert(Number.isFinite(n) && n as number >= 0, what);
    }
  }
}

function slicesByLane(events: readonly TraceEvent[]): Map<number, Slice[]> {
  const lanes = new Map<number, Slice[]>();
  for (const { ph, tid, ts, dur } of events) {
    if (ph !== "X") continue;
    if (!lanes.has(tid)) lanes.set(tid, []);
    const slice = { begin: nanos(ts), end: nanos(ts) + nanos(dur!) };
    lanes.get(tid)!.push(slice);
  }
  for (const slices of lanes.values()) {
    slices.sort((a, b) => a.begin - b.begin || a.end - b.end);
  }
  return lanes;
}

/** A worker does one thing at a time, and has a name. */
function checkLanes(
  events: readonly TraceEvent[],
  lanes: Map<number, Slice[]>,
): void {
  const named = new Set(
    events.filter(({ name }) => name === "thread_name").map(({ tid }) => tid),
  );
  assert(events.some(({ name }) => name === "process_name"), "it has no name");
  for (const [tid, slices] of lanes) {
    assert(named.has(tid), `lane ${tid} has no name`);
    for (const [i, { begin }] of slices.entries()) {
      assert(
        i === 0 || slices[i - 1]!.end <= begin,
        `slices overlap in lane ${tid} at ${begin}`,
      );
    }
  }
}

/** Each arrow begins once and ends once, later, in slices of its lanes. */
function checkFlows(
  events: readonly TraceEvent[],
  lanes: Map<number, Slice[]>,
): void {
  const begins = new Map<string, TraceEvent>();
  const ends = new Map<string, TraceEvent>();
  for (const event of events) {
    if (event.ph !== "s" && event.ph !== "f") continue;
    const flows = event.ph === "s" ? begins : ends;
    assert(!flows.has(event.id!), `two arrows ${event.id}`);
    assert(/^[0-9]+$/.test(event.id!), `arrow ${event.id} has no number`);
    flows.set(event.id!, event);
    const at = nanos(event.ts);
    assert(
      isIn(lanes.get(event.tid) ?? [], at),
      `arrow ${event.id} is in no slice of lane ${event.tid}`,
    );
  }
  assertEquals([...begins.keys()].sort(), [...ends.keys()].sort());
  for (const [id, end] of ends) {
    const begin = begins.get(id)!;
    assert(begin.ts <= end.ts, `arrow ${id} points back`);
    assertEquals([begin.name, begin.cat], [end.name, end.cat]);
    assertEquals(end.bp, "e");
  }
}

/**
 * Each arrow ends at a slice that begins there. A viewer takes the events in the order of
 * their times, those of one time as they stand, and binds an end to what began last.
 */
function checkBindings(events: readonly TraceEvent[]): void {
  const latest = new Map<number, TraceEvent>();
  for (const event of [...events].sort((a, b) => a.ts - b.ts)) {
    const { ph, tid, id, ts } = event;
    if (ph === "X") latest.set(tid, event);
    if (ph !== "s" && ph !== "f") continue;
    const slice = latest.get(tid);
    assert(slice?.ts === ts, `arrow ${id} is bound to another slice`);
    if (ph === "f") {
      assert(
        "queuedMs" in slice.args!,
        `arrow ${id} ends where nothing starts`,
      );
      latest.delete(tid); // Another arrow must not end there.
    }
  }
}

/** In the queue, slices of one time would be stacked, and of 512 the next ones are lost. */
function checkStacks(events: readonly TraceEvent[]): void {
  const stacks = new Map<number, number>();
  for (const { ph, cat, ts } of events) {
    if (ph !== "X" || cat !== "queue") continue;
    const high = (stacks.get(ts) ?? 0) + 1;
    assert(high < 512, `${high} slices in the queue at ${ts}`);
    stacks.set(ts, high);
  }
}

/** Whether the time is in one of the slices, which are in order. */
function isIn(slices: readonly Slice[], at: number): boolean {
  let [low, high] = [0, slices.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slices[middle]!.begin <= at) low = middle + 1;
    else high = middle;
  }
  // Of those that begin together the one before may be the longer one.
  return slices.slice(Math.max(0, low - 2), low).some(({ end }) => at <= end);
}

/** What begins ends later, under the same name, or goes on. */
function checkPairs(events: readonly TraceEvent[]): void {
  const open = new Map<string, TraceEvent>();
  for (const event of events) {
    if (event.ph !== "b" && event.ph !== "e") continue;
    const key = JSON.stringify([event.cat, event.id, event.name]);
    const begin = open.get(key);
    if (event.ph === "b") {
      assert(begin === undefined, `${key} begins twice`);
      open.set(key, event);
    } else {
      assert(begin !== undefined, `${key} ends and has not begun`);
      assert(begin.ts <= event.ts, `${key} ends before it begins`);
      open.delete(key);
    }
  }
}
