/**
 * How a program ends: the README's first one at Ctrl-C, and what docs/faq.md says of
 * programs that don't end, or end too early.
 *
 * @module
 */

import { gate } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { type Runtime, runtimes } from "./support/runtimes.ts";
import { outcome } from "./support/tree.ts";

const ROOT = new URL("../../", import.meta.url);
const MOD = JSON.stringify(new URL("mod.ts", ROOT));

/** Starts a program of that text. Its file goes with the test's directory. */
async function start(
  { program, args }: Runtime,
  directory: string,
  code: string,
): Promise<Deno.ChildProcess> {
  const file = `${directory}/program.ts`;
  await Deno.writeTextFile(file, code.replace(/"@cogroup\/cogroup"/, MOD));
  return new Deno.Command(program, {
    args: [...args, file],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const IMPORT = `import { CoGroup } from "@cogroup/cogroup";\n`;
/** The first item fails while the second one runs. */
const FAILS = `
for await (const _ of group.map([1, 2], async (n) => {
  if (n === 1) throw await Promise.resolve(new Error("no 1"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.log("2 has ended");
}));`;

for (const runtime of await runtimes()) {
  const { name } = runtime;
  const test = (title: string, run: (directory: string) => Promise<void>) =>
    Deno.test(`${title}, on ${name}`, async () => {
      const directory = await Deno.makeTempDir();
      try {
        await run(directory);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    });

  test("The README's first program starts no more at Ctrl-C, and finishes what runs", async (directory) => {
    const readme = await Deno.readTextFile(new URL("README.md", ROOT));
    const [, code] = /^```ts\n([^]*?)^```$/m.exec(readme)!;
    const full = gate();
    const go = gate();
    let begun = 0;
    let answered = 0;
    await using server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
    }, async () => {
      if (++begun === 16) full.open();
      await go.promise;
      answered++;
      return new Response("page");
    });
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const own = code!.replace(
      /^const urls = .*$/m,
      () =>
        `const urls = Array.from({ length: 50_000 }, (_, n) => ${
          JSON.stringify(url)
        } + n);`,
    );
    assert(own !== code);
    const told = own.replace(
      /group\.abort\(.*?\)/,
      '(console.log("stop"), $&)',
    );
    assert(told !== own);
    const child = await start(runtime, directory, told);
    const died = child.status.then(() => "it has died");
    assertEquals(await Promise.race([full.promise, died]), undefined);
    child.kill("SIGINT");
    const stdout = child.stdout.getReader();
    const { value } = await stdout.read();
    assertEquals(new TextDecoder().decode(value).trim(), "stop");
    go.open();
    const [{ success }, stderr] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
      stdout.cancel(),
    ]);
    assertEquals([begun, answered], [16, 16]);
    assert(!success);
    assert(stderr.includes("Ctrl-C"), stderr);
  });

  test("A second Ctrl-C ends the process, where the first one aborts the group", async (directory) => {
    const code = `import process from "node:process";
${IMPORT}
const group = new CoGroup(1);
process.once("SIGINT", () => (group.abort("Ctrl-C"), console.log("stop")));
group.add(() => new Promise(() => setInterval(() => {}, 1000)));
group.add(() => {});
setTimeout(() => console.log("running"));
await group.wait();`;
    const child = await start(runtime, directory, code);
    const stdout = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    for (const said of ["running", "stop"]) {
      assertEquals((await stdout.read()).value?.trim(), said);
      child.kill("SIGINT");
    }
    const [{ signal }] = await Promise.all([
      child.status,
      child.stderr.cancel(),
      stdout.cancel(),
    ]);
    assertEquals(signal, "SIGINT");
  });

  test("An idle group keeps no process alive", async (directory) => {
    const code = `${IMPORT}
const group = new CoGroup(2);
(async () => { for await (const _ of group.progress()); })();
await group.go(() => {});
console.log("end");`;
    const ended = await outcome(await start(runtime, directory, code));
    assertEquals(ended, { code: 0, out: "end\n", err: "" });
  });

  test("A program that fails ends while other tasks run; await using waits for them", async (directory) => {
    const without = `${IMPORT}const group = new CoGroup(2);${FAILS}`;
    const ended = await outcome(await start(runtime, directory, without));
    assertEquals([ended.code, ended.out], [1, ""]);
    const using = without.replace("const group", "await using group");
    const waited = await outcome(await start(runtime, directory, using));
    assertEquals([waited.code, waited.out], [1, "2 has ended\n"]);
    assert(waited.err.includes("no 1"), waited.err);
  });

  if (name === "Bun") continue; // It waits for ever.
  test("A program that waits for a paused group alone ends, and says so", async (directory) => {
    const code = `${IMPORT}
const group = new CoGroup({ concurrency: 2, paused: true });
group.add(() => console.log("ran"));
await group.wait();`;
    const ended = await outcome(await start(runtime, directory, code));
    assertEquals([ended.code, ended.out], [name === "Deno" ? 1 : 13, ""]);
    assert(/top-level await/i.test(ended.err), ended.err);
  });
}
