/**
 * Throughput against concurrency: 10,000 async tasks that do nothing, so that
 * the figure is what each way of running them costs. Compare the minima within
 * one group; for figures to rely on see peers.ts.
 *
 * ```sh
 * deno bench bench/throughput_bench.ts
 * ```
 *
 * @module
 */

import { addWays, type RunAll } from "./support/add_ways.ts";
import { batch, present, using, type Way } from "./support/contenders.ts";
import { Peers } from "./support/peers.ts";

const NAMES = ["bare loop", "cogroup", "p-limit", "p-queue", "fastq", "p-map"];

const ways: readonly Way<RunAll>[] = [
  ...addWays.filter(({ name }) => NAMES.includes(name)),
  using("pooledMap", ({ pooledMap }) => async (tasks, concurrency) => {
    const results = pooledMap(concurrency, tasks, (task) => task());
    for await (const _ of results);
  }),
];

const peers = await Peers.load();
for (const note of peers.notes) console.log(note);

const { tasks, verify } = batch(10_000);
for (const concurrency of [1, 4, 16, 64, 256, 1024]) {
  present(ways, peers, (name, runAll) =>
    Deno.bench({
      name: `${name}, ${concurrency}`,
      group: `concurrency ${concurrency}`,
      baseline: name === "bare loop",
      async fn() {
        await runAll(tasks, concurrency);
        verify();
      },
    }));
}
