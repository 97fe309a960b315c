/**
 * Downloads URLs into a folder, four at a time, each of them tried three times.
 * A file is there when all of it is.
 *
 * ```sh
 * deno run --allow-net --allow-read=. --allow-write=pages examples/small/download.ts pages https://example.org/
 * ```
 *
 * @module
 */

import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import process from "node:process";
import { CoGroup } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";
import { stopOnInterrupt } from "../support/interrupt.ts";

const [folder, ...urls] = argumentsFor("download.ts FOLDER URL...", 2);
/** The server has understood, and won't. */
class Refused extends Error {}

/** A file for each URL: what a name can't say of it, the hash before it does. */
function fileOf(url: string): string {
  const hash = createHash("sha256").update(url).digest("hex").slice(0, 12);
  const name = url.replace(/^\w+:\/\//, "").replaceAll(/[^\w.]+/g, "_");
  return `${folder}/${hash}_${name.slice(-100)}`;
}

async function download(url: string, signal: AbortSignal) {
  const { ok, status, body } = await fetch(url, { signal });
  const isFinal = /^4(?!08|25|29)/.test(`${status}`);
  if (!ok) throw new (isFinal ? Refused : Error)(`status ${status}`);
  const file = fileOf(url);
  await writeFile(`${file}.part`, body ?? "", { signal });
  await rename(`${file}.part`, file);
  console.log(file);
}

const group = new CoGroup({
  concurrency: 4,
  timeout: 60_000, // ms, of each attempt
  retry: { maxAttempts: 3, isRetriable: (e) => !(e instanceof Refused) },
  onError: (error, { options }) => console.error(`${options?.id}: ${error}`),
});
stopOnInterrupt("download", group);
await mkdir(folder!, { recursive: true });
for (const url of new Set(urls)) {
  group.add(({ signal }) => download(url, signal), { id: url });
}
process.exitCode = await group.wait() + group.stats.rejected > 0 ? 1 : 0;
