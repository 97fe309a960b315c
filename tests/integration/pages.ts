/**
 * The README and the pages of docs/: their examples on each runtime, and their links.
 * (`deno task test` runs the examples on Deno, with their types checked.)
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { assert, assertEquals } from "../support/std.ts";
import { DENO, type Runtime, runtimes } from "./support/runtimes.ts";
import { outcome } from "./support/tree.ts";

const ROOT = new URL("../../", import.meta.url);
const CONFIG = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

/** The pages that a reader may come by, by their paths. */
const pages = new Map<string, string>();
for (const folder of ["", "docs/", "examples/"]) {
  for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
    if (!name.endsWith(".md")) continue;
    const path = folder + name;
    pages.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  }
}

interface Example {
  readonly name: string;
  readonly code: string;
}

/** What imports nothing but this package and what the runtimes have. */
const isPlain = ({ code }: Example) =>
  [...code.matchAll(/\bfrom "([^"]+)"/g)].every(([, from]) =>
    /^(node:|@cogroup\/cogroup)/.test(from!)
  );

/** The blocks that `deno test --doc` runs, too. */
function* examples(): Generator<Example> {
  for (const [path, text] of pages) {
    for (const { 1: code, index } of text.matchAll(/^```ts\n([^]*?)^```$/gm)) {
      const line = text.slice(0, index).split("\n").length;
      yield { name: `${path}:${line}`, code: code! };
    }
  }
}

/** The same with our entry points where they are here. */
function resolved(code: string): string {
  return code.replace(
    /"@cogroup\/cogroup(\/\w+)?"/g,
    (_, entry = "") =>
      JSON.stringify(new URL(CONFIG.exports[`.${entry}`], ROOT)),
  );
}

/** How it ends as a program, without permissions on Deno. */
async function run({ name, program }: Runtime, { code }: Example) {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, resolved(code));
    const how = name === DENO.name
      ? ["run", "--quiet", "--no-check", "--no-prompt"]
      : [];
    const command = new Deno.Command(program, {
      args: [...how, file],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    return await outcome(command.spawn());
  } finally {
    await Deno.remove(file);
  }
}

for (const runtime of await runtimes()) {
  Deno.test(`Each example of the README and of docs/ runs on ${runtime.name}, and prints nothing`, async () => {
    await using group = new CoGroup(2);
    const all = [...examples()].filter(isPlain);
    assert(all.length > 30, `only ${all.length} were found`);
    const ends = group.map(all, async (example) => ({
      name: example.name,
      ...await run(runtime, example),
    }), { ordered: false });
    for await (const { name, ...end } of ends) {
      assertEquals(end, { code: 0, out: "", err: "" }, name);
    }
  });
}

/** As GitHub makes them: no punctuation, a number for what comes again. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  const prose = text.replace(/^```[^]*?^```$/gm, "");
  for (const [, heading] of prose.matchAll(/^#+ (.+)$/gm)) {
    const name = heading!.replace(/\]\([^)]*\)/g, "").toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    let unique = name;
    for (let n = 1; found.has(unique); n++) unique = `${name}-${n}`;
    found.add(unique);
  }
  return found;
}

Deno.test("Each link of the pages leads to a file that is there, and to a heading that it has", async () => {
  const broken: string[] = [];
  let links = 0;
  for (const [page, text] of pages) {
    const prose = text.replace(/^```[^]*?^```$/gm, "");
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link!)) continue;
      links++;
      const url = new URL(link!, new URL(page, ROOT));
      const anchor = decodeURIComponent(url.hash.slice(1));
      const path = url.href.slice(ROOT.href.length).replace(/#.*/, "");
      const isThere = await Deno.stat(new URL(path, ROOT)).then(
        () => true,
        () => false,
      );
      const target = pages.get(path);
      const isRight = isThere &&
        (anchor === "" || target !== undefined && anchors(target).has(anchor));
      if (!isRight) broken.push(`${page}: ${link}`);
    }
  }
  assert(links > 100, `only ${links} were found`);
  assertEquals(broken, []);
});

Deno.test("Each page of docs/ can be reached from the README", () => {
  const readme = pages.get("README.md")!;
  const lost = [...pages.keys()].filter((path) =>
    path.startsWith("docs/") && !readme.includes(`](${path}`)
  );
  assertEquals(lost, []);
});
