// deno-coverage-ignore-file

/**
 * What the tests use of @std, as @std/assert 1.0.19, @std/async 1.5.0 and
 * @std/testing 1.0.20 declare it. `std.ts` holds both against it: the
 * stand-ins always, the real packages where they load. So what drifts from the
 * other is a type error.
 *
 * These are properties, not methods: TypeScript is strict about the parameters
 * of those alone.
 *
 * @module
 */

import type { ChannelClass, ChannelErrorClass } from "./channel_contract.ts";

// deno-lint-ignore no-explicit-any
type Class<T> = abstract new (...args: any[]) => T;

/** @std/assert. */
export interface Asserts {
  readonly assert: (expr: unknown, msg?: string) => asserts expr;
  readonly assertEquals: <T>(actual: T, expected: T, msg?: string) => void;
  readonly assertStrictEquals: <T>(
    actual: unknown,
    expected: T,
    msg?: string,
  ) => asserts actual is T;
  readonly assertInstanceOf: <T extends Class<unknown>>(
    actual: unknown,
    expectedType: T,
    msg?: string,
  ) => asserts actual is InstanceType<T>;
  readonly assertThrows: {
    (fn: () => unknown): unknown;
    <E extends Error = Error>(
      fn: () => unknown,
      ErrorClass: Class<E>,
      msgIncludes?: string,
    ): E;
  };
  readonly assertRejects: {
    (fn: () => PromiseLike<unknown>): Promise<unknown>;
    <E extends Error = Error>(
      fn: () => PromiseLike<unknown>,
      ErrorClass: Class<E>,
      msgIncludes?: string,
    ): Promise<E>;
  };
}

/** A time of @std/testing/time: it moves when it is told to. */
export interface Time extends Disposable {
  readonly now: number;
  readonly tick: (ms?: number) => void;
  readonly tickAsync: (ms?: number) => Promise<void>;
  readonly next: () => boolean;
  readonly nextAsync: () => Promise<boolean>;
  readonly restore: () => void;
}

/** @std/testing/time. */
export interface Testing {
  readonly FakeTime: new (start?: number) => Time;
}

/** @std/async. */
export interface Async {
  readonly abortable: <T>(p: Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly deadline: <T>(p: Promise<T>, ms: number) => Promise<T>;
  readonly retry: <T>(
    fn: (() => Promise<T>) | (() => T),
    options?: { maxAttempts?: number; minTimeout?: number; jitter?: number },
  ) => Promise<T>;
}

/** @std/async/channel. */
export interface Channels {
  readonly Channel: ChannelClass;
  readonly ChannelClosedError: ChannelErrorClass;
}
