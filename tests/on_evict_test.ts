import {
  Channel,
  checkedQueue,
  CoGroup,
  droppingQueue,
  type Queue,
  type QueuedTask,
  slidingQueue,
} from "../mod.ts";
import { assertBooks, gate, range, settled } from "./support/helpers.ts";
import { assert, assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

type Make = <T>(
  capacity: number,
  options?: { onEvict?: ((value: T) => unknown) | undefined },
) => Queue<T>;

const makes: Record<string, Make> = { slidingQueue, droppingQueue };

/** What is printed while it runs. */
async function printed(run: () => void | Promise<void>): Promise<unknown[]> {
  const { error } = console;
  const lines: unknown[] = [];
  console.error = (line) => void lines.push(line);
  try {
    await run();
    await settled();
  } finally {
    console.error = error;
  }
  return lines;
}

for (const [name, make] of Object.entries(makes)) {
  test(`${name}() takes an onEvict, which may be undefined`, () => {
    for (const options of [undefined, {}, { onEvict: undefined }]) {
      const channel = new Channel<number>({ queue: make(1, options) });
      assertEquals([channel.trySend(1), channel.capacity], [true, 1]);
    }
  });

  test(`${name}() of options that are none, or an onEvict that is no function, is a TypeError`, () => {
    assertThrows(
      () => make(1, { onEvict: "log" as never }),
      TypeError,
      'Cannot create queue: onEvict must be a function, received "log"',
    );
    assertThrows(
      () => make(1, 5 as never),
      TypeError,
      "Cannot create queue: options must be an object, received 5",
    );
  });
}

// --- Channels ---

test("slidingQueue() in a channel: onEvict hears of each value that is evicted, once, in order", async () => {
  const dropped: number[] = [];
  const queue = slidingQueue<number>(2, { onEvict: (n) => dropped.push(n) });
  const channel = new Channel({ queue });
  for (const n of range(6)) {
    if (n % 2 === 0) await channel.send(n);
    else assert(channel.trySend(n));
  }
  channel.close();
  assertEquals([dropped, await Array.fromAsync(channel)], [range(4), [4, 5]]);
});

test("slidingQueue() in a channel: onEvict hears of undefined, and of no value that is received", async () => {
  const dropped: unknown[] = [];
  const onEvict = (value: unknown) => dropped.push(value);
  const channel = new Channel({ queue: slidingQueue<unknown>(1, { onEvict }) });
  const received = channel.receive();
  for (const value of [0, undefined, 1]) channel.trySend(value);
  assertEquals([await received, channel.tryReceive()], [0, {
    state: "ok",
    value: 1,
  }]);
  channel.close();
  assertEquals(channel.trySend(2), false);
  assertEquals(dropped, [undefined]);
});

test("droppingQueue() in a channel: onEvict hears of each value that is refused, by send or trySend, once", async () => {
  const dropped: number[] = [];
  const queue = droppingQueue<number>(2, { onEvict: (n) => dropped.push(n) });
  const channel = new Channel({ queue });
  for (const n of range(4)) await channel.send(n);
  assertEquals(channel.trySend(4), false);
  channel.close();
  assertEquals(channel.trySend(5), false); // That is no matter of room.
  await channel.send(6).catch(() => {});
  assertEquals(dropped, [2, 3, 4]);
  assertEquals(await Array.fromAsync(channel), [0, 1]);
});

for (const [name, make] of Object.entries(makes)) {
  test(`${name}() in a channel calls onEvict when all is in order: it may use the channel`, () => {
    const log: unknown[] = [];
    const channel: Channel<number> = new Channel({
      queue: make<number>(1, {
        onEvict(value) {
          log.push([value, channel.size]);
          log.push(channel.tryReceive());
          channel.close();
        },
      }),
    });
    assert(channel.trySend(0));
    assertEquals(channel.trySend(1), make === slidingQueue);
    const [gone, left] = make === slidingQueue ? [0, 1] : [1, 0];
    assertEquals(log, [[gone, 1], { state: "ok", value: left }]);
    assert(channel.closed);
  });

  test(`${name}() in a channel prints what onEvict throws, or rejects with, and breaks no send`, async () => {
    const error = new Error("broken");
    let isAsync = false;
    const queue = make<number>(1, {
      onEvict() {
        if (isAsync) return Promise.reject(error);
        throw error;
      },
    });
    const channel = new Channel({ queue });
    const lines = await printed(async () => {
      for (const n of range(2)) await channel.send(n);
      isAsync = true;
      await channel.send(2);
    });
    assertEquals(lines, [error, error]);
    const value = make === slidingQueue ? 2 : 0;
    assertEquals(channel.tryReceive(), { state: "ok", value });
  });

  test(`checkedQueue() of a ${name}() tells its onEvict, too`, async () => {
    const dropped: number[] = [];
    const own = make<number>(1, { onEvict: (n) => dropped.push(n) });
    const channel = new Channel({ queue: checkedQueue(own) });
    for (const n of range(3)) await channel.send(n);
    assertEquals(dropped, make === slidingQueue ? [0, 1] : [1, 2]);
  });
}

// --- Groups ---

test("slidingQueue() in a group: onEvict hears of each task that is evicted, with its options, when it is counted", async () => {
  const dropped: QueuedTask[] = [];
  const group: CoGroup = new CoGroup({
    concurrency: 1,
    paused: true,
    queue: slidingQueue(1, {
      onEvict(queued) {
        dropped.push(queued);
        assertBooks(group);
        assertEquals(group.stats.abandoned, dropped.length);
      },
    }),
  });
  const tasks = range(5).map((n) => () => n);
  const options = { key: "b" };
  group.add(tasks[0]!);
  group.add(tasks[1]!, options);
  const result = group.go(tasks[2]!);
  assertEquals(await group.insert(tasks[3]!), true);
  assertEquals(await group.insertAll([tasks[4]!]), 1);
  assertEquals(dropped.map(({ task }) => task).slice(0, 2), tasks.slice(0, 2));
  assertEquals(dropped[1]!.options, options);
  assertEquals(
    await result.catch(({ message }) => message),
    "The task was evicted",
  );
  group.resume();
  assertEquals([await group.wait(), dropped.length], [4, 4]);
  assertEquals(dropped.map(({ task }) => tasks.indexOf(task as never)), [
    0,
    1,
    2,
    3,
  ]);
});

test("slidingQueue() in a group: onEvict hears of no task that is withdrawn, cleared or aborted", async () => {
  const dropped: QueuedTask[] = [];
  const onEvict = (queued: QueuedTask) => dropped.push(queued);
  const queue = slidingQueue<QueuedTask>(2, { onEvict });
  const group = new CoGroup({ concurrency: 1, paused: true, queue });
  const controller = new AbortController();
  group.add(() => {}, { signal: controller.signal });
  group.add(() => {});
  controller.abort();
  group.add(() => {});
  assertEquals(group.clear().length, 2);
  group.add(() => {});
  group.abort();
  assertEquals(await group.wait(), 4);
  assertEquals(dropped, []);
});

test("slidingQueue() in a group: onEvict hears of an item of a map, whose stream ends", async () => {
  const dropped: QueuedTask[] = [];
  const onEvict = (queued: QueuedTask) => dropped.push(queued);
  const queue = slidingQueue<QueuedTask>(1, { onEvict });
  const group = new CoGroup({ concurrency: 1, queue });
  const { promise, open } = gate();
  group.add(() => promise);
  const next = group.map([1, 2], (n) => n, { key: "map" }).next();
  await settled();
  group.add(() => {});
  assertEquals(
    await next.catch(({ message }) => message),
    "The task was evicted",
  );
  assertEquals(dropped.map(({ options }) => options?.key), ["map"]);
  open();
  await group.wait();
});

test("droppingQueue() in a group: onEvict hears of each task that is refused, whichever call brought it", async () => {
  const dropped: QueuedTask[] = [];
  const onEvict = (queued: QueuedTask) => dropped.push(queued);
  const queue = droppingQueue<QueuedTask>(1, { onEvict });
  const group = new CoGroup({ concurrency: 1, paused: true, queue });
  const tasks = range(6).map((n) => () => n);
  const options = { key: "b" };
  assert(group.add(tasks[0]!));
  assertEquals(group.add(tasks[1]!, options), false);
  assertEquals(group.tryInsert(tasks[2]!), false);
  assertEquals(await group.insert(tasks[3]!), false);
  assertEquals(
    await group.go(tasks[4]!).catch(({ message }) => message),
    "Cannot go: the queue is full",
  );
  assertEquals(await group.insertAll([tasks[5]!]), 0);
  group.close();
  assertEquals(group.add(() => {}), false); // That is no matter of room.
  assertEquals(
    dropped.map(({ task }) => tasks.indexOf(task as never)),
    range(6).slice(1),
  );
  assertEquals(dropped[0]!.options, options);
  assertEquals([group.stats.accepted, group.stats.abandoned], [1, 0]);
  group.resume();
  assertEquals(await group.wait(), 0);
});

for (const [name, make] of Object.entries(makes)) {
  test(`${name}() in a group: what onEvict throws, or rejects with, goes to onError, once, and breaks no call`, async () => {
    const heard: unknown[] = [];
    const error = new Error("broken");
    let isAsync = false;
    const tasks = range(3).map(() => () => {});
    const group = new CoGroup({
      concurrency: 1,
      paused: true,
      queue: make<QueuedTask>(1, {
        onEvict() {
          if (isAsync) return Promise.reject(error);
          throw error;
        },
      }),
      onError: (error, { task, workerId, attempt }) =>
        heard.push([error, tasks.indexOf(task as never), workerId, attempt]),
    });
    for (const task of tasks) {
      group.add(task);
      await settled();
      isAsync = heard.length > 0;
    }
    const gone = make === slidingQueue ? [0, 1] : [1, 2];
    assertEquals(heard, gone.map((at) => [error, at, -1, 0]));
    assertBooks(group);
    group.resume();
    await group.wait();
  });

  test(`${name}() in a group: onEvict may add, clear, abort or close, and the books balance`, async () => {
    const acts: ((group: CoGroup) => void)[] = [
      (group) => group.add(() => {}),
      (group) => group.clear(),
      (group) => group.abort(),
      (group) => group.close(),
    ];
    for (const act of acts) {
      let calls = 0;
      const group: CoGroup = new CoGroup({
        concurrency: 1,
        paused: true,
        queue: make<QueuedTask>(1, {
          onEvict() {
            assertBooks(group);
            if (++calls === 1) act(group);
          },
        }),
      });
      group.add(() => {});
      group.go(() => {}).catch(() => {});
      await group.insertAll([() => {}, () => {}]);
      await group.insert(() => {});
      assertBooks(group);
      assert(calls > 0);
      group.resume();
      await group.wait();
      assertBooks(group);
    }
  });
}
