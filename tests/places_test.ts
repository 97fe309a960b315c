import { Places } from "../src/places.ts";
import { range } from "./support/helpers.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

test("Places.take() gives what was put there, in whatever order it is called for, or never", () => {
  const places = new Places<string>();
  const [a, b, c] = ["a", "b", "c"].map((value) => places.put(value));
  assertEquals(places.take(b!), "b");
  const d = places.put("d");
  assertEquals([c, a, d].map((place) => places.take(place!)), ["c", "a", "d"]);
});

test("Places.take() leaves nothing at the place", () => {
  const places = new Places<string>();
  const place = places.put("a");
  places.take(place);
  assertEquals(places.take(place), undefined);
});

test("Places keeps 1,024 free places at the most when all of them are free", () => {
  for (const [count, next] of [[1024, 1023], [1025, 0]] as const) {
    const places = new Places<number>();
    for (const place of range(count).map((i) => places.put(i))) {
      places.take(place);
    }
    assertEquals(places.put(0), next);
  }
});

test("Places begins anew whichever place was the first to be free", () => {
  const places = new Places<number>();
  const all = range(2000).map((i) => places.put(i));
  for (const place of all.reverse()) places.take(place);
  assertEquals(range(3).map((i) => places.put(i)), [0, 1, 2]);
});

test("Places uses free places again, and has few of them left when 5,000 were in use", () => {
  const places = new Places<number>();
  const all = range(5000).map((i) => places.put(i));
  assertEquals(new Set(all).size, 5000);
  assertEquals(all.map((place) => places.take(place)), range(5000));
  assertEquals(range(3).map((i) => places.put(i)), [0, 1, 2]);
  assertEquals(range(3).map((i) => places.take(i)), [0, 1, 2]);
});
