// deno-coverage-ignore-file

/**
 * Steps that look at tasks that have not started, move them or take them back; and
 * how the intake ends.
 *
 * @module
 */

import type { TaskInfo } from "../../mod.ts";
import { isReason, type Job, must } from "./jobs.ts";
import { LendSteps } from "./lend_steps.ts";
import { isSame } from "./queue_reference.ts";
import { Failure, SHUTDOWN } from "./world.ts";

export abstract class SteerSteps extends LendSteps {
  withdrawId(id: number, hasReason: boolean): void {
    const reason = hasReason ? new Failure(`withdrawal of ${id}`) : undefined;
    const wanted = this.model.withdrawAll(
      id,
      reason === undefined ? { named: "AbortError" } : { is: reason },
    );
    const got = this.call("withdraw", () => this.group.withdraw(id, reason));
    must(got === wanted, `withdraw() of ${id} is ${got}, not ${wanted}`);
  }

  setPriority(id: number, priority: number): void {
    const set = () =>
      this.call("priority", () => this.group.setPriority(id, priority));
    if (this.spec.queue.order !== "priority") {
      let error: unknown;
      try {
        set();
      } catch (thrown) {
        error = thrown;
      }
      return must(error instanceof TypeError, "setPriority() does something");
    }
    const jobs = this.model.named(id, "queued");
    for (const job of jobs) {
      job.priority = priority;
      job.isMoved = true;
    }
    const got = set();
    must(got === jobs.length, `setPriority() of ${id} is ${got}`);
  }

  shutdown(ms: number): void {
    const grace = ms + SHUTDOWN;
    this.model.shutdown(grace);
    this.wait(undefined, () => this.group.shutdown({ grace }));
  }

  checkClosing(): void {
    const { closing } = this.group;
    const { aborted, isClosed } = this.model;
    must(closing.aborted === isClosed, `closing is ${closing.aborted}`);
    must(
      !isClosed || isReason({ named: "CoGroupClosedError" }, closing.reason) ||
        (aborted !== undefined && isReason(aborted, closing.reason)),
      "closing has another reason",
    );
  }

  /** What `tasks` shows is what there is; also the order, where it is known. */
  checkTasks(): void {
    const { model } = this;
    const { queue: { order } } = this.spec;
    const queued = model.queued.jobs;
    const isOrdered = !model.isLax && order !== "keyed";
    const inOrder = order === "priority"
      ? queued.toSorted((a, b) => b.priority - a.priority)
      : queued;
    const got = Map.groupBy(this.group.tasks(), ({ state }) => state);
    const check = (
      state: TaskInfo["state"],
      jobs: Iterable<Job>,
      isOrdered: boolean,
    ) => {
      const shown = (got.get(state) ?? []).map(described);
      const wanted = [...jobs].map((job) => described(infoOf(job, state)));
      if (!isOrdered) { for (const list of [shown, wanted]) list.sort(); }
      must(
        isSame(shown, wanted),
        `tasks() shows as ${state} ${shown.join()}, not ${wanted.join()}`,
      );
    };
    check("queued", inOrder, isOrdered);
    check("delayed", model.delayed, true);
    check("running", model.running, false);
    check("lent", model.lent, false);
  }
}

function infoOf(job: Job, state: TaskInfo["state"]): TaskInfo {
  const { name: id, key, priority, weight, attempt } = job;
  const workerId = state === "running" ? job.run!.workerId : undefined;
  return { id, state, attempt, workerId, key, priority, weight };
}

function described(info: TaskInfo): string {
  const { id, attempt, workerId, key, priority, weight } = info;
  return `(${[id, attempt, workerId, key, priority, weight].join(" ")})`;
}
