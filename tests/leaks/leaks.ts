// deno-coverage-ignore-file

/**
 * Long runs that must leave nothing behind: rounds of the same work, and after
 * each of them the heap without its garbage, the promises, the listeners and
 * the timers. A leak is a heap or a number of promises that grows from round to
 * round by more than its noise, or a listener or a timer that is left. Runs on
 * Deno, Bun and Node; fails if there is a leak, and if one that was planted is
 * not seen.
 *
 * @module
 */

import process from "node:process";
import {
  allOf,
  Channel,
  CoGroup,
  keyedQueue,
  priorityQueue,
  type Queue,
  type QueuedTask,
  rateLimit,
  select,
  Semaphore,
  slidingQueue,
} from "../../mod.ts";
import { CountedSignal } from "../model/signals.ts";
import { leaks, turn, type Work } from "./measure.ts";

const nothing = () => {};
const fails = () => {
  throw "failed";
};

/** What lives as long as the program does. */
const upstream = new CountedSignal("upstream");
const shared = new CountedSignal("shared");
const group = new CoGroup({
  concurrency: 8,
  capacity: 16,
  signal: upstream.signal,
  onError: nothing,
});
const retry = { maxAttempts: 2, minTimeout: 0 };
// No jitter: Deno keeps some 160 bytes for each duration that a timer was ever
// set for, until that has gone by, though the timer was cleared.
const LATE = { minTimeout: 60_000, jitter: 0 };

/** 100,000 tasks, of every kind. */
async function tasks(count: number): Promise<void> {
  const { signal } = shared;
  for (let i = 0; i < count; i += 10) {
    group.add(nothing);
    group.add(fails);
    group.tryInsert(nothing);
    await group.insert(nothing);
    await group.insert(nothing, { signal });
    group.go(nothing);
    group.go(fails).catch(nothing);
    group.go(nothing, { signal, timeout: 60_000 });
    group.go(({ signal }) => signal.aborted, { timeout: 60_000 });
    await group.go(nothing, { retry });
    if (i % 1000 === 0) await group.go(fails, { retry }).catch(nothing);
  }
  await group.idle();
}

/** Groups that come to their end under a signal that does not. */
async function groups(count: number): Promise<void> {
  const { signal } = upstream;
  for (let i = 0; i < count; i++) {
    const one = new CoGroup({ concurrency: 2, signal, grace: 10 });
    one.add(nothing, { signal: shared.signal });
    const result = one.go(nothing);
    if (i % 4 === 0) one.close();
    else if (i % 4 === 1) await one.reset();
    else if (i % 4 === 2) one.wait({ signal: shared.signal });
    else {
      one.closing.addEventListener("abort", nothing);
      one.shutdown({ grace: 60_000 });
    }
    await one.wait();
    await result;
  }
}

/** Groups that are aborted in the middle of everything; half of them are never looked at again. */
async function aborted(count: number): Promise<void> {
  const { signal } = upstream;
  for (let i = 0; i < count; i++) {
    const one = new CoGroup({
      concurrency: 2,
      capacity: 1,
      signal,
      grace: i % 2 === 0 ? 0 : 60_000,
      onError: nothing,
    });
    let end = nothing;
    one.go(({ signal }) => {
      signal.addEventListener("abort", nothing);
      return new Promise<void>((resolve) => end = resolve);
    });
    if (i % 10 === 0) one.add(fails, { retry: LATE });
    for (let k = 0; k < 4; k++) await undefined;
    one.go(nothing, { signal: shared.signal, timeout: 60_000 });
    one.insert(nothing, { signal: shared.signal });
    one.insertAll([nothing]);
    one.idle();
    one.abort();
    end();
    if (i % 2 === 0) await one.wait();
    if (i % 1000 === 0) await turn();
  }
}

async function* numbers(): AsyncGenerator<number> {
  for (let n = 0;; n++) yield n;
}

/** Streams that are broken off, of a group that goes on. */
async function broken(count: number): Promise<void> {
  const fn = (n: number) => n;
  for (let i = 0; i < count; i++) {
    const options = {
      ordered: i % 2 === 0,
      ahead: i % 3,
      ...(i % 4 === 0 && { signal: shared.signal }),
    };
    const stream = i % 3 === 0
      ? group.mapSettled([1, 2, 3, 4], fails, options)
      : group.map(numbers(), fn, options);
    if (i % 5 !== 0) await stream.next();
    await stream.return!();
    if (i % 7 === 0) await stream.next();
  }
  await group.idle();
}

