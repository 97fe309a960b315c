/**
 * A group's way to its governor: a permit for the next start, asked for when
 * there is something to start, and given back when there is not.
 *
 * Invariants:
 * 1. There is a spare permit, or one is waited for, or neither; never both, and
 *    never two. So an idle worker holds no permit, and a group that waits holds
 *    up nobody but itself.
 * 2. Nothing that the governor throws gets out of here: the group is told.
 * 3. The governor is called by `open`, `leave` and `#ask` alone, and they by
 *    the group's own workers: so in its async context (law 13), and never in
 *    the middle of a start or of an end.
 *
 * @module
 */

import { wrongType } from "./errors.ts";
import type { Governor, Permit } from "./governor.ts";

/** What the gate tells the group. */
export interface GateKeeper {
  /** There is a permit now that was not there before. */
  onOpen: () => void;
  /** The governor has thrown. */
  onBroken: (error: unknown) => void;
}

export class Gate {
  readonly #governor: Governor;
  readonly #keeper: GateKeeper;
  #spare: Permit | undefined = undefined;
  #wait: AbortController | undefined = undefined;
  /** Permits of what has ended, and whether it failed. */
  readonly #ended: [permit: Permit, failed: boolean][] = [];

  constructor(governor: Governor, keeper: GateKeeper) {
    this.#governor = governor;
    this.#keeper = keeper;
  }

  /** Whether there is a permit for one start. */
  get isOpen(): boolean {
    return this.#spare !== undefined;
  }

  /** The same; if there is none, asks for one, and waits if it has to. */
  open(): boolean {
    this.#giveBack();
    if (this.#spare !== undefined) return true;
    if (this.#wait !== undefined) return false;
    try {
      const given = this.#governor.tryAcquire();
      if (given !== undefined) this.#spare = checked(given);
    } catch (error) {
      this.#keeper.onBroken(error);
      return false;
    }
    if (this.#spare !== undefined) return true;
    this.#ask();
    return false;
  }

  /** The permit of a gate that is open, for a start. */
  take(): Permit {
    const permit = this.#spare!;
    this.#spare = undefined;
    return permit;
  }

  /** There is nothing to start: others may need the permits. False if there are none. */
  leave(): boolean {
    const wait = this.#wait;
    this.#wait = undefined;
    if (this.#spare !== undefined) this.#ended.push([this.take(), false]);
    const isLeft = wait !== undefined || this.#ended.length > 0;
    this.#giveBack();
    wait?.abort();
    return isLeft;
  }

  /** What the permit was for has ended; it is given back a little later. */
  release(permit: Permit, failed: boolean): void {
    this.#ended.push([permit, failed]);
    this.#keeper.onOpen();
  }

  #giveBack(): void {
    for (let ended = this.#ended.pop(); ended; ended = this.#ended.pop()) {
      const [permit, failed] = ended;
      try {
        permit.release(failed);
      } catch (error) {
        this.#keeper.onBroken(error);
      }
    }
  }

  async #ask(): Promise<void> {
    const wait = this.#wait = new AbortController();
    try {
      const { signal } = wait;
      const granted = checked(await this.#governor.acquire({ signal }));
      if (this.#wait !== wait) return this.release(granted, false);
      this.#wait = undefined;
      this.#spare = granted;
      this.#keeper.onOpen();
    } catch (error) {
      // To have given up waiting is what the one that left wanted.
      if (this.#wait !== wait) return;
      this.#wait = undefined;
      this.#keeper.onBroken(error);
    }
  }
}

function checked(permit: Permit): Permit {
  if (typeof permit?.release === "function") return permit;
  throw wrongType("start task", "what the governor gives", "a Permit", permit);
}
