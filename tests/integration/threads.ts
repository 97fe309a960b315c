/**
 * `examples/threads.ts`: its threads, and the program.
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";
import { ROUNDS } from "../../examples/support/mine.ts";
import { groupOf, ThreadError, Threads } from "../../examples/threads.ts";
import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";

const EXAMPLE = new URL("../../examples/threads.ts", import.meta.url).href;
const EXAMPLES = new URL(".", EXAMPLE).pathname;
const SOURCES = new URL("../../", import.meta.url).pathname;

/** The Web Workers that were made while it was in use, and how many of them were ended. */
class Watch implements Disposable {
  made = 0;
  ended = 0;
  readonly #original = globalThis.Worker;

  constructor() {
    const made = () => void this.made++;
    const ended = () => void this.ended++;
    globalThis.Worker = class extends this.#original {
      #isOver = false;

      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        made();
      }

      override terminate(): void {
        if (!this.#isOver) ended();
        this.#isOver = true;
        super.terminate();
      }
    };
  }

  [Symbol.dispose](): void {
    globalThis.Worker = this.#original;
  }
}

function hashOf(text: string, nonce: unknown): string {
  return pbkdf2Sync(text, `${nonce}`, ROUNDS, 32, "sha256").toString("hex");
}

/** Starts the program, which may read the sources and nothing else. */
function threads(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", `--allow-read=${EXAMPLES}`, EXAMPLE, ...args],
    cwd: SOURCES,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The numbers of the blocks in the output, in order; each has its proof. */
function blocks(output: string, zeros: string): number[] {
  return output.split("\n").slice(0, -1).map((line) => {
    const [, hash, n, nonce] = /^(\w{64}) {2}block (\d+), nonce (\d+)$/
      .exec(line) ?? [];
    assert(hash !== undefined, `not a proof: ${line}`);
    assertEquals(hashOf(`block ${n}`, nonce), hash);
    assert(hash.startsWith(zeros), `too little work: ${line}`);
    return Number(n);
  }).sort((a, b) => a - b);
}

Deno.test("threads.ts: a thread is made for each worker's first task, and ended when they are disposed of", async () => {
  using watch = new Watch();
  {
    using threads = new Threads();
    await using group = groupOf(threads, 2);
    assertEquals(watch.made, 0);
    for await (
      const { nonce, hash } of group.map(
        range(8),
        (i, { workerId }) =>
          threads.of(workerId).run({ text: `${i}`, bits: 4 }),
        { ordered: false },
      )
    ) {
      assert(hash.startsWith("0"));
      assert(range(8).some((i) => hashOf(`${i}`, nonce) === hash));
    }
    assertEquals([watch.made, watch.ended], [2, 0]);
  }
  assertEquals([watch.made, watch.ended], [2, 2]);
});

Deno.test("threads.ts: killing a thread in the middle of a job loses no task", async () => {
  using watch = new Watch();
  using threads = new Threads();
  const group = groupOf(threads, 2);
  const proofs = range(8).map((i) =>
    group.go(({ workerId, attempt }) => {
      const proof = threads.of(workerId).run({ text: `${i}`, bits: 4 });
      if (i % 3 === 0 && attempt === 1) {
        threads.of(workerId).end(new ThreadError("killed"));
      }
      return proof;
    })
  );
  for (const [i, { nonce, hash }] of (await Promise.all(proofs)).entries()) {
    assertEquals(hashOf(`${i}`, nonce), hash);
  }
  assertEquals(await group.wait(), 0);
  const { fulfilled, retried } = group.stats;
  assertEquals([fulfilled, retried], [8, 3]);
  assertEquals(watch.ended, 3);
  assert(watch.made - watch.ended <= 2, `${watch.made} threads were made`);
});

Deno.test("threads.ts: a job that crashes every thread fails after three, and costs no other", async () => {
  // A program of its own: Deno prints what a thread crashes with.
  const program = `
    import { groupOf, Threads } from "${EXAMPLE}";
    using threads = new Threads();
    const group = groupOf(threads, 1);
    const run = (text) =>
      group.go(({ workerId }) => threads.of(workerId).run({ text, bits: 4 }));
    const crash = run(1n); // A number can't be hashed.
    const { nonce, hash } = await run("good");
    const error = await crash.catch((error) => error);
    await group.wait();
    const { retried } = group.stats;
    console.log(JSON.stringify({ nonce, hash, retried, name: error.constructor.name }));
  `;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    cwd: SOURCES,
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  const { nonce, hash, retried, name } = JSON.parse(decoder.decode(stdout));
  assertEquals(hashOf("good", nonce), hash);
  assertEquals([retried, name], [2, "ThreadError"]);
});

Deno.test("threads.ts: a job that takes too long is ended with its thread, and not tried again", async () => {
  using watch = new Watch();
  using threads = new Threads();
  const group = groupOf(threads, 1);
  const run = (bits: number, timeout: number) =>
    group.go(
      ({ workerId }) => threads.of(workerId).run({ text: "", bits }),
      { timeout },
    );
  const endless = run(32, 50);
  const proof = run(4, Infinity);
  const error = await endless.catch((error) => error);
  assertEquals(error.name, "TimeoutError");
  assert((await proof).hash.startsWith("0"));
  await group.wait();
  assertEquals([group.stats.rejected, watch.made, watch.ended], [1, 2, 1]);
});

Deno.test("threads.ts: an abort ends the queue, and lets the jobs on the threads finish", async () => {
  using watch = new Watch();
  using threads = new Threads();
  const group = groupOf(threads, 2);
  const hashes: string[] = [];
  for (const i of range(8)) {
    group.add(async ({ workerId }) => {
      const proof = threads.of(workerId).run({ text: `${i}`, bits: 4 });
      if (i === 1) group.cancel();
      hashes.push((await proof).hash);
    });
  }
  assertEquals(await group.wait(), 6);
  assertEquals(hashes.map((hash) => hash.slice(0, 1)), ["0", "0"]);
  assertEquals([watch.made, watch.ended], [2, 0]);
});

Deno.test("threads.ts: the program finds every block's proof", async () => {
  const { code, stdout, stderr } = await threads(
    ...["--threads", "2", "--blocks", "5", "--bits", "4"],
  ).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  assertEquals(blocks(decoder.decode(stdout), "0"), [1, 2, 3, 4, 5]);
});

Deno.test("threads.ts: after Ctrl-C the program writes what was in flight, and says what is left", async () => {
  const child = threads("--threads=2", "--blocks=100000", "--bits=4");
  const stderr = new Response(child.stderr).text();
  let output = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (output === "") child.kill("SIGINT");
    output += chunk;
  }
  const [{ code }, errors] = await Promise.all([child.status, stderr]);
  assertEquals(code, 130);
  const [, found, left] =
    /^threads: interrupted: (\d+) found, (\d+) left\n$/.exec(errors) ?? [];
  assertEquals(blocks(output, "0"), range(Number(found)).map((i) => i + 1));
  assertEquals(Number(found) + Number(left), 100_000);
});

Deno.test("threads.ts: wrong usage is 2, and says what is wrong", async () => {
  for (const args of [["--threads=0"], ["--bits", "x"], ["more"]]) {
    const { code, stdout, stderr } = await threads(...args).output();
    assertEquals([code, stdout.length], [2, 0]);
    const text = new TextDecoder().decode(stderr);
    assert(text.startsWith("threads: ") && text.includes("Usage: "), text);
  }
});
