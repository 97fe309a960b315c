/**
 * `examples/opentelemetry.ts` with OpenTelemetry's own SDK, on each runtime; and with what
 * Deno has built in. The SDK is installed from npm, or taken from npm's cache.
 *
 * @module
 */

import { inSpans, measuring } from "../../examples/opentelemetry.ts";
import { CoGroup, type ObservedTask, type Step } from "../../mod.ts";
import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { DENO, runtimes } from "./support/runtimes.ts";

const PROGRAM = new URL("support/otel_program.ts", import.meta.url).pathname;
const EXAMPLE =
  new URL("../../examples/opentelemetry.ts", import.meta.url).pathname;
/** Versions that go together, and no newer ones by themselves. */
const PACKAGES = [
  "api@1.9.0",
  "context-async-hooks@2.12.1",
  "sdk-trace-base@2.12.1",
  "sdk-metrics@2.12.1",
].map((name) => `@opentelemetry/${name}`);

interface Span {
  name: string;
  parent?: string;
  status?: string;
  events: number;
}

async function output(
  program: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const command = new Deno.Command(program, { ...options, args });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout) + decoder.decode(stderr);
}

Deno.test("opentelemetry.ts: spans have the spans of the callers as parents, and metrics count all ends", async (t) => {
  const project = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${project}/package.json`, '{"private":true}');
    const install = ["install", "--silent", "--prefer-offline", ...PACKAGES];
    await output("npm", install, { cwd: project });
    for (const { name, program, args } of await runtimes()) {
      await t.step(`on ${name}`, async () => {
        const how = name === DENO.name
          ? ["run", "--quiet", "--no-check", "-A"]
          : args;
        const json = await output(program, [...how, PROGRAM, project]);
        check(JSON.parse(json));
      });
    }
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});

function check({ spans, metrics }: { spans: Span[]; metrics: string[][] }) {
  const parents = spans.map(({ name, parent }) => `${name} < ${parent}`);
  assertEquals(parents.sort(), [
    "caller of add < undefined",
    "caller of go < undefined",
    "caller of map < undefined",
    "in a go < task",
    ...range(3).map((i) => `in item ${i + 1} < task`),
    "reader of map < undefined",
    "task < caller of go",
    ...range(3).map(() => "task < caller of map"),
    "task < undefined", // The group was made in no span.
  ]);
  const failed = spans.filter(({ status }) => status !== undefined);
  assertEquals(failed.map(({ status, events }) => [status, events]), [
    ["Error: broken", 1],
  ]);
  assertEquals(metrics, [
    ["cogroup.ended", "fulfilled 4", "cleared 1", "rejected 1"],
    ["cogroup.waited", "all 5"],
    ["cogroup.ran", "all 5"],
    ["cogroup.tasks", "queued 0", "delayed 0", "inFlight 0", "lent 0"],
  ]);
}

Deno.test("opentelemetry.ts: an attempt ran as long as it had a worker, whether it is tried again or lends that", () => {
  const recorded: Record<string, number[]> = {};
  const make = (name: string) => {
    const values = recorded[name] = [] as number[];
    const take = (value: number) => void values.push(value);
    return { add: take, record: take };
  };
  const meter = { createCounter: make, createHistogram: make };
  const observer = measuring(meter as never, "test");
  const plain = { id: undefined, key: undefined, priority: 0, weight: 1 };
  const tell = (task: ObservedTask, steps: object[]) => {
    for (const step of steps) observer.onStep({ task, ...step } as Step);
  };
  const at = (attempt: number, workerId = 0) => ({ attempt, workerId });
  tell({ ...plain, number: 1 }, [
    { type: "started", elapsed: 1, ...at(1) },
    { type: "delayed", elapsed: 100, ...at(1) },
    { type: "due", elapsed: 1_000 },
    { type: "started", elapsed: 2, ...at(2) },
    { type: "rejected", elapsed: 5, ...at(2) },
  ]);
  tell({ ...plain, number: 2 }, [
    { type: "started", elapsed: 3, ...at(1) },
    { type: "lent", elapsed: 80, ...at(1) },
    { type: "back", elapsed: 1_000, ...at(1) },
    { type: "lent", elapsed: 7, ...at(1) },
    { type: "fulfilled", elapsed: 1_000, ...at(1, -1) },
  ]);
  assertEquals(recorded, {
    "cogroup.ended": [1, 1],
    "cogroup.waited": [1, 2, 3],
    "cogroup.ran": [100, 5, 87],
  });
});

Deno.test("opentelemetry.ts: a task rejects with what it has thrown, though that has no text", async () => {
  const span = { recordException() {}, setStatus() {}, end() {} };
  const tracer = {
    startActiveSpan: (_: string, __: unknown, run: (it: unknown) => unknown) =>
      run(span),
  };
  const worker = inSpans(tracer as never, "test");
  const group = new CoGroup({ concurrency: 1, worker });
  const odd = Object.create(null);
  const error = await group.go(() => Promise.reject(odd)).catch((it) => it);
  assert(error === odd);
  await group.wait();
});

Deno.test("opentelemetry.ts: Deno's own OpenTelemetry exports its spans and metrics", async () => {
  const text = await output(Deno.execPath(), [
    ...["run", "--quiet", "--no-check", "--allow-env", EXAMPLE],
  ], {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "console",
      NO_COLOR: "1",
    },
  });
  const ids = [...text.matchAll(/^SPAN all squares \[\w+\/(\w+)\]/gm)];
  assertEquals(ids.length, 1, text);
  const squares = /^SPAN square \[.+\n\s+parent: (\w+)$/gm;
  const parents = [...text.matchAll(squares)].map(([, id]) => id);
  assertEquals(parents, range(3).map(() => ids[0]![1]));
  for (const name of ["ended", "waited", "ran"]) {
    assert(text.includes(`METRIC cogroup.${name} `), `${name} in ${text}`);
  }
});
