/**
 * The queue in which tasks of one key take turns, and keys take turns.
 *
 * Every key has a lane. A lane is ready if it has a task and may give one; the
 * first ready lane gives its first task and goes to the end of the ready ones. If its
 * governor has no permit for that, the lane waits for one, and the next lane is first.
 *
 * Invariants:
 * 1. A lane is in `#ready` exactly while it has tasks, fewer than `perKey` of its tasks
 *    run, and it does not wait for a permit. A task runs from its shift until it is
 *    done or pushed again.
 * 2. A lane with a key is in `#lanes` exactly while it has tasks, queued or
 *    running, or is in `#cooling`: that has those with governors until there is nothing
 *    to remember. WARNING: not even then at once, where the tasks were taken out: they may
 *    come back in the same step, to the same governor.
 * 3. `#running` has the running tasks that have a key, each with the lane that it
 *    came from: its options may have another key by now.
 *
 * @module
 */

import type { Governor } from "../governor.ts";
import { callable, count, options as checked } from "../base/check.ts";
import { Link, List } from "../base/list.ts";
import { type Maybe, NONE } from "../base/promises.ts";
import { Cooling } from "./cooling.ts";
import {
  type KeyGate,
  type KeyPermit,
  own,
  type OwnQueue,
  type Queue,
  type QueueOwner,
  type WhenFull,
} from "./queue.ts";
import type { QueuedTask } from "../task.ts";

/**
 * Options of {@linkcode keyedQueue}.
 *
 * @example At most two at once of a host
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, keyedQueue, type KeyedQueueOptions } from "@cogroup/cogroup";
 *
 * const options: KeyedQueueOptions = { perKey: 2 };
 * const group = new CoGroup({ concurrency: 8, queue: keyedQueue(options) });
 * let most = 0;
 * for (let i = 0; i < 5; i++) {
 *   group.add(async () => {
 *     most = Math.max(most, group.inFlight);
 *     await Promise.resolve();
 *   }, { key: "example.org" });
 * }
 * await group.wait();
 * assert.equal(most, 2);
 * ```
 */
export interface KeyedQueueOptions {
  /**
   * How many tasks it holds before their senders wait: a non-negative integer
   * or Infinity. Running tasks do not count.
   *
   * @default {Infinity}
   */
  capacity?: number | undefined;
  /**
   * How many tasks of one key may run at a time: a positive integer or
   * Infinity.
   *
   * @default {1}
   */
  perKey?: number | undefined;
  /**
   * Gives the governor of a key: when its tasks may start, and how many may run. A key
   * whose governor says no is passed by, and holds up no other. A permit is held for
   * every attempt of every task that has a key. Only in a {@linkcode CoGroup}: to queue a
   * task elsewhere is a TypeError.
   *
   * Called when a key comes that the queue does not know. It forgets a key with the last
   * task, as soon as the governor has nothing to remember: no permit, no start of the
   * last `interval`, no pause. What an `adaptiveLimit` has learnt, and what a governor of
   * your own remembers, does not count: keep those yourself, by their keys, and give
   * the same one again. A governor of your own gives its permit when the key may start: it is kept until a worker is
   * free.
   *
   * @param key The key of the task, which is never undefined.
   * @returns The governor. It may be shared by several keys, but not be the group's own.
   *
   * @example One start a second for each host, and a pause for one of them
   * ```ts
   * import assert from "node:assert/strict";
   * import { CoGroup, keyedQueue, type RateLimit, rateLimit } from "@cogroup/cogroup";
   *
   * const rates = new Map<unknown, RateLimit>();
   * const queue = keyedQueue({
   *   governor: (host) => {
   *     const rate = rateLimit({ limit: 1, interval: 1000 });
   *     rates.set(host, rate);
   *     return rate;
   *   },
   * });
   * const group = new CoGroup({ concurrency: 8, queue });
   * const log: string[] = [];
   * for (const key of ["a.org", "a.org", "b.org"]) {
   *   group.add(() => void log.push(key), { key });
   * }
   * rates.get("b.org")?.pauseFor(10); // As it said 429.
   * await new Promise((resolve) => setTimeout(resolve, 100));
   * assert.deepEqual(log, ["a.org", "b.org"]);
   * assert.equal(group.clear().length, 1);
   * ```
   */
  governor?: ((key: unknown) => Governor) | undefined;
}

