/**
 * Workers that tasks in flight have lent to others while they wait (`ctx.lend`).
 *
 * A task that waits for tasks of its own group keeps a worker that they may need. So it
 * can lend that worker: until its wait is over it is not in flight. Then it goes on with
 * the first worker that is free, before everything that has not started.
 *
 * Invariants:
 * 1. A context is in `#lent` from the loan until its task goes on or ends. Meanwhile the
 *    task is counted as lent, before and after as in flight.
 * 2. While a task waits to go on (`waiting`) no other task starts. It goes on also after
 *    an abort, and while the group is paused: it has started long ago.
 * 3. A task has one loan at a time, however many waits it is for: it has a worker again
 *    when the last of them is over. WARNING: not with the first: the others may be for
 *    tasks that need the worker. And a wait that is over before the last one settles at
 *    once: the last one may wait for it.
 *
 * @module
 */

import { callable } from "../base/check.ts";
import { Link, List } from "../base/list.ts";
import { type Deferred, deferred, SETTLED } from "../base/promises.ts";
import type { Lender, RunContext } from "./context.ts";
import type { QueuedTask, Task } from "../task.ts";
import { type Ids, NO_ID } from "./ids.ts";
import type { State } from "./state.ts";
import type { Watch } from "./watch.ts";
import type { Entry } from "./entry.ts";

/** The loan of one task. It is in the line from the end of its last wait on. */
class Loan extends Link {
  readonly ctx: RunContext;
  /** How many waits are not over. */
  open = 0;
  /** Resolves when the task goes on, or has ended. */
  readonly back: Deferred<void> = deferred();

  constructor(ctx: RunContext) {
    super();
    this.ctx = ctx;
  }
}

export class Loans implements Lender {
  readonly #state: State;
  readonly #ids: Ids;
  readonly #loans = new Map<RunContext, Loan>();
  /** Tasks whose waits are over, and that have no worker yet. */
  readonly #line = new List<Loan>();
  /** Called when a worker was lent, or is wanted back: has `admit` called, and the group look. */
  readonly #onMoved: () => void;
  /** Whether one more task may go on in this turn of the event loop (law 10). */
  readonly #mayGoOn: () => boolean;
  readonly #watch: Watch | undefined;

  constructor(
    state: State,
    ids: Ids,
    onMoved: () => void,
    mayGoOn: () => boolean,
    watch: Watch | undefined,
  ) {
    this.#state = state;
    this.#ids = ids;
    this.#onMoved = onMoved;
    this.#mayGoOn = mayGoOn;
    this.#watch = watch;
  }

  /** The tasks that have lent their workers. */
  get all(): (Task | QueuedTask)[] {
    return [...this.#loans.keys()].map(({ item }) => item!);
  }

  /** How many tasks wait to go on. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Lends the worker of that context. Settles as `wait` does, when the task goes on. */
  async lend<T>(ctx: RunContext, wait: () => T | PromiseLike<T>): Promise<T> {
    callable("lend", "wait", wait);
    const loan = this.#open(ctx);
    try {
      return await wait();
    } finally {
      if (loan !== undefined) await this.#close(loan);
    }
  }

  /** Gives workers that are free to tasks whose waits are over. */
  admit(): void {
    const state = this.#state;
    while (this.#line.size > 0) {
      // Each task in flight has an id, and keeps it for a moment when it has ended.
      if (this.#ids.used >= state.limit || !this.#mayGoOn()) return;
      const { ctx } = this.#line.first!;
      this.#end(ctx, this.#ids.take(ctx));
    }
  }

  /** The task will need no worker any more, though its end is not counted yet. */
  leave(ctx: RunContext): void {
    if (ctx.isLent) this.#line.delete(this.#loans.get(ctx)!);
  }

  /** The task has ended. If its worker is lent, it is counted as in flight again, without one. */
  end(ctx: RunContext): void {
    if (ctx.isLent) this.#end(ctx, NO_ID);
  }

  /** One wait more; undefined if the task has ended. */
  #open(ctx: RunContext): Loan | undefined {
    if (ctx.hasEnded || ctx.item === undefined) return undefined;
    const loan = this.#loans.get(ctx) ?? this.#begin(ctx);
    loan.open++;
    this.#line.delete(loan);
    this.#onMoved(); // Tasks that wait to go on are first.
    return loan;
  }

  #begin(ctx: RunContext): Loan {
    const loan = new Loan(ctx);
    this.#loans.set(ctx, loan);
    ctx.isLent = true;
    this.#ids.release(ctx.workerId);
    this.#state.inFlight--;
    this.#state.lent++;
    this.#watch?.ran("lent", ctx.item as Entry, ctx);
    return loan;
  }

  #close(loan: Loan): Promise<void> {
    if (--loan.open > 0) return SETTLED;
    if (loan.ctx.isLent && !loan.ctx.hasEnded) {
      this.#line.push(loan);
      this.#onMoved(); // A group that is full again leaves its governor's line.
    }
    return loan.back.promise;
  }

  /** The task goes on in the worker with that id, or has ended in none. */
  #end(ctx: RunContext, id: number): void {
    const loan = this.#loans.get(ctx)!;
    this.#line.delete(loan);
    this.#loans.delete(ctx);
    ctx.isLent = false;
    ctx.workerId = id;
    this.#state.lent--;
    this.#state.inFlight++;
    // Of one that has ended, its end is told right after this, when that is counted.
    if (id !== NO_ID) this.#watch?.ran("back", ctx.item as Entry, ctx);
    loan.back.resolve();
  }
}
