import {
  adaptiveLimit,
  CoGroup,
  type CoGroupOptions,
  fifoQueue,
  type Governor,
  keyedQueue,
  type Permit,
  type QueuedTask,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import { assertBooks, gate, range, settled, Tasks } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
  FakeTime,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** A semaphore that tells what it was asked. */
class Watched implements Governor {
  held = 0;
  waiting = 0;
  asked = 0;
  released: boolean[] = [];
  readonly #semaphore: Semaphore;

  constructor(limit: number) {
    this.#semaphore = new Semaphore(limit);
  }

  set limit(limit: number) {
    this.#semaphore.limit = limit;
  }

  #watch(permit: Permit): Permit {
    this.held++;
    let isOver = false;
    return {
      release: (failed = false) => {
        if (!isOver) this.held--;
        isOver = true;
        this.released.push(failed);
        permit.release(failed);
      },
      [Symbol.dispose]() {
        this.release();
      },
    };
  }

  tryAcquire(): Permit | undefined {
    const permit = this.#semaphore.tryAcquire();
    return permit && this.#watch(permit);
  }

  async acquire(options?: { signal?: AbortSignal }): Promise<Permit> {
    this.asked++;
    this.waiting++;
    try {
      return this.#watch(await this.#semaphore.acquire(options));
    } finally {
      this.waiting--;
    }
  }
}

test("CoGroup: two groups of 8 on a Semaphore of 10 have never more than 10 in flight, and both go on", async () => {
  const governor = new Semaphore(10);
  let inFlight = 0;
  let most = 0;
  const ends: number[] = [];
  const groups = range(2).map((id) => {
    // How many are in flight at once is up to the clock, where a slice ends.
    const group = new CoGroup({ concurrency: 8, governor, slice: Infinity });
    for (const _ of range(200)) {
      group.add(async () => {
        most = Math.max(most, ++inFlight);
        for (let i = 0; i < 5; i++) await Promise.resolve();
        inFlight--;
        ends.push(id);
      });
    }
    return group;
  });
  await Promise.all(groups.map((group) => group.wait()));
  assertEquals(most, 10);
  const half = ends.slice(0, 200).filter((id) => id === 0).length;
  assert(half > 20 && half < 180, `${half} of the first 200 were of the one`);
});

test("CoGroup that is aborted while it waits for a permit leaves all of them to the other", async () => {
  const governor = new Watched(10);
  const options = { concurrency: 10, governor, slice: Infinity };
  const one = new CoGroup(options);
  const other = new CoGroup(options);
  const tasks = new Tasks();
  for (const n of range(20)) one.add(tasks.task(`one ${n}`));
  await settled();
  for (const n of range(20)) other.add(tasks.task(`other ${n}`));
  await settled();
  assertEquals([governor.held, governor.waiting], [10, 1]);
  one.abort();
  await settled();
  assertEquals(governor.waiting, 1); // The other's.
  tasks.openAll();
  await settled();
  assertEquals(await one.wait(), 10);
  assertEquals(await other.wait(), 0);
  assertEquals(tasks.most, 10);
  assertEquals([governor.held, governor.waiting], [0, 0]);
});

const ends: Record<string, (group: CoGroup, own: AbortController) => void> = {
  paused: (group) => group.pause(),
  cleared: (group) => void group.clear(),
  aborted: (group) => group.abort(),
  "left with nothing but what was withdrawn": (_, own) => own.abort(),
};

for (const [what, end] of Object.entries(ends)) {
  test(`CoGroup that is ${what} does not wait for a permit any more, and holds none`, async () => {
    const governor = new Watched(1);
    const held = governor.tryAcquire()!;
    const group = new CoGroup({ concurrency: 4, governor });
    const own = new AbortController();
    for (const _ of range(3)) group.add(() => {}, { signal: own.signal });
    await settled();
    assertEquals([governor.waiting, group.inFlight, group.size], [1, 0, 3]);
    end(group, own);
    await settled();
    assertEquals(governor.waiting, 0);
    held.release();
    await settled();
    assertEquals(governor.held, 0);
    group.resume();
    assertEquals(await group.wait() + group.stats.fulfilled, 3);
    assertBooks(group);
  });
}

