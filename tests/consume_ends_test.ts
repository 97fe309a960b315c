/**
 * How a message ends: what the engine is told after a success, a failure, the last
 * attempt, and where it does not confirm.
 */

import { CoGroup } from "../mod.ts";
import { consume, type Consumption, type Message } from "../src/consume/mod.ts";
import { after, bedTest, interrupted } from "./support/consume.ts";
import { microtasks, range } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A source that gives one message. */
async function* one(message: Message): AsyncGenerator<Message> {
  yield await Promise.resolve(message);
}

bedTest(
  "consume acks each message once its handler has succeeded",
  async (bed) => {
    bed.publish(5);
    bed.consume(() => "done");
    await bed.run(10);
    assertEquals(bed.engine.seen("ack").length, 5);
    assertEquals(bed.books, { received: 5, acked: 5 });
    assert(bed.engine.isEmpty);
  },
);

test("consume calls ackAck, where there is one, and not ack; as methods", async () => {
  const calls: string[] = [];
  class Mine implements Message {
    readonly name = "mine";
    ack() {
      calls.push(`ack ${this.name}`);
    }
    nak() {}
    ackAck() {
      calls.push(`ackAck ${this.name}`);
      return Promise.resolve(true);
    }
  }
  const group = new CoGroup(1);
  async function* source() {
    yield await Promise.resolve(new Mine());
  }
  await consume(group, source(), () => {}).wait();
  assertEquals(calls, ["ackAck mine"]);
});

bedTest(
  "The ack is inside the task: group.idle() waits until the engine has confirmed",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) => call === "ack" ? { after: 50 } : undefined;
    bed.consume(() => "done");
    await bed.run(10);
    assertEquals(bed.group.inFlight, 1);
    assertEquals(bed.books, { received: 1, held: 1 });
    await bed.run(50);
    assertEquals(bed.group.inFlight, 0);
    assertEquals(bed.books, { received: 1, acked: 1 });
  },
);

bedTest(
  "A failure is given back with the delay of the policy, and ctx.attempt counts the deliveries",
  async (bed) => {
    bed.publish(1);
    bed.consume((_, { attempt }) => {
      if (attempt < 4) throw new Error("not yet");
    });
    await bed.run(2000);
    assertEquals(bed.engine.seen("nak"), [
      "nak 1 #1 100",
      "nak 1 #2 200",
      "nak 1 #3 400",
    ]);
    assertEquals(bed.runs, ["1 1", "1 2", "1 3", "1 4"]);
    assertEquals(bed.books, {
      received: 4,
      acked: 1,
      retried: 3,
      redelivered: 3,
    });
    assertEquals(bed.group.stats.rejected, 3);
    assertEquals(bed.errors, []);
  },
);

bedTest(
  "A failure is given back after the delay that the error tells",
  async (bed) => {
    bed.publish(1);
    const delay = (_error: unknown, attempt: number) => attempt * 10.5;
    bed.consume((_, { attempt }) => {
      if (attempt === 1) throw new Error("not yet");
    }, { retry: { delay } });
    await bed.run(100);
    assertEquals(bed.engine.seen("nak"), ["nak 1 #1 11"]);
  },
);

bedTest("The group's own retry is not used", async (bed) => {
  bed.publish(1);
  bed.consume(
    (_, { attempt }) => {
      if (attempt === 1) throw new Error("not yet");
    },
    {},
    { retry: { minTimeout: 1, jitter: 0 } },
  );
  await bed.run(1000);
  assertEquals(bed.group.stats.retried, 0);
  assertEquals(bed.engine.seen("nak"), ["nak 1 #1 100"]);
});

bedTest(
  "The last attempt's failure goes to onDead, which is awaited, and then the message is ended",
  async (bed) => {
    bed.publish(1);
    const dead: unknown[] = [];
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
      onDead: async ({ id }, error) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        dead.push([id, (error as Error).message, bed.engine.seen("term")]);
      },
    });
    await bed.run(1000);
    assertEquals(dead, [[1, "broken", []]]);
    assertEquals(bed.engine.seen("nak", "term"), ["nak 1 #1 100", "term 1 #2"]);
    assertEquals(bed.books, {
      received: 2,
      retried: 1,
      dead: 1,
      redelivered: 1,
    });
    assertEquals(bed.errors, []);
  },
);

