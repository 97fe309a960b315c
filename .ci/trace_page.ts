/**
 * The page that shows traces, in headless Chromium: as a file, and as a running
 * program serves it. And the file in other programs that show it: Perfetto, and
 * Chromium's performance panel.
 *
 * ```sh
 * deno task test:page
 * deno task test:page --screenshots DIRECTORY
 * deno task test:page --figures            # how fast it is; takes three minutes
 * ```
 *
 * Chromium is looked for at /usr/bin/chromium, or at `CHROMIUM`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Page } from "npm:playwright-core@1.65.1";
import { CoGroup } from "../mod.ts";
import { Recorder, serveTrace, type Trace } from "../src/trace/mod.ts";
import { showsLanes } from "./trace_page/devtools.ts";
import { figures } from "./trace_page/figures.ts";
import { readsAll } from "./trace_page/perfetto.ts";
import { busyRun } from "./trace_page/runs.ts";

const PAGE = new URL("../docs/trace.html", import.meta.url).href;
const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update"],
  "--disable-sync",
];
const SIZES = [{ width: 400, height: 860 }, { width: 2000, height: 1200 }];

/** Opens the page; what goes wrong in it is thrown when it is closed. */
async function withPage<T>(
  browser: Browser,
  options: Parameters<Browser["newPage"]>[0],
  url: string,
  use: (page: Page) => Promise<T>,
): Promise<T> {
  const page = await browser.newPage(options);
  const wrong: string[] = [];
  const asked: string[] = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => wrong.push(message.text()));
  page.on("request", (request) => asked.push(request.url()));
  try {
    await page.goto(url);
    const result = await use(page);
    assert.deepEqual(wrong, []);
    const { href } = new URL(".", url);
    const own = asked.filter((it) => it.startsWith(href) || it === "data:,");
    assert.deepEqual(asked, own, "it asks nothing of others");
    return result;
  } finally {
    await page.close();
  }
}

/** Waits until the page says so. */
async function until(page: Page, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await isSo()) return;
    await page.waitForTimeout(50);
  }
  throw new Error(`not so: ${isSo}; ${await page.textContent("#source")}`);
}

/** Gives the page a trace, by its file picker. */
async function openTrace(page: Page, json: string): Promise<void> {
  const buffer = Buffer.from(json);
  const file = { name: "run.json", mimeType: "application/json", buffer };
  await page.setInputFiles("#file", file);
  await until(page, async () => await page.locator("#totals dd").count() > 0);
}

/** Texts of the elements, as one reads them. */
function texts(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).allInnerTexts();
}

function ran({ traceEvents }: Trace) {
  return traceEvents.filter(({ ph, cat }) => ph === "X" && cat === "task");
}

