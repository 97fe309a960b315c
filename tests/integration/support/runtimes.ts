// deno-coverage-ignore-file

/**
 * The runtimes that the examples claim to work on, as far as they are here.
 *
 * @module
 */

import { assert, assertEquals } from "../../support/std.ts";

/** What runs an example: a program, and what it is told before the script. */
export interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** The one that runs the tests; its example may read files and fetch from us. */
export const DENO: Runtime = {
  name: "Deno",
  program: Deno.execPath(),
  args: [
    ...["run", "--quiet", "--no-check", "--no-prompt"],
    ...["--allow-read", "--allow-net=127.0.0.1"],
  ],
};

const CANDIDATES = [["Bun", "bun"], ["Node", "node24"], ["Node", "node"]];

/**
 * All of them, each once; with `-- --all`, as CI has it, none may be missing. An
 * older Node, which knows no types, is none.
 */
export async function runtimes(): Promise<Runtime[]> {
  const found = [DENO];
  for (const [name, program] of CANDIDATES as [string, string][]) {
    if (found.some((runtime) => runtime.name === name)) continue;
    const version = await versionOf(program);
    if (version === undefined || (name === "Node" && version < 24)) continue;
    found.push({ name, program, args: [] });
  }
  const names = found.map(({ name }) => name);
  if (Deno.args.includes("--all")) assertEquals(names, ["Deno", "Bun", "Node"]);
  return found;
}

/** Its major version; undefined if it is not installed. */
async function versionOf(program: string): Promise<number | undefined> {
  try {
    const { stdout } = await new Deno.Command(program, { args: ["--version"] })
      .output();
    return parseInt(new TextDecoder().decode(stdout).replace("v", ""));
  } catch (error) {
    assert(error instanceof Deno.errors.NotFound, `${program}: ${error}`);
    return undefined;
  }
}
