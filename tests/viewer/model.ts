/**
 * What the page that shows traces knows of them, without a browser: it has to say
 * what the trace says.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { Recorder } from "../../src/trace/mod.ts";
import { above, doubles } from "../../docs/viewer/columns.ts";
import { BINS, percentile, Quantiles } from "../../docs/viewer/quantiles.ts";
import { Reader } from "../../docs/viewer/read.ts";
import { Series } from "../../docs/viewer/series.ts";
import { culprits, summarize } from "../../docs/viewer/summary.ts";
import { RUNNING } from "../../docs/viewer/tasks.ts";
import { Trace, type TraceEvent } from "../../docs/viewer/trace.ts";
import { View } from "../../docs/viewer/view.ts";
import { assert, assertEquals } from "../support/std.ts";
import { test } from "../support/test.ts";

/** Numbers from 0 to 1, the same in each run. */
function dice(seed: number): () => number {
  return () => (seed = (seed * 1664525 + 1013904223) >>> 0) / 2 ** 32;
}

/** Attempts, one after the other in each lane, some of which fail. */
function attempts(number: number, lanes: number): TraceEvent[] {
  const roll = dice(number);
  const free = new Array<number>(lanes).fill(0);
  const ends = ["fulfilled", "fulfilled", "fulfilled", "delayed", "rejected"];
  return Array.from({ length: number }, (_, i) => {
    const tid = Math.floor(roll() * lanes);
    const ts = free[tid]! + Math.floor(roll() * 50);
    const dur = 1 + Math.floor(roll() ** 4 * 5_000);
    free[tid] = ts + dur;
    return {
      ...{ name: `task ${i}`, cat: "task", ph: "X", ts, dur, pid: 1, tid },
      args: {
        task: i,
        attempt: 1,
        end: ends[Math.floor(roll() * ends.length)],
        key: `host ${Math.floor(roll() ** 2 * 6)}`,
        queuedMs: roll() * 100,
        delayedMs: 0,
      },
    };
  });
}

function traceOf(events: TraceEvent[]): Trace {
  const trace = new Trace();
  trace.add(events);
  trace.settle();
  return trace;
}

test("a trace is read the same, wherever its text is cut", () => {
  const odd = ['},{"name":"', "\\", '"', "]}", "[{", "\n\u2028é"];
  const traceEvents = odd.map((name, i) => ({
    name,
    ph: "i",
    ts: i,
    args: { name, odd },
  }));
  const whole = {
    odd,
    traceEvents,
    otherData: { missed: 7, text: '},{"name":' },
  };
  for (
    const text of [
      JSON.stringify(whole),
      JSON.stringify(whole, undefined, 2),
      JSON.stringify(traceEvents),
    ]
  ) {
    for (let size = 1; size < 60; size++) {
      const reader = new Reader();
      const events: TraceEvent[] = [];
      for (let i = 0; i < text.length; i += size) {
        events.push(...reader.push(text.slice(i, i + size)));
      }
      assertEquals(events, traceEvents as TraceEvent[], `pieces of ${size}`);
      const rest = JSON.parse(reader.rest);
      assertEquals(
        rest.otherData?.missed,
        text.startsWith("[") ? undefined : 7,
      );
    }
  }
});

test("a recorder's trace is read as it is, but for its arrows", async () => {
  const recorder = new Recorder({ name: "real" });
  const group = new CoGroup({ concurrency: 3, observer: recorder });
  for (let id = 0; id < 50; id++) {
    group.add(() => {}, { id: `,{"name":"tasks","ph":"C" ${id}`, key: "[{" });
  }
  await group.wait();
  const text = JSON.stringify(recorder);
  const { traceEvents } = JSON.parse(text) as { traceEvents: TraceEvent[] };
  const drawn = traceEvents.filter(({ cat }) => cat !== "queue");
  for (const size of [100, 1_000, 1_001, text.length]) {
    const reader = new Reader();
    const events: TraceEvent[] = [];
    for (let i = 0; i < text.length; i += size) {
      events.push(...reader.push(text.slice(i, i + size)));
    }
    const read = events.filter(({ cat }) => cat !== "queue");
    // Counts stand behind the others of their piece, and have no thread.
    const sorted = (all: TraceEvent[]) =>
      all.map(({ name, ph, ts, dur, pid, args }) =>
        JSON.stringify([ph, ts, name, dur, pid, args])
      ).sort();
    assertEquals(sorted(read), sorted(drawn), `pieces of ${size}`);
  }
});

