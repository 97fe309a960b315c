// deno-coverage-ignore-file

/**
 * What the tests of `consume` have in common: a group that consumes the messages of an
 * engine in memory, on virtual time.
 *
 * @module
 */

import { CoGroup, type CoGroupOptions } from "../../mod.ts";
import {
  consume,
  type ConsumeOptions,
  type Consumption,
  type TaskContext,
} from "../../src/consume/mod.ts";
import { Engine, type EngineMessage } from "./engine.ts";
import { FakeClock } from "./fake_clock.ts";
import { assertBooks } from "./helpers.ts";
import { assertEquals } from "./std.ts";
import { test } from "./test.ts";

export type Handler = (message: EngineMessage, ctx: TaskContext) => unknown;

/** The books of a consumption, for this instant. */
export function assertConsumed({ stats }: Consumption): void {
  const s = stats;
  assertEquals(
    s.held + s.acked + s.retried + s.returned + s.dead + s.lost + s.unconfirmed,
    s.received,
    `the books don't balance: ${JSON.stringify(s)}`,
  );
}

/** A group that consumes from an engine. */
export class Bed {
  readonly clock: FakeClock;
  readonly engine: Engine;
  /** What ran: message and attempt. */
  readonly runs: string[] = [];
  /** What `onRetry` was told: of which message, the error, and the delay. */
  readonly retries: [id: number, error: string, ms: number][] = [];
  /** What `onError` was told: the error, and of which message. */
  readonly errors: [error: string, id: number | undefined][] = [];
  group!: CoGroup;
  consumption!: Consumption;

  constructor(clock: FakeClock) {
    this.clock = clock;
    this.engine = new Engine(clock);
  }

  /** The lease is that of the engine; the waits of retries are 100, 200, 400 ms. */
  consume(
    handler: Handler,
    options: ConsumeOptions<EngineMessage> = {},
    group: Partial<CoGroupOptions> = {},
  ): void {
    this.group = new CoGroup({ concurrency: 2, slice: Infinity, ...group });
    this.consumption = consume(
      this.group,
      this.engine.receive,
      (message, ctx) => {
        this.runs.push(`${message.id} ${ctx.attempt}`);
        return handler(message, ctx);
      },
      {
        lease: this.engine.ackWait,
        retry: { minTimeout: 100, jitter: 0 },
        onRetry: ({ id }, error, ms) =>
          void this.retries.push([id, (error as Error).message, ms]),
        onError: (error, message) =>
          void this.errors.push([(error as Error).message, message?.id]),
        ...options,
      },
    );
  }

  publish(count: number, key?: unknown): void {
    for (let i = 0; i < count; i++) this.engine.publish(key);
  }

  run(ms: number): Promise<void> {
    return this.clock.run(ms);
  }

  /** The process stands still: no timer goes off, though the time goes on. */
  stand(ms: number): void {
    this.clock.now += ms;
  }

  /** Those of the books that are not 0. */
  get books(): Record<string, number> {
    assertConsumed(this.consumption);
    const counts = Object.entries(this.consumption.stats);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  /** Closes the group, and waits until all has ended. */
  async end(): Promise<void> {
    const ended = Promise.all([this.consumption.wait(), this.group.wait()]);
    await this.clock.run(100_000);
    await ended;
  }
}

/** A test on virtual time, that leaves no timer, and books that balance. */
export function bedTest(title: string, run: (bed: Bed) => Promise<void>): void {
  test(title, async () => {
    const clock = new FakeClock("timers", "performance");
    using _ = clock.use();
    const bed = new Bed(clock);
    await run(bed);
    await bed.end();
    assertBooks(bed.group);
    assertConsumed(bed.consumption);
    assertEquals(bed.consumption.stats.held, 0);
    assertEquals(clock.timers, 0, "no timer is left");
  });
}

/** A promise that rejects when the signal speaks. */
export function interrupted({ signal }: TaskContext): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason))
  );
}

/** A promise that resolves after so long. */
export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
