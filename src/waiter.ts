/**
 * Those who wait in a channel, and the signal that may end their wait.
 *
 * @module
 */

import { ChannelClosedError } from "./errors.ts";
import { Sender } from "./sender.ts";
import { Link } from "./list.ts";
import { type Cancel, unwatch } from "./signals.ts";

export class WaitingSend<T> extends Sender<T> {
  resolve!: () => void;
  reject!: (reason: unknown) => void;
  cancel: Cancel | undefined = undefined;

  override admitted(): void {
    if (this.cancel !== undefined) unwatch(this.cancel);
    this.resolve();
  }

  override refused(): void {
    if (this.cancel !== undefined) unwatch(this.cancel);
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
