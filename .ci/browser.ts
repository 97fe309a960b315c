/**
 * Runs the laws in headless Chromium, against the library as a bundle.
 *
 * ```sh
 * deno task test:browser
 * deno task test:browser --screenshot page.png
 * ```
 *
 * Every test that knows nothing of the library but `mod.ts` runs there, but
 * for those of the async context, which browsers don't have, and those that
 * load it once more with another loop: `.ci/platforms.ts` has those. Chromium is
 * looked for at /usr/bin/chromium, or at `CHROMIUM`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { build, type Plugin, stop } from "npm:esbuild@0.28.2";
import { chromium } from "npm:playwright-core@1.65.1";
import type { Result } from "./browser/page.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const BROWSER = `${ROOT}.ci/browser/`;
/** Browsers have no async context, and this page loads `mod.ts` alone, but once. */
const ABSENT =
  /^(consume_\w+|diagnose|law_10_channels|law_13_context|law_15_wall_clock|odd_loop_\w+)_test\.ts$/;
/** Nobody's: every request is answered here, and none leaves the machine. */
const ORIGIN = "http://cogroup.test/";
/** Milliseconds that the whole page may take. */
const TOO_LONG = 180_000;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Puts what there is in a browser in place of what there isn't. */
const browser: Plugin = {
  name: "browser",
  setup({ onResolve, onLoad }) {
    onResolve(
      { filter: /\/(mod\.ts|cogroup\.js)$/ },
      () => ({ path: "/cogroup.js", external: true }),
    );
    onResolve({ filter: /^@std\// }, ({ path }) => ({ path, external: true }));
    onResolve(
      { filter: /\/support\/test\.ts$|^\.\/test\.ts$/ },
      () => ({ path: `${BROWSER}test.ts` }),
    );
    onResolve(
      { filter: /^node:assert\/strict$/ },
      () => ({ path: `${BROWSER}assert.ts` }),
    );
    onResolve({ filter: /^node:vm$/ }, () => ({ path: `${BROWSER}vm.ts` }));
    onResolve({ filter: /^node:/ }, ({ path }) => ({
      path,
      namespace: "absent",
    }));
    // Between two test files: what the first of them has registered.
    onResolve({ filter: /^taken:/ }, ({ path }) => ({
      path,
      namespace: "taken",
    }));
    onLoad({ filter: /./, namespace: "taken" }, () => ({
      contents: `import { taken } from "${BROWSER}test.ts";
        export const tests = taken();`,
      resolveDir: BROWSER,
    }));
    onLoad({ filter: /./, namespace: "absent" }, () => ({
      // Not an ES module: whatever is imported is taken from the proxy.
      contents: `module.exports = require("${BROWSER}absent.ts").absent;`,
      resolveDir: BROWSER,
    }));
  },
};

async function bundle(
  stdin: string,
  plugins: Plugin[],
  minify = false,
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: stdin, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    minify,
    format: "esm",
    target: "es2022",
    write: false,
    plugins,
  });
  return outputFiles[0]!.text;
}

/** The test files that a browser can run. */
async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(`${ROOT}tests`)) {
    if (!name.endsWith("_test.ts") || ABSENT.test(name)) continue;
    const text = await Deno.readTextFile(`${ROOT}tests/${name}`);
    if (!text.includes('"../src/')) files.push(`tests/${name}`);
  }
  return [...files.sort(), ".ci/browser/law_10.ts"];
}

/** The page's script: all tests, by file, after what they need. */
function script(files: string[]): string {
  return `
    import "/cogroup.js"; // First: without what the tests bring.
    import "./.ci/browser/globals.ts";
    import "./.ci/browser/settled.ts";
    ${
    files.map((file, i) => `
      import "./${file}";
      import { tests as tests${i} } from "taken:${i}";`).join("")
  }
    import { main } from "./.ci/browser/page.ts";
    const files = [${
    files.map((title, i) => `{ title: "${title}", tests: tests${i} }`)
  }];
    globalThis.report(await main(files));`;
}

async function main(): Promise<number> {
  const { values: { screenshot } } = parseArgs({
    args: Deno.args,
    options: { screenshot: { type: "string" } },
  });
  const answers: Record<string, [type: string, body: string]> = {
    "": ["text/html", await Deno.readTextFile(`${BROWSER}page.html`)],
    "cogroup.js": [
      "text/javascript",
      await bundle('export * from "./mod.ts";', [], true),
    ],
    "page.js": [
      "text/javascript",
      await bundle(script(await testFiles()), [browser]),
    ],
  };
  await stop();

  const chrome = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: FLAGS,
  });
  try {
    const page = await chrome.newPage();
    await page.route("**", (route) => {
      const path = route.request().url().slice(ORIGIN.length);
      const [contentType, body] = answers[path] ?? [];
      return body === undefined
        ? route.abort()
        : route.fulfill({ contentType: `${contentType}; charset=utf-8`, body });
    });
    const { promise, resolve, reject } = Promise.withResolvers<Result[]>();
    await page.exposeFunction("report", resolve);
    // The page says what it is at, for when it gets no further.
    let last = "nothing";
    page.on("console", (message) => last = message.text());
    const errors: unknown[] = [];
    page.on("pageerror", (error) => {
      if (last === "nothing") reject(error); // Its script does not load.
      errors.push(error);
    });
    const timer = setTimeout(
      () => reject(new Error(`The page is still at: ${last}`)),
      TOO_LONG,
    );
    await page.goto(ORIGIN);
    const results = await promise;
    clearTimeout(timer);
    if (screenshot !== undefined) {
      await page.screenshot({ path: screenshot, fullPage: true });
    }
    for (const { name, state, text } of results) {
      if (state !== "ok") console.log(`${state}: ${name}\n${text ?? ""}`);
    }
    console.log(await page.textContent("#sum"), `(${chrome.version()})`);
    for (const error of errors) console.log(error);
    const isGood = results.length > 0 &&
      results.every(({ state }) => state !== "failed") && errors.length === 0;
    return isGood ? 0 : 1;
  } finally {
    await chrome.close();
  }
}

Deno.exit(await main());
