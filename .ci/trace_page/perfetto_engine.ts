/**
 * Has Perfetto's trace processor read a trace, and asks it. A program of its own, since
 * the processor needs no permission but to read its files. Prints an array of rows for
 * each question, as JSON.
 *
 * ```sh
 * deno run --no-check --allow-read --allow-env=NODE_ENV --location http://localhost/ \
 *   .ci/trace_page/perfetto_engine.ts DIRECTORY TRACE SQL...
 * ```
 *
 * @module
 */

/** What the processor's own module has. */
interface Engine {
  parse(piece: Uint8Array): Promise<void>;
  notifyEof(): Promise<void>;
  query(sql: string): Promise<{ columns(): string[]; iter(row: object): Rows }>;
  onRpcResponseBytes(bytes: Uint8Array): void;
}
interface Rows {
  valid(): boolean;
  next(): void;
  get(column: string): unknown;
}

const [directory, trace, ...questions] = Deno.args as [string, string];
/** Bytes that are given to it at once: it takes no more than 64 MB. */
const PIECE = 32 << 20;

/** Starts it as a page would in a worker, but in this one thread, with the smaller memory. */
async function start(): Promise<Engine> {
  const scope = globalThis as unknown as Record<string, unknown>;
  const wasm = await Deno.readFile(`${directory}/trace_processor.wasm`);
  Object.assign(scope, { WorkerGlobalScope: Object, wasm });
  const glue = await Deno.readTextFile(`${directory}/engine_bundle.node.js`);
  const changes = [
    ["this.useMemory64 = hasMemory64Support();", "this.useMemory64 = false;"],
    ["locateFile: (s) => s,", "wasmBinary: globalThis.wasm,"],
  ] as const;
  const changed = changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`It has no ${from}`);
    return text.replace(from, to);
  }, glue);
  (0, eval)(changed);
  const { port1, port2 } = new MessageChannel();
  (scope["onmessage"] as (message: unknown) => void)({ data: port1 });
  const { EngineBase }: { EngineBase: new () => Engine } = await import(
    `file://${directory}/engine.mjs`
  );
  class Processor extends EngineBase {
    mode = "WASM";
    id = "trace";
    rpcSendRequestBytes(bytes: Uint8Array) {
      port2.postMessage(bytes);
    }
  }
  const engine = new Processor();
  port2.onmessage = ({ data }) => engine.onRpcResponseBytes(data);
  return engine;
}

// What it says of its work.
console.log = console.warn = () => {};
const engine = await start();
const bytes = await Deno.readFile(trace);
for (let at = 0; at < bytes.length; at += PIECE) {
  await engine.parse(bytes.subarray(at, at + PIECE));
}
await engine.notifyEof();
const answers: unknown[][][] = [];
for (const sql of questions) {
  const result = await engine.query(sql);
  const rows: unknown[][] = [];
  for (const it = result.iter({}); it.valid(); it.next()) {
    rows.push(result.columns().map((column) => it.get(column)));
  }
  answers.push(rows);
}
const text = JSON.stringify(
  answers,
  (_, value) => typeof value === "bigint" ? Number(value) : value,
);
await Deno.stdout.write(new TextEncoder().encode(text));
Deno.exit(0);
