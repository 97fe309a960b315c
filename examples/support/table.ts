/**
 * A table of an SQLite database, for `small/csv_to_sqlite.ts`.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Made of the columns that come first. */
export class Table implements Disposable {
  readonly #database: DatabaseSync;
  readonly #name: string;

  constructor(file: string, name: string) {
    this.#database = new DatabaseSync(file);
    this.#name = quoted(name);
  }

  /** What writes rows of these columns: all of them, or none. */
  writer(columns: string[]): (rows: string[][]) => void {
    const names = columns.map(quoted).join();
    const marks = columns.map(() => "?").join();
    const into = `INTO ${this.#name} (${names}) VALUES (${marks})`;
    const database = this.#database;
    database.exec(`CREATE TABLE IF NOT EXISTS ${this.#name} (${names})`);
    const insert = database.prepare(`INSERT ${into}`);
    return (rows) => {
      database.exec("BEGIN");
      try {
        for (const row of rows) insert.run(...row);
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
