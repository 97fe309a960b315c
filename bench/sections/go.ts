/**
 * b. Tasks whose results are wanted: a promise for each, and each is read. In bulk; and
 * one at a time, with nothing queued and a free worker.
 *
 * @module
 */

import { expect, present, using, type Way } from "../support/contenders.ts";
import { goWays, type MakeLimiter } from "../support/go_ways.ts";
import {
  type Case,
  type Kit,
  type Section,
  timed,
} from "../support/harness.ts";
import { lawsOfLimiter } from "../support/laws.ts";

type Job = () => Promise<number>;
type GetAll = (jobs: Job[], concurrency: number) => Promise<unknown>;

/** Those that take a batch as a whole: they need no queue, and no promise for each caller. */
const batches: readonly Way<GetAll>[] = [
  using(
    "promise-call-limit",
    ({ callLimit }) => (jobs, limit) => callLimit(jobs, { limit }),
    "promise-call-limit (a batch)",
  ),
  using("effect", ({ Effect }) => (jobs, concurrency) =>
    Effect.runPromise(
      Effect.forEach(jobs, (job) => Effect.promise(job), { concurrency }),
    ), "effect forEach (a batch)"),
  using("rxjs", (rx) => (jobs, concurrency) =>
    rx.lastValueFrom(
      rx.from(jobs).pipe(
        rx.mergeMap((job: Job) => job(), concurrency),
        rx.toArray(),
      ),
    ), "rxjs mergeMap (a batch, as completed)"),
];

function inBulk(make: MakeLimiter): GetAll {
  return (jobs, concurrency) => {
    const limit = make(concurrency);
    return Promise.all(jobs.map((job) => limit(job)));
  };
}

function bulk(jobs: Job[], concurrency: number, { peers }: Kit): Case {
  const count = jobs.length;
  const sum = count * (count - 1) / 2;
  const measure = (getAll: GetAll) =>
    timed(count, async () => {
      const results = await getAll(jobs, concurrency) as number[];
      expect(results.reduce((a, b) => a + b, 0), sum);
    });
  return {
    title: `concurrency ${concurrency}`,
    x: concurrency,
    unit: "ns/task",
    base: "cogroup",
    contenders: [
      ...present(goWays, peers, (name, make) => ({
        name,
        laws: () => lawsOfLimiter(make),
        measure: measure(inBulk(make)),
      })),
      ...present(batches, peers, (name, getAll) => ({
        name,
        measure: measure(getAll),
      })),
    ],
  };
}

function oneAtATime(jobs: Job[], { peers }: Kit): Case {
  return {
    title: "one at a time, nothing queued",
    unit: "ns/task",
    base: "cogroup",
    contenders: present(goWays, peers, (name, make) => ({
      name,
      laws: () => lawsOfLimiter(make),
      measure: timed(jobs.length, async () => {
        const limit = make(16);
        for (let i = 0; i < jobs.length; i++) expect(await limit(jobs[i]!), i);
      }),
    })),
  };
}

export const go: Section = {
  letter: "b",
  title: "go, every result read",
  cases: (kit) => {
    const count = kit.quick ? 10_000 : 100_000;
    // deno-lint-ignore require-await -- An async task that has nothing to wait for.
    const jobs = Array.from({ length: count }, (_, i) => async () => i);
    return [
      ...[1, 16, 256].map((concurrency) => bulk(jobs, concurrency, kit)),
      oneAtATime(jobs, kit),
    ];
  },
};
