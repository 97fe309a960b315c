/**
 * Leases of messages on real servers: of processes that stand still, and of messages that
 * kill their process.
 *
 * @module
 */

import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { type Engine, Stage, until } from "./support/survival.ts";
import { books, type Line, Project } from "./support/workers.ts";

const ENGINES: Engine[] = ["jetstream", "redis", "postgres"];
const LEASE = 2000;

const project = await Project.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());

const pick = (lines: readonly Line[], step: Line["step"]) =>
  lines.filter((line) => line.step === step);

for (const engine of ENGINES) {
  Deno.test(`consume: over ${engine}, the handler of a process that stood still for longer than its lease hears of it, and the job is run once elsewhere`, async () => {
    await using stage = await Stage.set(project, engine, LEASE);
    const { options, queue, workers } = stage;
    const lines = () => workers.lines();
    await queue.enqueue([{ n: 0 }]);
    const slow = await workers.start({
      ...options,
      ...{ concurrency: 1, takes: [60_000, 60_000] },
    });
    await until("a start", async () => pick(await lines(), "start").length > 0);
    slow.kill("SIGSTOP");
    // There is none to take it before.
    await workers.start({ ...options, concurrency: 1, takes: [500, 500] });
    await until(
      "a start elsewhere",
      async () => pick(await lines(), "start").length > 1,
    );
    // The other one is in the middle of it.
    slow.kill("SIGCONT");
    await until(
      "word of it",
      async () => pick(await lines(), "lost").length > 0,
    );
    await stage.emptied();
    for (const program of workers.all) program.kill("SIGINT");
    for (const program of workers.all) {
      assertEquals((await program.ended).code, 0);
    }
    const all = await lines();
    const steps = ({ worker, step }: Line) => `${worker} ${step}`;
    assertEquals(all.filter(({ worker }) => worker === 0).map(steps), [
      "0 start",
      "0 error",
      "0 lost",
    ]);
    assertEquals(all.filter(({ worker }) => worker === 1).map(steps), [
      "1 start",
      "1 end",
    ]);
    assertEquals(slow.stats?.lost, 1);
    assertEquals(slow.stats?.acked, 0);
  });

  Deno.test(`consume: over ${engine}, what a process has not begun at Ctrl-C is begun elsewhere long before its lease ends`, async () => {
    const lease = 30_000;
    await using stage = await Stage.set(project, engine, lease);
    const { options, queue, workers } = stage;
    const starts = async (worker: number) =>
      pick(await workers.lines(), "start").filter((line) =>
        line.worker === worker
      );
    await queue.enqueue(range(100).map((n) => ({ n })));
    const takes = [2000, 2000] as const;
    const first = await workers.start({
      ...options,
      concurrency: 16,
      ahead: 84,
      takes,
    });
    await until("its starts", async () => (await starts(0)).length === 16);
    // With nothing to do as yet: the first one holds all of them.
    await workers.start({ ...options, concurrency: 100, takes });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const interrupted = Date.now();
    first.kill("SIGINT");
    await until(
      "the others' starts",
      async () => (await starts(1)).length >= 84,
    );
    const times = (await starts(1)).map(({ time }) => time - interrupted);
    assertEquals((await first.ended).code, 0);
    assertEquals(first.stats?.returned, 84);
    await stage.emptied();
    assertEquals(books(await workers.lines(), 100), [0, 100, 0, 0]);
    assert(times.at(-1)! < lease / 3, `${times.at(-1)} ms`);
    console.log(
      `${engine}: 84 begun elsewhere ${times[0]} to ${
        times.at(-1)
      } ms after Ctrl-C`,
    );
  });

  Deno.test(`consume: over ${engine}, a message that kills its process is dead after maxDeliveries, and the others are run`, async () => {
    await using stage = await Stage.set(project, engine, LEASE);
    const { options, queue, workers } = stage;
    const others = range(20).map((n) => ({ n }));
    await queue.enqueue([{ n: 100, isPoison: true }, ...others]);
    const isDead = async () => pick(await workers.lines(), "dead").length > 0;
    const start = () =>
      workers.start({
        ...options,
        ...{ concurrency: 2, takes: [5, 5], maxDeliveries: 2 },
      });
    let killed = 0;
    for (let isOver = false; !isOver;) {
      const worker = await start();
      const died = worker.ended.then(() => true);
      const dead = until("its death", isDead).then(() => false);
      dead.catch(() => {});
      isOver = !await Promise.race([died, dead]);
      if (isOver) await end(worker);
      else killed++;
      assert(killed <= 2, "it was run too often");
    }
    assertEquals(killed, 2);
    await stage.emptied();
    const lines = await workers.lines();
    assertEquals(pick(lines, "start").filter(({ n }) => n === "100").length, 2);
    assertEquals(pick(lines, "dead").map(({ n }) => n), ["100"]);
    const ended = new Set(pick(lines, "end").map(({ n }) => Number(n)));
    assertEquals([...ended].sort((a, b) => a - b), range(20));

    async function end(worker: Awaited<ReturnType<typeof start>>) {
      await stage.emptied();
      worker.kill("SIGINT");
      assertEquals((await worker.ended).code, 0);
    }
  });
}
