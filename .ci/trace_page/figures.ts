/**
 * How fast the page is, and what it costs the program that it watches.
 *
 * @module
 */

import type { Browser, Page } from "npm:playwright-core@1.65.1";
import { Recorder } from "../../src/trace/mod.ts";
import type { Pace } from "./pace.ts";
import { dice, sleep } from "./runs.ts";

const SIZE = { width: 1400, height: 900 };
/** Frames while it is moved all the time, for two seconds. */
const PAN = `new Promise((resolve) => {
  const lanes = document.getElementById("lanes");
  const frames = [];
  const began = performance.now();
  let last = began;
  const step = (now) => {
    frames.push(now - last);
    last = now;
    const key = Math.floor((now - began) / 500) % 2 ? "ArrowLeft" : "ArrowRight";
    lanes.dispatchEvent(new KeyboardEvent("keydown", { key }));
    if (now - began < 2000) requestAnimationFrame(step);
    else resolve(frames.slice(1));
  };
  requestAnimationFrame(step);
})`;

function list(times: number[]): string {
  return times.map((ms) => ms.toFixed(0)).join(", ");
}

/** A million tasks' steps, as a recorder would have them, without the wait for them. */
export function longTrace(tasks: number, workers: number): string {
  const roll = dice(9);
  const recorder = new Recorder({ name: "long", steps: tasks * 3 });
  const free = new Array<number>(workers).fill(0);
  const starts: { time: number; step: () => void }[] = [];
  for (let number = 1; number <= tasks; number++) {
    const key = `host-${Math.floor(roll() ** 2 * 40)}.example`;
    const task = {
      number,
      id: `https://${key}/${number}`,
      key,
      priority: 0,
      weight: 1,
    };
    recorder.onStep({ type: "accepted", time: 0, task, elapsed: 0 });
    const workerId = number % workers;
    const start = free[workerId]! + roll();
    const elapsed = 1 + roll() ** 4 * 60;
    const end = free[workerId] = start + elapsed;
    const it = { task, workerId, attempt: 1 };
    const isBad = roll() < 0.01;
    starts.push({
      time: start,
      step: () =>
        recorder.onStep({
          type: "started",
          time: start,
          ...it,
          elapsed: start,
        }),
    }, {
      time: end,
      step: () =>
        isBad
          ? recorder.onStep({
            type: "rejected",
            time: end,
            ...it,
            elapsed,
            error: new Error("status 503"),
          })
          : recorder.onStep({ type: "fulfilled", time: end, ...it, elapsed }),
    });
  }
  starts.sort((a, b) => a.time - b.time);
  for (const { step } of starts) step();
  return JSON.stringify(recorder);
}

async function drawAndPan(
  browser: Browser,
  url: string,
  tasks: number,
): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const json = longTrace(tasks, 64);
  await Deno.writeTextFile(file, json);
  const page = await browser.newPage({ viewport: SIZE });
  await page.goto(url);
  await sleep(500); // A person does not open a file sooner.
  const times: number[] = [];
  const firsts: number[] = [];
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpu = async () => {
    const { metrics } = await client.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
  };
  const before = await cpu();
  for (let round = 0; round < 5; round++) {
    await page.evaluate("performance.clearMeasures()");
    await page.setInputFiles("#file", file);
    let took: number | undefined;
    while (took === undefined) {
      await sleep(50);
      took = await page.evaluate(
        "performance.getEntriesByName('drawn')[0]?.duration",
      );
    }
    times.push(took);
    firsts.push(
      await page.evaluate(
        "performance.getEntriesByName('begun')[0]?.duration ?? 0",
      ),
    );
  }
  const each = (await cpu() - before) / times.length;
  await page.focus("#lanes");
  for (
    const [name, zooms] of [["all of it", 1], ["a part", 4], [
      "tasks",
      12,
    ]] as const
  ) {
    await page.keyboard.press("0");
    for (let i = 0; i < zooms; i++) await page.keyboard.press("+");
    const started = await cpu();
    const frames = await page.evaluate<number[]>(PAN);
    const work = (await cpu() - started) / frames.length;
    const sorted = [...frames].sort((a, b) => a - b);
    const mean = frames.reduce((sum, ms) => sum + ms, 0) / frames.length;
    const p95 = sorted[Math.floor(sorted.length * 0.95)]!;
    console.log(
      `  panned, ${name}: ${(1000 / mean).toFixed(0)} frames a second, ${
        work.toFixed(1)
      } ms of CPU each, p95 ${p95.toFixed(0)} ms`,
    );
  }
  const mb = (json.length / 1e6).toFixed(0);
  console.log(
    `${tasks} tasks (${mb} MB) read and drawn with ${
      each.toFixed(0)
    } ms of CPU each, in ${list(times)} ms; a beginning of it after ${
      list(firsts)
    } ms`,
  );
  await page.close();
  await Deno.remove(file);
}

/** Runs the program; `watch` is told its address. */
async function run(
  mode: string,
  seconds: number,
  watch?: (url: string) => Promise<unknown>,
): Promise<Pace> {
  const file = new URL("./pace.ts", import.meta.url).pathname;
  // A program of its own: to drive the browser takes time, too.
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--quiet", "--allow-net=127.0.0.1"],
      ...[file, mode, String(seconds)],
    ],
    stdout: "piped",
  }).spawn();
  let last = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    last = text;
    if (text.startsWith("http")) await watch?.(text.trim());
  }
  await child.status;
  return JSON.parse(last);
}

async function heap(page: Page): Promise<number> {
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await client.send(
    "Runtime.getHeapUsage",
  );
  await client.detach();
  return (usedSize + backingStorageSize) / 1e6;
}

function say(title: string, paces: Pace[]): void {
  const all = paces.map(({ ended, cpu }) =>
    `${ended.toFixed(0)}/s at ${cpu.toFixed(1)} µs`
  );
  console.log(`  ${title}: ${all.join(", ")}`);
}

async function liveFeed(browser: Browser): Promise<void> {
  console.log(
    "10,000 tasks a second, and the CPU that each takes in the program",
  );
  const page = await browser.newPage({ viewport: SIZE });
  const paces: Record<string, Pace[]> = {
    alone: [],
    recorded: [],
    watched: [],
  };
  for (let round = 0; round < 3; round++) {
    for (const [mode, all] of Object.entries(paces)) {
      all.push(await run(mode, 6, (url) => page.goto(url)));
      await page.goto("about:blank");
    }
  }
  for (const [mode, all] of Object.entries(paces)) say(mode, all);
  const heaps: string[] = [];
  const look = async () => heaps.push((await heap(page)).toFixed(0));
  const timer = setInterval(look, 10_000);
  const minute = await run("watched", 60, (url) => page.goto(url));
  clearInterval(timer);
  say("watched for a minute", [minute]);
  console.log(`  the page's memory every 10 s: ${heaps.join(", ")} MB`);
  console.log(`  it says: ${await page.innerText("#source")}`);
  console.log(`  the program's memory: ${minute.memory.toFixed(0)} MB`);
  await page.close();
}

/** Prints all of them. */
export async function figures(browser: Browser, url: string): Promise<void> {
  await drawAndPan(browser, url, 100_000);
  await drawAndPan(browser, url, 330_000);
  await liveFeed(browser);
}