/** Waits in a channel that a signal, a close, or the end of their iterator ends. */
async function channels(count: number): Promise<void> {
  const lasting = new Channel<number>({ capacity: 1 });
  for (let i = 0; i < count; i++) {
    const controller = new AbortController();
    const { signal } = controller;
    lasting.receive({ signal }).catch(nothing);
    controller.abort();
    const short = new Channel<number>();
    short.receive({ signal: shared.signal }).catch(nothing);
    const ended = select([lasting, short], { signal: shared.signal });
    short.close();
    await ended; // Else thousands would wait for a turn of the loop, each its own.
    const own = new AbortController();
    const { signal: later } = own;
    const never = new Channel<number>();
    const aborted = select([lasting, never], { signal: later });
    own.abort();
    await aborted.catch(nothing);
    const iterator = lasting[Symbol.asyncIterator]();
    iterator.next();
    iterator.return!();
    if (i % 1000 === 0) await turn();
  }
  await undefined;
}

/** Waits that are given up, and snapshots that nobody wants any more. */
async function waits(count: number): Promise<void> {
  const one = new CoGroup({ concurrency: 1, paused: true });
  one.add(nothing);
  for (let i = 0; i < count; i++) {
    const controller = new AbortController();
    const { signal } = controller;
    one.wait({ signal }).catch(nothing);
    one.idle({ signal }).catch(nothing);
    controller.abort();
    const progress = one.progress({ interval: 60_000 });
    await progress.next();
    const second = progress.next();
    for (let k = 0; k < 4; k++) await undefined;
    await progress.return!();
    await second;
  }
  one.resume();
  await one.wait();
}

/** Tasks that their own signals, or the group's user, take back before they start. */
async function withdrawn(count: number): Promise<void> {
  const one = new CoGroup({ concurrency: 1, paused: true, onError: nothing });
  one.add(nothing);
  for (let i = 0; i < count; i++) {
    const controller = new AbortController();
    const { signal } = controller;
    one.add(nothing, { signal });
    one.go(nothing, { signal, timeout: 60_000 });
    one.insert(nothing, { signal, retry });
    controller.abort();
    if (i % 100 !== 0) continue;
    one.go(nothing, { signal: shared.signal });
    one.clear();
    await turn();
  }
  one.resume();
  await one.wait();
}

/** Tasks that lend their workers; some end meanwhile, and some in a hurry. */
async function lent(count: number): Promise<void> {
  const { signal } = shared;
  for (let i = 0; i < count; i++) {
    group.go((ctx) => ctx.lend(() => group.go(nothing)));
    group.go((ctx) => Promise.all([ctx.lend(turn), ctx.lend(nothing)]));
    group.go((ctx) => void ctx.lend(turn), { signal, timeout: 60_000 });
    group.add((ctx) => ctx.lend(fails));
    if (i % 100 === 0) await group.idle();
  }
  await group.idle();
  await turn();
}

const steerable = new CoGroup({ concurrency: 1, queue: priorityQueue() });

/** Tasks that are known by ids, looked at, moved and taken back, of a group that goes on. */
async function steered(count: number): Promise<void> {
  const one = steerable;
  one.pause();
  for (let i = 0; i < count; i++) {
    one.add(nothing, { id: i, priority: i % 3 });
    one.go(nothing, { id: i, retry });
    one.setPriority(i, 1);
    one.tasks();
    one.withdraw(i);
    if (i % 100 === 0) await turn();
  }
  one.add(nothing, { id: {} });
  one.resume();
  await one.idle();
}

/** Attempts whose time is over, and those that are tried again, or are given up. */
async function late(count: number): Promise<void> {
  const { signal } = shared;
  const timed = { timeout: 0, retry: { maxAttempts: 2, minTimeout: 0 } };
  const toEnd = async ({ signal }: { signal: AbortSignal }) => {
    while (!signal.aborted) await turn();
  };
  for (let i = 0; i < count; i += 100) {
    const all = Array.from({ length: 25 }, (_, k) => [
      group.go(toEnd, { timeout: 0 }),
      group.go(toEnd, { ...timed, signal }),
      group.go(fails, { retry }),
      group.insert(k % 2 === 0 ? toEnd : fails, timed),
    ]).flat();
    await Promise.allSettled(all);
    await group.idle();
  }
}

const semaphore = new Semaphore(2);
const limiter = rateLimit({ limit: 1_000_000, interval: 1, burst: 1_000_000 });

const both = allOf(semaphore, limiter);