bedTest(
  "An error that is not retriable makes the message dead at once; without onDead, onError hears of it",
  async (bed) => {
    bed.publish(1);
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: { isRetriable: () => Promise.resolve(false) },
    });
    await bed.run(10);
    assertEquals(bed.engine.seen("nak", "term"), ["term 1 #1"]);
    assertEquals(bed.errors, [["broken", 1]]);
    assertEquals(bed.books, { received: 1, dead: 1 });
  },
);

bedTest(
  "An isRetriable that throws makes the message dead with that error",
  async (bed) => {
    bed.publish(1);
    const dead: unknown[] = [];
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: {
        isRetriable() {
          throw new Error("no idea");
        },
      },
      onDead: (_, error) => void dead.push((error as Error).message),
    });
    await bed.run(10);
    assertEquals(dead, ["no idea"]);
  },
);

bedTest(
  "An onDead that fails loses nothing: the message comes again after a lease",
  async (bed) => {
    bed.publish(1);
    let keeps = false;
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: { maxAttempts: 1 },
      onDead() {
        if (!keeps) throw new Error("disk full");
      },
    });
    await bed.run(100);
    assertEquals(bed.engine.seen("nak", "term"), ["nak 1 #1 3000"]);
    assertEquals(bed.errors, [["disk full", 1]]);
    assertEquals(bed.books, { received: 1, retried: 1 });
    keeps = true;
    await bed.run(3000);
    assertEquals(bed.engine.seen("term"), ["term 1 #2"]);
    assertEquals(bed.books, {
      received: 2,
      retried: 1,
      dead: 1,
      redelivered: 1,
    });
  },
);

test("A dead message without term is given back once, for after a lease: the engine's own rule ends it", async () => {
  const calls: string[] = [];
  async function* source() {
    const nak = (ms?: number) => {
      calls.push(`nak ${ms}`);
      return Promise.reject("the answer is lost");
    };
    yield await Promise.resolve({ ack() {}, nak });
  }
  const group = new CoGroup(1);
  const errors: unknown[] = [];
  const consumption = consume(group, source(), () => Promise.reject("no"), {
    lease: 50,
    retry: { maxAttempts: 1 },
    onDead() {},
    onError: (error) => void errors.push(error),
  });
  await consumption.wait();
  assertEquals(calls, ["nak 50"]);
  assertEquals(consumption.stats.dead, 1);
  assertEquals(errors, ["the answer is lost"]);
});

bedTest(
  "A poison message is dead after maxDeliveries without one more run, and the others are unharmed",
  async (bed) => {
    bed.publish(5);
    const dead: unknown[] = [];
    bed.engine.stored.get(2)!.deliveries = 3; // It has ended three processes.
    bed.consume(() => "done", {
      maxDeliveries: 3,
      onDead: ({ id }, error) => void dead.push([id, (error as Error).message]),
    });
    await bed.run(10);
    assertEquals(dead, [[
      2,
      "Delivered 4 times",
    ]]);
    assertEquals(bed.runs, ["1 1", "3 1", "4 1", "5 1"]);
    assertEquals(bed.engine.seen("term"), ["term 2 #4"]);
    assertEquals(bed.books, { received: 5, acked: 4, dead: 1, redelivered: 1 });
  },
);

bedTest(
  "maxDeliveries is ten by default, or twice maxAttempts if that is more",
  async (bed) => {
    for (const [maxAttempts, maxDeliveries] of [[2, 10], [6, 12]] as const) {
      const id = bed.engine.publish();
      const next = bed.engine.publish();
      bed.engine.stored.get(id)!.deliveries = maxDeliveries - 1;
      bed.engine.stored.get(next)!.deliveries = maxDeliveries;
      bed.runs.length = 0;
      bed.consume(() => "done", { retry: { maxAttempts } });
      await bed.run(10);
      assertEquals(bed.runs, [`${id} ${maxDeliveries}`]);
      const { acked, dead } = bed.consumption.stats;
      assertEquals([acked, dead], [1, 1]);
      bed.consumption.close();
    }
  },
);

