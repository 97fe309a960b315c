/**
 * The errors that a caller may want to tell apart, and the wording of those
 * that bad input gets.
 *
 * @module
 */

/**
 * What an operation on a closed {@linkcode Channel} fails with. From `send` it
 * carries the value that was not sent, so that nothing is lost.
 *
 * @example Take the unsent value back
 * ```ts
 * import assert from "node:assert/strict";
 * import { Channel, ChannelClosedError } from "@cogroup/cogroup";
 *
 * const channel = new Channel<number>();
 * channel.close();
 * const error = await channel.send(42).catch((error) => error);
 * assert(error instanceof ChannelClosedError);
 * assert.equal(error.value, 42);
 * ```
 */
export class ChannelClosedError extends Error {
  /** The value that was not sent. There only if the error comes from a send. */
  declare readonly value?: unknown;

  /**
   * Makes the error.
   *
   * @param message What was tried.
   * @param rest The unsent value, if there is one.
   */
  constructor(message: string, ...rest: [value: unknown] | []) {
    super(message);
    this.name = "ChannelClosedError";
    if (rest.length > 0) {
      Object.defineProperty(this, "value", {
        value: rest[0],
        enumerable: true,
      });
    }
  }
}

/**
 * What a result that was asked of a closed {@linkcode CoGroup} fails with.
 *
 * @example A task that came too late
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, CoGroupClosedError } from "@cogroup/cogroup";
 *
 * const group = new CoGroup(1);
 * await group.wait();
 * await assert.rejects(group.go(() => 1), CoGroupClosedError);
 * ```
 */
export class CoGroupClosedError extends Error {
  /**
   * Makes the error.
   *
   * @param message What was tried.
   */
  constructor(message: string) {
    super(message);
    this.name = "CoGroupClosedError";
  }
}

/** What became of a task that will never run, for reasons of the queue's. */
export function taskGone(how: "drained" | "evicted"): DOMException {
  return new DOMException(`The task was ${how}`, "AbortError");
}

/** How a received value reads in a message: `"8"` and `8` must not look alike. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  return Object.prototype.toString.call(value);
}

/** `Cannot <doing>: <name> must be <wanted>, received <value>`, as @std has it. */
function complaint(
  doing: string,
  name: string,
  wanted: string,
  value: unknown,
): string {
  return `Cannot ${doing}: ${name} must be ${wanted}, received ${show(value)}`;
}

/** The TypeError for a value of the wrong kind. */
export function wrongType(
  doing: string,
  name: string,
  wanted: string,
  value: unknown,
): TypeError {
  return new TypeError(complaint(doing, name, wanted, value));
}

/** The RangeError for a number that is not one of those that are allowed. */
export function outOfRange(
  doing: string,
  name: string,
  wanted: string,
  value: unknown,
): RangeError {
  return new RangeError(complaint(doing, name, wanted, value));
}
