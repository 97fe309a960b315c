import { range } from "./support/helpers.ts";
import { isDone, OddLoop } from "./support/odd_loop.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

const loop = new OddLoop();
loop.immediates = "throws";
const { CoGroup } = await loop.load();

for (const others of ["runs", "throws"] as const) {
  test(`CoGroup runs each task where setImmediate throws, and each other means ${others}`, async () => {
    using _ = loop.use();
    loop.timers = loop.messages = others;
    const rejections = await unhandled(async () => {
      const group = new CoGroup(4);
      let ran = 0;
      for (const _ of range(100)) {
        group.add(() => {
          loop.clock++;
          ran++;
        });
      }
      assert(await isDone(group.wait()), `${ran} of 100 tasks ran`);
      assertEquals([ran, await group.wait()], [100, 0]);
    });
    assertEquals(rejections, []);
  });
}
