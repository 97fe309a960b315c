/**
 * In place of `tests/support/test.ts`: remembers the tests for the page.
 *
 * @module
 */

import { Absent } from "./absent.ts";

/** A test that was registered. */
export interface Test {
  name: string;
  body: () => void | Promise<void>;
}

let registered: Test[] = [];

/** Registers a test. */
export function test(name: string, body: Test["body"]): void {
  registered.push({ name, body });
}

/** Registers a test that is not for browsers. */
export function ignored(name: string): void {
  const body = () => {
    throw new Absent();
  };
  registered.push({ name, body });
}

/** The tests registered since the last call. */
export function taken(): Test[] {
  const tests = registered;
  registered = [];
  return tests;
}
