/**
 * The peers: which ones, of which version, and what the benches use of each.
 *
 * On Deno they come through `npm:`; on Bun and Node from bench/node_modules,
 * which the command fills that `installation` names. One that does not load is
 * left out, and that is said in one line.
 *
 * @module
 */

type Job<R = unknown> = () => Promise<R>;
type Callback = (error: unknown) => void;

/** What the benches use of each peer. */
export interface PeerModules {
  "p-limit": {
    default: (
      concurrency: number,
    ) => (<R>(job: Job<R>) => Promise<R>) & { clearQueue(): void };
  };
  "p-queue": {
    default: new (options: { concurrency: number; autoStart?: boolean }) => {
      add<R>(job: Job<R>): Promise<R>;
      onIdle(): Promise<void>;
      onSizeLessThan(limit: number): Promise<void>;
      clear(): void;
    };
  };
  "fastq": { default: Fastq };
  "p-map": {
    default: <T, R>(
      input: Iterable<T>,
      mapper: (item: T) => Promise<R>,
      options: { concurrency: number },
    ) => Promise<R[]>;
    pMapIterable: <T, R>(
      input: Iterable<T>,
      mapper: (item: T) => Promise<R>,
      options: { concurrency: number; preserveOrder?: boolean },
    ) => AsyncIterable<R>;
  };
  "promise-pool": {
    PromisePool: {
      for<T>(items: T[]): {
        withConcurrency(concurrency: number): {
          process(job: (item: T) => Promise<unknown>): Promise<unknown>;
        };
      };
    };
  };
  "async.queue": {
    default: {
      queue(worker: (job: Job) => Promise<unknown>, concurrency: number): {
        push(job: Job, done: Callback): void;
        pause(): void;
        kill(): void;
        drain(): Promise<void>;
      };
    };
  };
  "@henrygd/queue": {
    newQueue: (concurrency: number) => {
      add<R>(job: Job<R>): Promise<R>;
      done(): Promise<void>;
    };
  };
  "throat": { default: (concurrency: number) => Limiter };
  "promise-limit": { default: (concurrency: number) => Limiter };
  "plimit-lit": { pLimit: (concurrency: number) => Limiter };
  "promise-call-limit": {
    callLimit<R>(jobs: Job<R>[], options: { limit: number }): Promise<R[]>;
  };
  "es6-promise-pool": {
    default: new (next: () => Promise<unknown> | void, concurrency: number) => {
      start(): Promise<unknown>;
    };
  };
  "es-toolkit": {
    limitAsync<A extends unknown[], R>(
      call: (...args: A) => Promise<R>,
      concurrency: number,
    ): (...args: A) => Promise<R>;
    Semaphore: new (limit: number) => {
      acquire(): Promise<void>;
      release(): void;
    };
  };
  "@henrygd/semaphore": {
    getSemaphore: (key: unknown, limit: number) => {
      acquire(): Promise<void>;
      release(): void;
    };
  };
  "@esfx/async-semaphore": {
    AsyncSemaphore: new (limit: number) => {
      wait(): Promise<void>;
      release(): void;
    };
  };
  "async-sema": {
    Sema: new (limit: number) => {
      acquire(): Promise<unknown>;
      tryAcquire(): unknown;
      release(): void;
    };
  };
  "semaphore-async-await": {
    default: { default: new (limit: number) => SemaphoreAsyncAwait };
  };
  "streaming-iterables": {
    transform<T, R>(
      concurrency: number,
      mapper: (item: T) => Promise<R>,
      source: Iterable<T>,
    ): AsyncIterable<R>;
  };
  "effect": {
    Effect: {
      promise<R>(job: Job<R>): unknown;
      forEach<T>(
        items: Iterable<T>,
        call: (item: T) => unknown,
        options: { concurrency: number },
      ): unknown;
      runPromise(effect: unknown): Promise<unknown>;
    };
  };
  "rxjs": {
    from<T>(items: Iterable<T>): { pipe(...operators: unknown[]): unknown };
    mergeMap<T>(call: (item: T) => Promise<unknown>, limit: number): unknown;
    toArray(): unknown;
    lastValueFrom(source: unknown): Promise<unknown>;
  };
  "p-throttle": {
    default: (options: { limit: number; interval: number }) => <R>(
      call: () => R,
    ) => () => Promise<R>;
  };
  "bottleneck": {
    default: new (options: { minTime?: number; reservoir?: number }) => {
      schedule<R>(job: Job<R>): Promise<R>;
    };
  };
  "pooledMap": {
    pooledMap: <T, R>(
      concurrency: number,
      input: Iterable<T>,
      mapper: (item: T) => Promise<R>,
    ) => AsyncIterableIterator<R>;
  };
  "@std Channel": {
    Channel: new <T>(options: { capacity: number }) => ChannelLike<T>;
  };
}

