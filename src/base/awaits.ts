/**
 * Notices that a program awaits a promise.
 *
 * To `await` a native promise reads its `constructor`, in the async context of the code
 * that awaits; so do `Promise.all` and its like. To return a promise from an async
 * function, or to resolve another one with it, calls its `then` with functions of the
 * engine. A `then` with functions of the program is no await; but what it returns may
 * be awaited, and is watched, too.
 *
 * @module
 */

/**
 * How a promise is asked for: it is awaited, or returned; or it was given to `Promise.all`
 * or `allSettled`, whose promise may be awaited at once, later, or never.
 */
export type Asking = "awaited" | "gathered";

/** Calls `onAsked`, in its async context, whenever code asks for the promise, or for what is derived from it. */
export function watchAwaits<T>(
  promise: Promise<T>,
  onAsked: (how: Asking) => void,
): Promise<T> {
  const { prototype } = Promise;
  // While another promise is derived from it, the engine reads `constructor`, too.
  let isDeriving = false;
  const look = () => {
    const how = isDeriving ? undefined : asking();
    if (how !== undefined) onAsked(how);
  };
  const derive = <P>(make: () => Promise<P>): Promise<P> => {
    isDeriving = true;
    try {
      return make();
    } finally {
      isDeriving = false;
    }
  };
  Object.defineProperties(promise, {
    constructor: {
      get: () => {
        look();
        return Promise;
      },
    },
    then: {
      value: (...reactions: [() => T, () => never]) => {
        if (reactions.length > 1 && reactions.every(isNative)) look();
        const derived = derive(() => prototype.then.apply(promise, reactions));
        return watchAwaits(derived, onAsked);
      },
    },
    finally: { // It calls `then` with functions of the engine, which is no await.
      value: (onEnd: () => void) =>
        derive(() => prototype.finally.call(promise, onEnd)),
    },
  });
  return promise;
}

/**
 * Who asks, by the stack: code that awaits `Promise.race` or `any` need not wait for this
 * promise. Undefined for those, and where there is no stack to tell.
 */
function asking(): Asking | undefined {
  const { stack } = new Error();
  if (typeof stack !== "string" || !/^\s+at /m.test(stack)) return undefined;
  const frame =
    /^\s+at (?:\w+\.)?(all|allSettled|race|any) \((?:<anonymous>|unknown|native)/m;
  const caller = frame.exec(stack)?.[1];
  if (caller === undefined) return "awaited";
  return caller.startsWith("all") ? "gathered" : undefined;
}

function isNative(value: unknown): boolean {
  return typeof value === "function" &&
    Function.prototype.toString.call(value).includes("[native code]");
}
