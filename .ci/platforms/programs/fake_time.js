/**
 * What a user's tests do with the library where time is fake since before it
 * was loaded. Each check throws what it has to say against it. They run in this
 * order, with one copy of the library.
 */

import assert from "node:assert/strict";
import { burn, inTime, settled } from "./in_time.js";

/** Runs 100 tasks of a millisecond to their end. */
async function work({ CoGroup }) {
  const group = new CoGroup(4);
  let ran = 0;
  for (let i = 0; i < 100; i++) {
    group.add(() => {
      ran++;
      burn();
    });
  }
  await inTime(group.wait(), () => `${ran} of 100 tasks ran`);
  assert.equal(ran, 100);
}

/** A task that fails at its first attempt. */
function failsOnce({ attempt }) {
  if (attempt === 1) throw new Error("the first attempt");
  return "done";
}
const after = (ms) => ({ retry: { maxAttempts: 2, delay: () => ms } });

/** What a promise says now, without a wait for it. */
function watch(promise) {
  const seen = { is: "waiting" };
  promise.then((value) => seen.is = value, (error) => seen.is = error.name);
  return seen;
}

async function retry({ CoGroup }, advance) {
  const group = new CoGroup(2);
  const seen = watch(group.go(failsOnce, after(60_000)));
  await advance(59_000);
  await settled();
  assert.equal(seen.is, "waiting");
  await advance(1_000);
  await settled();
  assert.equal(seen.is, "done");
}

async function timeout({ CoGroup }, advance) {
  const group = new CoGroup(2);
  const seen = watch(group.go(() => new Promise(() => {}), { timeout: 5_000 }));
  await advance(4_000);
  await settled();
  assert.equal(seen.is, "waiting");
  await advance(1_000);
  await settled();
  assert.equal(seen.is, "TimeoutError");
}

async function rate({ CoGroup, rateLimit }, advance) {
  const governor = rateLimit({ limit: 1, interval: 60_000 });
  const group = new CoGroup({ concurrency: 4, governor });
  let started = 0;
  const seen = [];
  for (let i = 0; i < 3; i++) group.add(() => void started++);
  for (let i = 0; i < 3; i++) {
    await settled();
    seen.push(started);
    await advance(59_000);
    await settled();
    seen.push(started);
    await advance(1_000);
  }
  assert.deepEqual(seen, [1, 1, 2, 2, 3, 3]);
}

async function progress({ CoGroup }, advance) {
  const group = new CoGroup({ concurrency: 1, paused: true });
  let snapshots = 0;
  void (async () => {
    for await (const _ of group.progress({ interval: 1_000 })) snapshots++;
  })();
  await settled();
  const before = snapshots;
  for (let i = 0; i < 5; i++) {
    group.add(() => {}); // There is no second snapshot of the same state.
    await advance(1_000);
    await settled();
  }
  assert.equal(snapshots - before, 5);
}

/** Leaves a retry that waits for a fake timer. What is real again must not. */
let left;
async function leave({ CoGroup }) {
  left = new CoGroup(2);
  // It may have to wait for a turn of the loop, after the tasks of CPU.
  const begun = new Promise((resolve) => {
    left.go((ctx) => (resolve(), failsOnce(ctx)), after(60_000));
  });
  await inTime(begun, () => "the first attempt");
  await settled();
  assert.equal(left.stats.delayed, 1, "it does not wait");
}

async function next() {
  const promise = left.go(failsOnce, after(10));
  assert.equal(await inTime(promise, () => "a retry after 10 ms"), "done");
}

/** Law 10: tasks of a second in all can't keep a timer of 0 ms from its turn. */
async function getThrough({ CoGroup }) {
  const group = new CoGroup(4);
  let isOver = false;
  let ran = 0;
  const again = () => {
    burn();
    if (!isOver && ++ran < 1_000) group.add(again);
  };
  globalThis.setTimeout(() => isOver = true, 0);
  again();
  await inTime(group.idle(), () => `${ran} tasks ran`);
  assert.ok(ran < 1_000, "a timer of 0 ms didn't go off for a second");
}

/** A check is given the library, and what moves fake time on. */
export const faked = [
  ["fake time moves a retry", retry],
  ["fake time moves a timeout", timeout],
  ["fake time moves a rateLimit", rate],
  ["fake time moves progress()", progress],
  ["100 tasks of CPU are done", work],
  ["a retry is put off", leave],
];

/** After that, with the real timers again. */
export const real = [
  ["real again: 100 tasks of CPU are done", work],
  ["real again: a retry comes, whatever waits for a fake timer", next],
  ["real again: a timer goes off beside tasks of CPU", getThrough],
];
