/**
 * Rows of CSV as they come in; `CsvParseStream` of @std/csv can do more.
 *
 * @module
 */

/** The line is the one in which it begins, from 1 on. */
export interface Row {
  readonly line: number;
  readonly cells: string[];
}

/** Cells may be in quotes, and then hold commas, new lines and doubled quotes. */
export async function* rowsOf(
  text: AsyncIterable<string>,
): AsyncGenerator<Row> {
  let cells: string[] = [];
  let [line, next] = [1, 1];
  let cell = "";
  let isQuoted = false;
  let last = "";
  for await (const chunk of text) {
    for (const c of chunk) {
      if (c === "\n") next++;
      if (c === '"') {
        if (!isQuoted && last === '"') cell += c; // Doubled.
        isQuoted = !isQuoted;
      } else if (isQuoted || !/[,\r\n]/.test(c)) cell += c;
      else if (c !== "\r") {
        cells.push(cell);
        cell = "";
        if (c === "\n") {
          if (!isBlank(cells)) yield { line, cells };
          cells = [];
          line = next;
        }
      }
      last = c;
    }
  }
  cells.push(cell);
  if (!isBlank(cells)) yield { line, cells };
}

function isBlank(cells: string[]): boolean {
  return cells.length === 1 && cells[0] === "";
}
