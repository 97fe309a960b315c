// deno-coverage-ignore-file

/**
 * Tasks that lend their workers while they wait for something.
 *
 * @module
 */

import { must } from "./jobs.ts";
import { LifeSteps } from "./life_steps.ts";
import type { LendSpec } from "./program.ts";
import {
  describe,
  type Desk,
  Failure,
  microtasks,
  pick,
  type Wait,
} from "./world.ts";

export abstract class LendSteps extends LifeSteps {
  /** One of those that run lends its worker, or, if it has, for one wait more. */
  lendOne(which: number, spec: LendSpec): void {
    this.desks = this.desks.filter(({ run }) => !run.hasEnded);
    const desk = pick(this.desks, which);
    if (desk !== undefined) this.lend(desk, spec);
  }

  /** A wait is over. */
  goBack(which: number, isWell: boolean): void {
    const open = this.waits.filter((wait) => wait.open !== undefined);
    pick(open, which)?.open?.(isWell);
  }

  protected override lend({ job, run, ctx }: Desk, spec: LendSpec): void {
    const failure = new Failure(`what task ${job.id} waits for`);
    const wait: Wait = {
      job,
      run,
      isOver: false,
      last: undefined,
      isHeard: false,
      open: undefined,
    };
    this.waits.push(wait);
    this.guard(() => this.model.lend(job));
    const over = () => {
      wait.isOver = true;
      wait.open = undefined;
      this.guard(() => this.sync());
      this.guard(() => this.model.waited(job, run));
      if (run.waits === 0) wait.last = run.lends;
      this.lookAtWays();
    };
    const lent = this.call("lend", () =>
      ctx.lend(() => {
        this.guard(() => this.sync());
        this.nest(spec.nested);
        if (spec.until === "throws") {
          over();
          throw failure;
        }
        const promise = this.#wait(wait, spec, failure);
        // Before the group, so that the model hears of it first.
        promise.then(over, over);
        return promise;
      }));
    this.guard(() => this.sync());
    const hears = (isWell: boolean, value: unknown) => {
      wait.isHeard = true;
      this.guard(() => {
        this.sync();
        must(wait.isOver, `lend() of task ${job.id} is settled too early`);
        must(
          spec.until === "go" ||
            (isWell ? value === job.id : value === failure),
          `lend() of task ${job.id} comes to ${describe(value)}`,
        );
        must(
          run.hasEnded || wait.last !== run.lends || !this.model.lent.has(job),
          `law 2: task ${job.id} goes on without a worker`,
        );
      });
    };
    lent.then((value) => hears(true, value), (error) => hears(false, error));
  }

  checkWaits(): void {
    this.waits = this.waits.filter((wait) => {
      const { job, run, isOver, isHeard } = wait;
      const isDue = isOver && (run.hasEnded || !this.model.lent.has(job));
      must(
        isHeard || !isDue,
        `law 6: lend() of task ${job.id} is not settled`,
      );
      return !isHeard;
    });
  }

  #wait(
    wait: Wait,
    { until, task }: LendSpec,
    failure: Failure,
  ): Promise<unknown> {
    const { id } = wait.job;
    if (until === "go") {
      this.lastGo = undefined;
      this.nest({ op: "go", task: task! });
      return this.lastGo ?? Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const open = (isWell: boolean) => {
        wait.open = undefined;
        if (isWell) resolve(id);
        else reject(failure);
      };
      if (until === "gate") wait.open = open;
      else microtasks(until as number, () => open(true));
    });
  }
}
