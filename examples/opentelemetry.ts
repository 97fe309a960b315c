/**
 * A group for OpenTelemetry: a span for each attempt of a task, and metrics.
 *
 * A span is a child of the one in which `go` or `map` was called (of `add` and `insert`,
 * of the one in which the group was made), and what the task does is in it. It works
 * wherever `@opentelemetry/api` has a provider: of its SDK, or Deno's own, which exports
 * what this makes, and spans of `fetch` and `Deno.serve` besides:
 *
 * ```sh
 * OTEL_DENO=true OTEL_EXPORTER_OTLP_PROTOCOL=console deno run --allow-env examples/opentelemetry.ts
 * ```
 *
 * @module
 */

import type { Meter, Tracer } from "npm:@opentelemetry/api@1.9";
import {
  CoGroup,
  type ObservedTask,
  type Observer,
  type TaskContext,
  type WorkerFunction,
} from "../mod.ts";

/** `SpanStatusCode.ERROR`: the types alone are imported. */
const ERROR = 2;

/** A worker function that runs each attempt in a span of that name. */
export function inSpans(tracer: Tracer, name: string): WorkerFunction {
  return <T>(
    task: (ctx: TaskContext) => T | PromiseLike<T>,
    ctx: TaskContext,
  ) => {
    const attributes = {
      "cogroup.attempt": ctx.attempt,
      "cogroup.worker": ctx.workerId,
    };
    return tracer.startActiveSpan(name, { attributes }, async (span) => {
      try {
        return await task(ctx);
      } catch (error) {
        const message = text(error);
        span.recordException(error instanceof Error ? error : message);
        span.setStatus({ code: ERROR, message });
        throw error;
      } finally {
        span.end();
      }
    });
  };
}

/** Of whatever a task throws: not everything can be made a text. */
function text(error: unknown): string {
  try {
    return String(error);
  } catch {
    return typeof error;
  }
}

/**
 * An observer that measures how tasks end, how long they are queued before each attempt,
 * and how long each attempt keeps a worker: what it waits in `ctx.lend` is left out.
 */
export function measuring(meter: Meter, name: string): Observer {
  const group = { "cogroup.name": name };
  const unit = "ms";
  const ended = meter.createCounter("cogroup.ended");
  const waited = meter.createHistogram("cogroup.waited", { unit });
  const ran = meter.createHistogram("cogroup.ran", { unit });
  /** How long those ran that have lent their workers, before that. */
  const before = new Map<ObservedTask, number>();
  return {
    onStep(step) {
      switch (step.type) {
        case "started":
          return waited.record(step.elapsed, group);
        case "lent":
          before.set(step.task, (before.get(step.task) ?? 0) + step.elapsed);
          return;
        case "delayed":
        case "fulfilled":
        case "rejected": {
          const { task, elapsed, workerId } = step;
          const last = workerId < 0 ? 0 : elapsed; // Else it has lent its worker to the end.
          ran.record((before.get(task) ?? 0) + last, group);
          before.delete(task);
          if (step.type === "delayed") return;
          return ended.add(1, { ...group, "cogroup.end": step.type });
        }
        case "abandoned":
          return ended.add(1, { ...group, "cogroup.end": step.why });
      }
    },
  };
}

/** Has the meter read how many tasks are in which state, whenever it exports. */
export function gauge(meter: Meter, name: string, group: CoGroup): void {
  const tasks = meter.createObservableUpDownCounter("cogroup.tasks");
  tasks.addCallback((result) => {
    const { queued, delayed, inFlight, lent } = group.stats;
    for (
      const [state, n] of Object.entries({ queued, delayed, inFlight, lent })
    ) {
      result.observe(n, { "cogroup.name": name, "cogroup.state": state });
    }
  });
}

if (import.meta.main) {
  const { metrics, trace } = await import("npm:@opentelemetry/api@1.9");
  const name = "squares";
  const tracer = trace.getTracer("example");
  const meter = metrics.getMeter("example");
  await using group = new CoGroup({
    concurrency: 2,
    worker: inSpans(tracer, "square"),
    observer: measuring(meter, name),
  });
  gauge(meter, name, group);
  await tracer.startActiveSpan("all squares", async (span) => {
    for await (const n of group.map([1, 2, 3], (n) => n * n)) console.log(n);
    span.end();
  });
}
