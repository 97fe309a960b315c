/**
 * What the compiler makes of a group: the types that it infers, and the mistakes that it
 * finds. `deno check` tests that; to run it shows that the values are of those types.
 */

import {
  CoGroup,
  type ItemContext,
  type MapOptions,
  type SettledItem,
  type Task,
  type TaskOptions,
} from "../mod.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** True if the types are one and the same; `any` is the same as `any` alone. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends
  (<X>() => X extends B ? 1 : 2) ? true : false;

/** Is an error to the compiler unless the value is of type `A`, and of no other. */
function typed<A>(): <B>(
  value: B & (Same<A, B> extends true ? B : never),
) => B {
  return (value) => value;
}

/** What is written here is checked, and never run. */
function checkedOnly(_never: () => unknown): void {}

async function first<T>(stream: AsyncIterable<T>): Promise<T> {
  for await (const one of stream) return one;
  throw new Error("nothing");
}

interface Page {
  host: string;
  size: number;
}

const pages: Page[] = [{ host: "a", size: 1 }];

test("CoGroup.go() infers the result of values, promises, async functions and tasks", async () => {
  await using group = new CoGroup(1);
  const task: Task<boolean> = ({ attempt }) => attempt === 1;
  assertEquals(
    [
      typed<number>()(await group.go(() => pages.length)),
      typed<string>()(await group.go(() => Promise.resolve("a"))),
      typed<Page | undefined>()(await group.go(async () => await pages[0])),
      typed<boolean>()(await group.go(task)),
      typed<void>()(await group.go(() => {})),
    ],
    [1, "a", pages[0], true, undefined],
  );
  const either = (isNow: boolean): number | Promise<number> =>
    isNow ? 1 : Promise.resolve(2);
  typed<number>()(await group.go(() => either(true)));
  const both = async (isNow: boolean): Promise<number | string> =>
    isNow ? 1 : await "later";
  typed<number | string>()(await group.go(() => both(true)));
});

test("CoGroup.map() infers the items of its source, and its results", async () => {
  await using group = new CoGroup(1);
  const sizes = group.map(pages, (page, ctx) => {
    typed<ItemContext>()(ctx);
    typed<number>()(ctx.index);
    return typed<Page>()(page).size;
  });
  typed<number>()(await first(sizes));
  const parsing = group.map(
    group.map("12", (digit) => Promise.resolve(digit)),
    async (digit) => await [typed<string>()(digit)],
  );
  assertEquals(typed<string[]>()(await first(parsing)), ["1"]);
});

test("CoGroup.mapSettled() infers value, item and index", async () => {
  await using group = new CoGroup(1);
  const results = group.mapSettled(pages, ({ host }) => host);
  const one = typed<SettledItem<Page, string>>()(await first(results));
  typed<Page>()(one.item);
  typed<number>()(one.index);
  if (one.status === "fulfilled") typed<string>()(one.value);
  else typed<unknown>()(one.reason as unknown);
  assertEquals(one, {
    status: "fulfilled",
    value: "a",
    item: pages[0]!,
    index: 0,
  });
  checkedOnly(() => {
    // @ts-expect-error A value is there only if the item was fulfilled.
    one.value;
    // @ts-expect-error It is the reader's to look at.
    one.index = 1;
  });
});

test("CoGroup.map({ each }) knows the item, and its options are checked", async () => {
  await using group = new CoGroup(1);
  const results = group.map(pages, ({ size }) => size, {
    each: (page, index) => ({
      id: typed<number>()(index),
      key: typed<Page>()(page).host,
      priority: page.size,
      timeout: page.size > 1 ? 1000 : undefined,
      retry: undefined,
      signal: undefined,
    }),
  });
  typed<number>()(await first(results));
  const size = ({ size }: Page) => size;
  checkedOnly(() => {
    // @ts-expect-error A timeout is a number.
    group.map(pages, size, { each: () => ({ timeout: "1 s" }) });
    // @ts-expect-error A priority is a number.
    group.mapSettled(pages, size, { each: ({ host }) => ({ priority: host }) });
    // @ts-expect-error A signal is an AbortSignal.
    group.map(pages, size, { each: () => ({ signal: new AbortController() }) });
    // @ts-expect-error The items have no such property.
    group.map(pages, size, { each: ({ hots }) => ({ key: hots }) });
    // @ts-expect-error Options, not a promise of them.
    group.map(pages, size, { each: async () => await { timeout: 1 } });
    // @ts-expect-error One id for all items says nothing.
    group.map(pages, size, { id: "all" });
    // @ts-expect-error `each` of other items.
    const _: MapOptions<Page> = { each: (n: number) => ({ key: n }) };
    // @ts-expect-error A task of `go` has no index.
    group.go(({ index }) => index);
  });
});

test("Options may be undefined, also to callers with exactOptionalPropertyTypes", async () => {
  const nothing: undefined = undefined;
  await using group = new CoGroup({
    concurrency: 1,
    capacity: nothing,
    queue: nothing,
    timeout: nothing,
    signal: nothing,
  });
  const options: Required<{ [K in keyof TaskOptions]: TaskOptions[K] }> = {
    signal: nothing,
    timeout: nothing,
    retry: nothing,
    id: nothing,
    priority: nothing,
    key: nothing,
    weight: nothing,
  };
  assertEquals(await group.go(() => 1, options), 1);
  const { id: _, ...ofAll } = options;
  const results = group.map([2], (n) => n, {
    ...ofAll,
    ordered: nothing,
    ahead: nothing,
    each: nothing,
  });
  assertEquals(await first(results), 2);
  assertEquals(
    await first(group.map([3], (n) => n, { each: () => options })),
    3,
  );
  assertEquals(await first(group.map([4], (n) => n, nothing)), 4);
});

test("Unions of values and promises of other types are inferred by go, map and mapSettled", async () => {
  await using group = new CoGroup(1);
  const either = (isNow: boolean): number | Promise<string> =>
    isNow ? 1 : Promise.resolve("later");
  typed<number | string>()(await group.go(() => either(true)));
  const results = group.map([true, false], either);
  typed<number | string>()(await first(results));
  const settled = await first(group.mapSettled([false], either));
  typed<SettledItem<boolean, number | string>>()(settled);
});
