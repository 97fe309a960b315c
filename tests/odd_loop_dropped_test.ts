import type { CoGroup as Group } from "../mod.ts";
import { range } from "./support/helpers.ts";
import { isDone, OddLoop } from "./support/odd_loop.ts";
import { assert } from "./support/std.ts";
import { test } from "./support/test.ts";

// An edge runtime drops what a request waits for, when the request is over.
const loop = new OddLoop();
const { CoGroup } = await loop.load();
const MEANS = ["timers", "immediates", "messages"] as const;

/** Has what these means are asked for now dropped, while a group starts to work. */
async function dropping(
  means: readonly typeof MEANS[number][],
): Promise<Group> {
  for (const name of means) loop[name] = "dropped";
  const group = work();
  await isDone(group.wait(), 20);
  for (const name of means) loop[name] = "runs";
  return group;
}

/** A group with 100 tasks of 1 ms of CPU. */
function work(): Group {
  const group = new CoGroup(4);
  for (const _ of range(100)) group.add(() => void loop.clock++);
  return group;
}

for (const means of [...MEANS, undefined]) {
  const dropped = MEANS.filter((name) => name !== means);
  test(`CoGroup gets to its end when ${dropped.join(" and ")} are dropped once`, async () => {
    using _ = loop.use();
    const group = await dropping(dropped);
    if (means !== undefined) assert(await isDone(group.wait()));
    // Then nothing tells of a turn, before another group works.
    assert(await isDone(work().wait()), "nor does another group");
    assert(await isDone(group.wait()), "not even when another group works");
  });
}
