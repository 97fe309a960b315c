// deno-coverage-ignore-file

/**
 * Three workers of three runtimes, and what may happen to them and to the server.
 *
 * @module
 */

import { range } from "../../support/helpers.ts";
import { assert, assertEquals } from "../../support/std.ts";
import { openQueue, type Queue, type QueueOptions } from "./engines.ts";
import { Server } from "./servers.ts";
import { books, forgotten, type Project, thrice, Workers } from "./workers.ts";

export type Engine = QueueOptions["engine"];

export const serverOf: Record<Engine, () => Promise<Server>> = {
  jetstream: Server.nats,
  redis: Server.redis,
  postgres: Server.postgres,
};

/** How long a test waits for what has to come, in ms. */
const PATIENCE = 60_000;

/** Asks every few ms, until the answer is yes. */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!await isSo()) {
    assert(performance.now() < end, `it never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A queue on a server of its own, and no workers yet. */
export class Stage implements AsyncDisposable {
  readonly options: QueueOptions;
  readonly server: Server;
  readonly queue: Queue;
  readonly workers: Workers;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    options: QueueOptions,
    server: Server,
    queue: Queue,
    workers: Workers,
  ) {
    this.#stack = stack;
    this.options = options;
    this.server = server;
    this.queue = queue;
    this.workers = workers;
  }

  static async set(
    project: Project,
    engine: Engine,
    lease: number,
    partition?: readonly [number, number],
  ): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await serverOf[engine]());
    const options: QueueOptions = {
      ...{ engine, port: server.port, lease },
      ...partition && { partition },
    };
    const queue = stack.use(await openQueue(options));
    const workers = stack.use(await Workers.of(project));
    return new Stage(stack.move(), options, server, queue, workers);
  }

  /** Resolves when nothing is left. */
  async emptied(): Promise<void> {
    // A question that the server was too busy, or too dead, to answer is asked again.
    const left = () => this.queue.left().catch(() => Infinity);
    await until("an empty queue", async () => await left() === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What befalls them when so many of a hundred jobs are done. */
const FATES: [percent: number, fate: (stage: Stage) => Promise<unknown>][] = [
  [12, ({ workers }) => end(workers, 0, "SIGKILL")],
  [30, async ({ server }) => {
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.start();
  }],
  [50, ({ workers }) => end(workers, 1, "SIGKILL")],
  [70, ({ workers }) => end(workers, 2, "SIGINT")],
];

async function end(
  { all }: Workers,
  n: number,
  signal: Deno.Signal,
): Promise<void> {
  all[n]!.kill(signal);
  const { code } = await all[n]!.ended;
  // Killed by that signal, or ended in peace.
  assertEquals(code, signal === "SIGINT" ? 0 : 137, `worker ${n}: ${signal}`);
}

/** How many jobs were run twice, after two workers and the server were killed, and one worker interrupted. */
export async function survive(
  project: Project,
  engine: Engine,
  { jobs, concurrency }: { jobs: number; concurrency: number },
): Promise<number> {
  await using stage = await Stage.set(project, engine, 5000);
  const { options, queue, workers } = stage;
  const start = () =>
    workers.start({
      ...options,
      ...{ concurrency, takes: [30, 60], failing: 2 },
    });
  await queue.enqueue(range(jobs).map((n) => ({ n })));
  await Promise.all(range(3).map(start));
  for (const [percent, fate] of FATES) {
    const done = jobs * percent / 100;
    await until(`${done} jobs`, async () => await workers.ended() >= done);
    await fate(stage);
    // In the place of the one that ended.
    if (percent !== 30) await start();
  }
  await stage.emptied();
  await Promise.all(range(3).map((i) => end(workers, 3 + i, "SIGINT")));
  const lines = await workers.lines();
  const [never, , twice] = books(lines, jobs);
  assertEquals(never, 0, "never run");
  // Of a job that a killed server has forgotten it may have two notes: one as new, one
  // as under way. nats-server 2.9 has, now and then.
  const known = forgotten(lines);
  const often = thrice(lines);
  assertEquals(often.filter((n) => !known.has(n)), [], "three times or more");
  assert(often.length <= jobs / 1000, `${often.length} three times`);
  return twice! + often.length;
}
