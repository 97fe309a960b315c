/**
 * How much of a bundle the library takes, minified and gzipped: of the sources, and of
 * the package as JSR has it for npm's bundlers. Fails if that is more than its ceiling.
 *
 * ```sh
 * deno task size           # add --parts to see what each file has in it
 * ```
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { build, type Plugin, stop } from "npm:esbuild@0.28.2";
import { bundleAll } from "./bundlers.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/**
 * What a program imports, and the bytes it may cost: a little more than it does,
 * so that a change that makes it heavier has to say so here.
 */
const BUNDLES = [
  { title: "Channel alone", names: "{ Channel }", ceiling: 6_650 },
  { title: "CoGroup alone", names: "{ CoGroup }", ceiling: 23_550 },
  {
    title: "CoGroup and consume",
    names: "{ CoGroup }",
    others: 'export { consume } from "./src/consume/mod.ts";',
    ceiling: 26_850,
  },
  { title: "everything", names: "*", ceiling: 31_700 },
  {
    title: "Recorder alone",
    names: "{ Recorder }",
    from: "./src/trace/mod.ts",
    ceiling: 4_400,
  },
];

/** What a program imports from the package, for each bundler; as much as from the sources. */
const ENTRY_POINT = {
  title: "Channel alone, from JSR",
  source: 'export { Channel } from "@cogroup/cogroup/channel";',
  ceiling: 6_800,
};

/** What the tarball's package.json says: a file that is not used does nothing. */
const pure: Plugin = {
  name: "no side effects",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => ({
      path: new URL(path, `file://${resolveDir}/`).pathname,
      sideEffects: false,
    }));
  },
};

/** The minified bundle, and what each source file has in it. */
async function bundle(
  names: string,
  from = "./mod.ts",
  others = "",
): Promise<{ code: Uint8Array; parts: [file: string, bytes: number][] }> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export ${names} from "${from}";${others}`,
      resolveDir: ROOT,
      sourcefile: "entry.ts",
    },
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outfile: "bundle.js",
    write: false,
    metafile: true,
    plugins: [pure],
  });
  const { inputs } = metafile.outputs["bundle.js"]!;
  const parts = Object.entries(inputs).map(([file, { bytesInOutput }]) =>
    [file, bytesInOutput] as [string, number]
  ).filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
  return { code: outputFiles[0]!.contents, parts };
}

/** Says what it weighs. False if that is too much. */
function isLight(title: string, code: Uint8Array, ceiling: number): boolean {
  const size = gzipSync(Buffer.from(code), { level: 9 }).length;
  const isOver = size > ceiling;
  console.log(
    `${isOver ? "FAIL" : "ok  "}  ${title}: ${size} bytes min+gzip` +
      ` (${code.length} minified), ceiling ${ceiling}`,
  );
  return !isOver;
}

async function main(): Promise<number> {
  const withParts = Deno.args.includes("--parts");
  let failures = 0;
  for (const { title, names, from, others, ceiling } of BUNDLES) {
    const { code, parts } = await bundle(names, from, others);
    if (!isLight(title, code, ceiling)) failures++;
    if (withParts) {
      for (const [file, bytes] of parts) {
        console.log(`${bytes}`.padStart(12), file);
      }
    }
  }
  await stop();
  const { title, source, ceiling } = ENTRY_POINT;
  for (const { name, code } of await bundleAll(source)) {
    if (!isLight(`${title}, by ${name}`, code, ceiling)) failures++;
  }
  return failures > 0 ? 1 : 0;
}

Deno.exit(await main());
