/**
 * Counts primes on all cores: a thread for each worker of a group.
 *
 * ```sh
 * deno run --allow-read=examples examples/small/threads.ts 1000000 2000000 3000000
 * ```
 *
 * @module
 */

import { once } from "node:events";
import { availableParallelism } from "node:os";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { CoGroup } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";
import { stopOnInterrupt } from "../support/interrupt.ts";

const USAGE = "threads.ts NUMBER...";
const numbers = argumentsFor(USAGE);
// With too few arguments it shows how to call it: wrong ones are as good as none.
if (!numbers.every((n) => /^\d+$/.test(n))) argumentsFor(USAGE, Infinity);
const threads: (Worker | undefined)[] = [];
const group = new CoGroup({
  concurrency: availableParallelism(),
  worker(task, ctx) { // An id is never shared by two tasks in flight.
    const script = new URL("../support/primes.ts", import.meta.url);
    threads[ctx.workerId] ??= new Worker(script, { env: {} }); // Ours Deno would ask for.
    return task(ctx);
  },
  onError: (error, { options }) => console.error(`${options?.id}: ${error}`),
});
stopOnInterrupt("threads", group);
for (const n of numbers.map(Number)) {
  group.add(async ({ workerId }) => {
    const thread = threads[workerId]!;
    thread.postMessage(n);
    try {
      const [count] = await once(thread, "message"); // Or rejects with its error.
      console.log(`${count} primes below ${n}`);
    } catch (error) {
      threads[workerId] = undefined; // It is over: the next task gets another.
      throw error;
    }
  }, { id: n });
}
const left = await group.wait();
for (const thread of threads) await thread?.terminate();
process.exitCode = left + group.stats.rejected > 0 ? 1 : 0;
