// deno-coverage-ignore-file

/**
 * Examples that a shell starts, with what only a shell can give them: a full
 * disk, a broken pipe, fewer rights.
 *
 * @module
 */

import type { Runtime } from "../../integration/support/runtimes.ts";
import { outcome } from "../../integration/support/tree.ts";

/** How it ended, and what it wrote to where the shell let it. */
export type Outcome = Awaited<ReturnType<typeof outcome>>;

/** Runs a script, in which `"$@"` is the example with its arguments. */
export function shell(
  script: string,
  { program, args }: Runtime,
  example: readonly string[],
  cwd: string,
): Promise<Outcome> {
  return outcome(
    new Deno.Command("sh", {
      args: ["-c", script, "sh", program, ...args, ...example],
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

/**
 * As far as another process has read a file or directory; 0 if it is not open.
 * Throws if there is no such process any more.
 */
export async function position(pid: number, path: string): Promise<number> {
  const script = `[ -d "/proc/$1" ] || exit 1
  for fd in /proc/$1/fd/*; do
    if [ "$(readlink "$fd")" = "$2" ]; then
      sed -n "s/^pos:[^0-9]*//p" "/proc/$1/fdinfo/\${fd##*/}"
    fi
  done`;
  const { success, stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", `${pid}`, path],
  }).output();
  if (!success) {
    throw new Error(`process ${pid} ended before it had read ${path}`);
  }
  return Number(new TextDecoder().decode(stdout).trim() || 0);
}
