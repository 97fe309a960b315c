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

/** The address of a link, in double quotes, in single ones, or in none. */
const LINK = /<a\s(?:[^>]*?\s)?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi;

const start = new URL(argumentsFor("crawl.ts URL")[0]!);
let { origin } = start;
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
  if (url.origin !== origin || seen.has(url.href)) return;
  seen.add(url.href);
  const id = `${url}, linked from ${from}`;
  group.add(async ({ signal }) => {
    // Redirects are visited as links are: none is fetched twice.
    const response = await fetch(url, { signal, redirect: "manual" });
    const text = await response.text();
    const { ok, status, headers } = response;
    const target = headers.get("location");
    if (status >= 300 && status < 400 && target !== null) {
      const to = new URL(target, url);
      if (url.href === start.href) ({ origin } = to); // The site lives there.
      return visit(to, from);
    }
    if (!ok) throw new Error(`status ${status}`);
    if (!headers.get("content-type")?.includes("html")) return;
    for (const [, double, single, bare] of text.matchAll(LINK)) {
      const href = (double ?? single ?? bare!).replaceAll("&amp;", "&");
      const link = URL.parse(href, url);
      if (link) visit(link, url); // Tasks that add tasks.
    }
  }, { id });
}

visit(start, start);
await group.idle(); // Nothing is left, also of what tasks have added.
const { rejected } = group.stats;
console.log(`${seen.size} links, ${rejected} broken`);
process.exitCode = group.signal.aborted || rejected > 0 ? 1 : 0;
