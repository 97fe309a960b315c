// deno-coverage-ignore-file

/**
 * How tasks come into a group, and which one is next; see `reference.ts`.
 *
 * @module
 */

import {
  type FeedModel,
  type Job,
  must,
  type Place,
  type Reason,
  type SignalState,
} from "./jobs.ts";
import type { QueueSpec } from "./program.ts";
import type { Queued, QueueModel } from "./queue_reference.ts";
import { queueModel } from "./queues.ts";

/** What a model is made of. */
export interface ModelOptions {
  concurrency: number;
  queue: QueueSpec;
  paused: boolean;
  grace: number;
  upstream: SignalState | undefined;
  /** The time by which timers go off. */
  now: () => number;
  /** The time by which delayed tasks are due: plain work may count. */
  known: () => number;
  /** Whether to overlook in which order tasks come to their places. */
  isLax: boolean;
  /** Whether somebody else has a say in when a task starts. */
  isGoverned: boolean;
}

export abstract class BacklogModel {
  readonly queue: QueueModel<Job>;
  readonly capacity: number;
  readonly isLax: boolean;
  limit: number;
  paused: boolean;
  closed = false;
  aborted: Reason | undefined = undefined;
  line: Place[] = [];
  /** Places that are held. */
  reserved = 0;
  delayed: Job[] = [];
  readonly running: Set<Job> = new Set();
  /** Those that have started, and lent their workers. */
  readonly lent: Set<Job> = new Set();
  accepted = 0;
  readonly feeds: Set<FeedModel> = new Set();
  /** Those that may have been next before the last ones were let in. */
  candidates: Set<Job> = new Set();
  /** How many have come into the line. */
  joins = 0;
  /** How many the queue has dropped. */
  drops = 0;

  constructor(options: ModelOptions) {
    this.limit = options.concurrency;
    this.capacity = options.queue.capacity;
    this.queue = queueModel(options.queue);
    this.paused = options.paused;
    this.isLax = options.isLax;
  }

  /** The queue has no room for it any more; it may be gone already. */
  protected abstract evict(job: Job): void;

  get isClosed(): boolean {
    return this.closed || this.aborted !== undefined;
  }

  get size(): number {
    let size = 0;
    for (const place of this.line) if (place.isIn) size++;
    return size;
  }

  get idle(): number {
    return this.paused ? 0 : Math.max(0, this.limit - this.running.size);
  }

  get isAtRest(): boolean {
    return this.started === 0 && this.size === 0 && this.delayed.length === 0;
  }

  /** How many have started and not ended. */
  get started(): number {
    return this.running.size + this.lent.size;
  }

  /** Whether somebody looks for room, and nobody knows whether it has looked. */
  get isLooking(): boolean {
    for (const { state } of this.feeds) if (state === "looking") return true;
    return false;
  }

  /** Whether there is room, and nobody who waits for it. */
  get hasRoomNow(): boolean {
    return this.hasRoom() && this.line.every((place) => place.isIn);
  }

  /** Whether nobody waits for room, nor holds a place. */
  get isStrict(): boolean {
    return this.queue.whenFull !== "wait";
  }

  /** What the queue knows. */
  get queued(): Queued<Job> {
    return {
      jobs: this.line.filter(({ isIn }) => isIn).map(({ job }) => job!),
      begun: [...this.running, ...this.lent, ...this.delayed],
    };
  }

  /** Taken in, room or not; false if the queue refuses it. */
  keep(job: Job): boolean {
    if (this.isStrict && !job.isPartOfStream && !this.hasRoom()) {
      if (this.queue.whenFull === "refuse") {
        this.drops++;
        return false;
      }
      // First it is known who has to go: a stream that is told has more of it go.
      let more = -1;
      while (!this.hasRoom(more)) more--;
      for (const job of this.queued.jobs.slice(0, -more)) {
        this.drops++;
        this.evict(job);
      }
    }
    this.joins++;
    this.push(job);
    this.accept(job);
    return true;
  }

  /** To the end of the queue, where it is behind all, or behind who is in. */
  push(job: Job): void {
    const first = this.queue.keepsBehind
      ? -1
      : this.line.findIndex((place) => !place.isIn);
    const at = first < 0 ? this.line.length : first;
    this.line.splice(at, 0, { job, isIn: true });
  }

  /** What is queued, or has begun, has changed. */
  changed(): void {
    this.queue.changed(this.queued);
  }

  /** Whether there is room for one who does not wait. */
  offers(): "yes" | "no" | "either" {
    if (this.isStrict) return this.hasRoom() ? "yes" : "no";
    if (this.isLax) return "either";
    const waiting = this.line.filter((place) => !place.isIn);
    if (waiting.length === 0) {
      if (!this.hasRoom()) return "no";
      return [...this.feeds].some(({ lackedRoom }) => lackedRoom)
        ? "either"
        : "yes";
    }
    // Those who want a place held may have it already: nobody can see that.
    this.noteRoom();
    const areIn = waiting.every(({ feed }) => feed?.mayHold) &&
      this.hasRoom(waiting.length);
    return areIn ? "either" : "no";
  }

  wait(job: Job): void {
    job.state = "waiting";
    this.line.push({ job, isIn: false });
  }

