/**
 * Makes the npm tarball: what `deno pack` makes, with one file for each room of src/,
 * since a file takes half a millisecond to import; and with a package.json that says
 * all that npm's users look for.
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

const TOOLS = ["rollup@4.68.8", "rollup-plugin-dts@6.5.1", "typescript@5.9.3"];

/**
 * One file for all would be as quick. But then a program that imports a queue alone has all
 * of it in its bundle: bundlers drop a file that does nothing by itself, no half of one.
 */
const ROLLUP = `
import { dts } from "rollup-plugin-dts";
const external = /^node:/;
const output = (end) => ({
  dir: "out",
  entryFileNames: "[name]" + end,
  chunkFileNames: "rooms/[name]" + end,
  hoistTransitiveImports: false,
});
const room = (path) => path.match(/src\\/(\\w+)\\/(?!mod\\.)/)?.[1];
const input = (end) => Object.fromEntries(
  ENTRIES.map(([name, path]) => [name, path + end]),
);
export default [
  {
    input: input(".js"),
    external,
    treeshake: { moduleSideEffects: false },
    output: { ...output(".js"), manualChunks: room },
  },
  { input: input(".d.ts"), external, plugins: [dts()], output: output(".d.ts") },
];
`;

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

type Exports = Record<string, { types: string; import: string }>;

/** Puts a file for each room in place of the package's files. Returns its new exports. */
async function gather(made: string, exports: Exports): Promise<Exports> {
  const files = Object.values(exports).map(({ import: path }) => path);
  const names = Object.keys(exports).map((key) => key.slice(2) || "mod");
  const entries = names.map((name, i) => [name, files[i]!.slice(0, -3)]);
  const config = ROLLUP.replace("ENTRIES", JSON.stringify(entries));
  await Deno.writeTextFile(`${made}/rollup.config.mjs`, config);
  await run("npm", ["install", "--silent", "--no-save", ...TOOLS], made);
  await run("npx", ["rollup", "-c", "--silent"], made);
  for (const old of ["mod.js", "mod.d.ts", "src", "node_modules"]) {
    await Deno.remove(`${made}/${old}`, { recursive: true });
  }
  for await (const { name } of Deno.readDir(`${made}/out`)) {
    await Deno.rename(`${made}/out/${name}`, `${made}/${name}`);
  }
  await Deno.remove(`${made}/out`);
  await Deno.remove(`${made}/rollup.config.mjs`);
  return Object.fromEntries(
    Object.keys(exports).map((key, i) => {
      const path = `./${names[i]}.js`;
      const types = `./${names[i]}.d.ts`;
      return [key, { types, import: path, default: path }];
    }),
  );
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
    const exports = await gather(made, rest.exports);
    const complete = { name, version, ...EXTRAS, ...rest, exports };
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
