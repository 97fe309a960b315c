/**
 * `examples/checksum.ts` as a program, against trees of files.
 *
 * @module
 */

import { assert, assertEquals } from "../support/std.ts";
import { lines, names, outcome, Tree } from "./support/tree.ts";

const INTERRUPTED =
  /^checksum: interrupted: (\d+) found, (\d+) written, (\d+) failed, (\d+) left$/;
const USAGE = "Usage: checksum.ts [--concurrency N] [--count] PATH...";
const FINISHING = /^checksum: finishing \d+; once more to stop$/;

Deno.test("checksum.ts: the manifest has every file, and sha256sum verifies it", async () => {
  await using tree = new Tree();
  await tree.write({
    "d/empty": "",
    "d/-dash": "a",
    "d/ two  spaces ": "b",
    "d/grüße 🌲": "c",
    "d/back\\slash": "d",
    "d/new\nline": "e",
    "d/.hidden/deep/er/x": "f".repeat(1_000_000),
    "d/*": "g",
    "-top": "h",
    "not asked for": "i",
  });
  await Deno.mkdir(`${tree.root}/d/nothing in it`);
  await Deno.symlink("empty", `${tree.root}/d/link to a file`);
  await Deno.symlink("..", `${tree.root}/d/link to a directory`);
  await Deno.symlink("d/empty", `${tree.root}/named link`);

  const { code, out, err } = await outcome(
    tree.checksum("--concurrency=3", "--", "./d/", "named link", "-top"),
  );
  assertEquals(err, "");
  assertEquals(code, 0);
  assertEquals(
    names(out),
    [
      "-top",
      "./d/ two  spaces ",
      "./d/*",
      "./d/-dash",
      "./d/.hidden/deep/er/x",
      "./d/back\\\\slash",
      "./d/empty",
      "./d/grüße 🌲",
      "./d/new\\nline",
      "named link",
    ].sort(),
  );
  await tree.verify(out);
});

Deno.test("checksum.ts: a carriage return is escaped, as newer sha256sums do", async () => {
  await using tree = new Tree();
  await tree.write({ "a\rb": "" });
  const { out } = await outcome(tree.checksum("."));
  assertEquals(
    out,
    "\\e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" +
      "  ./a\\rb\n",
  );
});

Deno.test("checksum.ts: what can't be read has a line on stderr, and the rest is verified", async () => {
  await using tree = new Tree();
  await tree.write({ "a/b": "b", "c": "c" });
  await Deno.symlink("nowhere", `${tree.root}/dangling`);
  const { code, out, err } = await outcome(
    tree.checksum("missing\nfile", "a", "dangling", "..", "c"),
  );
  assertEquals(code, 1);
  assertEquals(names(out), ["a/b", "c"]);
  assertEquals(lines(err), [
    "checksum: missing\\nfile: ENOENT: no such file or directory",
    "checksum: dangling: ENOENT: no such file or directory",
    // Only the directory itself may be read: what Deno says of it is its own.
    lines(err)[2],
  ]);
  assert(lines(err)[2]!.startsWith("checksum: ..: "), lines(err)[2]);
  await tree.verify(out);
});

Deno.test("checksum.ts: wrong usage exits with 2 and tells the right one", async () => {
  await using tree = new Tree();
  const wrong: [args: string[], message: RegExp][] = [
    [["--concurrency", "0", "."], /--concurrency 0: not a positive integer/],
    [["--concurrency=1.5", "."], /--concurrency 1.5: not a positive integer/],
    [["--concurrency", "many", "."], /--concurrency many: not a positive/],
    [["--concurrency=", "."], /--concurrency : not a positive integer/],
    [[".", "--concurrency"], /--concurrency/],
    [["--frobnicate", "."], /--frobnicate/],
    [["-"], /.\/-/],
    [[], /no PATH was given/],
  ];
  await Promise.all(wrong.map(async ([args, message]) => {
    const { code, out, err } = await outcome(tree.checksum(...args));
    assertEquals([code, out], [2, ""]);
    const [first, usage] = lines(err);
    assert(message.test(first!), first);
    assertEquals(usage, USAGE);
  }));
});

Deno.test("checksum.ts: --count says how many files there are, before the first is read", async () => {
  await using tree = new Tree();
  await tree.write({ "d/a": "a", "d/e/b": "b", "c": "c" });
  const { code, out, err } = await outcome(
    tree.checksum("--count", "d", "c", "missing"),
  );
  assertEquals([code, names(out)], [1, ["c", "d/a", "d/e/b"]]);
  assertEquals(lines(err), [
    "checksum: 3 files",
    "checksum: missing: ENOENT: no such file or directory",
  ]);
});

Deno.test("checksum.ts: --help shows the usage on stdout", async () => {
  await using tree = new Tree();
  const { code, out, err } = await outcome(tree.checksum("--help"));
  assertEquals([code, err], [0, ""]);
  assertEquals(lines(out)[0], USAGE);
});

/** Reads until there is a first line. */
async function firstLine(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  do chunks.push(new Uint8Array((await reader.read()).value!)); while (
    !chunks.at(-1)!.includes(10)
  );
  return chunks;
}

Deno.test("checksum.ts: after SIGINT, written + failed + left = found", async () => {
  await using tree = new Tree();
  await tree.fill();
  const child = tree.checksum("missing", "many");
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const chunks = await firstLine(reader);
  child.kill("SIGINT");
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(new Uint8Array(value));
  }
  const out = await new Blob(chunks).text();
  const { code } = await child.status;
  assertEquals(code, 130);

  const errors = lines(await stderr);
  assert(errors.some((line) => FINISHING.test(line)), errors.join());
  const [, ...books] = INTERRUPTED.exec(errors.pop()!) ?? [];
  const [found, written, failed, left] = books.map(Number);
  assertEquals(errors.filter((line) => !FINISHING.test(line)), [
    "checksum: missing: ENOENT: no such file or directory",
  ]);
  assertEquals([written, failed], [lines(out).length, 1]);
  assertEquals(written! + failed! + left!, found);
  // What the queue holds, what idle workers were to start, and the one that
  // waits for room.
  assert(left! <= 16 + 8 + 1, `${left} left`);
  assert(written! < 2000, "the walk has stopped");
  await tree.verify(out);
});

Deno.test("checksum.ts: a second SIGINT ends it at once, whatever is running", async () => {
  await using tree = new Tree();
  await tree.write({ "takes an hour": "", "takes no time": "" });
  await Deno.truncate(`${tree.root}/takes an hour`, 1e12); // A hole, all of it.
  const child = tree.checksum("takes an hour", "takes no time");
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  await firstLine(reader); // The file that came first has been started, too.
  // Two signals that come together may be one: so as many as it takes.
  const sending = setInterval(() => {
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended, and `status` is about to say so.
    }
  });
  const { signal } = await child.status;
  clearInterval(sending);
  await reader.cancel();
  assertEquals(signal, "SIGINT");
  // The file that takes no time may be about to end.
  const finishing = /^checksum: finishing [12]; once more to stop\n$/;
  assert(finishing.test(await stderr), await stderr);
});

Deno.test("checksum.ts: a closed stdout ends it quietly", async () => {
  await using tree = new Tree();
  await tree.fill();
  const child = tree.checksum("many");
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  await firstLine(reader);
  await reader.cancel();
  const { code } = await child.status;
  assertEquals([code, await stderr], [141, ""]);
});
