/**
 * Where CoGroup differs from p-limit, p-queue, p-map, fastq, Bottleneck and pooledMap, in
 * what bites whoever comes from there: each row of the table in docs/coming_from.md, with
 * both of them run.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import Bottleneck from "npm:bottleneck@2.19.5";
import fastq from "npm:fastq@1.20.3";
import pLimit from "npm:p-limit@7.3.3";
import pMap, { pMapIterable } from "npm:p-map@7.1.1";
import PQueue from "npm:p-queue@10.0.0";
// @std/async as it is on npm: JSR need not be in reach.
// @ts-types="../support/std_pool.d.ts"
import { pooledMap } from "npm:deno-std@1.4.0/async/pool.js";
import {
  CoGroup,
  CoGroupClosedError,
  priorityQueue,
  rateLimit,
} from "../../mod.ts";
import { gate, range, settled } from "../support/helpers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
  FakeTime,
} from "../support/std.ts";
import { unhandled } from "../support/unhandled.ts";

const rows: string[] = [];

/** A row of the table, by its first cell. */
function row(difference: string, run: () => Promise<void>): void {
  rows.push(difference);
  Deno.test(`Coming from elsewhere: ${difference}`, run);
}

/** What a promise is by now. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = "unsettled";
  promise.then(() => state = "fulfilled", () => state = "rejected");
  await settled();
  return state;
}

row("a task starts in a later microtask", async () => {
  const log: string[] = [];
  const done = new PQueue({ concurrency: 1 }).add(() => log.push("p-queue"));
  const pushed = fastq.promise(() => Promise.resolve(log.push("fastq")), 1)
    .push(0);
  assertEquals(log, ["p-queue", "fastq"], "inside the call");
  const limited = pLimit(1)(() => log.push("p-limit"));
  const went = new CoGroup(1).go(() => log.push("go"));
  assertEquals(log.length, 2);
  await Promise.all([done, pushed, limited, went]);
  assertEquals(log.slice(2).sort(), ["go", "p-limit"]);
});

row("the second argument is ctx, not the index", async () => {
  const name = (item: string, second: unknown) => [item, second];
  const [[, theirs] = []] = await pMap(["a"], name);
  const [[, limited] = []] = await pLimit(1).map(["a"], name);
  assertEquals([theirs, limited], [0, 0]);
  await using group = new CoGroup(1);
  for await (const [, ctx] of group.map(["a"], name)) {
    assertEquals((ctx as { index: number }).index, 0);
  }
});

row("a stream is lazy", async () => {
  let theirs = 0;
  let ours = 0;
  const all = pMap([1, 2, 3], () => theirs++);
  const limited = pLimit(1).map([1, 2, 3], () => theirs++);
  const pooled = pooledMap(1, [1, 2, 3], () => Promise.resolve(theirs++));
  const group = new CoGroup(1);
  const stream = group.map([1, 2, 3], () => ours++);
  await settled();
  assert(theirs > 6, "pMap and limit.map have run, pooledMap has begun");
  assertEquals(ours, 0);
  assertEquals(await Array.fromAsync(stream), [0, 1, 2]);
  await Promise.all([all, limited, Array.fromAsync(pooled)]);
  // pMapIterable is lazy, too.
  pMapIterable([1], () => theirs = 0);
  await settled();
  assert(theirs > 0);
});

row("the first error is thrown as it is; no AggregateError", async () => {
  const odd = (n: number) => {
    if (n % 2 === 1) throw new RangeError(`no ${n}`);
    return Promise.resolve(n);
  };
  const theirs = await assertRejects(
    () => pMap([1, 2, 3], odd, { stopOnError: false }),
    AggregateError,
  );
  assertEquals(theirs.errors.length, 2);
  const pooled = pooledMap(3, [1, 2, 3], async (n: number) => await odd(n));
  await assertRejects(() => Array.fromAsync(pooled), AggregateError);

  await using group = new CoGroup(3);
  const stream = group.map([1, 2, 3], odd);
  await assertRejects(() => Array.fromAsync(stream), RangeError, "no 1");
  const settledItems = await Array.fromAsync(group.mapSettled([1, 2, 3], odd));
  const failed = settledItems.filter(({ status }) => status === "rejected");
  assertEquals(failed.map(({ item }) => item), [1, 3]);
});

row("an error comes in its place, after the results before it", async () => {
  const first = gate();
  const fn = async (n: number) => {
    if (n === 2) throw new Error("no 2");
    await first.promise;
    return n;
  };
  const theirs = pMap([1, 2], fn);
  assertEquals(await stateOf(theirs), "rejected");
  await using group = new CoGroup(2);
  const asReady = group.map([1, 2], fn, { ordered: false });
  assertEquals(await stateOf(asReady.next()), "rejected");
  await using other = new CoGroup(2);
  const stream = other.map([1, 2], fn);
  const ours = stream.next();
  assertEquals(await stateOf(ours), "unsettled");
  first.open();
  assertEquals(await ours, { done: false, value: 1 });
  await assertRejects(() => stream.next(), Error, "no 2");
});

row("a timed-out task keeps its worker until it has ended", async () => {
  using time = new FakeTime();
  const end = gate();
  const long = () => end.promise;

  const queue = new PQueue({ concurrency: 1, timeout: 10 });
  const timedOut = queue.add(long).catch(() => {});
  let started = false;
  const second = queue.add(() => void (started = true));
  const group = new CoGroup({ concurrency: 1, timeout: 10 });
  const ours = group.go(long).catch(() => {});
  group.add(() => void end.open());
  await time.tickAsync(10);
  await settled();
  assert(started, "p-queue has freed the place, and two run");
  await Promise.all([second, timedOut, ours]);
  assertEquals(group.stats.overdue, 1);
  assertEquals(group.inFlight, 1);
  assertEquals(group.size, 1);
  end.open();
  await group.wait();
});

row("Bottleneck's expiration lets go of a job that goes on", async () => {
  const end = gate();
  const limiter = new Bottleneck({ maxConcurrent: 1 });
  const expired = limiter.schedule({ expiration: 1 }, () => end.promise)
    .catch(() => {});
  await limiter.schedule(() => Promise.resolve("it has begun"));
  await expired;
  end.open();
});

row("a retry waits without a worker", async () => {
  const limiter = new Bottleneck({ maxConcurrent: 1 });
  const group = new CoGroup({
    concurrency: 1,
    retry: { maxAttempts: 2, minTimeout: 20, jitter: 0 },
  });
  const log: string[] = [];
  limiter.on("failed", () => Promise.resolve(20));
  const twice = (who: string) => {
    const isFirst = !log.includes(`${who} 1`);
    log.push(`${who} ${isFirst ? 1 : 2}`);
    return isFirst ? Promise.reject(new Error()) : Promise.resolve();
  };
  await Promise.all([
    limiter.schedule(() => twice("theirs")),
    limiter.schedule(() => Promise.resolve(log.push("their next"))),
    group.go(() => twice("ours")),
    group.go(() => log.push("our next")),
  ]);
  const order = (who: string) => log.filter((line) => line.includes(who));
  assertEquals(order("their"), ["theirs 1", "theirs 2", "their next"]);
  assertEquals(order("our"), ["ours 1", "our next", "ours 2"]);
});

row(
  "signal of a task: the caller hears at once, the worker stays",
  async () => {
    const end = gate();
    const stop = new AbortController();
    const queue = new PQueue({ concurrency: 1 });
    const theirs = queue.add(() => end.promise, { signal: stop.signal });
    const group = new CoGroup(1);
    const ours = group.go(() => end.promise, { signal: stop.signal });
    await settled();
    stop.abort(new Error("stop"));
    await assertRejects(() => theirs, Error, "stop");
    await assertRejects(() => ours, Error, "stop");
    await settled();
    assertEquals([queue.pending, group.inFlight], [0, 1]);
    end.open();
    await group.wait();
  },
);

row("timeout: undefined is the group's; Infinity is none", async () => {
  using time = new FakeTime();
  const end = gate();
  const queue = new PQueue({ timeout: 10 });
  const theirs = queue.add(() => end.promise, { timeout: undefined });
  const group = new CoGroup({ concurrency: 2, timeout: 10 });
  const ours = group.go(() => end.promise, { timeout: undefined });
  const endless = group.go(() => end.promise, { timeout: Infinity });
  ours.catch(() => {});
  await time.tickAsync(10);
  await settled();
  assertEquals(await stateOf(theirs), "unsettled");
  assertEquals(await stateOf(ours), "rejected");
  end.open();
  await Promise.all([theirs, endless, group.wait()]);
});

row("wait() closes the group; onIdle() is idle()", async () => {
  const queue = new PQueue({ concurrency: 1 });
  await queue.onIdle();
  assertEquals(await queue.add(() => "more"), "more");
  const group = new CoGroup(1);
  await group.idle();
  assertEquals(await group.go(() => "more"), "more");
  await group.wait();
  assertEquals(group.add(() => {}), false);
  await assertRejects(() => group.go(() => {}), CoGroupClosedError);
});

row("what was cleared rejects, quietly", async () => {
  const end = gate();
  const limit = pLimit(1);
  const queue = new PQueue({ concurrency: 1 });
  const worker = fastq.promise((task: () => Promise<void>) => task(), 1);
  const group = new CoGroup(1);
  const seen = await unhandled(async () => {
    const first = () => end.promise;
    const running = [
      limit(first),
      queue.add(first),
      worker.push(first),
      group.go(first),
    ];
    const limited = limit(() => {});
    const queued = queue.add(() => {});
    const pushed = worker.push(() => Promise.resolve());
    const ours = group.go(() => {});
    await settled();
    limit.clearQueue();
    queue.clear();
    worker.kill();
    const cleared = group.clear();
    assertEquals(cleared.length, 1, "and gives the tasks back");
    end.open();
    await Promise.all(running);
    assertEquals(await stateOf(limited), "unsettled");
    assertEquals(await stateOf(pushed), "unsettled");
    assertEquals(await stateOf(queued), "rejected");
    assertEquals(await stateOf(ours), "rejected");
  });
  assertEquals(seen, []);
});

row("a promise made of it, by .then or .finally, is not quiet", async () => {
  const thens = await unhandled(async () => {
    const group = new CoGroup({ concurrency: 1, paused: true });
    group.go(() => {}); // Quiet.
    group.go(() => {}).then(() => {}); // Neither of these is.
    group.go(() => {}).finally(() => {});
    group.go(() => {}).then(() => {}).catch(() => {}); // Read.
    group.abort("stop");
    await group.wait();
  });
  assertEquals(thens, ["stop", "stop"]);
  const queued = await unhandled(async () => {
    const queue = new PQueue({ autoStart: false });
    queue.add(() => {}); // Quiet.
    queue.add(() => {}).then(() => {}); // Not.
    queue.clear();
    await settled();
  });
  assertEquals(queued.length, 1);
  const direct = await unhandled(async () => {
    const limiter = new Bottleneck({ maxConcurrent: 1 });
    limiter.schedule(() => Promise.resolve());
    limiter.schedule(() => Promise.resolve()); // Bottleneck's own is not quiet.
    await limiter.stop({ dropWaitingJobs: true });
  });
  assert(direct.length > 0);
});

row("a failure that no promise carries goes to onError", async () => {
  const errors: unknown[] = [];
  const group = new CoGroup({
    concurrency: 1,
    onError: (e) => errors.push(e),
  });
  const seen = await unhandled(async () => {
    const fail = () => Promise.reject("broken");
    group.add(fail);
    await group.wait();
    new PQueue().add(fail); // Its promise, which no code reads.
    await settled();
    fastq.promise(fail, 1).push(0); // This one is swallowed.
  });
  assertEquals(errors, ["broken"]);
  assertEquals(seen, ["broken"]);
});

row("rateLimit is a sliding window, and lets a burst through", async () => {
  using time = new FakeTime();
  const begin = time.now;
  const starts = { theirs: [] as number[], strict: [] as number[] };
  const queues = {
    theirs: new PQueue({ intervalCap: 2, interval: 1000 }),
    strict: new PQueue({ intervalCap: 2, interval: 1000, strict: true }),
  };
  const ours: number[] = [];
  const group = new CoGroup({
    concurrency: 4,
    governor: rateLimit({ limit: 2, interval: 1000 }),
  });
  const addOne = () => {
    for (const [name, queue] of Object.entries(queues)) {
      const times = starts[name as keyof typeof starts];
      queue.add(() => times.push(time.now - begin));
    }
    group.add(() => void ours.push(time.now - begin));
  };
  addOne();
  await settled();
  await time.tickAsync(990);
  for (let i = 0; i < 3; i++) addOne();
  await settled();
  for (let i = 0; i < 300; i++) await time.tickAsync(10);
  await settled();
  assertEquals(starts.theirs, [0, 990, 1000, 1000], "three in 10 ms");
  for (const times of [starts.strict, ours]) {
    assertEquals(times.slice(0, 2), [0, 990]);
    for (const i of range(times.length - 2)) {
      assert(times[i + 2]! - times[i]! >= 1000, `${times}`);
    }
  }
});

row("priority: higher first, and 0 is the default", async () => {
  const log: string[] = [];
  const limiter = new Bottleneck({ maxConcurrent: 1 });
  const end = gate();
  const jobs = [limiter.schedule(() => end.promise)];
  await settled();
  for (const priority of [9, 6, undefined, 0]) {
    const say = () => Promise.resolve(void log.push(`theirs ${priority}`));
    const options = priority === undefined ? {} : { priority };
    jobs.push(limiter.schedule(options, say));
  }
  while (limiter.queued() < 4) await sleep(1); // Each by a timer of its own.
  end.open();
  await Promise.all(jobs);
  const group = new CoGroup({ concurrency: 1, queue: priorityQueue() });
  for (const priority of [undefined, 0, 9]) {
    group.add(() => void log.push(`ours ${priority}`), { priority });
  }
  await group.wait();
  assertEquals(log, [
    ...["theirs 0", "theirs undefined", "theirs 6", "theirs 9"],
    ...["ours 9", "ours undefined", "ours 0"],
  ]);
});

row("setPriority of an unknown id is 0, and no error", async () => {
  const queue = new PQueue();
  assertThrows(() => queue.setPriority("none", 1), ReferenceError);
  const group = new CoGroup({ concurrency: 1, queue: priorityQueue() });
  assertEquals(group.setPriority("none", 1), 0);
  await group.wait();
});

row("concurrency has no default", async () => {
  const queue = new PQueue();
  let running = 0;
  const end = gate();
  const all = range(100).map(() =>
    queue.add(() => {
      running++;
      return end.promise;
    })
  );
  assertEquals(running, 100);
  const mapped = pMap(range(100), () => {
    running++;
    return end.promise;
  });
  await settled();
  assertEquals(running, 200);
  end.open();
  await Promise.all([...all, mapped]);
  assertThrows(
    () => new CoGroup({} as { concurrency: number }),
    TypeError,
    "concurrency",
  );
});

row("the event loop turns while tasks never wait", async () => {
  /** Whether a timer gets through before so many tasks are done. */
  async function isHeard(run: () => Promise<unknown>): Promise<boolean> {
    let isDone = false;
    let heard = false;
    const timer = sleep(1).then(() => heard = !isDone);
    await run();
    isDone = true;
    await timer;
    return heard;
  }
  const items = range(200);
  const busy = () => {
    const until = performance.now() + 1;
    while (performance.now() < until);
  };
  const limit = pLimit(4);
  const queue = new PQueue({ concurrency: 4 });
  assert(!await isHeard(() => limit.map(items, busy)), "p-limit");
  assert(!await isHeard(() => queue.addAll(items.map(() => busy))), "p-queue");
  assert(!await isHeard(() => pMap(items, busy, { concurrency: 4 })), "p-map");
  const ours = (slice?: number) => () => {
    const group = new CoGroup({ concurrency: 4, slice });
    for (const _ of items) group.add(busy);
    return group.wait();
  };
  assert(await isHeard(ours()));
  assert(!await isHeard(ours(Infinity)));
});

Deno.test("Coming from elsewhere: each row of docs/coming_from.md has its test, in that order", async () => {
  const page = new URL("../../docs/coming_from.md", import.meta.url);
  const text = await Deno.readTextFile(page);
  const [, table] = /^## What bites$([^]*?)^## /m.exec(text) ?? [];
  assert(table !== undefined);
  const lines = table.split("\n").filter((line) => line.startsWith("|"));
  const first = lines.slice(2).map((line) =>
    line.split("|")[1]!.trim().replaceAll(/[*`]/g, "")
  );
  assertEquals(first, rows);
});
