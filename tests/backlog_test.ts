import { NONE } from "../src/base/promises.ts";
import { Backlog } from "../src/channel/backlog.ts";
import type { Queue } from "../src/queues/queue.ts";
import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** A queue of one's own, which takes nothing in while it `isBroken`. */
class Breakable implements Queue<string> {
  readonly capacity = Infinity;
  readonly whenFull = "wait";
  isBroken = false;
  #values: string[] = [];

  get size(): number {
    return this.#values.length;
  }

  all(): string[] {
    return [...this.#values];
  }

  push(value: string): void {
    if (this.isBroken) throw new Error("broken");
    this.#values.push(value);
  }

  peek(): string | undefined {
    return this.#values[0];
  }

  shift(): string | undefined {
    return this.#values.shift();
  }

  clear(): string[] {
    return this.#values.splice(0);
  }
}

test("Backlog has a value back that its queue would not have, as the next one, unless it is forgotten", () => {
  for (const isForgotten of [false, true]) {
    const gone = new Set<string>();
    const queue = new Breakable();
    const backlog = new Backlog(queue, { isLive: (value) => !gone.has(value) });
    for (const value of ["a", "b"]) backlog.offer(value);
    assertEquals(backlog.shift(), "a");
    queue.isBroken = true;
    assertThrows(() => backlog.putBack("a"), Error, "broken");
    assertEquals(backlog.size, 2);
    if (isForgotten) {
      gone.add("a");
      backlog.forget();
      assertEquals(backlog.size, 1);
    } else assertEquals(backlog.shift(), "a");
    assertEquals([backlog.shift(), backlog.size], ["b", 0]);
    assertStrictEquals(backlog.shift(), NONE);
  }
});
