import { Link, List } from "../src/base/list.ts";
import { assert, assertEquals, assertStrictEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

class Name extends Link {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** A list of a link for every letter, and the links. */
function listOf(letters: string): { list: List<Name>; links: Name[] } {
  const list = new List<Name>();
  const links = [...letters].map((letter) => new Name(letter));
  for (const link of links) list.push(link);
  return { list, links };
}

/** The letters along the list, read in both directions. */
function letters(list: List<Name>): string {
  let forth = "";
  let back = "";
  let last: Link | undefined;
  for (let link: Link | undefined = list.first; link; link = link.after) {
    forth += (link as Name).name;
    last = link;
  }
  for (let link = last; link; link = link.before) {
    back = (link as Name).name + back;
  }
  assertEquals(back, forth);
  assertEquals(list.size, forth.length);
  return forth;
}

test("List is empty when it is new", () => {
  const list = new List<Name>();
  assertEquals([list.size, list.first, list.shift()], [
    0,
    undefined,
    undefined,
  ]);
});

test("List.shift() gives the links in the order in which they were pushed, and goes on after it was empty", () => {
  const { list, links } = listOf("abc");
  assertStrictEquals(list.first, links[0]);
  for (const link of links) assertStrictEquals(list.shift(), link);
  assertEquals([list.size, list.shift()], [0, undefined]);
  list.push(links[1]!);
  assertEquals(letters(list), "b");
  assertStrictEquals(list.shift(), links[1]);
});

test("List.delete() takes exactly that link out: the first, one in the middle, the last, the only one", () => {
  const { list, links } = listOf("abcd");
  const left = ["acd", "ac", "c", ""];
  for (const [i, at] of [1, 3, 0, 2].entries()) {
    assert(list.delete(links[at]!));
    assertEquals(letters(list), left[i]);
  }
  assertStrictEquals(list.first, undefined);
  list.push(links[3]!);
  list.push(links[0]!);
  assertEquals(letters(list), "da");
});

test("List.delete() is false for a link that is in no list, or in another one", () => {
  const { list } = listOf("ab");
  const other = listOf("c");
  assertEquals(list.delete(new Name("x")), false);
  assertEquals(list.delete(other.links[0]!), false);
  assertEquals([letters(list), letters(other.list)], ["ab", "c"]);
});

test("Link.list says in which list it is; a link that left keeps no neighbour", () => {
  const { list, links } = listOf("abc");
  const [a, b, c] = links as [Name, Name, Name];
  assertStrictEquals(b.list, list);
  assertStrictEquals(b.before, a);
  assertStrictEquals(b.after, c);
  list.delete(b);
  assertEquals([b.list, b.before, b.after], [undefined, undefined, undefined]);
  list.shift();
  assertEquals([a.list, a.after, c.before], [undefined, undefined, undefined]);
  const other = new List<Name>();
  other.push(b);
  assertStrictEquals(b.list, other);
});
