import {
  allOf,
  checkedQueue,
  CoGroup,
  type Governor,
  keyedQueue,
  type Permit,
  Semaphore,
} from "../mod.ts";
import { assertBooks, CountingController, gate } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A governor whose permits are lost when the test says so. */
class Leased implements Governor {
  readonly controller = new CountingController();
  released = 0;

  tryAcquire(): Permit {
    return {
      lost: this.controller.signal,
      release: () => void this.released++,
      [Symbol.dispose]() {},
    };
  }

  acquire(): Promise<Permit> {
    return Promise.resolve(this.tryAcquire());
  }
}

/** Has a task running in the group when the permit is lost; what the task is told. */
async function tellLoss(
  group: CoGroup,
  { controller }: Leased,
): Promise<unknown> {
  const started = gate();
  const told = group.go(({ signal }) => {
    started.open();
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve(signal.reason))
    );
  }, { key: "a" });
  await started.promise;
  controller.abort("lost");
  return await told;
}

test("Permit.lost speaks while the task runs: ctx.signal speaks with its reason", async () => {
  const governor = new Leased();
  const group = new CoGroup({ concurrency: 1, governor });
  assertEquals(await tellLoss(group, governor), "lost");
  await group.wait();
  assertEquals(governor.released, 1);
  assertEquals(governor.controller.listeners, 0);
  assertBooks(group);
});

test("Permit.lost of a key's governor is heeded, too", async () => {
  const governor = new Leased();
  const queue = checkedQueue(keyedQueue({ governor: () => governor }));
  const group = new CoGroup({ concurrency: 1, queue });
  assertEquals(await tellLoss(group, governor), "lost");
  await group.wait();
  assertEquals(governor.released, 1);
});

test("Permit.lost of one of those of allOf, and of any of several, is heeded", async () => {
  const governor = new Leased();
  const one = allOf(governor, new Semaphore(1));
  const group = new CoGroup({ concurrency: 1, governor: one });
  assertEquals(await tellLoss(group, governor), "lost");
  const other = new Leased();
  const both = allOf(new Leased(), other);
  const another = new CoGroup({ concurrency: 1, governor: both });
  assertEquals(await tellLoss(another, other), "lost");
});

test("Permit.lost that has spoken before the task starts is seen by the task", async () => {
  const governor = new Leased();
  governor.controller.abort("before");
  const group = new CoGroup({ concurrency: 1, governor });
  const told = await group.go(({ signal }) => signal.reason);
  assertEquals(told, "before");
});

test("Permit.lost is watched only while the task runs", async () => {
  const governor = new Leased();
  const group = new CoGroup({ concurrency: 1, governor });
  const signal = await group.go((ctx) => ctx.signal);
  await group.idle();
  assertEquals(governor.controller.listeners, 0);
  governor.controller.abort();
  assert(!signal.aborted);
});

test("Permit.lost of the group's and of a key's governor is watched only while the task runs", async () => {
  const governors = [new Leased(), new Leased()] as const;
  const queue = keyedQueue({ governor: () => governors[1] });
  const group = new CoGroup({ concurrency: 1, governor: governors[0], queue });
  const listeners = () =>
    governors.map(({ controller }) => controller.listeners);
  const during = await group.go(listeners, { key: "a" });
  await group.wait();
  assertEquals([during, listeners()], [[1, 1], [0, 0]]);
});

for (const where of ["the group's governor", "a key's governor"]) {
  test(`Permit.lost of ${where} that is no signal aborts the group with a TypeError, and costs no worker`, async () => {
    const governor = {
      acquire: () =>
        Promise.resolve({
          lost: true,
          release() {},
          [Symbol.dispose]() {},
        } as unknown as Permit),
    };
    const error = console.error;
    console.error = () => {};
    try {
      const group = where === "the group's governor"
        ? new CoGroup({ concurrency: 1, governor })
        : new CoGroup({
          concurrency: 1,
          queue: keyedQueue({ governor: () => governor }),
        });
      const result = group.go(() => "ran", { key: 1 }).catch((e) => e);
      assert(await result instanceof TypeError);
      assertEquals(await group.wait(), 1);
      assertBooks(group);
    } finally {
      console.error = error;
    }
  });
}