type KeyGovernor = NonNullable<KeyedQueueOptions["governor"]>;

/** A task in a lane, or one that runs. */
interface Ticket {
  readonly value: QueuedTask;
  readonly lane: Lane;
  /** The ticket behind it in its lane; while its task runs, another run of that task. */
  next: Ticket | undefined;
  /** How much it takes of its key's limit. */
  readonly weight: number;
  /** What its key's governor has given for the attempt that runs. */
  permit: KeyPermit | undefined;
}

class Lane extends Link {
  readonly key: unknown;
  running = 0;
  governor: Governor | undefined = undefined;
  /** The way to its governor, if it has one. */
  gate: KeyGate | undefined = undefined;
  isWaiting = false;
  #first: Ticket | undefined = undefined;
  #last: Ticket | undefined = undefined;

  constructor(key: unknown) {
    super();
    this.key = key;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  get first(): Ticket | undefined {
    return this.#first;
  }

  push(ticket: Ticket): void {
    if (this.#last === undefined) this.#first = ticket;
    else this.#last.next = ticket;
    this.#last = ticket;
  }

  unshift(ticket: Ticket): void {
    ticket.next = this.#first;
    this.#first = ticket;
    this.#last ??= ticket;
  }

  /** Takes the first ticket out. The lane must not be empty. */
  shift(): Ticket {
    const first = this.#first!;
    this.#first = first.next;
    if (first.next === undefined) this.#last = undefined;
    first.next = undefined;
    return first;
  }

  clear(): void {
    this.#first = this.#last = undefined;
  }
}

export class KeyedQueue implements OwnQueue<QueuedTask> {
  readonly capacity: number;
  readonly whenFull: WhenFull = "wait";
  readonly #perKey: number;
  readonly #lanes = new Map<unknown, Lane>();
  readonly #governor: KeyGovernor | undefined;
  #owner: QueueOwner | undefined = undefined;
  #error: Maybe<unknown> = NONE;
  readonly #ready = new List<Lane>();
  /** Lanes that were told of a permit, which is kept for them. */
  readonly #told = new Set<Lane>();
  readonly #cooling = new Cooling<Lane>((lane) => this.#forget(lane));
  /** How many lanes each governor has. */
  readonly #governed = new Map<Governor, number>();
  readonly #running = new Map<QueuedTask, Ticket>();
  #size = 0;

  // Only there if keys have governors: the group asks for them at each start.
  declare attach?: (owner: QueueOwner) => void;
  declare lost?: (value: QueuedTask) => AbortSignal | undefined;

  constructor(capacity: number, perKey: number, governor?: KeyGovernor) {
    this.capacity = capacity;
    this.#perKey = perKey;
    this.#governor = governor;
    if (governor === undefined) return;
    this.attach = (owner) => {
      this.#owner = owner;
    };
    this.lost = (value) => this.#running.get(value)?.permit?.lost;
  }

  get size(): number {
    return this.#size;
  }

  /** How many keys it knows of. */
  get keys(): number {
    return this.#lanes.size;
  }

  push(value: QueuedTask): void {
    const again = this.#endRun(value);
    if (again !== undefined) {
      const { lane } = again;
      // What waits for a permit may be of another weight.
      if (lane.isWaiting) this.#leave(lane, lane.gate!);
      this.#size++;
      lane.unshift(again);
      this.#enlist(again.lane);
      return;
    }
    const { options } = value; // First: a getter may throw.
    const lane = this.#laneOf(options?.key);
    const weight = this.#weightOf(lane, options);
    this.#size++;
    lane.push({ value, lane, next: undefined, weight, permit: undefined });
    this.#enlist(lane);
  }

  peek(): QueuedTask | undefined {
    return this.#next()?.first?.value;
  }

  shift(): QueuedTask | undefined {
    const lane = this.#next();
    if (lane === undefined) return undefined;
    const { gate, first } = lane;
    if (gate !== undefined) {
      first!.permit = gate.take(first!.weight);
      this.#told.delete(lane);
    }
    this.#ready.delete(lane);
    const ticket = lane.shift();
    this.#size--;
    if (lane.key !== undefined) this.#beginRun(ticket);
    this.#enlist(lane);
    this.#cooling.look(2);
    return ticket.value;
  }

  /** That is no turn of the lane, which stays where it is while it has more. */
  discard(): void {
    const lane = this.#ready.first!;
    lane.shift();
    this.#size--;
    if (!lane.isEmpty) return;
    this.#ready.delete(lane);
    this.#dismiss(lane);
  }

  ended(value: QueuedTask, failed: boolean): void {
    const ticket = this.#running.get(value);
    if (ticket !== undefined) this.#release(ticket, failed);
  }

  rest(): void {
    for (const lane of this.#told) {
      this.#told.delete(lane);
      lane.gate!.leave();
    }
  }

  /** Those that could be given now take turns first, then those of keys at their limit. */
  all(): QueuedTask[] {
    const tickets = this.#taking.map(({ first }) => first!);
    // It grows as the keys take turns.
    for (const { next } of tickets) if (next !== undefined) tickets.push(next);
    return tickets.map(({ value }) => value);
  }

  clear(): QueuedTask[] {
    const values = this.all();
    this.#error = NONE;
    for (const lane of this.#taking) {
      this.#ready.delete(lane);
      lane.clear();
      this.#retire(lane);
    }
    this.#size = 0;
    return values;
  }

  done(value: QueuedTask): void {
    const ticket = this.#endRun(value);
    if (ticket === undefined) return;
    this.#enlist(ticket.lane);
    this.#dismiss(ticket.lane);
    this.#cooling.look(2); // More than one comes at most: so they are as few as need be.
  }

  withdrawn(value: QueuedTask): void {
    const lane = this.#lanes.get(value.options?.key);
    if (lane?.isWaiting !== true || lane.first!.value !== value) return;
    this.#leave(lane, lane.gate!); // It waits for a permit of that task's weight.
    this.#enlist(lane);
  }

  /** The lanes that have tasks, as they take turns. */
  get #taking(): Lane[] {
    const lanes: Lane[] = [];
    let lane = this.#ready.first;
    for (; lane !== undefined; lane = lane.after as Lane | undefined) {
      lanes.push(lane);
    }
    for (const lane of this.#lanes.values()) {
      if (lane.list === undefined && !lane.isEmpty) lanes.push(lane);
    }
    return lanes;
  }

  /** A task without a key has a lane of its own. */
  #laneOf(key: unknown): Lane {
    if (key === undefined) return new Lane(key);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(key);
      if (this.#governor !== undefined) this.#govern(lane, this.#governor);
      this.#lanes.set(key, lane);
    } else this.#cooling.delete(lane);
    return lane;
  }

