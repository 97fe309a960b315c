/**
 * A queue of one's own that uses the group it was given to, in the middle of
 * taking a task in.
 */

import { CoGroup } from "../mod.ts";
import { assertBooks } from "./support/helpers.ts";
import { deafSignal, PolyfilledSignal } from "./support/polyfilled_signal.ts";
import { assert, assertEquals } from "./support/std.ts";
import { TellingQueue } from "./support/telling_queue.ts";
import { test } from "./support/test.ts";

const never = (): never => {
  throw new Error("a task ran that was abandoned");
};

const signals = {
  "without a signal": () => undefined,
  "with a signal": () => new PolyfilledSignal(),
  "with a signal that can't be listened to": () => deafSignal(),
};

for (const end of ["cancel", "drain"] as const) {
  for (const [name, make] of Object.entries(signals)) {
    test(`CoGroup.add() ${name} into a queue whose push calls ${end}() takes the task in, and abandons it`, async () => {
      const queue = new TellingQueue(Infinity, () => group[end]());
      const group = new CoGroup({ concurrency: 1, queue, paused: true });
      const signal = make();
      assert(group.add(never, signal?.options));
      assertBooks(group);
      assertEquals([group.stats.abandoned, group.size], [1, 0]);
      signal?.abort("late");
      assertBooks(group);
      group.resume();
      assertEquals(await group.wait(), 1);
      assertEquals(signal?.listeners ?? 0, 0);
    });
  }
}
