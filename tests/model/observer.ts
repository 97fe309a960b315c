// deno-coverage-ignore-file

/**
 * An observer that believes nothing: it plays the steps that it hears once more, by the
 * machine that is documented, and counts what they lead to.
 *
 * @module
 */

import type {
  CoGroup,
  CoGroupStats,
  Observer,
  Step,
  TaskStep,
} from "../../mod.ts";
// Not the room's mod.ts: that would bind time before the clock is installed.
import { Recorder } from "../../src/trace/recorder.ts";
import { checkFormat } from "../support/trace_format.ts";
import { must } from "./jobs.ts";

type State = "queued" | "running" | "delayed" | "lent";

/** Which state each step is made from; to which one it leads. */
const machine: Record<
  TaskStep["type"],
  { from: readonly (State | "none")[]; to: State | "same" | "gone" }
> = {
  accepted: { from: ["none"], to: "queued" },
  started: { from: ["queued"], to: "running" },
  overdue: { from: ["running", "lent"], to: "same" },
  lent: { from: ["running"], to: "lent" },
  back: { from: ["lent"], to: "running" },
  delayed: { from: ["running", "lent"], to: "delayed" },
  due: { from: ["delayed"], to: "queued" },
  fulfilled: { from: ["running", "lent"], to: "gone" },
  rejected: { from: ["running", "lent", "delayed"], to: "gone" },
  abandoned: { from: ["queued", "delayed"], to: "gone" },
};

interface Seen {
  readonly task: TaskStep["task"];
  state: State;
  attempt: number;
  workerId: number;
  since: number;
  isOverdue: boolean;
}

