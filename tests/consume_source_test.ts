/**
 * How messages come in: room, what is held ahead, close and abort, sources that end or
 * break, and sources that are async iterables.
 */

import { CoGroup, droppingQueue, slidingQueue } from "../mod.ts";
import {
  consume,
  type ConsumeOptions,
  type Message,
  type Receive,
} from "../src/consume/mod.ts";
import { after, bedTest } from "./support/consume.ts";
import type { EngineMessage } from "./support/engine.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { gate, microtasks, range, settled } from "./support/helpers.ts";
import { assert, assertEquals, assertThrows } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A message that logs its answers. */
function message(id: unknown, log: string[]): Message & { id: unknown } {
  return {
    id,
    ack: () => void log.push(`ack ${id}`),
    nak: (ms) => void log.push(`nak ${id}${ms === undefined ? "" : ` ${ms}`}`),
    term: () => void log.push(`term ${id}`),
  };
}

bedTest(
  "consume asks for as many messages as there are workers",
  async (bed) => {
    bed.publish(7);
    bed.consume(() => after(100), {}, { concurrency: 3 });
    await bed.run(50);
    assertEquals(bed.engine.seen("receive"), ["receive 3"]);
    assertEquals(bed.group.inFlight, 3);
    await bed.run(500);
    assertEquals(bed.books, { received: 7, acked: 7 });
  },
);

bedTest(
  "ahead: so many more are held, and asked for again when half of them is used",
  async (bed) => {
    bed.publish(40);
    bed.consume(({ id }) => after(id * 10), { ahead: 8 }, { concurrency: 2 });
    await bed.run(1);
    assertEquals(bed.consumption.stats.held, 10);
    await bed.run(5000);
    const rooms = bed.engine.seen("receive").map((line) =>
      Number(line.split(" ")[1])
    );
    assertEquals(rooms[0], 10);
    assert(rooms.slice(1).every((room) => room >= 4), `${rooms}`);
    assertEquals(bed.books, { received: 40, acked: 40 });
  },
);

bedTest("A larger concurrency asks for more at once", async (bed) => {
  bed.publish(5);
  bed.consume(() => after(1000), {}, { concurrency: 2 });
  await bed.run(10);
  bed.group.concurrency = 4;
  await bed.run(10);
  assertEquals(bed.engine.seen("receive"), ["receive 2", "receive 2"]);
  assertEquals(bed.group.inFlight, 4);
});

bedTest("A paused group asks for nothing, until it goes on", async (bed) => {
  bed.publish(5);
  bed.consume(() => "done", {}, { paused: true });
  await bed.run(10);
  assertEquals(bed.engine.log, []);
  bed.group.resume();
  await bed.run(10);
  assertEquals(bed.books, { received: 5, acked: 5 });
});

test("A group without a limit asks for ten thousand at once", async () => {
  const rooms: number[] = [];
  const group = new CoGroup(Infinity);
  const consumption = consume(group, (room) => {
    rooms.push(room);
    consumption.close();
    return [];
  }, () => {});
  await consumption.wait();
  assertEquals(rooms, [10_000]);
});

bedTest(
  "An abort gives back at once what is queued or delayed; what is in flight runs, and is acked",
  async (bed) => {
    bed.publish(6);
    bed.consume(
      ({ id }, { attempt }) => {
        if (id === 1 && attempt === 1) throw new Error("not yet");
        return after(1000);
      },
      { ahead: 4, inPlace: true, retry: { minTimeout: 5000, jitter: 0 } },
      { concurrency: 2 },
    );
    await bed.run(100);
    assertEquals([bed.group.stats.delayed, bed.group.inFlight], [1, 2]);
    bed.group.abort();
    assertEquals(bed.engine.seen("nak"), [
      "nak 4 #1 0",
      "nak 5 #1 0",
      "nak 6 #1 0",
      "nak 1 #1 0",
    ]);
    await bed.run(2000);
    assertEquals(bed.engine.seen("ack"), ["ack 2 #1", "ack 3 #1"]);
    assertEquals(bed.books, { received: 6, acked: 2, returned: 4 });
  },
);

