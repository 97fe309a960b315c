/**
 * Makes the npm tarball: what `deno pack` makes, with a package.json that
 * says all that npm's users look for.
 *
 * ```sh
 * deno task pack   # cogroup-cogroup-0.2.0.tgz
 * ```
 *
 * @module
 */

import { run } from "./command.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** What a registry shows, and a bundler wants to know. */
const EXTRAS = {
  description:
    "A coroutine group: a fixed number of workers that take tasks from a channel, with an abort that can be trusted.",
  keywords: [
    ...["concurrency", "queue", "pool", "worker", "limit", "async"],
    ...["channel", "backpressure", "retry", "abort", "deno", "bun"],
  ],
  // No file does anything when it is loaded: what is not used may be dropped.
  sideEffects: false,
  engines: { node: ">=20" },
};

/** Makes the package as `deno pack` has it, in the directory. Returns its path. */
export async function unpack(directory: string): Promise<string> {
  const raw = `${directory}/raw.tgz`;
  await run(
    "deno",
    ["pack", "--no-source-maps", "--allow-dirty", "--output", raw],
    ROOT,
  );
  await run("tar", ["-xzf", raw], directory);
  return `${directory}/package`;
}

/** Writes the tarball into the directory. Returns its path. */
export async function pack(directory: string): Promise<string> {
  const work = await Deno.makeTempDir();
  try {
    const made = await unpack(work);
    const manifest = `${made}/package.json`;
    const { name, version, ...rest } = JSON.parse(
      await Deno.readTextFile(manifest),
    );
    const complete = { name, version, ...EXTRAS, ...rest };
    await Deno.writeTextFile(
      manifest,
      `${JSON.stringify(complete, undefined, 2)}\n`,
    );
    const args = ["pack", "--silent", "--pack-destination", directory];
    const file = await run("npm", args, made);
    return `${directory}/${file.trim()}`;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

if (import.meta.main) console.log(await pack(Deno.cwd()));
