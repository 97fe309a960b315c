/**
 * b. Tasks whose results are wanted: a promise for each, and each is read.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import {
  expect,
  kept,
  own,
  present,
  using,
  type Way,
} from "../support/contenders.ts";
import { type Section, timed } from "../support/harness.ts";

type Job = () => Promise<number>;
type GetAll = (jobs: Job[], concurrency: number) => Promise<number[]>;

const ways: readonly Way<GetAll>[] = [
  own("cogroup", (jobs, concurrency) => {
    const group = kept(new CoGroup(concurrency));
    return Promise.all(jobs.map((job) => group.go(job)));
  }),
  using("p-limit", ({ default: pLimit }) => (jobs, concurrency) => {
    const limit = kept(pLimit(concurrency));
    return Promise.all(jobs.map((job) => limit(job)));
  }),
  using("p-queue", ({ default: PQueue }) => (jobs, concurrency) => {
    const queue = kept(new PQueue({ concurrency }));
    return Promise.all(jobs.map((job) => queue.add(job)));
  }),
  using("fastq", ({ default: fastq }) => (jobs, concurrency) => {
    const queue = kept(fastq.promise((job: Job) => job(), concurrency));
    return Promise.all(jobs.map((job) => queue.push(job)));
  }, "fastq.promise"),
];

export const go: Section = {
  letter: "b",
  title: "go, every result read",
  cases: ({ peers, quick }) => {
    const count = quick ? 10_000 : 100_000;
    // deno-lint-ignore require-await -- An async task that has nothing to wait for.
    const jobs = Array.from({ length: count }, (_, i) => async () => i);
    return [1, 16, 256].map((concurrency) => ({
      title: `concurrency ${concurrency}`,
      x: concurrency,
      unit: "ns/task",
      base: "cogroup",
      contenders: present(ways, peers, (name, getAll) => ({
        name,
        measure: timed(count, async () => {
          const results = await getAll(jobs, concurrency);
          expect(results.length, count);
          expect(results[count - 1]!, count - 1);
        }),
      })),
    }));
  },
};
