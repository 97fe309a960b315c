/**
 * Abort signals of every origin, at every call that takes one: the platform's own,
 * those of another realm, and those of polyfills, which may know no other listener
 * than a function, and have no `reason`.
 */

import { runInNewContext } from "node:vm";
import {
  adaptiveLimit,
  Channel,
  CoGroup,
  rateLimit,
  Semaphore,
} from "../mod.ts";
import { assertBooks, gate, settled } from "./support/helpers.ts";
import { PolyfilledSignal } from "./support/polyfilled_signal.ts";
import { assert, assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A signal, and what has it speak. */
interface Made {
  signal: AbortSignal;
  abort: () => void | Promise<void>;
  /** Whether what is told is the reason of the abort. */
  assertReason: (reason: unknown) => void;
  /** How many listeners are on it, where it can tell. */
  listeners?: () => number;
}

const why = new Error("why");
const assertWhy = (reason: unknown) => assertStrictEquals(reason, why);
const assertNamed = (name: string) => (reason: unknown) => {
  assert(reason instanceof DOMException, `${reason}`);
  assertEquals(reason.name, name);
};

function polyfilled(signal: PolyfilledSignal, reason?: Error): Made {
  return {
    signal: signal as unknown as AbortSignal,
    abort() {
      if (reason !== undefined) Object.assign(signal, { reason });
      signal.abort();
    },
    assertReason: reason === undefined
      ? assertNamed("AbortError")
      : (told) => assertStrictEquals(told, reason),
    listeners: () => signal.listeners,
  };
}

const origins: Record<string, () => Made> = {
  "an AbortController": () => {
    const controller = new AbortController();
    const abort = () => controller.abort(why);
    return { signal: controller.signal, abort, assertReason: assertWhy };
  },
  "an AbortController without a reason": () => {
    const controller = new AbortController();
    const abort = () => controller.abort();
    const assertReason = assertNamed("AbortError");
    return { signal: controller.signal, abort, assertReason };
  },
  "an AbortController with null for a reason": () => {
    const controller = new AbortController();
    const abort = () => controller.abort(null);
    const assertReason = (reason: unknown) => assertStrictEquals(reason, null);
    return { signal: controller.signal, abort, assertReason };
  },
  "AbortSignal.any()": () => {
    const controller = new AbortController();
    const { signal } = new AbortController();
    const abort = () => controller.abort(why);
    const both = AbortSignal.any([signal, controller.signal]);
    return { signal: both, abort, assertReason: assertWhy };
  },
  "AbortSignal.timeout()": () => {
    const signal = AbortSignal.timeout(1);
    const abort = async () => {
      while (!signal.aborted) await settled();
    };
    return { signal, abort, assertReason: assertNamed("TimeoutError") };
  },
  "a polyfill that knows functions alone, and no reason": () =>
    polyfilled(new PolyfilledSignal()),
  "a polyfill that has a reason": () => polyfilled(new PolyfilledSignal(), why),
  "a polyfill that is an EventTarget": () => {
    const target = Object.assign(new EventTarget(), { aborted: false });
    const abort = () => {
      target.aborted = true;
      target.dispatchEvent(new Event("abort"));
    };
    const signal = target as AbortSignal;
    return { signal, abort, assertReason: assertNamed("AbortError") };
  },
  "another realm": () => {
    const { Signal, reason } = runInNewContext(
      `({ Signal: ${PolyfilledSignal}, reason: new Error("elsewhere") })`,
    );
    assert(!(reason instanceof Error), "not of this realm");
    return polyfilled(new Signal(), reason);
  },
};

const never = (): never => {
  throw new Error("a task ran that was withdrawn");
};

type Outcome = { value: unknown } | { reason: unknown };

/** What becomes of it. Its rejection has a handler from now on. */
function outcome(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then((value) => ({ value }), (reason) => ({ reason }));
}

/** A group at work, in which nothing that comes can start. */
class Busy {
  readonly end = gate();
  readonly group: CoGroup;

  constructor(options: { signal?: AbortSignal; capacity?: number } = {}) {
    // All begins in the call, or microtasks after it: no timer goes off meanwhile.
    this.group = new CoGroup({ concurrency: 1, slice: Infinity, ...options });
    this.group.add(() => this.end.promise);
  }
}

/**
 * Calls with a signal, which then speaks. Each of them gives what it was told; or
 * nothing, where all that is told is that the task was not accepted, or is gone.
 */
const calls: Record<string, (made: Made) => Promise<unknown>> = {
  "new CoGroup()": async ({ signal, abort }) => {
    const { group, end } = new Busy({ signal });
    const queued = outcome(group.go(never));
    await abort();
    const { reason } = await queued as { reason: unknown };
    assertStrictEquals(group.signal.reason, reason);
    assertEquals(group.add(never), false);
    end.open();
    assertEquals(await group.wait(), group.stats.abandoned);
    return { reason };
  },
  "CoGroup.reset()": async ({ signal, abort }) => {
    const group = new CoGroup({ concurrency: 1, signal });
    await group.reset();
    await abort();
    assertEquals(group.closed, true);
    await group.wait();
    return outcome(group.go(never));
  },
  "CoGroup.add()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    assertEquals(group.add(never, { signal }), true);
    await abort();
    assertEquals(group.stats.abandoned, 1);
    end.open();
    assertEquals(await group.wait(), 1);
  },
  "CoGroup.tryInsert()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    assertEquals(group.tryInsert(never, { signal }), true);
    await abort();
    assertEquals(group.stats.abandoned, 1);
    end.open();
    assertEquals(await group.wait(), 1);
  },
  "CoGroup.insert()": async ({ signal, abort }) => {
    const { group, end } = new Busy({ capacity: 0 });
    const waiting = group.insert(never, { signal });
    await abort();
    assertEquals(await waiting, false);
    end.open();
    assertEquals(await group.wait(), 0);
  },
  "CoGroup.insertAll()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    const all = group.insertAll([{ task: never, options: { signal } }]);
    await abort();
    assertEquals([await all, group.stats.abandoned], [1, 1]);
    end.open();
    assertEquals(await group.wait(), 1);
  },
  "CoGroup.go()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    const result = outcome(group.go(never, { signal }));
    await abort();
    end.open();
    assertEquals(await group.wait(), 1);
    return result;
  },
  "CoGroup.go(), of a task in flight,": async ({ signal, abort }) => {
    const group = new CoGroup({ concurrency: 1, slice: Infinity });
    const end = gate();
    let seen: unknown;
    const result = outcome(group.go(async (ctx) => {
      await end.promise;
      seen = ctx.signal.reason;
    }, { signal }));
    for (let i = 0; i < 10; i++) await undefined;
    assertEquals(group.inFlight, 1);
    await abort();
    const told = await result;
    end.open();
    await group.wait();
    assertEquals({ reason: seen }, told as { reason: unknown });
    return told;
  },
  "CoGroup.map()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    const step = outcome(group.map([1], never, { signal }).next());
    for (let i = 0; i < 10; i++) await undefined;
    await abort();
    end.open();
    const told = await step;
    await group.wait();
    return told;
  },
  "CoGroup.mapSettled()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    const step = group.mapSettled([1], never, { signal }).next();
    for (let i = 0; i < 10; i++) await undefined;
    await abort();
    end.open();
    const { status, ...told } = (await step).value;
    assertEquals(status, "rejected");
    await group.wait();
    return told;
  },
  "CoGroup.wait()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    const told = outcome(group.wait({ signal }));
    await abort();
    await told;
    end.open();
    await group.wait();
    return told;
  },
  "CoGroup.idle()": async ({ signal, abort }) => {
    const { group, end } = new Busy();
    const told = outcome(group.idle({ signal }));
    await abort();
    await told;
    end.open();
    await group.wait();
    return told;
  },
  "Channel.send()": async ({ signal, abort }) => {
    const channel = new Channel<string>();
    const told = outcome(channel.send("value", { signal }));
    await abort();
    await told;
    assertEquals(channel.tryReceive().state, "empty");
    return told;
  },
  "Channel.receive()": async ({ signal, abort }) => {
    const channel = new Channel<string>();
    const told = outcome(channel.receive({ signal }));
    await abort();
    await told;
    assertEquals(channel.trySend("no consumer waits"), false);
    return told;
  },
};

