/**
 * Steps of a group for all who subscribe to `node:diagnostics_channel`.
 *
 * @module
 */

import { options as checked } from "../base/check.ts";
import { wrongType } from "../base/errors.ts";
import type { Observer, Step } from "../group/observer.ts";
import { TYPES } from "./steps.ts";

/**
 * Options of {@linkcode diagnosticsObserver}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { diagnosticsObserver, type DiagnosticsOptions } from "@cogroup/cogroup/trace";
 *
 * const options: DiagnosticsOptions = { name: "thumbnails" };
 * assert.equal(typeof diagnosticsObserver(options).onStep, "function");
 * ```
 */
export interface DiagnosticsOptions {
  /**
   * What the group is called in the messages.
   *
   * @default {"CoGroup"}
   */
  name?: string | undefined;
}

/**
 * What the subscribers get.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { subscribe, unsubscribe } from "node:diagnostics_channel";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { type DiagnosticsMessage, diagnosticsObserver } from "@cogroup/cogroup/trace";
 *
 * const heard: DiagnosticsMessage[] = [];
 * const onClose = (message: unknown) => void heard.push(message as DiagnosticsMessage);
 * subscribe("cogroup:closed", onClose);
 * const group = new CoGroup({ concurrency: 1, observer: diagnosticsObserver() });
 * group.close();
 * assert.deepEqual(heard.map(({ name, step }) => [name, step.type]), [["CoGroup", "closed"]]);
 * unsubscribe("cogroup:closed", onClose);
 * ```
 */
export interface DiagnosticsMessage {
  /** What the group is called. */
  readonly name: string;
  /** What has happened. */
  readonly step: Step;
}

/** What this needs of `node:diagnostics_channel`. */
interface DiagnosticsChannel {
  readonly hasSubscribers: boolean;
  publish(message: DiagnosticsMessage): void;
}

const RUNTIME = globalThis as {
  process?: {
    getBuiltinModule?: (name: string) => {
      channel?: (name: string) => DiagnosticsChannel;
    } | undefined;
  };
};

const DOING = "create diagnosticsObserver";

/**
 * An observer that publishes each step on a channel of `node:diagnostics_channel`, for
 * OpenTelemetry and others to subscribe to. There is a channel for each type of steps:
 * `cogroup:accepted`, `cogroup:started` and so on, one for each `type` of `Step`. A message
 * is a {@linkcode DiagnosticsMessage}. A subscriber is called in the step, and so in the
 * async context that `Observer` tells of: a start of a `go` or a `map` in that of its call.
 *
 * Where there is no such module (in browsers, say), it does nothing. A step to whose channel
 * nothing is subscribed costs a look.
 *
 * @param options What the group is called.
 * @returns The observer. It may serve several groups.
 * @throws {TypeError} If an option is of the wrong type.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { subscribe, unsubscribe } from "node:diagnostics_channel";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { type DiagnosticsMessage, diagnosticsObserver } from "@cogroup/cogroup/trace";
 *
 * const waits: number[] = [];
 * const onStart = (message: unknown) => {
 *   const { name, step } = message as DiagnosticsMessage;
 *   if (name === "thumbnails" && step.type === "started") waits.push(step.elapsed);
 * };
 * subscribe("cogroup:started", onStart);
 *
 * const observer = diagnosticsObserver({ name: "thumbnails" });
 * const group = new CoGroup({ concurrency: 1, observer });
 * group.add(() => {});
 * await group.wait();
 * assert.equal(waits.length, 1);
 * unsubscribe("cogroup:started", onStart);
 * ```
 */
export function diagnosticsObserver(options?: DiagnosticsOptions): Observer {
  const { name = "CoGroup" } = checked(DOING, options) ?? {};
  if (typeof name !== "string") {
    throw wrongType(DOING, "name", "a string", name);
  }
  const channels = channelsByType();
  return {
    onStep(step) {
      const channel = channels?.[step.type];
      if (channel?.hasSubscribers) channel.publish({ name, step });
    },
  };
}

/** Undefined where there is no such module. */
function channelsByType():
  | Record<Step["type"], DiagnosticsChannel>
  | undefined {
  const name = "node:diagnostics_channel";
  const make = RUNTIME.process?.getBuiltinModule?.(name)?.channel;
  if (make === undefined) return undefined;
  const entries = TYPES.map((type) => [type, make(`cogroup:${type}`)]);
  return Object.fromEntries(entries);
}
