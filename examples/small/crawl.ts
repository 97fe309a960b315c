/**
 * Looks for broken links on a site: fetches its pages, four at a time and at
 * most twenty a second, and prints each link that does not answer well.
 *
 * ```sh
 * deno run --allow-net examples/small/crawl.ts https://example.org/
 * ```
 *
 * @module
 */

import process from "node:process";
import { CoGroup, rateLimit } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";
import { stopOnInterrupt } from "../support/interrupt.ts";

const start = new URL(argumentsFor("crawl.ts URL")[0]!);
const seen = new Set<string>();
const group = new CoGroup({
  concurrency: 4,
  governor: rateLimit({ limit: 20, interval: 1000 }),
  timeout: 30_000,
  onError: (error, { options }) => console.log(`${options?.id}: ${error}`),
});
stopOnInterrupt("crawl", group);

function visit(url: URL, from: URL) {
  url.hash = "";
  if (url.origin !== start.origin || seen.has(url.href)) return;
  seen.add(url.href);
  const id = `${url}, linked from ${from}`;
  group.add(async ({ signal }) => {
    const response = await fetch(url, { signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`status ${response.status}`);
    if (!response.headers.get("content-type")?.includes("html")) return;
    for (const [, href] of text.matchAll(/<a\s[^>]*href="([^"]+)"/gi)) {
      const link = URL.parse(href!, response.url);
      if (link) visit(link, url); // Tasks that add tasks.
    }
  }, { id });
}

visit(start, start);
await group.idle(); // Nothing is left, also of what tasks have added.
const { rejected } = group.stats;
console.log(`${seen.size} pages, ${rejected} broken links`);
process.exitCode = group.signal.aborted || rejected > 0 ? 1 : 0;
