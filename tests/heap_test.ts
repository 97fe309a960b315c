import { Heap } from "../src/base/heap.ts";
import { range } from "./support/helpers.ts";
import { assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

interface Element {
  readonly rank: number;
  /** Where it is; -1 if it is not in. */
  index: number;
}

type Compare = (a: Element, b: Element) => number;

/** By what a heap orders its elements. */
const kinds: Record<string, [Compare | undefined, (e: Element) => number]> = {
  "of ranks": [undefined, ({ rank }) => rank],
  "of a compare": [(a, b) => a.rank - b.rank, () => 0],
};

function element(rank: number): Element {
  return { rank, index: -1 };
}

/** A heap, and elements that know where they are in it. */
class Setup {
  readonly heap: Heap<Element>;
  readonly elements: Element[];
  readonly #rankOf: (e: Element) => number;

  constructor(
    ranks: number[],
    [compare, rankOf]: [Compare | undefined, (e: Element) => number],
  ) {
    this.#rankOf = rankOf;
    this.heap = new Heap(compare, (e, place) => {
      e.index = place;
    });
    this.elements = ranks.map(element);
    for (const one of this.elements) this.push(one);
  }

  push(one: Element): void {
    assertEquals(this.heap.push(one, this.#rankOf(one)), one.index);
  }

  delete(one: Element): void {
    this.heap.delete(one.index);
    one.index = -1;
  }

  shiftAll(): number[] {
    const ranks: number[] = [];
    for (let e = this.heap.shift(); e !== undefined; e = this.heap.shift()) {
      ranks.push(e.rank);
    }
    return ranks;
  }
}

/** All orders of these numbers. */
function orders(numbers: number[]): number[][] {
  if (numbers.length === 0) return [[]];
  return numbers.flatMap((first, i) =>
    orders(numbers.toSpliced(i, 1)).map((rest) => [first, ...rest])
  );
}

test("Heap is empty when it is new", () => {
  const heap = new Heap<Element>();
  assertEquals([heap.size, heap.first, heap.shift()], [
    0,
    undefined,
    undefined,
  ]);
  assertEquals([heap.firstRank, heap.all, heap.pushed], [Infinity, [], []]);
});

for (const [kind, how] of Object.entries(kinds)) {
  test(`Heap.first, ${kind}, is the one that comes out next, and stays in`, () => {
    const { heap, elements } = new Setup([2, 1, 3], how);
    assertStrictEquals(heap.first, elements[1]);
    assertEquals([heap.size, elements[1]!.index], [3, 0]);
    assertStrictEquals(heap.shift(), elements[1]);
    assertStrictEquals(heap.first, elements[0]);
  });

  test(`Heap.shift(), ${kind}, gives elements in their order, in whichever they were pushed`, () => {
    for (const ranks of orders(range(6))) {
      const setup = new Setup(ranks, how);
      assertEquals(setup.heap.size, 6);
      assertEquals(setup.shiftAll(), range(6));
      assertEquals(setup.heap.size, 0);
    }
  });

  test(`Heap, ${kind}, gives equal ones in the order of their pushes, whatever left or moved between`, () => {
    const { heap, elements } = new Setup(
      range(60).map((i) => (i * 7) % 3),
      how,
    );
    const inOrder = range(3).flatMap((rank) =>
      elements.filter((e) => e.rank === rank)
    );
    assertEquals([heap.all, heap.pushed], [inOrder, elements]);
    heap.delete(elements[30]!.index);
    heap.update(elements[31]!.index, heap.firstRank);
    heap.update(elements[31]!.index, how[1](elements[31]!));
    const out = range(59).map(() => heap.shift()!);
    assertEquals(out, inOrder.filter((e) => e !== elements[30]));
  });

  test(`Heap.delete(), ${kind}, takes out exactly that element, wherever it is, and keeps the order`, () => {
    const ranks = range(40).map((i) => (i * 17) % 40);
    for (const index of range(40)) {
      const setup = new Setup(ranks, how);
      const one = setup.elements[index]!;
      setup.delete(one);
      assertEquals(setup.heap.size, 39);
      assertEquals(setup.shiftAll(), range(40).filter((r) => r !== one.rank));
    }
  });

  test(`Heap.delete(), ${kind}, moves the last element up where it comes before the parent of the gap`, () => {
    // The last one, 4, comes from the branch of 1 into that of 10.
    const ranks = [0, 10, 1, 11, 12, 2, 3, 13, 14, 15, 16, 4];
    const setup = new Setup(ranks, how);
    setup.delete(setup.elements[7]!);
    assertEquals(
      setup.shiftAll(),
      [0, 1, 2, 3, 4, 10, 11, 12, 14, 15, 16],
    );
  });

  test(`Heap.delete() and push(), ${kind}, in any mixture keep the order, and tell every element where it is`, () => {
    const setup = new Setup(range(64).map((i) => (i * 29) % 64), how);
    const { elements } = setup;
    for (const one of elements.filter((_, i) => i % 3 === 0)) setup.delete(one);
    for (const one of elements.filter((_, i) => i % 6 === 0)) setup.push(one);
    const inside = elements.filter((e) => e.index >= 0);
    assertEquals(
      inside.map((e) => e.index).sort((a, b) => a - b),
      range(inside.length),
    );
    assertEquals(
      setup.shiftAll(),
      inside.map((e) => e.rank).sort((a, b) => a - b),
    );
  });
}

test("Heap.update() puts an element where its new rank belongs, up, down or where it is", () => {
  for (const rank of range(21).map((i) => 2 * i - 1)) {
    for (const which of range(20)) {
      const { heap, elements } = new Setup(
        range(20).map((i) => 2 * ((i * 7) % 20)),
        kinds["of ranks"]!,
      );
      const one = elements[which]!;
      heap.update(one.index, rank);
      const others = elements.filter((e) => e !== one)
        .sort((a, b) => a.rank - b.rank);
      const before = others.filter((e) => e.rank < rank);
      const after = others.filter((e) => e.rank > rank);
      assertEquals(range(20).map(() => heap.shift()), [
        ...before,
        one,
        ...after,
      ]);
    }
  }
});

test("Heap asks for an order O(log n) times a push, shift or delete", () => {
  let asked = 0;
  const compare: Compare = (a, b) => {
    asked++;
    return a.rank - b.rank;
  };
  const setup = new Setup([], [compare, () => 0]);
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
    most((one) => setup.push(one), elements),
    most((one) => setup.delete(one), elements.filter((_, i) => i % 2 === 0)),
    most(() => setup.heap.shift(), elements.filter((_, i) => i % 2 === 1)),
  ];
  assertEquals(worst.map((n) => n <= 2 * Math.log2(1024) + 1), [
    true,
    true,
    true,
  ]);
  assertEquals(setup.heap.size, 0);
});

test("Heap.pushed and clear() ask nothing; an empty heap goes on", () => {
  let mayAsk = true;
  const compare: Compare = (a, b) => {
    assertEquals(mayAsk, true);
    return a.rank - b.rank;
  };
  const setup = new Setup(range(20).map((i) => (i * 7) % 20), [
    compare,
    () => 0,
  ]);
  const { heap, elements } = setup;
  mayAsk = false;
  assertEquals(heap.pushed, elements);
  heap.clear();
  assertEquals([heap.size, heap.first, heap.pushed], [0, undefined, []]);
  heap.clear();
  mayAsk = true;
  for (const one of elements.slice(10)) setup.push(one);
  assertEquals(heap.size, 10);
  assertEquals(
    setup.shiftAll(),
    elements.slice(10).map((e) => e.rank).sort((a, b) => a - b),
  );
});

const changes: Record<string, (setup: Setup, one: Element) => void> = {
  "push()": (setup, one) => setup.push(one),
  "shift()": ({ heap }) => void heap.shift(),
  "delete()": ({ heap }, one) => heap.delete(one.index),
  "update()": ({ heap }, one) => heap.update(one.index, 0),
};

for (const [name, change] of Object.entries(changes)) {
  test(`Heap.${name} that throws what it was asked has moved nothing`, () => {
    const why = new Error("asked");
    let throws = 0;
    for (const which of range(16)) {
      for (let k = 0, isOver = false; !isOver; k++) {
        let left = Infinity;
        const compare: Compare = (a, b) => {
          if (left-- === 0) throw why;
          return a.rank - b.rank;
        };
        const ranks = range(16).map((i) => (i * 11) % 16);
        const setup = new Setup(ranks, [compare, () => 0]);
        const { elements, heap } = setup;
        const one = name === "push()" ? element(which - 0.5) : elements[which]!;
        const all = [...elements, one];
        const before = all.map((e) => e.index);
        left = k;
        try {
          change(setup, one);
          isOver = true;
        } catch (error) {
          assertStrictEquals(error, why);
          throws++;
          assertEquals(all.map((e) => e.index), before);
          assertEquals(heap.size, 16);
          left = Infinity;
          assertEquals(setup.shiftAll(), range(16));
        }
      }
    }
    assertEquals(throws >= 16, true);
  });
}
