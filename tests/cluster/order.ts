/**
 * The order of a key's messages: in one process, and over two with a partition each.
 *
 * @module
 */

import { range } from "../support/helpers.ts";
import { assertEquals } from "../support/std.ts";
import { openQueue, type Queue } from "./support/engines.ts";
import { Stage, until } from "./support/survival.ts";
import { books, type Line, Project } from "./support/workers.ts";

const KEYS = 100;
const JOBS = 10_000;
const LEASE = 5000;

const project = await Project.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());

/** How many jobs ended after a later one of their key. */
function inversions(lines: readonly Line[]): number {
  const last = new Map<number, number>();
  let count = 0;
  for (const { step, n } of lines) {
    if (step !== "end") continue;
    const key = Number(n) % KEYS;
    if ((last.get(key) ?? -1) > Number(n)) count++;
    last.set(key, Number(n));
  }
  return count;
}

for (const processes of [1, 2]) {
  Deno.test(`consume: no key of ${JOBS} messages loses its order by retries in place, with ${processes} process${processes > 1 ? "es, each of a partition" : ""}`, async () => {
    await using stage = await Stage.set(project, "jetstream", LEASE, [
      0,
      processes,
    ]);
    const partitions = range(processes).map((i) => ({
      ...stage.options,
      partition: [i, processes] as const,
    }));
    await using stack = new AsyncDisposableStack();
    const queues: Queue[] = [];
    for (const options of partitions) {
      queues.push(stack.use(await openQueue(options)));
    }
    // All jobs of a key are of one partition.
    await stage.queue.enqueue(
      range(JOBS).map((n) => ({ n, key: `${n % KEYS}` })),
    );
    for (const options of partitions) {
      await stage.workers.start({
        ...options,
        ...{ concurrency: 16, takes: [0, 0], failing: 5 },
        ...{ isKeyed: true, ahead: 200 },
      });
    }
    await until("an end", async () => {
      const left = await Promise.all(queues.map((queue) => queue.left()));
      return left.every((n) => n === 0);
    });
    for (const program of stage.workers.all) program.kill("SIGINT");
    for (const program of stage.workers.all) await program.ended;
    const lines = await stage.workers.lines();
    assertEquals(books(lines, JOBS), [0, JOBS, 0, 0]);
    assertEquals(inversions(lines), 0);
    const failed = lines.filter(({ step }) => step === "fail").length;
    assertEquals(failed > JOBS / 50, true, `only ${failed} were tried again`);
  });
}
