/**
 * A trace in the performance panel of Chromium's own developer tools.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Browser } from "npm:playwright-core@1.65.1";
import type { Trace } from "../../src/trace/mod.ts";

const PANEL = "devtools://devtools/bundled/devtools_app.html?panel=timeline";
/** The panel draws all that it shows: notes its texts, and where they are in the window. */
const NOTE_TEXTS = `
globalThis.texts = {};
const { fillText } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
  const { left, top } = this.canvas.getBoundingClientRect();
  const at = this.getTransform().transformPoint({ x, y });
  texts[text] = {
    x: left + at.x / devicePixelRatio,
    y: top + at.y / devicePixelRatio,
  };
  return fillText.call(this, text, x, y, ...more);
};`;

type Texts = Record<string, { x: number; y: number }>;

/** Fails unless the panel takes the trace, and shows all its lanes. */
export async function showsLanes(
  browser: Browser,
  { traceEvents, otherData }: Trace,
  json: string,
): Promise<void> {
  const busy = new Set(
    traceEvents.filter(({ ph }) => ph === "X").map(({ tid }) => tid),
  );
  const lanes = traceEvents
    .filter(({ name, tid }) => name === "thread_name" && busy.has(tid))
    .map(({ args, tid }) => `${args!["name"]} (${tid})`);
  const page = await browser.newPage({
    viewport: { width: 1400, height: 900 },
  });
  const waitFor = async (names: string[]): Promise<Texts> => {
    for (let tries = 0; tries < 300; tries++) {
      const texts: Texts = await page.evaluate("texts");
      if (names.every((name) => name in texts)) return texts;
      await page.waitForTimeout(50);
    }
    const texts = await page.evaluate("Object.keys(texts)");
    throw new Error(`The panel does not show ${names}, but ${texts}`);
  };
  try {
    await page.addInitScript(NOTE_TEXTS);
    await page.goto(PANEL);
    await page.locator("input[type=file]").first().setInputFiles({
      name: "run.json",
      mimeType: "application/json",
      buffer: Buffer.from(json),
    });
    const process = `${otherData.name} (${traceEvents[0]!.pid})`;
    const { x, y } = (await waitFor([process]))[process]!;
    await page.mouse.click(x + 5, y - 2); // It opens, and has the lanes below it.
    await waitFor(lanes);
  } finally {
    await page.close();
  }
}
