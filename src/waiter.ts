/**
 * Those who wait in a channel, and the signal that may end their wait.
 *
 * @module
 */

import { ChannelClosedError } from "./errors.ts";
import { Sender } from "./sender.ts";
import { Link } from "./list.ts";
import { Cancel, unwatch, watch } from "./signals.ts";

/** Someone whose wait a signal may end. */
interface Waiter {
  reject: (reason: unknown) => void;
  cancel: Cancel | undefined;
}

/** Has the signal, if there is one, end the wait; `leave` is called before that. */
export function endBy(
  signal: AbortSignal | undefined,
  waiter: Waiter,
  leave: () => void,
): void {
  if (signal === undefined) return;
  waiter.cancel = new Cancel((reason) => {
    leave();
    waiter.reject(reason);
  });
  watch(signal, waiter.cancel);
}

export class WaitingSend<T> extends Sender<T> {
  resolve!: () => void;
  reject!: (reason: unknown) => void;
  cancel: Cancel | undefined = undefined;

  override admitted(): void {
    unwatch(this.cancel);
    this.resolve();
  }

  override refused(): void {
    unwatch(this.cancel);
    this.reject(
      new ChannelClosedError("Cannot send to a closed channel", this.value),
    );
  }
}

export class Receiver<T> extends Link {
  deliver!: (value: T) => void;
  reject!: (reason: unknown) => void;
  /** Set by an iterator, for which a close without a reason is no error. */
  end: (() => void) | undefined = undefined;
  cancel: Cancel | undefined = undefined;
}
