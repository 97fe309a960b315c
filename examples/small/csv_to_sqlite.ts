/**
 * Loads CSV files into a table of an SQLite database. Four files are read at
 * once, one writer has a transaction for each 1,000 rows, and a reader that is
 * faster waits: memory stays flat, whatever the size of the files. A row that the
 * table does not take is named by its line, and costs no other row.
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
import { type Row, rowsOf } from "../support/csv.ts";
import { stopOnInterrupt } from "../support/interrupt.ts";
import { Table } from "../support/table.ts";

const USAGE = "csv_to_sqlite.ts DATABASE TABLE CSV...";
const [database, name, ...paths] = argumentsFor(USAGE, 3);
using table = new Table(database!, name!);

const onError = (error: unknown, { options }: TaskFailure) =>
  console.error(`${options?.id}: ${(error as Error).message}`);
const reading = new CoGroup({ concurrency: 4, onError });
const writing = new CoGroup({ concurrency: 1, capacity: 8, onError });
let refused = 0;

async function load(path: string) {
  const rows = rowsOf(createReadStream(path, "utf8"));
  const columns = (await rows.next()).value?.cells;
  if (!columns) throw new Error("it has no header");
  const write = await writing.go(() => table.writer(columns));
  let [found, stored] = [0, 0];
  const refuse = (line: number, why: string) => {
    refused++;
    console.error(`${path}:${line}: ${why}`);
  };
  const store = (batch: Row[]) => {
    if (batch.length === 0) return;
    try {
      write(batch.map(({ cells }) => cells));
      stored += batch.length;
    } catch (error) { // None of them is stored: which is it?
      if (batch.length > 1) batch.forEach((row) => store([row]));
      else refuse(batch[0]!.line, (error as Error).message);
    }
  };
  // Waits for room: the writer sets the pace of the readers.
  const insert = async (task: () => void) => {
    if (await writing.insert(task, { id: path })) return;
    throw new Error("the writer takes no more");
  };
  let batch: Row[] = [];
  for await (const row of rows) {
    found++;
    const { length } = row.cells;
    if (length !== columns.length) {
      refuse(row.line, `${length} cells, and ${columns.length} columns`);
    } else if (batch.push(row) === 1000) {
      const full = batch;
      batch = [];
      await insert(() => store(full));
    }
  }
  await insert(() => {
    store(batch);
    // The last one of the file: the writer takes them in order.
    console.log(`${path}: ${stored} of ${found} rows`);
  });
}

stopOnInterrupt("csv_to_sqlite", reading); // Files that are begun are loaded.
for (const path of paths) reading.add(() => load(path), { id: path });
const left = await reading.wait();
await writing.wait();
const failed = reading.stats.rejected + writing.stats.rejected + refused;
process.exitCode = left + failed > 0 ? 1 : 0;
