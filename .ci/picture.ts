/**
 * Draws docs/trace.png: what the page shows of a real run of `examples/fetch_all.ts`, with
 * a server that fails now and then, asks for a pause by status 429, and an interrupt.
 *
 * ```sh
 * deno task picture:trace
 * ```
 *
 * Chromium is looked for at /usr/bin/chromium, or at `CHROMIUM`.
 *
 * @module
 */

import { chromium } from "npm:playwright-core@1.65.1";
import { dice, sleep } from "./trace_page/runs.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const TARGET = `${ROOT}docs/trace.png`;
const SIZE = { width: 1200, height: 750 };
/** Bytes: it is loaded with the README. */
const MOST = 150_000;
/** What is asked for, and how many milliseconds an answer takes. */
const SLOWNESS = { maps: 340, users: 60, images: 110, news: 45, feed: 80 };
const KINDS = Object.keys(SLOWNESS) as (keyof typeof SLOWNESS)[];
/** When the server asks for its pause, and the user for an end. */
const PAUSE = 1_600;
const INTERRUPT = 5_200;

const roll = dice(11);
let began = 0;
let hasPaused = false;

async function answer({ url }: Request): Promise<Response> {
  began ||= performance.now();
  const [, kind] = new URL(url).pathname.split("/") as [string, string];
  await sleep(SLOWNESS[kind as keyof typeof SLOWNESS] * (0.5 + roll()));
  if (!hasPaused && performance.now() - began > PAUSE) {
    hasPaused = true;
    const headers = { "retry-after": "1" };
    return new Response("too many", { status: 429, headers });
  }
  const status = kind === "users" && roll() < 0.25 ? 503 : 200;
  return new Response("x".repeat(2_000), { status });
}

/** Runs the example until it is interrupted. Returns its trace. */
async function record(directory: string): Promise<string> {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  // One for each kind: they are told apart by their ports.
  const servers = KINDS.map(() => Deno.serve(options, answer));
  const urls = Array.from({ length: 2_000 }, (_, i) => {
    const n = i % KINDS.length;
    return `http://127.0.0.1:${servers[n]!.addr.port}/${KINDS[n]}/${i}`;
  });
  const [list, trace] = [`${directory}/urls.txt`, `${directory}/trace.json`];
  await Deno.writeTextFile(list, urls.join("\n"));
  const program = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-net=127.0.0.1"],
      ...[`--allow-read=${directory}`, `--allow-write=${directory}`],
      ...[`${ROOT}examples/fetch_all.ts`, "--concurrency", "10"],
      ...["--retries", "3", "--rate", "120/s", "--trace", trace, list],
    ],
    stdout: "null",
  }).spawn();
  while (began === 0) await sleep(10);
  await sleep(INTERRUPT);
  program.kill("SIGINT");
  await program.status;
  for (const server of servers) await server.shutdown();
  return trace;
}

async function draw(trace: string): Promise<number> {
  const browser = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const page = await browser.newPage({ viewport: SIZE });
    await page.goto(`file://${ROOT}docs/trace.html`);
    await page.setInputFiles("#file", trace);
    await page.locator("#totals dd").first().waitFor();
    await page.waitForTimeout(300);
    await page.screenshot({ path: TARGET });
  } finally {
    await browser.close();
  }
  return (await Deno.stat(TARGET)).size;
}

const directory = await Deno.makeTempDir();
try {
  const size = await draw(await record(directory));
  console.log(`docs/trace.png: ${size} bytes`);
  if (size > MOST) throw new Error(`more than ${MOST}`);
} finally {
  await Deno.remove(directory, { recursive: true });
}
