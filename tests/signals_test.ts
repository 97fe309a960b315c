import { Link, List } from "../src/list.ts";
import { Cancel, cancelBy, unwatch, watch } from "../src/signals.ts";
import { CountingController, range } from "./support/helpers.ts";
import { deafSignal, PolyfilledSignal } from "./support/polyfilled_signal.ts";
import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** Watchers that write their number down when they are told, with the reason. */
function watchers(n: number): { told: unknown[]; cancels: Cancel[] } {
  const told: unknown[] = [];
  const cancels = range(n).map((i) =>
    new Cancel((reason) => told.push([i, reason]))
  );
  return { told, cancels };
}

test("watch() puts one listener on a signal for 10,000 watchers", () => {
  const controller = new CountingController();
  const { cancels } = watchers(10_000);
  for (const cancel of cancels) watch(controller.signal, cancel);
  assertEquals([controller.listeners, controller.added], [1, 1]);
  for (const cancel of cancels.slice(1)) unwatch(cancel);
  assertEquals(controller.listeners, 1);
  unwatch(cancels[0]!);
  assertEquals([controller.listeners, controller.added], [0, 1]);
});

test("watch() tells all watchers of the abort's reason, in their order, and takes the listener off", () => {
  const controller = new CountingController();
  const { told, cancels } = watchers(3);
  for (const cancel of cancels) watch(controller.signal, cancel);
  const reason = new Error("why");
  controller.abort(reason);
  assertEquals(told, range(3).map((i) => [i, reason]));
  assertStrictEquals((told[0] as unknown[])[1], reason);
  assertEquals(controller.listeners, 0);
});

test("watch() puts a listener on again after the last watcher has left", () => {
  const controller = new CountingController();
  const { told, cancels: [first, second] } = watchers(2);
  watch(controller.signal, first!);
  unwatch(first!);
  watch(controller.signal, second!);
  assertEquals([controller.listeners, controller.added], [1, 2]);
  controller.abort("why");
  assertEquals(told, [[1, "why"]]);
});

test("watch() of several signals tells only those who watch the aborted one", () => {
  const controllers = range(2).map(() => new CountingController());
  const { told, cancels } = watchers(2);
  for (const i of range(2)) watch(controllers[i]!.signal, cancels[i]!);
  controllers[1]!.abort("why");
  assertEquals(told, [[1, "why"]]);
  assertEquals(controllers.map((c) => c.listeners), [1, 0]);
  unwatch(cancels[0]!);
});

test("unwatch() takes off exactly that watcher: the first, one in the middle, the last", () => {
  for (const index of range(3)) {
    const controller = new CountingController();
    const { told, cancels } = watchers(3);
    for (const cancel of cancels) watch(controller.signal, cancel);
    unwatch(cancels[index]!);
    controller.abort("why");
    const others = range(3).filter((i) => i !== index);
    assertEquals(told, others.map((i) => [i, "why"]));
  }
});

test("unwatch() of who watches nothing, or was told, does nothing", () => {
  const controller = new CountingController();
  const { told, cancels: [first, second] } = watchers(2);
  unwatch(first!);
  watch(controller.signal, second!);
  controller.abort("why");
  unwatch(second!);
  assertEquals([told.length, controller.listeners], [1, 0]);
});

test("watch() tells nobody who was taken off by one who was told before", () => {
  const controller = new AbortController();
  const { told, cancels: [second] } = watchers(1);
  const first = new Cancel(() => unwatch(second!));
  watch(controller.signal, first);
  watch(controller.signal, second!);
  controller.abort("why");
  assertEquals(told, []);
});

test("watch() has a watcher off its signal before it is told, so that it can watch another", () => {
  const [one, other] = [new CountingController(), new CountingController()];
  const { told, cancels: [last] } = watchers(1);
  const first: Cancel = new Cancel(() => {
    assertStrictEquals(first.list, undefined);
    watch(other.signal, last!);
  });
  watch(one.signal, first);
  one.abort("one");
  assertEquals([one.listeners, other.listeners], [0, 1]);
  other.abort("other");
  assertEquals(told, [[0, "other"]]);
});

