/**
 * What is checked before a tag is published, and what the release then says.
 *
 * @module
 */

import { notesOf } from "../../.ci/release.ts";
import { assert, assertThrows } from "../support/std.ts";

const CHANGELOG = `# Changelog

## [Unreleased]

## [1.0.0-rc.1] - 2026-01-02

### Fixed

- The one.

## [0.9.0]

- The other.

## [0.8.0] - 2025-01-01
`;
const at = (version: string) => ({ name: "@a/b", version });

Deno.test("The notes of a release are its part of the changelog, and how to install it", () => {
  const notes = notesOf("v1.0.0-rc.1", at("1.0.0-rc.1"), CHANGELOG);
  assert(notes.startsWith("### Fixed\n\n- The one.\n\n## Install\n"), notes);
  assert(!notes.includes("The other"), notes);
  assert(notes.includes("deno add jsr:@a/b@1.0.0-rc.1\n"), notes);
});

Deno.test("A tag of another version, and a changelog without date or text, are refused", () => {
  const wrong: [tag: string, version: string, message: string][] = [
    ["v1.0.0", "1.0.0-rc.1", "the tag is v1.0.0, and deno.json has version"],
    ["1.0.0", "1.0.0", "the tag is 1.0.0"],
    ["v0.9.0", "0.9.0", 'no line "## [0.9.0] - YYYY-MM-DD"'],
    ["v0.7.0", "0.7.0", 'no line "## [0.7.0] - YYYY-MM-DD"'],
    ["v0.8.0", "0.8.0", "says nothing of 0.8.0"],
  ];
  for (const [tag, version, message] of wrong) {
    const error = assertThrows(
      () => notesOf(tag, at(version), CHANGELOG),
      Error,
    );
    assert(error.message.includes(message), error.message);
  }
});