/** Of a group that has such a worker or none. */
export class Replayer implements Observer {
  readonly #guard: (check: () => void) => void;
  readonly #group: () => CoGroup | undefined;
  /** One that keeps all steps, most often, and one that keeps few. */
  readonly #recorders = [
    new Recorder({ steps: 500 }),
    new Recorder({ steps: 9 }),
  ];
  readonly #tasks = new Map<number, Seen>();
  readonly #workers = new Map<number, number>();
  #counts = zero();
  #last = 0;
  #time = -Infinity;
  #isWaiting = false;
  #waitsSince = 0;
  #isPaused: boolean;
  #isClosed = false;
  #isAborted = false;
  #concurrency: number;
  /** How many tasks may be in flight: after a shrink as many as were. */
  #most = 0;
  /** How many steps it has heard of. */
  steps = 0;

  constructor(
    options: { concurrency: number; paused: boolean },
    group: () => CoGroup | undefined,
    guard: (check: () => void) => void,
  ) {
    this.#concurrency = options.concurrency;
    this.#isPaused = options.paused;
    this.#group = group;
    this.#guard = guard;
  }

  onStep(step: Step): void {
    for (const recorder of this.#recorders) recorder.onStep(step);
    this.#guard(() => this.#take(step));
  }

  /** That the group is as the steps say. */
  check(
    stats: CoGroupStats,
    group: { concurrency: number; paused: boolean; closed: boolean },
  ): void {
    for (const [name, count] of Object.entries(stats)) {
      const heard = this.#counts[name as keyof CoGroupStats];
      must(
        heard === count,
        `the observer has heard of ${heard} ${name}, not ${count}`,
      );
    }
    must(this.#isPaused === group.paused, "the observer has missed a pause");
    must(
      (this.#isClosed || this.#isAborted) === group.closed,
      "the observer has missed an end of the intake",
    );
    must(
      this.#concurrency === group.concurrency,
      "the observer has missed a resize",
    );
  }

  checkEnd(): void {
    must(this.#tasks.size === 0, "the observer has missed ends of tasks");
    must(!this.#isWaiting, "the observer has missed the end of a wait");
    for (const recorder of this.#recorders) {
      checkFormat(recorder.toJSON().traceEvents);
    }
  }

  #take(step: Step): void {
    this.steps++;
    must(step.time >= this.#time, `${step.type}: time goes back`);
    this.#time = step.time;
    must(
      (this.steps === 1) === (step.type === "created"),
      `step ${this.steps} is ${step.type}`,
    );
    if ("task" in step) this.#takeTask(step);
    else this.#takeGroup(step);
    this.#checkOrder(step);
  }

  /** That the step is told when the group is in order. */
  #checkOrder(step: Step): void {
    const group = this.#group();
    if (group === undefined) return;
    const { stats, concurrency } = group;
    const what = `${step.type} is told in the middle of a change`;
    must(
      stats.accepted === stats.fulfilled + stats.rejected + stats.abandoned +
          stats.queued + stats.delayed + stats.lent + stats.inFlight,
      `law 1: ${what}`,
    );
    // Of those that one call abandons it hears one after the other.
    if (!["accepted", "abandoned", "aborted"].includes(step.type)) {
      for (const [name, n] of Object.entries(stats)) {
        const heard = this.#counts[name as keyof CoGroupStats];
        must(n === heard, `${what}: ${n} ${name}, and not ${heard}`);
      }
    }
    const wasShrunk = stats.inFlight <= this.#most;
    this.#most = Math.max(concurrency, stats.inFlight);
    must(stats.inFlight <= concurrency || wasShrunk, `law 2: ${what}`);
    const tasks = group.tasks();
    const { queued, delayed, inFlight: running, lent } = stats;
    for (
      const [state, n] of Object.entries({ queued, delayed, running, lent })
    ) {
      const seen = tasks.filter((task) => task.state === state).length;
      must(seen === n, `${what}: tasks() has ${seen} ${state}, not ${n}`);
    }
    if (!("task" in step) || step.task.id === undefined) return;
    const { id } = step.task;
    const { state } = this.#tasks.get(step.task.number) ?? {};
    must(
      state === undefined ||
        tasks.some((task) => task.id === id && task.state === state),
      `${what}: tasks() has no ${state} task ${String(id)}`,
    );
  }

  #takeTask(step: TaskStep): void {
    const { type, task } = step;
    const { from, to } = machine[type];
    const seen = this.#tasks.get(task.number);
    const what = `task ${task.number} ${type}`;
    must(
      from.includes(seen?.state ?? "none"),
      `${what}, and was ${seen?.state ?? "none"}`,
    );
    if (seen === undefined) {
      must(task.number === ++this.#last, `${what}: a number is left out`);
      must(step.elapsed === 0, `${what}: it is older than it is`);
      this.#counts.accepted++;
      this.#counts.queued++;
      this.#tasks.set(task.number, {
        task,
        state: "queued",
        attempt: 0,
        workerId: -1,
        since: step.time,
        isOverdue: false,
      });
      return;
    }
    must(seen.task === task, `${what}: it is another object`);
    must(
      step.elapsed === step.time - seen.since,
      `${what}: ${step.elapsed} ms is another time`,
    );
    this.#checkPlace(step, seen, what);
    if (to === "same") return;
    seen.since = step.time;
    this.#move(step, seen, to);
  }

  /** Which attempt it is, and in which worker. */
  #checkPlace(step: TaskStep, seen: Seen, what: string): void {
    if (step.type === "started") {
      // A message of `consume` begins with its delivery: the first may have any number.
      if (seen.attempt === 0) seen.attempt = step.attempt;
      else seen.attempt++;
      must(
        !this.#isAborted && !this.#isPaused,
        `${what} while the group is paused or aborted`,
      );
    }
    if (!("attempt" in step)) return;
    const isInNone = seen.state === "lent" ||
      step.type === "rejected" && seen.state === "delayed";
    must(step.attempt === seen.attempt, `${what}: attempt ${step.attempt}`);
    if (step.type === "started" || step.type === "back") {
      seen.workerId = step.workerId;
      must(step.workerId >= 0, `${what} in no worker`);
      must(!this.#workers.has(step.workerId), `${what}: the worker is busy`);
      this.#workers.set(step.workerId, step.task.number);
    } else if (isInNone) {
      must(step.workerId === -1, `${what} in a worker`);
    } else {
      must(step.workerId === seen.workerId, `${what}: in another worker`);
    }
    if (step.type === "overdue") {
      must(!seen.isOverdue, `${what} twice`);
      seen.isOverdue = true;
      this.#counts.overdue++;
    }
  }

  #move(step: TaskStep, seen: Seen, to: State | "gone"): void {
    const counts = this.#counts;
    counts[seen.state === "running" ? "inFlight" : seen.state]--;
    if (seen.state === "running") this.#workers.delete(seen.workerId);
    if ("attempt" in step && to !== "lent" && to !== "running") {
      if (seen.isOverdue) counts.overdue--;
      seen.isOverdue = false;
    }
    if (step.type === "delayed") counts.retried++;
    if (to === "gone") {
      counts[step.type as "fulfilled" | "rejected" | "abandoned"]++;
      this.#tasks.delete(seen.task.number);
    } else {
      counts[to === "running" ? "inFlight" : to]++;
      seen.state = to;
    }
  }

  #takeGroup(step: Exclude<Step, TaskStep>): void {
    switch (step.type) {
      case "created":
        must(this.#concurrency === step.concurrency, "created of other size");
        must(this.#isPaused === step.paused, "created in another state");
        break;
      case "paused":
      case "resumed":
        must(this.#isPaused !== (step.type === "paused"), `${step.type} twice`);
        this.#isPaused = step.type === "paused";
        break;
      case "closed":
        must(!this.#isClosed, "closed twice");
        this.#isClosed = true;
        break;
      case "aborted":
        must(!this.#isAborted, "aborted twice");
        this.#isAborted = true;
        break;
      case "resized":
        must(this.#concurrency !== step.concurrency, "resized to the same");
        this.#concurrency = step.concurrency;
        break;
      case "reset":
        must(this.#tasks.size === 0, "reset, and something is left");
        this.#isClosed = this.#isAborted = false;
        this.#counts = zero();
        break;
      case "waiting":
        must(!this.#isWaiting, "waiting twice");
        this.#isWaiting = true;
        this.#waitsSince = step.time;
        break;
      case "ready":
        must(this.#isWaiting, "ready without a wait");
        this.#isWaiting = false;
        must(
          step.elapsed === step.time - this.#waitsSince,
          "ready after another time",
        );
    }
  }
}

function zero(): CoGroupStats {
  return {
    accepted: 0,
    queued: 0,
    delayed: 0,
    inFlight: 0,
    lent: 0,
    overdue: 0,
    fulfilled: 0,
    rejected: 0,
    abandoned: 0,
    retried: 0,
  };
}
