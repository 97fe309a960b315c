// deno-coverage-ignore-file

/**
 * Programs: what a group is made with, and what is done to it. They are plain
 * data, so that they can be printed, cut down and played again.
 *
 * @module
 */

/** Which signal a task has. */
export type SignalName = "own" | "a" | "b" | "upstream";

/** How a task is tried again, and what the user's functions do. */
export interface RetrySpec {
  maxAttempts: number;
  ms: number;
  ask?: "yes" | "no" | "throws";
  tell?: "number" | "undefined" | "bad" | "throws";
  /** What is done in them. */
  nested?: Step;
}

/** How a task lends its worker. */
export interface LendSpec {
  /**
   * What it waits for: until the program says so, so many microtasks, a call of `go` of
   * its own, or nothing, for that throws.
   */
  until: "gate" | "go" | "throws" | number;
  /** What the call of `go` brings. */
  task?: TaskSpec;
  /** What is done in the wait, first. */
  nested?: Step;
}

/** What a task does. */
export interface TaskSpec {
  /** When it ends: when the program says so, in its call, or so many microtasks later. */
  ends: "gate" | "now" | number;
  /** How many attempts fail. */
  fails: number;
  /** Whether it looks at `ctx.signal`, and ends when that speaks. */
  signal?: SignalName;
  looks?: "once" | "obeys";
  timeout?: number;
  retry?: RetrySpec;
  key?: number;
  priority?: number;
  weight?: number;
  /** What it is known by; several may have the same. */
  id?: number;
  /** How it lends its worker before it does anything else. */
  lends?: LendSpec;
  /** Milliseconds of plain work. */
  work?: number;
  /** What is done in it, first. */
  nested?: Step;
}

/** Where the tasks of `insertAll`, or the items of a map, come from. */
export interface SourceSpec {
  /** Values at hand, promises of them, or an async iterable. */
  kind: "sync" | "promises" | "async";
  items: number;
  /** How it ends. */
  end: "done" | "fails";
  /** Whether it closes badly. */
  closes: "well" | "throws" | "never" | "none";
  nested?: Step;
}

/** One step. `which` picks one of those there are. */
export type Step =
  | {
    op: "add" | "tryInsert" | "insert" | "go";
    task: TaskSpec;
    unread?: boolean;
  }
  | { op: "insertAll"; source: SourceSpec; task: TaskSpec }
  | {
    op: "map" | "mapSettled";
    source: SourceSpec;
    task: TaskSpec;
    ordered: boolean;
    ahead: number;
    reads: number;
  }
  | { op: "read" | "break" | "throw"; which: number }
  | { op: "answer"; which: number; well: boolean }
  | { op: "end"; which: number; well: boolean }
  | { op: "look" | "withdraw"; which: number }
  | { op: "signal"; name: SignalName }
  | { op: "lend"; which: number; loan: LendSpec }
  | { op: "back"; which: number; well: boolean }
  | { op: "withdrawId"; id: number; hasReason: boolean }
  | { op: "setPriority"; id: number; priority: number }
  | { op: "shutdown"; ms: number }
  | { op: "resize"; n: number }
  | {
    op:
      | "abort"
      | "close"
      | "pause"
      | "resume"
      | "clear"
      | "reset"
      | "wait"
      | "idle"
      | "progress"
      | "settle"
      | "turn";
  }
  | { op: "limit"; n: number }
  | { op: "pauseFor"; ms: number }
  | {
    op: "guest";
    does: "add" | "end" | "pause" | "abort";
    which: number;
    /** Milliseconds of plain work of the task that is added. */
    work?: number;
  }
  | { op: "waitFor"; name: "a" | "b" }
  | { op: "microtasks"; n: number }
  | { op: "tick"; ms: number };

/** A queue, and how many there is room for. */
export interface QueueSpec {
  order: "fifo" | "priority" | "keyed" | "sliding" | "dropping";
  capacity: number;
  /** How many tasks of one key may run. */
  perKey: number;
  /** The governors of the keys, if they have any. */
  keys?: {
    limit: number;
    way: "own" | "foreign";
    /** Whether all keys have the same one. */
    isShared: boolean;
  };
  /** Whether it is a checked one. */
  isChecked?: boolean;
}

/** How a group has its governor. */
export interface WaySpec {
  /** As it is; or behind one that looks on, which is a foreign one to the group. */
  way: "own" | "watched";
  /** With another group beside it, which has the same one. */
  isShared: boolean;
}

/** A governor. */
export type GovernorSpec =
  | { type: "none" }
  | WaySpec & { type: "semaphore"; limit: number }
  /** Two semaphores at once; a guest has only the first of them. */
  | WaySpec & { type: "all"; limit: number; other: number }
  | WaySpec & {
    type: "rate";
    limit: number;
    interval: number;
    burst: number;
    /** Whether its clock knows of the work that is done; where it does, the pace is not looked at. */
    knowsWork: boolean;
  }
  | WaySpec & { type: "adaptive"; min: number; max: number; initial: number };

/** What a group is made with. */
export interface GroupSpec {
  concurrency: number;
  queue: QueueSpec;
  governor: GovernorSpec;
  /** What is done in calls of the governor. */
  governed?: Step;
  paused: boolean;
  /** Whether an observer hears of its steps, which makes every task one that is not plain. */
  isObserved: boolean;
  grace: number;
  upstream: "none" | "live" | "aborted";
  slice: number;
  worker: "none" | "passes" | "throws";
  timeout?: number;
  retry?: RetrySpec;
  /** What is done when `closing` speaks. */
  closing?: Step;
  /** What is done in `onError`; whether it throws. */
  nested?: Step;
  onError: "hears" | "throws" | "rejects";
  /**
   * How many `insertAll` there may be at once. Which of two that look for room
   * in the same microtask is first can't be seen, so with many of them nobody
   * looks at the order.
   */
  feeds: "one" | "many";
  /** How it ends. */
  finish: "wait" | "abort" | "reset";
}

/** A program. */
export interface Program {
  group: GroupSpec;
  steps: Step[];
}

/** The program, a line a step. */
export function show({ group, steps }: Program): string {
  const line = (value: unknown) =>
    JSON.stringify(
      value,
      (_, value) => value === Infinity ? "Infinity" : value,
    );
  return [`new CoGroup(${line(group)})`, ...steps.map(line)].join("\n  ");
}

/** The same, if it can be made: one that evicts has room for one at least. */
export function usable(queue: QueueSpec): QueueSpec {
  return queue.order === "sliding"
    ? { ...queue, capacity: Math.max(1, queue.capacity) }
    : queue;
}
