/**
 * Rows of CSV as they come in; `CsvParseStream` of @std/csv can do more.
 *
 * @module
 */

/** Cells may be in quotes, and then hold commas, new lines and doubled quotes. */
export async function* rowsOf(
  text: AsyncIterable<string>,
): AsyncGenerator<string[]> {
  let row: string[] = [];
  let cell = "";
  let isQuoted = false;
  let last = "";
  for await (const chunk of text) {
    for (const c of chunk) {
      if (c === '"') {
        if (!isQuoted && last === '"') cell += c; // Doubled.
        isQuoted = !isQuoted;
      } else if (isQuoted || !/[,\r\n]/.test(c)) cell += c;
      else if (c !== "\r") {
        row.push(cell);
        cell = "";
        if (c === "\n") {
          if (!isBlank(row)) yield row;
          row = [];
        }
      }
      last = c;
    }
  }
  row.push(cell);
  if (!isBlank(row)) yield row;
}

function isBlank(row: string[]): boolean {
  return row.length === 1 && row[0] === "";
}
