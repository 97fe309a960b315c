/**
 * Lets a person see what an example's group does: in a page while it runs (`--watch`),
 * or as a trace in a file (`--trace FILE`).
 *
 * @module
 */

import { open } from "node:fs/promises";
import process from "node:process";
import { Recorder, serveTrace } from "../../src/trace/mod.ts";
import { reason, report } from "./output.ts";

/** For the usage. */
export const WATCH = `
  --watch          show what the workers do, in a page at the address that is
                   printed; it stays until Ctrl-C
  --trace FILE     write what they did there: for docs/trace.html, Perfetto, Chrome`;

/** For `parseArgs`. */
export const WATCH_OPTIONS = {
  watch: { type: "boolean", default: false },
  trace: { type: "string" },
} as const;

/** What is remembered: the last 300,000 tasks or so, in 40 MB, and their ids and keys. */
const STEPS = 1_000_000;

/** What one run of an example is watched by. */
export interface Watching {
  /** For the group; undefined if nothing watches. */
  readonly observer: Recorder | undefined;
  /** Call it when the work is done. It writes the file; the page stays until Ctrl-C, unless it came. */
  end(isInterrupted: boolean): Promise<void>;
}

/** Begins to watch, if it is asked for. */
export async function watch(
  name: string,
  { watch, trace }: { watch: boolean; trace?: string | undefined },
): Promise<Watching> {
  if (!watch && trace === undefined) {
    return { observer: undefined, end: () => Promise.resolve() };
  }
  const observer = new Recorder({ name, steps: STEPS });
  const server = watch
    ? await serveTrace(observer, { keepAlive: true })
    : undefined;
  if (server) report(`${name}: watch it at ${server.url}`);
  return {
    observer,
    async end(isInterrupted) {
      if (trace !== undefined) {
        await write(observer, trace).catch((error) =>
          report(`${name}: ${trace}: ${reason(error)}`)
        );
      }
      if (server && !isInterrupted) {
        report(`${name}: done; Ctrl-C ends the page`);
        await new Promise((done) => process.once("SIGINT", done));
      }
      await server?.close();
    },
  };
}

/** Writes the trace piece by piece: as one text it may be larger than a text can be. */
async function write(recorder: Recorder, path: string): Promise<void> {
  await using file = await open(path, "w");
  for (const piece of recorder.chunks()) await file.write(piece);
}
