import { inspect } from "node:util";
import { type Permit, Semaphore } from "../mod.ts";
import { CountingController, range, settled } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** Who waits for a permit, and in which order they were given one. */
class Waiters {
  readonly semaphore: Semaphore;
  readonly order: number[] = [];
  readonly permits: Permit[] = [];

  constructor(semaphore: Semaphore) {
    this.semaphore = semaphore;
  }

  /** Has one more wait, whose number goes into `order`. */
  wait(number: number, signal?: AbortSignal): Promise<unknown> {
    return this.semaphore.acquire(signal && { signal }).then((permit) => {
      this.order.push(number);
      this.permits.push(permit);
    }, (reason) => reason);
  }
}

/** Takes all permits of a semaphore. */
function takeAll(semaphore: Semaphore): Permit[] {
  return range(semaphore.limit).map(() => semaphore.tryAcquire()!);
}

for (const limit of [1, 10, 100]) {
  test(`Semaphore(${limit}) gives out ${limit} permits, and another when one is released`, () => {
    const semaphore = new Semaphore(limit);
    const permits = takeAll(semaphore);
    assert(permits.every((permit) => permit !== undefined));
    assertStrictEquals(semaphore.tryAcquire(), undefined);
    permits[0]!.release();
    assert(semaphore.tryAcquire() !== undefined);
    assertStrictEquals(semaphore.tryAcquire(), undefined);
  });
}

test("Semaphore(Infinity) gives a permit to everybody", () => {
  const semaphore = new Semaphore(Infinity);
  for (const _ of range(1000)) assert(semaphore.tryAcquire() !== undefined);
  assertEquals(semaphore.limit, Infinity);
});

test("Semaphore.acquire() gives a free permit at once", async () => {
  const semaphore = new Semaphore(1);
  const waiters = new Waiters(semaphore);
  waiters.wait(0);
  assertStrictEquals(semaphore.tryAcquire(), undefined);
  await Promise.resolve();
  assertEquals(waiters.order, [0]);
});

test("Semaphore.acquire() waits for a release, first come, first served", async () => {
  const semaphore = new Semaphore(2);
  const [first, second] = takeAll(semaphore);
  const waiters = new Waiters(semaphore);
  for (const i of range(3)) waiters.wait(i);
  await settled();
  assertEquals(waiters.order, []);
  first!.release();
  second!.release();
  await settled();
  assertEquals(waiters.order, [0, 1]);
  waiters.permits[1]!.release();
  await settled();
  assertEquals(waiters.order, [0, 1, 2]);
});

test("Semaphore.tryAcquire() doesn't barge in: a freed permit is the longest waiter's before that has heard of it", async () => {
  const semaphore = new Semaphore(1);
  const [permit] = takeAll(semaphore);
  const waiters = new Waiters(semaphore);
  waiters.wait(0);
  waiters.wait(1);
  permit!.release();
  assertStrictEquals(semaphore.tryAcquire(), undefined);
  waiters.wait(2);
  await settled();
  assertEquals(waiters.order, [0]);
  for (const i of range(3)) {
    waiters.permits[i]!.release();
    await settled();
  }
  assertEquals(waiters.order, [0, 1, 2]);
  assert(semaphore.tryAcquire() !== undefined);
});

for (const index of range(3)) {
  test(`Semaphore.acquire() that is aborted leaves the others in their order (waiter ${index} of 3)`, async () => {
    const semaphore = new Semaphore(1);
    const [permit] = takeAll(semaphore);
    const waiters = new Waiters(semaphore);
    const controllers = range(3).map(() => new CountingController());
    const ends = controllers.map((c, i) => waiters.wait(i, c.signal));
    assertEquals(controllers.map((c) => c.listeners), [1, 1, 1]);
    const reason = new Error("why");
    controllers[index]!.abort(reason);
    assertStrictEquals(await ends[index], reason);
    permit!.release();
    await settled();
    waiters.permits[0]!.release();
    await settled();
    assertEquals(waiters.order, range(3).filter((i) => i !== index));
    assertEquals(controllers.map((c) => c.listeners), [0, 0, 0]);
    waiters.permits[1]!.release();
    assert(semaphore.tryAcquire() !== undefined);
  });
}

test("Semaphore.acquire() that is aborted after its permit was given keeps the permit", async () => {
  const semaphore = new Semaphore(1);
  const [permit] = takeAll(semaphore);
  const controller = new CountingController();
  const waiting = semaphore.acquire({ signal: controller.signal });
  permit!.release();
  assertEquals(controller.listeners, 0);
  controller.abort();
  (await waiting).release();
  assert(semaphore.tryAcquire() !== undefined);
});

test("Semaphore.acquire() with an aborted signal rejects with its reason, though a permit is free", async () => {
  const semaphore = new Semaphore(1);
  const reason = new TypeError("why");
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(() => semaphore.acquire({ signal }));
  assertStrictEquals(error, reason);
  assert(semaphore.tryAcquire() !== undefined);
});

