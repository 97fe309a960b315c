import { AsyncLocalStorage } from "node:async_hooks";
import { CoGroup } from "../mod.ts";
import { gate, range, settled } from "./support/helpers.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

const storage = new AsyncLocalStorage<number | string>();

for (const options of [undefined, { timeout: 60_000 }]) {
  const kind = options ? "with options" : "plain";
  test(`Law 13: 20 of 20 tasks of go (${kind}) see their caller's store, though 18 wait`, async () => {
    const group = storage.run("group", () => new CoGroup(2));
    const seen = await Promise.all(
      range(20).map((i) =>
        storage.run(i, () =>
          group.go(async () => {
            const before = storage.getStore();
            await settled();
            return [before, storage.getStore()];
          }, options))
      ),
    );
    assertEquals(seen, range(20).map((i) => [i, i]));
  });
}

test("Law 13: calls of three groups in one turn, some cleared, some abandoned: each has its own store and its own result", async () => {
  const groups = [1, 2, 3].map((n) => new CoGroup(n));
  const results = range(60).map((i) =>
    storage.run(
      i,
      () => groups[i % 3]!.go(() => [i, storage.getStore()]).catch(() => i),
    )
  );
  await Promise.resolve(); // The calls that are next were woken, and none has looked.
  const cleared = groups[1]!.clear().length;
  groups[2]!.abort();
  const ended = await Promise.all(results);
  for (const [i, result] of ended.entries()) {
    if (typeof result === "number") assertEquals(result, i);
    else assertEquals(result, [i, i]);
  }
  const lost = ended.filter((result) => typeof result === "number");
  assertEquals(lost.length, cleared + groups[2]!.stats.abandoned);
  assertEquals(ended.every((result, i) => i % 3 > 0 || result !== i), true);
});

test("Law 13: the calls of 3,000 groups in one turn, and in the next ones: each has its own store and its own result", async () => {
  const groups = range(3000).map(() =>
    new CoGroup({ concurrency: 1, slice: Infinity })
  );
  for (const round of range(3)) {
    const seen = await Promise.all(
      groups.map((group, i) =>
        storage.run(
          i,
          () => group.go(() => [i, round, storage.getStore()]),
        )
      ),
    );
    assertEquals(seen, range(3000).map((i) => [i, round, i]));
  }
  await Promise.all(groups.map((group) => group.wait()));
});

test("Law 13: a retried task of go sees its caller's store on every attempt", async () => {
  const group = new CoGroup({
    concurrency: 1,
    retry: { minTimeout: 0, jitter: 0, maxAttempts: 3 },
  });
  const seen: unknown[] = [];
  const results = [1, 2].map((i) =>
    storage.run(i, () =>
      group.go(({ attempt }) => {
        seen.push([storage.getStore(), attempt]);
        if (attempt < 3) throw new Error("again");
      }))
  );
  await Promise.all(results);
  assertEquals(
    seen.sort(),
    [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]],
  );
});

test("Law 13: everything else runs in the context that made the group", async () => {
  const seen: unknown[] = [];
  const note = () => void seen.push(storage.getStore());
  const group = storage.run("group", () =>
    new CoGroup({
      concurrency: 2,
      capacity: 1,
      onError: note,
    }));
  await storage.run("caller", async () => {
    group.add(note);
    group.add(note, { timeout: 1000 });
    group.tryInsert(note);
    await group.insert(note);
    await group.go(() => {});
    group.add(note);
    group.add(() => Promise.reject(new Error("no")));
    await group.insertAll([note, { task: note }]);
    await group.wait();
  });
  assertEquals(seen.length, 8);
  assertEquals(new Set(seen), new Set(["group"]));
});

test("Law 13: a task with the options of an item of map that runs beside it has the group's store, and the item that of map", async () => {
  const { signal } = new AbortController();
  for (const options of [{ signal }, { id: 1 }, { id: 1, signal }]) {
    const group = storage.run("group", () => new CoGroup(1));
    const { promise, open } = gate();
    const seen: unknown[] = [];
    const see = () => void seen.push(storage.getStore());
    const result = storage.run(
      "map",
      () =>
        group.map([1], () => promise.then(see), { each: () => options })
          .next(),
    );
    await settled(); // The item runs.
    group.add(see, options);
    open();
    assertEquals((await result).done, false);
    await group.wait();
    assertEquals(seen, ["map", "group"]);
  }
});
