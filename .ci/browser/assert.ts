/**
 * In place of `node:assert/strict`, as far as the tests use it.
 *
 * @module
 */

/** What a failed assertion throws. */
export class AssertionError extends Error {
  constructor({ message }: { message: string }) {
    super(message);
    this.name = "AssertionError";
  }
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Error && a.message !== (b as unknown as Error).message) {
    return false;
  }
  if (a instanceof Set || a instanceof Map) {
    return isEqual([...a], [...b as unknown as Iterable<unknown>]);
  }
  const keys = Reflect.ownKeys(a);
  return keys.length === Reflect.ownKeys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function fail(message: string): never {
  throw new AssertionError({ message });
}

/** Fails unless the value is truthy. */
function ok(value: unknown, message = "not truthy"): void {
  if (!value) fail(message);
}

/** Fails unless the two are the same. */
function equal(a: unknown, b: unknown, message = ""): void {
  if (!Object.is(a, b)) fail(`${message} ${show(a)} is not ${show(b)}`);
}

/** Fails unless the two are deeply and strictly equal. */
function deepEqual(a: unknown, b: unknown, message = ""): void {
  if (!isEqual(a, b)) fail(`${message} ${show(a)} is not ${show(b)}`);
}

const assert: typeof ok & {
  AssertionError: typeof AssertionError;
  deepEqual: typeof deepEqual;
  equal: typeof equal;
} = Object.assign(ok, { AssertionError, deepEqual, equal });

export default assert;
