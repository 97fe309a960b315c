// deno-coverage-ignore-file

/**
 * Steps that are the group's life: tasks' ends, aborts, drains, waits, resets.
 *
 * @module
 */

import type { QueuedTask } from "../../mod.ts";
import { must } from "./jobs.ts";
import type { CountedSignal } from "./signals.ts";
import { StreamSteps } from "./stream_steps.ts";
import { describe, Failure, PROGRESS, type Waiter } from "./world.ts";

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
        (aborted === undefined || signal.reason === aborted.reason),
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
      this.model.abort(reason);
    }
    for (const job of this.jobs) {
      if (job.signal === signal) this.model.withdraw(job, reason);
    }
    this.call("abort", () => signal.fire());
  }

  drain(): void {
    const wanted = this.model.drain();
    const got: QueuedTask[] = this.call("drain", () => this.group.drain());
    const jobs = got.map(({ task }) => this.tasks.get(task));
    if (this.model.isLax) {
      jobs.sort((a, b) => a!.id - b!.id);
      wanted.sort((a, b) => a.id - b.id);
      got.sort((a, b) =>
        this.tasks.get(a.task)!.id - this.tasks.get(b.task)!.id
      );
    }
    must(
      jobs.length === wanted.length &&
        jobs.every((job, i) => job === wanted[i]),
      `drain() gave ${jobs.map((job) => job?.id)}, not ${
        wanted.map((job) => job.id)
      }`,
    );
    must(
      got.every(({ options }, i) => options === this.options.get(wanted[i]!)),
      "drain() gave other options",
    );
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

  wait(signal: CountedSignal | undefined): void {
    this.model.close();
    const waiter = this.waiter("wait", signal);
    const options = signal && { signal: signal.signal };
    const isAborted = signal?.aborted === true;
    this.call("wait", () => this.group.wait(options)).then(
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