bedTest(
  "A failure in place after an abort is given back with its delay",
  async (bed) => {
    bed.publish(1);
    bed.consume(async () => {
      await after(100);
      throw new Error("broken");
    }, { inPlace: true });
    await bed.run(50);
    bed.group.abort();
    await bed.run(100);
    assertEquals(bed.engine.seen("nak"), ["nak 1 #1 100"]);
    assertEquals(bed.books, { received: 1, retried: 1 });
  },
);

bedTest(
  "A handler that the abort has told to end has not failed: its message is given back at once",
  async (bed) => {
    bed.publish(1);
    bed.consume(
      (_, { signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener(
            "abort",
            () => reject(new Error("interrupted")),
          )
        ),
      { retry: { maxAttempts: 1 } },
      { grace: 100 },
    );
    await bed.run(50);
    bed.group.abort();
    await bed.run(100);
    assertEquals(bed.engine.seen("nak", "term"), ["nak 1 #1 0"]);
    assertEquals(bed.books, { received: 1, returned: 1 });
  },
);

bedTest(
  "close() of the group asks for no more; what is held runs, and is acked",
  async (bed) => {
    bed.publish(9);
    bed.consume(() => after(100), { ahead: 3 }, { concurrency: 2 });
    await bed.run(50);
    bed.group.close();
    await bed.run(1000);
    assertEquals(bed.books, { received: 5, acked: 5 });
    assertEquals(bed.engine.seen("deliver").length, 5);
  },
);

bedTest(
  "Consumption.close does the same for its messages alone: the group goes on",
  async (bed) => {
    bed.publish(9);
    bed.consume(() => after(100), { ahead: 3 }, { concurrency: 2 });
    await bed.run(50);
    bed.consumption.close();
    bed.consumption.close();
    await bed.run(1000);
    assertEquals(bed.books, { received: 5, acked: 5 });
    assertEquals(bed.group.closed, false);
  },
);

bedTest(
  "A message in place goes on after a close, until it has its end",
  async (bed) => {
    bed.publish(1);
    bed.consume((_, { attempt }) => {
      if (attempt === 1) throw new Error("not yet");
    }, { inPlace: true });
    await bed.run(50);
    bed.group.close();
    await bed.run(1000);
    assertEquals(bed.runs, ["1 1", "1 2"]);
    assertEquals(bed.books, { received: 1, acked: 1 });
  },
);

bedTest(
  "What is received when the intake has ended is given back when it arrives",
  async (bed) => {
    bed.publish(4);
    bed.engine.fault = (call) =>
      call === "receive" ? { after: 100 } : undefined;
    bed.consume(() => "done", {}, { concurrency: 2 });
    await bed.run(50);
    bed.group.abort();
    await bed.run(100);
    assertEquals(bed.engine.seen("nak"), ["nak 1 #1 0", "nak 2 #1 0"]);
    assertEquals(bed.books, { received: 2, returned: 2 });
  },
);

test("On a closed group nothing is asked for, and the consumption has ended", async () => {
  const group = new CoGroup(1);
  group.close();
  let asked = 0;
  const consumption = consume(group, () => [asked++] as never, () => {});
  await consumption.wait();
  assertEquals(asked, 0);
});

bedTest(
  "A source that says at once that there is nothing is asked ten times a second",
  async (bed) => {
    const times: number[] = [];
    let isClosed = false;
    const receive: Receive<EngineMessage> = () => {
      times.push(bed.clock.now);
      return [];
    };
    bed.consume(() => {});
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const consumption = consume(group, receive, () => {});
    const ended = consumption.wait().then(() => isClosed = true);
    await bed.run(450);
    assertEquals(times, [0, 100, 200, 300, 400]);
    group.close();
    await microtasks();
    assert(isClosed);
    await ended;
  },
);

bedTest(
  "A source that waits before it says that there is nothing is asked again at once",
  async (bed) => {
    const times: number[] = [];
    const receive = async () => {
      times.push(bed.clock.now);
      await after(100);
      return [];
    };
    bed.consume(() => {});
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const consumption = consume(group, receive, () => {});
    await bed.run(550);
    assertEquals(times, [0, 100, 200, 300, 400, 500]);
    group.close();
    await bed.run(100);
    await consumption.wait();
  },
);

bedTest(
  "A receive that rejects ends the consumption, after what is held; onError hears of it",
  async (bed) => {
    bed.publish(2);
    let calls = 0;
    bed.engine.fault = (call) =>
      call === "receive" && calls++ > 0 ? { answer: "fail" } : undefined;
    bed.consume(() => after(100), {}, { concurrency: 4 });
    let isOver = false;
    const ended = bed.consumption.wait().then(() => isOver = true);
    await bed.run(50);
    assertEquals(bed.errors, [["receive 0 failed", undefined]]);
    assertEquals(isOver, false);
    await bed.run(100);
    await ended;
    assertEquals(bed.books, { received: 2, acked: 2 });
    assertEquals(bed.group.closed, false);
  },
);

test("A receive that throws, or gives what is no iterable, ends the consumption", async () => {
  for (
    const [receive, error] of [
      [() => {
        throw new Error("no engine");
      }, "no engine"],
      [
        () => 7 as never,
        "Cannot consume: what receive gives must be an iterable, received 7",
      ],
    ] as [Receive<Message>, string][]
  ) {
    const errors: unknown[] = [];
    const onError = (thrown: unknown) => errors.push((thrown as Error).message);
    const options = { onError };
    const consumption = consume(new CoGroup(1), receive, () => {}, options);
    assertEquals(consumption.error, undefined);
    await consumption.wait();
    assertEquals(errors, [error]);
    const { message, cause } = consumption.error!;
    assertEquals(message, "The source is broken");
    assertEquals((cause as Error).message, error);
  }
});

test("A receive that rejects because it was told to end is no error; with anything else onError hears of it", async () => {
  const interrupted = new DOMException("interrupted", "AbortError");
  for (const what of [undefined, interrupted, "a bug", null]) {
    const errors: unknown[] = [];
    const group = new CoGroup(1);
    const consumption = consume(
      group,
      (_, signal) =>
        new Promise<never>((_, reject) =>
          signal.addEventListener(
            "abort",
            () => reject(what === undefined ? signal.reason : what),
          )
        ),
      () => {},
      { onError: (error) => errors.push(error) },
    );
    await settled();
    group.abort("enough");
    await consumption.wait();
    const isBug = what === "a bug" || what === null;
    assertEquals(errors, isBug ? [what] : []);
    assertEquals(consumption.error, undefined);
  }
});

test("After close() or an abort receive is not called: neither for the first time nor when there is room again", async () => {
  for (const end of ["close", "abort"] as const) {
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    let asked = 0;
    const receive = () => {
      asked++;
      return [message(1, [])];
    };
    consume(group, receive, () => {}).close();
    await microtasks();
    assertEquals(asked, 0);
    for (const n of range(12)) {
      asked = 0;
      const other = new CoGroup({ concurrency: 1, slice: Infinity });
      const { promise, open } = gate();
      const consumption = consume(other, receive, () => promise);
      const ended = Promise.resolve().then(() => promise).then(async () => {
        for (let i = 0; i < n; i++) await undefined;
        if (end === "close") consumption.close();
        else other.abort();
        asked = 0;
      });
      await microtasks();
      assertEquals(asked, 1);
      open();
      await ended;
      await consumption.wait();
      assertEquals(asked, 0);
    }
  }
});

test("wait() waits for the clean-up of an async iterable", async () => {
  const log: string[] = [];
  const { promise, open } = gate();
  async function* source() {
    try {
      for (;;) yield await Promise.resolve(message(1, log));
    } finally {
      log.push("leaves");
      await promise;
      log.push("has left");
    }
  }
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const handling = gate();
  const consumption = consume(group, source(), () => handling.promise);
  await microtasks();
  consumption.close();
  handling.open();
  const ended = consumption.wait().then(() => log.push("ended"));
  await microtasks();
  assertEquals(log, ["leaves", "ack 1"]);
  open();
  await ended;
  assertEquals(log, ["leaves", "ack 1", "has left", "ended"]);
});

test("The signal of receive has the reason of the abort, or a CoGroupClosedError", async () => {
  const reasons: unknown[] = [];
  for (const end of ["abort", "close"] as const) {
    const group = new CoGroup(1);
    const consumption = consume(
      group,
      (_, signal) =>
        new Promise<[]>((resolve) =>
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason.name ?? signal.reason);
            resolve([]);
          })
        ),
      () => {},
    );
    await settled();
    group[end]("enough" as never);
    await consumption.wait();
  }
  assertEquals(reasons, ["enough", "CoGroupClosedError"]);
});

