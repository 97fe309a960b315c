/**
 * Fetches URLs on as many machines as there are: they take turns at a queue of NATS
 * JetStream, which keeps a URL until one of them has its result.
 *
 * ```sh
 * nats-server -js &
 * deno run -A examples/fetch_cluster.ts enqueue urls.txt
 * deno run -A examples/fetch_cluster.ts work # here, and on any other machine
 * deno run -A examples/fetch_cluster.ts status
 * ```
 *
 * Bun and Node run it too. A URL may be fetched twice: when its machine dies with the result
 * under way. The server keeps one result of it all the same, as both bear the same id.
 *
 * @module
 */

import { appendFile } from "node:fs/promises";
import { hostname } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import {
  CoGroup,
  keyedQueue,
  type RateLimit,
  rateLimit,
  type TaskContext,
} from "../mod.ts";
import { consume } from "../src/consume/mod.ts";
import { jetstream as messagesOf, shared } from "./engines/jetstream.ts";
import { jetstreamTokens } from "./limits/jetstream_tokens.ts";
import { TokenLimit } from "./limits/token_limit.ts";
import {
  fetchOne,
  hostOf,
  NoUrl,
  parseRate,
  PassingStatus,
  urls,
} from "./support/fetching.ts";
import { print, reason, report, showProgress } from "./support/output.ts";

const USAGE = `Usage: fetch_cluster.ts [options] COMMAND

  enqueue FILE|-   put the URLs into the queue, one a line
  work             fetch what is in the queue, until Ctrl-C: then what runs is
                   finished, and the rest is for other machines at once
  status           print how many URLs are left, how many of those in flight or to be
                   tried again, how many done, how many dead
  results          print what was fetched, one line of JSON each
  requeue          put the dead into the queue again

  --server HOST:PORT  where NATS is (default 127.0.0.1:4222)
  --queue NAME        which queue (default fetch)

of work:
  --concurrency N  how many URLs are fetched at once, here (default 8)
  --per-host N     how many of them may be of one host (default 2)
  --host-rate N/s  how many fetches of one host may start in any second, here; /m
                   for a minute. After status 429 none does, as Retry-After says
  --rate N/s       the same for all hosts and all machines together
  --retries N      how often a URL is tried again before it is dead (default 4)
  --timeout MS     milliseconds for each attempt (default 30000)
  --lease MS       after how long without a sign of life of this machine its URLs are
                   given to others (default 10000; of all machines the same)
  --results FILE   append the results there, not to the server's stream
  --help           show this, and do nothing else`;

const OPTIONS = {
  help: { type: "boolean", default: false },
  server: { type: "string", default: "127.0.0.1:4222" },
  queue: { type: "string", default: "fetch" },
  concurrency: { type: "string", default: "8" },
  "per-host": { type: "string", default: "2" },
  "host-rate": { type: "string" },
  rate: { type: "string" },
  retries: { type: "string", default: "4" },
  timeout: { type: "string", default: "30000" },
  lease: { type: "string", default: "10000" },
  results: { type: "string" },
} as const;

/** Milliseconds that what runs has to finish after Ctrl-C. */
const GRACE = 10_000;

/** Throws an error that says what is wrong with the arguments. */
function parse(args: string[]) {
  const { values, positionals: [command, file, ...more] } = parseArgs({
    args,
    options: OPTIONS,
    allowPositionals: true,
  });
  const number = (name: keyof typeof OPTIONS, least: 0 | 1) => {
    const value = values[name] as string;
    if (/^\d{1,9}$/.test(value) && Number(value) >= least) return Number(value);
    throw new Error(`--${name} ${value}: not an integer of ${least} or more`);
  };
  const rate = (name: "rate" | "host-rate") =>
    values[name] === undefined
      ? undefined
      : parseRate(`--${name}`, values[name]);
  if (!values.help) {
    if (!Object.hasOwn(COMMANDS, command ?? "")) {
      throw new Error("name a COMMAND");
    }
    if ((command === "enqueue") !== (file !== undefined) || more.length > 0) {
      throw new Error("enqueue takes one FILE or - and the others none");
    }
    if (!/^[\w-]+$/.test(values.queue)) {
      throw new Error(`--queue ${values.queue}: no name`);
    }
  }
  return {
    ...values,
    ...{ command: command as keyof typeof COMMANDS, file: file! },
    ...{
      concurrency: number("concurrency", 1),
      perHost: number("per-host", 1),
    },
    ...{ retries: number("retries", 0), timeout: number("timeout", 1) },
    ...{
      lease: number("lease", 1),
      rate: rate("rate"),
      hostRate: rate("host-rate"),
    },
  };
}