test("arrows may be left out, and nothing else", () => {
  const named = (name: string, cat: string) => ({ name, cat, ph: "X", ts: 1 });
  const tricky = named('"cat":"queue"', "task");
  const arrow = named("queued", "queue");
  const last = named("last", "task");
  for (
    const many of [[tricky, arrow, last], [arrow, tricky, last], [
      arrow,
      arrow,
      last,
    ], [last]]
  ) {
    const events = new Reader().push(JSON.stringify(many));
    const without = (all: TraceEvent[]) =>
      all.filter(({ cat }) => cat !== "queue");
    assertEquals(without(events), without(many));
  }
});

test("a trace that is no JSON is told so", () => {
  const reader = new Reader();
  let error: unknown;
  try {
    reader.push('{"traceEvents":[{"name":oops}]}');
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof SyntaxError);
});

test("above() finds the first value above a limit", () => {
  const column = doubles();
  for (const value of [1, 2, 2, 3, 7, 7, 7, 9]) column.push(value);
  for (let limit = 0; limit < 11; limit++) {
    for (let from = 0; from < 8; from++) {
      const all = [...column.at.slice(0, 8)];
      const index = all.findIndex((value, i) => i >= from && value > limit);
      const found = above(column.at, limit, from, 8);
      assertEquals(found, index < 0 ? 8 : index, `${limit} from ${from}`);
    }
  }
});

test("percentiles of any stretch are right within 4 %", () => {
  const roll = dice(1);
  const quantiles = new Quantiles();
  const values = Array.from({ length: 5_000 }, () => 10 ** (roll() * 6 - 2));
  for (const value of values) quantiles.push(value);
  for (
    const [from, to] of [[0, 5_000], [3, 700], [511, 1_025], [
      1_000,
      1_200,
    ]] as const
  ) {
    const bins = new Uint32Array(BINS);
    quantiles.addTo(bins, from, to);
    const sorted = values.slice(from, to).sort((a, b) => a - b);
    for (const share of [0.5, 0.95, 0.99]) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
      const off = percentile(bins, share) / exact;
      assert(off > 0.92 && off < 1.08, `p${share} of ${from}..${to}: ${off}`);
    }
  }
});

test("a count over time knows its most of any stretch", () => {
  const roll = dice(2);
  const series = new Series();
  const values = Array.from({ length: 10_000 }, () => Math.floor(roll() * 1e6));
  values.forEach((value, i) => series.push(i * 10, value));
  for (let tries = 0; tries < 300; tries++) {
    const from = 1 + Math.floor(roll() * 9_998);
    const to = from + Math.floor(roll() * (10_000 - from));
    const most = values.slice(from - 1, Math.max(to, from)).reduce((a, b) =>
      Math.max(a, b)
    );
    assertEquals(
      series.mostOf(from, to),
      from === to ? values[from - 1] : most,
    );
  }
  assertEquals(series.valueAt(-1), 0);
  assertEquals(series.valueAt(15), values[1]);
});

test("a count is kept where it changes, and what comes late is left out", () => {
  const series = new Series();
  for (const time of [1, 5, 10]) series.push(time, 3);
  series.push(7, 4);
  series.push(12, 5);
  assertEquals([...series.times.at.slice(0, series.times.length)], [1, 12]);
  assertEquals([9, 11, 12].map((time) => series.valueAt(time)), [3, 3, 5]);
});

