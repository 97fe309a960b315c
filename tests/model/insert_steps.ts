// deno-coverage-ignore-file

/**
 * Steps that bring tasks: `insert`, `go`, `insertAll` and their like.
 *
 * @module
 */

import type { SourceSpec, TaskSpec } from "./program.ts";
import { type FeedModel, isReason, type Job, must, Violation } from "./jobs.ts";
import { ProgramSource } from "./source.ts";
import { Tasks } from "./tasks.ts";
import { clock, PATIENCE } from "./clock.ts";
import { describe, Failure, microtasks } from "./world.ts";

/** After so many tasks, a feed looks for its next place a microtask later. */
const AT_ONCE = 8;

export abstract class InsertSteps extends Tasks {
  add(spec: TaskSpec): void {
    const { job, body, options } = this.job("add", spec);
    const isIn = !this.model.refuses(job.signal) && this.model.keep(job);
    const answer = this.call("add", () => this.group.add(body, options));
    must(answer === isIn, `add() is ${answer}`);
  }

  tryInsert(spec: TaskSpec): void {
    const { job, body, options } = this.job("tryInsert", spec);
    const brought = this.#bring(job);
    const isIn = this.call(
      "tryInsert",
      () => this.group.tryInsert(body, options),
    );
    brought(isIn);
    this.sync();
  }