test("An async iterable is pulled one by one, as there is room, and closed at the end", async () => {
  const log: string[] = [];
  const gates = range(5).map(() => gate());
  async function* source() {
    try {
      for (const id of range(5)) {
        log.push(`pull ${id}`);
        yield await Promise.resolve(message(id, log));
      }
      await gate().promise; // There are no more, for now.
    } finally {
      log.push("closed");
    }
  }
  const group = new CoGroup({ concurrency: 2, slice: Infinity });
  const consumption = consume(
    group,
    source(),
    ({ id }) => gates[id as number]!.promise,
  );
  await microtasks();
  assertEquals(log, ["pull 0", "pull 1"]);
  gates[1]!.open();
  await microtasks();
  assertEquals(log.slice(2), ["ack 1", "pull 2"]);
  group.close();
  await microtasks();
  assertEquals(log.at(-1), "closed");
  for (const { open } of gates) open();
  await consumption.wait();
  assertEquals(log.slice(-2), ["ack 0", "ack 2"]);
});

test("An async iterable that ends has ended the consumption, and not the group", async () => {
  const log: string[] = [];
  async function* source() {
    yield await Promise.resolve(message(1, log));
  }
  const group = new CoGroup(1);
  const consumption = consume(group, source(), () => {});
  await consumption.wait();
  assertEquals(log, ["ack 1"]);
  assertEquals(group.closed, false);
  consumption.close();
});

