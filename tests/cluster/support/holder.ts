// deno-coverage-ignore-file

/**
 * A process that holds permits of a limit that all of them share, one after the other, and
 * tells a server of each start and end, in an order that the server makes. Until SIGINT.
 *
 * @module
 */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamTokens } from "../../../examples/limits/jetstream_tokens.ts";
import { redisTokens } from "../../../examples/limits/redis_tokens.ts";
import { TokenLimit } from "../../../examples/limits/token_limit.ts";
import { allOf, CoGroup, Semaphore, type TaskContext } from "../../../mod.ts";
import { connectNats, connectRedis } from "./engines.ts";
import { natsLog, redisLog } from "./log.ts";

export interface HolderOptions {
  readonly backend: "jetstream" | "redis";
  readonly port: number;
  readonly who: string;
  readonly limit: number;
  /** In ms. */
  readonly lease: number;
  /** For a rate. */
  readonly interval?: number;
  readonly batch: number;
  readonly concurrency: number;
  /** Ms that a task takes, at least and at most. */
  readonly takes: readonly [number, number];
  /** The weights are from 1 to this. */
  readonly heaviest?: number;
}

const options: HolderOptions = JSON.parse(process.argv[2]!);
const { who, concurrency, takes: [least, most], heaviest = 1 } = options;

async function open() {
  const { backend, port, limit, lease } = options;
  const tokens = { name: "tokens", limit, lease };
  if (backend === "redis") {
    const redis = connectRedis(port);
    const close = () => redis.quit();
    return { take: redisTokens(redis, tokens), log: redisLog(redis), close };
  }
  const connection = await connectNats(port);
  const log = await natsLog(connection);
  const take = await jetstreamTokens(connection, tokens);
  return { take, log, close: () => connection.drain() };
}

const { take, log, close } = await open();
const limit = new TokenLimit(take, {
  ...{ limit: options.limit, lease: options.lease, batch: options.batch },
  ...options.interval && { interval: options.interval },
  onError: (error) => void log.note(`error ${who} ${error}`),
});
const group = new CoGroup({
  capacity: concurrency,
  concurrency,
  // Beside a limit of its own, which is never reached.
  governor: allOf(new Semaphore(concurrency * heaviest), limit),
  onError: (error) => void log.note(`error ${who} ${error}`),
});

async function hold(weight: number, { signal }: TaskContext) {
  await log.note(`enter ${who} ${weight}`);
  try {
    if (most > 0) {
      await sleep(least + Math.random() * (most - least), undefined, {
        signal,
      });
    }
  } catch {
    await log.note(`lost ${who} ${weight}`);
    return;
  }
  await log.note(`leave ${who} ${weight}`);
}

function* tasks() {
  for (;;) {
    const weight = 1 + Math.floor(Math.random() * heaviest);
    const task = (ctx: TaskContext) => hold(weight, ctx);
    yield { task, options: { weight } };
  }
}

process.once("SIGINT", () => group.abort(new Error("interrupted")));
console.log(`ready ${process.pid}`);
await group.insertAll(tasks());
await group.wait();
await limit.close();
await close();
process.exit(0);
