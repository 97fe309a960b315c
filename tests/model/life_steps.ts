// deno-coverage-ignore-file

/**
 * Steps that are the group's life: aborts, waits, what is taken back, resets.
 *
 * @module
 */

import type { QueuedTask, RateLimit, WaitOptions } from "../../mod.ts";
import { clock } from "./clock.ts";
import { RateModel } from "./governor_reference.ts";
import { isReason, type Job, must } from "./jobs.ts";
import type { Step } from "./program.ts";
import { isSame } from "./queue_reference.ts";
import type { CountedSignal } from "./signals.ts";
import { StreamSteps } from "./stream_steps.ts";
import { describe, Failure, PROGRESS, type Waiter } from "./world.ts";

/** The most that any task weighs. */
const HEAVIEST = 3;

export abstract class LifeSteps extends StreamSteps {
  /** The signals of all who run are looked at again. */
  look(): void {
    for (const { job, signal } of this.lookers) {
      must(signal instanceof AbortSignal, `task ${job.id} has no signal`);
    }
    this.checkSignal();
  }

  checkSignal(): void {
    if (this.depth > 0) return; // An abort may be half told.
    const { signal } = this.group;
    const { aborted } = this.model;
    must(
      signal.aborted === (aborted !== undefined) &&
        (aborted === undefined || isReason(aborted, signal.reason)),
      "the group's signal is not aborted as the group is",
    );
  }

  abort(signal: CountedSignal): void {
    if (signal.aborted) return;
    const reason = new Failure(`signal ${signal.name}`);
    signal.mark(reason);
    // A group that is done has left its signal; when, it may choose.
    const isDone = this.model.closed && this.model.isAtRest;
    if (signal === this.model.upstream && (!isDone || signal.listeners > 0)) {
      this.model.abort({ is: reason });
    }
    for (const job of this.jobs) {
      if (job.signal === signal) this.model.withdraw(job, reason);
    }
    this.call("abort", () => signal.fire());
  }

  clear(): void {
    const { model } = this;
    const { queued, delayed, late } = model.clear();
    const got: QueuedTask[] = this.call("clear", () => this.group.clear());
    const jobs = got.map(({ task }) => this.tasks.get(task)!);
    const first = jobs.slice(0, queued.length);
    const rest = jobs.slice(queued.length);
    const isRight = model.isLax
      ? isSame(byId(jobs), byId([...queued, ...delayed, ...late]))
      : model.queue.mayClear(first, queued) &&
        isSame(rest, [...delayed, ...late]);
    must(
      isRight,
      `clear() gave ${ids(jobs)}, not ${ids([...queued, ...delayed, ...late])}`,
    );
    must(
      got.every(({ options }, i) => this.isOptions(jobs[i]!, options)),
      "clear() gave other options",
    );
  }

  /** The most that a task may weigh. */
  get heaviest(): number {
    const { governor } = this.spec;
    return governor.type === "semaphore" || governor.type === "all"
      ? Math.min(HEAVIEST, governor.limit)
      : 1;
  }

  /** The semaphore has another limit. */
  limit(n: number): void {
    const { isOwn, parts } = this.governed ?? {};
    // A foreign one is asked for weights that it had room for when they came; and a source
    // may have made a task that has not come yet.
    const least = isOwn && !this.bringsHeavy ? 1 : this.heaviest;
    const [first] = parts ?? [];
    first?.setLimit?.(Math.max(n, least));
  }

  pauseFor(ms: number): void {
    const { model, real } = this.governed ?? {};
    if (!(model instanceof RateModel)) return;
    model.pausedUntil = Math.max(model.pausedUntil, clock.now + ms);
    (real as RateLimit).pauseFor(ms);
  }

  callGuest({ does, which, work = 0 }: Step & { op: "guest" }): void {
    if (does === "end") this.guest?.end(which, which % 3 > 0);
    else if (does === "add") this.call("guest", () => this.guest?.add(work));
    else this.call("guest", () => this.guest?.[does]());
  }

  waiter(kind: Waiter["kind"], signal: CountedSignal | undefined): Waiter {
    const waiter: Waiter = {
      kind,
      epoch: this.epoch,
      rests: this.model.rests,
      signal,
      isSettled: false,
    };
    this.waiters.push(waiter);
    return waiter;
  }

  wait(
    signal: CountedSignal | undefined,
    wait = (options?: WaitOptions): Promise<number> => this.group.wait(options),
  ): void {
    this.model.close();
    const waiter = this.waiter("wait", signal);
    const options = signal && { signal: signal.signal };
    const isAborted = signal?.aborted === true;
    this.call("wait", () => wait(options)).then(
      (abandoned) => {
        waiter.isSettled = true;
        this.guard(() => {
          must(!isAborted, "wait() overlooks that its signal is aborted");
          this.checkWait(waiter, abandoned);
        });
      },
      (reason) => {
        waiter.isSettled = true;
        this.guard(() =>
          must(
            signal?.aborted === true && signal.reason === reason,
            `wait() rejects with ${describe(reason)}`,
          )
        );
      },
    );
  }

  checkWait(waiter: Waiter, abandoned: number): void {
    const model = this.model;
    if (waiter.epoch < this.epoch) {
      return must(
        abandoned === this.lastAbandoned || waiter.epoch + 1 < this.epoch,
        `law 8: ${waiter.kind}() is ${abandoned}`,
      );
    }
    must(
      model.isClosed && model.isAtRest,
      `law 8: ${waiter.kind}() resolves too early`,
    );
    must(
      abandoned === model.abandoned,
      `law 8: ${waiter.kind}() is ${abandoned}, not ${model.abandoned}`,
    );
  }

  reset(): void {
    const model = this.model;
    model.close();
    const waiter = this.waiter("reset", undefined);
    if (!this.isResetting) {
      this.isResetting = true;
      // Asked for before; so the model hears of it just before the group.
      this.call("wait", () => this.group.wait()).then((abandoned) => {
        this.guard(() => {
          this.checkWait(waiter, abandoned);
          this.lastAbandoned = abandoned;
          this.isResetting = false;
          this.epoch++;
          model.reset();
        });
      });
    }
    this.call("reset", () => this.group.reset()).then((abandoned) => {
      waiter.isSettled = true;
      this.guard(() => this.checkWait(waiter, abandoned));
    });
  }

  watch(): void {
    const interval = 20 + PROGRESS;
    let isOver = false;
    const epoch = this.epoch;
    const watch = async () => {
      let last = "";
      for await (const stats of this.group.progress({ interval })) {
        this.guard(() => {
          const { accepted, overdue: _, retried: __, ...parts } = stats;
          const sum = Object.values(parts).reduce((a, b) => a + b);
          must(sum === accepted, "law 1: progress() does not balance");
          must(JSON.stringify(stats) !== last, "progress() repeats itself");
          last = JSON.stringify(stats);
        });
      }
      isOver = true;
      this.guard(() =>
        must(
          this.epoch > epoch ||
            (this.model.isClosed && this.model.isAtRest),
          "progress() ends too early",
        )
      );
    };
    if (++this.watchers > 3) return;
    watch();
    this.endings.push(() => must(isOver, "progress() does not end"));
  }
}

function byId(jobs: readonly Job[]): Job[] {
  return jobs.toSorted((a, b) => a.id - b.id);
}

function ids(jobs: readonly (Job | undefined)[]): string {
  return jobs.map((job) => job?.id).join();
}