const governors = {
  Semaphore: () => new Semaphore(1),
  "rateLimit's": () => rateLimit({ limit: 1, interval: 60_000 }),
  "adaptiveLimit's": () => adaptiveLimit({ max: 1 }),
};
for (const [name, make] of Object.entries(governors)) {
  calls[`${name} acquire()`] = async ({ signal, abort }) => {
    const governor = make();
    const permit = governor.tryAcquire!()!;
    const told = outcome(governor.acquire({ signal }));
    await abort();
    await told;
    permit.release();
    return told;
  };
}

for (const [call, begin] of Object.entries(calls)) {
  test(`${call} heeds a signal of every origin, with its reason, and leaves it`, async () => {
    for (const [origin, make] of Object.entries(origins)) {
      try {
        const made = make();
        const told = await begin(made) as { reason: unknown } | undefined;
        if (told !== undefined) {
          assert("reason" in told, "was not told of the abort");
          made.assertReason(told.reason);
        }
        assertEquals(made.listeners?.() ?? 0, 0);
      } catch (cause) {
        throw new Error(`with a signal of ${origin}`, { cause });
      }
    }
  });
}

/** The same calls, on a group or channel of their own. */
const brings: Record<string, (group: CoGroup, signal: AbortSignal) => unknown> =
  {
    "new CoGroup()": (_, signal) =>
      new CoGroup({ concurrency: 1, signal }).go(never),
    "CoGroup.add()": (group, signal) => group.add(never, { signal }),
    "CoGroup.tryInsert()": (group, signal) =>
      group.tryInsert(never, { signal }),
    "CoGroup.insert()": (group, signal) => group.insert(never, { signal }),
    "CoGroup.insertAll()": (group, signal) =>
      group.insertAll([{ task: never, options: { signal } }]),
    "CoGroup.go()": (group, signal) => group.go(never, { signal }),
    "CoGroup.map()": (group, signal) =>
      group.map([1], never, { signal }).next(),
    "CoGroup.mapSettled()": (group, signal) =>
      group.mapSettled([1], never, { signal }).next(),
    "CoGroup.wait()": (group, signal) => group.wait({ signal }),
    "CoGroup.idle()": (group, signal) => group.idle({ signal }),
    "Channel.send()": (_, signal) => new Channel().send("value", { signal }),
    "Channel.receive()": (_, signal) => new Channel().receive({ signal }),
  };
