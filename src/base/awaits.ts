/**
 * Notices that a program awaits a promise.
 *
 * To `await` a native promise reads its `constructor`, in the async context of the code
 * that awaits. So do `Promise.all` and `allSettled`; to return a promise from an async
 * function, or to resolve another one with it, calls its `then` with functions of the
 * engine. A `then` with functions of the program is no await; but what it returns may
 * be awaited, and is watched in its place.
 *
 * @module
 */

/** Calls `onAwait`, in its async context, whenever code awaits the promise, or what is derived from it. */
export function watchAwaits<T>(
  promise: Promise<T>,
  onAwait: () => void,
): Promise<T> {
  const { prototype } = Promise;
  // While another promise is derived from it, the engine reads `constructor`, too.
  let isDeriving = false;
  const look = () => {
    if (!isDeriving && !isRaced()) onAwait();
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
        if (reactions.every(isNative)) look();
        const derived = derive(() => prototype.then.apply(promise, reactions));
        return watchAwaits(derived, onAwait);
      },
    },
    finally: { // It calls `then` with functions of the engine, which is no await.
      value: (onEnd: () => void) =>
        derive(() => prototype.finally.call(promise, onEnd)),
    },
  });
  return promise;
}

/** Whether `Promise.race` or `any` asks: the code that awaits those need not wait for this promise. */
function isRaced(): boolean {
  const frames =
    /^\s*at (?:\w+\.)?(?:race|any) \((?:<anonymous>|unknown|native)/m;
  return frames.test(new Error().stack ?? "");
}

function isNative(value: unknown): boolean {
  return typeof value === "function" &&
    Function.prototype.toString.call(value).includes("[native code]");
}
