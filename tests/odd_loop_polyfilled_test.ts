import { range } from "./support/helpers.ts";
import { isDone, OddLoop } from "./support/odd_loop.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

// A tab whose page has brought a `setImmediate` along, as core-js does. Behind another tab
// its timers go off once a second.
const loop = new OddLoop("SharedArrayBuffer");
const { CoGroup } = await loop.load();

test("CoGroup waits for no timer where all go off once a second, and setImmediate is a library's", async () => {
  using _ = loop.use();
  loop.timers = "held";
  const group = new CoGroup(4);
  let ran = 0;
  for (const _ of range(300)) {
    group.add(() => {
      loop.clock++;
      ran++;
    });
  }
  const done = group.wait();
  let seconds = 0;
  while (!await isDone(done, 40) && seconds < 100) {
    seconds++;
    loop.clock = (Math.floor(loop.clock / 1000) + 1) * 1000;
    loop.release();
  }
  assertEquals(ran, 300);
  assert(seconds <= 1, `it waited for ${seconds} timers`);
  // Lets the last probe go off: here it is a message, which Deno takes for a leak.
  await isDone(new Promise(() => {}), 50);
});
