/**
 * `examples/opentelemetry.ts` with OpenTelemetry's own SDK. Prints what that has got, as
 * JSON: the spans, by their names and those of their parents, and the metrics.
 *
 * @module
 */

import { createRequire } from "node:module";
import process from "node:process";
import { gauge, inSpans, measuring } from "../../../examples/opentelemetry.ts";
import { CoGroup } from "../../../mod.ts";

/** What this needs of a span that has ended. */
interface Span {
  readonly name: string;
  readonly parentSpanContext?: { readonly spanId: string };
  readonly status: { readonly message?: string };
  readonly events: readonly unknown[];
  spanContext(): { readonly spanId: string };
}

/** What this needs of a metric. */
interface Metric {
  readonly descriptor: { readonly name: string };
  readonly dataPoints: readonly {
    readonly attributes: Readonly<Record<string, string>>;
    readonly value: number | { readonly count: number };
  }[];
}

// The packages are in a directory of their own: see the test.
const require = createRequire(`${process.argv[2]}/`);
const { context, metrics, trace } = require("@opentelemetry/api");
const { AsyncLocalStorageContextManager } = require(
  "@opentelemetry/context-async-hooks",
);
const sdk = require("@opentelemetry/sdk-trace-base");
const metricsSdk = require("@opentelemetry/sdk-metrics");

const exporter = new sdk.InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new sdk.BasicTracerProvider({
    spanProcessors: [new sdk.SimpleSpanProcessor(exporter)],
  }),
);
const measured = new metricsSdk.InMemoryMetricExporter(0);
const reader = new metricsSdk.PeriodicExportingMetricReader({
  exporter: measured,
  exportIntervalMillis: 60_000,
});
metrics.setGlobalMeterProvider(
  new metricsSdk.MeterProvider({ readers: [reader] }),
);

const tracer = trace.getTracer("test");
const meter = metrics.getMeter("test");
const within = <T>(name: string, fn: () => T): Promise<T> =>
  tracer.startActiveSpan(name, async (span: { end(): void }) => {
    try {
      return await fn();
    } finally {
      span.end();
    }
  });

const group = new CoGroup({
  concurrency: 2,
  worker: inSpans(tracer, "task"),
  observer: measuring(meter, "test"),
  onError: () => {},
});
gauge(meter, "test", group);

await within("caller of go", () => group.go(() => within("in a go", () => {})));
const stream = await within(
  "caller of map",
  () => [group.map([1, 2, 3], (n) => within(`in item ${n}`, () => n))],
);
await within("reader of map", async () => {
  for await (const _ of stream[0]!);
});
await within("caller of add", () => {
  group.add(() => Promise.reject(new Error("broken")));
});
group.add(() => {});
group.clear();
await group.wait();
await reader.forceFlush();

const spans: Span[] = exporter.getFinishedSpans();
const nameOf = (id: string | undefined) =>
  spans.find((span) => span.spanContext().spanId === id)?.name;
const [{ scopeMetrics }] = measured.getMetrics();
const heard: Metric[] = scopeMetrics[0].metrics;
console.log(JSON.stringify({
  spans: spans.map(({ name, parentSpanContext, status, events }) => ({
    name,
    parent: nameOf(parentSpanContext?.spanId),
    status: status.message,
    events: events.length,
  })),
  metrics: heard.map(({ descriptor, dataPoints }) => [
    descriptor.name,
    ...dataPoints.map(({ attributes, value }) => {
      const { "cogroup.end": end, "cogroup.state": state } = attributes;
      const of = end ?? state ?? "all";
      return `${of} ${typeof value === "number" ? value : value.count}`;
    }),
  ]),
}));
process.exit(0);
