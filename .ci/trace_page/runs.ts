/**
 * Runs of which the page shows the traces.
 *
 * @module
 */

import { CoGroup, Semaphore } from "../../mod.ts";
import { Recorder } from "../../src/trace/mod.ts";

/** Numbers from 0 to 1, the same in each run. */
export function dice(seed: number): () => number {
  return () => (seed = (seed * 1664525 + 1013904223) >>> 0) / 2 ** 32;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

const HOSTS = [
  ...["slow.example", "flaky.example", "a.example", "b.example", "c.example"],
  ...["d.example", "e.example", "f.example"],
];

/** Some hundred tasks of several keys, one slow, one that fails, under a limit. */
export async function busyRun(): Promise<Recorder> {
  const roll = dice(5);
  const recorder = new Recorder({ name: "busy" });
  const group = new CoGroup({
    concurrency: 6,
    governor: new Semaphore(5),
    observer: recorder,
    retry: { maxAttempts: 3, delay: () => 30 },
    onError() {},
  });
  for (let i = 0; i < 400; i++) {
    const host = HOSTS[i % HOSTS.length]!;
    const took = host === HOSTS[0] ? 40 : 4 * roll();
    const fails = host === HOSTS[1] && roll() < 0.6;
    group.add(async ({ attempt }) => {
      await sleep(took);
      if (fails && attempt < 3) throw new Error("status 503");
    }, { id: `https://${host}/${i}`, key: host });
  }
  await sleep(200);
  group.pause();
  await sleep(100);
  group.resume();
  await group.wait();
  return recorder;
}
