/**
 * What the fetching examples share: the URLs, and how one is fetched.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import process from "node:process";
import type { RateLimit, RateLimitOptions } from "../../mod.ts";
import { BodyFile } from "./body_file.ts";

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What there is to say of an answer. */
export interface Answer {
  status: number;
  bytes: number;
  ms: number;
  /** Where the body is, if it was saved. */
  file?: string;
}

/** An answer with a status that may be another one next time. */
export class PassingStatus extends Error {
  readonly answer: Answer;
  readonly retryAfter: number | undefined;

  constructor(answer: Answer, retryAfter: number | undefined) {
    super(`status ${answer.status}`);
    this.answer = answer;
    this.retryAfter = retryAfter;
  }
}

/** A line that is none of an http server: it needs no second look. */
export class NoUrl extends Error {}

/** Milliseconds from seconds or a date; undefined if the server does not say. */
function retryAfter({ headers }: Response): number | undefined {
  const header = headers.get("retry-after");
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header)
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** What "10/s" or "600/m" asks for; `name` is the option that it was given for. */
export function parseRate(name: string, given: string): RateLimitOptions {
  const [, limit, per] = /^([1-9]\d{0,8})\/(s|m)$/.exec(given) ?? [];
  if (limit === undefined) throw new Error(`${name} ${given}: not like 10/s`);
  return { limit: Number(limit), interval: per === "s" ? 1000 : 60_000 };
}

/** Tasks of one host share a key; one that can't be parsed fails by itself. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** The lines of the file that are neither empty nor comments. */
export async function* urls(
  file: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  // A terminal that gives nothing any more must not keep us from ending.
  signal?.addEventListener("abort", () => input.destroy());
  input.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of input) {
      const lines = (rest + chunk).split("\n").map((line) => line.trim());
      rest = lines.pop()!;
      yield* lines.filter(isUrl);
    }
  } catch (error) {
    if (signal?.aborted) return; // It was destroyed.
    throw error;
  }
  if (isUrl(rest)) yield rest;
}

function isUrl(line: string): boolean {
  return line !== "" && !line.startsWith("#");
}

/** What a fetch goes by. */
export interface FetchOptions {
  signal: AbortSignal;
  /** Those that a status 429 pauses. */
  rates: readonly (RateLimit | undefined)[];
  /** The folder for the body of a good answer. */
  out?: string | undefined;
  onBytes?: (count: number) => void;
}

/**
 * Fetches the URL, to its last byte. An answer that may be another one next
 * time is thrown, for the group to try again, and for `--adaptive` to hear of.
 */
export async function fetchOne(
  url: string,
  { signal, rates, out, onBytes }: FetchOptions,
): Promise<Answer> {
  const { protocol } = URL.parse(url) ?? {};
  if (protocol === undefined) throw new NoUrl("malformed URL");
  if (!/^https?:$/.test(protocol)) {
    throw new NoUrl("not a URL of http or https");
  }
  const start = performance.now();
  const response = await fetch(url, { signal });
  const { status } = response;
  const wait = retryAfter(response);
  if (status === 429 && wait !== undefined) {
    for (const rate of rates) rate?.pauseFor(wait);
  }
  await using body = response.ok && out !== undefined
    ? await BodyFile.open(out, url)
    : undefined;
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    onBytes?.(chunk.length);
    await body?.write(chunk);
  }
  const ms = Math.round(performance.now() - start);
  const answer: Answer = { status, bytes, ms };
  if (PASSING.has(status)) throw new PassingStatus(answer, wait);
  await body?.close();
  signal.throwIfAborted(); // Too late: the group has it as timed out.
  if (body) answer.file = body.keep();
  return answer;
}
