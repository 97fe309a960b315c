/**
 * CoGroup against its peers, in one table of ratios.
 *
 * ```sh
 * deno task bench:peers [--section a,b] [--rounds N] [--quick] [--json FILE]
 * bun bench/peers.ts …
 * node bench/peers.ts …
 * ```
 *
 * On Deno it needs no permission but `--allow-write` for its JSON. On Bun and
 * Node the peers come from bench/node_modules; without them the command to
 * install them is printed.
 *
 * The column `ratio` counts: the median of the rounds' ratios to the base of
 * its case, the row with 1.00. Above 1 it takes longer than that one. Beside it is the
 * same of the processor's time, and which laws a contender does not keep, of those that
 * cost time on every task (see support/laws.ts): what is faster may promise less.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { add } from "./sections/add.ts";
import { channel } from "./sections/channel.ts";
import { eventLoop } from "./sections/event_loop.ts";
import { go } from "./sections/go.ts";
import { insert } from "./sections/insert.ts";
import { limits } from "./sections/limits.ts";
import { map } from "./sections/map.ts";
import { memory } from "./sections/memory.ts";
import { scale } from "./sections/scale.ts";
import { seams } from "./sections/seams.ts";
import { waits } from "./sections/waits.ts";
import { measure } from "./support/harness.ts";
import { Peers } from "./support/peers.ts";
import { Table } from "./support/report.ts";

const SECTIONS = [
  add,
  go,
  insert,
  map,
  channel,
  waits,
  scale,
  memory,
  eventLoop,
  seams,
  limits,
];

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    section: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const wanted = values.section?.split(",");
const rounds = Number(values.rounds ?? (values.quick ? 3 : 11));
if (!(Number.isInteger(rounds) && rounds > 0)) {
  throw new RangeError(`--rounds wants a positive integer: ${values.rounds}`);
}
for (const letter of wanted ?? []) {
  if (!SECTIONS.some((section) => section.letter === letter)) {
    const all = SECTIONS.map((section) => section.letter).join(",");
    throw new RangeError(`--section wants some of ${all}: ${letter}`);
  }
}

const peers = await Peers.load();
for (const note of peers.notes) console.log(note);
const table = new Table(rounds);
for (const section of SECTIONS) {
  if (wanted !== undefined && !wanted.includes(section.letter)) continue;
  await measure(
    section,
    { peers, quick: values.quick },
    rounds,
    (rows) => table.add(rows),
  );
}
if (values.json !== undefined) await table.write(values.json);
