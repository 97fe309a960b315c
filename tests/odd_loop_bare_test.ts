import { range } from "./support/helpers.ts";
import { isDone, OddLoop, TurnCounter } from "./support/odd_loop.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

// A platform that has timers, and nothing else that tells of a turn.
const loop = new OddLoop("setImmediate", "MessageChannel", "SharedArrayBuffer");
const { CoGroup } = await loop.load();

test("CoGroup lets the loop turn where there are timers alone", async () => {
  using _ = loop.use();
  using turns = new TurnCounter();
  const group = new CoGroup(4);
  const begun = loop.clock;
  let ran = 0;
  for (const _ of range(500)) {
    group.add(() => {
      loop.clock++;
      ran++;
      turns.count();
    });
  }
  assert(await isDone(group.wait()), `${ran} of 500 tasks ran`);
  assertEquals(ran, 500);
  const waited = loop.clock - begun - 500;
  assert(waited <= 500, `it waited for ${waited} ms`);
  // Timers of no time may go off together, on these runtimes.
  assert(turns.most < 500, `${turns.most} tasks in one turn`);
});
