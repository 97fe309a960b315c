/**
 * Asks a server over and over, and tells for how long at most it was silent
 * between two lines that it is sent.
 *
 * Usage: node client.js PORT
 */

import { Agent, get } from "node:http";
import { createInterface } from "node:readline";

const options = {
  host: "127.0.0.1",
  port: process.argv[2],
  agent: new Agent({ keepAlive: true }),
};
let longest = 0;

async function ask() {
  const start = performance.now();
  await new Promise((done, fail) => {
    get(options, (response) => response.resume().on("end", done))
      .on("error", fail);
  });
  longest = Math.max(longest, performance.now() - start);
}

let stop = 0;
createInterface({ input: process.stdin })
  .on("line", () => stop++)
  .on("close", () => process.exit());
for (let seen = 0;;) {
  await ask();
  if (stop > seen) {
    // The server has gone silent in the middle of the request: it counts.
    seen++;
    console.log(longest);
    longest = 0;
  }
  await new Promise((done) => setTimeout(done, 2));
}
