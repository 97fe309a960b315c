// deno-coverage-ignore-file

/**
 * The three engines, each with one queue of numbered jobs.
 *
 * @module
 */

import {
  jetstream,
  type JetStreamClient,
  jetstreamManager,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Redis } from "ioredis";
// @ts-types="@types/pg"
import pg from "pg";
import {
  jetstream as messagesOf,
  shared,
} from "../../../examples/engines/jetstream.ts";
import { postgres, SCHEMA } from "../../../examples/engines/postgres.ts";
import { redisStream } from "../../../examples/engines/redis_streams.ts";
import type { Message, Receive } from "../../../src/consume/mod.ts";

/** What a message says. */
export interface Job {
  readonly n: number;
  readonly key?: string;
  /** It kills its process. */
  readonly isPoison?: boolean;
}

export interface Queue extends AsyncDisposable {
  receive: Receive<Message>;
  read(message: Message): Job;
  enqueue(jobs: readonly Job[]): Promise<void>;
  /** How many are neither acked nor dead. */
  left(): Promise<number>;
}

export interface QueueOptions {
  readonly engine: "jetstream" | "redis" | "postgres";
  readonly port: number;
  /** In ms. */
  readonly lease: number;
  /** JetStream alone: the partition to read, of so many. */
  readonly partition?: readonly [index: number, count: number];
}

export function openQueue(options: QueueOptions): Promise<Queue> {
  switch (options.engine) {
    case "jetstream":
      return openJetStream(options);
    case "redis":
      return openRedis(options);
    case "postgres":
      return openPostgres(options);
  }
}

/** A connection that never gives up. */
export function connectNats(port: number): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    waitOnFirstConnect: true,
  });
}

async function openJetStream(
  { port, lease, partition: [index, count] = [0, 1] }: QueueOptions,
): Promise<Queue> {
  const connection = await connectNats(port);
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "jobs", subjects: ["jobs.*"] });
  await manager.consumers.add("jobs", {
    ...shared(`workers${index}`, lease),
    ...count > 1 && { filter_subject: `jobs.${index}` },
  });
  // An ack that the server does not confirm is soon tried again.
  const client = jetstream(connection, { timeout: 1000 });
  const consumer = await client.consumers.get("jobs", `workers${index}`);
  return {
    receive: messagesOf(connection, consumer, () => {}),
    read: (message) => (message as unknown as { json(): Job }).json(),
    enqueue: (jobs) => publish(jetstream(connection), jobs, count),
    async left() {
      const { num_pending, num_ack_pending } = await consumer.info();
      return num_pending + num_ack_pending;
    },
    [Symbol.asyncDispose]: () => connection.drain(),
  };
}

async function publish(
  client: JetStreamClient,
  jobs: readonly Job[],
  count: number,
): Promise<void> {
  for (let i = 0; i < jobs.length; i += 500) {
    await Promise.all(
      jobs.slice(i, i + 500).map((job) => {
        const partition = job.n % count; // The test's keys are of one partition each.
        const data = JSON.stringify(job);
        // A busy server that does not answer in time is told again, and stores it once.
        const options = { msgID: `${job.n}`, retries: 5 };
        return client.publish(`jobs.${partition}`, data, options);
      }),
    );
  }
}

/** A connection that never gives up. */
export function connectRedis(port: number): Redis {
  const redis = new Redis(port, "127.0.0.1", {
    maxRetriesPerRequest: null,
    retryStrategy: () => 200,
  });
  redis.on("error", () => {}); // It connects again.
  return redis;
}

async function openRedis({ port, lease }: QueueOptions): Promise<Queue> {
  const redis = connectRedis(port);
  const [stream, name] = ["jobs", "workers"];
  await redis.xgroup("CREATE", stream, name, "0", "MKSTREAM").catch((error) => {
    if (!/BUSYGROUP/.test(`${error}`)) throw error;
  });
  const who = crypto.randomUUID();
  return {
    receive: redisStream(redis, { stream, name, who, lease }),
    read: (message) =>
      JSON.parse((message as { fields?: string[] }).fields![1]!),
    async enqueue(jobs) {
      const pipeline = redis.pipeline();
      for (const job of jobs) {
        pipeline.xadd(stream, "*", "job", JSON.stringify(job));
      }
      await pipeline.exec();
    },
    left: () => redis.xlen(stream),
    async [Symbol.asyncDispose]() {
      await redis.quit();
    },
  };
}

async function openPostgres({ port, lease }: QueueOptions): Promise<Queue> {
  const pool = new pg.Pool({
    ...{ host: "127.0.0.1", port, user: "postgres", database: "postgres" },
    connectionTimeoutMillis: 1000,
  });
  pool.on("error", () => {}); // An idle connection has ended; the next one is new.
  await pool.query(SCHEMA);
  return {
    receive: postgres(pool, { lease, onError: () => {} }),
    read: (message) => (message as { body?: Job }).body!,
    async enqueue(jobs) {
      const bodies = jobs.map((job) => JSON.stringify(job));
      await pool.query(
        "insert into jobs (body) select unnest($1::jsonb[])",
        [bodies],
      );
    },
    async left() {
      const { rows } = await pool.query(
        "select count(*)::int as left from jobs where due < 'infinity'",
      );
      return rows[0].left;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