test("An async iterable that throws, and one whose clean-up does, is told to onError once", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  async function* broken() {
    yield await Promise.reject("broken");
  }
  await consume(new CoGroup(1), broken(), () => {}, { onError }).wait();
  async function* unclean() {
    try {
      yield await Promise.resolve(message(1, []));
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw "unclean";
    }
  }
  const group = new CoGroup(1);
  const consumption = consume(group, unclean(), () => group.close(), {
    onError,
  });
  await consumption.wait();
  assertEquals(errors, ["broken", "unclean"]);
});

test("A source that does not heed its end is waited for half a second, and what it gives then is given back", async () => {
  const clock = new FakeClock("timers", "performance");
  using _ = clock.use();
  for (const kind of ["receive", "batch", "iterable"]) {
    const log: string[] = [];
    const late = gate<Message>();
    const messages: AsyncIterable<Message> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          late.promise.then((value) => ({ value, done: log.length > 1 })),
        return: () => {
          log.push("return");
          return new Promise(() => {});
        },
      }),
    };
    const source = {
      receive: () => late.promise.then((message) => [message]),
      batch: () => messages,
      iterable: messages,
    }[kind]!;
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const consumption = consume(group, source, () => {});
    let isOver = false;
    const ended = consumption.wait().then(() => isOver = true);
    await clock.run(10);
    group.close();
    await clock.run(499);
    assertEquals(isOver, false);
    await clock.run(1);
    await ended;
    assertEquals(log, kind === "receive" ? [] : ["return"]);
    late.open(message(kind, log));
    await clock.run(1);
    const naks = log.filter((line) => line !== "return");
    assertEquals(naks, [`nak ${kind}`]);
    const returns = kind === "receive" ? 0 : 1;
    assertEquals(log.length - naks.length, returns);
    assertEquals(consumption.stats.returned, 1);
  }
  assertEquals(clock.timers, 0);
});

test("An async iterable that ends when it is left is not waited for any longer", async () => {
  const clock = new FakeClock("timers", "performance");
  using _ = clock.use();
  const { promise, open } = gate<IteratorResult<Message>>();
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => promise,
      return() {
        open({ value: undefined, done: true });
        return promise;
      },
    }),
  };
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const consumption = consume(group, source, () => {});
  await clock.run(10);
  group.close();
  await consumption.wait();
  assertEquals([clock.now, clock.timers], [10, 0]);
});

