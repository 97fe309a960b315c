/**
 * What the examples write, and where: whole lines on stdout, with
 * backpressure; messages, and progress if it is a terminal, on stderr.
 *
 * @module
 */

import process from "node:process";

const { stdout, stderr } = process;
/** Takes the progress line away. */
const CLEAR = stderr.isTTY ? "\r\x1b[K" : "";
// On Deno, process.stdout holds the event loop, and so Ctrl-C, while a pipe is
// full. This writer does not.
const writer = typeof Deno === "undefined"
  ? undefined
  : Deno.stdout.writable.getWriter();

/** "ENOENT: no such file or directory", without the call that met it. */
export function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : `${error}`;
  return message.split(/, |: readdir /)[0]!;
}

/** Writes a message to stderr, in place of the progress line. */
export function report(message: string): void {
  stderr.write(`${CLEAR}${message}\n`);
}

/** Writes to stdout. Resolves when it is written. */
export function print(line: string): Promise<void> {
  if (stdout.isTTY) stderr.write(CLEAR);
  return writer?.write(new TextEncoder().encode(line)).catch(giveUp) ??
    new Promise((resolve) => stdout.write(line, () => resolve()));
}

stdout.on("error", giveUp);

/** Without its output there is nothing left to do; `| head` is no mishap. */
function giveUp(error: Error & { code?: string }): never {
  if (error.code === "EPIPE") process.exit(141);
  report(`standard output: ${reason(error)}`);
  process.exit(1);
}

/** Shows a line on stderr ten times a second, if it is a terminal. Stops when disposed of. */
export function showProgress(line: () => string): Disposable {
  const timer = stderr.isTTY
    ? setInterval(() => void stderr.write(`${CLEAR}${line()}`), 100)
    : undefined;
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      stderr.write(CLEAR);
    },
  };
}
