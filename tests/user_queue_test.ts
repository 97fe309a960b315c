import type { Queue } from "../mod.ts";
import { UserQueue } from "../src/queues/user_queue.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("UserQueue of a queue that lets go of values by itself keeps none of them", () => {
  let latest: string | undefined;
  const own: Queue<string> = {
    capacity: Infinity,
    get size() {
      return latest === undefined ? 0 : 1;
    },
    push: (value) => void (latest = value),
    peek: () => latest,
    shift() {
      const value = latest;
      latest = undefined;
      return value;
    },
    clear: () => [],
  };
  const queue = new UserQueue(own);
  for (const value of ["a", "b", "c"]) {
    queue.push(value);
    assertEquals(queue.all().length <= queue.size, true);
  }
  assertEquals([queue.shift(), queue.all()], ["c", []]);
});
