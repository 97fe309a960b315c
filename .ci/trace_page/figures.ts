/**
 * How fast the page is, and what it costs the program that it watches.
 *
 * @module
 */

import process from "node:process";
import type { Browser, Page } from "npm:playwright-core@1.65.1";
import { CoGroup } from "../../mod.ts";
import { Recorder, serveTrace } from "../../src/trace/mod.ts";
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
  const times: number[] = [];
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpu = async () => {
    const { metrics } = await client.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
  };
  const before = await cpu();
  for (let round = 0; round < 3; round++) {
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
    } ms of CPU each, in ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`,
  );
  await page.close();
  await Deno.remove(file);
}

/** Tasks that a group ends a second, with 10,000 of them brought to it each second. */
async function throughput(
  seconds: number,
  recorder: Recorder | undefined,
): Promise<{ ended: number; cpu: number }> {
  const group = new CoGroup({
    concurrency: 64,
    ...recorder && { observer: recorder },
  });
  const began = performance.now();
  let brought = 0;
  const before = process.cpuUsage();
  const until = began + seconds * 1000;
  while (performance.now() < until) {
    const due = (performance.now() - began) * 10;
    for (; brought < due; brought++) {
      group.add(work, { id: brought, key: brought % 7 });
    }
    await sleep(5);
  }
  await group.wait();
  const after = process.cpuUsage();
  const cpu = (after.user + after.system - before.user - before.system) / 1e6;
  return {
    ended: group.stats.fulfilled / ((performance.now() - began) / 1000),
    cpu: cpu / seconds,
  };
}

const work = () => sleep(2);

async function heap(page: Page): Promise<number> {
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await client.send(
    "Runtime.getHeapUsage",
  );
  await client.detach();
  return (usedSize + backingStorageSize) / 1e6;
}

async function liveFeed(browser: Browser): Promise<void> {
  const alone = await throughput(10, undefined);
  const recorded = await throughput(10, new Recorder());
  const recorder = new Recorder();
  await using server = await serveTrace(recorder);
  const page = await browser.newPage({ viewport: SIZE });
  await page.goto(server.url);
  const heaps: string[] = [];
  const look = async () => heaps.push((await heap(page)).toFixed(0));
  const timer = setInterval(look, 10_000);
  const watched = await throughput(60, recorder);
  clearInterval(timer);
  await sleep(1_000);
  const say = ({ ended, cpu }: { ended: number; cpu: number }) =>
    `${ended.toFixed(0)}/s at ${(cpu * 100).toFixed(0)} % of a core`;
  console.log(
    `tasks: alone ${say(alone)}; recorded ${say(recorded)}; watched ${
      say(watched)
    }`,
  );
  console.log(
    `  the page's heap every 10 s: ${heaps.join(", ")} MB; ${await page
      .innerText("#source")}`,
  );
  console.log(
    `  the program's memory: ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB`,
  );
  await page.close();
}

/** Prints all of them. */
export async function figures(browser: Browser, url: string): Promise<void> {
  await drawAndPan(browser, url, 100_000);
  await drawAndPan(browser, url, 330_000);
  await liveFeed(browser);
}
