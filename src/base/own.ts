/**
 * The program's own timers and `Date`, told from those that a test puts in their place.
 *
 * They are looked up when this module is loaded. They may be fakes by then (Jest, a
 * setup file of Vitest). `Date.now` shows that, for the real one is native code
 * everywhere, as timers are not: then they are looked up anew when it is back.
 *
 * @module
 */

export interface Own {
  readonly setTimeout: typeof setTimeout;
  readonly dateNow: typeof Date.now;
}

let known = lookUp();
let isSure = isReal(known.dateNow);

/** What they are, as far as can be told. */
export function own(): Own {
  if (!isSure && isReal(Date.now)) {
    known = lookUp();
    isSure = true;
  }
  return known;
}

function lookUp(): Own {
  return { setTimeout: globalThis.setTimeout, dateNow: Date.now };
}

function isReal(fn: () => number): boolean {
  return Function.prototype.toString.call(fn).includes("[native code]");
}
