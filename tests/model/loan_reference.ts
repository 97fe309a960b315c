// deno-coverage-ignore-file

/**
 * Workers that tasks have lent, and in which order the tasks go on; see
 * `reference.ts`. When they do, between the end of their wait and the next
 * standstill, is left to the group.
 *
 * @module
 */

import { BacklogModel } from "./backlog_reference.ts";
import { type Job, must, type Run } from "./jobs.ts";

export abstract class LoanModel extends BacklogModel {
  /** Those whose waits are over, and that have no worker yet. */
  backs: Job[] = [];

  /** One wait more. */
  lend(job: Job): void {
    const run = job.run!;
    run.waits++;
    run.lends++;
    this.running.delete(job);
    this.lent.add(job);
    this.#forget(job);
    this.noteRoom();
  }

  /** One wait is over. */
  waited(job: Job, run: Run): void {
    run.waits--;
    const isLent = job.run === run && this.lent.has(job) && !run.hasEnded;
    if (isLent && run.waits === 0) this.backs.push(job);
  }

  /** The group says that so many are lent: the others have gone on. */
  followLoans(lent: number): void {
    while (this.lent.size > lent) {
      const job = this.backs.shift();
      must(job !== undefined, "a lent task goes on before its wait is over");
      this.checkPlace(job, job.run!.ctx.workerId);
      this.lent.delete(job);
      this.running.add(job);
      job.run!.workerId = job.run!.ctx.workerId;
    }
    must(
      this.lent.size === lent,
      `law 1: ${this.lent.size} tasks are lent, the group knows of ${lent}`,
    );
  }

  /** The function of a lent task has come to its end. */
  protected stays(job: Job): void {
    this.#forget(job);
    if (this.lent.has(job)) job.run!.workerId = -1;
  }

  /** It has ended, or waits for another attempt. */
  protected leaves(job: Job): void {
    this.running.delete(job);
    this.lent.delete(job);
  }

  /** Whether there is a worker with that id for one more task. */
  protected checkPlace({ id }: Job, workerId: number): void {
    const { running, limit } = this;
    must(
      running.size < limit,
      `law 2: task ${id} runs beside ${running.size} of ${limit}`,
    );
    must(
      workerId >= 0 && workerId < limit,
      `task ${id} has worker id ${workerId} of ${limit}`,
    );
    for (const other of running) {
      must(other.run!.workerId !== workerId, `two with worker id ${workerId}`);
    }
  }

  /** It does not wait to go on. */
  #forget(job: Job): void {
    this.backs = this.backs.filter((other) => other !== job);
  }
}
