/**
 * Beyond one machine: {@linkcode consume} runs the messages of a durable queue in a
 * group, at least once, and none is lost. The engine is an existing one (NATS JetStream,
 * Redis Streams, Postgres, SQS); this module knows none of them.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume } from "@cogroup/cogroup/consume";
 *
 * // A queue in memory, in place of an engine.
 * const queue = ["a", "b", "c"];
 * const done: string[] = [];
 * const receive = (room: number) =>
 *   queue.splice(0, room).map((text) => ({
 *     text,
 *     ack: () => void done.push(text),
 *     nak: () => void queue.push(text),
 *   }));
 *
 * const group = new CoGroup(2);
 * const consumption = consume(group, receive, async ({ text }) => {
 *   await Promise.resolve(text);
 *   if (text === "c") consumption.close();
 * });
 * await consumption.wait();
 * await group.wait();
 * assert.deepEqual(done, ["a", "b", "c"]);
 * ```
 *
 * @module
 */

export { consume } from "./consume.ts";

export type { Consumption } from "./consume.ts";
export type { ConsumeOptions } from "./options.ts";
export type { ConsumeStats } from "./books.ts";
export type { Message, Receive } from "./message.ts";

// What the functions of these are given, and the group that runs them.
export type { TaskContext, TaskOptions } from "../task.ts";
export type { RetryOptions } from "../base/retry.ts";
export type { CoGroup } from "../cogroup.ts";
