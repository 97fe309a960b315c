import { CoGroup } from "../mod.ts";
import { keep, lastReject, lastResolve } from "../src/base/promises.ts";
import { assertEquals, assertRejects } from "./support/std.ts";
import { test } from "./support/test.ts";

test("lastResolve() and lastReject() take what settles the last promise, and nothing of it is kept", async () => {
  const resolved = new Promise<number>(keep);
  lastResolve<number>()(1);
  const rejected = new Promise<number>(keep);
  lastReject()(new RangeError("no"));
  assertEquals(await resolved, 1);
  await assertRejects(() => rejected, RangeError, "no");
  new Promise<void>(keep);
  lastResolve();
  lastReject();
  assertEquals([lastResolve(), lastReject()], [undefined, undefined]);
});

test("CoGroup.go() of a task that has to wait leaves nothing of it where promises are made", async () => {
  const group = new CoGroup({ concurrency: 1, paused: true });
  group.go(() => {});
  assertEquals([lastResolve(), lastReject()], [undefined, undefined]);
  group.resume();
  await group.wait();
});
