import { AsyncLocalStorage } from "node:async_hooks";
import { CoGroup } from "../mod.ts";
import { range, settled } from "./support/helpers.ts";
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