test("CoGroup that gives up in the moment in which it is given a permit gives it back", async () => {
  const governor = new Watched(1);
  const held = governor.tryAcquire()!;
  const group = new CoGroup({ concurrency: 1, governor });
  group.add(() => assert(false, "started after the abort"));
  await settled();
  held.release(); // Granted; the group will hear of it in a later microtask.
  group.abort();
  assertEquals(await group.wait(), 1);
  await settled();
  assertEquals([governor.held, governor.waiting], [0, 0]);
});

test("CoGroup holds a permit for every attempt, not for the delay between them, and tells whether it failed", async () => {
  using time = new FakeTime();
  const governor = new Watched(2);
  const group = new CoGroup({
    concurrency: 4,
    governor,
    retry: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
  });
  const result = group.go(({ attempt }) => {
    assertEquals(governor.held, 1);
    if (attempt === 1) throw new Error("once");
    return "done";
  });
  await settled();
  assertEquals([governor.held, group.stats.delayed], [0, 1]);
  await time.tickAsync(100);
  assertEquals(await result, "done");
  assertEquals(governor.released, [true, false]);
  await group.wait();
});

test("CoGroup holds the permit of a task that timed out until it has ended, and says that it failed", async () => {
  using time = new FakeTime();
  const governor = new Watched(1);
  const group = new CoGroup({ concurrency: 4, governor });
  const { promise, open } = gate();
  const result = group.go(() => promise, { timeout: 10 });
  result.catch(() => {});
  await settled();
  await time.tickAsync(10);
  await settled();
  assertEquals([governor.held, group.stats.overdue], [1, 1]);
  open();
  await settled();
  assertEquals([governor.held, governor.released], [0, [true]]);
  await group.wait();
});

test("CoGroup does not hold a task's own abort against the governor's peer", async () => {
  const governor = new Watched(1);
  const group = new CoGroup({ concurrency: 4, governor });
  const own = new AbortController();
  const running = group.go(
    ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      ),
    { signal: own.signal },
  );
  running.catch(() => {});
  await settled();
  own.abort();
  await settled();
  assertEquals(governor.released, [false]);
  await group.wait();
});

test("CoGroup under a governor runs every kind of call, in order, in the permits there are", async () => {
  const governor = new Watched(1);
  const group = new CoGroup({ concurrency: 4, governor, slice: Infinity });
  const order: unknown[] = [];
  const note = (name: string) => async () => {
    assertEquals(governor.held, 1);
    order.push(name);
    await Promise.resolve();
  };
  group.add(note("add"));
  const go = group.go(note("go"));
  const last = group.go(note("go, with options"), { timeout: 1000 });
  await group.insert(note("insert"));
  const stream = group.map(range(3), async (n) => {
    await note(`map ${n}`)();
  });
  for await (const _ of stream);
  await Promise.all([go, last]);
  await group.wait();
  assertEquals(order, [
    "add",
    "go",
    "go, with options",
    "insert",
    "map 0",
    "map 1",
    "map 2",
  ]);
  assertEquals([governor.held, governor.waiting], [0, 0]);
  assertEquals(governor.released.length, 7);
});

test("CoGroup asks its governor for nothing while it has nothing to start", async () => {
  const governor = new Watched(1);
  const group = new CoGroup({ concurrency: 1, governor });
  await settled();
  const tasks = new Tasks();
  group.add(tasks.task(0));
  group.add(tasks.task(1));
  await settled();
  assertEquals([governor.held, governor.waiting, governor.asked], [1, 0, 0]);
  tasks.openAll();
  await group.wait();
});

test("CoGroup under a governor: a Semaphore that grows starts more at once", async () => {
  const governor = new Watched(1);
  const group = new CoGroup({ concurrency: 8, governor });
  const tasks = new Tasks();
  for (const n of range(8)) group.add(tasks.task(n));
  await settled();
  assertEquals(tasks.most, 1);
  governor.limit = 5;
  await settled();
  assertEquals(tasks.most, 5);
  tasks.openAll();
  await group.wait();
});

test("CoGroup.reset() of a group that was aborted while it waited: it waits again", async () => {
  const governor = new Watched(1);
  const held = governor.tryAcquire()!;
  const group = new CoGroup({ concurrency: 1, governor });
  group.add(() => {});
  await settled();
  group.abort();
  assertEquals(await group.reset(), 1);
  const result = group.go(() => "again");
  await settled();
  assertEquals(governor.waiting, 1);
  held.release();
  assertEquals(await result, "again");
  await group.wait();
  assertEquals(governor.held, 0);
});

