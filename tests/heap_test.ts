import { Heap, type Placed } from "../src/base/heap.ts";
import { range } from "./support/helpers.ts";
import { assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

interface Element extends Placed {
  readonly rank: number;
}

function element(rank: number): Element {
  return { rank, index: -1 };
}

function heapOf(
  ranks: number[],
): { heap: Heap<Element>; elements: Element[] } {
  const heap = new Heap<Element>((a, b) => a.rank < b.rank);
  const elements = ranks.map(element);
  for (const one of elements) heap.push(one);
  return { heap, elements };
}

function shiftAll(heap: Heap<Element>): number[] {
  const ranks: number[] = [];
  for (let e = heap.shift(); e !== undefined; e = heap.shift()) {
    assertEquals(e.index, -1);
    ranks.push(e.rank);
  }
  return ranks;
}

/** All orders of these numbers. */
function orders(numbers: number[]): number[][] {
  if (numbers.length === 0) return [[]];
  return numbers.flatMap((first, i) =>
    orders(numbers.toSpliced(i, 1)).map((rest) => [first, ...rest])
  );
}

test("Heap is empty when it is new", () => {
  const { heap } = heapOf([]);
  assertEquals([heap.size, heap.first, heap.shift()], [
    0,
    undefined,
    undefined,
  ]);
});

test("Heap.first is the one that comes out next, and stays in", () => {
  const { heap, elements } = heapOf([2, 1, 3]);
  assertStrictEquals(heap.first, elements[1]);
  assertEquals([heap.size, elements[1]!.index], [3, 0]);
  assertStrictEquals(heap.shift(), elements[1]);
  assertStrictEquals(heap.first, elements[0]);
});

test("Heap.shift() gives elements in their order, in whichever they were pushed", () => {
  for (const ranks of orders(range(6))) {
    const { heap } = heapOf(ranks);
    assertEquals(heap.size, 6);
    assertEquals(shiftAll(heap), range(6));
    assertEquals(heap.size, 0);
  }
});

test("Heap.delete() takes out exactly that element, wherever it is, and keeps the order", () => {
  const ranks = range(40).map((i) => (i * 17) % 40);
  for (const index of range(40)) {
    const { heap, elements } = heapOf(ranks);
    const one = elements[index]!;
    heap.delete(one);
    assertEquals([heap.size, one.index], [39, -1]);
    assertEquals(shiftAll(heap), range(40).filter((r) => r !== one.rank));
  }
});

test("Heap.delete() moves the last element up where it comes before the parent of the gap", () => {
  // The last one, 5, comes from the branch of 1 into that of 10.
  const { heap, elements } = heapOf([0, 10, 1, 11, 12, 2, 3, 13, 14, 15, 16]);
  heap.push(element(4));
  heap.delete(elements[7]!);
  assertEquals(shiftAll(heap), [0, 1, 2, 3, 4, 10, 11, 12, 14, 15, 16]);
});

test("Heap.delete() and push() in any mixture keep the order, and every element knows where it is", () => {
  const { heap, elements } = heapOf(range(64).map((i) => (i * 29) % 64));
  for (const one of elements.filter((_, i) => i % 3 === 0)) heap.delete(one);
  for (const one of elements.filter((_, i) => i % 6 === 0)) heap.push(one);
  const inside = elements.filter((_, i) => i % 3 !== 0 || i % 6 === 0);
  assertEquals(
    inside.map((e) => e.index).sort((a, b) => a - b),
    range(inside.length),
  );
  assertEquals(
    shiftAll(heap),
    inside.map((e) => e.rank).sort((a, b) => a - b),
  );
});

test("Heap asks for an order O(log n) times a push, shift or delete", () => {
  let asked = 0;
  const heap = new Heap<Element>((a, b) => {
    asked++;
    return a.rank < b.rank;
  });
  const elements = range(1024).map((i) => element((i * 601) % 1024));
  const most = (run: (one: Element) => void, some: Element[]) => {
    let most = 0;
    for (const one of some) {
      asked = 0;
      run(one);
      most = Math.max(most, asked);
    }
    return most;
  };
  const worst = [
    most((one) => heap.push(one), elements),
    most((one) => heap.delete(one), elements.filter((_, i) => i % 2 === 0)),
    most(() => heap.shift(), elements.filter((_, i) => i % 2 === 1)),
  ];
  assertEquals(worst.map((n) => n <= 2 * Math.log2(1024) + 1), [
    true,
    true,
    true,
  ]);
  assertEquals(heap.size, 0);
});

test("Heap.clear() takes out all elements, asks nothing, and goes on", () => {
  let mayAsk = true;
  const heap = new Heap<Element>((a, b) => {
    assertEquals(mayAsk, true);
    return a.rank < b.rank;
  });
  assertEquals(heap.clear(), []);
  const elements = range(20).map((i) => element((i * 7) % 20));
  for (const one of elements) heap.push(one);
  mayAsk = false;
  assertEquals(new Set(heap.clear()), new Set(elements));
  assertEquals(elements.map((e) => e.index), elements.map(() => -1));
  assertEquals([heap.size, heap.first, heap.clear()], [0, undefined, []]);
  mayAsk = true;
  for (const one of elements.slice(10)) heap.push(one);
  assertEquals(heap.size, 10);
  assertEquals(
    shiftAll(heap),
    elements.slice(10).map((e) => e.rank).sort((a, b) => a - b),
  );
});

const changes: Record<string, (heap: Heap<Element>, one: Element) => void> = {
  "push()": (heap, one) => heap.push(one),
  "shift()": (heap) => void heap.shift(),
  "delete()": (heap, one) => heap.delete(one),
};

for (const [name, change] of Object.entries(changes)) {
  test(`Heap.${name} that throws what it was asked has moved nothing`, () => {
    const why = new Error("asked");
    let throws = 0;
    for (const which of range(16)) {
      for (let k = 0, isOver = false; !isOver; k++) {
        let left = Infinity;
        const heap = new Heap<Element>((a, b) => {
          if (left-- === 0) throw why;
          return a.rank < b.rank;
        });
        const elements = range(16).map((i) => element((i * 11) % 16));
        for (const one of elements) heap.push(one);
        const one = name === "push()" ? element(which - 0.5) : elements[which]!;
        const all = [...elements, one];
        const before = all.map((e) => e.index);
        left = k;
        try {
          change(heap, one);
          isOver = true;
        } catch (error) {
          assertStrictEquals(error, why);
          throws++;
          assertEquals(all.map((e) => e.index), before);
          assertEquals(heap.size, 16);
          left = Infinity;
          assertEquals(shiftAll(heap), range(16));
        }
      }
    }
    assertEquals(throws >= 16, true);
  });
}
