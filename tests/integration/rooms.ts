/**
 * The rooms of src/: each folder imports only from those before it in this list, and
 * no file one that imports it. `task.ts` and `governor.ts` are rooms, too: their words
 * are for all but the first one; and so is `cogroup.ts`, for what stands on the class.
 */

import { readdir, readFile } from "node:fs/promises";
import { assert, assertEquals } from "../support/std.ts";
import { test } from "../support/test.ts";

const ROOMS = [
  "base",
  "task.ts",
  "governor.ts",
  "queues",
  "channel",
  "governors",
  "group",
  "stream",
  "cogroup.ts",
  "consume",
  "trace",
];
const SRC = new URL("../../src/", import.meta.url);

/** The files of src/, by their paths in it, and what each of them imports. */
async function read(): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for (const path of await readdir(SRC, { recursive: true })) {
    if (!path.endsWith(".ts")) continue;
    const url = new URL(path, SRC);
    const text = await readFile(url, "utf8");
    assert(text.startsWith("/**\n * "), `${path} says what it is for`);
    // Those of doc examples are in comments, behind an asterisk.
    const imports = text.matchAll(/^(?:import|export|\}).* from "(.+)";$/gm);
    files.set(
      path,
      [...imports].map(([, specifier]) => {
        assert(specifier!.startsWith("."), `${path} imports ${specifier}`);
        return new URL(specifier!, url).href.slice(SRC.href.length);
      }),
    );
  }
  return files;
}

/** Where a file is in the list; behind it if it is in no room: it may import all. */
function room(path: string): number {
  const at = ROOMS.indexOf(path.split("/")[0]!);
  return at < 0 ? ROOMS.length : at;
}

test("src/ imports from earlier rooms alone, and out of src/ not at all", async () => {
  for (const [path, imports] of await read()) {
    for (const other of imports) {
      assert(room(other) <= room(path), `${path} imports ${other}`);
    }
  }
});

test("src/ has no file that imports itself by way of others", async () => {
  const files = await read();
  const circles: string[] = [];
  const done = new Set<string>();
  const follow = (path: string, way: string[]) => {
    if (way.includes(path)) circles.push([...way, path].join(" > "));
    if (way.includes(path) || done.has(path)) return;
    for (const other of files.get(path)!) follow(other, [...way, path]);
    done.add(path);
  };
  for (const path of files.keys()) follow(path, []);
  assertEquals(circles, []);
});
