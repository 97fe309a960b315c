/**
 * Law 10 where there are neither immediates nor fine clocks: timers get through.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { range } from "../../tests/support/helpers.ts";
import { assert } from "../../tests/support/std.ts";
import { test } from "./test.ts";

/** How often a timer goes off while the group works. */
async function turnsOf(group: CoGroup): Promise<number> {
  let turns = 0;
  let timer = setTimeout(function again() {
    turns++;
    timer = setTimeout(again);
  });
  await group.wait();
  clearTimeout(timer);
  return turns;
}

/** Holds the event loop for a millisecond, as CPU work does. */
function burn(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

test("Law 10: timers go off between tasks of 1 ms of CPU, one in 18 at least", async () => {
  const group = new CoGroup({ concurrency: 4, slice: 10 });
  for (const _ of range(180)) group.add(burn);
  const turns = await turnsOf(group);
  assert(turns >= 10 - 1, `${turns} turns`);
});

test("Law 10: timers go off between tasks that never leave the microtask queue", async () => {
  const group = new CoGroup({ concurrency: 4, slice: 0 });
  const end = performance.now() + 50;
  const again = async () => {
    await Promise.resolve();
    if (performance.now() < end) group.add(again);
    else group.close();
  };
  for (const _ of range(4)) group.add(again);
  let turns = 0;
  const timer = setInterval(() => turns++);
  await group.idle();
  clearInterval(timer);
  assert(turns > 0);
});
