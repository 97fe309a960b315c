/**
 * A place like workerd, where a promise that waits is lost with the request that has
 * made it. `.ci/platforms.ts` asks workerd itself.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { loadAnew } from "./support/load_anew.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

async function load() {
  Object.assign(globalThis, { WebSocketPair: class {} });
  try {
    return await loadAnew();
  } finally {
    Reflect.deleteProperty(globalThis, "WebSocketPair");
  }
}

const { CoGroup } = await load();

test("Where promises belong to requests, CoGroup.add() has its task start by no promise of an earlier request", async () => {
  const request = new AsyncLocalStorage<number>();
  const started: unknown[] = [];
  const group = request.run(0, () => new CoGroup(1));
  for (const id of [1, 2]) {
    await request.run(id, () => {
      for (const _ of "ab") group.add(() => started.push(request.getStore()));
      assertEquals(started.length, 2 * id - 2, "law 3");
      return group.idle();
    });
  }
  // A promise that has waited since then would have brought its own context with it.
  assertEquals(started, [1, 1, 2, 2]);
  assertEquals(await group.wait(), 0);
});
