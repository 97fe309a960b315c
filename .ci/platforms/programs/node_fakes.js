/**
 * The checks of fake_time.js, with the fakes that people bring to Node by hand,
 * each before it loads the library. Prints what came of each check, as JSON.
 *
 * Usage: node node_fakes.js sinon|mock.timers
 */

import { mock } from "node:test";
import { faked, real } from "./fake_time.js";

const { default: sinon } = await import("sinon");
const nextTurn = setImmediate;
const fakes = {
  "sinon": () => {
    const clock = sinon.useFakeTimers();
    return {
      advance: (ms) => clock.tickAsync(ms),
      restore: () => clock.restore(),
    };
  },
  "mock.timers": () => {
    mock.timers.enable();
    return {
      advance: async (ms) => {
        await new Promise((done) => nextTurn(done)); // As the async ones do.
        mock.timers.tick(ms);
      },
      restore: () => mock.timers.reset(),
    };
  },
};

const results = [];
async function check(title, body) {
  const error = await body().then(() => undefined, ({ message }) => message);
  results.push({ title, error });
}

const { advance, restore } = fakes[process.argv[2]]();
const library = await import("@cogroup/cogroup");
for (const [title, body] of faked) {
  await check(title, () => body(library, advance));
}
restore();
for (const [title, body] of real) await check(title, () => body(library));
console.log(JSON.stringify(results));
process.exit();
