// deno-coverage-ignore-file

/**
 * Real servers on 127.0.0.1, each with a store of its own in a folder that is
 * removed with it. None outlives the tests, however those end: the kernel kills it
 * when they do. Linux alone, with Debian's packages.
 *
 * @module
 */

import { createServer } from "node:net";

/** How a server is started on that port, with its files in that folder. */
interface Recipe {
  readonly command: (port: number, folder: string) => string[];
  /** What it prints when it may be used. */
  readonly ready: string;
  /** Before its first start. */
  readonly prepare?: (folder: string) => Promise<void>;
}

const NATS: Recipe = {
  command: (port, folder) => [
    ...["nats-server", "-a", "127.0.0.1", "-p", `${port}`],
    ...["-js", "-sd", folder],
  ],
  ready: "Server is ready",
};

const REDIS: Recipe = {
  command: (port, folder) => [
    ...["redis-server", "--bind", "127.0.0.1", "--port", `${port}`],
    ...["--dir", folder, "--save", ""],
    // Else it may answer before it has written, and a kill takes that away.
    ...["--appendonly", "yes", "--appendfsync", "always"],
  ],
  ready: "Ready to accept connections",
};

/** It does not run as root. */
const AS_POSTGRES = Deno.uid() === 0
  ? ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
  : [];

const POSTGRES: Recipe = {
  prepare: async (folder) => {
    if (Deno.uid() === 0) await run(["chown", "postgres", folder]);
    const program = await postgresProgram("initdb");
    await run(
      tied([program, "-D", folder, "-U", "postgres", "-A", "trust", "-N"]),
    );
  },
  command: (port, folder) => [
    ...[`${POSTGRES_FOLDER}/postgres`, "-D", folder, "-p", `${port}`],
    ...["-c", "listen_addresses=127.0.0.1", "-k", folder],
  ],
  ready: "database system is ready to accept connections",
};

let POSTGRES_FOLDER = "";

/** Debian keeps these out of PATH, in a folder of the version. */
async function postgresProgram(name: string): Promise<string> {
  const versions = [];
  for await (const { name } of Deno.readDir("/usr/lib/postgresql")) {
    versions.push(Number(name));
  }
  POSTGRES_FOLDER = `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
  return `${POSTGRES_FOLDER}/${name}`;
}

/** The command, which the kernel kills when this process is gone. */
function tied(command: string[]): string[] {
  const isPostgres = command[0]!.includes("postgresql");
  const as = isPostgres ? AS_POSTGRES : [];
  return ["setpriv", "--pdeathsig", "KILL", ...as, "--", ...command];
}

async function run([program, ...args]: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program!, {
    args,
    cwd: "/",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${program}: ${decode(stderr)}`);
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** A server, which can be killed and started again over the same files. */
export class Server implements AsyncDisposable {
  readonly port: number;
  readonly #recipe: Recipe;
  readonly #folder: string;
  #process: Deno.ChildProcess | undefined;
  #log = "";

  private constructor(recipe: Recipe, port: number, folder: string) {
    this.#recipe = recipe;
    this.port = port;
    this.#folder = folder;
  }

  static nats(): Promise<Server> {
    return Server.#of(NATS);
  }

  static redis(): Promise<Server> {
    return Server.#of(REDIS);
  }

  static postgres(): Promise<Server> {
    return Server.#of(POSTGRES);
  }

  static async #of(recipe: Recipe): Promise<Server> {
    const folder = await Deno.makeTempDir();
    const server = new Server(recipe, await freePort(), folder);
    try {
      await recipe.prepare?.(folder);
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it, and waits until it may be used. */
  async start(): Promise<void> {
    const [program, ...args] = tied(
      this.#recipe.command(this.port, this.#folder),
    );
    this.#log = "";
    const process = this.#process = new Deno.Command(program!, {
      args,
      cwd: "/",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const stream of [process.stdout, process.stderr]) {
      void this.#read(stream, resolve);
    }
    const ended = process.status.then(() => {
      throw new Error(`${this.#recipe.command(0, "")[0]}: ${this.#log}`);
    });
    await Promise.race([promise, ended]);
    ended.catch(() => {});
  }

  /** As `kill -9` does. The files stay. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    process.kill(signal);
    await process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    onReady: () => void,
  ): Promise<void> {
    for await (const chunk of stream) {
      this.#log = (this.#log + decode(chunk)).slice(-5000);
      if (this.#log.includes(this.#recipe.ready)) onReady();
    }
  }
}
