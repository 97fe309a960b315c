/**
 * Makes the page that shows traces, of the sources in docs/viewer/: one HTML file, and the
 * module of the library that serves the same text.
 *
 * ```sh
 * deno task viewer           # --check: fail if they are not what the sources give
 * ```
 *
 * @module
 */

import { createHash } from "node:crypto";
import { build, stop } from "npm:esbuild@0.28.2";

const ROOT = new URL("..", import.meta.url).pathname;
const VIEWER = `${ROOT}docs/viewer/`;

/** Runs nothing but this script, and asks nothing of anybody but its own server's feed. */
function policy(style: string, script: string): string {
  const hash = (text: string) =>
    `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** The page, of its sources. */
export async function makePage(): Promise<string> {
  const read = (name: string) => Deno.readTextFile(`${VIEWER}${name}`);
  const { outputFiles } = await build({
    entryPoints: [`${VIEWER}main.ts`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    write: false,
  });
  await stop();
  const script = outputFiles[0]!.text.trim();
  const style = (await read("style.css")).replaceAll(/\/\*.*?\*\/\n?/gs, "")
    .replaceAll(/\n\s*/g, "");
  if (script.includes("</script")) throw new Error("It would end there.");
  return (await read("page.html"))
    .replace('content=""', `content="${policy(style, script)}"`)
    .replace("<style>", () => `<style>${style}`)
    .replace('<script type="module">', (tag) => tag + script);
}

/** The module that has it as a text. */
export function makeModule(page: string): string {
  return `/**
 * The page that shows traces: made by \`deno task viewer\`, of the sources in docs/viewer/.
 *
 * @module
 */

/** The whole of it, as HTML. */
export const PAGE: string = ${JSON.stringify(page)};
`;
}

if (import.meta.main) {
  const page = await makePage();
  const files = {
    "docs/trace.html": page,
    "src/trace/page.ts": makeModule(page),
  };
  for (const [path, text] of Object.entries(files)) {
    const old = await Deno.readTextFile(ROOT + path).catch(() => "");
    if (old === text) continue;
    if (Deno.args.includes("--check")) {
      console.error(
        `${path} is not made of docs/viewer/: run deno task viewer`,
      );
      Deno.exit(1);
    }
    await Deno.mkdir(new URL("..", `file://${ROOT}${path}x/`), {
      recursive: true,
    });
    await Deno.writeTextFile(ROOT + path, text);
    console.log(`${path}: ${text.length} bytes`);
  }
}
