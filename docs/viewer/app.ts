/**
 * The page: what is shown, chosen and pointed at, and what happens then.
 *
 * Invariants:
 * 1. What is drawn is drawn in a frame: changes only ask for one.
 * 2. The chosen attempt is known by its task and attempt: its number changes as a feed goes on.
 *
 * @module
 */

import { sentenceOf, showDetails, showTip } from "./details.ts";
import { byId, fill, make, swatch } from "./dom.ts";
import {
  type Chart,
  counts,
  type Entry,
  latencies,
  paintFlags,
  paintMarks,
  paintOverview,
  paintRuler,
  paintWaits,
  type Scene,
  throughput,
} from "./draw_charts.ts";
import { LanePainter } from "./draw_lanes.ts";
import { clock, count, ms, stepOf } from "./format.ts";
import type { Moves } from "./gestures.ts";
import { LEFT, Surface, Theme } from "./surface.ts";
import { summarize } from "./summary.ts";
import { Tables } from "./tables.ts";
import { REJECTED, RETRIED } from "./tasks.ts";
import { Group, type Trace } from "./trace.ts";
import { View } from "./view.ts";

const CHARTS: { title: string; draw: Chart }[] = [
  {
    title: "Queue",
    draw: counts([
      { name: "queued", title: "queued", color: "accent" },
      { name: "delayed", title: "waiting for a retry", color: "retried" },
    ]),
  },
  {
    title: "In flight",
    draw: counts([
      { name: "inFlight", title: "in flight", color: "hue2" },
      { name: "lent", title: "lent", color: "hue4" },
    ]),
  },
  { title: "Throughput", draw: throughput },
  { title: "Waiting", draw: latencies((tasks) => tasks.waiting) },
  { title: "Running", draw: latencies((tasks) => tasks.running) },
];
/** CSS pixels. */
const ROW = { most: 26, least: 6 };
/** Of the lanes, where they are above the tables. */
const MOST_HEIGHT = 320;
const HUES = 8;
/** Milliseconds between two looks at the tables. */
const PATIENCE = { moved: 120, live: 600 };

export class App implements Moves {
  readonly view: View = new View();
  group: Group = new Group(0);
  trace: Trace | undefined;
  #theme = new Theme();
  /** When the trace began as it was last shown. */
  #start = 0;
  #version = 0;
  #isByKey = false;
  #hues = new Uint8Array(0);
  #pointer: { time: number; y: number; isLanes: boolean } | undefined;
  #hovered: number | undefined;
  #chosen: { task: number; attempt: number; start: number } | undefined;
  #chosenAt: number | undefined;
  #lane = 0;
  #filter: { kind: "key" | "error" | "text"; is: number | string } | undefined;
  #isFrameAsked = false;
  #tablesTimer: ReturnType<typeof setTimeout> | undefined;

