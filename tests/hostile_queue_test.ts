/**
 * A queue of one's own that uses the group it was given to, in the middle of
 * taking a task in.
 */

import { CoGroup, type Queue, type QueuedTask } from "../mod.ts";
import { assertBooks } from "./support/helpers.ts";
import { deafSignal, PolyfilledSignal } from "./support/polyfilled_signal.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

const never = (): never => {
  throw new Error("a task ran that was abandoned");
};

/** Calls back when it has taken a value in. */
class TellingQueue implements Queue<QueuedTask> {
  readonly capacity = Infinity;
  readonly #values: QueuedTask[] = [];
  readonly #onPush: () => void;

  constructor(onPush: () => void) {
    this.#onPush = onPush;
  }

  get size(): number {
    return this.#values.length;
  }

  push(value: QueuedTask): void {
    this.#values.push(value);
    this.#onPush();
  }

  peek(): QueuedTask | undefined {
    return this.#values[0];
  }

  shift(): QueuedTask | undefined {
    return this.#values.shift();
  }

  drain(): QueuedTask[] {
    return this.#values.splice(0);
  }
}

const signals = {
  "without a signal": () => undefined,
  "with a signal": () => new PolyfilledSignal(),
  "with a signal that can't be listened to": () => deafSignal(),
};

for (const end of ["cancel", "drain"] as const) {
  for (const [name, make] of Object.entries(signals)) {
    test(`CoGroup.add() ${name} into a queue whose push calls ${end}() takes the task in, and abandons it`, async () => {
      const queue = new TellingQueue(() => group[end]());
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
