/**
 * Installs the npm tarball into empty projects, as its users do, and looks
 * whether it works there: on Node 20, 22, 24 and Bun, for `tsc`, and by the
 * rules of publint and attw.
 *
 * ```sh
 * deno task test:pack
 * ```
 *
 * @module
 */

import { run } from "./command.ts";
import { pack } from "./pack.ts";

const CONSUMER = new URL("consumer/", import.meta.url);
const MOD = new URL("../mod.ts", import.meta.url).pathname;
const BUN = "bun@1.4.5";
/** The newest compiler, and the one before, which most projects still have. */
const COMPILERS = ["typescript@7.0.2", "typescript@5.9.3"];
/** Nothing that eases a check, and no types but the standard library's. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  skipLibCheck: false,
  target: "es2022",
  lib: ["es2022", "esnext.disposable", "dom", "dom.iterable"],
  types: [],
};
const MODULES = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

type Step = (project: string) => Promise<unknown>;

/** Runs a program from the npm registry. */
function npx(args: string[], cwd: string): Promise<string> {
  return run("npx", ["-y", ...args], cwd);
}

/** Does the steps in a project of its own, and says so. */
async function project(title: string, ...steps: Step[]): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    const manifest = JSON.stringify({ private: true, type: "module" });
    await Deno.writeTextFile(`${path}/package.json`, manifest);
    for (const file of ["program.js", "types.ts"]) {
      await Deno.copyFile(new URL(file, CONSUMER), `${path}/${file}`);
    }
    for (const step of steps) await step(path);
    console.log(`ok  ${title}`);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function compile(compiler: string, options: object): Step {
  return async (path) => {
    const config = {
      compilerOptions: { ...STRICT, ...options },
      files: ["types.ts"],
    };
    await Deno.writeTextFile(`${path}/tsconfig.json`, JSON.stringify(config));
    await npx(["--package", compiler, "tsc", "-p", "."], path);
  };
}

/** Fails if `types.ts` leaves out something that `mod.ts` exports. */
async function checkTypesFile(): Promise<void> {
  const { nodes } = JSON.parse(
    await run("deno", ["doc", "--json", MOD], Deno.cwd()),
  );
  const [{ symbols }] = Object.values(nodes) as [
    { symbols: { name: string }[] },
  ];
  const text = await Deno.readTextFile(new URL("types.ts", CONSUMER));
  const unused = symbols.map(({ name }) => name).filter((name) =>
    // Once where it is imported, once where it is used.
    text.split(new RegExp(`\\b${name}\\b`)).length < 3
  );
  if (unused.length > 0) {
    throw new Error(`.ci/consumer/types.ts does not use ${unused.join(", ")}`);
  }
}

async function main(): Promise<void> {
  await checkTypesFile();
  const directory = await Deno.makeTempDir();
  try {
    const tarball = await pack(directory);
    await npx(["publint@0.3.25", "--strict", tarball], directory);
    console.log("ok  publint");
    await npx(
      ["@arethetypeswrong/cli@0.18.5", tarball, "--profile", "esm-only"],
      directory,
    );
    console.log("ok  attw, ESM only");
    const npm: Step = (path) => run("npm", ["install", tarball], path);
    for (const version of [20, 22, 24]) {
      await project(
        `Node ${version}`,
        npm,
        (path) => npx([`node@${version}`, "program.js"], path),
      );
    }
    await project(
      "Bun",
      (path) => npx([BUN, "add", tarball], path),
      (path) => npx([BUN, "program.js"], path),
    );
    for (const compiler of COMPILERS) {
      for (const [name, options] of Object.entries(MODULES)) {
        const title = `${compiler} --strict, ${name}`;
        await project(title, npm, compile(compiler, options));
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

await main();
