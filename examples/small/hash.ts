/**
 * Prints the SHA-256 of each file below a folder, as `sha256sum` does: eight are
 * read at once, and the lines are in the order of the walk, folder by folder, which
 * takes names in order: the same tree has the same lines.
 *
 * ```sh
 * deno run --allow-read=. examples/small/hash.ts . > /tmp/sums; sha256sum -c /tmp/sums
 * ```
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import process from "node:process";
import { CoGroup } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";

const [folder] = argumentsFor("hash.ts FOLDER");
let isStopped = false;

async function* walk(path: string): AsyncGenerator<string> {
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (isStopped) return;
    const inside = `${path}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(inside);
    else if (entry.isFile()) yield inside;
  }
}

async function hash(path: string): Promise<string> {
  const sha = createHash("sha256");
  for await (const chunk of createReadStream(path)) sha.update(chunk);
  return sha.digest("hex");
}

const group = new CoGroup(8);
process.once("SIGINT", () => { // No abort: the loop is to get what runs.
  isStopped = true;
  console.error(`hash: finishing ${group.inFlight}; once more to stop`);
});
for await (const one of group.mapSettled(walk(folder!), hash)) {
  if (one.status === "fulfilled") console.log(`${one.value}  ${one.item}`);
  else console.error(`${one.item}: ${one.reason.message}`);
}
process.exitCode = isStopped || group.stats.rejected > 0 ? 1 : 0;