for (const [name, make] of Object.entries(governors)) {
  brings[`${name} acquire()`] = (_, signal) => make().acquire({ signal });
}

/** What a call comes to that may throw, or reject. */
async function called(call: () => unknown): Promise<Outcome> {
  try {
    return { value: await call() };
  } catch (reason) {
    return { reason };
  }
}

for (const [call, bring] of Object.entries(brings)) {
  test(`${call} heeds a signal of every origin that was aborted before`, async () => {
    for (const [origin, make] of Object.entries(origins)) {
      try {
        const made = make();
        await made.abort();
        const group = new CoGroup(1);
        const told = await called(() => bring(group, made.signal));
        if ("reason" in told) made.assertReason(told.reason);
        else assert(told.value === false || told.value === 0, "accepted");
        assertEquals([group.stats.accepted, made.listeners?.() ?? 0], [0, 0]);
      } catch (cause) {
        throw new Error(`with a signal of ${origin}`, { cause });
      }
    }
  });

  test(`${call} says at once that what can't be listened to is no AbortSignal, and nothing comes of it`, async () => {
    const { aborted } = new PolyfilledSignal();
    const addEventListener = () => {};
    for (
      const signal of [
        { aborted },
        { aborted, onabort: null },
        { addEventListener },
        { aborted: "no", addEventListener },
        "aborted",
        null,
      ] as unknown as AbortSignal[]
    ) {
      const group = new CoGroup({ concurrency: 1, capacity: 0 });
      const { reason } = await called(() => bring(group, signal)) as {
        reason: Error;
      };
      assert(reason instanceof TypeError, `${reason}`);
      assert(reason.message.includes("signal must be an AbortSignal"));
      assertEquals([group.closed, group.stats.accepted], [false, 0]);
      assertEquals(group.tryInsert(() => {}), true);
      await group.wait();
      assertBooks(group);
    }
  });
}
