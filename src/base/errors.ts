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
    carry(this, rest);
  }
}

/**
 * What a result that was asked of a closed {@linkcode CoGroup} fails with. From
 * `insertAll` it carries the task that its source gave when the group was closed
 * already, so that nothing is lost.
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
 *
 * @example Take back the task that was on its way
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, CoGroupClosedError } from "@cogroup/cogroup";
 *
 * const group = new CoGroup(1);
 * const task = () => "late";
 * async function* source() {
 *   yield await Promise.resolve(task);
 * }
 * const all = group.insertAll(source());
 * group.close();
 * const error = await all.catch((error) => error);
 * assert(error instanceof CoGroupClosedError);
 * assert.equal(error.value, task);
 * ```
 */
export class CoGroupClosedError extends Error {
  /**
   * The task that was not accepted, as the source gave it. There only if the
   * error comes from `insertAll`.
   */
  declare readonly value?: unknown;

  /**
   * Makes the error.
   *
   * @param message What was tried.
   * @param rest The task that was not accepted, if there is one.
   */
  constructor(message: string, ...rest: [value: unknown] | []) {
    super(message);
    this.name = "CoGroupClosedError";
    carry(this, rest);
  }
}

/** A DOMException, where there is such a thing; else an error of that name. */
export function domError(
  message: string,
  name: "AbortError" | "TimeoutError" | "InvalidStateError",
): Error {
  if (typeof DOMException === "function") {
    return new DOMException(message, name);
  }
  const error = new Error(message);
  error.name = name;
  return error;
}

/** Has the error carry the value, if there is one: `undefined` is one, too. */
function carry(error: Error, rest: [value: unknown] | []): void {
  if (rest.length === 0) return;
  Object.defineProperty(error, "value", { value: rest[0], enumerable: true });
}

/** The last resort: an error that nothing else can take is not hidden. */
export function print(error: unknown): void {
  try {
    console.error(error);
  } catch {
    // A console that throws has nothing more to tell.
  }
}

/** How a received value reads in a message: `"8"` and `8` must not look alike. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") { // Not its source, which may be long.
    return value.name ? `function ${value.name}` : "a function";
  }
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
