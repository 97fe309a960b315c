/**
 * The options of `consume`.
 *
 * @module
 */

import {
  callable,
  count,
  flag,
  number,
  options as checked,
} from "../base/check.ts";
import { print } from "../base/errors.ts";
import { type RetryOptions, RetryPolicy } from "../base/retry.ts";
import type { TaskContext, TaskOptions } from "../task.ts";
import type { Message } from "./message.ts";

/**
 * Options of {@linkcode consume}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume, type ConsumeOptions, type Message } from "@cogroup/cogroup/consume";
 *
 * const dead: unknown[] = [];
 * const options: ConsumeOptions<Message> = {
 *   lease: 5_000,
 *   retry: { maxAttempts: 1 },
 *   onDead: (_message, error) => void dead.push(error),
 * };
 * async function* source() {
 *   yield await Promise.resolve({ ack() {}, nak() {}, term() {} });
 * }
 * const group = new CoGroup(1);
 * await consume(group, source(), () => Promise.reject("broken"), options).wait();
 * assert.deepEqual(dead, ["broken"]);
 * ```
 *
 * @typeParam M The type of the messages.
 */
export interface ConsumeOptions<M> {
  /**
   * How many messages are held beyond the group's concurrency: a non-negative integer
   * or Infinity. They are asked for when half of that is used: few requests, each for many.
   * What is held and not started when the group is aborted has been delivered once more
   * for nothing: that counts as one of the `retry.maxAttempts`. So keep it small.
   *
   * Messages that failed in place, those that wait behind one of their key that did, until
   * one of that key has succeeded, and those whose handlers have lent their workers, leave
   * their room to others: up to a thousand of them are held besides. With more than that,
   * others have to wait. Those behind a key that is only busy take room as any others do.
   *
   * @default {0}
   */
  ahead?: number | undefined;
  /**
   * For how many milliseconds the engine waits for an answer (JetStream's `ack_wait`,
   * SQS's visibility timeout). After every third of that, `working` is called. Infinity
   * where a message stays with its consumer however long it takes.
   *
   * @default {30000}
   */
  lease?: number | undefined;
  /**
   * How a message that failed is tried again. Each delivery counts as an attempt, as far
   * as the engine counts them (`info`), and so does each attempt in place; `ctx.attempt`
   * says which one it is. The group's own `retry` is not used.
   */
  retry?: RetryOptions | undefined;
  /**
   * Whether a message that failed waits in this group for its next attempt, and its key
   * keeps the turn meanwhile; else the engine has it back until then. When a thousand wait
   * (see `ahead`), the engine has it back even so, unless others of its key wait behind it:
   * then the order of the key comes first. Where it is more important that others go on
   * than that the order is kept, say false.
   *
   * @default {false} True if there is a `key`.
   */
  inPlace?: boolean | undefined;
  /**
   * After how many deliveries a message is dead without one more run, for it may be what
   * ends the process: a positive integer or Infinity. Deliveries that were given back
   * unstarted, by an abort or as the process ended, count, too: the engine can't tell them
   * apart.
   *
   * @default {10} Or twice `retry.maxAttempts`, if that is more.
   */
  maxDeliveries?: number | undefined;
  /**
   * The `key` of the message's task: see {@linkcode TaskOptions.key}. In a group with a
   * `keyedQueue`, messages of one key take turns, in the order in which they came; and a
   * message that comes again while it still runs here, its lease having been lost, waits
   * for the end of that run. For the order over several machines, each key must come to
   * one of them alone.
   *
   * @param message The message.
   * @returns The key.
   */
  key?: ((message: M) => unknown) | undefined;
  /**
   * The `priority` of the message's task: see {@linkcode TaskOptions.priority}.
   *
   * @param message The message.
   * @returns The priority.
   */
  priority?: ((message: M) => number) | undefined;
  /**
   * The `weight` of the message's task: see {@linkcode TaskOptions.weight}.
   *
   * @param message The message.
   * @returns The weight.
   */
  weight?: ((message: M) => number) | undefined;
  /**
   * Milliseconds for an attempt; in place of the group's. When they are over
   * `ctx.signal` speaks. When the handler has ended, the attempt has failed; unless it has
   * succeeded after all, for then the work is done.
   */
  timeout?: number | undefined;
  /**
   * Keeps a message that is never to be delivered again. Awaited before the message is
   * ended; if it fails, the message is delivered again after a `lease`. Without it,
   * `onError` gets the error.
   *
   * @param message The message.
   * @param error What its last attempt failed with.
   */
  onDead?: ((message: M, error: unknown) => unknown) | undefined;
  /**
   * Hears of each failure after which a message is tried again. So every failure of the
   * handler is told once: here, to `onDead`, or, where there is none, to `onError`. Only
   * one that comes after an abort or a lost lease has told the handler to end is not.
   *
   * @default {(_message, error) => console.error(error)}
   * @param message The message.
   * @param error What the attempt failed with.
   * @param ms After how many milliseconds it is tried again, at the earliest.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup } from "@cogroup/cogroup";
   * import { consume } from "@cogroup/cogroup/consume";
   *
   * async function* source() {
   *   yield await Promise.resolve({ id: 7, ack() {}, nak() {} });
   * }
   * const log: string[] = [];
   * await consume(new CoGroup(1), source(), () => Promise.reject("busy"), {
   *   retry: { delay: () => 500 },
   *   onRetry: ({ id }, error, ms) => void log.push(`${id}: ${error}, ${ms} ms`),
   * }).wait();
   * assert.deepEqual(log, ["7: busy, 500 ms"]);
   * ```
   */
  onRetry?: ((message: M, error: unknown, ms: number) => unknown) | undefined;
  /**
   * Gets the errors of the consumption: the engine has not confirmed an answer, a lease
   * is lost, the source or a message is broken, `onDead` failed, a message is dead and
   * there is no `onDead`.
   *
   * @default {(error) => console.error(error)}
   * @param error The error.
   * @param message The message, if it is about one.
   */
  onError?: ((error: unknown, message?: M) => void) | undefined;
}