test("A source that has ended by itself is not left", async () => {
  let left = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ value: undefined, done: true as const }),
      return: () => Promise.resolve({ value: left++, done: true as const }),
    }),
  };
  await consume<Message>(new CoGroup(1), source, () => {}).wait();
  assertEquals(left, 0);
});

test("A receive that hears of the end may still give what is on its way: that is given back", async () => {
  const log: string[] = [];
  const group = new CoGroup({ concurrency: 4, slice: Infinity });
  async function* receive(_: number, signal: AbortSignal) {
    yield message("first", log);
    await new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve())
    );
    yield message("second", log);
    yield message("third", log);
  }
  const consumption = consume(group, receive, () => {});
  await microtasks();
  group.close();
  await consumption.wait();
  assertEquals(log, ["ack first", "nak second", "nak third"]);
});

bedTest(
  "An end while a source that had nothing is left alone leaves no timer, and waits for none",
  async (bed) => {
    for (const when of ["in the pause", "before it"]) {
      const group = new CoGroup({ concurrency: 1, slice: Infinity });
      const { promise, open } = gate<[]>();
      const receive = () => when === "before it" ? promise : [];
      const consumption = consume<Message>(group, receive, () => {});
      await bed.run(10);
      const { now } = bed.clock;
      group.close();
      open([]);
      await consumption.wait();
      assertEquals([bed.clock.now - now, bed.clock.timers], [0, 0]);
    }
    bed.consume(() => {});
  },
);

test("A receive that gives more than there is room for is read one by one, as there is room", async () => {
  const log: string[] = [];
  let pulled = 0;
  async function* endless() {
    try {
      for (;;) yield await Promise.resolve(message(++pulled, log));
    } finally {
      log.push("closed");
    }
  }
  const { promise, open } = gate();
  const group = new CoGroup({ concurrency: 2, slice: Infinity });
  const consumption = consume(group, () => endless(), () => promise);
  await microtasks();
  assertEquals(pulled, 2);
  group.close();
  await microtasks();
  assertEquals(log, ["closed"]);
  open();
  await consumption.wait();
  assertEquals(log, ["closed", "ack 1", "ack 2"]);
});

test("An array that has more than there is room for is taken whole: at the end what has not started is given back", async () => {
  const log: string[] = [];
  const { promise, open } = gate();
  const group = new CoGroup({ concurrency: 2, slice: Infinity });
  const all = range(5).map((n) => message(n, log));
  const consumption = consume(group, () => all.splice(0), () => promise);
  await microtasks();
  assertEquals(consumption.stats.held, 5);
  group.abort();
  await microtasks();
  assertEquals(log, ["nak 2", "nak 3", "nak 4"]);
  open();
  await consumption.wait();
  assertEquals(log.slice(3), ["ack 0", "ack 1"]);
});

test("Message by message: a sync iterable, an async one, and a promise of each are what receive may give", async () => {
  const log: string[] = [];
  async function* async() {
    yield await Promise.resolve(message("async", log));
  }
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  const answers = [
    () => new Set([message("sync", log)]),
    () => Promise.resolve([message("promise", log)]),
    () => async(),
    () => Promise.resolve(async()),
  ];
  const consumption = consume<Message>(group, () => {
    const answer = answers.shift();
    if (answer !== undefined) return answer();
    consumption.close();
    return [];
  }, () => {});
  await consumption.wait();
  assertEquals(log, ["ack sync", "ack promise", "ack async", "ack async"]);
});

test("consume refuses a group whose queue drops or evicts: what it drops would go back and forth", () => {
  for (const lossy of [droppingQueue, slidingQueue]) {
    const group = new CoGroup({ concurrency: 1, queue: lossy(1) });
    assertThrows(
      () => consume(group, () => [] as Message[], () => {}),
      TypeError,
      "Cannot consume: group must be one whose queue neither evicts nor refuses what it is given",
    );
  }
});

test("A group that a user's function ends, while a message is queued, gives that back", async () => {
  const log: string[] = [];
  const group = new CoGroup(1);
  async function* source() {
    yield await Promise.resolve(message(1, log));
  }
  const consumption = consume(group, source(), () => {}, {
    priority: () => (group.abort(), 0),
  });
  await consumption.wait();
  assertEquals(log, ["nak 1"]);
});

