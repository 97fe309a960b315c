/**
 * What the README's table says of others and was not plain from their documentation:
 * of Effect's places, and of who slows a source.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Effect, Schedule } from "npm:effect@4.1.0";
import pMap, { pMapIterable } from "npm:p-map@7.1.1";
// @ts-types="../support/std_pool.d.ts"
import { pooledMap } from "npm:deno-std@1.4.0/async/pool.js";
import { CoGroup } from "../../mod.ts";
import { gate, settled } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";

const ONE_BY_ONE = { concurrency: 1 };

Deno.test("Beside others: a retry of Effect keeps its place", async () => {
  const log: string[] = [];
  const job = (n: number) =>
    Effect.suspend(() => {
      log.push(`${n}`);
      return log.length === 1 ? Effect.fail("busy") : Effect.void;
    }).pipe(Effect.retry(Schedule.spaced("10 millis")));
  await Effect.runPromise(Effect.forEach([1, 2], job, ONE_BY_ONE));
  assertEquals(log, ["1", "1", "2"]);
});

Deno.test("Beside others: a timeout of Effect frees the place of a promise that goes on", async () => {
  const end = gate();
  let ended = false;
  let begun: string | undefined;
  const long = Effect.promise(() => end.promise.then(() => ended = true)).pipe(
    Effect.timeout("1 millis"),
    Effect.ignore,
  );
  const next = Effect.sync(() => begun = ended ? "after it" : "beside it");
  const both = [long, next];
  await Effect.runPromise(Effect.forEach(both, (job) => job, ONE_BY_ONE));
  assertEquals(begun, "beside it");
  end.open();
  await end.promise;
});

Deno.test("Beside others: an abort interrupts what Effect runs, and lets that of pMap and of a group go on", async () => {
  const stop = new AbortController();
  const { signal } = stop;
  const end = gate();
  const ended: string[] = [];
  let interrupted = false;
  const run = Effect.promise((own) => {
    own.addEventListener("abort", () => interrupted = true);
    return end.promise;
  });
  const effect = Effect.runPromise(run, { signal }).catch(() => "rejected");
  const job = (name: string) => async () => {
    await end.promise;
    ended.push(name);
  };
  const mapped = pMap([1], job("pMap"), { signal }).catch(() => "rejected");
  const group = new CoGroup({ concurrency: 1, signal });
  group.add(job("group"));
  await settled();
  stop.abort();
  assertEquals(await Promise.all([effect, mapped]), ["rejected", "rejected"]);
  assert(interrupted);
  assertEquals(ended, []);
  end.open();
  await group.wait();
  assertEquals(ended.sort(), ["group", "pMap"]);
});

Deno.test("Beside others: a slow reader slows the source of map and pMapIterable, and not that of pooledMap", async () => {
  const pulled: Record<string, number> = {};
  function* source(name: string) {
    for (pulled[name] = 0; pulled[name]! < 100; pulled[name]!++) yield 0;
  }
  const fn = (n: number) => Promise.resolve(n);
  await using group = new CoGroup(2);
  const streams = {
    map: group.map(source("map"), fn),
    pMapIterable: pMapIterable(source("pMapIterable"), fn, { concurrency: 2 })
      [Symbol.asyncIterator](),
    pooledMap: pooledMap(2, source("pooledMap"), fn),
  };
  for (const stream of Object.values(streams)) await stream.next();
  while (pulled.pooledMap! < 100) await sleep(1);
  await settled();
  assert(pulled.map! <= 4 && pulled.pMapIterable! <= 4, `${pulled}`);
  await Promise.all([streams.map.return?.(), streams.pMapIterable.return?.()]);
  await Array.fromAsync(streams.pooledMap); // To leave it is an unhandled rejection.
});