/** Options that were checked, with all defaults in place. */
export interface Settings<M> {
  readonly handler: (message: M, ctx: TaskContext) => unknown;
  readonly ahead: number;
  readonly lease: number;
  /** For how long the engine is asked to confirm, and when to try what failed here again. */
  readonly patience: number;
  readonly policy: RetryPolicy;
  readonly inPlace: boolean;
  readonly maxDeliveries: number;
  /** It is checked where it is used. */
  readonly timeout: number | undefined;
  /** The options of a message's task. */
  readonly taskOptions: (message: M) => TaskOptions;
  readonly onDead: ConsumeOptions<M>["onDead"];
  readonly onRetry: NonNullable<ConsumeOptions<M>["onRetry"]>;
  readonly onError: (error: unknown, message?: M) => unknown;
}

const DOING = "consume";

/** The lease where none is given, in milliseconds. */
const LEASE = 30_000;

/** The least `maxDeliveries` where none is given: what did not start counts, too. */
const DELIVERIES = 10;

function printRetry(_message: unknown, error: unknown): void {
  print(error);
}

/** Checks the options. Throws at the first that is not what it should be. */
export function settle<M extends Message>(
  handler: (message: M, ctx: TaskContext) => unknown,
  options: ConsumeOptions<M> | undefined,
): Settings<M> {
  const given = checked(DOING, options) ?? {};
  const { key, priority, weight, timeout, onDead } = given;
  const { onRetry = printRetry, onError = print } = given;
  const policy = RetryPolicy.of(DOING, given.retry ?? {});
  const lease = number(
    DOING,
    "lease",
    "a positive number of milliseconds",
    given.lease ?? LEASE,
    (n) => n > 0,
  );
  const functions = { key, priority, weight, onDead };
  for (const [name, value] of Object.entries(functions)) {
    if (value !== undefined) callable(DOING, name, value);
  }
  return {
    handler: callable(DOING, "handler", handler),
    ahead: count(DOING, "ahead", given.ahead ?? 0, 0),
    lease,
    patience: lease < Infinity ? lease : LEASE,
    policy,
    inPlace: flag(DOING, "inPlace", given.inPlace ?? key !== undefined),
    maxDeliveries: count(
      DOING,
      "maxDeliveries",
      given.maxDeliveries ?? Math.max(DELIVERIES, 2 * policy.maxAttempts),
      1,
    ),
    timeout,
    taskOptions: (message) => ({
      key: key?.(message),
      priority: priority?.(message),
      weight: weight?.(message),
      timeout,
    }),
    onDead,
    onRetry: callable(DOING, "onRetry", onRetry),
    onError: callable(DOING, "onError", onError),
  };
}