/** Groups that share their governors with one another, and leave them. */
async function governed(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const governor = [semaphore, limiter, both][i % 3]!;
    const one = new CoGroup({ concurrency: 3, governor, onError: nothing });
    for (let k = 0; k < 4; k++) one.add(k === 0 ? fails : nothing);
    one.go(nothing, { signal: shared.signal });
    if (i % 4 === 0) one.abort();
    const controller = new AbortController();
    for (const shared of [semaphore, both]) {
      const permit = shared.acquire({ signal: controller.signal });
      permit.then((permit) => permit.release(), nothing);
    }
    controller.abort();
    await one.wait();
  }
}

/** Groups of every order, which live and die with something in their queues. */
async function ordered(count: number): Promise<void> {
  const made: (() => Queue<QueuedTask>)[] = [
    () => keyedQueue({ capacity: 4 }),
    () => priorityQueue({ capacity: 4 }),
    () => slidingQueue(4),
  ];
  for (let i = 0; i < count; i++) {
    const queue = made[i % made.length]!();
    const one = new CoGroup({ concurrency: 2, queue, paused: true });
    for (let k = 0; k < 8; k++) {
      const options = { key: {}, priority: k, signal: shared.signal };
      if (k % 2 === 0) one.add(nothing, options);
      else one.insert(nothing, options);
    }
    if (i % 2 === 0) one.resume();
    else one.abort();
    await one.wait();
  }
}

const keyed = new CoGroup({ concurrency: 4, queue: keyedQueue() });

/** A key for each task, of a group that goes on. */
async function keys(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    keyed.add(nothing, { key: {} });
    keyed.add(nothing, { key: i });
    if (i % 100 === 0) await keyed.idle();
  }
  await keyed.idle();
}

const limited = new CoGroup({
  concurrency: 4,
  queue: keyedQueue({
    governor: (key) => typeof key === "number" ? semaphore : new Semaphore(1),
  }),
});

/** A key for each task, with a limit of its own or one for all. */
async function limitedKeys(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const key = {};
    limited.add(nothing, { key });
    limited.add(turn, { key });
    limited.add(nothing, { key: i });
    limited.go(nothing, { key: i, id: i });
    if (i % 3 === 0) limited.withdraw(i);
    if (i % 100 === 0) await limited.idle();
  }
  await limited.idle();
}

const kept: unknown[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
const planted: Work[] = [
  {
    name: "planted links",
    count: 100_000,
    run: async (count) => {
      for (let i = 0; i < count; i++) kept.push(i);
      await turn();
    },
  },
  {
    name: "planted promises",
    count: 1000,
    run: async (count) => {
      for (let i = 0; i < count; i += 100) kept.push(turn());
      await turn();
    },
  },
  {
    name: "planted listeners",
    count: 1000,
    run: () => {
      shared.signal.addEventListener("abort", nothing);
      return turn();
    },
  },
  {
    name: "planted timers",
    count: 1000,
    run: () => {
      timer ??= setTimeout(nothing, 60_000);
      return turn();
    },
  },
];

/** Takes what was planted away again. */
function weed(): void {
  shared.signal.removeEventListener("abort", nothing);
  clearTimeout(timer);
  kept.length = 0;
}

const works: Work[] = [
  { name: "tasks", count: 100_000, run: tasks },
  { name: "groups", count: 10_000, run: groups },
  { name: "aborted groups", count: 10_000, run: aborted },
  { name: "broken maps", count: 10_000, run: broken },
  { name: "waits in channels", count: 10_000, run: channels },
  { name: "waits for groups", count: 10_000, run: waits },
  { name: "withdrawn tasks", count: 10_000, run: withdrawn },
  { name: "lent workers", count: 10_000, run: lent },
  { name: "steered tasks", count: 10_000, run: steered },
  { name: "timeouts and retries", count: 1000, run: late },
  { name: "groups under governors", count: 10_000, run: governed },
  { name: "groups of other orders", count: 10_000, run: ordered },
  { name: "keys", count: 10_000, run: keys },
  { name: "keys under governors", count: 10_000, run: limitedKeys },
];

// The long-lived group has one listener on its signal, and nobody else has any.
const listeners = () => upstream.listeners - 1 + shared.listeners;
let found = 0;
for (const work of planted) {
  const verdict = await leaks(work, listeners);
  weed();
  if (verdict === "something") continue;
  console.error("A leak that was planted was not seen.");
  process.exit(1);
}
for (const work of works) {
  if (await leaks(work, listeners) !== "nothing") found++;
}
await group.wait();
if (upstream.listeners !== 0) found++;
console.log(
  found === 0
    ? "Nothing is left behind."
    : `${found} of them leave something, or make too much noise to tell.`,
);
process.exit(found === 0 ? 0 : 1);
