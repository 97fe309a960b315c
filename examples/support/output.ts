/**
 * What the examples write, and where: whole lines on stdout, with
 * backpressure; messages, and progress if it is a terminal, on stderr.
 *
 * @module
 */

import { fstatSync, writeSync } from "node:fs";
import process from "node:process";

const { stdout, stderr } = process;
/** Takes the progress line away. */
const CLEAR = stderr.isTTY ? "\r\x1b[K" : "";
const write = writing();
/** How many prints are done. */
let printed = 0;

/**
 * "ENOENT: no such file or directory", without the call that met it; and what is
 * behind a "fetch failed", of which Node tells in the error's cause alone.
 */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return `${error}`;
  const { message, cause } = error;
  if (cause instanceof Error) {
    const { code } = cause as { code?: string };
    return `${message}: ${cause.message || code}`; // Of several causes: the code.
  }
  return message.split(/, |: readdir /)[0]!;
}

/** Writes a message to stderr, in place of the progress line. */
export function report(message: string): void {
  stderr.write(`${CLEAR}${message}\n`);
}

/** Writes to stdout. Resolves when it is written. */
export async function print(line: string): Promise<void> {
  if (stdout.isTTY) stderr.write(CLEAR);
  await write(new TextEncoder().encode(line)).catch(giveUp);
  printed++;
}

/** Makes what writes all of it to stdout, or rejects. */
function writing(): (bytes: Uint8Array) => Promise<void> {
  if (typeof Deno !== "undefined") {
    // There, process.stdout holds the event loop, and so Ctrl-C, while a pipe
    // is full. This writer does not.
    const writer = Deno.stdout.writable.getWriter();
    return (bytes) => writer.write(bytes);
  }
  if (fstatSync(stdout.fd).isFile()) {
    // On Node, process.stdout says nothing of a disk that had room for half.
    const all = (bytes: Uint8Array) => {
      for (let i = 0; i < bytes.length;) i += writeSync(stdout.fd, bytes, i);
    };
    return (bytes) => Promise.try(all, bytes);
  }
  return (bytes) =>
    new Promise((resolve, reject) => {
      stdout.write(bytes, (error) => error ? reject(error) : resolve());
    });
}

stdout.on("error", giveUp);
// Messages that have no reader are no reason to leave the work undone.
stderr.on("error", () => {});

/** Without its output there is nothing left to do; `| head` is no mishap. */
function giveUp(error: Error & { code?: string }): never {
  if (error.code === "EPIPE") process.exit(141);
  report(`standard output: ${reason(error)}, after ${printed} lines`);
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
