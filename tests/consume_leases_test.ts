/**
 * The lease of a message: beats, what stands still, what is lost, a connection that is
 * gone.
 */

import { CoGroup } from "../mod.ts";
import { consume } from "../src/consume/mod.ts";
import { after, bedTest, interrupted } from "./support/consume.ts";
import { microtasks, range } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

bedTest(
  "A message is beaten for every third of its lease, while it is queued and while it runs, until it ends",
  async (bed) => {
    bed.publish(2);
    bed.consume(() => after(10_000), { ahead: 1 }, { concurrency: 1 });
    await bed.run(60_000);
    assertEquals(bed.engine.seen("working").length, 9 + 19);
    assertEquals(bed.engine.seen("deliver", "expired", "ack"), [
      "deliver 1 #1",
      "deliver 2 #1",
      "ack 1 #1",
      "ack 2 #1",
    ]);
  },
);

bedTest(
  "A lease that has been lost for a message in flight speaks by ctx.signal; a failure is then silence",
  async (bed) => {
    bed.publish(1);
    const told: unknown[] = [];
    bed.consume(async (_, ctx) => {
      if (ctx.attempt > 1) return;
      await interrupted(ctx).catch((reason) => told.push(reason.message));
      throw new Error("ended early");
    });
    await bed.run(500);
    bed.stand(4000); // SIGSTOP, and SIGCONT when another one has the message.
    await bed.run(0);
    assertEquals(told, ["The lease is lost"]);
    assertEquals(bed.errors, [["The lease is lost", 1]]);
    await bed.run(10);
    assertEquals(bed.engine.seen("nak", "stale-nak", "ack", "expired"), [
      "expired 1 #1",
      "ack 1 #2",
    ]);
    assertEquals(bed.books, { received: 2, acked: 1, lost: 1, redelivered: 1 });
  },
);

bedTest("A success is acked though the lease is lost", async (bed) => {
  bed.publish(1);
  bed.consume(async (_, { attempt }) => {
    if (attempt === 1) await after(5000);
    else await after(60_000);
  });
  await bed.run(500);
  bed.stand(4000);
  await bed.run(4000);
  assertEquals(bed.engine.seen("ack", "late-ack"), ["late-ack 1 #1"]);
  assert(bed.engine.isEmpty);
  assertEquals(bed.books, { received: 2, acked: 1, held: 1, redelivered: 1 });
});

bedTest(
  "A handler that fails right after the process stood still is not given back, though no beat has told yet",
  async (bed) => {
    bed.publish(1);
    bed.consume(async (_, { attempt }) => {
      if (attempt > 1) return;
      await after(600); // Its timer goes off before that of the beat.
      throw new Error("broken");
    });
    await bed.run(500);
    bed.stand(4000);
    await bed.run(1000);
    assertEquals(bed.engine.seen("nak", "stale-nak"), []);
    assertEquals(bed.books, { received: 2, acked: 1, lost: 1, redelivered: 1 });
  },
);

bedTest(
  "A lease that is lost while the message is queued takes the message out: it does not run here",
  async (bed) => {
    bed.publish(2);
    bed.consume(() => after(2000), { ahead: 1 }, { concurrency: 1 });
    await bed.run(500);
    bed.group.concurrency = 1;
    bed.consumption.close();
    bed.stand(4000);
    await bed.run(5000);
    assertEquals(bed.runs, ["1 1"]);
    assertEquals(bed.books, { received: 2, acked: 1, lost: 1 });
    assertEquals(bed.group.stats.abandoned, 1);
  },
);

bedTest(
  "A message whose lease has ended does not start, though no beat has told yet",
  async (bed) => {
    bed.publish(2);
    bed.consume(
      async ({ id }) => {
        if (id === 1) await after(600);
      },
      { ahead: 1 },
      { concurrency: 1 },
    );
    await bed.run(500);
    bed.consumption.close();
    bed.stand(4000);
    await bed.run(5000);
    assertEquals(bed.runs, ["1 1"]);
    assertEquals(bed.books, { received: 2, acked: 1, lost: 1 });
  },
);

bedTest(
  "working() that says false has lost the lease: it is another consumer's message by now",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false" } : undefined;
    bed.consume((_, ctx) => interrupted(ctx));
    await bed.run(999);
    assertEquals(bed.books, { received: 1, held: 1 });
    bed.consumption.close();
    await bed.run(1);
    assertEquals(bed.books, { received: 1, lost: 1 });
    assertEquals(bed.engine.seen("nak"), []);
  },
);

bedTest(
  "A beat that fails is tried again; a connection that comes back in time loses nothing",
  async (bed) => {
    bed.publish(1);
    let isDown = false;
    bed.engine.fault = (call) =>
      call === "working" && isDown
        ? { applies: false, answer: "fail" }
        : undefined;
    bed.consume(() => after(6000));
    await bed.run(1500);
    isDown = true;
    await bed.run(1000); // The beat at 2000 fails, that at 3000 does not.
    isDown = false;
    await bed.run(10_000);
    assertEquals(bed.engine.seen("ack", "expired"), ["ack 1 #1"]);
    assertEquals(bed.books, { received: 1, acked: 1 });
    assertEquals(bed.errors, []);
  },
);

