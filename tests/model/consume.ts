// deno-coverage-ignore-file

/**
 * Random programs over `consume`, on virtual time: messages in an engine in memory, whose
 * answers fail, come late or never; processes that stand still for longer than a lease,
 * lose the engine, are paused, closed, aborted and started again; handlers that fail, are
 * slow, heed their signal or don't. What has to be true after each step, and at the end,
 * is checked here.
 *
 * @module
 */

import { CoGroup, keyedQueue } from "../../mod.ts";
import { consume, type Consumption } from "../../src/consume/mod.ts";
import { assertConsumed } from "../support/consume.ts";
import { Engine, type EngineMessage, type Fault } from "../support/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { assertBooks } from "../support/helpers.ts";
import { assert, assertEquals } from "../support/std.ts";
import { Replayer } from "./observer.ts";
import { Random } from "./random.ts";

/** What a program may do. */
export interface Weather {
  /** How often a call to the engine goes wrong, from 0 to 1. */
  readonly faults: number;
  /** Whether processes stand still, lose the engine, end and begin. */
  readonly isRough: boolean;
  /** Whether all messages have a key, so that the order of each is kept. */
  readonly isKeyed: boolean;
}

/** What came of a program. */
export interface Outcome {
  readonly runs: number;
  /** Of two messages of one key, the later one was done first: how often. */
  readonly inversions: number;
  /** How deliveries ended, over all processes. */
  readonly fates: Record<string, number>;
}

const ACK_WAIT = 3000;

/** One run of a handler. */
interface Run {
  readonly id: number;
  readonly delivery: number;
}

/** A process: a group, and what it consumes. */
class Process {
  readonly group: CoGroup;
  readonly consumption: Consumption;
  /** Whether it has lost the engine: no call gets there. */
  isCut = false;
  readonly running: Set<Run> = new Set();
  /** When each nak was called that is not answered. */
  readonly #open = new Set<{ readonly since: number }>();
  readonly #clock: FakeClock;
  /** What its group's observer hears of. */
  readonly #replayer: Replayer;
  #broken: unknown;

  constructor(program: Program) {
    const { random, engine, weather } = program;
    this.#clock = program.clock;
    const inPlace = weather.isKeyed ? true : random.pick([undefined, true]);
    const concurrency = 1 + random.below(4);
    this.#replayer = new Replayer(
      { concurrency, paused: false },
      () => this.group as CoGroup | undefined,
      (check) => this.#guard(check),
    );
    this.group = new CoGroup({
      concurrency,
      observer: this.#replayer,
      slice: Infinity,
      grace: random.pick([Infinity, 0, 500]),
      ...(weather.isKeyed || random.chance(0.3)
        ? { queue: keyedQueue() }
        : undefined),
    });
    const watch = (message: EngineMessage) => this.#watch(message);
    const source = random.chance(0.2)
      ? program.oneByOne(watch)
      : async (room: number, signal: AbortSignal) =>
        (await engine.receive(room, signal)).map(watch);
    this.consumption = consume(
      this.group,
      source,
      (message, ctx) => program.handle(this, message, ctx),
      {
        lease: ACK_WAIT,
        ahead: random.pick([0, 0, 1, 4, 8]),
        retry: {
          maxAttempts: weather.isRough ? 1 + random.below(5) : 5,
          minTimeout: 50,
          maxTimeout: 2000,
          jitter: random.pick([0, 1]),
          isRetriable: () => random.chance(0.5) ? true : Promise.resolve(true),
        },
        inPlace,
        maxDeliveries: weather.isRough ? random.pick([3, 20]) : 20,
        timeout: random.chance(0.3) ? 800 : Infinity,
        onDead: () => {
          if (weather.isRough && random.chance(0.3)) throw new Error("no room");
        },
        onRetry() {},
        onError() {},
        ...(weather.isKeyed
          ? { key: ({ key }: EngineMessage) => key }
          : undefined),
      },
    );
  }

  /** The message, whose naks are watched. */
  #watch(message: EngineMessage): EngineMessage {
    const nak = (ms?: number) => {
      const open = { since: this.#clock.now };
      this.#open.add(open);
      const answer = Promise.resolve(message.nak(ms));
      const close = () => void this.#open.delete(open);
      answer.then(close, close);
      return answer;
    };
    return { ...message, nak };
  }

  /** Nothing is open then, but what was waited for as long as a lease. */
  async wait(): Promise<void> {
    await this.consumption.wait();
    for (const { since } of this.#open) {
      assert(this.#clock.now - since >= ACK_WAIT, "a nak is not answered yet");
    }
  }

  check(): void {
    assertBooks(this.group);
    assertConsumed(this.consumption);
    const { stats } = this.group;
    this.#guard(() => this.#replayer.check(stats, this.group));
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** An observer must not throw: what it finds wrong, the next check throws. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#broken ??= error;
    }
  }

  checkEnd(): void {
    this.#guard(() => this.#replayer.checkEnd());
    this.check();
  }
}

