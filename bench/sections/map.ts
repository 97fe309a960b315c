/**
 * d. A stream of results from a stream of items, in the order of the items and
 * in the order of the results.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import {
  expect,
  kept,
  own,
  present,
  using,
  type Way,
} from "../support/contenders.ts";
import { type Section, timed } from "../support/harness.ts";

type Mapper = (item: number) => Promise<number>;
type MapAll = (
  items: number[],
  mapper: Mapper,
  concurrency: number,
) => AsyncIterable<number> | Promise<Iterable<number>>;
function cogroup(ordered: boolean): MapAll {
  return (items, mapper, concurrency) => {
    const group = kept(new CoGroup(concurrency));
    return group.map(items, mapper, { ordered });
  };
}

const ways: readonly Way<MapAll>[] = [
  own("cogroup map", cogroup(true)),
  own("cogroup map, unordered", cogroup(false)),
  // Its default backpressure is the concurrency, as is our `ahead: 0`.
  using(
    "p-map",
    ({ pMapIterable }) => (items, mapper, concurrency) =>
      pMapIterable(items, mapper, { concurrency }),
    "pMapIterable",
  ),
  using(
    "p-map",
    ({ pMapIterable }) => (items, mapper, concurrency) =>
      pMapIterable(items, mapper, { concurrency, preserveOrder: false }),
    "pMapIterable, unordered",
  ),
  using(
    "pooledMap",
    ({ pooledMap }) => (items, mapper, concurrency) =>
      pooledMap(concurrency, items, mapper),
  ),
  using(
    "streaming-iterables",
    ({ transform }) => (items, mapper, concurrency) =>
      transform(concurrency, mapper, items),
    "transform, unordered",
  ),
  // No stream: all results at once, in an array.
  using(
    "p-map",
    ({ default: pMap }) => (items, mapper, concurrency) =>
      pMap(items, mapper, { concurrency }),
    "p-map (an array)",
  ),
];

export const map: Section = {
  letter: "d",
  title: "map, every result read",
  cases: ({ peers, quick }) => {
    const count = quick ? 10_000 : 100_000;
    const items = Array.from({ length: count }, (_, i) => i);
    // deno-lint-ignore require-await -- An async function that has nothing to wait for.
    const mapper = async (item: number) => item + 1;
    return [1, 16, 256].map((concurrency) => ({
      title: `concurrency ${concurrency}`,
      x: concurrency,
      unit: "ns/item",
      base: "cogroup map",
      contenders: present(ways, peers, (name, mapAll) => ({
        name,
        measure: timed(count, async () => {
          let sum = 0;
          for await (const result of await mapAll(items, mapper, concurrency)) {
            sum += result;
          }
          expect(sum, count * (count + 1) / 2);
        }),
      })),
    }));
  },
};
