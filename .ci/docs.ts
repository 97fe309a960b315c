/**
 * Makes the API reference in a temporary folder, as JSR does, and reads it: each
 * symbol has an example, each parameter is described, each link leads somewhere.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run=deno .ci/docs.ts mod.ts
 * ```
 *
 * @module
 */

import { readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { run } from "./command.ts";

const ROOT = new URL("..", import.meta.url).pathname;

interface Tag {
  kind: string;
  name?: string;
}
interface Signature {
  params?: { name?: string; left?: { name: string } }[];
}
interface Member {
  name?: string;
  kind?: string;
  jsDoc?: { tags?: Tag[] };
  functionDef?: Signature;
}
interface Declaration extends Member {
  kind: string;
  declarationKind: string;
  def: Signature & {
    constructors?: (Member & Signature)[];
    methods?: Member[];
  };
}
interface Docs {
  nodes: Record<
    string,
    { symbols: { name: string; declarations: Declaration[] }[] }
  >;
}

/** Parameters that a signature has, and its doc does not tell of. */
function undescribed({ params }: Signature, { jsDoc }: Member): string[] {
  const told = jsDoc?.tags?.filter(({ kind }) => kind === "param") ?? [];
  const names = (params ?? []).map(({ name, left }) => name ?? left?.name);
  return names.filter((name) => name && !told.some((tag) => tag.name === name))
    .map((name) => `the parameter ${name} is not described`);
}

/** What is missing in the comments. */
function* missing({ nodes }: Docs): Generator<string> {
  for (
    const { name, declarations } of Object.values(nodes).flatMap((n) =>
      n.symbols
    )
  ) {
    for (const one of declarations) {
      // What another entry point has, too, is a reference to it there.
      if (one.declarationKind !== "export" || one.kind === "reference") {
        continue;
      }
      const { constructors = [], methods = [], ...def } = one.def;
      if (!one.jsDoc?.tags?.some(({ kind }) => kind === "example")) {
        yield `${name}: no example`;
      }
      for (const gap of undescribed(def, one)) yield `${name}: ${gap}`;
      for (const made of constructors) {
        for (const gap of undescribed(made, made)) yield `new ${name}: ${gap}`;
      }
      for (const method of methods) {
        // A setter is described with its getter, an overload by its signatures.
        if (method.kind === "setter" || !method.jsDoc) continue;
        const signature = method.functionDef ?? (method as Signature);
        for (const gap of undescribed(signature, method)) {
          yield `${name}.${method.name}: ${gap}`;
        }
      }
    }
  }
}

/** The links of the pages that lead nowhere. */
async function* broken(folder: string): AsyncGenerator<string> {
  const pages = new Map<string, string>();
  for (const path of await readdir(folder, { recursive: true })) {
    if (!path.endsWith(".html")) continue;
    pages.set(join(folder, path), await readFile(join(folder, path), "utf8"));
  }
  for (const [page, text] of pages) {
    for (const [, link] of text.matchAll(/<a\s[^>]*?href="([^"]*)"/g)) {
      const href = link!.replaceAll("&#x2F;", "/").replaceAll("&#x3A;", ":");
      if (/^\w+:/.test(href)) continue; // To a source, or the world.
      // Deno's own: it makes none for the parameters of a function's type.
      if (href.endsWith("#type_param_t")) continue;
      const [path = "", id] = href.split("#").map(decodeURIComponent);
      const file = normalize(path ? join(dirname(page), path) : page);
      const isThere = await stat(file).then(() => true, () => false);
      const target = pages.get(file);
      if (isThere && (!id || !target || target.includes(`id="${id}"`))) {
        continue;
      }
      yield `${page.slice(folder.length + 1)}: no ${href}`;
    }
  }
}

/** The links of comments to what is exported, or was meant to be. */
async function* unresolved(folder: string): AsyncGenerator<string> {
  const isPage = (name: string) =>
    stat(join(folder, "~", `${name}.html`)).then(() => true, () => false);
  const sources = (await readdir(join(ROOT, "src"), { recursive: true }))
    .filter((path) => path.endsWith(".ts")).map((path) => `src/${path}`);
  for (const file of ["mod.ts", ...sources]) {
    const text = await readFile(join(ROOT, file), "utf8");
    for (const [, name] of text.matchAll(/\{@link\w*[\s*]+([^\s}|]+)/g)) {
      const isOwn = new RegExp(`^(?!\\s*\\*).*\\b${name}\\b`, "m"); // In code.
      if (await isPage(name!) || isOwn.test(text)) continue;
      yield `${file}: {@linkcode ${name}} leads nowhere`;
    }
  }
}

const folder = await Deno.makeTempDir();
try {
  const json = await run("deno", ["doc", "--json", ...Deno.args], ROOT);
  const html = ["doc", "--html", "--name=docs", `--output=${folder}`];
  await run("deno", [...html, ...Deno.args], ROOT);
  const problems = [
    ...missing(JSON.parse(json)),
    ...await Array.fromAsync(broken(folder)),
    ...await Array.fromAsync(unresolved(folder)),
  ];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) Deno.exit(1);
} finally {
  await rm(folder, { recursive: true });
}