type Options = ReturnType<typeof parse>;

const KINDS = ["urls", "results", "dead"] as const;
type Kind = (typeof KINDS)[number];
/** The consumer that all machines share. */
const WORKERS = "workers";

/** The queue on the server: its URLs, and what became of them. */
class Store {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly #queue: string;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    queue: string,
  ) {
    this.connection = connection;
    // An ack that the server has not confirmed by then is sent again.
    this.client = jetstream(connection, { timeout: 1000 });
    this.manager = manager;
    this.#queue = queue;
  }

  static async open({ server, queue, command }: Options): Promise<Store> {
    const isWork = command === "work"; // It waits for the server, also for the first time.
    const connection = await connect({
      ...{ servers: server, name: `fetch_cluster ${command}` },
      ...isWork && { maxReconnectAttempts: -1, waitOnFirstConnect: true },
    });
    const manager = await jetstreamManager(connection);
    for (const kind of KINDS) {
      const name = `${queue}-${kind}`;
      await manager.streams.add({ name, subjects: [name] });
    }
    return new Store(connection, manager, queue);
  }

  name(kind: Kind): string {
    return `${this.#queue}-${kind}`;
  }

  /** Stores it, once for an id. Tries again while the server is away. */
  async put(kind: Kind, value: unknown, id: string) {
    const data = typeof value === "string" ? value : JSON.stringify(value);
    await this.client.publish(this.name(kind), data, {
      msgID: id,
      retries: 10,
    });
  }

  async count(kind: Kind): Promise<number> {
    return (await this.manager.streams.info(this.name(kind))).state.messages;
  }

  /** All messages that are in the stream by now. */
  async *all(kind: Kind): AsyncGenerator<JsMsg> {
    let left = await this.count(kind);
    if (left === 0) return;
    const consumer = await this.client.consumers.get(this.name(kind));
    for await (const message of await consumer.consume()) {
      yield message;
      if (--left === 0) return;
    }
  }
}

