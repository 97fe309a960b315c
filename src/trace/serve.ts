/**
 * Shows a recorder's trace in a browser, while the program runs.
 *
 * @module
 */

import { flag, number, options as checked } from "../base/check.ts";
import { wrongType } from "../base/errors.ts";
import { Feed, type Page } from "./feed.ts";
import { PAGE } from "./page.ts";
import { Recorder } from "./recorder.ts";

/**
 * Options of {@linkcode serveTrace}.
 *
 * @example The page stays when the work is done
 * ```ts
 * import type { ServeTraceOptions } from "@cogroup/cogroup/trace";
 *
 * const options: ServeTraceOptions = { port: 8080, keepAlive: true };
 * ```
 */
export interface ServeTraceOptions {
  /**
   * The TCP port; 0 for one that is free.
   *
   * @default {0}
   */
  port?: number | undefined;
  /**
   * Whether the program goes on until the server is closed, though its work is done.
   *
   * @default {false}
   */
  keepAlive?: boolean | undefined;
}

/**
 * Where a trace can be watched.
 *
 * @example An address, and an end
 * ```ts ignore
 * import { Recorder, serveTrace, type TraceServer } from "@cogroup/cogroup/trace";
 *
 * const server: TraceServer = await serveTrace(new Recorder());
 * console.error(server.url);
 * await server.close();
 * ```
 */
export interface TraceServer extends AsyncDisposable {
  /** The page's address. Who does not know it gets nothing. */
  readonly url: string;
  /**
   * Tells the pages what is left to tell, and ends, after a second at the latest. They go
   * on to show what they have.
   *
   * @returns When the port is free.
   */
  close(): Promise<void>;
}

interface Request {
  readonly method?: string;
  readonly url?: string;
}

interface Response extends Page {
  writeHead(status: number, headers: Record<string, string>): Response;
  end(text?: string): void;
  on(event: "close" | "drain", listener: () => void): unknown;
}

/** What is used of `node:http`, whose types are not everywhere. */
interface Server {
  listen(port: number, host: string, listener: () => void): unknown;
  address(): { port: number };
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "connection", listener: (socket: Socket) => void): unknown;
  close(listener: () => void): unknown;
  closeIdleConnections(): void;
  closeAllConnections(): void;
  unref(): unknown;
}

interface Socket {
  unref(): unknown;
}

interface Http {
  createServer(
    listener: (request: Request, response: Response) => void,
  ): Server;
}

interface Host {
  process?: { getBuiltinModule?: (name: string) => Http | undefined };
}

const DOING = "serve the trace";
const ADDRESS = "127.0.0.1";
/** Milliseconds that pages have to take the last of it. */
const PATIENCE = 1_000;
/** The page is nobody's frame, and no other page's script. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * Serves a page that shows the trace as it grows: lanes of workers, what is queued,
 * throughput, latencies, and which keys hold up the others. For Deno (with
 * `--allow-net=127.0.0.1`), Bun and Node.
 *
 * It listens on 127.0.0.1 alone, and there is a random token in its address: without it
 * everything is status 404. A page that reads too slowly is told how many steps it has
 * missed; nothing is kept for it. Without a page it costs nothing. It does not keep the
 * program from ending, unless it is asked to; on Bun an open page does: close the server.
 *
 * @param recorder The observer of the group.
 * @param options Where to listen, and for how long.
 * @returns The server, when it listens.
 * @throws {RangeError} If the port is none.
 * @throws {TypeError} If an argument is of the wrong type, or there is no `node:http`.
 *
 * @example
 * ```ts ignore
 * import { CoGroup } from "@cogroup/cogroup";
 * import { Recorder, serveTrace } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder();
 * await using server = await serveTrace(recorder);
 * console.error(`Watch it at ${server.url}`);
 * const group = new CoGroup({ concurrency: 8, observer: recorder });
 * ```
 */
export async function serveTrace(
  recorder: Recorder,
  options?: ServeTraceOptions,
): Promise<TraceServer> {
  if (!(recorder instanceof Recorder)) {
    throw wrongType(DOING, "recorder", "a Recorder", recorder);
  }
  const { port = 0, keepAlive = false } = checked(DOING, options) ?? {};
  flag(DOING, "keepAlive", keepAlive);
  const wanted = "an integer from 0 to 65535";
  number(
    DOING,
    "port",
    wanted,
    port,
    (n) => Number.isInteger(n) && n >= 0 && n < 2 ** 16,
  );
  const { process } = globalThis as Host;
  const http = process?.getBuiltinModule?.("node:http");
  if (http === undefined) {
    throw new TypeError(`Failed to ${DOING}: there is no node:http here`);
  }
  const path = `/${token()}/`;
  const feed = new Feed(recorder);
  const server = http.createServer((request, response) =>
    answer(request, response, path, recorder, feed)
  );
  if (!keepAlive) server.on("connection", (socket) => void socket.unref());
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, ADDRESS, resolve);
  });
  if (!keepAlive) server.unref();
  const close = () =>
    new Promise<void>((resolve) => {
      feed.close();
      // It also keeps the program alive, which nothing else may do by now.
      const timer = setTimeout(() => server.closeAllConnections(), PATIENCE);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  return {
    url: `http://${ADDRESS}:${server.address().port}${path}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function answer(
  { method, url = "" }: Request,
  response: Response,
  path: string,
  recorder: Recorder,
  feed: Feed,
): void {
  const send = (status: number, type: string, text: string) =>
    response.writeHead(status, { ...HEADERS, "content-type": type }).end(text);
  const what = url.startsWith(path) ? url.slice(path.length) : undefined;
  if (what === undefined) return send(404, "text/plain", "Not found\n");
  if (method !== "GET") return send(405, "text/plain", "GET is all there is\n");
  switch (what) {
    case "":
      return send(200, "text/html; charset=utf-8", PAGE);
    case "trace.json":
      response.writeHead(200, {
        ...HEADERS,
        "content-type": "application/json",
      });
      for (const piece of recorder.chunks()) response.write(piece);
      return response.end();
    case "events":
      response.writeHead(200, {
        ...HEADERS,
        "content-type": "text/event-stream",
      });
      response.on("drain", () => feed.resume(response));
      response.on("close", () => feed.delete(response));
      return feed.add(response);
    default:
      return send(404, "text/plain", "Not found\n");
  }
}

/** 128 bits that nobody guesses. */
function token(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