for (const inPlace of [false, true]) {
  bedTest(
    `Each failure is told once: onRetry hears of those after which the message is tried again, onDead of the last; inPlace ${inPlace}`,
    async (bed) => {
      bed.publish(1);
      const dead: unknown[] = [];
      bed.consume((_, { attempt }) => Promise.reject(new Error(`${attempt}`)), {
        inPlace,
        retry: { maxAttempts: 3, minTimeout: 100, jitter: 0 },
        onDead: (_, error) => void dead.push((error as Error).message),
      });
      await bed.run(1000);
      assertEquals(bed.retries, [[1, "1", 100], [1, "2", 200]]);
      assertEquals(dead, ["3"]);
      assertEquals(bed.errors, []);
    },
  );
}

test("onRetry is console.error by default, and harms nothing if it throws", async () => {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (thrown) => printed.push(thrown);
  try {
    for (const onRetry of [undefined, () => Promise.reject("onRetry")]) {
      const source = one({ ack() {}, nak() {} });
      const broken = () => Promise.reject("broken");
      const consumption = consume(new CoGroup(1), source, broken, { onRetry });
      await consumption.wait();
      assertEquals(consumption.stats.retried, 1);
    }
  } finally {
    console.error = error;
  }
  assertEquals(printed, ["broken", "onRetry"]);
});

bedTest(
  "An ack that fails is tried again, and the governor does not hear of it",
  async (bed) => {
    bed.publish(1);
    const failed: boolean[] = [];
    const permit = () => ({
      release: (isFailed = false) => void failed.push(isFailed),
      [Symbol.dispose]() {},
    });
    const governor = { acquire: () => Promise.resolve(permit()) };
    let fails = 2;
    bed.engine.fault = (call) =>
      call === "ack" && fails-- > 0
        ? { applies: false, answer: fails === 1 ? "false" : "fail" }
        : undefined;
    bed.consume(() => "done", {}, { governor });
    await bed.run(1000);
    assertEquals(bed.engine.seen("ack"), ["ack 1 #1"]);
    assertEquals(bed.books, { received: 1, acked: 1 });
    assertEquals(failed, [false]);
    assertEquals(bed.errors, []);
  },
);

for (const answer of ["fail", "false", "never"] as const) {
  bedTest(
    `An ack that is not confirmed (${answer}) before the lease ends is unconfirmed, and onError hears of it`,
    async (bed) => {
      bed.publish(1);
      let calls = 0;
      bed.engine.fault = (call) => {
        if (call === "ack") calls++;
        return call === "ack" ? { applies: false, answer } : undefined;
      };
      bed.consume(() => "done");
      await bed.run(2999);
      assertEquals(bed.books, { received: 1, held: 1 });
      bed.group.close();
      await bed.run(1);
      assertEquals(bed.books, { received: 1, unconfirmed: 1 });
      await bed.run(5000);
      assertEquals(calls, answer === "never" ? 1 : 10);
      assertEquals(bed.engine.seen("working"), []);
      assertEquals(bed.errors, [[
        {
          fail: "ack 1 failed",
          false: "The engine has not confirmed",
          never: "The engine has not confirmed",
        }[answer],
        1,
      ]]);
      assertEquals(bed.group.stats.fulfilled, 1);
    },
  );
}

bedTest(
  "A failure that comes when the lease has ended is not answered by one more ack",
  async (bed) => {
    bed.publish(1);
    let acks = 0;
    bed.engine.fault = (call) => {
      if (call !== "ack") return undefined;
      acks++;
      return { applies: false, answer: "fail", after: 4000 };
    };
    bed.consume(() => "done");
    await bed.run(10);
    bed.consumption.close();
    await bed.run(10_000);
    assertEquals(acks, 1);
    assertEquals(bed.books, { received: 1, unconfirmed: 1 });
  },
);

bedTest(
  "A false after an ack that was rejected is the last answer: unconfirmed at once, with what it was rejected with",
  async (bed) => {
    bed.publish(1);
    let acks = 0;
    bed.engine.fault = (call) =>
      call === "ack"
        ? { answer: acks++ === 0 ? "fail" : "false", after: 100 }
        : undefined;
    bed.consume(() => "done");
    await bed.run(501);
    assertEquals(acks, 2);
    assertEquals(bed.books, { received: 1, unconfirmed: 1 });
    assertEquals(bed.errors, [["ack 1 failed", 1]]);
  },
);

