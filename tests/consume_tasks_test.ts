/**
 * Messages as tasks of their group: keys, priorities, weights, attempts in place, what
 * `ctx` knows.
 */

import {
  CoGroup,
  keyedQueue,
  priorityQueue,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import { consume } from "../src/consume/mod.ts";
import { after, bedTest, interrupted } from "./support/consume.ts";
import { range } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

bedTest(
  "key: messages of one key take turns, also while one waits for its next attempt: the order is kept",
  async (bed) => {
    for (const n of range(60)) bed.engine.publish(`key ${n % 5}`);
    const done = new Map<unknown, number[]>();
    bed.consume(
      async ({ id, key }, { attempt }) => {
        await after(10 + (id * 7) % 13);
        if (attempt <= id % 4) throw new Error("not yet");
        done.set(key, [...done.get(key) ?? [], id]);
      },
      { key: ({ key }) => key, ahead: 20 },
      { concurrency: 8, queue: keyedQueue() },
    );
    await bed.run(100_000);
    assertEquals(done.size, 5);
    for (const ids of done.values()) {
      assertEquals(ids, [...ids].sort((a, b) => a - b));
      assertEquals(ids.length, 12);
    }
    assertEquals(bed.engine.seen("nak"), []);
    assertEquals(bed.books, { received: 60, acked: 60 });
    assert(bed.group.stats.retried > 0);
  },
);

bedTest(
  "key: a message that comes again to the process in which it still runs waits for that run",
  async (bed) => {
    bed.publish(1);
    let running = 0;
    let most = 0;
    bed.consume(
      async () => {
        most = Math.max(most, ++running);
        await after(5000);
        running--;
      },
      { key: ({ id }) => id },
      { queue: keyedQueue() },
    );
    await bed.run(500);
    bed.stand(4000);
    await bed.run(20_000);
    assertEquals(bed.runs, ["1 1", "1 2"]);
    assertEquals(most, 1);
  },
);

bedTest(
  "inPlace: the group delays the message, which keeps its delivery; ctx.attempt goes on counting",
  async (bed) => {
    bed.publish(1);
    bed.engine.stored.get(1)!.deliveries = 1;
    bed.consume((_, { attempt }) => {
      if (attempt < 4) throw new Error("not yet");
    }, { inPlace: true });
    await bed.run(250);
    assertEquals(bed.group.stats.delayed, 1);
    await bed.run(1000);
    assertEquals(bed.runs, ["1 2", "1 3", "1 4"]);
    assertEquals(bed.engine.seen("deliver", "nak", "ack"), [
      "deliver 1 #2",
      "ack 1 #2",
    ]);
    assertEquals(bed.books, { received: 1, acked: 1, redelivered: 1 });
  },
);

bedTest("inPlace: the last attempt makes the message dead", async (bed) => {
  bed.publish(1);
  bed.consume(() => Promise.reject(new Error("broken")), { inPlace: true });
  await bed.run(10_000);
  assertEquals(bed.runs, range(5).map((n) => `1 ${n + 1}`));
  assertEquals(bed.engine.seen("nak", "term"), ["term 1 #1"]);
  assertEquals(bed.books, { received: 1, dead: 1 });
  assertEquals(bed.errors, [["broken", 1]]);
});

bedTest(
  "inPlace: false with a key gives a failure back to the engine all the same",
  async (bed) => {
    bed.publish(1);
    bed.consume(
      (_, { attempt }) => {
        if (attempt === 1) throw new Error("not yet");
      },
      { key: ({ key }) => key, inPlace: false },
      { queue: keyedQueue() },
    );
    await bed.run(1000);
    assertEquals(bed.engine.seen("nak"), ["nak 1 #1 100"]);
  },
);

bedTest(
  "inPlace: after a time-out the next attempt waits for the end of the one that is late",
  async (bed) => {
    bed.publish(1);
    let running = 0;
    let most = 0;
    bed.consume(async (_, { attempt }) => {
      most = Math.max(most, ++running);
      if (attempt === 1) await after(2000);
      running--;
      if (attempt === 1) throw new Error("late");
    }, { inPlace: true, timeout: 500 });
    await bed.run(1999);
    assertEquals(bed.runs, ["1 1"]);
    assertEquals(bed.group.stats.overdue, 1);
    await bed.run(1000);
    assertEquals(bed.runs, ["1 1", "1 2"]);
    assertEquals(most, 1);
    assertEquals(bed.books, { received: 1, acked: 1 });
  },
);

bedTest(
  "inPlace: a time-out of the last attempt makes the message dead",
  async (bed) => {
    bed.publish(1);
    const dead: unknown[] = [];
    bed.consume((_, ctx) => interrupted(ctx), {
      inPlace: true,
      timeout: 500,
      retry: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
      onDead: (_, error) => void dead.push((error as Error).name),
    });
    await bed.run(5000);
    assertEquals(dead, ["TimeoutError"]);
    assertEquals(bed.runs, ["1 1", "1 2"]);
    assertEquals(bed.books, { received: 1, dead: 1 });
  },
);

bedTest(
  "inPlace: an abort while an attempt that is over its time goes on gives the message back when that has ended",
  async (bed) => {
    bed.publish(1);
    bed.consume(async () => {
      await after(2000);
      throw new Error("late");
    }, { inPlace: true, timeout: 500 });
    await bed.run(1000);
    bed.group.abort();
    await bed.run(500);
    assertEquals(bed.books, { received: 1, held: 1 });
    await bed.run(1000);
    assertEquals(bed.engine.seen("nak"), ["nak 1 #1 100"]);
    assertEquals(bed.books, { received: 1, retried: 1 });
  },
);

bedTest(
  "inPlace: an abort in the very moment in which the next attempt was decided gives the message back",
  async (bed) => {
    bed.publish(1);
    bed.consume(() => Promise.reject(new Error("broken")), {
      inPlace: true,
      retry: {
        delay() {
          queueMicrotask(() => queueMicrotask(() => bed.group.abort()));
          return 70;
        },
      },
    });
    await bed.run(10);
    const [nak] = bed.engine.seen("nak");
    assert(nak === "nak 1 #1 70" || nak === "nak 1 #1 0");
    assertEquals(bed.runs, ["1 1"]);
  },
);

for (const [how, ms] of [["at once", 0], ["after a second", 1000]] as const) {
  bedTest(
    `inPlace: a key whose messages fail (${how}) does not hold up the others, and its order is kept`,
    async (bed) => {
      for (const n of range(300)) bed.engine.publish(n % 10);
      let isDown = true;
      const done: number[] = [];
      bed.consume(
        async ({ id, key }) => {
          if (key === 0 && isDown) {
            await after(ms);
            throw new Error("down");
          }
          await after(10);
          if (key === 0) done.push(id);
        },
        {
          key: ({ key }) => key,
          ahead: 4,
          retry: { maxAttempts: 50, minTimeout: 5000, jitter: 0 },
        },
        { concurrency: 2, queue: keyedQueue() },
      );
      await bed.run(4000);
      assertEquals(bed.books, { received: 300, held: 30, acked: 270 });
      isDown = false;
      await bed.run(10_000);
      assertEquals(done, range(30).map((n) => 10 * n + 1));
      assertEquals(bed.books, { received: 300, acked: 300 });
      assertEquals(bed.engine.seen("nak"), []);
    },
  );
}

bedTest(
  "inPlace: messages that wait for their next attempt leave their room to others, and so do those whose workers are lent",
  async (bed) => {
    bed.publish(40);
    const { promise, resolve } = Promise.withResolvers<void>();
    bed.consume(
      async ({ id }, ctx) => {
        if (id <= 4) await ctx.lend(() => promise);
        else if (id <= 8 && ctx.attempt === 1) throw new Error("not yet");
      },
      { inPlace: true, retry: { minTimeout: 5000, jitter: 0 } },
      { concurrency: 4 },
    );
    await bed.run(100);
    assertEquals(bed.books, { received: 40, held: 8, acked: 32 });
    resolve();
  },
);

bedTest(
  "inPlace: when a key's messages succeed again, those behind take room as any others do",
  async (bed) => {
    for (const n of range(60)) bed.engine.publish(n % 2);
    bed.consume(
      async ({ id, key }, { attempt }) => {
        if (id === 1 && attempt === 1) throw new Error("not yet");
        await after(key === 0 ? 100 : 10);
      },
      { key: ({ key }) => key, retry: { minTimeout: 100, jitter: 0 } },
      { concurrency: 2, queue: keyedQueue() },
    );
    await bed.run(100); // Ten of the other key are done, and as many held beside them.
    const { held } = bed.consumption.stats;
    assert(held > 8, `${held} are held`);
    await bed.run(110);
    const { received } = bed.consumption.stats;
    await bed.run(300);
    assertEquals(bed.consumption.stats.received, received);
  },
);

bedTest(
  "inPlace: beyond a thousand that wait, what fails is given back; but not what others of its key wait behind",
  async (bed) => {
    for (const n of range(1000)) bed.engine.publish(`key ${n}`);
    for (const _ of range(2)) bed.engine.publish("of two");
    bed.publish(2);
    let isDown = true;
    bed.consume(
      () => {
        if (isDown) throw new Error("down");
      },
      {
        key: ({ key }) => key,
        retry: { minTimeout: 5000, jitter: 0 },
      },
      { concurrency: 100, queue: keyedQueue() },
    );
    await bed.run(1000);
    assertEquals(bed.engine.seen("nak"), [
      "nak 1003 #1 5000",
      "nak 1004 #1 5000",
    ]);
    assertEquals(bed.books, { received: 1004, held: 1002, retried: 2 });
    isDown = false;
    await bed.run(10_000);
    assertEquals(bed.consumption.stats.acked, 1004);
  },
);

bedTest(
  "priority: of the messages that are held the one with the higher number is next",
  async (bed) => {
    bed.publish(5);
    bed.consume(
      () => after(10),
      { priority: ({ id }) => id, ahead: 4 },
      { concurrency: 1, queue: priorityQueue(), paused: false },
    );
    await bed.run(1000);
    assertEquals(bed.runs, ["5 1", "4 1", "3 1", "2 1", "1 1"]);
  },
);

bedTest(
  "weight: a message takes so much of the governor's limit",
  async (bed) => {
    bed.publish(6);
    let weight = 0;
    let most = 0;
    bed.consume(
      async ({ id }) => {
        most = Math.max(most, weight += id % 2 + 1);
        await after(10);
        weight -= id % 2 + 1;
      },
      { weight: ({ id }) => id % 2 + 1 },
      { concurrency: 6, governor: new Semaphore(3) },
    );
    await bed.run(1000);
    assertEquals(most, 3);
    assertEquals(bed.books, { received: 6, acked: 6 });
  },
);

bedTest(
  "A message whose key, priority or weight can't be had has failed like any other: tried again, and dead at last",
  async (bed) => {
    bed.publish(3);
    bed.consume(
      () => "done",
      {
        weight: ({ id }) => id === 2 ? 100 : 1,
        key: ({ id }) => {
          if (id === 1) throw new Error("no key");
        },
        retry: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
      },
      { governor: new Semaphore(3) },
    );
    await bed.run(1000);
    assertEquals(bed.runs, ["3 1"]);
    assertEquals(bed.engine.seen("nak"), ["nak 1 #1 100", "nak 2 #1 100"]);
    assertEquals(bed.errors, [["no key", 1], [
      "Cannot consume: weight must be at most the governor's limit (3), received 100",
      2,
    ]]);
    assertEquals(bed.books, {
      received: 5,
      acked: 1,
      retried: 2,
      dead: 2,
      redelivered: 2,
    });
  },
);

bedTest("A governor hears which messages have failed", async (bed) => {
  bed.publish(3);
  const failed: boolean[] = [];
  const governor = {
    acquire: () =>
      Promise.resolve({
        release: (isFailed = false) => void failed.push(isFailed),
        [Symbol.dispose]() {},
      }),
  };
  bed.consume(
    ({ id }) => {
      if (id === 2) throw new Error("broken");
    },
    { retry: { maxAttempts: 1 } },
    { governor, concurrency: 1 },
  );
  await bed.run(100);
  assertEquals(failed, [false, true, false]);
});

bedTest(
  "A governor hears of no failure of what an abort has told to end, nor of what did not start",
  async (bed) => {
    bed.publish(2);
    const failed: boolean[] = [];
    const governor = {
      acquire: () =>
        Promise.resolve({
          release: (isFailed = false) => void failed.push(isFailed),
          [Symbol.dispose]() {},
        }),
    };
    bed.consume(
      async ({ id }, ctx) => {
        if (id === 1) await after(600);
        else await interrupted(ctx);
      },
      { ahead: 1 },
      { governor, concurrency: 1, grace: 0 },
    );
    await bed.run(500);
    bed.stand(4000); // The lease of the second one has ended.
    await bed.run(200);
    assertEquals(failed, [false, false]);
    assertEquals(bed.runs, ["1 1", "2 2"]);
    bed.group.abort();
    await bed.run(10);
    assertEquals(failed, [false, false, false]);
  },
);

bedTest("A rate limit holds messages back, not their beats", async (bed) => {
  bed.publish(4);
  bed.consume(() => "done", { ahead: 4 }, {
    concurrency: 1,
    governor: rateLimit({ limit: 1, interval: 4000 }),
  });
  await bed.run(20_000);
  assertEquals(bed.books, { received: 4, acked: 4 });
  assert(bed.engine.seen("working").length > 10);
});

bedTest(
  "ctx.lend lends the worker, and the message keeps its place in the books",
  async (bed) => {
    bed.publish(3);
    const { promise, resolve } = Promise.withResolvers<void>();
    bed.consume(
      async ({ id }, ctx) => {
        if (id === 1) await ctx.lend(() => promise);
      },
      { ahead: 1 },
      { concurrency: 1 },
    );
    await bed.run(10);
    assertEquals(bed.runs, ["1 1", "2 1", "3 1"]);
    assertEquals(bed.books, { received: 3, held: 1, acked: 2 });
    assertEquals(bed.group.tasks().map(({ state }) => state), ["lent"]);
    resolve();
    await bed.run(10);
    assertEquals(bed.books, { received: 3, acked: 3 });
  },
);

test("The handler's failures are no affair of the group's onError", async () => {
  const heard: unknown[] = [];
  const group = new CoGroup({
    concurrency: 1,
    onError: (error) => void heard.push(error),
  });
  async function* source() {
    for (const _ of range(2)) {
      yield await Promise.resolve({ ack() {}, nak() {} });
    }
  }
  const consumption = consume(group, source(), () => Promise.reject("no"));
  await consumption.wait();
  await group.wait();
  assertEquals(heard, []);
  assertEquals(group.stats.rejected, 2);
});