  #govern(lane: Lane, governor: KeyGovernor): void {
    if (this.#owner === undefined) {
      throw new TypeError(
        "Cannot queue task: a keyedQueue with governors is for a CoGroup",
      );
    }
    const its = governor(lane.key);
    lane.gate = this.#owner.gateTo(its, lane.key, {
      onFree: () => {
        lane.isWaiting = false;
        this.#told.add(lane);
        this.#enlist(lane);
        this.#owner!.onReady();
      },
      onBroken: (error) => {
        this.#error = error;
        this.#owner!.onReady();
      },
    });
    lane.governor = its;
    this.#governed.set(its, (this.#governed.get(its) ?? 0) + 1);
  }

  /** Throws, and leaves nothing behind, if the task can never have a permit. */
  #weightOf(lane: Lane, options: QueuedTask["options"]): number {
    if (lane.gate === undefined) return 1;
    try {
      return lane.gate.checkedWeight(options?.weight);
    } catch (error) {
      this.#dismiss(lane);
      throw error;
    }
  }

  /** The lane that gives the next task. Those before it, whose governors say no, wait from now on. */
  #next(): Lane | undefined {
    if (this.#error !== NONE) throw this.#error;
    for (let lane; (lane = this.#ready.first) !== undefined;) {
      const { gate } = lane;
      const { value, weight } = lane.first!;
      // One that will not be used is given at once: to be discarded.
      if (gate === undefined || !this.#owner!.isLive(value)) return lane;
      if (gate.offers(weight)) return lane;
      this.#ready.delete(lane);
      this.#told.delete(lane);
      lane.isWaiting = true;
      gate.wait(weight);
    }
    return undefined;
  }

  #beginRun(ticket: Ticket): void {
    ticket.lane.running++;
    ticket.next = this.#running.get(ticket.value);
    this.#running.set(ticket.value, ticket);
  }

  /** Ends a run of the task, if it runs, and returns the ticket of that. */
  #endRun(value: QueuedTask): Ticket | undefined {
    const ticket = this.#running.get(value);
    if (ticket === undefined) return undefined;
    if (ticket.next === undefined) this.#running.delete(value);
    else this.#running.set(value, ticket.next);
    ticket.next = undefined;
    ticket.lane.running--;
    this.#release(ticket, false); // In a group it was, at the end of the attempt.
    return ticket;
  }

  /** A governor of the user's own may throw: the next look finds that. */
  #release(ticket: Ticket, failed: boolean): void {
    const { permit } = ticket;
    ticket.permit = undefined;
    try {
      permit?.release(failed);
    } catch (error) {
      this.#error = error;
    }
  }

  /** Keeps invariant 1, for a lane that may have become ready. */
  #enlist(lane: Lane): void {
    if (lane.list !== undefined || lane.isEmpty || lane.isWaiting) return;
    if (lane.running < this.#perKey) this.#ready.push(lane);
  }

  /** Keeps invariant 2, for a lane that may have become useless. */
  #dismiss(lane: Lane): void {
    this.#retire(lane);
    if (lane.list === undefined || !lane.isEmpty) return;
    if (this.#forget(lane)) this.#cooling.delete(lane);
  }

  /** The lane may have no tasks any more. */
  #retire(lane: Lane): void {
    if (!lane.isEmpty) return;
    const { gate } = lane;
    if (gate !== undefined) this.#leave(lane, gate);
    if (lane.running > 0) return;
    if (gate === undefined) this.#lanes.delete(lane.key);
    else this.#cooling.add(lane);
  }

  /** Forgets a lane without tasks, unless its governor has something to remember that no other lane has. */
  #forget(lane: Lane): boolean {
    const { governor, gate, key } = lane;
    const others = this.#governed.get(governor!)! - 1;
    if (others === 0 && !gate!.isAsNew) return false;
    if (others === 0) this.#governed.delete(governor!);
    else this.#governed.set(governor!, others);
    this.#lanes.delete(key);
    return true;
  }

  #leave(lane: Lane, gate: KeyGate): void {
    lane.isWaiting = false;
    this.#told.delete(lane);
    gate.leave();
  }
}

