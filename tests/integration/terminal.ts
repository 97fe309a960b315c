/**
 * The examples at a terminal, with the rights that their docs give them on Deno:
 * nothing more is asked for, and progress is shown.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { assert, assertEquals } from "../support/std.ts";
import { answer, BadServer } from "./support/bad_server.ts";
import { outcome, Tree } from "./support/tree.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);

/** The rights in the first command of its docs, for servers and folders of ours. */
async function rightsOf(example: string, root: string): Promise<string[]> {
  const text = await readFile(new URL(example, EXAMPLES), "utf8");
  const command = /^ \* (?:deno run.*)$/m.exec(text)?.[0] ?? "";
  const rights = command.match(/--allow-\S+/g) ?? [];
  return rights.map((right) =>
    right.replace("=examples", `=${EXAMPLES.pathname}`)
      .replace("=pages", `=${root}`)
      .replace("=.", `=${root},${EXAMPLES.pathname}`)
  );
}

/** Runs it at a terminal, which `script` makes, and returns what that shows. */
async function atTerminal(
  root: string,
  example: string,
  ...args: string[]
): Promise<string> {
  const path = new URL(example, EXAMPLES).pathname;
  const rights = await rightsOf(example, root);
  const deno = [Deno.execPath(), "run", "--quiet", "--no-check", ...rights];
  const command = [...deno, path, ...args].map((arg) => `'${arg}'`).join(" ");
  const { code, out } = await outcome(
    new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", command, "/dev/null"],
      cwd: root,
      // To be asked for something is to wait for ever.
      signal: AbortSignal.timeout(120_000),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assertEquals([code, out.includes("Allow?")], [0, false], out);
  return out;
}

Deno.test("At a terminal no example asks for more rights than its docs give it, and the large ones show progress", async () => {
  await using tree = new Tree();
  await tree.write({ "d/a": "a", "d/b": "b", "t.csv": "a,b\n1,2\n" });
  // Slow enough for progress to be shown once.
  await using server = new BadServer((_, socket) =>
    void setTimeout(() => answer(socket, 200, "ok"), 300)
  );
  const url = `${await server.listen()}/`;
  await tree.write({ urls: url });
  const { root } = tree;
  const run = (example: string, ...args: string[]) =>
    atTerminal(root, example, ...args);

  assert((await run("checksum.ts", "--count", "d")).includes("2 files"));
  assert((await run("fetch_all.ts", "urls")).includes("0 done, 0 failed"));
  const proofs = await run("threads.ts", "--threads=1", "--bits=6");
  assert(proofs.includes(" of 64 found"), proofs);
  await run("small/download.ts", "pages", url);
  await run("small/hash.ts", "d");
  await run("small/csv_to_sqlite.ts", "my.db", "t", "t.csv");
  await run("small/crawl.ts", url);
  await run("small/threads.ts", "100");
});
