/**
 * Runs the messages of a durable queue in a group.
 *
 * @module
 */

import { CoGroupClosedError, wrongType } from "../base/errors.ts";
import { type Maybe, NONE } from "../base/promises.ts";
import { CoGroup, partsOf } from "../cogroup.ts";
import type { Traits } from "../group/entry.ts";
import type { Feed, Group } from "../group/group.ts";
import type { Intake } from "../group/intake.ts";
import type { TaskContext } from "../task.ts";
import { Answers } from "./answers.ts";
import { Books, type ConsumeStats } from "./books.ts";
import { Delivery, type Home } from "./delivery.ts";
import { Leases } from "./leases.ts";
import type { Message, Receive } from "./message.ts";
import { type ConsumeOptions, type Settings, settle } from "./options.ts";
import { type Basin, Pump } from "./pump.ts";

/**
 * Messages that are being consumed. See {@linkcode consume}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume, type Consumption } from "@cogroup/cogroup/consume";
 *
 * const group = new CoGroup(1);
 * const consumption: Consumption = consume(group, () => [], () => "done");
 * consumption.close();
 * await consumption.wait();
 * assert.equal(consumption.stats.received, 0);
 * assert.equal(group.closed, false);
 * ```
 */
export interface Consumption {
  /** Asks for no more. What is held runs, and is acked. What comes now is given back. */
  close(): void;
  /**
   * Waits until no more is asked for, because of `close`, of the group's end or the
   * source's, and the engine has an answer to every message. Does not close anything.
   *
   * @returns A promise that resolves then; it never rejects.
   */
  wait(): Promise<void>;
  /** What became of the messages, now: a snapshot. */
  readonly stats: ConsumeStats;
}

/**
 * Runs the messages of a durable queue in a group: at least once, and none is lost, on as
 * many machines as there are.
 *
 * @typeParam M The type of the messages.
 * @param group The group. Its workers run the handler.
 * @param source Asks the engine for messages; or an async iterable of them, which can't
 *   be told how many are wanted, and gives back nothing that it holds itself.
 * @param handler Called with each message, as a task of the group. When it has succeeded
 *   the message is acked; when it has failed the message is tried again, or is dead.
 * @param options How it is done.
 * @returns What closes it, and tells how it goes.
 * @throws {RangeError} If an option is a number out of its range.
 * @throws {TypeError} If an argument, or an option, is not of its type.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup } from "@cogroup/cogroup";
 * import { consume } from "@cogroup/cogroup/consume";
 *
 * const acked: string[] = [];
 * async function* source() {
 *   for (const text of ["a", "b"]) {
 *     yield await Promise.resolve({ text, ack: () => void acked.push(text), nak() {} });
 *   }
 * }
 * const group = new CoGroup(1);
 * const consumption = consume(group, source(), ({ text }) => text.toUpperCase());
 * await consumption.wait();
 * await group.wait();
 * assert.deepEqual(acked, ["a", "b"]);
 * assert.equal(consumption.stats.acked, 2);
 * ```
 */
export function consume<M extends Message>(
  group: CoGroup,
  source: Receive<M> | AsyncIterable<M>,
  handler: (message: M, ctx: TaskContext) => unknown,
  options?: ConsumeOptions<M>,
): Consumption {
  if (!(group instanceof CoGroup)) {
    throw wrongType("consume", "group", "a CoGroup", group);
  }
  const parts = partsOf(group);
  checkSource(source);
  const consumer = new Consumer(
    parts.group,
    parts.intake,
    settle(handler, options),
  );
  consumer.run(source);
  return {
    close: () => consumer.stop(NONE),
    wait: () => consumer.wait(),
    get stats() {
      return consumer.books.snapshot();
    },
  };
}

function checkSource(source: unknown): void {
  if (typeof source === "function") return;
  const { [Symbol.asyncIterator]: iterate } = Object(source);
  if (typeof iterate === "function") return;
  throw wrongType(
    "consume",
    "source",
    "a function or an async iterable",
    source,
  );
}

/** The most messages that are asked for at once: there may be no limit. */
const MANY = 10_000;

class Consumer<M extends Message> implements Feed, Basin<M>, Home<M> {
  readonly group: Group;
  readonly settings: Settings<M>;
  readonly answers: Answers<M>;
  readonly books: Books = new Books();
  readonly #intake: Intake;
  /** Those of a delivery that is not in the group. */
  readonly #traits: Traits;
  readonly leases: Leases;
  readonly #pump: Pump<M> = new Pump(this);
  readonly #waiters: (() => void)[] = [];

  constructor(group: Group, intake: Intake, settings: Settings<M>) {
    this.group = group;
    this.settings = settings;
    this.#intake = intake;
    this.#traits = { ...intake.traits("consume", undefined), isPlain: false };
    this.leases = new Leases(settings.lease);
    this.answers = new Answers(
      settings,
      this.books,
      this.leases,
      () => this.#look(),
    );
  }

  run(source: Receive<M> | AsyncIterable<M>): void {
    const { feeds, state } = this.group;
    if (state.isClosed) this.stop(state.reason);
    else feeds.add(this);
    this.#pump.run(source);
  }

  /** The intake has ended: the group's, or that of these messages. */
  stop(reason: Maybe<unknown>): void {
    this.group.feeds.delete(this);
    this.#pump.stop(
      reason === NONE ? new CoGroupClosedError("No more is consumed") : reason,
    );
  }

  resized(): void {
    this.#pump.look();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#look();
    });
  }

  get room(): number {
    const { limit, paused } = this.group.state;
    const most = paused ? 0 : limit + this.settings.ahead;
    return Math.min(most - this.books.held, MANY);
  }

  get least(): number {
    return Math.max(1, this.settings.ahead / 2);
  }

  take(message: M): void {
    const { settings, answers } = this;
    const deliveries = message.info?.deliveryCount ?? 1;
    this.books.receive(deliveries);
    const delivery = new Delivery(this, message, deliveries, this.#traits);
    if (message.working !== undefined) this.leases.start(delivery.lease);
    if (this.#pump.isStopped) answers.nak(delivery, "returned");
    else if (deliveries > settings.maxDeliveries) {
      answers.bury(delivery, tooMany(deliveries, settings.maxDeliveries));
    } else this.#bring(delivery);
  }

  broken(error: unknown): void {
    this.answers.report(error);
  }

  dry(): void {
    this.group.feeds.delete(this);
    this.#look();
  }

  /** Brings it into the group. The user's functions, or the queue, may throw. */
  #bring(delivery: Delivery<M>): void {
    const { inPlace, taskOptions } = this.settings;
    const retry = inPlace ? delivery : undefined;
    try {
      const options = taskOptions(delivery.message);
      const traits = this.#intake.traits("consume", options);
      delivery.traits = { ...traits, retry, isPlain: false };
      if (this.#intake.bring(delivery)) return;
    } catch (error) {
      return void delivery.judge(error);
    }
    this.answers.nak(delivery, "returned");
  }

  #look(): void {
    this.#pump.look();
    const isOver = this.#pump.isDry && this.books.held === 0 &&
      this.answers.open === 0;
    if (isOver) { for (const resolve of this.#waiters.splice(0)) resolve(); }
  }
}

function tooMany(deliveries: number, most: number): Error {
  return new Error(
    `The message was delivered ${deliveries} times; the most is ${most}`,
  );
}
