/** The clocks of an edge worker in production: they go on with I/O alone. */

const now = performance.now.bind(performance);
const date = Date.now;
let time = [0, 0];

/** Has them show what time it is. */
export function thaw() {
  time = [now(), date()];
}

thaw();
performance.now = () => time[0];
Date.now = () => time[1];
for (const name of ["setTimeout", "setImmediate"]) {
  const real = globalThis[name];
  if (real === undefined) continue;
  globalThis[name] = (callback, ...rest) =>
    real((...args) => {
      thaw();
      callback(...args);
    }, ...rest);
}
