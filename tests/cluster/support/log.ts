// deno-coverage-ignore-file

/**
 * A log that a server keeps: its order and its times are the server's.
 *
 * @module
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Redis } from "ioredis";

/** What was noted, and when, in ms by the server's clock. */
export interface Note {
  readonly words: readonly string[];
  readonly time: number;
}

export interface Log {
  /** Resolves when the server has it, however long it is away. */
  note(text: string): Promise<void>;
  notes(): Promise<Note[]>;
}

const NOTE = `
local time = redis.call('TIME')
redis.call('RPUSH', KEYS[1], time[1] * 1000 + time[2] / 1000 .. ' ' .. ARGV[1])`;

export function redisLog(redis: Redis): Log {
  return {
    async note(text) {
      await redis.eval(NOTE, 1, "log", `${crypto.randomUUID()} ${text}`);
    },
    async notes() {
      const notes = new Map<string, Note>();
      for (const line of await redis.lrange("log", 0, -1)) {
        const [time, id, ...words] = line.split(" ");
        // One whose answer was lost with the connection was sent twice.
        if (!notes.has(id!)) notes.set(id!, { time: Number(time), words });
      }
      return [...notes.values()];
    },
  };
}

export async function natsLog(connection: NatsConnection): Promise<Log> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "log", subjects: ["log"] });
  const client = jetstream(connection, { timeout: 1000 });
  return {
    async note(text) {
      // The server leaves out what it has already.
      const msgID = crypto.randomUUID();
      for (;;) {
        try {
          await client.publish("log", text, { msgID });
          return;
        } catch { // Away.
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    async notes() {
      const notes: Note[] = [];
      const consumer = await client.consumers.get("log");
      const { num_pending } = await consumer.info();
      if (num_pending === 0) return notes;
      for await (
        const message of await consumer.fetch({ max_messages: num_pending })
      ) {
        const time = message.info.timestampNanos / 1e6;
        notes.push({ time, words: message.string().split(" ") });
        if (notes.length === num_pending) break;
      }
      return notes;
    },
  };
}
