import { RunContext, Sink } from "../src/context.ts";
import { LONGEST } from "../src/delays.ts";
import { Entry, Run, type Track } from "../src/entry.ts";
import { assertEquals, assertStrictEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A context whose sink lets everything, nothing, or things later through. */
function contextOf(
  mode: boolean | number,
): { context: RunContext; sink: Sink } {
  const sink = new Sink(mode);
  return { context: new RunContext(0, sink), sink };
}

/** What is kept of an entry whose options are not for the queue alone. */
function trackOf(): Track {
  const home = { withdraw() {}, timeOut() {} };
  const traits = {
    options: undefined,
    signal: undefined,
    retry: undefined,
    timeout: Infinity,
    home,
    isPlain: false,
  };
  return new Entry(() => {}, traits).track!;
}

/** A run of such an entry, with a sink that lets everything, or nothing through. */
function runOf(mode: boolean): { run: Run; sink: Sink } {
  const sink = new Sink(mode);
  return { run: new Run(trackOf(), 0, sink), sink };
}

/** Whether timers are set; with time faked. */
function hasTimer(time: { next(): boolean }): boolean {
  return time.next();
}

test("RunContext has the id of its worker and the number of its attempt", () => {
  const sink = new Sink(false);
  const context = new RunContext(3, sink);
  assertEquals([context.workerId, context.attempt], [3, 1]);
  const track = trackOf();
  track.attempt = 2;
  const run = new Run(track, 3, sink);
  track.attempt = 3; // The number is the run's own.
  assertEquals([run.workerId, run.attempt], [3, 2]);
});

test("RunContext.signal is quiet, always the same, and made when somebody looks", () => {
  const { context } = contextOf(false);
  assertEquals(context.looked, false);
  const { signal } = context;
  assertEquals([context.looked, signal.aborted], [true, false]);
  assertStrictEquals(context.signal, signal);
});

test("RunContext.abort() lets the signal speak to those who have looked", () => {
  const reason = new Error("why");
  const { context } = contextOf(false);
  let heard = 0;
  context.signal.addEventListener("abort", () => heard++);
  context.abort(reason);
  assertEquals(heard, 1);
  assertStrictEquals(context.signal.reason, reason);
});

test("Run.abort() lets the signal speak to those who look before, and to those who look later", () => {
  const reason = new Error("why");
  const early = runOf(false).run;
  let heard = 0;
  early.signal.addEventListener("abort", () => heard++);
  early.abort(reason);
  assertEquals(heard, 1);
  assertStrictEquals(early.signal.reason, reason);
  const late = runOf(false).run;
  late.abort(reason);
  assertEquals(late.looked, false);
  assertStrictEquals(late.signal.reason, reason);
});

test("Run.abort() does nothing the second time: the first reason stays", () => {
  for (const looks of [true, false]) {
    const { run } = runOf(false);
    if (looks) run.signal;
    run.abort("first");
    run.abort("second");
    assertEquals(run.signal.reason, "first");
  }
});

test("Run.abort() comes before the group's: the first reason stays, looked at or not", () => {
  for (const looks of [true, false]) {
    const { run, sink } = runOf(true);
    if (looks) run.signal;
    run.abort("first");
    sink.abort("second");
    assertEquals(run.signal.reason, "first");
  }
});

test("Run.signal hears of the group's abort, looked at before or later, as any other does", () => {
  for (const looks of [true, false]) {
    const { run, sink } = runOf(true);
    if (looks) run.signal;
    sink.abort("why");
    assertEquals(run.signal.reason, "why");
  }
});

test("RunContext.end() leaves the signal as it is: the group's abort is not its business any more", () => {
  const { context, sink } = contextOf(true);
  const { signal } = context;
  context.end();
  sink.abort("why");
  assertEquals([signal.aborted, context.signal.aborted], [false, false]);
});

test("RunContext.signal that is looked at after the end is quiet for ever", () => {
  const before = contextOf(true);
  before.context.end();
  assertEquals(before.context.signal.aborted, false);
  before.sink.abort("why");
  assertEquals(before.context.signal.aborted, false);
  const after = contextOf(true);
  after.context.end();
  after.sink.abort("why");
  assertEquals(after.context.signal.aborted, false);
});

test("Run.signal that is looked at after the end still tells that it was aborted before", () => {
  const { run } = runOf(false);
  run.abort("why");
  run.end();
  assertEquals(run.signal.aborted, true);
  assertEquals(run.signal.reason, "why");
});

test("Sink of false never lets the group's abort through, and sets no timer", () => {
  using time = new FakeTime();
  const { context, sink } = contextOf(false);
  const { signal } = context;
  sink.abort("why");
  assertEquals([hasTimer(time), signal.aborted], [false, false]);
  assertEquals(new RunContext(0, sink).signal.aborted, false);
});

test("Sink of true lets the group's abort through at once, with its reason, to all who have looked", () => {
  const sink = new Sink(true);
  const contexts = [0, 1, 2].map((id) => new RunContext(id, sink));
  const signals = contexts.map((context) => context.signal);
  const reason = new Error("why");
  sink.abort(reason);
  for (const signal of signals) assertStrictEquals(signal.reason, reason);
});

test("Sink of true lets the group's abort through to those who look later", () => {
  const { context, sink } = contextOf(true);
  sink.abort("why");
  assertEquals([context.looked, context.signal.reason], [false, "why"]);
});

test("Sink of true lets an abort for the reason undefined through", () => {
  // An AbortController makes an AbortError of it.
  const { context, sink } = contextOf(true);
  sink.abort(undefined);
  assertEquals([context.signal.aborted, context.signal.reason.name], [
    true,
    "AbortError",
  ]);
});

test("Sink of a number lets the group's abort through that many milliseconds later", () => {
  using time = new FakeTime();
  const { context, sink } = contextOf(100);
  const { signal } = context;
  sink.abort("why");
  time.tick(99);
  assertEquals(signal.aborted, false);
  time.tick(1);
  assertEquals(signal.reason, "why");
  assertEquals(new RunContext(0, sink).signal.reason, "why");
  assertEquals(hasTimer(time), false);
});

test("Sink of a number lets the abort through to who looks while the time runs, when it is over", () => {
  using time = new FakeTime();
  const { context, sink } = contextOf(100);
  sink.abort("why");
  time.tick(50);
  const { signal } = context;
  assertEquals(signal.aborted, false);
  time.tick(50);
  assertEquals(signal.reason, "why");
});

test("Sink of 0 lets the abort through in the next turn, not at once", () => {
  using time = new FakeTime();
  const { context, sink } = contextOf(0);
  const { signal } = context;
  sink.abort("why");
  assertEquals(signal.aborted, false);
  time.tick(0);
  assertEquals(signal.reason, "why");
});

test("Sink of more than a timer can be set for never speaks, and sets no timer", () => {
  using time = new FakeTime();
  for (const mode of [LONGEST + 1, Infinity]) {
    const { context, sink } = contextOf(mode);
    const { signal } = context;
    sink.abort("why");
    assertEquals([hasTimer(time), signal.aborted], [false, false]);
  }
  const { context, sink } = contextOf(LONGEST);
  const { signal } = context;
  sink.abort("why");
  time.tick(LONGEST);
  assertEquals(signal.aborted, true);
});

test("Sink.rest() takes the timer back: there is nobody left to tell", () => {
  using time = new FakeTime();
  const { context, sink } = contextOf(100);
  const { signal } = context;
  sink.abort("why");
  sink.rest();
  assertEquals([hasTimer(time), signal.aborted], [false, false]);
  sink.rest();
});

test("Sink.reset() makes it as new, with no timer and no reason", () => {
  using time = new FakeTime();
  for (const mode of [true, 100]) {
    const { context, sink } = contextOf(mode);
    sink.abort("first");
    time.tick(100);
    assertEquals(context.signal.reason, "first");
    sink.reset();
    const next = new RunContext(0, sink);
    assertEquals(next.signal.aborted, false);
    sink.abort("second");
    sink.reset();
    assertEquals(hasTimer(time), false);
    assertEquals(next.signal.aborted, mode === true);
  }
});

test("Sink.abort() tells all of them when one ends and leaves as it hears of it", () => {
  const sink = new Sink(true);
  const contexts = [0, 1, 2].map((id) => new RunContext(id, sink));
  const signals = contexts.map((context) => context.signal);
  signals[0]!.addEventListener("abort", () => {
    for (const context of contexts) context.end();
  });
  sink.abort("why");
  assertEquals(signals.map((signal) => signal.reason), ["why", "why", "why"]);
});

test("Sink.leave() takes exactly that context out", () => {
  const sink = new Sink(true);
  const contexts = [0, 1, 2].map((id) => new RunContext(id, sink));
  const signals = contexts.map((context) => context.signal);
  contexts[1]!.end();
  sink.abort("why");
  assertEquals(signals.map((signal) => signal.aborted), [true, false, true]);
});