test("CoGroup under a rateLimit of 10 in 1,000 ms: each window has 10 starts, and the limit is used up", async () => {
  using time = new FakeTime();
  const starts: number[] = [];
  const governor = rateLimit({ limit: 10, interval: 1000 });
  const group = new CoGroup({ concurrency: 100, governor, slice: Infinity });
  const zero = Date.now();
  for (const _ of range(100)) {
    group.add(() => void starts.push(Date.now() - zero));
  }
  await settled();
  for (let s = 0; s < 9; s++) {
    await time.tickAsync(1000);
    await settled();
  }
  assertEquals(starts, range(100).map((n) => Math.floor(n / 10) * 1000));
  assertEquals(await group.wait(), 0);
});

test("CoGroup under an adaptiveLimit starts no more than that has settled on", async () => {
  const governor = adaptiveLimit({ max: 100, initial: 3 });
  const group = new CoGroup({ concurrency: 100, governor });
  const tasks = new Tasks();
  for (const n of range(10)) group.add(tasks.task(n));
  await settled();
  assertEquals(tasks.most, 3);
  tasks.openAll();
  await group.wait();
});

test("CoGroup with keys, a rate, retries and an abort: no window too full, no key twice at once, and the books balance", async () => {
  using time = new FakeTime();
  const starts: number[] = [];
  const running = new Set<number>();
  const group = new CoGroup({
    concurrency: 8,
    queue: keyedQueue(),
    governor: rateLimit({ limit: 5, interval: 100 }),
    retry: { maxAttempts: 3, minTimeout: 30, jitter: 0 },
    onError: () => {},
  });
  for (const n of range(60)) {
    const key = n % 7;
    group.add(async ({ attempt }) => {
      assert(!running.has(key), "two of one key");
      running.add(key);
      starts.push(Date.now());
      await new Promise((resolve) => setTimeout(resolve, 10));
      running.delete(key);
      if ((n + attempt) % 3 === 0) throw new Error("sometimes");
    }, { key });
  }
  for (let i = 0; i < 60; i++) {
    await settled();
    assertBooks(group);
    await time.tickAsync(10);
  }
  group.abort();
  assertBooks(group);
  for (let i = 0; i < 3; i++) {
    await settled();
    await time.tickAsync(10);
  }
  await settled();
  const abandoned = await group.wait();
  assertEquals(group.stats.accepted, 60);
  assert(abandoned > 0 && group.stats.retried > 0);
  for (const [i, start] of starts.entries()) {
    const window = starts.slice(i).filter((other) => other < start + 100);
    assert(window.length <= 5, `${window.length} in one window`);
  }
});

const broken: Record<string, Partial<Governor>> = {
  "whose tryAcquire throws": {
    tryAcquire: () => {
      throw new TypeError("broken");
    },
  },
  "whose acquire throws": {
    acquire: () => {
      throw new TypeError("broken");
    },
  },
  "whose acquire rejects": {
    acquire: () => Promise.reject(new TypeError("broken")),
  },
  "that gives no permit": {
    acquire: () => Promise.resolve(5 as unknown as Permit),
  },
  "that tries and gives no permit": {
    tryAcquire: () => ({}) as unknown as Permit,
  },
};

for (const [what, parts] of Object.entries(broken)) {
  test(`CoGroup under a governor ${what} is aborted with that error, which is printed: no hang`, async () => {
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (reason: unknown) => printed.push(reason);
    try {
      const governor: Governor = {
        tryAcquire: () => undefined,
        acquire: () => new Promise(() => {}),
        ...parts,
      };
      const group = new CoGroup({ concurrency: 2, governor });
      for (const _ of range(3)) group.add(() => {});
      const promise = group.go(() => {});
      assertInstanceOf(
        await promise.catch((reason) => reason),
        TypeError,
      );
      assertEquals(await group.wait(), 4);
      assertEquals(printed, [group.signal.reason]);
      assertBooks(group);
    } finally {
      console.error = error;
    }
  });
}

