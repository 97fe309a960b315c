// deno-coverage-ignore-file

/**
 * A durable queue in memory, on a test's time: it waits for answers (`ackWait`), delays,
 * delivers again, and logs all that it sees. Its answers may come late, be lost or fail.
 *
 * @module
 */

import type { FakeClock } from "./fake_clock.ts";

/** What can be asked of it. */
export type Call = "ack" | "nak" | "term" | "working" | "receive";

/** What becomes of a call: whether it has its effect, and what the caller hears. */
export interface Fault {
  /** Default: true. */
  applies?: boolean;
  /** Default: "ok", which is true. */
  answer?: "ok" | "false" | "fail" | "never";
  /** Milliseconds until the answer. Default: 0. */
  after?: number;
}

/** A message, as it is stored. */
export interface Stored {
  readonly id: number;
  readonly key: unknown;
  state: "ready" | "out" | "later" | "acked" | "terminated";
  deliveries: number;
  /** When it is delivered again: its delay, or the wait for an answer, is over. */
  due: number;
}

/** What is seen of a message: who delivered it, and the answers. */
export interface EngineMessage {
  readonly id: number;
  readonly key: unknown;
  readonly info: { readonly deliveryCount: number };
  ack(): unknown;
  nak(delayMs?: number): unknown;
  term(): unknown;
  working(): unknown;
}

export class Engine {
  readonly clock: FakeClock;
  readonly ackWait: number;
  readonly stored: Map<number, Stored> = new Map();
  /** What it has seen: `deliver 1 #1`, `ack 1 #1`, `nak 1 #1 500`, `expired 1 #1`. */
  readonly log: string[] = [];
  /** Decides what becomes of each call. */
  fault: (call: Call, id: number) => Fault | undefined = () => undefined;
  readonly #waiting = new Set<() => void>();
  #ids = 1;

  constructor(clock: FakeClock, ackWait = 3000) {
    this.clock = clock;
    this.ackWait = ackWait;
  }

  publish(key?: unknown): number {
    const id = this.#ids++;
    const state = "ready";
    this.stored.set(id, { id, key, state, deliveries: 0, due: 0 });
    this.#wake();
    return id;
  }

  /** Whether it has nothing more to deliver, and waits for no answer. */
  get isEmpty(): boolean {
    return [...this.stored.values()].every(({ state }) =>
      state === "acked" || state === "terminated"
    );
  }

  /** What it has seen of these kinds. */
  seen(...kinds: string[]): string[] {
    return this.log.filter((line) => kinds.includes(line.split(" ")[0]!));
  }

  /** At most so many, as soon as there are any. */
  readonly receive = async (
    room: number,
    signal: AbortSignal,
  ): Promise<EngineMessage[]> => {
    this.log.push(`receive ${room}`);
    for (;;) {
      await this.#answer("receive", 0, () => true);
      const ready = this.#ready().slice(0, room);
      if (ready.length > 0) return ready.map((one) => this.#deliver(one));
      if (signal.aborted) return [];
      await this.#change(signal);
    }
  };

  /** The same, as what gives one after the other, and can't be told how many are wanted. */
  async *messages(): AsyncGenerator<EngineMessage> {
    const { signal } = new AbortController();
    for (;;) yield* await this.receive(1, signal);
  }

  /** Resolves when there may be something to deliver, or no more is wanted. */
  async #change(signal: AbortSignal): Promise<void> {
    const dues = [...this.stored.values()]
      .filter(({ state }) => state === "out" || state === "later")
      .map(({ due }) => due);
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      signal.addEventListener("abort", () => resolve());
      if (dues.length === 0) return;
      const first = Math.min(...dues);
      timer = setTimeout(resolve, Math.max(0, first - this.clock.now));
    });
    clearTimeout(timer);
  }

  /** What could be delivered now, the oldest first. */
  #ready(): Stored[] {
    for (const one of this.stored.values()) {
      const isDue = one.due <= this.clock.now;
      if (one.state === "later" && isDue) one.state = "ready";
      if (one.state === "out" && isDue) {
        this.log.push(`expired ${one.id} #${one.deliveries}`);
        one.state = "ready";
      }
    }
    return [...this.stored.values()].filter(({ state }) => state === "ready");
  }

  #deliver(one: Stored): EngineMessage {
    const delivery = ++one.deliveries;
    one.state = "out";
    this.#setDue(one, this.ackWait);
    const name = `${one.id} #${delivery}`;
    this.log.push(`deliver ${name}`);
    /** Whether it is still this delivery that is waited for. */
    const isCurrent = () => {
      this.#ready();
      return one.state === "out" && one.deliveries === delivery;
    };
    /** Whether the wait for its answer has ended. */
    const isStale = () => {
      this.#ready();
      return one.deliveries !== delivery || one.state === "ready";
    };
    return {
      id: one.id,
      key: one.key,
      info: { deliveryCount: delivery },
      ack: () =>
        this.#answer("ack", one.id, () => {
          this.log.push(`${isStale() ? "late-ack" : "ack"} ${name}`);
          if (one.state !== "terminated") one.state = "acked";
          return true;
        }),
      nak: (ms = 0) =>
        this.#answer("nak", one.id, () => {
          const kind = isStale() ? "stale-nak" : "nak";
          this.log.push(`${kind} ${name} ${ms}`);
          if (kind === "stale-nak") return true;
          one.state = "later";
          this.#setDue(one, ms);
          return true;
        }),
      term: () =>
        this.#answer("term", one.id, () => {
          this.log.push(`${isStale() ? "stale-term" : "term"} ${name}`);
          if (one.state !== "acked") one.state = "terminated";
          return true;
        }),
      working: () =>
        this.#answer("working", one.id, () => {
          if (!isCurrent()) return false;
          this.log.push(`working ${name}`);
          this.#setDue(one, this.ackWait);
          return true;
        }),
    };
  }

  #setDue(one: Stored, ms: number): void {
    one.due = this.clock.now + ms;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #answer(call: Call, id: number, effect: () => boolean): Promise<boolean> {
    const { applies = true, answer = "ok", after = 0 } = this.fault(call, id) ??
      {};
    const result = applies ? effect() : true;
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (answer === "fail") reject(new Error(`${call} ${id} failed`));
        if (answer !== "never") resolve(answer === "ok" && result);
      };
      if (after > 0) setTimeout(settle, after);
      else settle();
    });
  }
}
