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

  insertAll(sourceSpec: SourceSpec, spec: TaskSpec): void {
    const model = this.model;
    if (model.feeds.size > 0 && !model.isLax) return;
    // A task whose signal is aborted is left out, and nobody can see when.
    const given = sourceSpec.kind === "sync" ? spec : withoutSignal(spec);
    let ending: { error: { is: unknown } | undefined } | undefined;
    const feed: FeedModel = {
      id: this.feeds++,
      state: "looking",
      accepted: 0,
      mayHold: false,
      hadRoom: false,
      lackedRoom: false,
      stop: () => {
        if (feed.state === "holding") model.vacate();
        feed.state = "over";
        source.close();
      },
    };
    let joins = model.joins;
    let taken = 0;
    let wasSkipped = false;
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
          if (feed.state === "over") return;
          this.sync();
          const job = jobs.get(value)!;
          const isSkipped = job.signal?.aborted === true;
          wasSkipped = isSkipped;
          if (isSkipped) model.vacate();
          else model.fill(feed, job);
          feed.state = "looking";
          joins = model.joins;
          model.feedBegins(feed);
          // A little after the group does; a pull may come before.
          const ofTask = ++taken;
          const hops = isAtHand && !isSkipped ? 1 : 2;
          microtasks(
            ofTask % AT_ONCE === 0 ? hops + 1 : hops,
            () => goOnUnblocked(ofTask),
          );
        },
        ended: (error) => {
          ending = { error };
          model.feeds.delete(feed);
          if (feed.state === "over") return;
          model.vacate();
          feed.state = "over";
        },
        gaveUp: () => {},
      },
    );
    const { iterable } = source;
    if (model.isClosed) feed.stop();
    else {
      model.feeds.add(feed);
      model.feedBegins(feed);
    }
    let isHeard = false;
    const ends = (check: () => void) => {
      isHeard = true;
      this.guard(() => {
        check();
        model.feeds.delete(feed);
        feed.state = "over";
      });
    };
    const promise = this.call(
      "insertAll",
      () => this.group.insertAll(iterable),
    );
    // In this call; after one that was left out, a microtask later.
    if (!wasSkipped && (taken % AT_ONCE > 0 || taken === 0)) goOnUnblocked();
    promise.then(
      (accepted) =>
        ends(() => {
          must(accepted === feed.accepted, `insertAll() is ${accepted}`);
          must(ending?.error === undefined, "insertAll() hides an error");
          must(
            ending !== undefined || feed.state === "over",
            "insertAll() gave up",
          );
        }),
      (error) =>
        ends(() =>
          must(
            error !== undefined && error === source.error,
            `insertAll() rejects with ${describe(error)}`,
          )
        ),
    );
    this.endings.push(() =>
      must(isHeard, `law 6: insertAll ${feed.id} is not settled`)
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
      pending: this.pending,
      error: (what) => new Failure(what),
    }, puller);
    this.sources.push(source);
    return source;
  }
}

function withoutSignal({ signal: _, ...spec }: TaskSpec): TaskSpec {
  return spec;
}
