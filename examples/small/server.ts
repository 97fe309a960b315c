/**
 * A server that answers first and works later: what is posted to it is packed
 * into a folder, two at a time, and at most a hundred may wait: what comes then gets
 * a 503, before its body is read. Ctrl-C, or
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
const CAPACITY = 100;
const group = new CoGroup({ concurrency: 2, capacity: CAPACITY });

const server = createServer(async (request, response) => {
  if (request.method !== "POST") {
    response.end(`${JSON.stringify(group.stats)}\n`);
    return;
  }
  const busy = () =>
    response.writeHead(503, { "retry-after": "1" }).end("busy\n");
  if (group.size >= CAPACITY || group.closing.aborted) return void busy();
  const body = await buffer(request);
  const file = `${folder}/${randomUUID()}.gz`;
  const isAccepted = group.tryInsert(async ({ signal }) => {
    await writeFile(file, await promisify(gzip)(body), { signal });
  });
  if (isAccepted) response.writeHead(202).end(`${file}\n`);
  else busy(); // It has become full meanwhile.
});
server.listen(Number(port), host, () => {
  const { port } = server.address() as AddressInfo;
  console.log(`http://${host}:${port}/`);
});

async function stop() {
  const count = group.size + group.inFlight;
  console.error(`server: finishing ${count}; once more to stop`);
  server.close();
  setTimeout(() => process.exit(1), 15_000).unref(); // Whatever heeds no signal.
  const left = await group.shutdown({ grace: 10_000 });
  const { fulfilled, rejected } = group.stats;
  console.error(
    `server: ${fulfilled} packed, ${rejected} failed, ${left} left`,
  );
  process.exit(left + rejected > 0 ? 1 : 0);
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