/**
 * Tasks of one `key` run one at a time (or `perKey` at a time) and start in the order
 * in which they came; the keys take turns, however many tasks each of them has.
 * So what belongs together stays in order, and one busy customer does not
 * starve the others. O(1) in and out, and a key costs nothing when its last
 * task is done.
 *
 * - **A retry** keeps the turn of its task: a delayed task holds its key, and then
 *   is the first of it.
 * - **Without a key** a task waits for no other; it takes its turn among the
 *   keys like a key of its own.
 * - **In a {@linkcode Channel}**, which never tells that a value is done, the keys take
 *   turns, and `perKey` limits nothing.
 *
 * @example One at a time for each customer, and the customers take turns
 * ```ts
 * import assert from "node:assert/strict";
 * import { keyedQueue } from "@cogroup/cogroup";
 *
 * const queue = keyedQueue();
 * const log: string[] = [];
 * for (const name of ["Ann 1", "Ann 2", "Ann 3", "Bo 1"]) {
 *   const key = name.split(" ")[0];
 *   queue.push({ task: () => log.push(name), options: { key } });
 * }
 *
 * const ann1 = queue.shift()!;
 * const bo1 = queue.shift()!;
 * assert.equal(bo1.options?.key, "Bo");
 * assert.equal(queue.shift(), undefined); // Ann's second has to wait
 * queue.done!(ann1); // until her first has ended.
 * assert.equal(queue.shift()?.options?.key, "Ann");
 * ```
 *
 * @param options Its capacity, how many tasks of one key may run, and when.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is neither a non-negative integer nor
 *   Infinity, or `perKey` neither a positive one nor Infinity.
 * @throws {TypeError} If an option is of a wrong type.
 */
export function keyedQueue(
  options: KeyedQueueOptions = {},
): Queue<QueuedTask> {
  const doing = "create queue";
  const { capacity = Infinity, perKey = 1, governor } = checked(
    doing,
    options,
  )!;
  if (governor !== undefined) callable(doing, "governor", governor);
  count(doing, "capacity", capacity, 0);
  count(doing, "perKey", perKey, 1);
  return own(new KeyedQueue(capacity, perKey, governor));
}
