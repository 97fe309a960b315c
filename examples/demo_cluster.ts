/**
 * `fetch_cluster.ts` on one machine, as on many: a queue on a NATS server, a server to
 * fetch from, and three workers, of which one is killed and one is interrupted on the way.
 * Then the books: exit code 0 if nothing was lost, 1 if something was, 2 without nats-server.
 *
 * ```sh
 * deno task demo:cluster
 * ```
 *
 * @module
 */

import {
  type ChildProcess,
  spawn,
  type StdioOptions,
} from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as listenOn } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const URLS = 600;
/** Every so manieth is never there: it ends among the dead. */
const DEAD = 100;
/** Ms without a sign of life after which a worker's URLs are given to others. */
const LEASE = 3000;
/** Ms that all of it may take. */
const PATIENCE = 120_000;

const SCRIPT = new URL("fetch_cluster.ts", import.meta.url).pathname;
/** Of the server. */
const FOLDER = mkdtempSync(join(tmpdir(), "cogroup-demo-"));
const children = new Set<ChildProcess>();
// None of them outlives us, however we end.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(FOLDER, { recursive: true, maxRetries: 10 });
});
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));

function start(
  program: string,
  args: string[],
  stdio: StdioOptions,
): ChildProcess {
  const child = spawn(program, args, { stdio });
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
}

/** What runs `fetch_cluster.ts` here: the same runtime. */
function run(args: string[], stdio: StdioOptions): ChildProcess {
  const isDeno = typeof Deno !== "undefined";
  const flags = isDeno ? ["run", "--quiet", "--no-check", "--allow-all"] : [];
  return start(process.execPath, [...flags, SCRIPT, ...args], stdio);
}

/** Its output, when it has ended well. */
async function output(args: string[], input = ""): Promise<string> {
  const child = run(args, ["pipe", "pipe", "inherit"]);
  child.stdin!.end(input);
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (chunk) => text += chunk);
  const [code] = await once(child, "close");
  if (code !== 0) {
    throw new Error(`fetch_cluster.ts ${args[0]}: exit code ${code}`);
  }
  return text;
}

/** Where nats-server is. Debian puts it where only root looks. */
function natsServer(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, "nats-server")).find(existsSync);
}

async function freePort(): Promise<number> {
  const server = listenOn().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts a NATS server. Resolves when it may be used. */
async function startNats(program: string): Promise<number> {
  const port = await freePort();
  const args = ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", FOLDER];
  const nats = start(program, args, ["ignore", "ignore", "pipe"]);
  await new Promise<void>((resolve, reject) => {
    nats.stderr!.setEncoding("utf8").on("data", (line: string) => {
      if (line.includes("Server is ready")) resolve();
    });
    nats.on("exit", () => reject(new Error("nats-server has ended")));
  });
  return port;
}

/** What is fetched from: now and then it is too busy, and some pages it has never. Counts the good answers. */
async function startPeer(served: Map<string, number>): Promise<Server> {
  const peer = createServer(async ({ url = "" }, response) => {
    await sleep(20 + Math.random() * 60);
    const n = Number(url.slice(1));
    const isDead = n % DEAD === 0;
    if (!isDead && Math.random() > 0.05) {
      served.set(url, (served.get(url) ?? 0) + 1);
      response.end(`page ${n}`);
    } else response.writeHead(isDead ? 500 : 503).end();
  });
  await once(peer.listen(0, "127.0.0.1"), "listening");
  return peer;
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function demo(program: string): Promise<number> {
  const server = ["--server", `127.0.0.1:${await startNats(program)}`];
  const served = new Map<string, number>();
  const peer = await startPeer(served);
  const { port } = peer.address() as { port: number };
  const urls = Array.from(
    { length: URLS },
    (_, i) => `http://127.0.0.1:${port}/${i + 1}`,
  );
  say((await output(["enqueue", "-", ...server], urls.join("\n"))).trim());

  const settings = ["--lease", `${LEASE}`, "--per-host", "8", "--retries", "3"];
  const workers = Array.from(
    { length: 3 },
    () =>
      run(["work", ...server, ...settings], ["ignore", "inherit", "inherit"]),
  );
  const ended = workers.map((worker) => once(worker, "exit"));
  const fates: [share: number, n: number, signal: NodeJS.Signals][] = [
    [0.25, 0, "SIGKILL"],
    [0.5, 1, "SIGINT"],
  ];
  const patience = performance.now() + PATIENCE;
  for (;;) {
    await sleep(500);
    const text = await output(["status", ...server]);
    const { left, inFlight, done, dead } = JSON.parse(text);
    say(`left ${left} (${inFlight} in flight), done ${done}, dead ${dead}`);
    if (left === 0) break;
    if (performance.now() > patience) {
      say("some are stuck");
      return 1;
    }
    const [share, n, signal] = fates[0] ?? [Infinity];
    if (done < share * URLS) continue;
    say(
      `${
        signal === "SIGKILL" ? "kill -9 of" : "Ctrl-C for"
      } one of the workers`,
    );
    workers[n!]!.kill(signal);
    fates.shift();
  }
  workers[2]!.kill("SIGINT");
  for (const end of ended) await end;
  peer.close();

  const lines = (await output(["results", ...server])).trim().split("\n");
  const done = new Set(lines.map((line) => JSON.parse(line).url));
  const { dead } = JSON.parse(await output(["status", ...server]));
  const twice = [...served.values()].filter((count) => count > 1).length;
  const lost = URLS - done.size - dead;
  say(
    `enqueued ${URLS}, done ${done.size}, dead ${dead}, ran twice ${twice}, lost ${lost}`,
  );
  const isRight = lost === 0 && lines.length === done.size &&
    dead === URLS / DEAD;
  say(isRight ? "the books balance" : "THE BOOKS DO NOT BALANCE");
  return isRight ? 0 : 1;
}

async function main(): Promise<number> {
  const program = natsServer();
  if (program === undefined) {
    say("There is no nats-server here. Debian: apt-get install nats-server");
    return 2;
  }
  return await demo(program);
}

process.exit(await main());
