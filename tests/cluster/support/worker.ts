// deno-coverage-ignore-file

/**
 * A worker's process, on any runtime: runs the jobs of a queue, and writes what it does
 * into a file of its own, so that it is known also after `kill -9`. SIGINT ends it as Ctrl-C does.
 *
 * ```sh
 * node worker.ts '{"engine":"redis","port":6379,…}'
 * ```
 *
 * @module
 */

import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { CoGroup, keyedQueue, type TaskContext } from "../../../mod.ts";
import { consume, type Message } from "../../../src/consume/mod.ts";
import { openQueue, type QueueOptions } from "./engines.ts";

export interface WorkerOptions extends QueueOptions {
  /** The file that it writes to. */
  readonly ledger: string;
  readonly concurrency: number;
  /** Ms that a job takes, at least and at most. */
  readonly takes: readonly [number, number];
  /** Jobs of one key take turns. */
  readonly isKeyed?: boolean;
  /** How many in a hundred fail at their first attempt. */
  readonly failing?: number;
  readonly ahead?: number;
  readonly maxAttempts?: number;
  readonly maxDeliveries?: number;
}

/** What a line of the ledger tells of a job. */
export type Step = "start" | "end" | "fail" | "dead" | "lost" | "error";

const options: WorkerOptions = JSON.parse(process.argv[2]!);
const { concurrency, lease, takes: [least, most], isKeyed } = options;
const file = openSync(options.ledger, "a");
const note = (step: Step, n: number | string, delivery = 0) =>
  void writeSync(file, `${step} ${n} ${Date.now()} ${delivery}\n`);

const queue = await openQueue(options);
const group = new CoGroup({
  concurrency,
  ...isKeyed && { queue: keyedQueue() },
});

async function run(message: Message, { signal, attempt }: TaskContext) {
  const { n, isPoison } = queue.read(message);
  note("start", n, message.info?.deliveryCount);
  if (isPoison) {
    await sleep(200); // What runs beside it ends: its deliveries would count, too.
    process.kill(process.pid, "SIGKILL");
  }
  const ms = least + Math.random() * (most - least);
  try {
    if (most > 0) await sleep(ms, undefined, { signal });
  } catch (error) {
    note("lost", n);
    throw error;
  }
  if (attempt === 1 && Math.random() * 100 < (options.failing ?? 0)) {
    note("fail", n);
    throw new Error(`job ${n} fails at first`);
  }
  note("end", n);
}

const consumption = consume(group, queue.receive, run, {
  lease,
  ahead: options.ahead,
  maxDeliveries: options.maxDeliveries,
  retry: {
    maxAttempts: options.maxAttempts ?? 5,
    minTimeout: 20,
    maxTimeout: 1000,
  },
  ...isKeyed && { key: (message) => queue.read(message).key },
  onRetry() {}, // The jobs note themselves that they fail.
  onDead: (message) => note("dead", queue.read(message).n),
  onError: (error) => note("error", `${error}`.replaceAll(/\s+/g, "_")),
});
process.once("SIGINT", () => group.abort(new Error("interrupted")));
console.log(`ready ${process.pid}`);
await consumption.wait();
await group.wait();
await queue[Symbol.asyncDispose]();
console.log(JSON.stringify(consumption.stats));
process.exit(0);
