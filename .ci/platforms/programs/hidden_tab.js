/** What the page of the hidden tab can do: each function tells its milliseconds. */

import { CoGroup } from "@cogroup/cogroup";

async function timed(body) {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

function burn() {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

async function ask() {
  await (await fetch("/slow", { cache: "no-store" })).text();
}

async function work(concurrency, tasks, task) {
  const group = new CoGroup(concurrency);
  for (let i = 0; i < tasks; i++) group.add(task);
  await group.wait();
}

globalThis.cpu = () => timed(() => work(4, 300, burn));
// As many as a browser's connections to one server.
globalThis.io = () => timed(() => work(6, 400, ask));
/** The first five are not throttled anywhere, the other ones are. */
globalThis.timers = () =>
  timed(async () => {
    for (let i = 0; i < 9; i++) {
      await new Promise((done) => setTimeout(done, 0));
    }
  });
globalThis.isReady = true;
