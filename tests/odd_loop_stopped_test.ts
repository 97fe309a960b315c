import { range } from "./support/helpers.ts";
import { loadAnew } from "./support/load_anew.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

// A test has stopped the clock of `Date`, and that alone, before the library was loaded.
const dateNow = Date.now;
Date.now = () => 0;
const { CoGroup } = await loadAnew();
Date.now = dateNow;

test("Law 10: CoGroup lets the loop turn though Date stood still when it was loaded", async () => {
  const group = new CoGroup({ concurrency: 4, slice: 1 });
  let ran = 0;
  let most = 0;
  let last = 0;
  let isOver = false;
  const turns = (async () => {
    while (!isOver) {
      await new Promise<void>((resolve) => setTimeout(resolve));
      most = Math.max(most, ran - last);
      last = ran;
    }
  })();
  for (const _ of range(40)) {
    group.add(() => {
      ran++;
      for (const begin = performance.now(); performance.now() < begin + 3;);
    });
  }
  await group.wait();
  isOver = true;
  await turns;
  assertEquals(ran, 40);
  assert(most < 40, "the loop did not turn");
});
