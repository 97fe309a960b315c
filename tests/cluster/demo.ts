/**
 * `examples/fetch_cluster.ts`, and the demo that kills its workers, as programs.
 *
 * @module
 */

import { answer, BadServer } from "../integration/support/bad_server.ts";
import { range } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { Server } from "./support/servers.ts";
import { until } from "./support/survival.ts";
import { Project } from "./support/workers.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const project = await Project.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());

/** Starts an example. The kernel ends it when the tests end. */
function start(n: number, script: string, args: string[]): Deno.ChildProcess {
  const { name, program, args: flags } = project.runtime(n);
  const isDeno = name === "Deno";
  return new Deno.Command("setpriv", {
    args: [
      ...["--pdeathsig", "TERM", "--", program],
      ...isDeno ? ["run", "--quiet", "--no-check", "--allow-all"] : flags,
      `${isDeno ? ROOT : `${project.folder}/`}examples/${script}`,
      ...args,
    ],
    cwd: isDeno ? ROOT : project.folder,
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
}

async function run(n: number, script: string, args: string[], input = "") {
  const child = start(n, script, args);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return await outcome(child);
}

async function outcome(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

for (const [n, { name }] of project.runtimes.entries()) {
  Deno.test(`demo_cluster.ts: on ${name}, kill -9 of one worker and Ctrl-C for another lose nothing`, async () => {
    const { code, out, err } = await run(n, "demo_cluster.ts", []);
    assertEquals(code, 0, out + err);
    assert(
      /^enqueued 600, done 594, dead 6, ran twice \d+, lost 0$/m.test(out),
      out,
    );
    console.log(out.trim().split("\n").at(-2));
  });
}

Deno.test("fetch_cluster.ts: --help says what there is to say, and wrong usage ends it with 2", async () => {
  const help = await run(0, "fetch_cluster.ts", ["--help"]);
  assertEquals([help.code, help.err], [0, ""]);
  for (const command of ["enqueue", "work", "status", "results", "requeue"]) {
    assert(help.out.includes(`\n  ${command} `), command);
  }
  const wrong: [args: string[], message: string][] = [
    [[], "name a COMMAND"],
    [["walk"], "name a COMMAND"],
    [["enqueue"], "enqueue takes one FILE or - and the others none"],
    [["status", "here"], "enqueue takes one FILE or - and the others none"],
    [["work", "--lease", "0"], "--lease 0: not an integer of 1 or more"],
    [["work", "--rate", "5"], "--rate 5: not like 10/s"],
    [["status", "--queue", "a.b"], "--queue a.b: no name"],
  ];
  for (const [args, message] of wrong) {
    const { code, out, err } = await run(0, "fetch_cluster.ts", args);
    assertEquals([code, out, err.split("\n")[0]], [
      2,
      "",
      `fetch_cluster: ${message}`,
    ]);
  }
});

Deno.test("fetch_cluster.ts: without a server, a status is exit code 1", async () => {
  const args = ["status", "--server", "127.0.0.1:1"];
  const { code, out, err } = await run(0, "fetch_cluster.ts", args);
  assertEquals([code, out], [1, ""]);
  assert(err.startsWith("fetch_cluster: "), err);
});

Deno.test("fetch_cluster.ts: what is dead is fetched after requeue, and SIGTERM ends a worker in peace", async () => {
  let isUp = false;
  await using peer = new BadServer((_, socket) =>
    answer(socket, isUp ? 200 : 500, "12345")
  );
  const base = await peer.listen();
  await using nats = await Server.nats();
  const server = ["--server", `127.0.0.1:${nats.port}`];
  const command = async (name: string, args: string[] = [], input = "") => {
    const { code, out, err } = await run(0, "fetch_cluster.ts", [
      name,
      ...args,
      ...server,
    ], input);
    assertEquals([code, err], [0, ""]);
    return out;
  };
  const books = async () => JSON.parse(await command("status"));
  const urls = range(5).map((i) => `${base}/${i}`);
  await command("enqueue", ["-"], urls.join("\n"));
  assertEquals(await books(), { left: 5, inFlight: 0, done: 0, dead: 0 });
  const worker = start(0, "fetch_cluster.ts", [
    "work",
    "--retries",
    "0",
    ...server,
  ]);
  await worker.stdin.close();
  await until("five deaths", async () => (await books()).dead === 5);
  isUp = true;
  assertEquals(await command("requeue"), "5 enqueued again\n");
  await until("five results", async () => (await books()).done === 5);
  worker.kill("SIGTERM");
  const { code, err } = await outcome(worker);
  assertEquals(code, 130);
  assert(/: 5 done, 5 dead, 0 given back$/m.test(err), err);
  assertEquals(await books(), { left: 0, inFlight: 0, done: 5, dead: 0 });
  const lines = (await command("results")).trim().split("\n");
  const results = lines.map((line) => JSON.parse(line));
  assertEquals(results.map(({ url }) => url).sort(), urls);
  assertEquals(
    results.every(({ status, bytes }) => status === 200 && bytes === 5),
    true,
  );
});
