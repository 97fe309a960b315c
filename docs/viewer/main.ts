/// <reference lib="dom" />
/**
 * Wires the page: files, the feed, and what can be pressed.
 *
 * @module
 */

import { App } from "./app.ts";
import { byId, fill, make } from "./dom.ts";
import { count } from "./format.ts";
import { onDrag, onKeys, onOverview, onRuler, onWheel } from "./gestures.ts";
import { type Batch, listen } from "./live.ts";
import { Reader } from "./read.ts";
import { Trace } from "./trace.ts";

/**
 * Milliseconds that nothing new of a file is seen while it is read: at first, and then;
 * and that all of it is waited for, since to show a part takes time, too.
 */
const PATIENCE = { first: 300, later: 1_500, last: 1_000 };
/** Milliseconds that it is read without a look at what else there is to do. */
const TURN = 30;

const app = new App();

function say(text: string, look?: "live" | "problem"): void {
  const parts = look === undefined ? [text] : [
    make("span", { class: look }, look === "live" ? "live" : "!"),
    ` ${text}`,
  ];
  fill(byId("source"), ...parts);
}

/** Reads a file, and shows it: what there is of it now and then, for it may be large. */
async function open(file: File): Promise<void> {
  performance.mark("opened");
  const trace = new Trace();
  const reader = new Reader();
  const began = performance.now();
  let shown = began;
  let patience: number = PATIENCE.first;
  try {
    for await (const { text, share } of piecesOf(file)) {
      trace.add(reader.push(text));
      const now = performance.now();
      const left = (now - began) * (1 / share - 1);
      const isSoon = now - shown < patience || left < PATIENCE.last;
      if (isSoon || trace.end < trace.start) continue;
      show(trace);
      say(`${file.name}: ${Math.round(100 * share)} %`);
      await frame("begun");
      shown = performance.now();
      patience = PATIENCE.later;
    }
    if (trace.groups.size === 0) throw new Error("no trace events in it");
  } catch (error) {
    return say(`${file.name}: ${(error as Error).message}`, "problem");
  }
  show(trace);
  const about = [file.name, app.about, missedIn(reader.rest)];
  say(about.filter((it) => it !== "").join(" · "));
  document.title = `${file.name} – CoGroup trace`;
  await frame("drawn");
}

/** The text of a file, piece by piece, and which share of it was read by then. */
async function* piecesOf(
  file: File,
): AsyncGenerator<{ text: string; share: number }> {
  // To await slices of it takes longer, and not all browsers iterate over streams.
  const pieces = file.stream().getReader();
  const decoder = new TextDecoder();
  let read = 0;
  let turned = performance.now();
  try {
    for (let piece; !(piece = await pieces.read()).done;) {
      read += piece.value.length;
      const text = decoder.decode(piece.value, { stream: true });
      yield { text, share: read / file.size };
      if (performance.now() - turned < TURN) continue;
      await new Promise((done) => setTimeout(done));
      turned = performance.now();
    }
  } finally {
    await pieces.cancel(); // What was read may be no trace.
  }
}

function show(trace: Trace): void {
  trace.settle();
  if (app.trace === trace) app.changed();
  else app.show(trace);
}

/** Waits until it is drawn, and has the browser note how long that took. */
async function frame(name: string): Promise<void> {
  await new Promise(requestAnimationFrame);
  performance.measure(name, "opened");
}

/** What the recorder had to forget, as it says beside the events. */
function missedIn(rest: string): string {
  try {
    const { missed } = JSON.parse(rest).otherData;
    return missed > 0 ? `${count(missed)} earlier steps forgotten` : "";
  } catch {
    return ""; // Another program's trace says nothing, or something else.
  }
}

function follow(): void {
  const trace = new Trace();
  const about = () =>
    [
      ...[trace.groups.values().next().value?.name ?? "", app.about],
      ...trace.missed > 0 ? [`${count(trace.missed)} steps missed`] : [],
    ].filter((it) => it !== "").join(" · ");
  listen({
    opened() {
      say("waits for the first task", "live");
    },
    take({ events, open, missed }: Batch) {
      trace.missed += missed;
      trace.dropRunning();
      trace.add(events);
      trace.add(open);
      trace.settle();
      trace.trim();
      if (trace.end < trace.start) return; // Names alone.
      if (app.trace !== trace) {
        app.show(trace);
        byId("follow").hidden = byId("save").hidden = false;
        document.title = `${trace.largest?.name} – CoGroup trace`;
      } else if (app.group.tasks.length === 0) app.pickGroup(trace.largest?.id);
      else app.changed(true);
      say(about(), "live");
    },
    ended(isDone) {
      if (app.trace === trace) app.follow(false);
      byId("follow").hidden = byId("save").hidden = true;
      say(`${isDone ? "done" : "the program is gone"} · ${about()}`);
    },
  });
}

function wireTimeline(): void {
  const { canvas } = app.lanes;
  onDrag(canvas, true, app);
  onWheel(canvas, app);
  for (const { surface } of app.charts) {
    onDrag(surface.canvas, false, app);
    onWheel(surface.canvas, app);
  }
  for (const id of ["ruler", "overview"]) onWheel(byId(id), app);
  onRuler(byId("ruler"), app);
  onOverview(byId("overview"), app);
  onKeys(canvas, {
    "ArrowLeft": () => app.panBy(-0.1),
    "ArrowRight": () => app.panBy(0.1),
    "Shift ArrowLeft": () => app.panBy(-0.6),
    "Shift ArrowRight": () => app.panBy(0.6),
    "ArrowUp": () => app.stepLane(-1),
    "ArrowDown": () => app.stepLane(1),
    "+": () => app.zoom(0.6, 0.5),
    "=": () => app.zoom(0.6, 0.5),
    "-": () => app.zoom(1 / 0.6, 0.5),
    "0": () => app.fit(),
    "Home": () => app.showEdge("start"),
    "End": () => app.showEdge("end"),
    ",": () => app.stepInLane(-1),
    ".": () => app.stepInLane(1),
    "e": () => app.stepFailure(1),
    "E": () => app.stepFailure(-1),
    "z": () => app.zoomToChosen(),
    "Escape": () => app.chooseTask(undefined),
  });
}

function wireTools(): void {
  byId("fit").addEventListener("click", () => app.fit());
  byId("follow").addEventListener("click", () => {
    app.follow(!app.view.isFollowing);
  });
  byId("help-button").addEventListener("click", () => {
    byId<HTMLDialogElement>("help").showModal();
  });
  byId<HTMLSelectElement>("group").addEventListener("change", ({ target }) => {
    app.pickGroup(Number((target as HTMLSelectElement).value));
  });
  byId("color").addEventListener("change", ({ target }) => {
    app.setByKey((target as HTMLInputElement).value === "key");
  });
  const search = byId<HTMLInputElement>("search");
  search.addEventListener("input", () => app.find(search.value.trim()));
  search.addEventListener("keydown", ({ key, shiftKey }) => {
    if (key === "Enter") app.step(shiftKey ? -1 : 1, () => true);
  });
}

function wireFiles(): void {
  const input = byId<HTMLInputElement>("file");
  for (const id of ["open", "pick"]) {
    byId(id).addEventListener("click", () => input.click());
  }
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) open(file);
    input.value = ""; // The same file again is a change, too.
  });
  const show = (isIt: boolean) => byId("dropping").hidden = !isIt;
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    show(true);
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) show(false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    show(false);
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
}

wireTimeline();
wireTools();
wireFiles();
follow();
