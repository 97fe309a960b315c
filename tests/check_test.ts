import {
  abortSignal,
  callable,
  count,
  flag,
  milliseconds,
  options,
  priority,
} from "../src/base/check.ts";
import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

test("count() gives an integer back that is not below the least one, and Infinity", () => {
  for (const [value, least] of [[0, 0], [1, 0], [1, 1], [1e9, 1]] as const) {
    assertStrictEquals(count("do", "n", value, least), value);
  }
  assertStrictEquals(count("do", "n", Infinity, 0), Infinity);
  assertStrictEquals(count("do", "n", Infinity, 1), Infinity);
});

test("count() throws a RangeError that says which integers are allowed, and what was received", () => {
  for (const bad of [-1, 0.5, NaN, -Infinity]) {
    assertThrows(
      () => count("do", "n", bad, 0),
      RangeError,
      `Cannot do: n must be a non-negative integer or Infinity, received ${bad}`,
    );
  }
  for (const bad of [0, 1.5, NaN, -Infinity]) {
    assertThrows(
      () => count("do", "n", bad, 1),
      RangeError,
      `Cannot do: n must be a positive integer or Infinity, received ${bad}`,
    );
  }
});

test("count() throws a TypeError for what is no number", () => {
  for (
    const [bad, shown] of [["8", '"8"'], [null, "null"], [undefined, "undef"]]
  ) {
    assertThrows(
      () => count("do", "n", bad, 1),
      TypeError,
      `Cannot do: n must be a positive integer or Infinity, received ${shown}`,
    );
  }
});

test("milliseconds() gives a time back that is not negative, a fraction and Infinity too", () => {
  for (const value of [0, 0.5, 1, Infinity]) {
    assertStrictEquals(milliseconds("do", "ms", value), value);
  }
});

test("milliseconds() throws a RangeError for a negative one or NaN, a TypeError for what is no number", () => {
  const message = "Cannot do: ms must be a non-negative number of milliseconds";
  for (const bad of [-1, -0.1, NaN, -Infinity]) {
    assertThrows(
      () => milliseconds("do", "ms", bad),
      RangeError,
      `${message}, received ${bad}`,
    );
  }
  assertThrows(
    () => milliseconds("do", "ms", "8"),
    TypeError,
    `${message}, received "8"`,
  );
});

test("callable() gives a function back, and throws a TypeError for anything else", () => {
  const fn = () => {};
  assertStrictEquals(callable("do", "fn", fn), fn);
  for (const [bad, shown] of [[8, "8"], [{}, "[object Object]"]]) {
    assertThrows(
      () => callable("do", "fn", bad),
      TypeError,
      `Cannot do: fn must be a function, received ${shown}`,
    );
  }
});

test("flag() gives a boolean back, and throws a TypeError for anything else", () => {
  for (const value of [true, false]) {
    assertStrictEquals(flag("do", "it", value), value);
  }
  for (const [bad, shown] of [[1, "1"], ["true", '"true"'], [null, "null"]]) {
    assertThrows(
      () => flag("do", "it", bad),
      TypeError,
      `Cannot do: it must be a boolean, received ${shown}`,
    );
  }
});

test("options() gives an object or undefined back, and throws a TypeError for anything else", () => {
  const some = {};
  assertStrictEquals(options("do", some), some);
  assertStrictEquals(options("do", undefined), undefined);
  for (const [bad, shown] of [[8, "8"], [null, "null"], ["8", '"8"']]) {
    assertThrows(
      () => options("do", bad as unknown as object),
      TypeError,
      `Cannot do: options must be an object, received ${shown}`,
    );
  }
  assertThrows(
    () => options("do", 8 as unknown as object, "retry"),
    TypeError,
    "Cannot do: retry must be an object, received 8",
  );
});

test("priority() gives any number back, and 0 for none", () => {
  for (const good of [0, -1, 1.5, Infinity, -Infinity]) {
    assertEquals(priority("do", good), good);
  }
  assertEquals(priority("do", undefined), 0);
});

test("priority() of NaN is a RangeError, of anything else a TypeError, that names it", () => {
  for (
    const [bad, shown, Kind] of [
      [NaN, "NaN", RangeError],
      ["8", '"8"', TypeError],
      [null, "null", TypeError],
    ] as const
  ) {
    assertThrows(
      () => priority("do", bad),
      Kind,
      `Cannot do: priority must be a number that is not NaN, received ${shown}`,
    );
  }
});

test("abortSignal() gives a signal or undefined back, whatever realm or polyfill it is of", () => {
  const { signal } = new AbortController();
  assertStrictEquals(abortSignal("do", signal), signal);
  assertStrictEquals(abortSignal("do", undefined), undefined);
  const polyfill = {
    aborted: false,
    addEventListener() {},
  } as unknown as AbortSignal;
  assertStrictEquals(abortSignal("do", polyfill), polyfill);
});

test("abortSignal() throws a TypeError for anything else, an AbortController too", () => {
  for (
    const [bad, shown] of [
      [null, "null"],
      [8, "8"],
      [new AbortController(), "[object AbortController]"],
      [{ aborted: false }, "[object Object]"],
      [{ addEventListener() {} }, "[object Object]"],
    ]
  ) {
    assertThrows(
      () => abortSignal("do", bad as unknown as AbortSignal),
      TypeError,
      `Cannot do: signal must be an AbortSignal, received ${shown}`,
    );
  }
});
