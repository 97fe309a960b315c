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

  static async set(
    options: Omit<HolderOptions, "who" | "port" | "lease">,
    lease = LEASE,
  ) {
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
      lease,
    });
  }

  start(more: Partial<HolderOptions> = {}): Promise<Program> {
    const n = this.holders.length;
    const options = { ...this.#options, ...more, who: `${n}` };
    const script = "tests/cluster/support/holder.ts";
    const holder = Program.start(project, project.runtime(n), script, options);
    this.holders.push(this.#stack.use(holder));
    this.#left.add(holder);
    return holder.ready();
  }

  /** Kills one that holds at least two, and says so in the log: what it has begun has ended. */
  async killOne(): Promise<void> {
    let n: string | undefined;
    await until("one that holds two", async () => {
      const held = [...heldBy(await this.log.notes())];
      n = held.find(([, weight]) => weight >= 2)?.[0];
      return n !== undefined;
    });
    const holder = this.holders[Number(n)]!;
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

/** How much each of them holds after these notes. */
function heldBy(notes: Iterable<Note>): Map<string, number> {
  const held = new Map<string, number>();
  for (const { words } of notes) count(held, words);
  return held;
}

function count(held: Map<string, number>, words: readonly string[]): void {
  const [step, who, weight] = words as [string, string, string];
  const before = held.get(who) ?? 0;
  if (step === "enter") held.set(who, before + Number(weight));
  if (step === "leave" || step === "lost") {
    held.set(who, before - Number(weight));
  }
  if (step === "gone") held.delete(who);
}

/** How much was in use after each note. */
function uses(notes: readonly Note[]): [time: number, inUse: number][] {
  const held = new Map<string, number>();
  return notes.map(({ time, words }) => {
    count(held, words);
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
    await later(1500);
    await scene.killOne();
    await later(LEASE + 1500);
    await scene.end();
    const notes = await scene.log.notes();
    const all = uses(notes);
    const at = notes.findIndex(({ words: [step] }) => step === "gone");
    const gone = notes[at]!.time;
    const lost = heldBy(notes.slice(0, at)).get(notes[at]!.words[1]!)!;
    assertEquals(most(all, 0, Infinity), 10);
    // The lease began with its last beat.
    const before = most(all, gone, gone + LEASE / 2);
    assert(before <= 10 - lost, `${before} of 10, and ${lost} are lost`);
    assertEquals(most(all, gone + LEASE, Infinity), 10, "not whole again");
    assertEquals(errors(notes), []);
    console.log(`${backend}: ${notes.length} notes, ${lost} were lost`);
  });

  Deno.test(`TokenLimit: a semaphore in ${backend} goes on when its server has been away`, async () => {
    const isRedis = backend === "redis";
    await using scene = await Scene.set({
      ...{ backend, limit: 10, batch: 2, concurrency: 5, takes: [20, 60] },
    }, isRedis ? 5 * LEASE : LEASE); // In Redis none ends meanwhile.
    await Promise.all(range(4).map(() => scene.start()));
    await later(1000);
    const away = Date.now();
    await scene.server.kill(isRedis ? "SIGKILL" : "SIGTERM");
    await later(1000);
    await scene.server.start();
    const back = Date.now();
    await later(LEASE + 1500);
    await until("a permit for each of the four again", async () => {
      const ours = (await scene.log.notes())
        .filter(({ time, words: [step] }) => step === "enter" && time > back);
      return new Set(ours.map(({ words: [, who] }) => who)).size === 4;
    });
    await scene.end();
    const notes = await scene.log.notes();
    const all = uses(notes);
    // JetStream's may forget what it gave out in its last moments; for a lease.
    const whole = isRedis ? away : back + LEASE;
    assertEquals(most(all, 0, away), 10);
    // One that was under way may be out of use for a lease.
    assert(most(all, whole, Infinity) <= 10, "above the limit");
    console.log(
      `${backend}: ${errors(notes).length} errors heard of; meanwhile at most ${
        most(all, away, whole)
      } of 10`,
    );
  });

  Deno.test(`TokenLimit: in ${backend}, a process that stood still for longer than its lease hears that its permit is lost, and another has it`, async () => {
    await using scene = await Scene.set({
      ...{
        backend,
        limit: 1,
        batch: 1,
        concurrency: 1,
        takes: [60_000, 60_000],
      },
    });
    const entered = (who: string) => async () =>
      heldBy(await scene.log.notes()).has(who);
    const slow = await scene.start();
    await until("a permit", entered("0"));
    slow.kill("SIGSTOP");
    const stopped = performance.now();
    await scene.start();
    await until("a permit elsewhere", entered("1"));
    const took = performance.now() - stopped;
    slow.kill("SIGCONT");
    await until(
      "word of it",
      async () =>
        (await scene.log.notes()).some(({ words: [step] }) => step === "lost"),
    );
    await later(LEASE + 500); // It would like to have it again.
    const notes = await scene.log.notes();
    const steps = notes.map(({ words: [step, who] }) => `${step} ${who}`);
    assertEquals(steps, ["enter 0", "enter 1", "lost 0"]);
    assert(took > LEASE / 2, "the lease had not ended");
  });

  Deno.test(`TokenLimit: a rate of 200 a second in ${backend} holds over four processes, also when one is killed`, async () => {
    await using scene = await Scene.set({
      ...{ backend, limit: 200, interval: 1000 },
      ...{ batch: 20, concurrency: 20, takes: [0, 0] },
    });
    await Promise.all(range(4).map(() => scene.start()));
    await later(2500);
    await scene.killOne();
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
