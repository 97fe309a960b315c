/**
 * Runs the messages of a durable queue in a group.
 *
 * @module
 */

import { CoGroupClosedError, print, wrongType } from "../base/errors.ts";
import {
  type Deferred,
  deferred,
  type Maybe,
  NONE,
  tell,
} from "../base/promises.ts";
import { CoGroup, type Parts, partsOf } from "../cogroup.ts";
import type { Traits } from "../group/entry.ts";
import type { Feed, Group } from "../group/group.ts";
import type { Intake } from "../group/intake.ts";
import { Turn } from "../base/turn.ts";
import type { TaskContext } from "../task.ts";
import { Answers, type Held } from "./answers.ts";
import { Aside } from "./aside.ts";
import { Books, type ConsumeStats, type Fate } from "./books.ts";
import { Delivery, type Home } from "./delivery.ts";
import { Leases } from "./leases.ts";
import { deliveriesOf, type Message, type Receive } from "./message.ts";
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
   * source's, and the engine has an answer to every message, `nak` included. Does not
   * close anything. A source that gives no sign of its end, or is slow to clean up, is
   * waited for half a second; an answer as long as the lease lasts.
   *
   * @returns A promise that resolves then; it never rejects.
   */
  wait(): Promise<void>;
  /** What became of the messages, now: a snapshot. */
  readonly stats: ConsumeStats;
  /**
   * Why nothing more comes, though nobody has closed anything: the source is broken. Its
   * `cause` is what that has thrown, or rejected with, of which `onError` has heard, too.
   * Undefined as long as it is not.
   */
  readonly error: Error | undefined;
}

/**
 * Runs the messages of a durable queue in a group: at least once, and none is lost, on as
 * many machines as there are. How a message ends:
 *
 * - **The handler succeeds:** it is acked (`ackAck`, or `ack`), inside its task: the group
 *   waits for that. Where the engine does not confirm, it is told again until the lease
 *   ends; then the message counts as unconfirmed.
 * - **The handler fails, and is to be tried again:** the engine has it back (`nak`) with
 *   the delay of `retry`; with `inPlace` the group delays it, and keeps it. `onRetry` hears
 *   of it.
 * - **The last attempt fails, or an error is not retriable:** the message is dead:
 *   `onDead`, then `term`. So is one that was delivered more than `maxDeliveries` times.
 * - **Its time is over:** `ctx.signal` speaks. It is held until the handler has really
 *   ended. If that has succeeded after all, it is acked, for the work is done (though its
 *   task has timed out, and the governor hears that); else it has failed.
 * - **The group is aborted:** what has not started is given back at once (`nak`). What
 *   runs is acked; unless the abort has told it to end (`grace`), and it fails: then it is
 *   given back at once, too. So is what an async `isRetriable` or `delay` has not judged.
 * - **The lease is lost,** as the process stood still, or had no connection, for so long,
 *   or `working` says so: `ctx.signal` speaks. A success is acked all the same; after a
 *   failure the engine hears nothing, for the message is another consumer's by now.
 *
 * What is no message (it has no `nak`, say) is told to `onError`, and given back for a
 * lease, if that can be; it is in no books.
 *
 * While a message is held, queued or running, `working` is called every third of its
 * lease. When the group or the consumption is closed, no more is asked for; what is held
 * runs, and what still comes is given back. To leave, await `consumption.wait()`, then
 * `group.wait()`, and close the connection after that.
 *
 * @typeParam M The type of the messages.
 * @param group The group. Its workers run the handler. Not one with a `droppingQueue` or
 *   a `slidingQueue`: what those drop would go back and forth, and be dead at last.
 * @param source Asks the engine for messages; or an async iterable of them, which can't
 *   be told how many are wanted, and gives back nothing that it holds itself.
 * @param handler Called with each message, as a task of the group. When it has succeeded
 *   the message is acked; when it has failed the message is tried again, or is dead.
 * @param options How it is done.
 * @returns What closes it, and tells how it goes.
 * @throws {RangeError} If an option is a number out of its range.
 * @throws {TypeError} If an argument, or an option, is not of its type; or if the group's
 *   queue evicts or refuses.
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
  if (parts.group.backlog.whenFull !== "wait") {
    const wanted =
      "one whose queue neither evicts nor refuses what it is given";
    throw wrongType("consume", "group", wanted, group);
  }
  const consumer = new Consumer(parts, source, settle(handler, options));
  return {
    close: () => consumer.stop(NONE),
    wait: () => consumer.wait(),
    get stats() {
      return { ...consumer.books };
    },
    get error() {
      return consumer.error;
    },
  };
}

/** The most messages that are held beside those that there is room for. See `ahead`. */
const MOST_ASIDE = 1000;

