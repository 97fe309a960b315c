/**
 * Random programs over `consume`: see model/consume.ts.
 */

import { playAll } from "./model/consume.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("In any weather no message is lost, none is answered for twice, and no stale nak is sent", async () => {
  const weather = { faults: 0.15, isRough: true, isKeyed: false };
  const { fates } = await playAll(1, 60, weather);
  for (const [fate, count] of Object.entries(fates)) {
    assert(count > 0 || fate === "held", `no message was ${fate}`);
  }
});

test("With keys the same, and no message runs twice at once in one process", async () => {
  const weather = { faults: 0.15, isRough: true, isKeyed: true };
  const { runs } = await playAll(1001, 40, weather);
  assert(runs > 0);
});

test("The order of a key, with retries in place and answers that come late, has no inversion", async () => {
  const weather = { faults: 0.3, isRough: false, isKeyed: true };
  const { inversions, runs, fates } = await playAll(2001, 40, weather);
  assertEquals(inversions, 0);
  assert(runs > fates.received!, "some were tried again");
});
