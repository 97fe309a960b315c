import {
  adaptiveLimit,
  Channel,
  CoGroup,
  keyedQueue,
  priorityQueue,
  rateLimit,
  Semaphore,
  type TaskOptions,
} from "../mod.ts";
import { assert, assertEquals, assertRejects } from "./support/std.ts";
import { test } from "./support/test.ts";

const task: Required<TaskOptions> = {
  signal: undefined,
  timeout: undefined,
  retry: undefined,
  id: undefined,
  priority: undefined,
  key: undefined,
  weight: undefined,
};

test("new CoGroup() takes undefined for an option that is left out", async () => {
  const group = new CoGroup({
    concurrency: 1,
    capacity: undefined,
    queue: undefined,
    governor: undefined,
    signal: undefined,
    grace: undefined,
    worker: undefined,
    retry: undefined,
    timeout: undefined,
    onError: undefined,
    slice: undefined,
    paused: undefined,
  });
  assertEquals([group.capacity, group.paused], [Infinity, false]);
  const attempts: number[] = [];
  const failing = group.go(({ attempt }) => {
    attempts.push(attempt);
    throw new Error("once");
  });
  await assertRejects(() => failing, Error, "once");
  assertEquals(attempts, [1]);
});

test("The calls of a CoGroup take undefined for an option that is left out", async () => {
  const group = new CoGroup({ concurrency: 1, capacity: 1 });
  let ran = 0;
  const run = () => ++ran;
  assert(group.add(run, task));
  assert(group.tryInsert(run, task));
  assert(await group.insert(run, task));
  assertEquals(await group.insertAll([{ task: run, options: undefined }]), 1);
  assertEquals(await group.go(run, task), 5);
  const options = { ...task, ordered: undefined, ahead: undefined };
  const results = group.map([1, 2], (n) => n, options);
  assertEquals(await Array.fromAsync(results), [1, 2]);
  await group.idle({ signal: undefined });
  await group.progress({ interval: undefined }).return!();
  assertEquals(await group.wait({ signal: undefined }), 0);
});

test("RetryOptions that are undefined are the defaults", async () => {
  const group = new CoGroup({
    concurrency: 1,
    retry: {
      maxAttempts: undefined,
      minTimeout: 0,
      maxTimeout: undefined,
      multiplier: undefined,
      jitter: undefined,
      isRetriable: undefined,
      delay: undefined,
    },
  });
  const attempts: number[] = [];
  const failing = group.go(({ attempt }) => {
    attempts.push(attempt);
    throw new Error("always");
  });
  await assertRejects(() => failing, Error, "always");
  assertEquals(attempts, [1, 2, 3, 4, 5]);
  await group.wait();
});

test("A Channel takes undefined for an option that is left out", async () => {
  const channel = new Channel<string>({
    capacity: undefined,
    queue: undefined,
  });
  assertEquals(channel.capacity, 0);
  const received = channel.receive({ signal: undefined });
  await channel.send("a", { signal: undefined });
  assertEquals(await received, "a");
});

test("Queues and governors take undefined for an option that is left out", async () => {
  const keyed = keyedQueue({ capacity: undefined, perKey: undefined });
  const priority = priorityQueue({ capacity: undefined, compare: undefined });
  for (const queue of [keyed, priority]) {
    assertEquals(queue.capacity, Infinity);
    const run = () => {};
    queue.push({ task: run, options: task });
    assertEquals(queue.shift()?.task, run);
  }
  const governors = [
    new Semaphore(1),
    rateLimit({ limit: 1, interval: 1, burst: undefined }),
    adaptiveLimit({ max: 1, min: undefined, initial: undefined }),
  ];
  for (const governor of governors) {
    (await governor.acquire({ signal: undefined })).release();
  }
});