  /** Lets in who waits and has room, as far as the group has accepted so many. */
  follow(accepted: number): void {
    this.noteRoom();
    this.candidates = new Set();
    this.queue.looks(true);
    while (this.accepted < accepted) {
      for (const job of this.queue.next(this.queued)) this.candidates.add(job);
      const first = this.line.find((place) => !place.isIn);
      if (first === undefined || !this.mayEnter(first)) break;
      this.admit(first);
      this.noteRoom();
    }
    this.queue.looks(false);
  }

  /** The group says that it has accepted so many. */
  sync(accepted: number): void {
    this.follow(accepted);
    const first = this.line.find((place) => !place.isIn);
    must(
      this.accepted >= accepted || first === undefined,
      `law 4: ${first && this.name(first)} was let in without room`,
    );
    must(
      this.accepted === accepted,
      `law 1: ${this.accepted} tasks were accepted, the group knows of ${accepted}`,
    );
  }

  /** A feed is about to look for room. */
  feedBegins(feed: FeedModel): void {
    feed.hadRoom = this.hasRoomNow;
    feed.lackedRoom = !feed.hadRoom;
  }

  /** A feed looks for room for its next task. */
  feedLooks(feed: FeedModel): void {
    if (this.isClosed) feed.state = "over";
    if (feed.state === "over") return;
    const waits = this.line.some((place) => !place.isIn);
    if (this.isStrict) feed.state = "holding";
    else if (!waits && this.hasRoom()) {
      this.reserved++;
      feed.state = "holding";
    } else {
      this.line.push({ feed, isIn: false });
      feed.state = "waiting";
      feed.mayHold = feed.hadRoom;
    }
  }

  /** A feed asks its source. */
  feedPulls(feed: FeedModel): void {
    this.noteRoom();
    while (feed.state === "waiting") {
      const first = this.line.find((place) =>
        this.isLax ? place.feed === feed : !place.isIn
      );
      must(
        first?.feed !== undefined && this.mayEnter(first),
        `law 4: insertAll ${feed.id} pulled before it had room`,
      );
      this.admit(first);
    }
    must(feed.state === "holding", "insertAll pulled without a place");
    feed.lackedRoom = false;
  }

  /** The task of a feed comes to the place that is held for it. */
  fill(feed: FeedModel, job: Job): void {
    if (this.isStrict) {
      if (this.keep(job)) feed.accepted++;
      return;
    }
    this.reserved--;
    this.joins++;
    feed.accepted++;
    this.noteRoom();
    const first = this.line.findIndex((place) => !place.isIn);
    const at = first < 0 ? this.line.length : first;
    // If those behind it hold their places, others were let past them.
    for (const place of this.line.slice(at)) {
      if (place.isIn) job.mayFollow.add(place.job!);
      else if (!place.feed?.mayHold) break;
    }
    this.line.splice(at, 0, { job, isIn: true });
    this.accept(job);
  }

  vacate(): void {
    if (!this.isStrict) this.reserved--;
  }

  /** Who waits and has room may be in from now on, or hold a place. */
  noteRoom(): void {
    if (this.isLooking) {
      const has = this.hasRoomNow;
      for (const feed of this.feeds) {
        if (has) feed.hadRoom = true;
        else if (feed.state === "looking") feed.lackedRoom = true;
      }
    }
    const kept = this.size > 0;
    let isFirst = this.idle > 0;
    let more = 0;
    for (const place of this.line) {
      if (place.isIn) isFirst = false;
      else {
        // A worker that finds the queue empty takes from who waits.
        const isTaken = isFirst &&
          (kept || (more === 0 && this.reserved === 0));
        const { feed, hadRoom = feed?.mayHold } = place;
        if (!hadRoom && !isTaken && !this.hasRoom(more)) return;
        if (feed === undefined) place.hadRoom = true;
        else feed.mayHold = true;
        more++;
      }
    }
  }

  mayEnter(first: Place): boolean {
    return this.isLax || this.isAdmissible() || first.hadRoom === true ||
      first.feed?.mayHold === true;
  }

  accept(job: Job): void {
    this.accepted++;
    job.state = "queued";
    this.changed();
  }

  hasRoom(more = 0): boolean {
    return this.size + this.reserved + more < this.capacity + this.idle;
  }

  /** Whether the first of those who wait may be let in. */
  isAdmissible(): boolean {
    const first = this.line.findIndex((place) => !place.isIn);
    if (first < 0) return false;
    if (this.hasRoom()) return true;
    // A worker that finds the queue empty takes from who waits.
    return this.idle > 0 && first === 0 &&
      (this.size > 0 || this.reserved === 0);
  }

  admit(place: Place): void {
    if (place.job !== undefined) {
      place.isIn = true;
      place.job.answer = true;
      this.accept(place.job);
    } else {
      this.line.splice(this.line.indexOf(place), 1);
      this.reserved++;
      place.feed!.state = "holding";
    }
  }

  /** The one that a free worker takes, of a queue that keeps all behind who waits. */
  head(): Place | undefined {
    const first = this.line[0];
    if (first === undefined || first.isIn) return first;
    if (this.size > 0) {
      return this.line.find(({ job }) => job !== undefined);
    }
    return this.reserved === 0 && first.job !== undefined ? first : undefined;
  }

  dismiss(): void {
    for (const { job, feed } of this.line.filter((place) => !place.isIn)) {
      if (job !== undefined) {
        job.state = "gone";
        job.answer = false;
      } else feed!.state = "over";
    }
    this.line = this.line.filter((place) => place.isIn);
  }

  name(place: Place): string {
    return place.job === undefined
      ? `insertAll ${place.feed!.id}`
      : `task ${place.job.id}`;
  }
}