/** Calls of a job with a limit. */
export type Limiter = <R>(job: Job<R>) => Promise<R>;

interface SemaphoreAsyncAwait {
  acquire(): Promise<boolean>;
  tryAcquire(): boolean;
  release(): void;
}

interface Fastq {
  (worker: (job: Job, done: Callback) => void, concurrency: number): {
    push(job: Job, done: Callback): void;
    pause(): void;
    kill(): void;
    drain: () => void;
  };
  promise<R>(worker: (job: Job<R>) => Promise<R>, concurrency: number): {
    push(job: Job<R>): Promise<R>;
  };
}

/** What the two channels have in common. */
export interface ChannelLike<T> extends AsyncIterable<T> {
  send(value: T): Promise<void>;
  receive(): Promise<T>;
  close(): void;
}

export type PeerName = keyof PeerModules;

/** Where each is found, the best place first. */
const PLACES: Record<PeerName, readonly string[]> = {
  "p-limit": ["p-limit@7.3.3"],
  "p-queue": ["p-queue@10.0.0"],
  "fastq": ["fastq@1.20.3"],
  "p-map": ["p-map@7.1.1"],
  "promise-pool": ["@supercharge/promise-pool@3.3.0"],
  "async.queue": ["async@3.2.6"],
  "@henrygd/queue": ["@henrygd/queue@1.2.0"],
  "throat": ["throat@6.0.2"],
  "promise-limit": ["promise-limit@2.7.0"],
  "plimit-lit": ["plimit-lit@3.4.0"],
  "promise-call-limit": ["promise-call-limit@3.0.2"],
  "es6-promise-pool": ["es6-promise-pool@2.5.0"],
  "es-toolkit": ["es-toolkit@1.53.2"],
  "@henrygd/semaphore": ["@henrygd/semaphore@0.1.0"],
  "@esfx/async-semaphore": ["@esfx/async-semaphore@1.0.0"],
  "async-sema": ["async-sema@3.1.1"],
  "semaphore-async-await": ["semaphore-async-await@1.5.1"],
  "streaming-iterables": ["streaming-iterables@8.0.1"],
  "effect": ["effect@4.1.0"],
  "rxjs": ["rxjs@7.8.2"],
  "p-throttle": ["p-throttle@8.1.1"],
  "bottleneck": ["bottleneck@2.19.5"],
  "pooledMap": ["@std/async/pool", "deno-std@1.4.0/async/pool.js"],
  "@std Channel": ["@std/async/channel"],
};

const isPackage = (place: string) => !place.startsWith("@std/");

/** What fills bench/node_modules, for Bun and Node. */
export const installation: string =
  `npm install --prefix bench --no-save --no-package-lock ${
    Object.values(PLACES).flat().filter(isPackage)
      .map((place) => place.replace(/(?<=@[\d.]+)\/.*$/, "")).join(" ")
  }`;

/** The peers that loaded. */
export class Peers {
  readonly #modules = new Map<PeerName, unknown>();
  /** What is to be said of how they loaded, a line each. */
  readonly notes: string[] = [];

  get<N extends PeerName>(name: N): PeerModules[N] | undefined {
    return this.#modules.get(name) as PeerModules[N] | undefined;
  }

  static async load(): Promise<Peers> {
    const peers = new Peers();
    const missing: PeerName[] = [];
    for (const name of Object.keys(PLACES) as PeerName[]) {
      if (!await peers.#find(name)) missing.push(name);
    }
    if (missing.length > 0) {
      peers.notes.push(`left out, did not load: ${missing.join(", ")}`);
    }
    if (!("Deno" in globalThis) && missing.includes("p-limit")) {
      peers.notes.push(`to install the peers: ${installation}`);
    }
    return peers;
  }

  async #find(name: PeerName): Promise<boolean> {
    for (const place of PLACES[name]) {
      const module = await import(specifier(place)).catch(() => undefined);
      if (module === undefined) continue;
      this.#modules.set(name, module);
      if (PLACES[name].length > 1) this.notes.push(`${name} is ${place}`);
      return true;
    }
    return false;
  }
}

function specifier(place: string): string {
  if (!isPackage(place)) return place;
  if ("Deno" in globalThis) return `npm:${place}`;
  return place.replace(/(?<=.)@[\d.]+/, "");
}
