/**
 * The command line of a small example.
 *
 * @module
 */

import process from "node:process";

/**
 * What it was called with. With `--help`, or fewer than `least`, it shows how to
 * call it, and ends the program.
 */
export function argumentsFor<T extends string[] = string[]>(
  usage: string,
  least = 1,
): T {
  const given = process.argv.slice(2);
  const isHelp = given.includes("--help");
  if (!isHelp && given.length >= least) return given as T;
  console[isHelp ? "log" : "error"](`Usage: ${usage}

Ctrl-C starts nothing more and lets what runs finish; once more stops at once.`);
  process.exit(isHelp ? 0 : 2);
}