export class Program {
  readonly clock: FakeClock = new FakeClock("timers", "performance");
  readonly engine: Engine = new Engine(this.clock, ACK_WAIT);
  readonly random: Random;
  readonly weather: Weather;
  readonly #processes: Process[] = [];
  /** The messages that were done, in the order of that, by their keys. */
  readonly #done = new Map<unknown, number[]>();
  /** What waits for the end of each process. */
  readonly #ends: Promise<unknown>[] = [];
  #isCalm = false;
  #runs = 0;

  constructor(seed: number, weather: Weather) {
    this.random = new Random(seed);
    this.weather = weather;
    this.engine.fault = (call, id) => this.#fault(call, id);
  }

  async play(): Promise<Outcome> {
    using _ = this.clock.use();
    const { random } = this;
    this.#begin();
    for (let left = 10 + random.below(15); left > 0; left--) {
      if (random.chance(0.7)) {
        for (let n = random.below(4); n > 0; n--) {
          this.engine.publish(random.below(3));
        }
      }
      if (this.weather.isRough) this.#storm();
      await this.#go(random.below(1500));
    }
    await this.#end();
    return this.#outcome();
  }

  /** What a handler does. */
  async handle(
    process: Process,
    { id, key, info }: EngineMessage,
    { signal, attempt }: { signal: AbortSignal; attempt: number },
  ): Promise<void> {
    const { random } = this;
    const delivery = info.deliveryCount;
    const run = { id, delivery };
    assert(attempt >= delivery, "attempts count on from the deliveries");
    for (const other of process.running) {
      const isSame = other.id === id && other.delivery === delivery;
      assert(!isSame, `message ${id} runs twice at once`);
      if (other.id !== id) continue;
      const expired = `expired ${id} #${other.delivery}`;
      assert(this.engine.log.includes(expired), `message ${id} runs again`);
      assert(!this.weather.isKeyed, `message ${id} of a key runs again`);
    }
    process.running.add(run);
    this.#runs++;
    try {
      const ms = random.chance(0.2) ? 4000 : random.below(400);
      if (random.chance(0.3)) await this.#work(0);
      else if (random.chance(0.5)) await this.#heed(signal, ms);
      else await this.#work(ms);
      const fails = random.chance(0.25) && attempt < 4;
      if (fails || random.chance(this.weather.isRough ? 0.02 : 0)) {
        throw new Error("the handler has failed");
      }
      const done = this.#done.get(key) ?? [];
      this.#done.set(key, done);
      if (!done.includes(id)) done.push(id);
    } finally {
      process.running.delete(run);
    }
  }

  /** The engine's messages, one after the other. */
  async *oneByOne(
    watch: (message: EngineMessage) => EngineMessage,
  ): AsyncGenerator<EngineMessage> {
    for await (const message of this.engine.messages()) yield watch(message);
  }

