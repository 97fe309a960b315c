/**
 * A server that answers first and works later: what is posted to it is packed
 * into a folder, two at a time, and at most a hundred may wait. Ctrl-C, or
 * SIGTERM, leaves ten seconds for what it has accepted.
 *
 * ```sh
 * deno run --allow-net --allow-read=. --allow-write=packed examples/small/server.ts packed 8000
 * curl --data-binary @README.md http://127.0.0.1:8000/; curl http://127.0.0.1:8000/
 * ```
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { CoGroup } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";

const [folder, port, host = "127.0.0.1"] = argumentsFor(
  "server.ts FOLDER PORT [HOST]",
  2,
);
await mkdir(folder!, { recursive: true });
const group = new CoGroup({ concurrency: 2, capacity: 100 });

const server = createServer(async (request, response) => {
  if (request.method !== "POST") {
    response.end(`${JSON.stringify(group.stats)}\n`);
    return;
  }
  const body = await buffer(request);
  const file = `${folder}/${randomUUID()}.gz`;
  const isAccepted = group.tryInsert(async ({ signal }) => {
    await writeFile(file, await promisify(gzip)(body), { signal });
  });
  response.writeHead(isAccepted ? 202 : 503);
  response.end(isAccepted ? `${file}\n` : "busy\n");
});
server.listen(Number(port), host, () => {
  const { port } = server.address() as AddressInfo;
  console.log(`http://${host}:${port}/`);
});

async function stop() {
  const count = group.size + group.inFlight;
  console.error(`server: finishing ${count}; once more to stop`);
  server.close();
  const left = await group.shutdown({ grace: 10_000 });
  console.error(`server: ${group.stats.fulfilled} packed, ${left} left`);
  process.exit(left > 0 ? 1 : 0);
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
