/**
 * Finds proofs of work on all cores. Each worker of the group has a thread: made
 * for its first task, replaced if it breaks, ended when the group is done.
 *
 * ```sh
 * deno run --allow-read=. examples/threads.ts --threads 2 --blocks 64 --bits 8
 * ```
 *
 * Bun and Node run it too: `bun examples/threads.ts`, `node examples/threads.ts`
 *
 * Ctrl-C starts nothing more, and lets the threads finish what they are at. Exit
 * codes: 0, 1 if a proof is missing, 2 for wrong usage, 130 after Ctrl-C.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { CoGroup, type WorkerFunction } from "../mod.ts";
import type { Job, Proof } from "./support/mine.ts";
import { CTRL_C, stopOnInterrupt } from "./support/interrupt.ts";
import { print, report, showProgress } from "./support/output.ts";

const USAGE = `Usage: threads.ts [--threads N] [--blocks N] [--bits N]

  --threads N  how many threads work (default: one for each core)
  --blocks N   how many proofs to find (default 64)
  --bits N     how hard each is: zero bits, up to 16 (default 8)
  --help       show this, and do nothing else
${CTRL_C}`;

/** The thread ended before the job. On another thread it may succeed. */
export class ThreadError extends Error {}

/** A thread that does one job at a time. */
class Thread {
  // Without an environment of its own it would have ours, for which Deno asks.
  readonly #worker = new Worker(
    new URL("./support/mine.ts", import.meta.url),
    { env: {} },
  );
  /** Fails the job that it is at. */
  #fail: (reason: unknown) => void = () => {};
  isOver = false;

  constructor() {
    const over = (why: unknown) => this.end(new ThreadError(`${why}`));
    this.#worker.on("error", over);
    this.#worker.on("exit", (code) => over(`The thread exited with ${code}`));
  }

  run(job: Job): Promise<Proof> {
    return new Promise((resolve, reject) => {
      if (this.isOver) throw new ThreadError("The thread is over");
      this.#fail = reject;
      this.#worker.once("message", resolve);
      this.#worker.postMessage(job);
    });
  }

  end(reason: unknown): void {
    this.isOver = true;
    this.#fail(reason); // First: Deno tells of the exit within terminate().
    this.#worker.terminate();
  }
}

/** A thread for each worker of a group. Dispose of them when it is done. */
export class Threads implements Disposable {
  readonly #threads: Thread[] = [];

  /** The group's `worker`: has a thread ready for the task. */
  readonly worker: WorkerFunction = (task, ctx) => {
    const { workerId, signal } = ctx;
    let thread = this.#threads[workerId];
    if (!thread || thread.isOver) {
      thread = this.#threads[workerId] = new Thread();
    }
    // A busy thread hears nothing: a task that should end early takes it along.
    signal.addEventListener("abort", () => thread.end(signal.reason));
    return task(ctx);
  };

  /** The thread of a worker, for the task that runs on that worker. */
  of(workerId: number): Thread {
    return this.#threads[workerId]!;
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread?.end(new ThreadError("No more"));
  }
}

/** A group whose tasks may use the threads; they get another if one breaks. */
export function groupOf(threads: Threads, concurrency: number): CoGroup {
  return new CoGroup({
    concurrency,
    worker: threads.worker,
    retry: {
      maxAttempts: 3,
      minTimeout: 0,
      isRetriable: (error) => error instanceof ThreadError,
    },
    onError: (error) => report(`threads: ${(error as Error).message}`),
  });
}

/** Throws an error that says what is wrong with the arguments. */
function parse(args: string[]) {
  const { values: { help, ...values } } = parseArgs({
    args,
    options: {
      help: { type: "boolean", default: false },
      threads: { type: "string", default: `${navigator.hardwareConcurrency}` },
      blocks: { type: "string", default: "64" },
      bits: { type: "string", default: "8" },
    },
  });
  for (const [name, value] of Object.entries(values)) {
    if (!/^[1-9]\d{0,5}$/.test(value)) {
      throw new Error(`--${name} ${value}: not a positive integer`);
    }
  }
  const { threads, blocks, bits } = values;
  if (Number(bits) > 16) {
    throw new Error(`--bits ${bits}: at most 16`);
  }
  return {
    help,
    count: Number(threads),
    blocks: Number(blocks),
    bits: Number(bits),
  };
}

async function main(): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    report(`threads: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { help, count, blocks, bits } = options;
  if (help) {
    await print(`${USAGE}\n`);
    return 0;
  }
  using threads = new Threads();
  const group = groupOf(threads, count);
  using _interrupt = stopOnInterrupt("threads", group);
  using _progress = showProgress(() => {
    const { fulfilled, rejected } = group.stats;
    return `${fulfilled} of ${blocks} found, ${rejected} failed`;
  });
  for (let i = 1; i <= blocks; i++) {
    const job = { text: `block ${i}`, bits };
    group.add(async ({ workerId }) => {
      const { nonce, hash } = await threads.of(workerId).run(job);
      await print(`${hash}  ${job.text}, nonce ${nonce}\n`);
    });
  }
  const left = await group.wait();
  const { fulfilled, rejected } = group.stats;
  if (!group.signal.aborted) return rejected > 0 ? 1 : 0;
  report(`threads: interrupted: ${fulfilled} found, ${left} left`);
  return 130;
}

if (import.meta.main) process.exitCode = await main();
