/**
 * A program to be watched: a group that is brought 10,000 tasks a second. Prints where
 * it can be watched, if so, and what came of it.
 *
 * ```sh
 * deno run --allow-net=127.0.0.1 .ci/trace_page/pace.ts alone|recorded|watched SECONDS
 * ```
 *
 * @module
 */

import process from "node:process";
import { CoGroup } from "../../mod.ts";
import { Recorder, serveTrace } from "../../src/trace/mod.ts";
import { sleep } from "./runs.ts";

/** What a group made of it. */
export interface Pace {
  /** How many tasks it ended a second, and the microseconds of CPU that each took. */
  readonly ended: number;
  readonly cpu: number;
  /** Megabytes. */
  readonly memory: number;
}

const work = () => sleep(2);

async function paceOf(
  seconds: number,
  observer: Recorder | undefined,
): Promise<Pace> {
  const group = new CoGroup({ concurrency: 64, observer });
  const began = performance.now();
  const before = process.cpuUsage();
  const until = began + seconds * 1000;
  let brought = 0;
  while (performance.now() < until) {
    const due = (performance.now() - began) * 10;
    for (; brought < due; brought++) {
      group.add(work, { id: brought, key: brought % 7 });
    }
    await sleep(5);
  }
  await group.wait();
  const { user, system } = process.cpuUsage(before);
  const took = (performance.now() - began) / 1000;
  return {
    ended: brought / took,
    cpu: (user + system) / brought,
    memory: process.memoryUsage().rss / 1e6,
  };
}

if (import.meta.main) {
  const [mode, seconds] = process.argv.slice(2) as [string, string];
  const recorder = mode === "alone" ? undefined : new Recorder();
  const server = mode === "watched" ? await serveTrace(recorder!) : undefined;
  if (server) {
    console.log(server.url);
    await sleep(2_000); // For the page to come.
  }
  console.log(JSON.stringify(await paceOf(Number(seconds), recorder)));
  await server?.close();
}
