/**
 * How long a server is silent while 3,000 tasks of 0.5 ms of CPU run beside it:
 * in a group of 16 workers, and in a bare loop that yields by a timer every
 * 10 ms, in turns. Prints the milliseconds of all rounds, as JSON.
 *
 * Usage: RUNTIME server.js serve|http NODE
 */

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";
import { CoGroup } from "@cogroup/cogroup";

const [kind, node] = process.argv.slice(2);
const ROUNDS = 3;
const TASKS = 3_000;
const { Bun, Deno } = globalThis;

/** Opens a server, and gives its port. */
async function listen() {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  const answer = () => new Response("ok");
  if (kind === "serve") {
    return Bun === undefined
      ? Deno.serve(options, answer).addr.port
      : Bun.serve({ ...options, fetch: answer }).port;
  }
  const server = createServer((_, response) => response.end("ok"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server.address().port;
}

function burn() {
  const end = performance.now() + 0.5;
  while (performance.now() < end);
}

const WAYS = {
  async group() {
    const group = new CoGroup(16);
    for (let i = 0; i < TASKS; i++) group.add(burn);
    await group.wait();
  },
  async bare() {
    let since = performance.now();
    for (let i = 0; i < TASKS; i++) {
      burn();
      await undefined;
      if (performance.now() - since < 10) continue;
      await new Promise((done) => setTimeout(done, 0));
      since = performance.now();
    }
  },
};

const client = spawn(node, ["client.js", String(await listen())], {
  stdio: ["pipe", "pipe", "inherit"],
});
const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
/** The longest silence since the last line. */
async function silence() {
  client.stdin.write("\n");
  return Number((await lines.next()).value);
}

const silences = { group: [], bare: [] };
await silence(); // What the first requests take is nobody's fault.
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, work] of Object.entries(WAYS)) {
    await new Promise((done) => setTimeout(done, 50));
    await silence();
    await work();
    silences[name].push(await silence());
  }
}
client.stdin.end();
console.log(JSON.stringify(silences));
process.exit();