test("CoGroup under a governor whose permit throws when it is released: the task keeps its result, the group is aborted", async () => {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (reason: unknown) => printed.push(reason);
  try {
    const why = new Error("release");
    const governor: Governor = {
      tryAcquire: () => ({
        release: () => {
          throw why;
        },
        [Symbol.dispose]: () => {},
      }),
      acquire: () => new Promise(() => {}),
    };
    const group = new CoGroup({ concurrency: 1, governor });
    const first = group.go(() => "result");
    const second = group.go(() => assert(false, "started"));
    assertEquals(await first, "result");
    assertStrictEquals(await second.catch((reason) => reason), why);
    assertEquals(await group.wait(), 1);
    assertEquals(printed, [why]);
  } finally {
    console.error = error;
  }
});

test("new CoGroup() with a governor that is none is a TypeError that says what is missing", () => {
  const wrong = (governor: unknown, message: string) =>
    assertThrows(
      () => new CoGroup({ concurrency: 1, governor } as CoGroupOptions),
      TypeError,
      message,
    );
  wrong(null, "governor must be a Governor, received null");
  wrong({}, "governor.acquire must be a function, received undefined");
  wrong(
    { tryAcquire: 1, acquire: () => {} },
    "governor.tryAcquire must be a function, received 1",
  );
});

test("CoGroup.concurrency set up under a queue that is full of keys starts at once; set down lets what runs end", async () => {
  const group = new CoGroup({ concurrency: 1, queue: keyedQueue() });
  const tasks = new Tasks();
  const ids: number[] = [];
  for (const n of range(6)) {
    const run = tasks.task(n);
    group.add(({ workerId }) => {
      ids.push(workerId);
      return run();
    }, { key: n });
  }
  await settled();
  group.concurrency = 3;
  await settled();
  assertEquals(tasks.most, 3);
  group.concurrency = 2;
  tasks.open(0);
  await settled();
  assertEquals(tasks.started.length, 3);
  tasks.openAll();
  await group.wait();
  assertEquals(tasks.most, 3);
  assert(ids.every((id) => id < 3));
});

test("CoGroup that finds nothing to start after all gives its permit back at once", async () => {
  for (const what of ["pause", "withdraw"] as const) {
    const governor = new Watched(1);
    const controller = new AbortController();
    const ask = governor.tryAcquire.bind(governor);
    const group = new CoGroup({ concurrency: 1, governor });
    governor.tryAcquire = () => {
      if (what === "pause") group.pause();
      else controller.abort();
      return ask();
    };
    group.add(() => {}, { signal: controller.signal });
    await settled();
    assertEquals([governor.held, governor.released], [0, [false]]);
    governor.tryAcquire = ask;
    group.resume();
    await group.wait();
    assertEquals(governor.held, 0);
  }
});

/** A governor that never looks at the signal of those who wait. */
function deaf(): {
  governor: Governor;
  waiting: ReturnType<typeof gate<Permit>>[];
} {
  const waiting: ReturnType<typeof gate<Permit>>[] = [];
  const acquire = () => {
    waiting.push(gate());
    return waiting.at(-1)!.promise;
  };
  return { governor: { tryAcquire: () => undefined, acquire }, waiting };
}

test("CoGroup that has nothing to start any more gives back what a deaf governor grants, and goes on", async () => {
  const { governor, waiting } = deaf();
  const group = new CoGroup({ concurrency: 1, governor });
  const controller = new AbortController();
  const { signal } = controller;
  group.add(() => assert(false, "started"), { signal });
  await settled();
  controller.abort();
  await settled();
  const released: string[] = [];
  const permit = (name: string): Permit => ({
    release: (failed) => void released.push(`${name} ${failed}`),
    [Symbol.dispose]: () => {},
  });
  const tasks = new Tasks();
  const result = group.go(tasks.task("task"));
  await settled();
  waiting[0]!.open(permit("first"));
  await settled();
  assertEquals([released, tasks.started], [["first false"], []]);
  waiting[1]!.open(permit("second"));
  await settled();
  assertEquals(tasks.started, ["task"]);
  tasks.open("task");
  await result;
  await group.wait();
  assertEquals(released, ["first false", "second false"]);
});

test("CoGroup that has nothing to start any more does not hear of a governor that fails then", async () => {
  const { governor, waiting } = deaf();
  const group = new CoGroup({ concurrency: 1, governor });
  const controller = new AbortController();
  group.add(() => {}, { signal: controller.signal });
  await settled();
  controller.abort();
  await settled();
  waiting[0]!.fail("gone");
  await settled();
  assertEquals(group.signal.aborted, false);
  await group.wait();
});

