/**
 * Several observers as one.
 *
 * @module
 */

import { callable } from "../base/check.ts";
import { print } from "../base/errors.ts";
import { tell } from "../base/promises.ts";
import type { Observer } from "../group/observer.ts";

/**
 * Makes one observer of several: each hears of each step, in this order, whatever the
 * others throw; but at `created` the first error is thrown, as by one observer alone.
 *
 * @param observers The observers.
 * @returns The observer to give to a group.
 * @throws {TypeError} If one of them is no observer.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { diagnosticsObserver, Recorder, tellAll } from "@cogroup/cogroup/trace";
 *
 * const recorder = new Recorder();
 * const observer = tellAll(recorder, diagnosticsObserver());
 * await using group = new CoGroup({ concurrency: 1, observer });
 * await group.go(() => {});
 * assert.equal(recorder.toJSON().otherData.steps, 4);
 * ```
 */
export function tellAll(...observers: Observer[]): Observer {
  for (const observer of observers) {
    callable("tell all", "observer.onStep", observer?.onStep);
  }
  return {
    onStep(step) {
      for (const observer of observers) {
        if (step.type === "created") observer.onStep(step);
        else tell(() => observer.onStep(step), print);
      }
    },
  };
}
