import { Ids } from "../src/ids.ts";
import { range } from "./support/helpers.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

function take(ids: Ids, n: number): number[] {
  return range(n).map(() => ids.take());
}

function sorted(numbers: number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

test("Ids.take() gives small numbers from 0 on, none of them twice", () => {
  const ids = new Ids();
  assertEquals([take(ids, 4), ids.used], [[0, 1, 2, 3], 4]);
});

test("Ids.take() gives a released id again before a fresh one", () => {
  const ids = new Ids();
  take(ids, 4);
  ids.release(1);
  ids.release(3);
  assertEquals(ids.used, 2);
  assertEquals([sorted(take(ids, 2)), ids.take(), ids.used], [[1, 3], 4, 5]);
});

test("Ids.resize() to fewer leaves the ids in use above the limit to who has them, and gives none of them out", () => {
  const ids = new Ids();
  take(ids, 4);
  ids.resize(2);
  assertEquals(ids.used, 4);
  for (const id of [3, 0, 2, 1]) ids.release(id);
  assertEquals([sorted(take(ids, 2)), ids.used], [[0, 1], 2]);
});

test("Ids.take() gives no id above the limit after a shrink, be it free or a stray's", () => {
  const ids = new Ids();
  take(ids, 6);
  for (const id of [5, 1, 4]) ids.release(id);
  ids.resize(3);
  ids.release(3);
  ids.release(0);
  assertEquals([sorted(take(ids, 2)), ids.used], [[0, 1], 3]);
  for (const id of range(3)) ids.release(id);
  assertEquals([sorted(take(ids, 3)), ids.used], [[0, 1, 2], 3]);
});

test("Ids.take() passes over strays that have not come back when the limit grows again", () => {
  const ids = new Ids();
  take(ids, 4);
  ids.resize(1);
  ids.release(2);
  ids.resize(5);
  assertEquals(take(ids, 2), [2, 4]);
  ids.release(3);
  assertEquals([ids.take(), ids.used], [3, 5]);
});

test("Ids.take() gives a stray's id again that came back below the ids given since, and only once", () => {
  const ids = new Ids();
  take(ids, 3);
  ids.resize(1);
  ids.resize(4);
  assertEquals(ids.take(), 3);
  ids.release(1);
  ids.release(2);
  assertEquals(sorted(take(ids, 2)), [1, 2]);
});

test("Ids.take() gives an id that came back above the fresh ones in its turn, and only once", () => {
  const ids = new Ids();
  take(ids, 3);
  ids.resize(0);
  for (const id of range(3)) ids.release(id);
  ids.resize(4);
  assertEquals(take(ids, 4), [0, 1, 2, 3]);
});

test("Ids.resize() makes no stray of an id that is free", () => {
  const ids = new Ids();
  take(ids, 3);
  ids.release(2);
  ids.resize(1);
  ids.resize(3);
  assertEquals(ids.take(), 2);
});

test("Ids of Infinity have no stray, and can be resized to and from it", () => {
  const ids = new Ids();
  assertEquals(take(ids, 3), [0, 1, 2]);
  ids.resize(1);
  ids.resize(Infinity);
  assertEquals(ids.take(), 3);
});

test("Ids never gives an id twice, nor one above the limit, in any mixture of calls", () => {
  for (const seed of range(50)) {
    let state = seed + 1;
    const random = (n: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % n;
    };
    let limit = 4;
    const ids = new Ids();
    const inUse = new Set<number>();
    for (const _ of range(300)) {
      const what = random(5);
      if (what < 2 && inUse.size < limit) {
        const id = ids.take();
        assert(!inUse.has(id) && id < limit, `${id} under ${limit}`);
        inUse.add(id);
      } else if (what < 4 && inUse.size > 0) {
        const id = [...inUse][random(inUse.size)]!;
        inUse.delete(id);
        ids.release(id);
      } else if (what === 4) {
        limit = 1 + random(8);
        ids.resize(limit);
      }
      assertEquals(ids.used, inUse.size);
    }
  }
});