async function enqueue(store: Store, { file }: Options): Promise<number> {
  const run = crypto.randomUUID();
  let count = 0;
  let batch: Promise<void>[] = [];
  for await (const url of urls(file)) {
    batch.push(store.put("urls", url, `${run}:${count++}`));
    if (batch.length < 500) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
  await print(`${count} enqueued\n`);
  return 0;
}

async function work(store: Store, options: Options): Promise<number> {
  const { concurrency, perHost, hostRate, retries, timeout, lease, rate } =
    options;
  const who = `${hostname()}:${process.pid}`;
  const rates = new Map<unknown, RateLimit>();
  const rateOf = (host: unknown) => {
    const rate = rates.get(host) ?? rateLimit(hostRate!);
    rates.set(host, rate);
    return rate;
  };
  const total = rate && new TokenLimit(
    await jetstreamTokens(store.connection, {
      ...{
        name: `${options.queue}-rate-${rate.limit}`,
        limit: rate.limit,
        lease,
      },
    }),
    {
      ...{ ...rate, lease },
      batch: Math.ceil(rate.limit / 20),
      onError: complain,
    },
  );
  const group = new CoGroup({
    concurrency,
    queue: keyedQueue({ perKey: perHost, governor: hostRate && rateOf }),
    ...total && { governor: total },
    grace: GRACE,
  });
  const save = (value: unknown, id: string) =>
    options.results === undefined
      ? store.put("results", value, id)
      : appendFile(options.results, `${JSON.stringify(value)}\n`);
  await store.manager.consumers.add(store.name("urls"), shared(WORKERS, lease));
  const consumer = await store.client.consumers.get(
    store.name("urls"),
    WORKERS,
  );
  const fetchMessage = async (
    message: JsMsg,
    { signal, attempt }: TaskContext,
  ) => {
    const url = message.string();
    const own = [rates.get(hostOf(url))];
    const answer = await fetchOne(url, { signal, rates: own });
    await save({ url, ...answer, attempts: attempt, who }, `${message.seq}`);
  };
  const consumption = consume(
    group,
    messagesOf(store.connection, consumer, complain),
    fetchMessage,
    {
      lease,
      timeout,
      // Far enough for one host's URLs not to hide the others.
      ahead: 4 * concurrency,
      key: (message) => hostOf(message.string()),
      inPlace: false, // While one waits to be tried again, others of its host may go on.
      retry: {
        maxAttempts: retries + 1,
        isRetriable: (error) => !(error instanceof NoUrl),
        minTimeout: 500,
        maxTimeout: 30_000,
        delay: (error) =>
          error instanceof PassingStatus ? error.retryAfter : undefined,
      },
      onDead: (message, error) => {
        const value = { url: message.string(), error: reason(error) };
        return store.put("dead", value, `${message.seq}`);
      },
      onRetry() {}, // It is tried again; the dead have their errors beside them.
      onError: complain,
    },
  );
  const stop = () => {
    if (group.signal.aborted) process.exit(130); // The rest is for others, after its lease.
    group.abort(new Error("interrupted"));
    report("fetch_cluster: finishing what runs; Ctrl-C again to stop at once");
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  using _ = showProgress(() => {
    const { acked, held, dead } = consumption.stats;
    return `${acked} done, ${held} held, ${dead} dead`;
  });
  report(`fetch_cluster: ${who} at work`);
  await consumption.wait();
  await group.wait();
  await total?.close();
  const { acked, dead, returned } = consumption.stats;
  report(
    `fetch_cluster: ${who}: ${acked} done, ${dead} dead, ${returned} given back`,
  );
  return group.signal.aborted ? 130 : 1;
}

function complain(error: unknown): void {
  report(`fetch_cluster: ${reason(error)}`);
}

async function status(store: Store): Promise<number> {
  // There is none before the first machine is at work.
  const consumer = await store.manager.consumers.info(
    store.name("urls"),
    WORKERS,
  )
    .catch(() => undefined);
  const inFlight = consumer?.num_ack_pending ?? 0;
  const queued = consumer?.num_pending ?? await store.count("urls");
  const [done, dead] = [
    await store.count("results"),
    await store.count("dead"),
  ];
  const books = { left: queued + inFlight, inFlight, done, dead };
  await print(`${JSON.stringify(books)}\n`);
  return 0;
}

async function results(store: Store): Promise<number> {
  for await (const message of store.all("results")) {
    await print(`${message.string()}\n`);
  }
  return 0;
}

async function requeue(store: Store): Promise<number> {
  let count = 0;
  for await (const message of store.all("dead")) {
    const { url } = message.json<{ url: string }>();
    await store.put("urls", url, `dead:${message.seq}`);
    await store.manager.streams.deleteMessage(store.name("dead"), message.seq);
    count++;
  }
  await print(`${count} enqueued again\n`);
  return 0;
}

const COMMANDS = { enqueue, work, status, results, requeue };

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    report(`fetch_cluster: ${reason(error)}\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    await print(`${USAGE}\n`);
    return 0;
  }
  try {
    const store = await Store.open(options);
    const code = await COMMANDS[options.command](store, options);
    await store.connection.drain(); // What is under way arrives.
    return code;
  } catch (error) {
    complain(error);
    return 1;
  }
}

process.exit(await main());