/** Milliseconds, of a text like "1.2 s". */
function msOf(text: string): number {
  const [value, unit] = text.split("\u202f") as [string, string | undefined];
  const units = { µs: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
  return Number(value) * (units[unit as keyof typeof units] ?? 1);
}

async function showsTotals(page: Page, trace: Trace): Promise<void> {
  const its = ran(trace);
  const ended = (end: string) =>
    String(its.filter(({ args }) => args!["end"] === end).length);
  const tiles = await texts(page, "#totals .tiles dd");
  assert.deepEqual(tiles.slice(0, 3), [
    ended("fulfilled"),
    ended("rejected"),
    ended("delayed"),
  ]);
  await page.click("#workers summary");
  // The browser tells of what has opened a little later.
  await page.locator("#workers tbody tr").first().waitFor();
  const rows = await texts(page, "#workers tbody tr");
  const lanes = new Set(its.map(({ tid }) => tid));
  assert.equal(rows.length, lanes.size);
  for (const row of rows) {
    const [name, , , busy] = row.split("\t") as [string, ...string[]];
    const id = Number(name.replace("Worker ", ""));
    const own = its.filter(({ tid }) => tid === id);
    const sum = own.reduce((sum, { dur }) => sum + dur!, 0) / 1000;
    const off = Math.abs(msOf(busy!) / sum - 1);
    assert(off < 0.006, `${row}: ${sum} ms`);
  }
}

/** All of it without a mouse. */
async function worksByKeys(page: Page): Promise<void> {
  const said = () => page.innerText("#said");
  const title = async () => (await texts(page, ".card small"))[0]!;
  await page.focus("#lanes");
  await page.keyboard.press("ArrowDown");
  assert.match(await said(), /^Worker 1, \d+ attempts$/);
  await page.keyboard.press(".");
  assert.match(await said(), /Worker 1, /);
  await page.keyboard.press("e");
  assert.match(
    await said(),
    /failed, and was tried again\..*Error: status 503/,
  );
  assert.equal(await page.isVisible("#details"), true);
  assert.equal(await title(), "of the whole trace");
  await page.keyboard.press("z");
  await until(page, async () => (await title()).startsWith("of what ended"));
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#details"), false);
  await page.keyboard.press("0");
  await until(page, async () => await title() === "of the whole trace");
  await page.keyboard.press("+");
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+ArrowLeft");
  await until(page, async () => (await title()).startsWith("of what ended"));
  await page.keyboard.press("0");
}

async function worksByMouse(page: Page): Promise<void> {
  const { x, y } = (await page.locator("#lanes").boundingBox())!;
  const title = async () => (await texts(page, ".card small"))[0]!;
  // Between two tasks there is nothing to tell.
  for (let right = 60; !await page.isVisible("#tip"); right += 5) {
    assert(right < 600, "no task has a tooltip");
    await page.mouse.move(x + right, y + 8);
    await page.waitForTimeout(20);
  }
  assert.match(await page.innerText("#tip"), /(fulfilled|tried again) after/);
  await page.mouse.wheel(0, -400);
  await until(page, async () => (await title()).startsWith("of what ended"));
  const before = await title();
  await page.mouse.down();
  await page.mouse.move(x + 420, y + 8, { steps: 5 });
  await page.mouse.up();
  await until(page, async () => await title() !== before);
  await page.click("#fit");
  await page.click("#color label:nth-of-type(2)");
  await page.getByRole("button", { name: "slow.example" }).first().click();
  await until(page, async () => await page.locator("tr.chosen").count() === 1);
  await page.fill("#search", "flaky");
  await page.keyboard.press("Enter");
  assert.match(await page.innerText("#details h2"), /flaky/);
}

/** What a person with a narrow or a wide screen sees. */
async function fits(
  browser: Browser,
  json: string,
  screenshots: string | undefined,
): Promise<void> {
  for (const viewport of SIZES) {
    for (const colorScheme of ["light", "dark"] as const) {
      const options = { viewport, colorScheme };
      await withPage(browser, options, PAGE, async (page) => {
        await openTrace(page, json);
        await page.waitForTimeout(200);
        const wide = await page.evaluate(
          "document.documentElement.scrollWidth",
        );
        assert.equal(wide, viewport.width, "nothing is cut off");
        if (screenshots === undefined) return;
        const path = `${screenshots}/${colorScheme}-${viewport.width}.png`;
        await page.screenshot({ path, fullPage: viewport.width < 1000 });
      });
    }
  }
}

async function followsLive(browser: Browser): Promise<void> {
  const recorder = new Recorder({ name: "live" });
  await using server = await serveTrace(recorder);
  const none = await fetch(new URL("/", server.url));
  assert.equal(none.status, 404);
  await none.body?.cancel();
  await withPage(browser, {}, server.url, async (page) => {
    const group = new CoGroup({ concurrency: 4, observer: recorder });
    const work = () => new Promise((done) => setTimeout(done, 5));
    for (let i = 0; i < 300; i++) group.add(work, { key: `key ${i % 3}` });
    const source = () => page.innerText("#source");
    await until(page, async () => (await source()).startsWith("live"));
    await group.wait();
    await server.close();
    await until(page, async () => (await source()).startsWith("done"));
    assert.match(await source(), /live · .* · 300 attempts · 4 workers/);
  });
}

async function main(): Promise<number> {
  const { values: { screenshots, figures: hasFigures } } = parseArgs({
    args: Deno.args,
    options: {
      screenshots: { type: "string" },
      figures: { type: "boolean", default: false },
    },
  });
  const browser = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: FLAGS,
  });
  let failures = 0;
  const check = async (title: string, body: () => Promise<void>) => {
    try {
      await body();
      console.log(`ok    ${title}`);
    } catch (error) {
      failures++;
      console.log(`FAIL  ${title}`, error);
    }
  };
  try {
    if (hasFigures) {
      await figures(browser, PAGE);
      return 0;
    }
    const recorder = await busyRun();
    const trace = recorder.toJSON();
    const json = JSON.stringify(trace);
    const viewport = { width: 1300, height: 800 };
    const onPage = (use: (page: Page) => Promise<void>) => () =>
      withPage(browser, { viewport }, PAGE, async (page) => {
        await openTrace(page, json);
        await use(page);
      });
    await check(
      "it says what the trace says",
      onPage((page) => showsTotals(page, trace)),
    );
    await check(
      "it is used by keys, and tells what they find",
      onPage(worksByKeys),
    );
    await check("it is used by a mouse", onPage(worksByMouse));
    await check(
      "it fits 400 and 2,000 pixels, light and dark",
      () => fits(browser, json, screenshots),
    );
    await check(
      "it follows a running program to its end",
      () => followsLive(browser),
    );
    await check(
      "it says so if a file is no trace",
      () =>
        withPage(browser, {}, PAGE, async (page) => {
          const buffer = Buffer.from("oops");
          await page.setInputFiles("#file", {
            name: "x.json",
            mimeType: "",
            buffer,
          });
          const source = () => page.innerText("#source");
          await until(page, async () => (await source()).includes("no trace"));
        }),
    );
    await check(
      "Perfetto's trace processor finds in the file what it has",
      () => readsAll(trace, json),
    );
    await check(
      "Chromium's performance panel shows the file's lanes",
      () => showsLanes(browser, trace, json),
    );
  } finally {
    await browser.close();
  }
  return failures === 0 ? 0 : 1;
}

Deno.exit(await main());
