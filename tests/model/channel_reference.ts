// deno-coverage-ignore-file

/**
 * What channels should do, and `select` over some of them: values, and those who wait.
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
  | { value: unknown; from?: ChannelModel }
  | { ended: ChannelModel }
  | { reason: unknown }
  | { closed: true; unsent?: unknown };

export interface Waiter {
  kind: "send" | "receive" | "next" | "select";
  value: Sent | undefined;
  signal: CountedSignal | undefined;
  iterator: IteratorModel | undefined;
  /** The channels in which a select waits, or would. */
  among: ChannelModel[] | undefined;
  fate: Fate | undefined;
}

/** An iterator, and its `next`s that wait: the first one in the channel, the others behind it. */
export interface IteratorModel {
  isOver: boolean;
  waiting: Waiter[];
}

let serves = 0;

/** The reference: values, and those who wait. */
export class ChannelModel {
  readonly capacity: number;
  readonly #queue: QueueModel<Sent>;
  values: Sent[] = [];
  senders: Waiter[] = [];
  receivers: Waiter[] = [];
  closed = false;
  reason: { is: unknown } | undefined = undefined;
  /** How many times a select was served before it was by this one. */
  served = 0;
  /** How often a select, since then, had something here and took another's. */
  passed = 0;
  dropped: Sent[] = [];

  constructor(queue: QueueSpec) {
    this.capacity = queue.capacity;
    this.#queue = queueModel(queue);
  }

  trySend(value: Sent): boolean {
    if (this.closed) return false;
    const receiver = this.receivers.shift();
    if (receiver !== undefined) this.#deliver(receiver, value);
    else if (this.senders.length > 0) return false;
    else if (this.values.length < this.capacity) this.#push(value);
    else if (this.#queue.whenFull === "evict") {
      this.dropped.push(this.#shift());
      this.#push(value);
    } else {
      if (this.#queue.whenFull === "refuse") this.dropped.push(value);
      return false;
    }
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
    if (iterator !== undefined && iterator.waiting.push(waiter) > 1) return;
    const taken = this.take();
    if (taken.length > 0) this.#deliver(waiter, taken[0]!);
    else if (this.closed) this.#turnAway(waiter);
    else if (signal?.aborted) waiter.fate = { reason: signal.reason };
    else this.receivers.push(waiter);
  }

  /** Whether there is something now: a value, or the end. */
  get isReady(): boolean {
    return this.closed || this.values.length > 0 || this.senders.length > 0;
  }

  /** The channel that has something and has not served a select for the longest time. */
  static select(waiter: Waiter): void {
    const { among, signal } = waiter;
    const ready = [...new Set(among!.filter(({ isReady }) => isReady))];
    if (ready.length === 0) {
      if (signal?.aborted) waiter.fate = { reason: signal.reason };
      else for (const channel of among!) channel.receivers.push(waiter);
      return;
    }
    const first = ready.reduce((a, b) => b.served < a.served ? b : a);
    for (const channel of ready) channel.passed++;
    const [value, ...none] = first.take();
    if (value === undefined && none.length === 0) first.#turnAway(waiter);
    else first.#deliver(waiter, value!);
  }

  /** A select has its result: it waits nowhere any more. */
  #served(waiter: Waiter): void {
    for (const other of waiter.among!) {
      other.receivers = other.receivers.filter((r) => r !== waiter);
    }
    this.served = ++serves;
    this.passed = 0;
  }

  #deliver(waiter: Waiter, value: Sent): void {
    waiter.fate = { value };
    if (waiter.kind === "select") {
      waiter.fate = { value, from: this };
      this.#served(waiter);
    }
    if (waiter.iterator === undefined) return;
    const { waiting } = waiter.iterator;
    waiting.shift();
    if (waiting.length > 0) this.receivers.push(waiting[0]!);
  }

  leave(iterator: IteratorModel): void {
    this.receivers = this.receivers.filter((r) => r.iterator !== iterator);
    this.#end(iterator);
  }

  #end(iterator: IteratorModel): void {
    iterator.isOver = true;
    for (const w of iterator.waiting.splice(0)) w.fate ??= { value: undefined };
  }

  close(reason: { is: unknown } | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.reason = reason;
    for (const sender of this.senders.splice(0)) {
      sender.fate = { closed: true, unsent: sender.value };
    }
    while (this.receivers.length > 0) this.#turnAway(this.receivers.shift()!);
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
    if (waiter.kind === "select") this.#served(waiter);
    if (this.reason !== undefined) waiter.fate = { reason: this.reason.is };
    else if (waiter.kind === "select") waiter.fate = { ended: this };
    else if (iterator === undefined) waiter.fate = { closed: true };
    else waiter.fate = { value: undefined };
    if (iterator !== undefined) this.#end(iterator);
  }
}
