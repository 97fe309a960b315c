/**
 * The queue in which tasks of one key take turns, and keys take turns.
 *
 * Every key has a lane. A lane is ready if it has a task and may give one; the
 * first ready lane gives its first task and goes to the end of those ready.
 *
 * Invariants:
 * 1. A lane is in `#ready` exactly while it has tasks and fewer than `perKey`
 *    of its tasks run: were shifted, and neither ended nor pushed again.
 * 2. A lane with a key is in `#lanes` exactly while it has tasks or some of
 *    them run. So a key's state is gone when its last task is.
 * 3. `#running` has the tasks of keys that run, each with the lane that it
 *    came from: options may have another key by then.
 *
 * @module
 */

import { count, options as checked } from "./check.ts";
import { Link, List } from "./list.ts";
import { OwnQueue, type WhenFull } from "./own_queue.ts";
import type { Queue } from "./queue.ts";
import type { QueuedTask } from "./task.ts";

/** Options of {@linkcode keyedQueue}. */
export interface KeyedQueueOptions {
  /**
   * How many tasks it holds before their senders wait: a non-negative integer
   * or Infinity. Those that run don't count.
   *
   * @default {Infinity}
   */
  capacity?: number;
  /**
   * How many tasks of one key may run at a time: a positive integer or
   * Infinity.
   *
   * @default {1}
   */
  perKey?: number;
}

/** A task in a lane, or one that runs. */
interface Ticket {
  readonly value: QueuedTask;
  readonly lane: Lane;
  /** The one behind it in its lane; or, when it runs, another run of the same task. */
  next: Ticket | undefined;
}

class Lane extends Link {
  readonly key: unknown;
  running = 0;
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

  /** Takes the first one out, of a lane that is not empty. */
  shift(): Ticket {
    const first = this.#first!;
    this.#first = first.next;
    if (first.next === undefined) this.#last = undefined;
    first.next = undefined;
    return first;
  }
}

export class KeyedQueue extends OwnQueue<QueuedTask> {
  override readonly capacity: number;
  override readonly whenFull: WhenFull = "wait";
  readonly #perKey: number;
  readonly #lanes = new Map<unknown, Lane>();
  #ready = new List<Lane>();
  readonly #running = new Map<QueuedTask, Ticket>();
  #size = 0;

  constructor(capacity: number, perKey: number) {
    super();
    this.capacity = capacity;
    this.#perKey = perKey;
  }

  override get size(): number {
    return this.#size;
  }

  /** How many keys it knows of. */
  get keys(): number {
    return this.#lanes.size;
  }

  override push(value: QueuedTask): void {
    const again = this.#endRun(value);
    if (again !== undefined) {
      this.#size++;
      again.lane.unshift(again);
      this.#enlist(again.lane);
      return;
    }
    const lane = this.#laneOf(value.options?.key); // May throw: before it counts.
    this.#size++;
    lane.push({ value, lane, next: undefined });
    this.#enlist(lane);
  }

  override peek(): QueuedTask | undefined {
    return this.#ready.first?.first?.value;
  }

  override shift(): QueuedTask | undefined {
    const lane = this.#ready.shift();
    if (lane === undefined) return undefined;
    const ticket = lane.shift();
    this.#size--;
    if (lane.key !== undefined) this.#beginRun(ticket);
    this.#enlist(lane);
    return ticket.value;
  }

  /** Not a turn of its lane, which stays where it is while it has more. */
  override discard(): void {
    const lane = this.#ready.first!;
    lane.shift();
    this.#size--;
    if (!lane.isEmpty) return;
    this.#ready.delete(lane);
    this.#dismiss(lane);
  }

  /** Those that could be given now take turns first, then those of keys at their limit. */
  override drain(): QueuedTask[] {
    const turns = this.#ready;
    this.#ready = new List();
    for (const lane of this.#lanes.values()) {
      if (lane.list === undefined && !lane.isEmpty) turns.push(lane);
    }
    const values: QueuedTask[] = [];
    for (let lane = turns.shift(); lane; lane = turns.shift()) {
      values.push(lane.shift().value);
      if (!lane.isEmpty) turns.push(lane);
      else this.#dismiss(lane);
    }
    this.#size = 0;
    return values;
  }

  override done(value: QueuedTask): void {
    const ticket = this.#endRun(value);
    if (ticket === undefined) return;
    this.#enlist(ticket.lane);
    this.#dismiss(ticket.lane);
  }

  /** A task without a key has a lane of its own. */
  #laneOf(key: unknown): Lane {
    if (key === undefined) return new Lane(key);
    let lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, lane = new Lane(key));
    return lane;
  }

  #beginRun(ticket: Ticket): void {
    ticket.lane.running++;
    ticket.next = this.#running.get(ticket.value);
    this.#running.set(ticket.value, ticket);
  }

  /** The ticket with which the task runs, if it does. */
  #endRun(value: QueuedTask): Ticket | undefined {
    const ticket = this.#running.get(value);
    if (ticket === undefined) return undefined;
    if (ticket.next === undefined) this.#running.delete(value);
    else this.#running.set(value, ticket.next);
    ticket.next = undefined;
    ticket.lane.running--;
    return ticket;
  }

  /** Invariant 1, for a lane that may have become ready. */
  #enlist(lane: Lane): void {
    if (lane.list !== undefined || lane.isEmpty) return;
    if (lane.running < this.#perKey) this.#ready.push(lane);
  }

  /** Invariant 2, for a lane that may have become useless. */
  #dismiss(lane: Lane): void {
    if (lane.isEmpty && lane.running === 0) this.#lanes.delete(lane.key);
  }
}

/**
 * Tasks of one `key` run one at a time (or `perKey`) and start in the order in
 * which they came; the keys take turns, however many tasks each of them has.
 * So what belongs together stays in order, and one busy customer does not
 * starve the others. O(1) in and out, and a key costs nothing when its last
 * task is done.
 *
 * - **A retry** keeps the turn of its task: while it is delayed it holds its
 *   key, and then it is the first of it.
 * - **Without a key** a task waits for no other; it takes its turn among the
 *   keys like a key of its own.
 * - **In a {@linkcode Channel}**, which knows nothing of an end, the keys take
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
 * @param options Its capacity, and how many tasks of one key may run.
 * @returns An empty queue.
 * @throws {RangeError} If `capacity` is neither a non-negative integer nor
 *   Infinity, or `perKey` neither a positive one nor Infinity.
 * @throws {TypeError} If an option is of a wrong type.
 */
export function keyedQueue(
  options: KeyedQueueOptions = {},
): Queue<QueuedTask> {
  const doing = "create queue";
  const { capacity = Infinity, perKey = 1 } = checked(doing, options)!;
  return new KeyedQueue(
    count(doing, "capacity", capacity, 0),
    count(doing, "perKey", perKey, 1),
  );
}
