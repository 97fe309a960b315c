import { Bell } from "../src/bell.ts";
import { settled } from "./support/helpers.ts";
import { assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** Counts the steps of a bell, and does something in each. */
function listen(bell: Bell, work: () => void | Promise<void> = () => {}) {
  const heard = { steps: 0 };
  (async () => {
    for await (const _ of bell) {
      heard.steps++;
      await work();
    }
  })();
  return heard;
}

test("Bell.next() waits for a ring", async () => {
  const bell = new Bell();
  const heard = listen(bell);
  await settled();
  assertEquals([heard.steps, bell.isRung], [0, false]);
  bell.ring();
  await settled();
  assertEquals(heard.steps, 1);
  bell.ring();
  await settled();
  assertEquals(heard.steps, 2);
});

test("Bell.ring() gives the step in a later microtask, not in the call", async () => {
  const bell = new Bell();
  const heard = listen(bell);
  bell.ring();
  assertEquals(heard.steps, 0);
  await Promise.resolve();
  assertEquals(heard.steps, 1);
});

test("Bell.ring() any number of times since the last step gives one step", async () => {
  const bell = new Bell();
  const heard = listen(bell);
  for (let i = 0; i < 10; i++) bell.ring();
  await settled();
  assertEquals(heard.steps, 1);
});

test("Bell.isRung from a ring until the listener asks for the next step", async () => {
  const bell = new Bell();
  const seen: boolean[] = [];
  listen(bell, () => void seen.push(bell.isRung));
  assertEquals(bell.isRung, false);
  bell.ring();
  assertEquals(bell.isRung, true);
  await settled();
  assertEquals([seen, bell.isRung], [[true], false]);
});

test("Bell.ring() while the listener is at work is left to him: he gets no step for it", async () => {
  const bell = new Bell();
  const heard = listen(bell, () => bell.ring());
  bell.ring();
  await settled();
  assertEquals([heard.steps, bell.isRung], [1, false]);
});

test("Bell is its own iterator, and its steps have no value", async () => {
  const bell = new Bell();
  assertStrictEquals(bell[Symbol.asyncIterator](), bell);
  const step = bell.next();
  bell.ring();
  assertEquals(await step, { value: undefined, done: false });
});
