import { CoGroup } from "../mod.ts";
import { type RetryOptions, RetryPolicy } from "../src/base/retry.ts";
import { range } from "./support/helpers.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "./support/std.ts";
import { test } from "./support/test.ts";

/** The waits after each of the first `n` attempts, where chance is always the same. */
function waits(
  options: RetryOptions,
  n: number,
  chance = 0,
): (number | undefined)[] {
  const policy = RetryPolicy.of("add", options);
  const { random } = Math;
  Math.random = () => chance;
  try {
    return range(n).map((i) => policy.wait("why", i + 1)) as number[];
  } finally {
    Math.random = random;
  }
}

test("RetryPolicy has the defaults of @std/async retry: 5 attempts, from 1 s, twice as long each time", () => {
  assertEquals(waits({}, 6), [1000, 2000, 4000, 8000, undefined, undefined]);
});

test("RetryPolicy lets no wait be above 60 s without a maxTimeout", () => {
  assertEquals(waits({ maxAttempts: Infinity }, 8).slice(5), [
    32_000,
    60_000,
    60_000,
  ]);
});

test("RetryPolicy leaves all of each wait to chance without a jitter", () => {
  assertEquals(waits({}, 2, 0.75), [250, 500]);
});

test("RetryPolicy.wait() is undefined after the last of maxAttempts, for one attempt after the first", () => {
  assertEquals(waits({ maxAttempts: 1 }, 1), [undefined]);
  assertEquals(waits({ maxAttempts: 2, minTimeout: 0 }, 3), [
    0,
    undefined,
    undefined,
  ]);
});

test("RetryPolicy.wait() is undefined never if maxAttempts is Infinity", () => {
  assert(
    waits({ maxAttempts: Infinity }, 1000).every((ms) => ms !== undefined),
  );
});

test("RetryPolicy.wait() begins with minTimeout, grows by multiplier and ends at maxTimeout", () => {
  const options = { minTimeout: 10, multiplier: 3, maxTimeout: 100 };
  assertEquals(waits(options, 4), [10, 30, 90, 100]);
  assertEquals(waits({ ...options, multiplier: 1 }, 3), [10, 10, 10]);
  assertEquals(waits({ minTimeout: 5, maxTimeout: 5 }, 2), [5, 5]);
});

test("RetryPolicy.wait() leaves to chance as much as jitter says, of what maxTimeout lets through", () => {
  const options = { minTimeout: 100, maxTimeout: 150 };
  assertEquals(waits({ ...options, jitter: 0 }, 2, 0.5), [100, 150]);
  assertEquals(waits({ ...options, jitter: 0.5 }, 2, 0.5), [75, 112.5]);
  assertEquals(waits({ ...options, jitter: 1 }, 2, 0.5), [50, 75]);
});

test("RetryPolicy asks isRetriable about the error, once an attempt, and only if there is one left", () => {
  const asked: unknown[] = [];
  const policy = RetryPolicy.of("add", {
    maxAttempts: 3,
    isRetriable: (error) => {
      asked.push(error);
      return error !== "fatal";
    },
  });
  assert(policy.wait("a", 1) !== undefined);
  assertEquals(policy.wait("fatal", 2), undefined);
  assertEquals(policy.wait("b", 3), undefined);
  assertEquals(asked, ["a", "fatal"]);
});

test("RetryPolicy.wait() throws what isRetriable or delay throws", () => {
  for (const name of ["isRetriable", "delay"]) {
    const reason = new Error(name);
    const policy = RetryPolicy.of("add", {
      [name]: () => {
        throw reason;
      },
    });
    assertStrictEquals(assertThrows(() => policy.wait("why", 1)), reason);
  }
});

test("RetryPolicy.wait() is what delay says, whatever minTimeout, maxTimeout and jitter are", () => {
  const asked: unknown[] = [];
  const options: RetryOptions = {
    maxTimeout: 100,
    minTimeout: 50,
    jitter: 1,
    delay: (error, attempt) => {
      asked.push(error, attempt);
      return [undefined, 0, 1.5, 1e6][attempt];
    },
  };
  assertEquals(waits(options, 3, 0.5), [0, 1.5, 1e6]);
  assertEquals(asked, ["why", 1, "why", 2, "why", 3]);
});

test("RetryPolicy.wait() is what it would have been where delay says undefined", () => {
  assertEquals(waits({ delay: () => undefined }, 2), [1000, 2000]);
});

test("RetryPolicy asks no delay where there is no attempt to come", () => {
  let asked = 0;
  const delay = () => ++asked;
  assertEquals(waits({ maxAttempts: 1, delay }, 1), [undefined]);
  assertEquals(waits({ isRetriable: () => false, delay }, 1), [undefined]);
  assertEquals(asked, 0);
});

test("RetryPolicy.wait() throws a RangeError caused by the error where delay says anything else", () => {
  const reason = new Error("why");
  for (
    const [bad, shown] of [
      [-1, "-1"],
      [NaN, "NaN"],
      [Infinity, "Infinity"],
      ["8", '"8"'],
      [null, "null"],
    ]
  ) {
    const policy = RetryPolicy.of("add", { delay: () => bad as number });
    const error = assertThrows(
      () => policy.wait(reason, 1),
      RangeError,
      "Cannot retry: what delay returns must be a finite, non-negative number " +
        `of milliseconds or undefined, received ${shown}`,
    );
    assertStrictEquals(error.cause, reason);
  }
});