test("An answer whose then throws is a rejection, and costs no worker: ack, nak, term, working", async () => {
  const hostile = {
    get then() {
      throw new Error("then");
    },
  };
  const outcome = { ack: "unconfirmed", nak: "retried", working: "lost" };
  for (const which of ["ack", "nak", "term", "working"]) {
    const message = { ack() {}, nak() {}, term() {}, working() {} };
    const consumption = consume(
      new CoGroup(1),
      one({ ...message, [which]: () => hostile }),
      async () => {
        if (which === "working") await after(60);
        if (which !== "ack") throw new Error("broken");
      },
      {
        lease: 30,
        retry: { maxAttempts: which === "term" ? 1 : 2 },
        onDead() {},
        onError() {},
      },
    );
    await consumption.wait();
    const fate = outcome[which as "ack"] ?? "unconfirmed";
    assertEquals(consumption.stats[fate as "lost"], 1, which);
  }
});

bedTest(
  "However long the lease, an ack is tried again after a second",
  async (bed) => {
    bed.publish(1);
    const times: number[] = [];
    bed.engine.fault = (call) =>
      call === "ack" && times.push(bed.clock.now) < 4
        ? { answer: "fail" }
        : undefined;
    bed.consume(() => "done", { lease: 60_000 });
    await bed.run(5000);
    assertEquals(times, [0, 1000, 2000, 3000]);
  },
);

bedTest(
  "An ack has as long as is left of the lease, which counts from the last beat",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "ack" ? { applies: false, answer: "never" } : undefined;
    bed.consume(() => new Promise((resolve) => setTimeout(resolve, 2500)));
    await bed.run(10);
    bed.consumption.close();
    await bed.run(4985); // The beat at 2000 was the last one: until 5000.
    assertEquals(bed.books, { received: 1, held: 1 });
    await bed.run(10);
    assertEquals(bed.books, { received: 1, unconfirmed: 1 });
  },
);

test("An ack that is never answered, of a message without working(), is unconfirmed after a lease", async () => {
  async function* source() {
    const ack = () => new Promise(() => {});
    yield await Promise.resolve({ ack, nak() {} });
  }
  const errors: unknown[] = [];
  const consumption = consume(new CoGroup(1), source(), () => {}, {
    lease: 30,
    onError: (error) => errors.push((error as Error).message),
  });
  await consumption.wait();
  assertEquals(consumption.stats.unconfirmed, 1);
  assertEquals(errors, ["The engine has not confirmed"]);
});

bedTest(
  "A term that fails is tried again, and unconfirmed when the lease has ended",
  async (bed) => {
    bed.publish(2);
    let fails = 1;
    bed.engine.fault = (call, id) =>
      call === "term" && (id === 2 || fails-- > 0)
        ? { applies: false, answer: "fail" }
        : undefined;
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: { maxAttempts: 1 },
      onDead() {},
    });
    await bed.run(2999);
    assertEquals(bed.engine.seen("term"), ["term 1 #1"]);
    bed.group.close();
    await bed.run(1);
    assertEquals(bed.books, { received: 2, dead: 1, unconfirmed: 1 });
    assertEquals(bed.errors, [["term 2 failed", 2]]);
  },
);

bedTest(
  "A nak that fails is not tried again: the engine's own wait ends, and onError hears of it",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "nak" ? { applies: false, answer: "fail" } : undefined;
    bed.consume((_, { attempt }) => {
      if (attempt === 1) throw new Error("not yet");
    });
    await bed.run(10);
    assertEquals(bed.errors, [["nak 1 failed", 1]]);
    await bed.run(5000);
    assertEquals(bed.engine.seen("expired"), ["expired 1 #1"]);
    assertEquals(bed.books, {
      received: 2,
      acked: 1,
      retried: 1,
      redelivered: 1,
    });
  },
);