  /**
   * Brings one that only comes in if there is room. Gives back what has to be
   * told whether it did.
   */
  #bring(job: Job): (isIn: boolean) => void {
    const { model } = this;
    const isRefused = model.refuses(job.signal);
    // Known before, where nobody waits; and somebody may be evicted for it.
    const isKept = model.isStrict && !isRefused && model.keep(job);
    const offer = isRefused
      ? "no"
      : !model.isStrict
      ? model.offers()
      : isKept
      ? "yes"
      : "no";
    return (isIn) => {
      must(
        offer === "either" || isIn === (offer === "yes"),
        `law 4: ${job.call}() ${isIn ? "got in" : "did not get in"}, there is ${
          offer === "yes" ? "" : "no "
        }room`,
      );
      if (isIn && !isKept) model.keep(job);
    };
  }

  insert(spec: TaskSpec): void {
    const model = this.model;
    const { job, body, options } = this.job("insert", spec);
    const isRefused = model.refuses(job.signal);
    const brought = this.#bring(job);
    const { accepted } = model;
    const wasIn = job.state === "queued";
    const promise = this.call(
      "insert",
      () => this.group.insert(body, options),
    );
    const isIn = wasIn || this.group.stats.accepted > accepted;
    brought(isIn);
    if (isIn) job.answer = true;
    else if (isRefused || model.isStrict) job.answer = false;
    else model.wait(job);
    const promised = { job, isHeard: false };
    this.promised.push(promised);
    promise.then((answer) => {
      promised.isHeard = true;
      this.guard(() => {
        // A worker has taken it from who waits; nobody else has looked since.
        if (job.answer === undefined) this.sync();
        must(job.answer === answer, `insert() of task ${job.id} is ${answer}`);
      });
    }, (error) => {
      this.guard(() => {
        throw new Violation(`insert() rejects with ${describe(error)}`);
      });
    });
  }

  go(spec: TaskSpec, isUnread: boolean): void {
    const model = this.model;
    const { job, body, options } = this.job("go", spec);
    const reason = model.refusal(job.signal);
    if (reason !== undefined) {
      job.outcome = { ok: false, reason, isQuiet: true };
    } else if (!model.keep(job)) {
      const reason = { named: "AbortError" };
      job.outcome = { ok: false, reason, isQuiet: true };
    }
    const promise = this.call(
      `go ${job.id}`,
      () => this.group.go(body, options),
    );
    this.lastGo = promise;
    if (isUnread) return void this.unread.push(job);
    const promised = { job, isHeard: false };
    this.promised.push(promised);
    const hears = (ok: boolean, value: unknown) => {
      promised.isHeard = true;
      this.guard(() => {
        const { outcome } = job;
        const isRight = outcome?.ok === ok &&
          (outcome.ok
            ? outcome.value === value
            : isReason(outcome.reason, value));
        must(
          isRight,
          `law 6: go() of task ${job.id} ${ok ? "fulfils" : "rejects"} with ${
            describe(value)
          }`,
        );
      });
    };
    promise.then((value) => hears(true, value), (error) => hears(false, error));
  }

  /** Whether tasks that weigh more than 1 may be on their way from a source. */
  protected bringsHeavy = false;

  insertAll(sourceSpec: SourceSpec, spec: TaskSpec): void {
    if (spec.weight !== undefined) this.bringsHeavy = true;
    const model = this.model;
    if (model.feeds.size > 0 && !model.isLax) return;
    // A task whose signal is aborted is left out, and nobody can see when.
    const given = sourceSpec.kind === "sync" ? spec : withoutSignal(spec);
    let hasEnded = false;
    const feed: FeedModel = {
      id: this.feeds++,
      state: "looking",
      accepted: 0,
      mayHold: false,
      hadRoom: false,
      lackedRoom: false,
      error: undefined,
      closeError: undefined,
      patientUntil: clock.now + PATIENCE,
      gaveUp: false,
      stop: () => {
        if (feed.state === "holding") model.vacate();
        feed.state = "over";
        model.feeds.delete(feed);
        feed.patientUntil = clock.now + PATIENCE;
        source.close();
      },
    };
    let isSettled = false;
    const report = (error: unknown) => {
      model.sourceReports.push({ error, given: iterable, options: undefined });
    };
    // The first one is the promise's, as long as that is not settled.
    const fails = (error: { is: unknown } | { late: unknown }) => {
      if (feed.error === undefined && !isSettled && !feed.gaveUp) {
        feed.error = error;
        const { closeError } = feed;
        feed.closeError = undefined;
        if (closeError !== undefined) report(closeError.is);
      } else if ("is" in error) report(error.is);
      else {
        const late = { late: error.late, given: iterable, options: undefined };
        model.sourceReports.push({ error: undefined, ...late });
      }
    };
    let joins = model.joins;
    let taken = 0;
    const goOn = () => {
      if (model.feeds.has(feed) && feed.state === "looking") {
        // Who came meanwhile may be before it or behind it.
        if (joins !== model.joins) feed.hadRoom = true;
        model.feedLooks(feed);
      }
    };
    // It may have to wait for the loop to turn before it looks, or have looked
    // in the moment before that: either will do. A pull tells that it has.
    const goOnUnblocked = (ofTask = taken) => {
      if (ofTask !== taken || feed.state !== "looking") return;
      if (!this.subject.isBlocked()) return this.guard(goOn);
      this.afterTurn.push(() => goOnUnblocked(ofTask));
    };
    const jobs = new Map<unknown, Job>();
    const source: ProgramSource = this.source(
      `insertAll ${feed.id}`,
      sourceSpec,
      {
        pulls: () => {
          this.sync();
          if (feed.state === "looking") goOn();
          model.feedPulls(feed);
        },
        make: () => {
          const { job, body, options } = this.job("feed", given);
          const value = options === undefined ? body : { task: body, options };
          jobs.set(value, job);
          return value;
        },
        comes: (value, isAtHand) => {
          const job = jobs.get(value)!;
          const isSkipped = job.signal?.aborted === true;
          if (feed.state === "over") {
            if (isSkipped) return;
            if (model.aborted !== undefined) model.left.late.push(job);
            else fails({ late: value });
            return;
          }
          this.sync();
          if (isSkipped) model.vacate();
          else model.fill(feed, job);
          feed.state = "looking";
          joins = model.joins;
          model.feedBegins(feed);
          // A little after the group does; a pull may come before.
          const ofTask = ++taken;
          const hops = isAtHand ? 1 : 2;
          microtasks(
            ofTask % AT_ONCE === 0 ? hops + 1 : hops,
            () => goOnUnblocked(ofTask),
          );
        },
        ended: (error) => {
          hasEnded = true;
          if (error !== undefined) fails(error);
          model.feeds.delete(feed);
          if (feed.state === "over") return;
          model.vacate();
          feed.state = "over";
          feed.patientUntil = clock.now + PATIENCE;
        },
        closedBadly: (error) => {
          // It is carried behind the answer to the pull that is under way.
          if (feed.error === undefined) feed.closeError = { is: error };
          else report(error);
        },
      },
    );
    const { iterable } = source;
    if (model.isClosed) feed.stop();
    else {
      model.feeds.add(feed);
      model.feedBegins(feed);
    }
    const ends = (check: () => void) => {
      isSettled = true;
      this.guard(() => {
        check();
        model.feeds.delete(feed);
        feed.state = "over";
      });
    };
    // Answered as its patience ended, and before it was settled: then it tells that.
    const isJustInTime = (error: unknown) => {
      const { value } = error as { value?: unknown };
      const at = model.sourceReports.findIndex((report) =>
        report.late !== undefined && report.late === value
      );
      if (feed.gaveUp && at >= 0) model.sourceReports.splice(at, 1);
      return feed.gaveUp && at >= 0;
    };
    const promise = this.call(
      "insertAll",
      () => this.group.insertAll(iterable),
    );
    // In this call.
    if (taken % AT_ONCE > 0 || taken === 0) goOnUnblocked();
    promise.then(
      (accepted) =>
        ends(() => {
          must(accepted === feed.accepted, `insertAll() is ${accepted}`);
          must(
            feed.error === undefined && feed.closeError === undefined,
            "insertAll() hides an error",
          );
          must(hasEnded || feed.state === "over", "insertAll() gave up");
          must(!source.isAsked || feed.gaveUp, "insertAll() did not wait");
        }),
      (error) =>
        ends(() => {
          const wanted = feed.error ?? feed.closeError;
          feed.closeError = undefined;
          const isRight = wanted !== undefined && ("is" in wanted
            ? error === wanted.is
            : isReason({ named: "CoGroupClosedError" }, error) &&
              error.value === wanted.late);
          must(
            isRight || isJustInTime(error),
            `insertAll() rejects with ${describe(error)}`,
          );
        }),
    );
    this.patient.push((due) => {
      const isWaiting = feed.state === "over" && !isSettled && source.isAsked;
      if (!isWaiting || feed.patientUntil > due) return false;
      feed.gaveUp = true;
      const { closeError } = feed;
      feed.closeError = undefined;
      if (closeError !== undefined) report(closeError.is);
      return true;
    });
    this.endings.push(() =>
      must(
        isSettled || source.neverCloses,
        `law 6: insertAll ${feed.id} is not settled`,
      )
    );
  }

  source(
    name: string,
    spec: SourceSpec,
    puller: ConstructorParameters<typeof ProgramSource>[3],
  ): ProgramSource {
    const source = new ProgramSource(name, spec, {
      guard: this.guard,
      nested: ({ nested }) => this.nest(nested),
      unanswered: this.unanswered,
      error: (what) => new Failure(what),
    }, puller);
    this.sources.push(source);
    return source;
  }
}

function withoutSignal({ signal: _, ...spec }: TaskSpec): TaskSpec {
  return spec;
}