for (const answer of ["fail", "never"] as const) {
  bedTest(
    `Without a connection (${answer}) the lease is lost after a whole one since the last beat that was confirmed`,
    async (bed) => {
      bed.publish(1);
      bed.engine.fault = (call) =>
        call === "working" && bed.clock.now > 1500
          ? { applies: false, answer }
          : undefined;
      let told: DOMException | undefined;
      bed.consume((_, ctx) =>
        interrupted(ctx).catch((reason) => {
          told = reason;
          throw reason;
        }), { maxDeliveries: 1, onDead() {} });
      await bed.run(3999); // The beat at 1000 was the last one.
      assertEquals(told, undefined);
      await bed.run(1);
      assertEquals(told?.name, "AbortError");
      const cause = answer === "fail" ? "working 1 failed" : undefined;
      assertEquals((told?.cause as Error | undefined)?.message, cause);
    },
  );
}

bedTest("A beat that throws is tried again", async (bed) => {
  bed.publish(1);
  bed.consume(async (message) => {
    const { working } = message;
    let beats = 0;
    message.working = () => {
      if (beats++ === 0) throw new Error("no socket");
      return working();
    };
    await after(6000);
  });
  await bed.run(7000);
  assertEquals(bed.books, { received: 1, acked: 1 });
});

bedTest(
  "A lease that is lost while onDead keeps a message that came too often is silence",
  async (bed) => {
    bed.publish(1);
    bed.engine.stored.get(1)!.deliveries = 5;
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false" } : undefined;
    bed.consume(() => {}, { maxDeliveries: 5, onDead: () => after(2000) });
    await bed.run(500);
    bed.consumption.close();
    await bed.run(2500);
    assertEquals(bed.engine.seen("term", "nak"), []);
    assertEquals(bed.books, { received: 1, lost: 1, redelivered: 1 });
    assertEquals(bed.group.stats.accepted, 0);
  },
);

bedTest(
  "A late beat is followed by the next one before the lease ends, not a third of it later",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "working" ? { applies: false, answer: "fail" } : undefined;
    bed.consume((_, ctx) => interrupted(ctx));
    await bed.run(900);
    bed.consumption.close();
    bed.stand(600); // So the beats are at 1500 and 2500.
    await bed.run(1499);
    assertEquals(bed.books, { received: 1, held: 1 });
    await bed.run(1);
    assertEquals(bed.books, { received: 1, lost: 1 });
  },
);

bedTest(
  "A loss that the engine tells has no cause, though a beat has failed before",
  async (bed) => {
    bed.publish(1);
    let beats = 0;
    bed.engine.fault = (call) => {
      if (call !== "working") return undefined;
      beats++;
      if (beats === 1) return { applies: false, answer: "fail" };
      return beats === 3 ? { answer: "false" } : undefined;
    };
    let told: Error | undefined;
    bed.consume((_, ctx) =>
      interrupted(ctx).catch((reason) => {
        told = reason;
        throw reason;
      })
    );
    await bed.run(10);
    bed.consumption.close();
    await bed.run(6000);
    assertEquals([told?.name, told?.cause], ["AbortError", undefined]);
  },
);

bedTest(
  "A beat that is answered after the next one does not shorten the lease",
  async (bed) => {
    bed.publish(1);
    let beats = 0;
    bed.engine.fault = (call) => {
      if (call !== "working") return undefined;
      beats++;
      if (beats === 1) return { after: 1500 };
      return beats > 2 ? { applies: false, answer: "fail" } : undefined;
    };
    bed.consume((_, ctx) => interrupted(ctx));
    await bed.run(10);
    bed.consumption.close();
    await bed.run(4985); // The beat at 2000 was the last one: until 5000.
    assertEquals(bed.books, { received: 1, held: 1 });
    await bed.run(10);
    assertEquals(bed.books, { received: 1, lost: 1 });
  },
);

