/**
 * `examples/threads.ts` on each runtime: its threads, and the program. (The recipe of
 * docs/recipes.md runs in pages.ts.)
 *
 * @module
 */

import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { hashOf } from "./support/proof.ts";
import { DENO, type Runtime, runtimes } from "./support/runtimes.ts";
import { outcome } from "./support/tree.ts";

const ROOT = new URL("../../", import.meta.url);
const EXAMPLES = new URL("examples/", ROOT).pathname;
const TESTS = new URL("support/thread_tests.ts", import.meta.url).pathname;

/** What makes a runtime run a file of tests. On Deno they may read the example alone. */
const TEST: Record<string, string[]> = {
  Deno: ["test", "--quiet", "--no-check", `--allow-read=${EXAMPLES}`],
  Bun: ["test"],
  Node: ["--test"],
};

/** Starts a program in the repository. */
function start(program: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Starts the example, which may read itself on Deno, and nothing else. */
function threads(
  { name, program, args }: Runtime,
  ...options: string[]
): Deno.ChildProcess {
  const how = name === DENO.name
    ? ["run", "--no-prompt", `--allow-read=${EXAMPLES}`]
    : args;
  return start(program, [...how, "examples/threads.ts", ...options]);
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

for (const runtime of await runtimes()) {
  const on = `on ${runtime.name}`;

  Deno.test(`threads.ts ${on}: a thread for each worker, replaced when it breaks, ended with its job or the group`, async () => {
    const args = [...TEST[runtime.name]!, TESTS];
    const { code, out, err } = await outcome(start(runtime.program, args));
    assertEquals(code, 0, out + err);
  });

  Deno.test(`threads.ts ${on}: the program finds every block's proof`, async () => {
    const { code, out, err } = await outcome(
      threads(runtime, "--threads", "2", "--blocks", "5", "--bits", "4"),
    );
    assertEquals([code, err], [0, ""]);
    assertEquals(blocks(out, "0"), [1, 2, 3, 4, 5]);
  });

  Deno.test(`threads.ts ${on}: after Ctrl-C the program writes what was in flight, and says what is left`, async () => {
    const child = threads(
      runtime,
      ...["--threads=2", "--blocks=100000", "--bits=4"],
    );
    const stderr = new Response(child.stderr).text();
    let out = "";
    for await (
      const part of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      if (out === "") child.kill("SIGINT");
      out += part;
    }
    const [{ code }, errors] = await Promise.all([child.status, stderr]);
    assertEquals(code, 130);
    const [, found, left] =
      /^threads: finishing \d; once more to stop\nthreads: interrupted: (\d+) found, (\d+) left\n$/
        .exec(errors) ?? [];
    assertEquals(blocks(out, "0"), range(Number(found)).map((i) => i + 1));
    assertEquals(Number(found) + Number(left), 100_000);
  });

  Deno.test(`threads.ts ${on}: wrong usage is 2, and says what is wrong`, async () => {
    for (const args of [["--threads=0"], ["--bits", "x"], ["more"]]) {
      const { code, out, err } = await outcome(threads(runtime, ...args));
      assertEquals([code, out], [2, ""]);
      assert(err.startsWith("threads: ") && err.includes("Usage: "), err);
    }
  });

  Deno.test(`threads.ts ${on}: --help shows the usage on stdout`, async () => {
    const { code, out, err } = await outcome(threads(runtime, "--help"));
    assertEquals([code, err], [0, ""]);
    assert(out.startsWith("Usage: ") && out.includes("Ctrl-C"), out);
  });
}
