// deno-coverage-ignore-file

/**
 * What has to hold after every step, and when nothing moves any more.
 *
 * @module
 */

import { clock, PATIENCE, type Timer } from "./clock.ts";
import { RateModel } from "./governor_reference.ts";
import { SteerSteps } from "./steer_steps.ts";
import { isReason, must } from "./jobs.ts";
import type { CountedSignal } from "./signals.ts";
import { isProgress, type Looker, unhandled } from "./world.ts";

export abstract class Checks extends SteerSteps {
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
      if (this.spec.isObserved) this.replayer.check(group.stats, group);
      must(
        this.drops === model.drops,
        `onEvict heard of ${this.drops} tasks, not ${model.drops}`,
      );
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
      this.checkTasks();
      this.checkClosing();
    });
    if (this.violation !== undefined) throw this.violation;
  }

  checkLooker({ job, run, signal }: Looker): void {
    const { spoken } = this.model;
    const reasons = spoken === undefined
      ? run.reasons
      : [...run.reasons, spoken];
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
    this.way?.standsStill(this.nextWeight, model.failures);
    this.guest?.standsStill();
    this.governed?.standsStill();
    this.checkWaits();
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

  /** How heavy the next task may be. */
  get nextWeight(): number | undefined {
    const { model } = this;
    if (model.next === undefined) return undefined;
    if (model.queue.keepsBehind) return model.next.weight;
    const { queue, queued } = model;
    return Math.max(...queue.next(queued).map(({ weight }) => weight));
  }

  checkTimers(): void {
    const governor = this.governed?.model;
    const isRough = governor instanceof RateModel && governor.isRough;
    const governors = isRough ? [] : governor?.timers ?? [];
    const wanted = sorted([...this.model.timers, ...governors]);
    // At one time there may be several: a newcomer lays another one (law 15). And those
    // that end the wait for a source are wanted by nothing else.
    const due = sorted(
      [...clock.timers]
        .filter((timer) =>
          !isProgress(timer) && !timer.isOfDelays && !timer.isOfTimeouts &&
          (wanted.includes(timer.due) || timer.ms !== PATIENCE) &&
          !(isRough && timer.due % 1 === 0)
        ).map(({ due }) =>
          governor instanceof RateModel && !this.model.timers.includes(due)
            ? governor.seen(due)
            : due
        ),
    );
    if (isRough) {
      const some = [...clock.timers].filter((timer) =>
        timer.due % 1 === 0 && !timer.isOfDelays && !timer.isOfTimeouts
      );
      must(
        governor.unheard! > 0
          ? some.length > 0
          : some.every(({ ms }) => ms === PATIENCE),
        "a group waits without a timer, or there is one for no group",
      );
    }
    this.checkDelays();
    this.checkTimeouts();
    must(
      due.join() === wanted.join(),
      `timers are set for ${due.join()}, not for ${wanted.join()}`,
    );
  }

  /** There are one or two timers, to when the first delayed task is due, exactly while there is one. */
  checkDelays(): void {
    const timers = [...clock.timers].filter(({ isOfDelays }) => isOfDelays);
    const [first] = this.model.delayed;
    const due = first && first.due - clock.known + clock.now;
    must(
      due === undefined
        ? timers.length === 0
        : timers.length === 1 || timers.length === 2,
      `${timers.length} timers for ${this.model.delayed.length} delayed tasks`,
    );
    for (const timer of timers) {
      must(
        clock.known === clock.now
          ? timer.due === Math.ceil(due!)
          : timer.due >= due! && timer.due - due! < 1 + clock.worked,
        `a timer for delayed tasks is set for ${timer.due}, not for ${due}`,
      );
    }
  }

  /** There is a timer in time for the first task that may time out; and none at rest. */
  checkTimeouts(): void {
    const timers = [...clock.timers].filter(({ isOfTimeouts }) => isOfTimeouts);
    const [first] = this.model.limited;
    const isIn = ({ known }: Timer) => known < first!.run!.timeoutDue + 1;
    must(
      first === undefined || timers.some(isIn),
      "a task may time out, and there is no timer for it",
    );
    must(
      timers.length <= 2 && (timers.length === 0 || !this.model.isAtRest),
      `${timers.length} timers for time-outs`,
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
    this.governed?.checkEnd();
    this.checkWaits();
    for (const semaphore of this.semaphores) {
      const permit = semaphore.tryAcquire({ weight: semaphore.limit });
      must(permit !== undefined, "a permit of a key is left");
      permit.release();
    }
    this.replayer.checkEnd();
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

/** Each once. */
function sorted(times: number[]): number[] {
  return [...new Set(times)].sort((a, b) => a - b);
}
