// deno-coverage-ignore-file

/**
 * What a channel should do: values, and those who wait.
 *
 * @module
 */

import type { QueueSpec } from "./program.ts";
import type { Placed, QueueModel } from "./queue_reference.ts";
import { queueModel } from "./queues.ts";
import type { CountedSignal } from "./signals.ts";

/** What is sent: a task, as far as a queue looks at it. */
export interface Sent extends Placed {
  readonly task: () => void;
  readonly options: { key: unknown; priority: number };
}

/** What a promise has to come to. */
export type Fate =
  | { value: unknown }
  | { reason: unknown }
  | { closed: true; unsent?: unknown };

export interface Waiter {
  kind: "send" | "receive" | "next";
  value: Sent | undefined;
  signal: CountedSignal | undefined;
  iterator: { isOver: boolean } | undefined;
  fate: Fate | undefined;
}

/** The reference: values, and those who wait. */
export class ChannelModel {
  readonly capacity: number;
  readonly #queue: QueueModel<Sent>;
  values: Sent[] = [];
  senders: Waiter[] = [];
  receivers: Waiter[] = [];
  closed = false;
  reason: { is: unknown } | undefined = undefined;

  constructor(queue: QueueSpec) {
    this.capacity = queue.capacity;
    this.#queue = queueModel(queue);
  }

  trySend(value: Sent): boolean {
    if (this.closed) return false;
    const receiver = this.receivers.shift();
    if (receiver !== undefined) receiver.fate = { value };
    else if (this.senders.length > 0) return false;
    else if (this.values.length < this.capacity) this.#push(value);
    else if (this.#queue.whenFull === "evict") {
      this.#shift();
      this.#push(value);
    } else return false;
    return true;
  }

  send(waiter: Waiter): void {
    const { value, signal } = waiter;
    if (this.closed) waiter.fate = { closed: true, unsent: value };
    else if (this.trySend(value!) || this.#queue.whenFull === "refuse") {
      waiter.fate = { value: undefined };
    } else if (signal?.aborted) waiter.fate = { reason: signal.reason };
    else this.senders.push(waiter);
  }

  /** The next value, as the only element; empty if there is none. */
  take(): Sent[] {
    if (this.values.length === 0 && this.senders.length > 0) this.#admit();
    const taken = this.values.length > 0 ? [this.#shift()] : [];
    while (this.senders.length > 0 && this.values.length < this.capacity) {
      this.#admit();
    }
    return taken;
  }

  #admit(): void {
    const sender = this.senders.shift()!;
    sender.fate = { value: undefined };
    this.#push(sender.value!);
  }

  #push(value: Sent): void {
    this.values.push(value);
    this.#changed();
  }

  /** Takes the next one out. Its end is not told, and so it keeps no key. */
  #shift(): Sent {
    const [value] = this.#queue.next({ jobs: this.values, begun: [] });
    this.values = this.values.filter((other) => other !== value);
    this.#queue.left(value!, "started");
    this.#changed();
    return value!;
  }

  #changed(): void {
    this.#queue.changed({ jobs: this.values, begun: [] });
  }

  receive(waiter: Waiter): void {
    const { iterator, signal } = waiter;
    if (iterator?.isOver) return void (waiter.fate = { value: undefined });
    const taken = this.take();
    if (taken.length > 0) waiter.fate = { value: taken[0] };
    else if (this.closed) this.#turnAway(waiter);
    else if (signal?.aborted) waiter.fate = { reason: signal.reason };
    else this.receivers.push(waiter);
  }

  close(reason: { is: unknown } | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.reason = reason;
    for (const sender of this.senders.splice(0)) {
      sender.fate = { closed: true, unsent: sender.value };
    }
    for (const receiver of this.receivers.splice(0)) this.#turnAway(receiver);
  }

  abort(signal: CountedSignal): void {
    for (const waiter of [...this.senders, ...this.receivers]) {
      if (waiter.signal === signal) waiter.fate = { reason: signal.reason };
    }
    this.senders = this.senders.filter(({ fate }) => fate === undefined);
    this.receivers = this.receivers.filter(({ fate }) => fate === undefined);
  }

  #turnAway(waiter: Waiter): void {
    const { iterator } = waiter;
    if (this.reason !== undefined) waiter.fate = { reason: this.reason.is };
    else if (iterator === undefined) waiter.fate = { closed: true };
    else waiter.fate = { value: undefined };
    if (iterator !== undefined) iterator.isOver = true;
  }
}
