/**
 * `map` and `mapSettled`: check what they are given, and make a stream of it.
 *
 * @module
 */

import { callable, count, flag, options as checked } from "../base/check.ts";
import type { Group } from "../group/group.ts";
import type { Intake } from "../group/intake.ts";
import type { MapOptions } from "../group/options.ts";
import type { AnyIterable } from "../base/source.ts";
import type { Steps } from "../base/steps.ts";
import { Stream } from "./stream.ts";
import type { ItemContext, TaskOptions } from "../task.ts";

/** Makes a stream. Throws if something that it is made of is not what it should be. */
export function stream<S>(
  doing: "map" | "mapSettled",
  group: Group,
  intake: Intake,
  items: AnyIterable<unknown>,
  fn: (item: never, ctx: ItemContext) => unknown,
  options: MapOptions<never> | undefined,
): Steps<S> {
  const given = checked(doing, options) ?? {};
  const { ordered = true, ahead = 0, each } = given;
  checkForAll(doing, given);
  const results: Steps<unknown> = new Stream({
    group,
    intake,
    doing,
    items,
    fn: callable(doing, "fn", fn),
    each: each && callable(doing, "each", each),
    options,
    traits: intake.traits(doing, options),
    ordered: flag(doing, "ordered", ordered),
    ahead: count(doing, "ahead", ahead, 0),
  });
  return results as Steps<S>;
}

/** One value for all items: a function is meant to give one for each. */
function checkForAll(doing: string, options: TaskOptions): void {
  for (const name of ["key", "priority", "signal"] as const) {
    if (typeof options[name] !== "function") continue;
    throw new TypeError(
      `Cannot ${doing}: ${name} must be a value for all items, received a function; options for one item are what each(item, index) returns`,
    );
  }
}