  #work(ms: number): Promise<void> {
    return ms === 0
      ? Promise.resolve()
      : new Promise((resolve) => setTimeout(resolve, ms));
  }

  #heed(signal: AbortSignal, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
    });
  }

  #fault(call: string, id: number): Fault | undefined {
    const { random } = this;
    this.#checkAnswer(call, id);
    if (this.#isCalm) return undefined;
    if (this.#processes.at(-1)?.isCut && call !== "receive") {
      return { applies: false, answer: random.pick(["fail", "never"]) };
    }
    if (!random.chance(this.weather.faults)) return undefined;
    const after = random.pick([0, 10, 300]);
    if (call === "receive") return { after };
    if (!this.weather.isRough) return { after };
    const answer = random.pick(["ok", "fail", "false", "never"] as const);
    const applies = answer === "ok" || random.chance(0.5);
    return { applies, answer, after: random.pick([0, 10, 300, 4000]) };
  }

  /** No message is answered for while its handler runs, but for a beat. */
  #checkAnswer(call: string, id: number): void {
    if (call === "working" || call === "receive") return;
    const current = this.engine.stored.get(id)!.deliveries;
    for (const { running } of this.#processes) {
      for (const run of running) {
        if (run.id !== id || run.delivery !== current) continue;
        assert(call === "ack", `${call} ${id} while its handler runs`);
        // An older delivery of it may have been done after all.
        assert(current > 1, `ack ${id} while its handler runs`);
      }
    }
  }

  /** Something happens to a process. */
  #storm(): void {
    const { random } = this;
    const last = this.#processes.at(-1)!;
    const what = random.below(16);
    if (what === 0) this.clock.now += random.below(6000); // It stands still.
    else if (what === 1) last.isCut = !last.isCut;
    else if (what === 2) last.group.concurrency = 1 + random.below(4);
    else if (what === 3) last.group.pause();
    else if (what === 4) last.group.resume();
    else if (what === 5) this.#replace(() => last.group.abort());
    else if (what === 6) this.#replace(() => last.consumption.close());
    else if (what === 7) this.#replace(() => last.group.close());
  }

  /** Ends the process, sooner or later, and begins another one. */
  #replace(end: () => void): void {
    const last = this.#processes.at(-1)!;
    end();
    last.isCut = false;
    last.group.resume();
    this.#begin();
  }

  #begin(): void {
    const process = new Process(this);
    this.#processes.push(process);
    const end = process.wait();
    end.catch(() => {}); // It is looked at in the end.
    this.#ends.push(end);
  }

  async #go(ms: number): Promise<void> {
    for (const process of this.#processes) process.check();
    await this.clock.run(ms);
    for (const process of this.#processes) process.check();
  }

  /** In the end the weather is fair. Then all is done; nothing is lost, nothing is left. */
  async #end(): Promise<void> {
    const last = this.#processes.at(-1)!;
    this.#isCalm = true;
    last.group.resume();
    for (let n = 0; n < 60 && !this.engine.isEmpty; n++) await this.#go(5000);
    assert(this.engine.isEmpty, "every message was acked, or is dead");
    await this.#go(10_000);
    const groups = this.#processes.map(({ group }) => group.wait());
    await this.#go(10_000);
    await Promise.all([...groups, ...this.#ends]);
    for (const process of this.#processes) {
      process.checkEnd();
      assertEquals(process.consumption.stats.held, 0);
    }
    assertEquals(this.clock.timers, 0, "no timer is left");
    this.#checkLog();
  }

  /** What the engine has seen. */
  #checkLog(): void {
    const answers = new Map<string, Set<string>>();
    for (const line of this.engine.log) {
      const [kind, id, delivery] = line.split(" ");
      assert(kind !== "stale-nak", line);
      if (!["ack", "late-ack", "nak", "term"].includes(kind!)) continue;
      const name = `${id} ${delivery}`;
      const of = answers.get(name) ?? new Set();
      answers.set(name, of.add(kind!.replace("late-", "")));
      assertEquals(of.size, 1, `message ${name} has ended twice`);
    }
    const naks = this.engine.seen("nak")
      .map((line) => line.split(" ").slice(0, 3).join(" "));
    assertEquals(new Set(naks).size, naks.length, "no nak is repeated");
  }

  #outcome(): Outcome {
    let inversions = 0;
    for (const ids of this.#done.values()) {
      for (const [i, id] of ids.entries()) {
        if (i > 0 && id < ids[i - 1]!) inversions++;
      }
    }
    const fates: Record<string, number> = {};
    for (const { consumption } of this.#processes) {
      for (const [fate, count] of Object.entries(consumption.stats)) {
        fates[fate] = (fates[fate] ?? 0) + count;
      }
    }
    return { runs: this.#runs, inversions, fates };
  }
}

/** Plays the programs of so many seeds; what came of all of them. */
export async function playAll(
  first: number,
  count: number,
  weather: Weather,
): Promise<Outcome> {
  let runs = 0;
  let inversions = 0;
  const fates: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed++) {
    try {
      const outcome = await new Program(seed, weather).play();
      runs += outcome.runs;
      inversions += outcome.inversions;
      for (const [fate, n] of Object.entries(outcome.fates)) {
        fates[fate] = (fates[fate] ?? 0) + n;
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return { runs, inversions, fates };
}
