/**
 * The page: runs the tests against the bundled library, one after the other,
 * and shows what became of each.
 *
 * @module
 */

import { Absent } from "./absent.ts";
import { turn } from "./globals.ts";
import type { Test } from "./test.ts";

/** What became of a test. */
export interface Result {
  name: string;
  state: "ok" | "absent" | "failed";
  text?: string;
}

/** Milliseconds. No test takes as long. */
const TOO_LONG = 20_000;
const { setTimeout, clearTimeout } = globalThis;
const { document, navigator } = globalThis as unknown as {
  // deno-lint-ignore no-explicit-any
  document: any;
  navigator: { userAgent: string };
};

/** A test file's tests. */
export interface TestFile {
  title: string;
  tests: Test[];
}

async function run({ name, body }: Test): Promise<Result> {
  console.debug(name);
  let stray: PromiseRejectionEvent | undefined;
  const listener = (event: PromiseRejectionEvent) => {
    // Later: a test that expects it says so in a listener of its own.
    turn(() => event.defaultPrevented || (stray = event));
  };
  globalThis.addEventListener("unhandledrejection", listener);
  let timer: ReturnType<typeof setTimeout>;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject("it does not end"), TOO_LONG);
  });
  try {
    await Promise.race([body(), tooLong]);
    await new Promise<void>((resolve) => turn(() => turn(resolve)));
    if (stray === undefined) return { name, state: "ok" };
    return { name, state: "failed", text: `unhandled: ${stray.reason}` };
  } catch (error) {
    if (error instanceof Absent) return { name, state: "absent" };
    const text = error instanceof Error
      ? `${error.message}\n${error.stack}`
      : `${error}`;
    return { name, state: "failed", text };
  } finally {
    clearTimeout(timer!);
    globalThis.removeEventListener("unhandledrejection", listener);
  }
}

function show(title: string, results: Result[]): void {
  const section = document.createElement("section");
  const heading = document.createElement("h2");
  heading.textContent = title;
  const list = document.createElement("ol");
  for (const { name, state, text } of results) {
    const item = document.createElement("li");
    item.className = state;
    item.textContent = name;
    if (text !== undefined) {
      const details = document.createElement("pre");
      details.textContent = text;
      item.append(details);
    }
    list.append(item);
  }
  section.append(heading, list);
  document.querySelector("#results").append(section);
}

/** Runs the tests of all files. Resolves with what became of them. */
export async function main(files: TestFile[]): Promise<Result[]> {
  document.querySelector("#agent").textContent = navigator.userAgent;
  const all: Result[] = [];
  for (const { title, tests } of files) {
    const results: Result[] = [];
    for (const test of tests) results.push(await run(test));
    show(title, results);
    all.push(...results);
  }
  const count = (state: string) => all.filter((r) => r.state === state).length;
  const [ok, failed, absent] = ["ok", "failed", "absent"].map(count);
  document.querySelector("#sum").textContent =
    `${ok} passed, ${failed} failed, ${absent} not for browsers`;
  return all;
}