test("What is no message goes to onError, and is given back if it can be; the rest goes on", async () => {
  const log: string[] = [];
  const nak = (ms?: number) => void log.push(`nak ${ms}`);
  const cases: [bad: unknown, error: string, isGivenBack: boolean][] = [
    [null, "message must be an object, received null", false],
    ["x", 'message must be an object, received "x"', false],
    [{ ack() {} }, "message.nak must be a function, received undefined", false],
    [{ nak }, "message.ack must be a function, received undefined", true],
    [
      { ack() {}, nak, term: "no" },
      'message.term must be a function, received "no"',
      true,
    ],
    [
      { ack() {}, nak, working: 7 },
      "message.working must be a function, received 7",
      true,
    ],
    ...[0, -1, 1.5, NaN, "2"].map((count) =>
      [
        { ack() {}, nak, info: { deliveryCount: count } },
        "message.info.deliveryCount must be a positive integer or Infinity, " +
        `received ${typeof count === "string" ? '"2"' : count}`,
        true,
      ] as [unknown, string, boolean]
    ),
  ];
  for (const [bad, error, isGivenBack] of cases) {
    log.length = 0;
    const errors: string[] = [];
    const batches = [[bad, message("good", log)]];
    const consumption = consume<Message>(
      new CoGroup(2),
      () => {
        if (batches.length === 0) consumption.close();
        return batches.shift() as Message[] ?? [];
      },
      () => {},
      {
        lease: 5000,
        onError: (error, which) => {
          assertEquals(which, bad);
          errors.push((error as Error).message);
        },
      },
    );
    await consumption.wait();
    assertEquals(errors, [`Cannot consume: ${error}`]);
    const naks = isGivenBack ? ["nak 5000"] : [];
    assertEquals(log, [...naks, "ack good"]);
    const { received, acked } = consumption.stats;
    assertEquals([received, acked], [1, 1]);
  }
});

bedTest(
  "A source that gives nothing but what is no message is asked ten times a second",
  async (bed) => {
    let asked = 0;
    bed.consume(() => {});
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const receive = () => [asked++] as never;
    const consumption = consume(group, receive, () => {}, { onError() {} });
    await bed.run(450);
    assertEquals(asked, 5);
    consumption.close();
    await consumption.wait();
  },
);

test("A message may have null in place of what it has not, a bigint as its count, and ackAck alone", async () => {
  const attempts: number[] = [];
  async function* source() {
    yield await Promise.resolve({
      ackAck: () => Promise.resolve(true),
      nak() {},
      term: null,
      working: null,
      info: { deliveryCount: 2n },
    } as never as Message);
    yield { ack() {}, nak() {}, ackAck: null, info: null } as never as Message;
  }
  const consumption = consume(
    new CoGroup(1),
    source(),
    (_, { attempt }) => void attempts.push(attempt),
  );
  await consumption.wait();
  assertEquals(attempts, [2, 1]);
  assertEquals(consumption.stats.acked, 2);
});

test("clear() leaves the messages where they are: they belong to their engine", async () => {
  const log: string[] = [];
  const { promise, open } = gate();
  const group = new CoGroup({ concurrency: 1, slice: Infinity });
  async function* source() {
    for (const id of range(3)) yield await Promise.resolve(message(id, log));
  }
  const consumption = consume(group, source(), () => promise, { ahead: 2 });
  await microtasks();
  group.add(() => log.push("a task"));
  assertEquals(group.size, 3);
  assertEquals(group.clear().length, 1);
  open();
  await consumption.wait();
  assertEquals(log, ["ack 0", "ack 1", "ack 2"]);
});

test("wait() waits until the engine has every answer, also those of an abort, but for a lease at most", async () => {
  const clock = new FakeClock("timers", "performance");
  using _ = clock.use();
  for (const [delay, over] of [[200, 200], [Infinity, 3000]] as const) {
    const nak = () => delay < Infinity ? after(delay) : new Promise(() => {});
    const group = new CoGroup({
      concurrency: 1,
      slice: Infinity,
      paused: false,
    });
    const { promise, open } = gate();
    const messages = range(2).map(() => ({ ack() {}, nak }));
    const receive = (room: number) => messages.splice(0, room);
    const errors: unknown[] = [];
    const consumption = consume(group, receive, () => promise, {
      ahead: 1,
      lease: 3000,
      onError: (error) => errors.push(error),
    });
    let isOver = false;
    consumption.wait().then(() => isOver = true);
    await clock.run(10);
    group.abort();
    open();
    await clock.run(over - 1);
    assertEquals(isOver, false);
    await clock.run(1);
    assertEquals(isOver, true);
    assertEquals(errors.length, delay < Infinity ? 0 : 1);
    assertEquals(consumption.stats.returned, 1);
  }
});

