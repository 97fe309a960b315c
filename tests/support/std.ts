// deno-coverage-ignore-file

/**
 * What the tests use of @std: the real thing where it loads (Deno, with JSR in
 * reach), thin stand-ins elsewhere. `std_test.ts` says which one is in use.
 *
 * @module
 */

import * as standIn from "./stand_in.ts";
import type { Asserts, Async, Channels, Testing } from "./std_types.ts";

const missing: string[] = [];
let reason: string | undefined;

/** The real module, or the other one; `M` is what both of them have to be. */
async function load<M>(
  name: string,
  real: () => Promise<M>,
  other: M,
): Promise<M> {
  try {
    // Bun would look for the packages in its registry.
    if (!("Deno" in globalThis)) throw new Error("only Deno reads deno.json");
    return await real();
  } catch (error) {
    missing.push(name);
    reason ??= (error as Error).message.replace(/\s+/g, " ");
    return other;
  }
}

const asserts: Asserts = await load<Asserts>(
  "@std/assert",
  () => import("@std/assert"),
  standIn,
);
const testing: Testing = await load<Testing>(
  "@std/testing/time",
  () => import("@std/testing/time"),
  standIn,
);
const async: Async = await load<Async>(
  "@std/async",
  () => import("@std/async"),
  standIn,
);

/** The `Channel` whose contract ours has to keep. It has no stand-in. */
export const stdChannel: Channels | undefined = await load<
  Channels | undefined
>("@std/async/channel", () => import("@std/async/channel"), undefined);

/** What of @std there are stand-ins for, and why; undefined if all of it is real. */
export const standIns: string | undefined = reason &&
  `stand-ins for ${missing.join(", ")}, because ${reason}`;

// TypeScript wants assertion functions to be annotated where they are named.
export const assert: Asserts["assert"] = asserts.assert;
export const assertEquals: Asserts["assertEquals"] = asserts.assertEquals;
export const assertInstanceOf: Asserts["assertInstanceOf"] =
  asserts.assertInstanceOf;
export const assertRejects: Asserts["assertRejects"] = asserts.assertRejects;
export const assertStrictEquals: Asserts["assertStrictEquals"] =
  asserts.assertStrictEquals;
export const assertThrows: Asserts["assertThrows"] = asserts.assertThrows;
export const FakeTime: Testing["FakeTime"] = testing.FakeTime;
export const abortable: Async["abortable"] = async.abortable;
export const deadline: Async["deadline"] = async.deadline;
export const retry: Async["retry"] = async.retry;
