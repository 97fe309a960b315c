// deno-coverage-ignore-file

/**
 * Trees of files for `examples/checksum.ts`, and what it makes of them.
 *
 * @module
 */

import { assert } from "../../support/std.ts";

const EXAMPLE = new URL("../../../examples/checksum.ts", import.meta.url).href;

/** A directory of its own for each test. */
export class Tree implements AsyncDisposable {
  readonly root: string = Deno.makeTempDirSync();

  /** Writes files, and the directories they are in. */
  async write(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      const directory = path.slice(0, path.lastIndexOf("/") + 1);
      await Deno.mkdir(`${this.root}/${directory}`, { recursive: true });
      await Deno.writeTextFile(`${this.root}/${path}`, text);
    }
  }

  /** Writes so many files that their manifest does not fit into a pipe. */
  async fill(): Promise<void> {
    const name = "n".repeat(240);
    const files: Record<string, string> = {};
    for (let i = 0; i < 2000; i++) files[`many/${i % 7}/${name}${i}`] = `${i}`;
    await this.write(files);
  }

  /** Starts the example, which may read this directory and nothing else. */
  checksum(...args: string[]): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-read=.", EXAMPLE, ...args],
      cwd: this.root,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Has sha256sum verify a manifest; throws with what it finds wrong. */
  async verify(manifest: string): Promise<void> {
    const child = new Deno.Command("sha256sum", {
      args: ["--check", "--strict", "--quiet"],
      cwd: this.root,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [{ success, stdout, stderr }] = await Promise.all([
      child.output(),
      new Blob([manifest]).stream().pipeTo(child.stdin),
    ]);
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stdout) + decoder.decode(stderr));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** What a child process writes and how it ends, when it is not interfered with. */
export async function outcome(
  child: Deno.ChildProcess,
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** The lines of a text whose last line is complete. */
export function lines(text: string): string[] {
  assert(text === "" || text.endsWith("\n"), `not a whole line: ${text}`);
  return text.split("\n").slice(0, -1);
}

/** The names in a manifest, as they are written there, in order. */
export function names(manifest: string): string[] {
  return lines(manifest).map((line) => {
    const [, name] = /^\\?[0-9a-f]{64} {2}(.+)$/.exec(line) ?? [];
    assert(name !== undefined, `not a line of a manifest: ${line}`);
    return name;
  }).sort();
}