  readonly #overview = new Surface(byId<HTMLCanvasElement>("overview"));
  readonly #ruler = new Surface(byId<HTMLCanvasElement>("ruler"));
  readonly lanes: Surface = new Surface(byId<HTMLCanvasElement>("lanes"));
  readonly #painter = new LanePainter(this.lanes);
  readonly charts: {
    title: string;
    surface: Surface;
    draw: Chart;
    legend: HTMLElement;
  }[];
  readonly #box = byId("lanes-box");
  readonly #tables = new Tables(byId("totals"), {
    only: (kind, number) => this.#toggleFilter(kind, number),
    isOnly: (kind, number) =>
      this.#filter?.kind === kind && this.#filter.is === number,
    choose: (task) => this.chooseTask(task, true),
    again: () => this.#showTables(),
  });
  #row: number = ROW.most;
  /** What the lanes' height was made for. */
  #laidOut = "";

  constructor() {
    this.charts = CHARTS.map(({ title, draw }) => {
      const canvas = make("canvas", { role: "img", "aria-label": title });
      const legend = make("div", { class: "legend" });
      const caption = make("figcaption", {}, make("h2", {}, title), legend);
      byId("charts").append(make("figure", {}, caption, canvas));
      return { title, surface: new Surface(canvas), draw, legend };
    });
    new ResizeObserver(() => this.draw()).observe(byId("timeline"));
    this.#box.addEventListener("scroll", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener(
      "change",
      () => {
        this.#theme = new Theme();
        this.#version++;
        this.draw();
      },
    );
  }

  get #origin(): number {
    return this.trace!.start;
  }

  /** Shows a trace from its beginning to its end. */
  show(trace: Trace): void {
    this.trace = trace;
    byId("empty").hidden = true;
    byId("trace").hidden = byId("tools").hidden = false;
    this.view.isFollowing = false;
    this.view.fit();
    this.pickGroup(trace.largest?.id);
    this.view.fit();
  }

  pickGroup(id: number | undefined): void {
    const { groups } = this.trace!;
    this.group = groups.get(id ?? -1) ?? new Group(0);
    this.#filter = undefined;
    this.group.tasks.filter();
    this.chooseTask(undefined);
    const select = byId<HTMLSelectElement>("group");
    select.replaceChildren(
      ...[...groups.values()].map(({ id, name }) =>
        make("option", { value: String(id) }, name)
      ),
    );
    select.value = String(this.group.id);
    byId("group-label").hidden = groups.size < 2;
    this.changed();
  }

  /** Something is new in the trace. */
  changed(isLive = false): void {
    const { start, end } = this.trace!;
    // A long feed's beginning is dropped now and then.
    if (isLive) this.view.shift(start - this.#start);
    this.#start = start;
    this.view.grow(Math.max(1, end - start));
    this.#version++;
    if (!isLive) this.#hues = this.#huesOf();
    if (this.#chosen !== undefined) this.#chosenAt = this.#findChosen();
    // Below a pointer that rests there may be another one by now.
    this.#hover();
    this.draw();
    this.#showTablesIn(isLive ? PATIENCE.live : 0, isLive);
  }

  /** Asks for a frame. */
  draw(): void {
    if (this.#isFrameAsked || this.trace === undefined) return;
    this.#isFrameAsked = true;
    requestAnimationFrame(() => {
      this.#isFrameAsked = false;
      this.#drawNow();
    });
  }

  setByKey(isByKey: boolean): void {
    this.#isByKey = isByKey;
    this.#hues = this.#huesOf();
    this.draw();
  }

  find(text: string): void {
    this.#filter = text === "" ? undefined : { kind: "text", is: text };
    this.#applyFilter();
  }

  /** The next of those that are not dimmed, or that have failed. */
  step(by: 1 | -1, isWanted: (task: number) => boolean): void {
    const { tasks } = this.group;
    const from = this.#chosenAt ?? (by > 0 ? -1 : tasks.length);
    for (let i = from + by; i >= 0 && i < tasks.length; i += by) {
      if (tasks.isLit.at[i] === 1 && isWanted(i)) {
        return this.chooseTask(i, true);
      }
    }
    this.say("There are no more.");
  }

  stepFailure(by: 1 | -1): void {
    const { outcome } = this.group.tasks;
    this.step(
      by,
      (i) => outcome.at[i] === RETRIED || outcome.at[i] === REJECTED,
    );
  }

  stepInLane(by: 1 | -1): void {
    const lane = this.group.tasks.lanes[this.#lane];
    if (lane === undefined) return;
    const { tasks } = lane;
    const middle = this.#origin + this.view.from;
    let at = this.#chosenAt === undefined
      ? -1
      : tasks.at.subarray(0, tasks.length).indexOf(this.#chosenAt);
    at = at < 0 ? lane.firstAfter(middle) : at + by;
    if (at >= 0 && at < tasks.length) this.chooseTask(tasks.at[at], true);
  }

  stepLane(by: 1 | -1): void {
    const { lanes } = this.group.tasks;
    this.#lane = Math.min(Math.max(0, this.#lane + by), lanes.length - 1);
    this.#showLane();
    this.chooseTask(undefined);
    const lane = lanes[this.#lane];
    if (lane) {
      this.say(`Worker ${lane.id}, ${count(lane.tasks.length)} attempts`);
    }
  }

  /** Chooses an attempt; of undefined: none. */
  chooseTask(task: number | undefined, isRevealed = false): void {
    const { tasks } = this.group;
    this.#chosenAt = task;
    this.#chosen = task === undefined ? undefined : {
      task: tasks.task.at[task]!,
      attempt: tasks.attempt.at[task]!,
      start: tasks.start.at[task]!,
    };
    if (task !== undefined) {
      this.#lane = tasks.lanes.indexOf(tasks.laneOf(task));
      if (isRevealed) {
        this.#showLane();
        const start = tasks.start.at[task]! - this.#origin;
        const end = tasks.end.at[task]! - this.#origin;
        if (end < this.view.from || start > this.view.to) {
          const span = Math.max(this.view.span, (end - start) * 1.5);
          this.view.show((start + end - span) / 2, (start + end + span) / 2);
        }
      }
      this.say(sentenceOf(this.group, task, this.#origin));
    }
    this.#showDetails();
    this.#moved();
  }

  zoomToChosen(): void {
    const { start, end } = this.group.tasks;
    if (this.#chosenAt === undefined) return;
    const from = start.at[this.#chosenAt]! - this.#origin;
    const to = end.at[this.#chosenAt]! - this.#origin;
    const around = Math.max(2, to - from);
    this.view.isFollowing = false;
    this.view.show(from - around, to + around);
    this.#moved();
  }

  say(text: string): void {
    byId("said").textContent = text;
  }

  fit(): void {
    this.view.isFollowing = false;
    this.view.fit();
    this.#moved();
  }

  showEdge(edge: "start" | "end"): void {
    const { view } = this;
    view.pan(edge === "start" ? -view.length : view.length);
    this.#moved();
  }

  follow(isFollowing: boolean): void {
    const { view } = this;
    view.isFollowing = isFollowing;
    if (isFollowing) {
      view.show(view.length - Math.min(view.span, 10e6), view.length);
    }
    this.#moved();
  }

  // Moves:

  panBy(share: number): void {
    if (share !== 0 && !this.view.isAll) this.view.isFollowing = false;
    this.view.pan(share * this.view.span);
    this.#moved();
  }

  scrollBy(pixels: number): void {
    this.#box.scrollTop += pixels;
  }

  zoom(factor: number, share: number): void {
    this.view.zoom(factor, this.view.isFollowing ? 1 : share);
    this.#moved();
  }

  showStretch(from: number, to: number): void {
    const { view } = this;
    view.isFollowing = false;
    view.show(view.from + from * view.span, view.from + to * view.span);
    this.#moved();
  }

  center(share: number): void {
    const { view } = this;
    view.isFollowing = false;
    const middle = share * view.length;
    // Of all there is no part to be moved: a twentieth of it is a beginning.
    const span = view.isAll ? view.length / 20 : view.span;
    view.show(middle - span / 2, middle + span / 2);
    this.#moved();
  }

  pointAt(
    place: { share: number; y: number; isLanes: boolean } | undefined,
  ): void {
    const isIn = place !== undefined && place.share >= 0 && place.share <= 1;
    this.#pointer = isIn
      ? { ...place, time: this.view.from + place.share * this.view.span }
      : undefined;
    this.#hover();
    this.draw();
  }

  choose(share: number, y: number, isTwice: boolean): void {
    this.#lane = Math.floor((y + this.#box.scrollTop) / this.#row);
    const task = this.#taskAt(share, y);
    this.chooseTask(task);
    if (!isTwice) return;
    if (task === undefined) this.zoom(0.4, share);
    else this.zoomToChosen();
  }

  // What follows from them:

  #moved(): void {
    byId("follow").setAttribute("aria-pressed", String(this.view.isFollowing));
    this.draw();
    this.#showTablesIn(PATIENCE.moved);
  }

  /** Finds what is below the pointer, and tells it. */
  #hover(): void {
    const pointer = this.#pointer;
    const share = pointer && (pointer.time - this.view.from) / this.view.span;
    this.#hovered = pointer?.isLanes
      ? this.#taskAt(share!, pointer.y)
      : undefined;
    const { left, top } = this.lanes.canvas.getBoundingClientRect();
    showTip(this.group, this.#hovered, this.trace?.start ?? 0, {
      x: left + LEFT + (share ?? 0) * this.lanes.plot,
      y: top + (pointer?.y ?? 0),
    });
  }

  #taskAt(share: number, y: number): number | undefined {
    const { tasks } = this.group;
    const lane = tasks.lanes[Math.floor((y + this.#box.scrollTop) / this.#row)];
    if (lane === undefined) return undefined;
    const time = this.#origin + this.view.from + share * this.view.span;
    return tasks.find(lane, time, 4 * this.view.span / this.lanes.plot);
  }

  #findChosen(): number | undefined {
    const { task, attempt, start } = this.#chosen!;
    const { tasks } = this.group;
    for (let i = tasks.length - 1; i >= 0; i--) {
      if (tasks.start.at[i] === start && tasks.task.at[i] === task) {
        return tasks.attempt.at[i] === attempt ? i : undefined;
      }
    }
    return undefined;
  }

  /** The keys that take the most of the workers' time have hues of their own. */
  #huesOf(): Uint8Array<ArrayBuffer> {
    const { keys, key, start, end } = this.group.tasks;
    const times = new Float64Array(keys.texts.length);
    for (let i = 0; i < key.length; i++) {
      times[key.at[i]!]! += end.at[i]! - start.at[i]!;
    }
    const hues = new Uint8Array(times.length).fill(HUES);
    [...times.keys()].slice(1).sort((a, b) => times[b]! - times[a]!)
      .slice(0, HUES).forEach((number, hue) => hues[number] = hue);
    return hues;
  }

  #toggleFilter(kind: "key" | "error", is: number): void {
    const isOn = this.#filter?.kind === kind && this.#filter.is === is;
    this.#filter = isOn ? undefined : { kind, is };
    byId<HTMLInputElement>("search").value = "";
    this.#applyFilter();
    this.#showTables();
  }

  #applyFilter(): void {
    const { tasks } = this.group;
    const found = tasks.filter(this.#takes());
    if (this.#filter !== undefined) this.say(`${count(found)} attempts`);
    byId("search").title = this.#filter ? `${count(found)} attempts` : "";
    this.#version++;
    this.draw();
  }

  #takes(): ((task: number) => boolean) | undefined {
    const { tasks: { key, error, keys, errors, names } } = this.group;
    if (this.#filter === undefined) return undefined;
    const { kind, is } = this.#filter;
    if (kind === "key") return (i) => key.at[i] === is;
    if (kind === "error") return (i) => error.at[i] === is;
    const text = String(is).toLowerCase();
    const has = (name: string) => name.toLowerCase().includes(text);
    const keysHave = keys.texts.map(has);
    const errorsHave = errors.texts.map(has);
    return (i) =>
      has(names[i]!) || keysHave[key.at[i]!]! || errorsHave[error.at[i]!]!;
  }

  #showLane(): void {
    const top = this.#lane * this.#row;
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    const bottom = top + this.#row;
    if (bottom > scrollTop + clientHeight) {
      this.#box.scrollTop = bottom - clientHeight;
    }
  }

  #showDetails(): void {
    showDetails(
      this.group,
      this.#chosenAt,
      this.trace?.start ?? 0,
      (task) => this.chooseTask(task, true),
    );
  }

  /** Once the hand is still; but of a feed, now and then all the same. */
  #showTablesIn(wait: number, isLive = false): void {
    if (isLive && this.#tablesTimer !== undefined) return;
    clearTimeout(this.#tablesTimer);
    this.#tablesTimer = setTimeout(() => {
      this.#tablesTimer = undefined;
      this.#showTables();
    }, wait);
  }

  #showTables(): void {
    const { view, group } = this;
    const from = view.isAll ? -1 : view.from;
    const to = Math.min(view.to, view.length);
    const summary = summarize(group, this.#origin + from, this.#origin + to);
    const step = stepOf(view.span, 10);
    const title = view.isAll
      ? "of the whole trace"
      : `of what ended from ${clock(view.from, step)} to ${
        clock(view.to, step)
      }`;
    this.#tables.show(group, summary, title);
    this.#showDetails();
  }

  // Drawing:

  #drawNow(): void {
    this.#layOut();
    const { view, group } = this;
    const scene: Scene = {
      group,
      view,
      origin: this.#origin,
      theme: this.#theme,
      pointer: this.#pointer?.time,
    };
    if (this.#overview.begin()) paintOverview(this.#overview, scene);
    if (this.#ruler.begin()) {
      paintRuler(this.#ruler, scene);
      paintWaits(this.#ruler, scene);
      paintFlags(this.#ruler, scene);
    }
    this.#drawLanes(scene);
    for (const { title, surface, draw, legend } of this.charts) {
      if (!surface.begin()) continue;
      const entries = draw(surface, scene);
      paintMarks(surface, scene);
      if (showLegend(legend, entries)) describe(surface.canvas, title, entries);
    }
  }

  /** Gives the lanes as much height as there is, and no more than they need. */
  #layOut(): void {
    const lanes = Math.max(1, this.group.tasks.lanes.length);
    const { clientWidth, clientHeight } = document.documentElement;
    const laidOut = [lanes, clientWidth, clientHeight].join();
    if (laidOut === this.#laidOut) return;
    this.#laidOut = laidOut;
    const isWide = matchMedia("(min-width: 1080px)").matches;
    const { style } = this.#box;
    style.height = `${isWide ? lanes * ROW.most : MOST_HEIGHT}px`;
    const row = Math.floor(this.#box.clientHeight / lanes);
    this.#row = Math.min(ROW.most, Math.max(ROW.least, row));
    const all = lanes * this.#row;
    const shown = Math.min(this.#box.clientHeight, all);
    style.height = `${shown}px`;
    this.lanes.canvas.style.height = `${shown}px`;
    byId("lanes-length").style.height = `${all - shown}px`;
  }

  #drawLanes(scene: Scene): void {
    const { tasks } = this.group;
    this.#painter.paint({
      tasks,
      origin: this.#origin,
      view: this.view,
      row: this.#row,
      scroll: this.#box.scrollTop,
      isByKey: this.#isByKey,
      hues: this.#hues,
      version: this.#version,
    }, this.#theme);
    if (this.#chosenAt !== undefined) this.#outline(this.#chosenAt, "ink");
    if (this.#hovered !== undefined) this.#outline(this.#hovered, "soft");
    paintMarks(this.lanes, scene, false);
    showLegend(
      byId("lanes-legend"),
      this.#isByKey ? this.#keyLegend() : [
        { name: "fulfilled", color: "fulfilled" },
        { name: "failed, tried again", color: "retried" },
        { name: "rejected", color: "rejected" },
        ...this.group.counters.has("waits")
          ? [{ name: "above: waits for the governor", color: "retried" }]
          : [],
      ],
    );
  }

  #keyLegend(): Entry[] {
    const { texts } = this.group.tasks.keys;
    return [...this.#hues.keys()]
      .filter((number) => this.#hues[number]! < HUES)
      .sort((a, b) => this.#hues[a]! - this.#hues[b]!)
      .map((number) => ({
        name: texts[number]!,
        color: `hue${this.#hues[number]}`,
      }));
  }

  /** A frame around an attempt, and lines to the task's others. */
  #outline(task: number, color: string): void {
    const { tasks } = this.group;
    const { ctx } = this.lanes;
    const place = (i: number) => {
      const lane = tasks.lanes.indexOf(tasks.laneOf(i));
      const left = this.lanes.x(tasks.start.at[i]! - this.#origin, this.view);
      const right = this.lanes.x(tasks.end.at[i]! - this.#origin, this.view);
      return { left, right, top: lane * this.#row - this.#box.scrollTop };
    };
    const { left, right, top } = place(task);
    ctx.save();
    ctx.beginPath();
    ctx.rect(LEFT, 0, this.lanes.plot, this.lanes.height);
    ctx.clip();
    ctx.strokeStyle = this.#theme.get(color);
    ctx.lineWidth = 2;
    const width = Math.max(2, right - left);
    ctx.strokeRect(left - 1, top, width + 1, this.#row - 1);
    if (task === this.#chosenAt) {
      ctx.lineWidth = 1.5;
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      tasks.attemptsOf(task).map(place).forEach((next, n, all) => {
        if (n === 0) return;
        const middle = this.#row / 2;
        ctx.moveTo(all[n - 1]!.right, all[n - 1]!.top + middle);
        ctx.lineTo(next.left, next.top + middle);
      });
      ctx.stroke();
    }
    ctx.restore();
  }

  /** How long the trace is, and what is in it. */
  get about(): string {
    const { tasks } = this.group;
    const length = ms(this.view.length / 1000);
    return `${length} · ${count(tasks.length)} attempts · ${
      count(tasks.lanes.length)
    } workers`;
  }
}

/** For those that hear it: what a chart shows, in words. */
function describe(canvas: Element, title: string, entries: Entry[]): void {
  const said = entries.map(({ name, value }) =>
    `${name} ${value ?? ""}`.trim()
  );
  canvas.setAttribute("aria-label", `${title}: ${said.join(", ")}`);
}

/** Returns whether it is another one now. */
function showLegend(parent: HTMLElement, entries: Entry[]): boolean {
  const text = JSON.stringify(entries);
  if (parent.dataset["is"] === text) return false;
  parent.dataset["is"] = text;
  fill(
    parent,
    ...entries.map(({ name, color, value }) =>
      make(
        "span",
        {},
        swatch(color),
        name,
        value === undefined ? undefined : make("b", {}, value),
      )
    ),
  );
  return true;
}
