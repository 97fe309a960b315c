/**
 * `map` and `mapSettled`: what they are given, checked, and made a stream.
 *
 * @module
 */

import { callable, count, flag, options as checked } from "./check.ts";
import type { Intake } from "./intake.ts";
import type { MapOptions } from "./options.ts";
import { type AnyIterable, Source } from "./source.ts";
import { Stream } from "./stream.ts";
import type { TaskContext } from "./task.ts";

/** Makes a stream, if everything that it is to be made of is in order. */
export function stream<S>(
  doing: "map" | "mapSettled",
  intake: Intake,
  source: AnyIterable<unknown>,
  fn: (item: never, ctx: TaskContext) => unknown,
  options: MapOptions | undefined,
): AsyncIterableIterator<S> {
  const { ordered = true, ahead = 0 } = checked(doing, options) ?? {};
  const results = new Stream({
    core: intake.core,
    intake,
    fn: callable(doing, "fn", fn),
    traits: intake.traits(doing, options),
    ordered: flag(doing, "ordered", ordered),
    ahead: count(doing, "ahead", ahead, 0),
    settled: doing === "mapSettled",
    source: new Source(doing, source),
  });
  return results as AsyncIterableIterator<unknown> as AsyncIterableIterator<S>;
}
