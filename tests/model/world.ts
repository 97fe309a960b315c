// deno-coverage-ignore-file

/**
 * What a program is played with: the group and its model, and everything that
 * was made for them.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type {
  CoGroup,
  CoGroupOptions,
  CoGroupStats,
  Semaphore,
  TaskContext,
  TaskOptions,
} from "../../mod.ts";
import { clock } from "./clock.ts";
import { govern, type Governed } from "./governors.ts";
import type { Way } from "./ways.ts";
import { Guest } from "./guest.ts";
import {
  type GroupSpec,
  type Program,
  type SignalName,
  type Step,
  usable,
} from "./program.ts";
import type { Job, Run } from "./jobs.ts";
import { Replayer } from "./observer.ts";
import { GroupModel } from "./reference.ts";
import { CountedSignal } from "./signals.ts";
import type { ProgramSource, Unanswered } from "./source.ts";
import type { Reader, StreamModel } from "./stream_reference.ts";

/** What the driver plays with. */
export interface Subject {
  readonly mod: typeof import("../../mod.ts");
  /** Whether nothing may start before the loop has turned. */
  readonly isBlocked: () => boolean;
}

/** An error of the program's own. */
export class Failure {
  readonly name = "Failure";
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

export interface Gate {
  job: Job;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

export interface Looker {
  job: Job;
  run: Run;
  signal: AbortSignal;
}

/** A running task, as one who has its context sees it. */
export interface Desk {
  job: Job;
  run: Run;
  ctx: TaskContext;
}

/** One wait for which a task has lent its worker. */
export interface Wait {
  readonly job: Job;
  readonly run: Run;
  isOver: boolean;
  /** As the last one of so many, which settles when the task goes on. */
  last: number | undefined;
  /** Whether the task was told. */
  isHeard: boolean;
  /** Ends it, if the program can. */
  open: ((isWell: boolean) => void) | undefined;
}

export interface Stream {
  model: StreamModel;
  source: ProgramSource;
  iterator: AsyncIterableIterator<unknown>;
  readers: { reader: Reader; isHeard: boolean }[];
}

export interface Waiter {
  kind: "wait" | "idle" | "reset";
  epoch: number;
  rests: number;
  signal: CountedSignal | undefined;
  isSettled: boolean;
}

export type Body = (ctx: TaskContext) => unknown;

/** Fractions of a millisecond by which timers are told apart. */
export const FRACTION: number = 1 / 8192;
export const GRACE: number = 8191 * FRACTION;
export const PROGRESS: number = 8190 * FRACTION;

/** Whether a timer is one of `progress`, also of one that began after half a millisecond of work. */
export function isProgress({ due }: { due: number }): boolean {
  return due % 0.5 === PROGRESS % 0.5;
}
/** A whole number is a time of the governor's. */
export const RETRY: number = 8189 * FRACTION;
export const SHUTDOWN: number = 8188 * FRACTION;
/** Enough for every program, and not too much for one that feeds itself. */
const MOST_NESTED = 20;

export const context: AsyncLocalStorage<string> = new AsyncLocalStorage<
  string
>();
export const HOME = "home";

/** Rejections that nobody handled, as the runtime tells of them. */
export const unhandled: unknown[] = [];

export abstract class World {
  readonly spec: GroupSpec;
  readonly program: Program;
  readonly group: CoGroup;
  readonly model: GroupModel;
  readonly governed: Governed | undefined;
  /** The group's way to its governor. */
  readonly way: Way | undefined;
  readonly guest: Guest | undefined;
  /** Hears of the group's steps, if the program says so. */
  readonly replayer: Replayer;
  readonly subject: Subject;
  readonly signals: Record<SignalName, CountedSignal>;
  readonly own: Map<Job, CountedSignal> = new Map();
  readonly jobs: Job[] = [];
  readonly tasks: Map<unknown, Job> = new Map();
  readonly options: Map<Job, TaskOptions | undefined> = new Map();
  readonly gates: Gate[] = [];
  lookers: Looker[] = [];
  /** Those that run, and can lend their workers. */
  desks: Desk[] = [];
  waits: Wait[] = [];
  /** What the last `go` gave. */
  lastGo: Promise<unknown> | undefined = undefined;
  /** The semaphores of the keys. */
  readonly semaphores: Semaphore[] = [];
  readonly streams: Stream[] = [];
  readonly sources: ProgramSource[] = [];
  readonly unanswered: Set<Unanswered> = new Set();
  readonly waiters: Waiter[] = [];
  readonly promised: { job: Job; isHeard: boolean }[] = [];
  readonly unread: Job[] = [];
  violation: unknown = undefined;
  /** How deep in calls of the group the program is. */
  depth = 0;
  nested = 0;
  epoch = 0;
  isResetting = false;
  lastAbandoned = 0;
  prints = 0;
  /** How many tasks the queue has told of that it drops. */
  drops = 0;
  feeds = 0;
  watchers = 0;
  /** Work that was done since the loop has turned. */
  worked = 0;
  /** What feeds do that may wait for the loop to turn. */
  afterTurn: (() => void)[] = [];
  last: Job | undefined = undefined;
  steps = 0;
  /** How many errors have to be printed. */
  printsDue = 0;
  /** Those that may wait for the answer of a source: whether that ends now. */
  readonly patient: ((due: number) => boolean)[] = [];
  /** What has to hold at the very end. */
  readonly endings: (() => void)[] = [];

