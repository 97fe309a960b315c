/**
 * Checks that a tag, the version in deno.json and CHANGELOG.md agree; then prints
 * the notes of the release: that version's part of the changelog, and how to
 * install it.
 *
 * ```sh
 * deno run --allow-read=. .ci/release.ts v1.2.3
 * ```
 *
 * @module
 */

import { readFile } from "node:fs/promises";

/**
 * The notes of the version that a tag names.
 *
 * @throws {Error} If something is missing, or says something else.
 */
export function notesOf(
  tag: string,
  { name, version }: { name: string; version: string },
  changelog: string,
): string {
  if (tag !== `v${version}`) {
    throw new Error(`the tag is ${tag}, and deno.json has version ${version}`);
  }
  const [, ...parts] = changelog.split(/^## /m);
  const part = parts.find((part) => part.startsWith(`[${version}]`));
  const [head = "", ...lines] = part?.split("\n") ?? [];
  if (!/ - \d{4}-\d\d-\d\d$/.test(head)) {
    throw new Error(`CHANGELOG.md has no line "## [${version}] - YYYY-MM-DD"`);
  }
  const text = lines.join("\n").trim();
  if (text === "") throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${text}

## Install

\`\`\`sh
deno add jsr:${name}@${version}
bunx jsr add ${name}@${version}
npx jsr add ${name}@${version}
\`\`\`

Deno 2.9 takes no package that is younger than a day, and then says that there
are "only pre-release versions": on the day of the release, add
\`--minimum-dependency-age=0\`.
`;
}

if (import.meta.main) {
  const [config, changelog] = await Promise.all(
    ["deno.json", "CHANGELOG.md"].map((file) =>
      readFile(new URL(`../${file}`, import.meta.url), "utf8")
    ),
  );
  try {
    console.log(notesOf(Deno.args[0] ?? "", JSON.parse(config!), changelog!));
  } catch (error) {
    console.error(`release: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
