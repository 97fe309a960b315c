/**
 * Tries the npm tarball where people run it, and where the event loop or its
 * timers are not what they are elsewhere: laws 10 and 15.
 *
 * ```sh
 * deno task test:platforms
 * deno task test:platforms --only jest,workerd
 * ```
 *
 * @module
 */

import { parseArgs } from "node:util";
import { hiddenTab } from "./platforms/hidden_tab.ts";
import { jest } from "./platforms/jest.ts";
import { nodeFakes } from "./platforms/node_fakes.ts";
import { type Answer, type Platform, Project } from "./platforms/rig.ts";
import { servers } from "./platforms/servers.ts";
import { vitest } from "./platforms/vitest.ts";
import { workerd } from "./platforms/workerd.ts";

const PLATFORMS: Record<string, Platform> = {
  jest,
  vitest,
  fakes: nodeFakes,
  workerd,
  tab: hiddenTab,
  servers,
};

function print({ title, error, figures }: Answer): void {
  const more = figures === undefined ? "" : ` (${figures})`;
  console.log(`${error === undefined ? "ok  " : "FAIL"}  ${title}${more}`);
  if (error === undefined) return;
  // In one line, and without its stack: that names the rig's own lines.
  const [text] = error.split(/\n\s+at /);
  console.log(`      ${text!.replaceAll(/\s+/g, " ").slice(0, 200)}`);
}

async function main(): Promise<number> {
  const { values: { only } } = parseArgs({
    args: Deno.args,
    options: { only: { type: "string" } },
  });
  const names = only?.split(",") ?? Object.keys(PLATFORMS);
  const platforms = names.map((name) => {
    const platform = PLATFORMS[name];
    if (platform !== undefined) return platform;
    const all = Object.keys(PLATFORMS).join(",");
    throw new RangeError(`--only wants some of ${all}: ${name}`);
  });
  await using project = await Project.make(
    platforms.flatMap(({ packages }) => packages),
  );
  const count = { passed: 0, failed: 0 };
  for (const platform of platforms) {
    const start = performance.now();
    // One that can't be asked has failed, and the others are asked.
    const answers = await platform.ask(project).catch((error) => [
      { title: "it could not be asked", error: String(error) },
    ]);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(`--- ${platform.title}, ${seconds} s`);
    for (const answer of answers) {
      print(answer);
      count[answer.error === undefined ? "passed" : "failed"]++;
    }
  }
  console.log(`${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}

Deno.exit(await main());
