// deno-coverage-ignore-file

/**
 * The threads of `examples/threads.ts`: tests for the runner of each runtime.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { groupOf, ThreadError, Threads } from "../../../examples/threads.ts";
import { range } from "../../support/helpers.ts";
import { assert, assertEquals, assertInstanceOf } from "../../support/std.ts";
import { test } from "../../support/test.ts";
import { hashOf } from "./proof.ts";

type Thread = ReturnType<Threads["of"]>;

/** Threads that remember which of them were used. */
class Used extends Threads {
  readonly #used = new Set<Thread>();

  override of(workerId: number): Thread {
    const thread = super.of(workerId);
    this.#used.add(thread);
    return thread;
  }

  /** How many were used, and how many of those are over. */
  get counts(): [used: number, over: number] {
    const used = [...this.#used];
    return [used.length, used.filter(({ isOver }) => isOver).length];
  }
}

test("A thread is made for each worker's first task, and over when the threads are disposed of", async () => {
  const threads = new Used();
  {
    using _ = threads;
    await using group = groupOf(threads, 2);
    const proofs = group.map(
      range(8),
      (i, { workerId }) => threads.of(workerId).run({ text: `${i}`, bits: 4 }),
      { ordered: false },
    );
    for await (const { nonce, hash } of proofs) {
      assert(hash.startsWith("0"));
      assert(range(8).some((i) => hashOf(`${i}`, nonce) === hash));
    }
    assertEquals(threads.counts, [2, 0]);
  }
  assertEquals(threads.counts, [2, 2]);
});

test("Killing a thread in the middle of a job loses no task", async () => {
  using threads = new Used();
  const group = groupOf(threads, 2);
  const proofs = range(8).map((i) =>
    group.go(({ workerId, attempt }) => {
      const thread = threads.of(workerId);
      const proof = thread.run({ text: `${i}`, bits: 4 });
      if (i % 3 === 0 && attempt === 1) thread.end(new ThreadError("killed"));
      return proof;
    })
  );
  for (const [i, { nonce, hash }] of (await Promise.all(proofs)).entries()) {
    assertEquals(hashOf(`${i}`, nonce), hash);
  }
  assertEquals(await group.wait(), 0);
  const { fulfilled, retried } = group.stats;
  assertEquals([fulfilled, retried], [8, 3]);
  const [used, over] = threads.counts;
  assertEquals(over, 3);
  assert(used - over <= 2, `${used} threads were used`);
});

test("A job that crashes every thread fails after three, and costs no other", async () => {
  using threads = new Used();
  const group = groupOf(threads, 1);
  const run = (text: unknown) =>
    group.go(({ workerId }) =>
      threads.of(workerId).run({ text: text as string, bits: 4 })
    );
  const crash = run(1n).catch((error) => error); // A number can't be hashed.
  const { nonce, hash } = await run("good");
  assertEquals(hashOf("good", nonce), hash);
  const error = await crash;
  assertInstanceOf(error, ThreadError);
  assert(error.message.includes("TypeError"), error.message);
  await group.wait();
  assertEquals([group.stats.retried, threads.counts], [2, [3, 3]]);
});

test("A thread that exits without an error loses no task", async () => {
  using threads = new Used();
  const group = groupOf(threads, 1);
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function () {
    Worker.prototype.postMessage = postMessage;
    this.terminate(); // In place of its first job.
  };
  const { nonce, hash } = await group.go(({ workerId }) =>
    threads.of(workerId).run({ text: "silent", bits: 4 })
  );
  assertEquals(hashOf("silent", nonce), hash);
  await group.wait();
  assertEquals([group.stats.retried, threads.counts], [1, [2, 1]]);
});

test("A job that takes too long is ended with its thread, and not tried again", async () => {
  using threads = new Used();
  const group = groupOf(threads, 1);
  const run = (bits: number, timeout: number) =>
    group.go(
      ({ workerId }) => threads.of(workerId).run({ text: "", bits }),
      { timeout },
    );
  const endless = run(32, 50).catch((error) => error);
  const proof = run(4, Infinity);
  assertEquals((await endless).name, "TimeoutError");
  assert((await proof).hash.startsWith("0"));
  await group.wait();
  assertEquals([group.stats.rejected, threads.counts], [1, [2, 1]]);
});

test("An abort ends the queue, and lets the jobs on the threads finish", async () => {
  using threads = new Used();
  const group = groupOf(threads, 2);
  const hashes: string[] = [];
  for (const i of range(8)) {
    group.add(async ({ workerId }) => {
      const proof = threads.of(workerId).run({ text: `${i}`, bits: 4 });
      if (i === 1) group.abort();
      hashes.push((await proof).hash);
    });
  }
  assertEquals(await group.wait(), 6);
  assertEquals(hashes.map((hash) => hash.slice(0, 1)), ["0", "0"]);
  assertEquals(threads.counts, [2, 0]);
});