bedTest("Without a lease there is no timer", async (bed) => {
  bed.publish(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  bed.consume(() => promise, { lease: Infinity }, { concurrency: 1 });
  await bed.run(10);
  assertEquals(bed.clock.timers, 0);
  resolve();
});

bedTest(
  "An ack of a message whose lease is lost is tried again for a third of a lease",
  async (bed) => {
    bed.publish(1);
    let acks = 0;
    bed.engine.fault = (call) =>
      call === "ack" && ++acks < 3
        ? { applies: false, answer: "fail" }
        : undefined;
    bed.consume(async (_, { attempt }) => {
      if (attempt === 1) await after(1200);
      else await after(60_000);
    });
    await bed.run(500);
    bed.stand(4000);
    await bed.run(2500);
    assertEquals(bed.engine.seen("late-ack"), ["late-ack 1 #1"]);
    assertEquals(bed.consumption.stats.acked, 1);
  },
);

bedTest(
  "An answer of working() that is no promise is heeded: nothing renews the lease, false has lost it",
  async (bed) => {
    bed.publish(1);
    let beats = 0;
    bed.consume((message, ctx) => {
      message.working = () => ++beats < 6 ? undefined : false;
      return interrupted(ctx);
    });
    await bed.run(10);
    bed.consumption.close();
    await bed.run(5985);
    assertEquals(bed.books, { received: 1, held: 1 });
    await bed.run(10);
    assertEquals(bed.books, { received: 1, lost: 1 });
  },
);

bedTest(
  "The answer to a beat that comes when the message has ended does nothing",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false", after: 500 } : undefined;
    bed.consume(() => after(1200));
    await bed.run(3000);
    assertEquals(bed.books, { received: 1, acked: 1 });
    assertEquals(bed.errors, []);
  },
);

bedTest(
  "A lease that is lost while onDead keeps the message is silence",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false" } : undefined;
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: { maxAttempts: 1 },
      onDead: () => after(2000),
    });
    await bed.run(1500);
    bed.consumption.close();
    await bed.run(1500);
    assertEquals(bed.engine.seen("term", "nak", "stale-term"), []);
    assertEquals(bed.books, { received: 1, lost: 1 });
  },
);

bedTest(
  "A lease that is lost while isRetriable is awaited is silence",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false" } : undefined;
    bed.consume(() => Promise.reject(new Error("broken")), {
      retry: { isRetriable: () => after(2000).then(() => true) },
    });
    await bed.run(1500);
    bed.consumption.close();
    await bed.run(1500);
    assertEquals(bed.engine.seen("nak"), []);
    assertEquals(bed.books, { received: 1, lost: 1 });
  },
);

bedTest(
  "A lease that is lost between two attempts in place ends the message, and the next one does not begin",
  async (bed) => {
    bed.publish(1);
    bed.engine.fault = (call) =>
      call === "working" ? { answer: "false" } : undefined;
    bed.consume(() => Promise.reject(new Error("broken")), {
      inPlace: true,
      retry: { minTimeout: 5000, jitter: 0 },
    });
    await bed.run(100);
    assertEquals(bed.group.stats.delayed, 1);
    bed.consumption.close();
    await bed.run(1000);
    assertEquals(bed.runs, ["1 1"]);
    assertEquals(bed.books, { received: 1, lost: 1 });
  },
);

for (
  const [what, lease] of [["lease: Infinity", Infinity], [
    "no working()",
    30,
  ]] as const
) {
  test(`With ${what} a message has no lease, and is never lost`, async () => {
    const naks: unknown[] = [];
    async function* source() {
      const message = { ack() {}, nak: (ms?: number) => void naks.push(ms) };
      yield await Promise.resolve(
        lease < Infinity
          ? message
          : { ...message, working: () => naks.push("beat") },
      );
    }
    const group = new CoGroup(1);
    const consumption = consume(group, source(), async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw new Error("broken");
    }, { lease, retry: { minTimeout: 7, jitter: 0 } });
    await consumption.wait();
    assertEquals(naks, [7]);
    assertEquals(consumption.stats.retried, 1);
  });
}

bedTest("One timer beats for all messages", async (bed) => {
  bed.publish(100);
  bed.consume(() => after(2500), {}, { concurrency: 100 });
  await bed.run(10);
  assertEquals(bed.clock.timers, 100 + 1); // Those of the handlers, and one.
  await bed.run(3000);
  assertEquals(bed.engine.seen("working").length, 200);
  assertEquals(bed.books, { received: 100, acked: 100 });
});

bedTest(
  "A process that stood still for longer than the lease has acked nothing wrongly, and goes on",
  async (bed) => {
    bed.publish(20);
    const told = new Set<number>();
    bed.consume(
      async ({ id }, ctx) => {
        ctx.signal.addEventListener("abort", () => told.add(id));
        await after(200 + 700 * (id % 3));
        if (ctx.signal.aborted) throw ctx.signal.reason;
      },
      { ahead: 6 },
      { concurrency: 6 },
    );
    await bed.run(120);
    bed.stand(10_000);
    await bed.run(60_000);
    assert(bed.engine.isEmpty);
    assertEquals(bed.engine.seen("stale-nak", "stale-term"), []);
    assert(told.size > 0);
    for (const id of range(20)) {
      const of = (line: string) => line.split(" ")[1] === `${id + 1}`;
      const acks = bed.engine.seen("ack", "late-ack").filter(of);
      assert(acks.length > 0, `message ${id + 1}`);
    }
    await microtasks();
  },
);