class Consumer<M extends Message> implements Feed, Basin<M>, Home<M> {
  readonly group: Group;
  readonly settings: Settings<M>;
  readonly books: Books = new Books();
  readonly turn: Turn;
  readonly leases: Leases;
  readonly answers: Answers<M> = new Answers(this);
  readonly aside: Aside = new Aside();
  error: Error | undefined = undefined;
  readonly #intake: Intake;
  /** Those of a delivery that is not in the group. */
  readonly #traits: Traits;
  readonly #pump: Pump<M>;
  /** Resolves when nothing more comes, and nothing is held. */
  readonly #end: Deferred<void> = deferred();

  constructor(
    { group, intake }: Parts,
    source: Receive<M> | AsyncIterable<M>,
    settings: Settings<M>,
  ) {
    this.group = group;
    this.settings = settings;
    this.#intake = intake;
    const { timeout, lease } = settings;
    this.#traits = { ...intake.traits("consume", { timeout }), isPlain: false };
    this.turn = new Turn(group.settings.slice, () => this.leases.look());
    this.leases = new Leases(lease, this.turn);
    this.#pump = new Pump(this, source);
    const { feeds, state } = group;
    feeds.add(this);
    if (state.isClosed) this.stop(state.reason);
    this.#pump.run();
  }

  wait(): Promise<void> {
    return this.#end.promise;
  }

  /** The intake has ended: the group's, or that of these messages. */
  stop(reason: Maybe<unknown>): void {
    this.#pump.stop(
      reason === NONE ? new CoGroupClosedError("No more is consumed") : reason,
    );
  }

  resized(): void {
    this.#pump.look();
  }

  get room(): number {
    const { lent, limit, paused } = this.group.state;
    if (paused) return 0;
    // What can't run leaves its room to others; but it has to be held, too.
    const aside = Math.min(this.aside.size + lent, MOST_ASIDE);
    return limit + this.settings.ahead + aside - this.books.held;
  }

  get least(): number {
    return Math.max(1, this.settings.ahead / 2);
  }

  take(message: M): boolean {
    const { answers, books, leases, settings } = this;
    let deliveries: number;
    try {
      deliveries = deliveriesOf(message);
    } catch (error) {
      answers.refuse(message, error);
      return false;
    }
    books.receive(deliveries);
    const delivery = new Delivery(this, message, deliveries, this.#traits);
    leases.start(delivery);
    if (this.#pump.isStopped) answers.nak(delivery);
    else if (deliveries <= settings.maxDeliveries) {
      this.#bring(delivery, deliveries);
    } else {
      const error = new Error(`Delivered ${deliveries} times`);
      answers.bury(delivery, error);
    }
    return true;
  }

  /** Brings it into the group. The user's functions, which may end that, or the queue, may throw. */
  #bring(delivery: Delivery<M>, deliveries: number): void {
    const { inPlace, taskOptions } = this.settings;
    const retry = inPlace ? delivery : undefined;
    try {
      const options = taskOptions(delivery.message);
      const traits = this.#intake.traits("consume", options);
      delivery.options = options;
      delivery.traits = { ...traits, retry };
      delivery.line = this.aside.enter(options.key);
      if (!this.#intake.bring(delivery)) delivery.abandoned();
    } catch (error) {
      delivery.judge(error, deliveries);
    }
  }

  ended({ line }: Held<M>, fate: Fate): void {
    if (line !== undefined) this.aside.leave(line, fate === "acked");
    this.look();
  }

  get isCrowded(): boolean {
    return this.aside.size >= MOST_ASIDE;
  }

  broken(error: unknown): void {
    this.error = new Error("The source is broken", { cause: error });
    this.report(error);
  }

  retried(message: M, error: unknown, ms: number): void {
    const { onRetry } = this.settings;
    tell(() => onRetry(message, error, ms), print);
  }

  report(error: unknown, message?: M): void {
    const { onError } = this.settings;
    tell(() => onError(error, message), print);
  }

  look(): void {
    this.#pump.look();
    if (!this.#pump.isDry) return;
    this.group.feeds.delete(this);
    if (this.books.held + this.answers.open > 0) return;
    this.turn.leave();
    this.#end.resolve();
  }
}
