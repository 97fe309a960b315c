/**
 * Tasks of the kind that a group is for: requests, here to a server in the same
 * process. Shows that what it costs can't be seen then.
 *
 * ```sh
 * deno run --allow-net=127.0.0.1 bench/http_integration.ts
 * bun bench/http_integration.ts
 * node bench/http_integration.ts
 * ```
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { addWays } from "./support/add_ways.ts";
import { expect, present } from "./support/contenders.ts";
import { measure, type Section, timed } from "./support/harness.ts";
import { Peers } from "./support/peers.ts";
import { Table } from "./support/report.ts";

const CONCURRENCY = 64;
const REQUESTS = 1_000;
const ROUNDS = 11;

let answered = 0;
const server = createServer((_request, response) => {
  answered++;
  response.end("ok");
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;

const tasks = Array.from({ length: REQUESTS }, () => async () => {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  await response.text();
});

const http: Section = {
  letter: "http",
  title: `requests over loopback, concurrency ${CONCURRENCY}`,
  cases: ({ peers }) => [{
    title: `${REQUESTS} requests`,
    unit: "ns/request",
    base: "bare loop",
    contenders: present(addWays, peers, (name, runAll) => ({
      name,
      measure: timed(REQUESTS, async () => {
        answered = 0;
        await runAll(tasks, CONCURRENCY);
        expect(answered, REQUESTS);
      }),
    })),
  }],
};

const table = new Table(ROUNDS);
const peers = await Peers.load();
await measure(http, { peers, quick: false }, ROUNDS, (rows) => table.add(rows));
server.close();
server.closeAllConnections();
