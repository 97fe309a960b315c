/**
 * What the rigs of `.ci/platforms/` have in common: a project with the npm
 * tarball in it, the programs beside it, and the answers that they give.
 *
 * @module
 */

import { run } from "../command.ts";
import { pack } from "../pack.ts";

/** Milliseconds that a program may take. */
const TOO_LONG = 120_000;
const PROGRAMS = new URL("programs/", import.meta.url);

/** What a platform says of one thing that it was asked. */
export interface Answer {
  readonly title: string;
  /** What is wrong with it, if anything is. */
  readonly error?: string | undefined;
  /** What was measured. */
  readonly figures?: string | undefined;
}

/** Somewhere that people run the library. */
export interface Platform {
  readonly title: string;
  /** What it takes from the npm registry. */
  readonly packages: readonly string[];
  ask(project: Project): Promise<Answer[]>;
}

/** A project that has installed the library, for as long as it is needed. */
export class Project implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  /** Node 24. */
  readonly node: string;
  readonly bun: string;

  private constructor(path: string, node: string, bun: string) {
    this.path = path;
    this.node = node;
    this.bun = bun;
  }

  static async make(packages: Iterable<string>): Promise<Project> {
    const path = await Deno.makeTempDir();
    const manifest = JSON.stringify({ private: true, type: "module" });
    await Deno.writeTextFile(`${path}/package.json`, manifest);
    const install = ["install", "--silent", "--no-audit", "--no-fund"];
    await run("npm", [...install, ...packages, await pack(path)], path);
    for await (const { name } of Deno.readDir(PROGRAMS)) {
      await Deno.copyFile(new URL(name, PROGRAMS), `${path}/${name}`);
    }
    // The programs themselves, not npx around them: what is killed is gone.
    const [node, bun] = await Promise.all(
      ["node@24", "bun@1.4.5"].map((runtime) =>
        run(
          "npx",
          ["-y", runtime, "-e", "console.log(process.execPath)"],
          path,
        )
      ),
    );
    return new Project(path, node!.trim(), bun!.trim());
  }

  /**
   * What a program prints as the last line of its output, as JSON: whether it
   * fails or not.
   */
  async answer<T = Answer[]>(
    program: string,
    args: string[],
  ): Promise<T> {
    const { stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: this.path,
      env: { TMPDIR: this.path }, // What it leaves is removed with the rest.
      stdin: "null",
      signal: AbortSignal.timeout(TOO_LONG),
    }).output();
    const [out, err] = [stdout, stderr].map((b) => new TextDecoder().decode(b));
    try {
      return JSON.parse(out!.trim().split("\n").at(-1)!);
    } catch {
      throw new Error(`${[program, ...args].join(" ")}\n${out}${err}`);
    }
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.path}/${name}`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** What Jest and Vitest print when they are to print JSON. */
export interface TestReport {
  testResults: {
    message: string;
    assertionResults: {
      title: string;
      status: string;
      failureMessages: string[];
    }[];
  }[];
}

/** The same, as answers. */
export function answersOf(
  { testResults }: TestReport,
  where: string,
): Answer[] {
  return testResults.flatMap(({ message, assertionResults }) => {
    if (assertionResults.length === 0) throw new Error(message);
    return assertionResults.map(({ title, status, failureMessages }) => ({
      title: `${where}: ${title}`,
      error: status === "passed" ? undefined : failureMessages[0],
    }));
  });
}

/** The one in the middle. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
