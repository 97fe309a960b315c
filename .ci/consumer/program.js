/**
 * A consumer's program, for whatever runs JavaScript modules: it fails unless
 * the installed package keeps its main promises.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Channel, CoGroup, CoGroupClosedError } from "@cogroup/cogroup";
import * as channels from "@cogroup/cogroup/channel";
import { consume } from "@cogroup/cogroup/consume";
import { Recorder } from "@cogroup/cogroup/trace";

// Results, in the order of the input; never more at once than allowed.
let most = 0;
const squares = [];
const group = new CoGroup({ concurrency: 3, capacity: 2 });
for await (
  const square of group.map([1, 2, 3, 4, 5], async (n) => {
    most = Math.max(most, group.inFlight);
    await new Promise((resolve) => setTimeout(resolve, 5 - n));
    return n * n;
  }, { ahead: 2 })
) squares.push(square);
assert.deepEqual(squares, [1, 4, 9, 16, 25]);
assert.equal(most, 3);

// Backpressure, a retry, an error that nobody else hears of.
const heard = [];
const careful = new CoGroup({
  concurrency: 1,
  capacity: 1,
  retry: { maxAttempts: 2, minTimeout: 1 },
  onError: (error) => heard.push(error),
});
assert(await careful.insert(() => Promise.reject("lost")));
assert.equal(
  await careful.go(({ attempt }) => {
    if (attempt === 1) throw new Error("not yet");
    return "done";
  }),
  "done",
);
assert.equal(await careful.wait(), 0);
assert.deepEqual(heard, ["lost"]);
await assert.rejects(careful.go(() => {}), CoGroupClosedError);

// An abort: what runs finishes, what is queued is given back.
const stopped = new CoGroup(1);
let finished = false;
stopped.add(async () => {
  stopped.abort();
  await new Promise((resolve) => setTimeout(resolve, 1));
  finished = true;
});
for (let i = 0; i < 9; i++) stopped.add(() => assert.fail("started"));
assert.equal(await stopped.wait(), 9);
assert(finished);
assert.equal(stopped.clear().length, 9);

// The channel alone.
const channel = new Channel({ capacity: 1 });
const sending = (async () => {
  for (const word of ["a", "b", "c"]) await channel.send(word);
  channel.close();
})();
const words = [];
for await (const word of channel) words.push(word);
await sending;
assert.deepEqual(words, ["a", "b", "c"]);

// Its own entry point has the same one.
assert.equal(channels.Channel, Channel);
const quit = new channels.Channel();
const ended = channels.select([new Channel(), quit]);
quit.close();
assert.deepEqual(await ended, { closed: quit });

// Messages of a durable queue, in a group of the other entry point.
const answers = [];
async function* messages() {
  for (const id of [1, 2]) {
    const ack = () => answers.push(`ack ${id}`);
    const nak = (ms) => answers.push(`nak ${id} ${ms}`);
    yield await Promise.resolve({ id, ack, nak });
  }
}
const consumption = consume(new CoGroup(1), messages(), ({ id }) => {
  if (id === 2) throw new Error("not yet");
}, { retry: { minTimeout: 10, jitter: 0 } });
await consumption.wait();
assert.deepEqual(answers, ["ack 1", "nak 2 10"]);
assert.equal(consumption.stats.retried, 1);
// A trace of what a group has done.
const recorder = new Recorder({ name: "traced" });
const traced = new CoGroup({ concurrency: 1, observer: recorder });
await traced.go(() => {}, { id: "a task" });
const { traceEvents } = JSON.parse(JSON.stringify(recorder));
assert(traceEvents.some(({ name, ph }) => name === "a task" && ph === "X"));

console.log("the package works");
