/**
 * How each library runs a job for its result: a limiter, which takes one job at a
 * time. Those that take a batch as a whole are no limiters: see sections/go.ts.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { kept, own, using, type Way } from "./contenders.ts";
import type { Limiter } from "./peers.ts";

/** Makes a limiter. */
export type MakeLimiter = (concurrency: number) => Limiter;

export const goWays: readonly Way<MakeLimiter>[] = [
  own("cogroup", (concurrency) => {
    const group = kept(new CoGroup(concurrency));
    return (job) => group.go(job);
  }),
  using("p-limit", ({ default: pLimit }) => (n) => kept(pLimit(n))),
  using("p-queue", ({ default: PQueue }) => (concurrency) => {
    const queue = kept(new PQueue({ concurrency }));
    return (job) => queue.add(job);
  }),
  using("fastq", ({ default: fastq }) => (concurrency) => {
    const queue = kept(
      fastq.promise((job: () => Promise<never>) => job(), concurrency),
    );
    return (job) => queue.push(job as never);
  }, "fastq.promise"),
  using("@henrygd/queue", ({ newQueue }) => (concurrency) => {
    const queue = kept(newQueue(concurrency));
    return (job) => queue.add(job);
  }),
  using("throat", ({ default: throat }) => (n) => kept(throat(n))),
  using("promise-limit", ({ default: limit }) => (n) => kept(limit(n))),
  using("plimit-lit", ({ pLimit }) => (n) => kept(pLimit(n))),
  using("es-toolkit", ({ limitAsync }) => (concurrency) => {
    const call = (job: () => Promise<never>) => job();
    const limited = kept(limitAsync(call, concurrency));
    return (job) => limited(job as never);
  }, "es-toolkit limitAsync"),
];
