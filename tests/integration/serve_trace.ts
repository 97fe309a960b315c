/**
 * serveTrace on a real port, and what the examples make of it.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { Recorder, serveTrace } from "../../src/trace/mod.ts";
import { assert, assertEquals } from "../support/std.ts";
import { DENO, runtimes } from "./support/runtimes.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

Deno.test("serveTrace: the page and its feed for who knows the address, nothing for others", async () => {
  const recorder = new Recorder();
  const server = await serveTrace(recorder);
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  for (const path of ["/", "/events", "/trace.json"]) {
    const { status, body } = await fetch(new URL(path, server.url));
    assertEquals(status, 404);
    await body?.cancel();
  }
  const page = await fetch(server.url);
  assertEquals(page.status, 200);
  assert((await page.text()).startsWith("<!DOCTYPE html>"));
  const feed = await fetch(`${server.url}events`);
  await group.go(() => {}, { id: "only" });
  await group.wait();
  await server.close();
  const text = await feed.text();
  assert(text.includes('"name":"only"'));
  assert(text.endsWith("event: done\ndata:\n\n"));
  const gone = await fetch(server.url).catch((error) => error);
  assert(gone instanceof Error, "the port is free");
});

/** Serves, works, and says where until it has nothing left to do. */
const PROGRAM = `
  import { CoGroup } from "${ROOT}mod.ts";
  import { Recorder, serveTrace } from "${ROOT}src/trace/mod.ts";
  const recorder = new Recorder();
  const server = await serveTrace(recorder);
  console.log(server.url);
  const group = new CoGroup({ concurrency: 1, observer: recorder });
  // It works until its input ends.
  const work = async () => { for await (const _ of process.stdin); };
  await group.go(work, { id: "only" });
  await group.wait();`;

for (const { name, program, args } of await runtimes()) {
  if (name === "Bun") continue; // There every open connection does, unref or not.
  Deno.test(`serveTrace on ${name}: a page does not keep the program from ending`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, PROGRAM);
    const child = new Deno.Command(program, {
      args: [...args, file],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const url = (await lines.read()).value!.trim();
    const feed = await fetch(`${url}events`);
    const reader = feed.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    assert(first.value!.startsWith("data: "));
    await child.stdin.close();
    assertEquals((await child.status).code, 0);
    // It ends without a word: what the page makes of it is tested in a browser.
    await reader.read().catch(() => {});
    await reader.cancel().catch(() => {});
    await lines.cancel();
    await Deno.remove(file);
  });
}

Deno.test("checksum.ts --watch --trace: a page until Ctrl-C, and a file", async () => {
  const directory = await Deno.makeTempDir();
  const trace = `${directory}/trace.json`;
  await Deno.writeTextFile(`${directory}/a`, "a");
  const child = new Deno.Command(DENO.program, {
    args: [
      ...[...DENO.args, `--allow-write=${directory}`],
      ...[`${ROOT}examples/checksum.ts`, "--watch", "--trace", trace],
      `${directory}/a`,
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  for await (
    const piece of child.stderr.pipeThrough(new TextDecoderStream())
  ) {
    text += piece;
    if (!text.includes("Ctrl-C ends the page")) continue;
    const url = /watch it at (\S+)/.exec(text)![1]!;
    const page = await fetch(`${url}trace.json`);
    assert((await page.text()).includes(`"name":"${directory}/a"`));
    child.kill("SIGINT");
  }
  assertEquals((await child.status).code, 0);
  const { traceEvents } = JSON.parse(await Deno.readTextFile(trace));
  const names = traceEvents.filter(({ ph, cat }: Record<string, unknown>) =>
    ph === "X" && cat === "task"
  ).map(({ name }: Record<string, unknown>) => name);
  assertEquals(names, [`${directory}/a`]);
  await Deno.remove(directory, { recursive: true });
});