test("each lane's time, in all and in any stretch, is what the trace says", () => {
  const events = attempts(5_000, 7);
  const trace = traceOf(events);
  const group = trace.groups.get(1)!;
  for (
    const [from, to] of [[-1, trace.end], [1_000, 90_000], [
      33_333,
      33_334,
    ]] as const
  ) {
    const { workers } = summarize(group, from, to);
    assertEquals(workers.length, 7);
    for (const { id, busy } of workers) {
      let sum = 0;
      for (const { ts, dur, tid } of events) {
        if (tid !== id) continue;
        sum += Math.max(0, Math.min(ts! + dur!, to) - Math.max(ts!, from));
      }
      assertEquals(busy.toFixed(6), (sum / 1000).toFixed(6), `worker ${id}`);
    }
  }
});

test("the tables count what the trace has, by outcome, key and error", () => {
  const events = attempts(2_000, 3);
  const trace = traceOf(events);
  const it = summarize(trace.groups.get(1)!, -1, trace.end);
  const counted = (end: string) =>
    events.filter(({ args }) => args!["end"] === end).length;
  assertEquals(
    [it.fulfilled, it.retried, it.rejected],
    ["fulfilled", "delayed", "rejected"].map(counted),
  );
  assertEquals(it.attempts, 2_000);
  for (const row of it.keys) {
    const its = events.filter(({ args }) => args!["key"] === row.name);
    assertEquals(row.attempts, its.length);
    assertEquals(
      Math.round(row.ran * 1000),
      its.reduce((sum, { dur }) => sum + dur!, 0),
    );
  }
  const longest = [...events].sort((a, b) => b.dur! - a.dur!)[0]!;
  const { names } = trace.groups.get(1)!.tasks;
  assertEquals(names[it.slowest[0]!], longest.name);
});

test("attempts in any order, and ones that overlap, are found where they are", () => {
  const events = attempts(1_000, 4);
  const roll = dice(3);
  const shuffled = [...events].sort(() => roll() - 0.5);
  const { tasks } = traceOf(shuffled).groups.get(1)!;
  for (const { ts, dur, tid, name } of events) {
    const lane = tasks.lanes.find(({ id }) => id === tid)!;
    const found = tasks.find(lane, ts! + dur! / 2, 0);
    assertEquals(found === undefined ? undefined : tasks.names[found], name);
  }
});

test("what runs in a feed is replaced by what it was", () => {
  const [first, second, third] = attempts(3, 1) as [
    TraceEvent,
    TraceEvent,
    TraceEvent,
  ];
  const trace = traceOf([first]);
  const { tasks } = trace.groups.get(1)!;
  for (let look = 1; look < 4; look++) {
    trace.dropRunning();
    const open = { ...second, dur: look, args: { task: 1, end: "running" } };
    trace.add([open]);
    trace.settle();
    assertEquals([tasks.length, tasks.outcome.at[1]], [2, RUNNING]);
    assertEquals(tasks.lanes[0]!.busy.at[2], first.dur! + look);
  }
  trace.dropRunning();
  trace.add([second, third]);
  trace.settle();
  assertEquals([tasks.length, tasks.lanes[0]!.starts.length], [3, 3]);
  const sum = first.dur! + second.dur! + third.dur!;
  assertEquals(tasks.lanes[0]!.busy.at[3], sum);
});

test("a feed that goes on for days keeps the last attempts alone", () => {
  const trace = new Trace();
  const events = attempts(200_000, 5);
  const length = events.reduce(
    (end, { ts, dur }) => Math.max(end, ts! + dur!),
    0,
  );
  for (let day = 0; day < 5; day++) {
    trace.add(
      events.map((event) => ({ ...event, ts: event.ts! + day * length })),
    );
    trace.settle();
    trace.trim();
  }
  const { tasks } = trace.groups.get(1)!;
  assert(tasks.length <= 600_000, `${tasks.length}`);
  const lanes = tasks.lanes.reduce((sum, lane) => sum + lane.tasks.length, 0);
  assertEquals(lanes, tasks.length);
  assert(trace.start > 0);
});

