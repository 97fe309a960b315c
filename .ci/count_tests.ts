/**
 * Says how many tests `deno test --doc` has before it: it tells only at the end.
 * Takes the same files, without running a test.
 *
 * ```sh
 * deno run --allow-read=. .ci/count_tests.ts tests/a_test.ts mod.ts src/ README.md docs/faq.md
 * ```
 *
 * @module
 */

import { readdir, readFile, stat } from "node:fs/promises";

/** A block that is compiled and run; it may be in a comment. */
const EXAMPLE =
  /^(?:[ \t]*\* ?)?[ \t]*```(?:ts|tsx|js|jsx|typescript|javascript)[ \t]*$/gm;
const ROOT = new URL(`file://${Deno.cwd()}/`);

let tests = 0;
const register = () => void tests++;
// `tests/support/test.ts` looks it up once, for all files.
Object.assign(Deno, { test: Object.assign(register, { ignore: register }) });

async function filesOf(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => name.endsWith(".ts"))
    .map((name) => `${path.replace(/\/$/, "")}/${name}`);
}

let examples = 0;
let files = 0;
for (const file of (await Promise.all(Deno.args.map(filesOf))).flat()) {
  const before = tests + examples;
  if (file.startsWith("tests/")) await import(new URL(file, ROOT).href);
  examples += (await readFile(file, "utf8")).match(EXAMPLE)?.length ?? 0;
  if (tests + examples > before) files++;
}
console.log(
  `${tests} tests and ${examples} examples of the docs, in ${files} files`,
);
Deno.exit(); // What a file of tests has set going by being loaded ends here.