for (const how of ["the source has ended", "closed", "aborted"]) {
  test(`wait() waits until the last nak is answered: ${how}`, async () => {
    const log: string[] = [];
    const { promise, open } = gate();
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const nak = async () => {
      log.push("nak");
      await promise;
      log.push("answered");
    };
    async function* source() {
      yield await Promise.resolve({ ack() {}, nak });
      if (how !== "the source has ended") await gate().promise;
    }
    const failing = gate();
    const consumption = consume(group, source(), async () => {
      await failing.promise;
      throw new Error("broken");
    }, { inPlace: how === "aborted" });
    if (how === "aborted") failing.open();
    await microtasks();
    if (how === "aborted") group.abort();
    if (how === "closed") consumption.close();
    failing.open();
    const ended = consumption.wait().then(() => log.push("ended"));
    await microtasks();
    assertEquals(log, ["nak"]);
    open();
    await ended;
    assertEquals(log, ["nak", "answered", "ended"]);
  });
}

test("Two consumptions of one group share its workers, and each has its own books", async () => {
  const log: string[] = [];
  const group = new CoGroup(2);
  async function* source(name: string) {
    for (const id of range(3)) {
      yield await Promise.resolve(message(`${name}${id}`, log));
    }
  }
  const [a, b] = ["a", "b"].map((name) =>
    consume(group, source(name), () => Promise.resolve())
  );
  await Promise.all([a!.wait(), b!.wait()]);
  assertEquals([a!.stats.acked, b!.stats.acked], [3, 3]);
  assertEquals(log.length, 6);
});

test("After a reset the group can consume again", async () => {
  const log: string[] = [];
  async function* source() {
    yield await Promise.resolve(message(1, log));
  }
  const group = new CoGroup(1);
  await consume(group, source(), () => {}).wait();
  await group.reset();
  await consume(group, source(), () => {}).wait();
  assertEquals(log, ["ack 1", "ack 1"]);
});

test("A source that always has more at hand lets the event loop turn", async () => {
  const group = new CoGroup({ concurrency: 4, slice: 1 });
  let turned = false;
  const consumption = consume(
    group,
    () => range(4).map((id) => message(id, [])),
    () => Promise.resolve(),
  );
  setTimeout(() => {
    turned = true;
    consumption.close();
  }, 1);
  await consumption.wait();
  assert(turned);
});

for (const room of ["concurrency", "ahead"] as const) {
  for (const kind of ["receive", "iterable"] as const) {
    test(`A source that always has more at hand lets the event loop turn, though ${room} is Infinity: ${kind}`, async () => {
      const isEndless = room === "concurrency";
      const group = new CoGroup({
        concurrency: isEndless ? Infinity : 1,
        slice: 1,
      });
      async function* endless() {
        for (;;) yield message(1, []); // No wait.
      }
      const source = kind === "receive"
        ? () => [message(1, [])]
        : { [Symbol.asyncIterator]: endless };
      const options = { ahead: isEndless ? 0 : Infinity };
      const consumption = consume<Message>(group, source, () => {}, options);
      let turns = 0;
      const turn = () => {
        if (++turns === 5) consumption.close();
        else setTimeout(turn, 1);
      };
      setTimeout(turn, 1);
      await consumption.wait();
      assertEquals(turns, 5);
      await group.wait();
    });
  }
}

