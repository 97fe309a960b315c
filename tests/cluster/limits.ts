/**
 * Limits that four processes share, one of which is killed; by the order and the clock of the
 * server.
 *
 * @module
 */

import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { connectNats, connectRedis } from "./support/engines.ts";
import type { HolderOptions } from "./support/holder.ts";
import { type Log, natsLog, type Note, redisLog } from "./support/log.ts";
import { Server } from "./support/servers.ts";
import { until } from "./support/survival.ts";
import { Program, Project } from "./support/workers.ts";

const project = await Project.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());

const BACKENDS = ["jetstream", "redis"] as const;
type Backend = (typeof BACKENDS)[number];
const LEASE = 2000;

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server, its log, and processes that share its limit. */
class Scene implements AsyncDisposable {
  readonly server: Server;
  readonly log: Log;
  readonly holders: Program[] = [];
  readonly #left = new Set<Program>();
  readonly #options: Omit<HolderOptions, "who">;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    server: Server,
    log: Log,
    options: Omit<HolderOptions, "who">,
  ) {
    this.#stack = stack;
    this.server = server;
    this.log = log;
    this.#options = options;
  }

  static async set(options: Omit<HolderOptions, "who" | "port" | "lease">) {
    await using stack = new AsyncDisposableStack();
    const isRedis = options.backend === "redis";
    const server = stack.use(await (isRedis ? Server.redis() : Server.nats()));
    const { port } = server;
    let log: Log;
    if (isRedis) {
      const redis = connectRedis(port);
      stack.defer(() => redis.disconnect());
      log = redisLog(redis);
    } else {
      const connection = await connectNats(port);
      stack.defer(() => connection.close());
      log = await natsLog(connection);
    }
    return new Scene(stack.move(), server, log, {
      ...options,
      port,
      lease: LEASE,
    });
  }

  start(): Promise<Program> {
    const n = this.holders.length;
    const options = { ...this.#options, who: `${n}` };
    const script = "tests/cluster/support/holder.ts";
    const holder = Program.start(project, project.runtime(n), script, options);
    this.holders.push(this.#stack.use(holder));
    this.#left.add(holder);
    return holder.ready();
  }

  /** Kills it. What it has begun has ended by then, and the log says so. */
  async kill(n: number): Promise<void> {
    const holder = this.holders[n]!;
    this.#left.delete(holder);
    holder.kill("SIGKILL");
    await holder.ended;
    await later(100); // What it has sent has arrived.
    await this.log.note(`gone ${n}`);
  }

  /** Ends those that are left. */
  async end(): Promise<void> {
    for (const holder of this.#left) holder.kill("SIGINT");
    for (const holder of this.#left) {
      const { signal, code } = await holder.ended;
      assertEquals(signal ?? code, 0);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** How much was in use after each note. */
function uses(notes: readonly Note[]): [time: number, inUse: number][] {
  const held = new Map<string, number>();
  return notes.map(({ time, words: [step, who, weight] }) => {
    const before = held.get(who!) ?? 0;
    if (step === "enter") held.set(who!, before + Number(weight));
    if (step === "leave" || step === "lost") {
      held.set(who!, before - Number(weight));
    }
    if (step === "gone") held.delete(who!);
    return [time, [...held.values()].reduce((a, b) => a + b, 0)];
  });
}

const most = (uses: [number, number][], from: number, to: number) =>
  Math.max(
    0,
    ...uses.filter(([time]) => time >= from && time < to).map(([, n]) => n),
  );

const errors = (notes: readonly Note[]) =>
  notes.filter(({ words: [step] }) => step === "error");

for (const backend of BACKENDS) {
  const heaviest = backend === "redis" ? 3 : 1;
  Deno.test(`TokenLimit: a semaphore of 10 in ${backend} holds over four processes, and is whole one lease after kill -9 of one`, async () => {
    await using scene = await Scene.set({
      ...{ backend, limit: 10, batch: 2, concurrency: 5, takes: [20, 60] },
      heaviest,
    });
    await Promise.all(range(4).map(() => scene.start()));
    await later(2000);
    await scene.kill(1);
    await later(LEASE + 2000);
    await scene.end();
    const notes = await scene.log.notes();
    const all = uses(notes);
    const gone = notes.find(({ words: [step] }) => step === "gone")!.time;
    assertEquals(most(all, 0, Infinity), 10);
    const after = most(all, gone + LEASE, Infinity);
    assertEquals(after, 10, "not whole again");
    assertEquals(errors(notes), []);
    const entered = notes.filter(({ words: [step] }) => step === "enter");
    console.log(
      `${backend}: ${entered.length} permits; ${
        most(all, gone, gone + LEASE - 500)
      } of 10 until the lease ended`,
    );
  });

  Deno.test(`TokenLimit: a rate of 200 a second in ${backend} holds over four processes, also when one is killed`, async () => {
    await using scene = await Scene.set({
      ...{ backend, limit: 200, interval: 1000 },
      ...{ batch: 20, concurrency: 20, takes: [0, 0] },
    });
    await Promise.all(range(4).map(() => scene.start()));
    await later(2500);
    await scene.kill(1);
    await later(LEASE + 2000);
    await scene.end();
    const notes = await scene.log.notes();
    const starts = notes.filter(({ words: [step] }) => step === "enter")
      .map(({ time }) => time);
    const [begin, end] = [starts[0]!, starts.at(-1)!];
    let [least, window] = [Infinity, 0];
    for (let i = 0; i + 200 < starts.length; i++) {
      least = Math.min(least, starts[i + 200]! - starts[i]!);
    }
    for (let i = 0, j = 0; j < starts.length; j++) {
      while (starts[j]! - starts[i]! >= 1000) i++;
      window = Math.max(window, j - i + 1);
    }
    console.log(
      `${backend}: ${starts.length} starts in ${
        Math.round(end - begin)
      } ms; at most ${window} in 1000 ms; 201 take ${least.toFixed(1)} ms; ${
        starts.filter((time) => time > end - 1000).length
      } in the last second`,
    );
    assertEquals(errors(notes), []);
    assert(least >= 990, `201 starts in ${least} ms`);
    assert(starts.length > 0.6 * 200 * (end - begin) / 1000, "too few");
  });
}
