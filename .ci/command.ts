/**
 * Other programs, and what they print.
 *
 * @module
 */

/**
 * Runs a program to its end.
 *
 * @returns What it wrote to stdout.
 * @throws {Error} With all that it wrote, if it fails.
 */
export async function run(
  program: string,
  args: string[],
  cwd: string,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((b) => new TextDecoder().decode(b));
  if (success) return out!;
  throw new Error(`${[program, ...args].join(" ")}\n${out}${err}`);
}
