/**
 * A place without DOMException: what would be one is an Error of that name.
 *
 * @module
 */

import { gate, settled } from "./support/helpers.ts";
import { loadAnew } from "./support/load_anew.ts";
import { PolyfilledSignal } from "./support/polyfilled_signal.ts";
import { assert, assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

/** Takes it away, until the end of the block. */
function withoutDOMException(): Disposable {
  const own = Object.getOwnPropertyDescriptor(globalThis, "DOMException")!;
  Reflect.deleteProperty(globalThis, "DOMException");
  return {
    [Symbol.dispose]() {
      Object.defineProperty(globalThis, "DOMException", own);
    },
  };
}

async function load() {
  using _ = withoutDOMException();
  return await loadAnew();
}

const { Channel, CoGroup, droppingQueue, slidingQueue } = await load();

const paused = { concurrency: 1, paused: true };

/** What gives a call such an error. */
const ways: Record<string, [name: string, () => Promise<unknown>]> = {
  "abort()": ["AbortError: The group was aborted", () => {
    const group = new CoGroup(paused);
    const result = group.go(() => {});
    group.abort();
    assertEquals(`${group.signal.reason}`, "AbortError: The group was aborted");
    return result;
  }],
  "clear()": ["AbortError: The task was cleared", () => {
    const group = new CoGroup(paused);
    const result = group.go(() => {});
    group.clear();
    return result;
  }],
  "an eviction": ["AbortError: The task was evicted", () => {
    const group = new CoGroup({ ...paused, queue: slidingQueue(1) });
    const result = group.go(() => {});
    group.add(() => {});
    return result;
  }],
  "a refusal": [
    "AbortError: Cannot go: the queue is full",
    () => new CoGroup({ ...paused, queue: droppingQueue(0) }).go(() => {}),
  ],
  "a timeout": ["TimeoutError: The task timed out after 5 ms", async () => {
    using time = new FakeTime();
    const group = new CoGroup({ concurrency: 1, timeout: 5 });
    const end = gate();
    const result = group.go(() => end.promise).catch((error) => error);
    await settled();
    time.tick(5);
    const error = await result;
    end.open();
    await group.wait();
    throw error;
  }],
  "a signal without a reason": [
    "AbortError: The operation was aborted",
    () => {
      const polyfill = new PolyfilledSignal();
      const signal = polyfill as unknown as AbortSignal;
      const result = new Channel().receive({ signal });
      polyfill.abort();
      return result;
    },
  ],
};

for (const [way, [expected, run]] of Object.entries(ways)) {
  test(`Where there is no DOMException, ${way} rejects with an Error of that name`, async () => {
    using _ = withoutDOMException();
    const error = await run().catch((error) => error);
    assert(error instanceof Error);
    assertEquals(`${error}`, expected);
  });
}
