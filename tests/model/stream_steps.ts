// deno-coverage-ignore-file

/**
 * Steps that make streams, and read them.
 *
 * @module
 */

import type { SettledItem } from "../../mod.ts";
import { clock, PATIENCE } from "./clock.ts";
import { InsertSteps } from "./insert_steps.ts";
import type { Step } from "./program.ts";
import { isReason, type Job, must } from "./jobs.ts";
import type { CountedSignal } from "./signals.ts";
import type { TaskContext } from "../../mod.ts";
import type { ProgramSource } from "./source.ts";
import { type Reader, StreamModel } from "./stream_reference.ts";
import { context, describe, Failure, pick } from "./world.ts";

export abstract class StreamSteps extends InsertSteps {
  map(step: Step & { op: "map" | "mapSettled" }): void {
    const model = this.model;
    const id = this.streams.length;
    const { id: _, ...spec } = step.task; // Each item would have the same.
    const taskOptions = this.taskOptions(spec, 3000 + id) ?? {};
    const { ordered, ahead } = step;
    const options = { ...taskOptions, ordered, ahead };
    const isAtHand = step.source.kind === "sync";
    const stream: StreamModel = new StreamModel(id, model, {
      isSettled: step.op === "mapSettled",
      ordered,
      ahead,
      signal: options.signal as CountedSignal | undefined,
      closeSource: () => source.close(),
      report: (error) => {
        model.sourceReports.push({ error, given: iterable, options });
      },
    });
    if (step.task.signal === "own") {
      // Its signal is one like any other, from the first item on.
      const { job } = this.job("map", step.task, stream, options);
      job.state = "gone";
    }
    const arrives = (then: () => void) => {
      stream.isPulling = false;
      this.sync();
      then();
    };
    const source: ProgramSource = this.source(`stream ${id}`, step.source, {
      pulls: () => {
        this.sync();
        stream.pulls();
        stream.isPulling = !isAtHand;
        const store = context.getStore();
        must(
          store === `map ${id}`,
          `law 13: pulled in the context of ${store}`,
        );
      },
      make: () => this.job("map", step.task, stream, options).job,
      comes: (job) => arrives(() => stream.comes(job as Job)),
      ended: (error) =>
        arrives(() => {
          const isItem = stream.options.isSettled && error !== undefined &&
            step.source.kind === "promises" && !source.hasEnded;
          if (!isItem) return stream.ended(error);
          const { job } = this.job("map", step.task, stream, options);
          job.failedOn = { workerId: -1, attempt: 0 };
          stream.itemFails(job, error);
        }),
      closedBadly: (error) => stream.closedBadly(error),
    });
    const { iterable } = source;
    const fn = (job: Job, ctx: TaskContext) => this.run(job, step.task, ctx);
    const iterator = this.call(
      `map ${id}`,
      () => this.group[step.op](iterable, fn as never, options),
    );
    this.streams.push({ model: stream, source, iterator, readers: [] });
    for (let i = 0; i < step.reads; i++) this.read("read", id);
  }

  read(op: "read" | "break" | "throw", which: number): void {
    const stream = pick(this.streams, which);
    if (stream === undefined) return;
    const { iterator, model, readers } = stream;
    if (op !== "read") {
      const isFirst = model.broken === undefined;
      model.return(op);
      const reason = new Failure("throw");
      const mine = { isHeard: false };
      const patientUntil = clock.now + PATIENCE;
      this.patient.push((due) =>
        !mine.isHeard && stream.source.isAsked && patientUntil <= due
      );
      const value = {};
      const promise = this.call(
        op,
        () =>
          op === "break" ? iterator.return!(value) : iterator.throw!(reason),
      );
      promise.then(
        (step) =>
          this.guard(() => {
            mine.isHeard = true;
            must(
              op === "break" && step.done === true && step.value === value &&
                (!isFirst || model.broken?.error === undefined),
              `${op} of stream ${model.id} is another step`,
            );
          }),
        (error) =>
          this.guard(() => {
            mine.isHeard = true;
            const wanted = op === "throw"
              ? { is: reason }
              : isFirst
              ? model.broken?.error
              : undefined;
            must(
              wanted !== undefined && isReason(wanted, error),
              `${op} of stream ${model.id} rejects with ${describe(error)}`,
            );
          }),
      );
      this.endings.push(() =>
        must(
          mine.isHeard || stream.source.neverCloses,
          `law 12: ${op} of stream ${model.id} is not settled`,
        )
      );
      return;
    }
    const mine = { reader: model.next(), isHeard: false };
    readers.push(mine);
    const hears = (ok: boolean, value: unknown) => {
      mine.isHeard = true;
      this.guard(() => {
        const { step } = mine.reader;
        must(
          step !== undefined &&
            isStep(step, model.options.isSettled, ok, value),
          `law 12: a next() of stream ${model.id} ${
            ok ? "is" : "rejects with"
          } ${describe(value)}`,
        );
      });
    };
    this.call("read", () => iterator.next()).then(
      (value) => hears(true, value),
      (error) => hears(false, error),
    );
  }
}

function isStep(
  step: NonNullable<Reader["step"]>,
  isSettled: boolean,
  ok: boolean,
  value: unknown,
): boolean {
  if ("error" in step) return !ok && isReason(step.error, value);
  const result = value as IteratorResult<unknown>;
  if (!ok) return false;
  if ("done" in step) return result.done === true;
  if (result.done) return false;
  const { outcome } = step.item;
  if (!isSettled) return outcome!.ok && outcome!.value === result.value;
  const settled = result.value as SettledItem<unknown, unknown>;
  const isPromise = step.item.failedOn?.attempt === 0;
  const item = isPromise ? undefined : step.item;
  if (settled.item !== item || settled.index !== step.item.index) return false;
  return outcome!.ok
    ? settled.status === "fulfilled" && settled.value === outcome!.value
    : settled.status === "rejected" &&
      isReason(outcome!.reason, settled.reason);
}