test("Semaphore.acquire() puts one listener on a signal, however many wait with it, and takes it off", async () => {
  const semaphore = new Semaphore(1);
  const [permit] = takeAll(semaphore);
  const controller = new CountingController();
  const waiters = new Waiters(semaphore);
  const ends = range(1000).map((i) => waiters.wait(i, controller.signal));
  assertEquals(controller.listeners, 1);
  permit!.release();
  controller.abort("why");
  await Promise.all(ends);
  assertEquals([controller.listeners, controller.added], [0, 1]);
  assertEquals(waiters.order, [0]);
  waiters.permits[0]!.release();
  assert(semaphore.tryAcquire() !== undefined);
});

test("Semaphore.acquire() puts no listener on the signal of a call that need not wait", async () => {
  const controller = new CountingController();
  await new Semaphore(1).acquire({ signal: controller.signal });
  assertEquals(controller.added, 0);
});

test("Semaphore.limit set higher admits the callers that wait at once, as many as there is room for", async () => {
  const semaphore = new Semaphore(1);
  takeAll(semaphore);
  const waiters = new Waiters(semaphore);
  for (const i of range(4)) waiters.wait(i);
  semaphore.limit = 3;
  assertEquals(semaphore.limit, 3);
  assertStrictEquals(semaphore.tryAcquire(), undefined);
  await Promise.resolve();
  assertEquals(waiters.order, [0, 1]);
  semaphore.limit = Infinity;
  await Promise.resolve();
  assertEquals(waiters.order, [0, 1, 2, 3]);
  assert(semaphore.tryAcquire() !== undefined);
});

test("Semaphore.limit set lower lets the holders end, and admits no caller until fewer are held", async () => {
  const semaphore = new Semaphore(3);
  const permits = takeAll(semaphore);
  const waiters = new Waiters(semaphore);
  waiters.wait(0);
  semaphore.limit = 1;
  for (const permit of permits.slice(1)) {
    permit.release();
    await settled();
    assertEquals(waiters.order, []);
  }
  permits[0]!.release();
  await settled();
  assertEquals(waiters.order, [0]);
  assertStrictEquals(semaphore.tryAcquire(), undefined);
});

test("Semaphore's permit is released once, whichever way comes first", () => {
  const semaphore = new Semaphore(2);
  const [first, second] = takeAll(semaphore);
  first!.release();
  first!.release(true);
  first![Symbol.dispose]();
  assert(semaphore.tryAcquire() !== undefined);
  assertStrictEquals(semaphore.tryAcquire(), undefined);
  second![Symbol.dispose]();
  second!.release();
  assert(semaphore.tryAcquire() !== undefined);
  assertStrictEquals(semaphore.tryAcquire(), undefined);
});

test("Semaphore's permit is released by `using`, also when the block throws", async () => {
  const semaphore = new Semaphore(1);
  await assertRejects(async () => {
    using _permit = await semaphore.acquire();
    assertStrictEquals(semaphore.tryAcquire(), undefined);
    throw new Error("block");
  });
  assert(semaphore.tryAcquire() !== undefined);
});

test("Semaphore is shared: two crowds both get on, and never hold more than its limit", async () => {
  const semaphore = new Semaphore(10);
  let held = 0;
  let most = 0;
  const done = [0, 0];
  const worker = async (crowd: number) => {
    for (const _ of range(50)) {
      using _permit = await semaphore.acquire();
      most = Math.max(most, ++held);
      await Promise.resolve();
      held--;
      done[crowd]!++;
      assert(Math.abs(done[0]! - done[1]!) <= 16, "one crowd starves");
    }
  };
  await Promise.all(range(16).map((i) => worker(i % 2)));
  assertEquals([most, ...done], [10, 400, 400]);
});

for (const limit of [0, -1, 1.5, NaN]) {
  test(`Semaphore takes no limit of ${limit}, and keeps the one it has`, () => {
    const received =
      `limit must be a positive integer or Infinity, received ${limit}`;
    assertThrows(
      () => new Semaphore(limit),
      RangeError,
      `Cannot create semaphore: ${received}`,
    );
    const semaphore = new Semaphore(2);
    assertThrows(
      () => semaphore.limit = limit,
      RangeError,
      `Cannot set limit: ${received}`,
    );
    assertEquals(semaphore.limit, 2);
  });
}

test("Semaphore takes nothing for a limit that is no number", () => {
  for (const limit of ["1", null, undefined] as unknown as number[]) {
    assertThrows(() => new Semaphore(limit), TypeError, "limit");
  }
});

test("Semaphore.acquire() with options that are none rejects, and takes no permit", async () => {
  const semaphore = new Semaphore(1);
  for (const options of [5, { signal: {} }, { signal: "abort" }]) {
    const error = await assertRejects(
      () => semaphore.acquire(options as { signal: AbortSignal }),
      TypeError,
      "Cannot acquire permit: ",
    );
    assertInstanceOf(error, TypeError);
  }
  assert(semaphore.tryAcquire() !== undefined);
});

test("console.log shows what a semaphore's limit is, how much of it is held, and how many wait", async () => {
  const semaphore = new Semaphore(10);
  const permit = semaphore.tryAcquire({ weight: 8 });
  const waiting = semaphore.acquire({ weight: 3 });
  const log = inspect(semaphore);
  assertEquals(log, "Semaphore { limit: 10, held: 8, waiting: 1 }");
  assertEquals(inspect(Object.create(Semaphore.prototype)), "Semaphore {}");
  permit!.release();
  (await waiting).release();
});