test("CoGroup under a governor that throws does not ask it for anything more", async () => {
  const { error } = console;
  console.error = () => {};
  try {
    let asked = 0;
    const governor: Governor = {
      tryAcquire: () => {
        throw "broken";
      },
      acquire: () => {
        asked++;
        return new Promise(() => {});
      },
    };
    const group = new CoGroup({ concurrency: 1, governor });
    group.add(() => {});
    assertEquals([await group.wait(), asked], [1, 0]);
  } finally {
    console.error = error;
  }
});

test("CoGroup under a governor whose waive() throws is aborted with that error", async () => {
  const { error: print } = console;
  const printed: unknown[] = [];
  console.error = (error) => printed.push(error);
  try {
    const error = new Error("no way back");
    const group: CoGroup = new CoGroup({
      concurrency: 1,
      governor: {
        tryAcquire: () => {
          group.pause();
          return {
            release() {},
            waive: () => {
              throw error;
            },
            [Symbol.dispose]() {},
          };
        },
        acquire: () => new Promise(() => {}),
      },
    });
    group.add(() => {});
    await settled();
    assertStrictEquals(group.signal.reason, error);
    assertEquals([printed, await group.wait()], [[error], 1]);
  } finally {
    console.error = print;
  }
});

test("CoGroup under a governor that gives no permit says so", async () => {
  const { error } = console;
  console.error = () => {};
  try {
    for (const given of [null, 5]) {
      const { governor, waiting } = deaf();
      const group = new CoGroup({ concurrency: 1, governor });
      group.add(() => {});
      await settled();
      waiting[0]!.open(given as unknown as Permit);
      await group.wait();
      assertEquals(
        group.signal.reason.message,
        `Cannot acquire permit: what the governor gives must be a Permit, received ${given}`,
      );
    }
  } finally {
    console.error = error;
  }
});

test("CoGroup whose worker has ended has room for an insert that waits, though the governor gives the permit to another", async () => {
  const governor = new Semaphore(1);
  const tasks = new Tasks();
  const group = new CoGroup({ concurrency: 1, capacity: 1, governor });
  const first = group.go(tasks.task("first"));
  await settled();
  const other = governor.acquire();
  group.add(tasks.task("second"));
  let isIn = false;
  group.insert(tasks.task("third")).then((is) => isIn = is);
  await settled();
  assertEquals(isIn, false);
  tasks.open("first");
  await first;
  const permit = await other;
  await settled();
  assertEquals([tasks.started, isIn], [["first"], true]);
  permit.release();
  tasks.openAll();
  await group.wait();
});

for (
  const [kind, governor] of Object.entries({
    "Semaphore": new Semaphore(1),
    "rateLimit()": rateLimit({ limit: 1, interval: 1e6 }),
    "adaptiveLimit()": adaptiveLimit({ max: 1 }),
    "governor of one's own": new Watched(1),
  })
) {
  test(`CoGroup whose queue throws as a task is to start gives its permit of a ${kind} back`, async () => {
    const why = new Error("the queue's");
    const queue = fifoQueue<QueuedTask>();
    const shift = queue.shift.bind(queue);
    queue.shift = () => {
      queue.shift = shift;
      throw why;
    };
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (...args) => void printed.push(...args);
    try {
      const group = new CoGroup({ concurrency: 1, governor, queue });
      group.add(() => {});
      assertEquals(await group.wait(), 1);
      assertStrictEquals(group.signal.reason, why);
    } finally {
      console.error = error;
    }
    assertEquals(printed, [why]);
    await settled();
    assert(governor.tryAcquire!(), "the permit is lost");
  });
}

test("CoGroup that a governor's code resumes, as the group leaves its line, looks once more", async () => {
  let asked = 0;
  const permit = { release: () => {}, [Symbol.dispose]: () => {} };
  const governor: Governor = {
    acquire: ({ signal } = {}) => {
      signal!.addEventListener("abort", () => group.resume());
      return ++asked === 1 ? new Promise(() => {}) : Promise.resolve(permit);
    },
  };
  const group = new CoGroup({ concurrency: 1, governor });
  const ran = group.go(() => "ran");
  await settled();
  group.pause();
  assertEquals([await ran, asked], ["ran", 2]);
  await group.wait();
});