test("only what is chosen is lit, also of what comes later", () => {
  const trace = traceOf(attempts(1_000, 2));
  const { tasks } = trace.groups.get(1)!;
  const key = tasks.keys.of("host 3");
  const found = tasks.filter((i) => tasks.key.at[i] === key);
  assert(found > 0 && found < 1_000);
  trace.add(attempts(1_000, 2));
  trace.settle();
  const lit = tasks.lanes.reduce((sum, { lit }) => sum + lit.last()!, 0);
  assertEquals(lit, 2 * found);
  assertEquals(tasks.filter(), 2_000);
});

test("a real trace has its retries, marks, counters and waits", async () => {
  const recorder = new Recorder({ name: "real" });
  const group = new CoGroup({
    concurrency: 2,
    observer: recorder,
    retry: { maxAttempts: 2, delay: () => 1 },
    onError() {},
    slice: Infinity,
  });
  const flaky = ({ attempt }: { attempt: number }) => {
    if (attempt === 1) throw new Error("once");
  };
  group.add(flaky, { id: "flaky", key: "a" });
  group.add(() => {}, { id: "good", key: "b", weight: 2 });
  group.pause();
  group.resume();
  await group.wait();
  const reader = new Reader();
  const trace = traceOf(reader.push(JSON.stringify(recorder)));
  const real = trace.largest!;
  assertEquals(real.name, "real");
  assertEquals(real.marks.map(({ name }) => name), [
    "created",
    "paused",
    "resumed",
    "closed",
  ]);
  const it = summarize(real, trace.start - 1, trace.end);
  assertEquals([it.fulfilled, it.retried, it.rejected], [2, 1, 0]);
  assertEquals(it.errors.map(({ name }) => name), ["Error: once"]);
  assertEquals(real.counters.get("queued")!.most, 2);
  const { count, open } = real.waits.get("delayed")!;
  assertEquals([count, open], [1, 0]);
  const again = real.tasks.names.lastIndexOf("flaky");
  assertEquals(real.tasks.attemptsOf(again).length, 2);
  assert(real.tasks.delayed.at[again]! > 0);
});

test("culprits() names the few keys that have half of it, unless all are alike", () => {
  const rows = (...values: number[]) =>
    values.map((ran, number) => ({
      ...{ name: `key ${number}`, number, ran, attempts: 0, retried: 0 },
      ...{ rejected: 0, waited: 0, longest: 0 },
    }));
  const of = (values: number[]) =>
    culprits(rows(...values), (row) => row.ran, 0);
  assertEquals(of([1, 90, 3, 4, 2])?.names, ["key 1"]);
  assertEquals(of([1, 1, 1, 1, 1, 1, 1, 1]), undefined);
  assertEquals(of([5, 5]), undefined);
  assertEquals(of([40, 1, 38, 1, 2, 1, 1, 1])?.names, ["key 0", "key 2"]);
  // All that have as much as the last one, or none of them.
  const three = of([31, 1, 30, 1, 30, 1, 1, 1]);
  assertEquals(three?.names, ["key 0", "key 2", "key 4"]);
  assertEquals(Math.round(100 * three!.share), 95);
  assertEquals(of([31, 30, 30, 30, 1, 1]), undefined);
});

test("a view stays within the trace, and keeps the time under the pointer", () => {
  const view = new View();
  view.grow(1_000);
  assertEquals([view.from, view.to], [0, 1_000]);
  view.zoom(0.1, 0.25);
  assertEquals([view.from, view.to], [225, 325]);
  view.pan(-1_000);
  assertEquals([view.from, view.to], [0, 100]);
  view.zoom(0.000_001, 0.5);
  assert(view.span >= 5);
  view.zoom(1e9, 0.5);
  assert(view.isAll);
  view.show(900, 1_000);
  view.grow(1_100);
  assertEquals([view.from, view.to], [900, 1_000]);
  view.isFollowing = true;
  view.grow(1_200);
  assertEquals([view.from, view.to], [1_000, 1_100]);
});