test("Very many beats, and what an abort gives back, let the event loop turn in between", async () => {
  const turnedWithin: Record<string, boolean> = {};
  const calls: Record<string, number> = {};
  const slowly = (what: string) => {
    const end = performance.now() + 1;
    while (performance.now() < end); // It takes its time.
    calls[what] = (calls[what] ?? 0) + 1;
    if (calls[what] > 1) return;
    setTimeout(() => {
      turnedWithin[what] = calls[what]! < 99;
      if (what === "working") group.abort();
    }, 0);
  };
  const group = new CoGroup({ concurrency: 1, slice: 1 });
  const messages = range(100).map(() => ({
    ack() {},
    nak: () => slowly("nak"),
    working: () => slowly("working"),
  }));
  const receive = (room: number) => messages.splice(0, room);
  const { promise, open } = gate();
  const options = { ahead: 99, lease: 3000 };
  const consumption = consume(group, receive, () => promise, options);
  group.signal.addEventListener("abort", () => open());
  await consumption.wait();
  assertEquals(turnedWithin, { working: true, nak: true });
  assertEquals(calls.nak, 99);
  assertEquals(consumption.stats.returned, 99);
});

test("consume throws what is wrong with its arguments, and asks for nothing then", () => {
  const group = new CoGroup(1);
  const receive = () => [] as Message[];
  const handler = () => {};
  const wrong: [() => unknown, ErrorConstructor, string][] = [
    [
      () => consume({} as never, receive, handler),
      TypeError,
      "group must be a CoGroup, received [object Object]",
    ],
    [
      () => consume(group, {} as never, handler),
      TypeError,
      "source must be a function or iterable, received [object Object]",
    ],
    [
      () => consume(group, null as never, handler),
      TypeError,
      "source must be a function or iterable, received null",
    ],
    [
      () => consume(group, receive, 7 as never),
      TypeError,
      "handler must be a function, received 7",
    ],
  ];
  for (
    const [options, kind, message] of [
      [7, TypeError, "options must be an object, received 7"],
      [
        { ahead: -1 },
        RangeError,
        "ahead must be a non-negative integer or Infinity, received -1",
      ],
      [
        { ahead: "8" },
        TypeError,
        'ahead must be a non-negative integer or Infinity, received "8"',
      ],
      [
        { lease: 0 },
        RangeError,
        "lease must be a positive number of milliseconds, received 0",
      ],
      [
        { lease: NaN },
        RangeError,
        "lease must be a positive number of milliseconds, received NaN",
      ],
      [{ retry: 5 }, TypeError, "retry must be an object, received 5"],
      [
        { retry: { maxAttempts: 0 } },
        RangeError,
        "retry.maxAttempts must be a positive integer or Infinity, received 0",
      ],
      [{ inPlace: 1 }, TypeError, "inPlace must be a boolean, received 1"],
      [
        { maxDeliveries: 0 },
        RangeError,
        "maxDeliveries must be a positive integer or Infinity, received 0",
      ],
      [{ key: "id" }, TypeError, 'key must be a function, received "id"'],
      [{ priority: 1 }, TypeError, "priority must be a function, received 1"],
      [{ weight: 1 }, TypeError, "weight must be a function, received 1"],
      [
        { timeout: -1 },
        RangeError,
        "timeout must be a non-negative number of milliseconds, received -1",
      ],
      [{ onDead: 1 }, TypeError, "onDead must be a function, received 1"],
      [{ onRetry: 1 }, TypeError, "onRetry must be a function, received 1"],
      [
        { onError: null },
        TypeError,
        "onError must be a function, received null",
      ],
    ] as [ConsumeOptions<Message>, ErrorConstructor, string][]
  ) {
    wrong.push([
      () => consume(group, receive, handler, options),
      kind,
      message,
    ]);
  }
  for (const [call, kind, message] of wrong) {
    assertThrows(call, kind, `Cannot consume: ${message}`);
  }
});

test("consume takes options that are all undefined", async () => {
  const log: string[] = [];
  async function* source() {
    yield await Promise.resolve(message(1, log));
  }
  const consumption = consume(new CoGroup(1), source(), () => {}, {
    ahead: undefined,
    lease: undefined,
    retry: undefined,
    inPlace: undefined,
    maxDeliveries: undefined,
    key: undefined,
    priority: undefined,
    weight: undefined,
    timeout: undefined,
    onDead: undefined,
    onRetry: undefined,
    onError: undefined,
  });
  await consumption.wait();
  assertEquals(log, ["ack 1"]);
});
