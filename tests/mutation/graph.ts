// deno-coverage-ignore-file

/**
 * The repository's modules as functions, so that they can be made anew a
 * thousand times in one process, with one of them changed: a process for each
 * mutant and test would cost a hundred times what they do.
 *
 * @module
 */

import ts from "npm:typescript@5.9.3";
import { guarded } from "./probes.ts";

const ROOT = new URL("../../", import.meta.url);

/** The text of a function body for each file, by its path in the repository. */
export type Modules = Record<string, string>;

/** What a file has in place of what needs the module system, or the network. */
const stands: Record<string, string> = {
  "tests/support/std.ts": `export * from "./stand_in.ts";
    export const stdChannel = undefined;
    export const standIns = "stand-ins";`,
  "tests/support/test.ts": `export const test = (globalThis as any).addTest;
    export const ignored = () => {};`,
};

/** It is about the text of src/. */
const UNFIT = "tests/mod_test.ts";

/** Whose text a test takes into another realm, where the guards would know no `loop`. */
const UNGUARDED = "tests/support/polyfilled_signal.ts";

/** The body of the module's function, which has `require` and `exports`. */
export function compile(path: string, source: string): string {
  const text = (stands[path] ?? source)
    .replaceAll("import.meta.url", JSON.stringify(new URL(path, ROOT).href))
    .replace(/^if \(import\.meta\.main\).*$/gm, "")
    .replace(
      /(?<!typeof )(?:await )?import\(("[^"]*")\)/g,
      "require($1)",
    );
  return ts.transpileModule(path === UNGUARDED ? text : guarded(text), {
    compilerOptions: {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
    },
  }).outputText;
}

function* filesOf(dir: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(dir, ROOT))) {
    if (isDirectory) yield* filesOf(`${dir}/${name}`);
    else if (name.endsWith(".ts")) yield `${dir}/${name}`;
  }
}

/** The files of a directory and of those in it, in order. */
export function list(dir: string, ending: string): string[] {
  return [...filesOf(dir)].filter((path) => path.endsWith(ending)).sort();
}

/** What is in a file of the repository. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** All that the tests are made of, but for src/. */
export function testModules(): Modules {
  const modules: Modules = { "mod.ts": compile("mod.ts", read("mod.ts")) };
  for (const path of filesOf("tests")) {
    if (!/^tests\/((support|model)\/)?[^/]+$/.test(path)) continue;
    if (path !== UNFIT) modules[path] = compile(path, read(path));
  }
  return modules;
}
