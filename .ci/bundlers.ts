/**
 * What bundlers make of the package as JSR gives it to npm's users: the files that
 * `deno pack` makes, too, and a package.json that says nothing of side effects.
 *
 * @module
 */

import { run } from "./command.ts";
import { unpack } from "./pack.ts";

const ENTRY = "entry.js";

/** The configuration of Vite: a page's script, of which the exports are kept. */
const VITE = {
  logLevel: "error",
  build: {
    outDir: "vite",
    target: "es2022",
    modulePreload: false,
    rolldownOptions: {
      input: ENTRY,
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "bundle.js" },
    },
  },
};

const WEBPACK = {
  mode: "production",
  entry: `./${ENTRY}`,
  experiments: { outputModule: true },
  output: {
    filename: "bundle.js",
    library: { type: "module" },
    module: true,
  },
  target: ["web", "es2022"],
};

/** Bundlers, what runs them in the project, and the file that they make. */
const BUNDLERS = [
  {
    name: "esbuild",
    args: [
      "esbuild@0.28.2",
      ENTRY,
      ..."--bundle --minify --format=esm --target=es2022".split(" "),
      "--outfile=esbuild/bundle.js",
    ],
    file: "esbuild/bundle.js",
  },
  {
    name: "Vite",
    args: ["vite@8.3.8", "build"],
    file: "vite/bundle.js",
  },
  {
    name: "webpack",
    args: [
      ..."-p webpack@5.113.0 -p webpack-cli@7.3.1 webpack".split(" "),
      "--output-path=webpack",
    ],
    file: "webpack/bundle.js",
  },
];

/** The minified bundle of a module that imports the package, by each of the bundlers. */
export async function bundleAll(
  source: string,
): Promise<{ name: string; code: Uint8Array }[]> {
  const project = await Deno.makeTempDir();
  try {
    const home = `${project}/node_modules/@cogroup`;
    await Deno.mkdir(home, { recursive: true });
    await Deno.rename(await unpack(project), `${home}/cogroup`);
    const files = {
      "package.json": JSON.stringify({ private: true, type: "module" }),
      "vite.config.js": `export default ${JSON.stringify(VITE)};`,
      "webpack.config.js": `export default ${JSON.stringify(WEBPACK)};`,
      [ENTRY]: source,
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${project}/${name}`, text);
    }
    const bundles = [];
    for (const { name, args, file } of BUNDLERS) {
      await run("npx", ["-y", ...args], project);
      bundles.push({ name, code: await Deno.readFile(`${project}/${file}`) });
    }
    return bundles;
  } finally {
    await Deno.remove(project, { recursive: true });
  }
}