  constructor(program: Program, subject: Subject) {
    this.program = program;
    this.subject = subject;
    const spec = this.spec = program.group;
    const upstream = new CountedSignal("upstream");
    this.signals = {
      own: upstream, // Never used: each task has one of its own.
      a: new CountedSignal("a"),
      b: new CountedSignal("b"),
      upstream,
    };
    if (spec.upstream === "aborted") upstream.mark(new Failure("upstream"));
    this.model = new GroupModel({
      concurrency: spec.concurrency,
      queue: usable(spec.queue),
      paused: spec.paused,
      grace: spec.grace === 0 ? 0 : spec.grace + GRACE,
      upstream: spec.upstream === "none" ? undefined : upstream,
      now: () => clock.now,
      known: () => clock.known,
      isLax: spec.feeds === "many",
      isGoverned: spec.governor.type !== "none",
    });
    const { mod } = subject;
    const host = {
      guard: this.guard,
      look: () => this.lookAtWays(),
      isHome: () => context.getStore() === HOME,
      nest: () => this.nest(spec.governed),
    };
    const { governor } = spec;
    const governed = this.governed = govern(mod, governor);
    this.way = governed?.way(host, () => this.#held);
    this.replayer = new Replayer(
      spec,
      () => this.group as CoGroup | undefined,
      this.guard,
    );
    this.group = context.run(HOME, () => new mod.CoGroup(this.groupOptions()));
    const { closing } = spec;
    if (closing !== undefined) {
      const onClosing = () => this.nest(closing);
      this.group.closing.addEventListener("abort", onClosing);
    }
    this.guest = governor.type !== "none" && governor.isShared
      ? context.run(HOME, () => new Guest(mod, governed!, host))
      : undefined;
  }

  /** Undefined while the group is made: it may be aborted then. */
  get stats(): CoGroupStats | undefined {
    return (this.group as CoGroup | undefined)?.stats;
  }

  protected abstract groupOptions(): CoGroupOptions;
  protected abstract act(step: Step): void;

  readonly guard = (check: () => void): void => {
    if (this.violation !== undefined) return;
    try {
      check();
    } catch (error) {
      this.violation = error;
    }
  };

  /** What the tasks weigh that have a permit. */
  get #held(): number {
    let held = 0;
    for (const { weight } of this.model.running) held += weight;
    for (const { weight } of this.model.lent) held += weight;
    return held;
  }

  sync(): void {
    const { accepted, lent } = this.group.stats;
    this.model.sync(accepted);
    this.model.followLoans(lent);
    this.lookAtWays();
  }

  /** A group that can't go on for a moment may have to get in line once more. */
  lookAtWays(): void {
    if (this.way === undefined) return;
    const isBlocked = this.subject.isBlocked();
    if (isBlocked || this.model.next === undefined) this.way.lapses();
    this.guest?.look(isBlocked);
  }

  /** Calls the group, in an async context of the call's own. */
  call<T>(name: string, call: () => T): T {
    this.depth++;
    try {
      return context.run(name, call);
    } finally {
      this.depth--;
    }
  }

  nest(step: Step | undefined): void {
    if (step === undefined || ++this.nested > MOST_NESTED) return;
    if (this.violation === undefined) this.guard(() => this.act(step));
  }
}

export function microtasks(n: number, then: () => void): void {
  if (n <= 0) then();
  else queueMicrotask(() => microtasks(n - 1, then));
}

export function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % from.length];
}

export function describe(value: unknown): string {
  if (value instanceof Failure) return value.what;
  if (value instanceof Error) return String(value);
  if (typeof value === "object") {
    // The items of a stream are jobs here, which know their stream.
    return JSON.stringify(value, (key, v) => key === "item" ? undefined : v);
  }
  return String(value);
}