test("Answers that are not promises are heeded: what ack throws, and a false of it", async () => {
  let acks = 0;
  const errors: unknown[] = [];
  async function* source() {
    yield await Promise.resolve({
      ack() {
        if (acks++ === 1) throw new Error("no ack");
        return acks > 2;
      },
      nak() {
        throw new Error("no nak");
      },
    });
    yield await Promise.resolve({
      ack() {},
      nak() {
        throw new Error("no nak");
      },
    });
  }
  let runs = 0;
  const consumption = consume(new CoGroup(1), source(), () => {
    if (runs++ > 0) throw new Error("not yet");
  }, { lease: 30, onError: (error) => errors.push((error as Error).message) });
  await consumption.wait();
  assertEquals(acks, 3);
  assertEquals(errors, ["no nak"]);
  const { acked, retried } = consumption.stats;
  assertEquals([acked, retried], [1, 1]);
});

test("Without a lease the engine is asked to confirm for half a minute, and a dead letter without a keeper comes again then", async () => {
  const naks: unknown[] = [];
  async function* source() {
    yield await Promise.resolve({
      ack() {},
      nak: (ms?: number) => void naks.push(ms),
    });
  }
  const consumption = consume(
    new CoGroup(1),
    source(),
    () => Promise.reject("no"),
    {
      lease: Infinity,
      retry: { maxAttempts: 1 },
      onDead: () => Promise.reject(new Error("disk full")),
      onError() {},
    },
  );
  await consumption.wait();
  assertEquals(naks, [30_000]);
});

test("An onError that throws harms nothing", async () => {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (thrown) => printed.push(thrown);
  try {
    const source = () => one({ ack() {}, nak() {} });
    const consumption = consume(
      new CoGroup(1),
      source(),
      () => Promise.reject("broken"),
      {
        retry: { maxAttempts: 1 },
        onError() {
          throw "onError";
        },
      },
    );
    await consumption.wait();
    assertEquals(consumption.stats.dead, 1);
  } finally {
    console.error = error;
  }
  assertEquals(printed, ["onError"]);
});

test("onError is console.error by default", async () => {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (thrown) => printed.push(thrown);
  try {
    const source = () => one({ ack() {}, nak() {} });
    const group = new CoGroup(1);
    const retry = { maxAttempts: 1 };
    await consume(group, source(), () => Promise.reject("broken"), { retry })
      .wait();
  } finally {
    console.error = error;
  }
  assertEquals(printed, ["broken"]);
});

bedTest(
  "A time-out is a failure, when the handler has really ended: beats go on until then, and there is no second attempt beside it",
  async (bed) => {
    bed.publish(1);
    const { promise: late, resolve: end } = Promise.withResolvers<void>();
    const told: unknown[] = [];
    bed.consume((_, { attempt, signal }) => {
      if (attempt > 1) return;
      signal.addEventListener("abort", () => told.push(signal.reason.name));
      return late.then(() => {
        throw new Error("late");
      });
    }, { timeout: 500 });
    await bed.run(10_000);
    assertEquals(told, ["TimeoutError"]);
    assertEquals(bed.runs, ["1 1"]);
    assertEquals(bed.engine.seen("working").length, 10);
    assertEquals(bed.books, { received: 1, held: 1 });
    assertEquals(bed.group.stats.overdue, 1);
    end();
    await bed.run(1000);
    assertEquals(bed.engine.seen("nak", "ack"), ["nak 1 #1 100", "ack 1 #2"]);
    assertEquals(bed.books, {
      received: 2,
      acked: 1,
      retried: 1,
      redelivered: 1,
    });
  },
);

bedTest(
  "A time-out of the last attempt makes the message dead, with the TimeoutError, when the handler has ended",
  async (bed) => {
    bed.publish(1);
    const dead: unknown[] = [];
    bed.consume((_, ctx) => interrupted(ctx), {
      timeout: 500,
      retry: { maxAttempts: 1 },
      onDead: (_, error) => void dead.push((error as Error).name),
    });
    await bed.run(1000);
    assertEquals(dead, ["TimeoutError"]);
    assertEquals(bed.engine.seen("term"), ["term 1 #1"]);
  },
);

