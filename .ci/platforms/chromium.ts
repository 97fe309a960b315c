/**
 * A page that uses the library, and Chromium with its tabs throttled as they are for people: what Playwright
 * launches never throttles one. It is looked for at /usr/bin/chromium, or at
 * `CHROMIUM`.
 *
 * @module
 */

import { type Browser, chromium } from "npm:playwright-core@1.65.1";
import type { Project } from "./rig.ts";

export type { Browser, Page } from "npm:playwright-core@1.65.1";

const FLAGS = [
  ...["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
  ...["--disable-quic", "--disable-background-networking", "--disable-sync"],
  ...["--disable-component-update", "--remote-debugging-port=0"],
];

const IMPORTS = {
  "@cogroup/cogroup": "/node_modules/@cogroup/cogroup/mod.js",
};

/**
 * A server of a page with this script, which may import what the project has
 * installed; it answers /slow after 20 ms.
 */
export function serve(
  { path }: Project,
  script: string,
): Deno.HttpServer<Deno.NetAddr> {
  const page = `
    <script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
    <script type="module" src="${script}"></script>`;
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  return Deno.serve(options, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/slow") {
      await new Promise((done) => setTimeout(done, 20));
      return new Response("ok");
    }
    const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
    const body = pathname === "/"
      ? page
      : await Deno.readTextFile(path + pathname).catch(() => "");
    return new Response(body, { headers: { "content-type": type } });
  });
}

/** Where Chromium says that it can be reached. */
async function addressOf({ stderr }: Deno.ChildProcess): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stderr.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    const url = text.match(/ws:\/\/\S+/)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`Chromium does not start: ${text}`);
}

/** Has a Chromium with these flags for as long as it is used. */
export async function withChromium<T>(
  { path }: Project,
  flags: string[],
  use: (browser: Browser) => Promise<T>,
): Promise<T> {
  const profile = await Deno.makeTempDir({ dir: path });
  const process = new Deno.Command(
    Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    {
      args: [...FLAGS, ...flags, `--user-data-dir=${profile}`, "about:blank"],
      env: { TMPDIR: profile },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    },
  ).spawn();
  try {
    // Without its defaults: with them, every page believes that it is seen.
    return await use(
      await chromium.connectOverCDP(await addressOf(process), {
        noDefaults: true,
      }),
    );
  } finally {
    process.kill();
    await process.status;
  }
}
