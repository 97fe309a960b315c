/**
 * Messages of a JetStream server, each of which takes 5 to 10 ms, by 16 workers: `consume`,
 * `p-limit` over the client's own `consume()`, and a loop that takes one after the other.
 * Then how long it takes until another machine begins what one has not, at its end.
 * Needs nats-server. Prints ratios of one run; the seconds of a machine say little.
 *
 * ```sh
 * deno run --allow-all bench/consume.ts --messages 5000 --rounds 3
 * deno run --allow-all bench/consume.ts --messages 1000000 --takes 0 --only cogroup
 * ```
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import {
  type Consumer,
  jetstream,
  type JetStreamClient,
  jetstreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import pLimit from "p-limit";
import {
  jetstream as messagesOf,
  shared,
} from "../examples/engines/jetstream.ts";
import { CoGroup } from "../mod.ts";
import { consume } from "../src/consume/mod.ts";
import { connectNats } from "../tests/cluster/support/engines.ts";
import { Server } from "../tests/cluster/support/servers.ts";

const WORKERS = 16;
/** Of the server, in ms. */
const LEASE = 5000;
/** What the client of NATS fetches ahead by itself. */
const PREFETCH = 100;

type Handler = (message: JsMsg) => Promise<void> | void;
/** Runs until `done` speaks, and then leaves, as after Ctrl-C. */
type Contender = (
  scene: Scene,
  handler: Handler,
  done: AbortSignal,
) => Promise<void>;

const CONTENDERS: Record<string, Contender> = {
  async "cogroup"(scene, handler, done) {
    const consumer = await scene.consumer();
    const group = new CoGroup({ concurrency: WORKERS, signal: done });
    const options = { lease: LEASE, ahead: PREFETCH - WORKERS };
    const consumption = consume(
      group,
      messagesOf(scene.connection, consumer),
      handler,
      options,
    );
    await consumption.wait();
    await group.wait();
  },
  async "p-limit"(scene, handler, done) {
    const consumer = await scene.consumer();
    const messages = await consumer.consume({ max_messages: PREFETCH });
    const limit = pLimit(WORKERS);
    const running = new Set<Promise<void>>();
    const run = async (message: JsMsg) => {
      await handler(message);
      await message.ackAck();
    };
    done.addEventListener("abort", () => {
      limit.clearQueue();
      messages.stop();
    });
    for await (const message of messages) {
      void limit(() => {
        const ran = run(message).then(() => void running.delete(ran));
        running.add(ran);
        return ran;
      });
      // Not more than it may fetch ahead; it would go on for ever.
      if (limit.pendingCount >= PREFETCH - WORKERS) await Promise.race(running);
    }
    await Promise.all(running);
  },
  async "loop"(scene, handler, done) {
    const consumer = await scene.consumer();
    const messages = await consumer.consume({ max_messages: PREFETCH });
    done.addEventListener("abort", () => messages.stop());
    for await (const message of messages) {
      await handler(message);
      await message.ackAck();
    }
  },
};

/** A server with so many messages. */
class Scene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;

  private constructor(
    stack: AsyncDisposableStack,
    connection: NatsConnection,
    client: JetStreamClient,
  ) {
    this.#stack = stack;
    this.connection = connection;
    this.client = client;
  }

  static async set(messages: number): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await Server.nats());
    const connection = await connectNats(server.port);
    stack.defer(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: "jobs", subjects: ["jobs"] });
    await manager.consumers.add("jobs", shared("workers", LEASE));
    const client = jetstream(connection, { timeout: 1000 });
    for (let i = 0; i < messages; i += 1000) {
      const length = Math.min(1000, messages - i);
      await Promise.all(
        Array.from({ length }, () => client.publish("jobs", "")),
      );
    }
    return new Scene(stack.move(), connection, client);
  }

  consumer(): Promise<Consumer> {
    return this.client.consumers.get("jobs", "workers");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

interface Figures {
  /** Messages a second. */
  rate: number;
  /** Microseconds of this process's CPU a message. */
  cpu: number;
}

async function measure(
  contender: Contender,
  messages: number,
  takes: number,
): Promise<Figures> {
  await using scene = await Scene.set(messages);
  const done = new AbortController();
  let count = 0;
  const handler: Handler = takes === 0 ? end : async () => {
    const ms = takes / 2 + Math.random() * takes / 2;
    await new Promise((resolve) => setTimeout(resolve, ms));
    end();
  };
  function end() {
    if (++count === messages) done.abort();
  }
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await contender(scene, handler, done.signal);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: messages / seconds, cpu: (user + system) / messages };
}

/** Ms from the end of one machine to the last start, elsewhere, of what it had not begun. */
async function takeover(contender: Contender): Promise<number> {
  await using scene = await Scene.set(PREFETCH);
  const first = new AbortController();
  const all = new AbortController();
  const started = Promise.withResolvers<void>();
  let running = 0;
  const begun = contender(scene, async () => {
    if (++running === WORKERS) setTimeout(started.resolve, 500);
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }, first.signal);
  await started.promise;
  const start = performance.now();
  let last = 0;
  let left = PREFETCH - WORKERS;
  const other = CONTENDERS["cogroup"]!(scene, () => {
    last = performance.now();
    if (--left === 0) all.abort();
  }, all.signal);
  first.abort();
  await Promise.all([begun, other]);
  return last - start;
}

const median = (figures: number[]) =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)]!;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      messages: { type: "string", default: "5000" },
      rounds: { type: "string", default: "3" },
      takes: { type: "string", default: "10" },
      only: { type: "string" },
    },
  });
  const [messages, rounds, takes] = [
    values.messages,
    values.rounds,
    values.takes,
  ].map(Number) as [number, number, number];
  const names = values.only?.split(",") ?? Object.keys(CONTENDERS);
  const results = new Map<string, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      // The loop is so slow that a tenth tells enough.
      const count = name === "loop" ? messages / 10 : messages;
      results.get(name)!.push(await measure(CONTENDERS[name]!, count, takes));
    }
  }
  const base = median(results.get(names[0]!)!.map(({ rate }) => rate));
  for (const [name, figures] of results) {
    const rate = median(figures.map(({ rate }) => rate));
    const cpu = median(figures.map(({ cpu }) => cpu));
    console.log(
      `${name.padEnd(8)} ${rate.toFixed(0)} messages/s, ${
        (rate / base).toFixed(2)
      } of ${names[0]}, ${cpu.toFixed(0)} µs of CPU a message`,
    );
  }
  for (const name of names.filter((name) => name !== "loop")) {
    console.log(
      `${name.padEnd(8)} ${
        (await takeover(CONTENDERS[name]!)).toFixed(0)
      } ms until another has begun what it left`,
    );
  }
}

await main();