for (const inPlace of [false, true]) {
  bedTest(
    `A success that comes after its time is acked, for the work is done: inPlace ${inPlace}`,
    async (bed) => {
      bed.publish(1);
      bed.consume(() => after(800), { timeout: 500, inPlace });
      await bed.run(10_000);
      assertEquals(bed.runs, ["1 1"]);
      assertEquals(bed.engine.seen("ack", "nak"), ["ack 1 #1"]);
      assertEquals(bed.books, { received: 1, acked: 1 });
      assertEquals(bed.group.stats.rejected, 1);
    },
  );
}

for (const where of ["isRetriable", "delay"] as const) {
  for (const inPlace of [false, true]) {
    bedTest(
      `An abort does not wait for what ${where} promises: the message is given back; inPlace ${inPlace}`,
      async (bed) => {
        bed.publish(1);
        const never = () => new Promise<never>(() => {});
        bed.consume(() => Promise.reject(new Error("broken")), {
          inPlace,
          retry: { [where]: never },
        });
        await bed.run(5000);
        assertEquals(bed.books, { received: 1, held: 1 });
        bed.group.abort();
        await bed.run(0);
        assertEquals(bed.engine.seen("nak")[0], "nak 1 #1 0");
        assertEquals([bed.consumption.stats.held, bed.group.inFlight], [0, 0]);
      },
    );
  }
}

bedTest(
  "The loss of a lease does not wait for isRetriable, also of a message that could not be queued",
  async (bed) => {
    bed.publish(2);
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false" } : undefined;
    bed.consume(() => Promise.reject(new Error("broken")), {
      key: ({ id }) => {
        if (id === 2) throw new Error("no key");
      },
      retry: { isRetriable: () => new Promise<never>(() => {}) },
    });
    await bed.run(500);
    bed.consumption.close();
    await bed.run(500);
    assertEquals(bed.books, { received: 2, lost: 2 });
    assertEquals(bed.group.inFlight, 0);
  },
);

bedTest(
  "The time of an attempt is the handler's: a slow ack is no time-out",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) => call === "ack" ? { after: 900 } : undefined;
    bed.consume(() => "done", { timeout: 500 });
    await bed.run(2000);
    assertEquals(bed.books, { received: 1, acked: 1 });
    assertEquals(bed.group.stats.fulfilled, 1);
  },
);

bedTest("The group's own timeout is that of each message", async (bed) => {
  bed.publish(1);
  bed.consume((_, ctx) => ctx.attempt > 1 || interrupted(ctx), {}, {
    timeout: 500,
  });
  await bed.run(2000);
  assertEquals(bed.books, {
    received: 2,
    acked: 1,
    retried: 1,
    redelivered: 1,
  });
});

bedTest(
  "What the group's worker function makes of the handler is what counts",
  async (bed) => {
    bed.publish(3);
    bed.consume(
      ({ id }) => {
        if (id === 1) throw new Error("broken");
      },
      {},
      {
        worker: async (task, ctx) => {
          if (bed.runs.length === 2) throw new Error("no thread is left");
          try {
            return await task(ctx);
          } catch (error) {
            assertEquals((error as Error).message, "broken");
            return undefined as never;
          }
        },
      },
    );
    await bed.run(10);
    assertEquals(bed.engine.seen("ack", "nak"), [
      "ack 1 #1",
      "ack 2 #1",
      "nak 3 #1 100",
    ]);
  },
);

test("The books balance at every instant at which a function of the user's is called", async () => {
  const log: boolean[] = [];
  const look = () => {
    const s = consumption.stats;
    log.push(
      s.received === s.held + s.acked + s.retried + s.returned + s.dead +
            s.lost + s.unconfirmed && s.received > 0,
    );
  };
  async function* source() {
    for (const n of range(9)) {
      yield await Promise.resolve({ n, ack: look, nak: look, term: look });
    }
  }
  const consumption: Consumption = consume(
    new CoGroup(2),
    source(),
    ({ n }) => {
      look();
      if (n % 3 > 0) throw new Error("broken");
    },
    {
      retry: { isRetriable: () => (look(), consumption.stats.held % 2 === 0) },
      key: () => look(),
      inPlace: false,
      onDead: look,
      onError: look,
    },
  );
  await microtasks();
  await consumption.wait();
  assert(log.length > 30);
  assert(log.every(Boolean));
});
