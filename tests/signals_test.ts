import { AbortWatcher, reasonOf, unwatch, watch } from "../src/base/signals.ts";
import { CountingController, range } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** Watchers that write their number down when they are told, with the reason. */
function watchers(n: number): { told: unknown[]; watching: AbortWatcher[] } {
  const told: unknown[] = [];
  const watching = range(n).map((i) =>
    new AbortWatcher((reason) => told.push([i, reason]))
  );
  return { told, watching };
}

test("watch() puts one listener on a signal for 10,000 watchers", () => {
  const controller = new CountingController();
  const { watching } = watchers(10_000);
  for (const watcher of watching) watch(controller.signal, watcher);
  assertEquals([controller.listeners, controller.added], [1, 1]);
  for (const watcher of watching.slice(1)) unwatch(watcher);
  assertEquals(controller.listeners, 1);
  unwatch(watching[0]!);
  assertEquals([controller.listeners, controller.added], [0, 1]);
});

test("watch() tells all watchers of the abort's reason, in their order, and takes the listener off", () => {
  const controller = new CountingController();
  const { told, watching } = watchers(3);
  for (const watcher of watching) watch(controller.signal, watcher);
  const reason = new Error("why");
  controller.abort(reason);
  assertEquals(told, range(3).map((i) => [i, reason]));
  assertStrictEquals((told[0] as unknown[])[1], reason);
  assertEquals(controller.listeners, 0);
});

test("watch() puts a listener on again after the last watcher has left", () => {
  const controller = new CountingController();
  const { told, watching: [first, second] } = watchers(2);
  watch(controller.signal, first!);
  unwatch(first!);
  watch(controller.signal, second!);
  assertEquals([controller.listeners, controller.added], [1, 2]);
  controller.abort("why");
  assertEquals(told, [[1, "why"]]);
});

test("watch() of several signals tells only the watchers of the aborted one", () => {
  const controllers = range(2).map(() => new CountingController());
  const { told, watching } = watchers(2);
  for (const i of range(2)) watch(controllers[i]!.signal, watching[i]!);
  controllers[1]!.abort("why");
  assertEquals(told, [[1, "why"]]);
  assertEquals(controllers.map((c) => c.listeners), [1, 0]);
  unwatch(watching[0]!);
});

test("unwatch() takes off exactly that watcher: the first, one in the middle, the last", () => {
  for (const index of range(3)) {
    const controller = new CountingController();
    const { told, watching } = watchers(3);
    for (const watcher of watching) watch(controller.signal, watcher);
    unwatch(watching[index]!);
    controller.abort("why");
    const others = range(3).filter((i) => i !== index);
    assertEquals(told, others.map((i) => [i, "why"]));
  }
});

test("unwatch() of a watcher that watches nothing, or was told, does nothing", () => {
  const controller = new CountingController();
  const { told, watching: [first, second] } = watchers(2);
  unwatch(first!);
  watch(controller.signal, second!);
  controller.abort("why");
  unwatch(second!);
  assertEquals([told.length, controller.listeners], [1, 0]);
});

test("watch() does not tell a watcher that one told before it has taken off", () => {
  const controller = new AbortController();
  const { told, watching: [second] } = watchers(1);
  const first = new AbortWatcher(() => unwatch(second!));
  watch(controller.signal, first);
  watch(controller.signal, second!);
  controller.abort("why");
  assertEquals(told, []);
});

test("watch() tells the others, though one throws, and then throws what the first one did", () => {
  const { told, watching: [last] } = watchers(1);
  const listeners: (() => void)[] = [];
  const signal = {
    aborted: false,
    reason: "why",
    addEventListener: (_: string, listener: () => void) =>
      listeners.push(listener),
    removeEventListener: () => {},
  };
  for (const error of ["first", "second"]) {
    const watcher = new AbortWatcher(() => {
      throw new Error(error);
    });
    watch(signal as unknown as AbortSignal, watcher);
  }
  watch(signal as unknown as AbortSignal, last!);
  signal.aborted = true;
  assertThrows(() => listeners[0]!(), Error, "first");
  assertEquals(told, [[0, "why"]]);
});

test("watch() has a watcher off its signal before it is told, so that it can watch another", () => {
  const [one, other] = [new CountingController(), new CountingController()];
  const { told, watching: [last] } = watchers(1);
  const first: AbortWatcher = new AbortWatcher(() => {
    assertStrictEquals(first.list, undefined);
    watch(other.signal, last!);
  });
  watch(one.signal, first);
  one.abort("one");
  assertEquals([one.listeners, other.listeners], [0, 1]);
  other.abort("other");
  assertEquals(told, [[0, "other"]]);
});

test("watch() takes no event of that name for an abort, if the signal is not aborted", () => {
  const controller = new CountingController();
  const { told, watching: [watcher] } = watchers(1);
  watch(controller.signal, watcher!);
  controller.signal.dispatchEvent(new Event("abort"));
  assertEquals([told.length, controller.listeners], [0, 1]);
  controller.abort("why");
  assertEquals(told, [[0, "why"]]);
});

test("watch() tells a watcher that comes while another one is told, if the signal is not aborted", () => {
  const [one, other] = [new CountingController(), new CountingController()];
  const { told, watching: [late, last] } = watchers(2);
  const first = new AbortWatcher(() => {
    watch(other.signal, late!);
    other.abort("other");
  });
  watch(one.signal, first);
  watch(one.signal, last!);
  one.abort("one");
  assertEquals(told, [[0, "other"], [1, "one"]]);
  assertEquals([one.listeners, other.listeners], [0, 0]);
});

test("reasonOf() is what the signal says, null too, and an AbortError where it says nothing", () => {
  for (const reason of [new Error("why"), "why", null, 0, ""]) {
    assertStrictEquals(reasonOf(AbortSignal.abort(reason)), reason);
  }
  const silent = { aborted: true } as AbortSignal;
  const error = reasonOf(silent) as DOMException;
  assert(error instanceof DOMException);
  assertEquals(`${error}`, "AbortError: The operation was aborted");
});