test("watch() takes no event for an abort that anybody dispatched", () => {
  const controller = new CountingController();
  const { told, cancels: [cancel] } = watchers(1);
  watch(controller.signal, cancel!);
  controller.signal.dispatchEvent(new Event("abort"));
  assertEquals([told.length, controller.listeners], [0, 1]);
  controller.abort("why");
  assertEquals(told, [[0, "why"]]);
});

for (const isAborted of [false, true]) {
  const name = isAborted ? "tells both" : "leaves none at the end";
  test(`watch() begun while another one listens puts one listener on the signal, and ${name}`, () => {
    const { told, cancels: [outer, inner] } = watchers(2);
    const polyfill = new PolyfilledSignal({
      onAdd(nth) {
        if (nth === 1) watch(signal, inner!);
      },
    });
    const { signal } = polyfill.options;
    watch(signal, outer!);
    assertEquals(polyfill.listeners, 1);
    if (isAborted) polyfill.abort("why");
    assertEquals(told, isAborted ? [[1, "why"], [0, "why"]] : []);
    for (const cancel of [inner, outer]) unwatch(cancel);
    assertEquals(polyfill.listeners, 0);
  });
}

test("watch() begun while another one listens, who leaves as the second listener is taken off, is told", () => {
  const { told, cancels: [outer, inner] } = watchers(2);
  const polyfill = new PolyfilledSignal({
    onAdd(nth) {
      if (nth === 1) watch(signal, inner!);
    },
    onRemove(nth) {
      if (nth === 1) unwatch(inner!);
    },
  });
  const { signal } = polyfill.options;
  watch(signal, outer!);
  assertEquals(polyfill.listeners, 1);
  polyfill.abort("why");
  assertEquals([told, polyfill.listeners], [[[0, "why"]], 0]);
});

test("watch() tells of an abort that came while the signal was listened to", () => {
  const { told, cancels: [cancel] } = watchers(1);
  const polyfill = new PolyfilledSignal({
    onAdd: (_, polyfill) => polyfill.abort("why"),
  });
  watch(polyfill.options.signal, cancel!);
  assertEquals([told, polyfill.listeners], [[[0, "why"]], 0]);
});

test("watch() throws what the signal throws, and can be tried again", () => {
  const { told, cancels: [cancel] } = watchers(1);
  const polyfill = new PolyfilledSignal({
    onAdd(nth) {
      if (nth === 1) throw new RangeError("deaf");
    },
  });
  const { signal } = polyfill.options;
  assertThrows(() => watch(signal, cancel!), RangeError, "deaf");
  assertEquals([cancel!.list, polyfill.listeners], [undefined, 0]);
  watch(signal, cancel!);
  polyfill.abort("why");
  assertEquals(told, [[0, "why"]]);
});

test("cancelBy() watches the signal for as long as its caller does not take it off", () => {
  const controller = new CountingController();
  const link = new Link();
  new List().push(link);
  const told: unknown[] = [];
  const cancel = cancelBy(controller.signal, link, (why) => told.push(why));
  assertEquals([controller.listeners, told], [1, []]);
  unwatch(cancel);
  controller.abort("late");
  assertEquals([controller.listeners, told], [0, []]);
});

test("cancelBy() is off the signal if the wait was over before it was listened to", () => {
  const controller = new CountingController();
  cancelBy(controller.signal, new Link(), () => {});
  assertEquals([controller.listeners, controller.added], [0, 1]);
});

test("cancelBy() throws what the signal throws", () => {
  const { signal } = deafSignal().options;
  const begin = () => cancelBy(signal, new Link(), () => {});
  assertThrows(begin, RangeError, "deaf");
});
