/**
 * What `deno task test` says before it begins.
 *
 * @module
 */

import { assert, assertEquals } from "../support/std.ts";
import { outcome } from "./support/tree.ts";

const ROOT = new URL("../../", import.meta.url);

function deno(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return outcome(child);
}

Deno.test(".ci/count_tests.ts says how many tests and doc examples deno test will run", async () => {
  const files = [
    ...["tests/list_test.ts", "tests/found_test.ts", "tests/std_test.ts"],
    ...["src/queues/", "mod.ts", "CONTRIBUTING.md"],
  ];
  const { code, out, err } = await deno(
    ...["run", "--quiet", "--no-check", "--allow-read=."],
    ...[".ci/count_tests.ts", ...files],
  );
  assertEquals([code, err], [0, ""]);
  const [, tests, examples] =
    /^(\d+) tests and (\d+) examples of the docs, in \d+ files\n$/.exec(out) ??
      [];
  assert(Number(tests) > 0 && Number(examples) > 0, out);
  const none = await deno(
    ...["test", "--quiet", "--no-check", "--doc", "--filter", "/^none$/"],
    ...files,
  );
  const [, filtered] = /(\d+) filtered out/.exec(none.out) ?? [];
  assertEquals(Number(filtered), Number(tests) + Number(examples), none.out);
});
