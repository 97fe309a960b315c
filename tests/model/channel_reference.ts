// deno-coverage-ignore-file

/**
 * What a channel should do: values, and those who wait.
 *
 * @module
 */

import type { CountedSignal } from "./signals.ts";

/** What a promise has to come to. */
export type Fate =
  | { value: unknown }
  | { reason: unknown }
  | { closed: true; unsent?: unknown };

export interface Waiter {
  kind: "send" | "receive" | "next";
  value: unknown;
  signal: CountedSignal | undefined;
  iterator: { isOver: boolean } | undefined;
  fate: Fate | undefined;
}

/** The reference: values, and those who wait. */
export class ChannelModel {
  readonly capacity: number;
  readonly values: unknown[] = [];
  senders: Waiter[] = [];
  receivers: Waiter[] = [];
  closed = false;
  reason: { is: unknown } | undefined = undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  trySend(value: unknown): boolean {
    if (this.closed) return false;
    const receiver = this.receivers.shift();
    if (receiver !== undefined) receiver.fate = { value };
    else if (this.senders.length === 0 && this.values.length < this.capacity) {
      this.values.push(value);
    } else return false;
    return true;
  }

  send(waiter: Waiter): void {
    const { value, signal } = waiter;
    if (this.closed) waiter.fate = { closed: true, unsent: value };
    else if (this.trySend(value)) waiter.fate = { value: undefined };
    else if (signal?.aborted) waiter.fate = { reason: signal.reason };
    else this.senders.push(waiter);
  }

  /** The next value, as the only element; empty if there is none. */
  take(): unknown[] {
    const taken = this.values.splice(0, 1);
    const sender = this.senders.length > 0 &&
        (taken.length === 0 || this.values.length < this.capacity)
      ? this.senders.shift()
      : undefined;
    if (sender === undefined) return taken;
    sender.fate = { value: undefined };
    if (taken.length === 0) return [sender.value];
    this.values.push(sender.value);
    return taken;
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
