// deno-coverage-ignore-file

/**
 * What the tests use of @std: the real thing where it loads (Deno, with JSR in
 * reach), thin stand-ins elsewhere. Which one is in use is printed, once.
 *
 * The types are those of the stand-ins: `deno check` complains about one that
 * is not what @std has.
 *
 * @module
 */

import type { ChannelClass, ChannelErrorClass } from "./channel_contract.ts";
import * as standIn from "./stand_in.ts";

type Asserts = Pick<
  typeof standIn,
  | "assert"
  | "assertEquals"
  | "assertInstanceOf"
  | "assertRejects"
  | "assertStrictEquals"
  | "assertThrows"
>;
type Time = Pick<typeof standIn, "FakeTime">;
type Mock = Pick<typeof standIn, "spy">;
type Async = Pick<typeof standIn, "abortable" | "deadline" | "retry">;

interface StdChannel {
  Channel: ChannelClass;
  ChannelClosedError: ChannelErrorClass;
}

const missing: string[] = [];

async function load<M>(name: string, module: () => Promise<M>): Promise<M> {
  // Bun would look for the packages in its registry; it has no deno.json.
  if (!("Deno" in globalThis)) {
    missing.push(name);
    return standIn as M;
  }
  return await module().catch(() => {
    missing.push(name);
    return standIn as M;
  });
}

const asserts: Asserts = await load<Asserts>(
  "@std/assert",
  () => import("@std/assert"),
);
const time: Time = await load<Time>(
  "@std/testing/time",
  () => import("@std/testing/time"),
);
const mock: Mock = await load<Mock>(
  "@std/testing/mock",
  () => import("@std/testing/mock"),
);
const async: Async = await load<Async>(
  "@std/async",
  () => import("@std/async"),
);

/**
 * The `Channel` whose contract ours has to keep, where @std/async loads. It has
 * no stand-in.
 */
export const stdChannel: StdChannel | undefined = missing.includes("@std/async")
  ? undefined
  : await import("@std/async/channel");

if (missing.length > 0) {
  console.log(`stand-ins in use for ${missing.join(", ")}`);
}

// TypeScript wants assertion functions to be annotated where they are named.
export const assert: Asserts["assert"] = asserts.assert;
export const assertEquals: Asserts["assertEquals"] = asserts.assertEquals;
export const assertInstanceOf: Asserts["assertInstanceOf"] =
  asserts.assertInstanceOf;
export const assertRejects: Asserts["assertRejects"] = asserts.assertRejects;
export const assertStrictEquals: Asserts["assertStrictEquals"] =
  asserts.assertStrictEquals;
export const assertThrows: Asserts["assertThrows"] = asserts.assertThrows;
export const FakeTime: Time["FakeTime"] = time.FakeTime;
export const spy: Mock["spy"] = mock.spy;
export const abortable: Async["abortable"] = async.abortable;
export const deadline: Async["deadline"] = async.deadline;
export const retry: Async["retry"] = async.retry;