test("RetryPolicy of an option out of range is a RangeError that names it and what was received", () => {
  const time = "a number of milliseconds from 0 to maxTimeout";
  const count = "a positive integer or Infinity";
  for (
    const [options, name, wanted, shown] of [
      [{ maxAttempts: 0 }, "maxAttempts", count, "0"],
      [{ maxAttempts: 1.5 }, "maxAttempts", count, "1.5"],
      [{ maxTimeout: 0 }, "maxTimeout", "a positive number", "0"],
      [{ maxTimeout: NaN }, "maxTimeout", "a positive number", "NaN"],
      [{ minTimeout: -1 }, "minTimeout", `${time} (60000)`, "-1"],
      [{ minTimeout: NaN }, "minTimeout", `${time} (60000)`, "NaN"],
      [{ maxTimeout: 999 }, "minTimeout", `${time} (999)`, "1000"],
      [{ multiplier: 0.9 }, "multiplier", "a finite number of at least", "0.9"],
      [{ multiplier: Infinity }, "multiplier", "a finite number", "Infinity"],
      [{ multiplier: NaN }, "multiplier", "a finite number", "NaN"],
      [{ jitter: -0.1 }, "jitter", "a number from 0 to 1", "-0.1"],
      [{ jitter: 1.1 }, "jitter", "a number from 0 to 1", "1.1"],
      [{ jitter: NaN }, "jitter", "a number from 0 to 1", "NaN"],
    ] as const
  ) {
    const error = assertThrows(
      () => RetryPolicy.of("add", options),
      RangeError,
      `Cannot add: retry.${name} must be ${wanted}`,
    );
    assert(error.message.endsWith(`, received ${shown}`), error.message);
  }
});

test("RetryPolicy of a number that is a symbol is a TypeError that names it, too", () => {
  for (const name of ["maxTimeout", "minTimeout", "multiplier", "jitter"]) {
    assertThrows(
      () => RetryPolicy.of("add", { [name]: Symbol("soon") }),
      TypeError,
      `Cannot add: retry.${name} must be a`,
    );
  }
});

test("RetryPolicy takes what is just in range", () => {
  RetryPolicy.of("add", {
    maxAttempts: Infinity,
    maxTimeout: Infinity,
    minTimeout: 0,
    multiplier: 1,
    jitter: 0,
  });
  RetryPolicy.of("add", { minTimeout: 5, maxTimeout: 5, jitter: 1 });
  RetryPolicy.of("add", { minTimeout: 0, maxTimeout: 0.5 });
});

test("RetryPolicy of an option of a wrong type is a TypeError that names it and what was received", () => {
  for (
    const name of [
      "maxAttempts",
      "maxTimeout",
      "minTimeout",
      "multiplier",
      "jitter",
      "isRetriable",
      "delay",
    ]
  ) {
    const error = assertThrows(
      () => RetryPolicy.of("add", { [name]: "8" }),
      TypeError,
      `Cannot add: retry.${name} must be a`,
    );
    assert(error.message.endsWith(', received "8"'), error.message);
  }
  for (const [bad, shown] of [[8, "8"], [null, "null"]]) {
    assertThrows(
      () => RetryPolicy.of("add", bad as unknown as RetryOptions),
      TypeError,
      `Cannot add: retry must be an object, received ${shown}`,
    );
  }
});

test("RetryPolicy is not changed by what becomes of the options afterwards", () => {
  const options = { maxAttempts: 2, minTimeout: 10, jitter: 0 };
  const policy = RetryPolicy.of("add", options);
  Object.assign(options, { maxAttempts: 1, minTimeout: 20 });
  assertEquals(policy.wait("why", 1), 10);
});

test("RetryPolicy.of() gives the last policy again for options that say the same, and another one for any that don't", () => {
  const isRetriable = () => true;
  const delay = () => 5;
  const options = {
    maxAttempts: 3,
    minTimeout: 10,
    maxTimeout: 100,
    multiplier: 3,
    jitter: 0.5,
    isRetriable,
    delay,
  };
  const last = RetryPolicy.of("add", options);
  assertStrictEquals(RetryPolicy.of("add", { ...options }, last), last);
  const others: RetryOptions[] = [
    { maxAttempts: 4 },
    { minTimeout: 11 },
    { maxTimeout: 101 },
    { multiplier: 2 },
    { jitter: 0.4 },
    { isRetriable: () => true },
    { delay: () => 5 },
  ];
  for (const other of others) {
    const policy = RetryPolicy.of("add", { ...options, ...other }, last);
    assert(policy !== last, JSON.stringify(other));
  }
});

test("CoGroup.add() tries each task as its own retry says, though one object of options is changed between", async () => {
  const retry = { maxAttempts: 1, minTimeout: 0, jitter: 0 };
  const group = new CoGroup({ concurrency: 1, retry, onError: () => {} });
  const attempts: number[] = [];
  for (const maxAttempts of [2, 3, 3, 1, undefined]) {
    const at = attempts.push(0) - 1;
    const options = maxAttempts === undefined
      ? undefined
      : { retry: Object.assign(retry, { maxAttempts }) };
    group.add(() => {
      attempts[at]!++;
      throw "again";
    }, options);
  }
  await group.wait();
  assertEquals(attempts, [2, 3, 3, 1, 1]);
});

test("CoGroup.add() of a task whose retry is null is a TypeError", () => {
  const group = new CoGroup(1);
  const options = { retry: null as unknown as RetryOptions };
  assertThrows(() => group.add(() => {}, options), TypeError, "received null");
});

test("RetryPolicy.asksUser tells whether there is a function of the user's: a group keeps hold of no such policy", () => {
  const asks = (options: RetryOptions) =>
    RetryPolicy.of("add", options).asksUser;
  assertEquals(asks({}), false);
  assertEquals(asks({ maxAttempts: 3 }), false);
  assertEquals(asks({ isRetriable: () => true }), true);
  assertEquals(asks({ delay: () => 5 }), true);
});
