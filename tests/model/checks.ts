// deno-coverage-ignore-file

/**
 * What has to hold after every step, and when nothing moves any more.
 *
 * @module
 */

import { clock } from "./clock.ts";
import { LifeSteps } from "./life_steps.ts";
import { isReason, must } from "./jobs.ts";
import type { CountedSignal } from "./signals.ts";
import { type Looker, PROGRESS, unhandled } from "./world.ts";

export abstract class Checks extends LifeSteps {
  check(): void {
    this.steps++;
    this.guard(() => {
      const group = this.group;
      const model = this.model;
      this.sync();
      const stats = group.stats as unknown as Record<string, number>;
      const wanted = model.stats;
      for (const name in wanted) {
        must(
          stats[name] === wanted[name],
          `law 1: ${name} is ${stats[name]}, not ${wanted[name]}`,
        );
      }
      must(group.size === wanted.queued, "size is not what is queued");
      must(
        group.inFlight === wanted.inFlight,
        "inFlight is not what stats says",
      );
      must(group.closed === model.isClosed, `closed is ${group.closed}`);
      must(group.paused === model.paused, `paused is ${group.paused}`);
      must(group.concurrency === model.limit, "concurrency is another");
      for (const { name, listeners } of this.allSignals()) {
        must(listeners <= 1, `law 9: ${listeners} listeners on signal ${name}`);
      }
      this.lookers = this.lookers.filter(({ job, run }) =>
        job.run === run && !run.hasEnded
      );
      for (const looker of this.lookers) this.checkLooker(looker);
    });
    if (this.violation !== undefined) throw this.violation;
  }

  checkLooker({ job, run, signal }: Looker): void {
    const { spoken } = this.model;
    const reasons = spoken === undefined
      ? run.reasons
      : [...run.reasons, { is: spoken.reason }];
    must(
      signal.aborted === reasons.length > 0,
      `task ${job.id}: ctx.signal ${
        signal.aborted ? "speaks for no reason" : "is quiet"
      }`,
    );
    must(
      !signal.aborted ||
        reasons.some((reason) => isReason(reason, signal.reason)),
      `task ${job.id}: ctx.signal has another reason`,
    );
  }

  checkStandstill(): void {
    const model = this.model;
    model.standsStill();
    this.governor?.standsStill(
      model.running.size,
      model.next !== undefined,
      model.failures,
    );
    this.guest?.standsStill();
    for (const { job, isHeard } of this.promised) {
      const outcome = job.call === "go" ? job.outcome : job.answer;
      must(
        isHeard === (outcome !== undefined),
        `law 6: ${job.call} of task ${job.id} is ${
          isHeard ? "settled" : "not settled"
        }`,
      );
    }
    for (const { model, readers } of this.streams) {
      for (const { reader, isHeard } of readers) {
        must(
          isHeard === (reader.step !== undefined),
          `law 12: a next() of stream ${model.id} is ${
            isHeard ? "settled" : "not settled"
          }`,
        );
      }
    }
    for (const waiter of this.waiters) {
      const isDue = waiter.epoch < this.epoch || waiter.signal?.aborted ||
        (model.isAtRest && (model.isClosed || waiter.kind === "idle"));
      must(
        waiter.isSettled || !isDue,
        `law 8: ${waiter.kind}() is not settled`,
      );
    }
    this.checkTimers();
    for (const signal of this.allSignals()) this.checkListeners(signal);
  }

  checkTimers(): void {
    const due = [...clock.timers].map((timer) => timer.due)
      .filter((due) => due % 1 !== PROGRESS).sort((a, b) => a - b);
    const governors = this.governed?.model.timers ?? [];
    const wanted = [...this.model.timers, ...governors].sort((a, b) => a - b);
    must(
      due.join() === wanted.join(),
      `timers are set for ${due.join()}, not for ${wanted.join()}`,
    );
  }

  checkListeners(signal: CountedSignal): void {
    const model = this.model;
    const isWatched = !signal.aborted && (
      (signal === model.upstream && model.aborted === undefined &&
        !(model.closed && model.isAtRest)) ||
      this.jobs.some((job) =>
        job.signal === signal && job.state !== "gone" && job.state !== "new"
      ) ||
      this.waiters.some((waiter) =>
        waiter.signal === signal && !waiter.isSettled
      )
    );
    must(
      signal.listeners === Number(isWatched),
      `law 9: ${signal.listeners} listeners on signal ${signal.name}`,
    );
  }

  *allSignals(): Iterable<CountedSignal> {
    yield this.signals.a;
    yield this.signals.b;
    yield this.signals.upstream;
    yield* this.own.values();
  }

  checkEnd(): void {
    for (const check of this.endings) check();
    for (const source of this.sources) source.check();
    for (const { isSettled, kind } of this.waiters) {
      must(isSettled, `law 6: ${kind}() is not settled`);
    }
    must(clock.timers.size === 0, "a timer is left");
    must((this.governed?.model.held ?? 0) === 0, "a permit is left");
    must(
      this.prints === this.printsDue,
      `law 7: ${this.prints} errors were printed, not ${this.printsDue}`,
    );
    const own = this.unread.filter(({ outcome }) =>
      outcome?.ok === false && !outcome.isQuiet
    );
    must(
      own.length === unhandled.length,
      `law 6: ${unhandled.length} unhandled rejections, not ${own.length}`,
    );
    this.checkSignal();
  }
}
