/**
 * Loads CSV files into a table of an SQLite database. Four files are read at
 * once, one writer has a transaction for each 1,000 rows, and a reader that is
 * faster waits: memory stays flat, whatever the size of the files.
 *
 * ```sh
 * deno run --allow-read --allow-write examples/small/csv_to_sqlite.ts my.db people *.csv
 * ```
 *
 * @module
 */

import { createReadStream } from "node:fs";
import process from "node:process";
import { CoGroup, type TaskFailure } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";
import { rowsOf } from "../support/csv.ts";
import { stopOnInterrupt } from "../support/interrupt.ts";
import { Table } from "../support/table.ts";

const USAGE = "csv_to_sqlite.ts DATABASE TABLE CSV...";
const [database, name, ...paths] = argumentsFor(USAGE, 3);
using table = new Table(database!, name!);

const onError = (error: unknown, { options }: TaskFailure) =>
  console.error(`${options?.id}: ${(error as Error).message}`);
const reading = new CoGroup({ concurrency: 4, onError });
const writing = new CoGroup({ concurrency: 1, capacity: 8, onError });

async function load(path: string) {
  const [columns, rows]: [string[], string[][]] = [[], []];
  let from = 1;
  const flush = async () => {
    const batch = rows.splice(0);
    const id = `${path}: rows from ${from} on`;
    from += batch.length;
    // Waits for room: the writer sets the pace of the readers.
    await writing.insert(() => table.write(columns, batch), { id });
  };
  for await (const row of rowsOf(createReadStream(path, "utf8"))) {
    if (columns.length === 0) columns.push(...row);
    else if (rows.push(row) === 1000) await flush();
  }
  await flush();
  console.log(`${path}: ${from - 1} rows`);
}

stopOnInterrupt("csv_to_sqlite", reading); // Files that are begun are loaded.
for (const path of paths) reading.add(() => load(path), { id: path });
const left = await reading.wait();
await writing.wait();
const failed = reading.stats.rejected + writing.stats.rejected;
process.exitCode = left + failed > 0 ? 1 : 0;
