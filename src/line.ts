/**
 * Values in a queue, and behind them those who wait for room with a value in
 * hand: what a channel and a group have in common. It never calls back at a
 * bad moment: a {@linkcode Sender} is told of its fate when the line is in order.
 *
 * Invariants:
 * 1. While nobody waits, nothing is behind the queue; while somebody does, the
 *    first sender is one that waits for room, never a {@linkcode Kept} value.
 *    `admit`, `leave` and `dismiss` restore this.
 * 2. `size` is the number of values that were taken in and are not given away,
 *    forgotten or drained: in the queue, on their way back into it, or kept
 *    behind a sender.
 * 3. A forgotten value stays where it is until it comes up, or until more than
 *    half of what is here is forgotten, whichever is first: O(1) each (law 9).
 * 4. Where the queue evicts or refuses nobody waits, and no place is held: what
 *    becomes of a value is known in the call that brings it.
 *
 * @module
 */

import { Fifo } from "./fifo_queue.ts";
import { type Maybe, NONE } from "./maybe.ts";
import { OwnQueue } from "./own_queue.ts";
import type { Queue } from "./queue.ts";
import { type Sender, Senders } from "./sender.ts";

/** Forgotten values are not worth a clean-up below this number. */
const FEW = 32;

export class Line<T> {
  readonly #queue: Queue<T>;
  readonly #isLive: ((value: T) => boolean) | undefined;
  readonly #onEvict: ((value: T) => void) | undefined;
  readonly #idle: (() => number) | undefined;
  /** Whether nobody waits here (invariant 4). */
  readonly #isStrict: boolean;
  /** Whether to be kept behind who waits is to be in order. */
  readonly #isFifo: boolean;
  readonly #senders = new Senders<T>();
  #reserved = 0;
  #forgotten = 0;
  /** On their way back into the queue, the last one first: its `push` may call back. */
  readonly #moving: T[] = [];

  /**
   * `isLive` tells a value that counts from one that was forgotten, if any are.
   * `onEvict` hears of a live one that was taken out to make room, before what
   * it makes room for is in; it must leave the line alone. `idle` tells how many
   * takers there are for whom there is room beyond the capacity.
   */
  constructor(
    queue: Queue<T>,
    isLive?: (value: T) => boolean,
    onEvict?: (value: T) => void,
    idle?: () => number,
  ) {
    this.#queue = queue;
    this.#isLive = isLive;
    this.#onEvict = onEvict;
    this.#idle = idle;
    this.#isStrict = this.whenFull !== "wait";
    this.#isFifo = queue instanceof Fifo;
  }

  /** What becomes of a value for which there is no room. */
  get whenFull(): "wait" | "evict" | "refuse" {
    return this.#queue.whenFull ?? "wait";
  }

  get capacity(): number {
    return this.#queue.capacity;
  }

  get size(): number {
    const here = this.#queue.size + this.#moving.length + this.#senders.kept;
    return here - this.#forgotten;
  }

  /** How many wait for room, and values kept behind them. */
  get waiting(): number {
    return this.#senders.size;
  }

  /** Takes the value in if there is room now and nobody waits; or if room can be made. */
  offer(value: T): boolean {
    if (this.#senders.size > 0 || !this.#hasRoom()) {
      if (!this.#isStrict || !this.#makeRoom()) return false;
    }
    this.#queue.push(value);
    return true;
  }

  /**
   * Takes the value in, room or not, behind all who came before. False if the
   * queue refuses what it has no room for.
   */
  keep(value: T): boolean {
    if (this.#isStrict && !this.#makeRoom()) return false;
    this.force(value);
    return true;
  }

  /** The same; neither is it refused, nor is another one evicted for it. */
  force(value: T): void {
    // WARNING: the queue has room again sooner than the first sender may
    // have it; to push the value there would be to let it barge in (law 4). Not
    // so in a queue of another order, which alone says who is next: behind
    // senders a value might wait for a place that is its own key's.
    if (this.#senders.size > 0 && this.#isFifo) this.#senders.keep(value);
    else this.#queue.push(value);
  }

  /**
   * Takes a value in again that was taken and has to be taken once more. It is
   * neither refused, nor is another one evicted for it.
   */
  requeue(value: T): void {
    if (this.#senders.size > 0 && this.#isFifo) this.#senders.keep(value);
    else this.#again(value);
  }

  /** A value that was taken has ended, or will not be taken in again. */
  done(value: T): void {
    this.#queue.done?.(value);
  }

  /**
   * Holds a place if there is room now. `fill` or `vacate` ends it. Nothing has
   * to be held where nobody waits.
   */
  reserve(): boolean {
    if (this.#senders.size > 0 || !this.#hasRoom()) return this.#isStrict;
    if (!this.#isStrict) this.#reserved++;
    return true;
  }

  /**
   * Takes a value in at a place that was held, and is held no longer, even if the
   * queue won't have the value; where none is, see `keep`.
   */
  fill(value: T): boolean {
    if (this.#isStrict) return this.keep(value);
    this.#reserved--;
    this.#queue.push(value);
    return true;
  }

  /** Gives a held place up. */
  vacate(): void {
    if (!this.#isStrict) this.#reserved--;
  }

  /** Waits for room behind all who came before. Not with a queue that evicts or refuses. */
  join(sender: Sender<T>): void {
    if (sender.value !== NONE) this.#vet(sender.value);
    this.#senders.push(sender);
  }

  /** Leaves without having been admitted. False if it was not waiting. */
  leave(sender: Sender<T>): boolean {
    const left = this.#senders.delete(sender);
    this.#release();
    return left;
  }

  /** The next value, for a taker who does not tell its end, or NONE. */
  shift(): Maybe<T> {
    const queue = this.#queue;
    // Before the loop, which V8 inlines nowhere: a taker finds it so who waits.
    if (queue.size === 0 && this.#senders.size === 0) return NONE;
    for (;;) {
      const { size } = queue;
      if (size > 0) {
        const value = queue.shift() as T;
        if (value === undefined && queue.size === size) return NONE;
        queue.done?.(value);
        if (this.#counts(value)) return value;
      } else if (!this.#admitForTaker()) return NONE;
    }
  }

  /**
   * The next value, for a taker who may yet leave it where it is; undefined if
   * there is none, or none that may be taken yet. Only for a line of values
   * that are never undefined.
   */
  peek(): T | undefined {
    const value = this.#queue.peek();
    return value !== undefined && this.#forgotten === 0 ? value : this.#find();
  }

  /** Apart, for V8 to inline the rest: 2 ns a task. */
  #find(): T | undefined {
    const queue = this.#queue;
    for (;;) {
      const value = queue.peek();
      if (value !== undefined) {
        if (this.#counts(value)) return value;
        this.#discard(value);
      } else if (queue.size > 0 || !this.#admitForTaker()) return undefined;
    }
  }

  /**
   * Takes the value that was just peeked at. Its end is to be told: see `done`.
   * False if it is not there any more, or was forgotten while it was taken.
   */
  take(): boolean {
    const value = this.#queue.shift();
    if (value === undefined) return false;
    if (this.#counts(value)) return true;
    this.#queue.done?.(value);
    return false;
  }

  /** One of the values here is not live any more. */
  forget(): void {
    if (++this.#forgotten > FEW && this.#forgotten > this.size) this.#sweep();
  }

  /** Lets in who waits and has room, first come, first served. */
  admit(): void {
    for (;;) {
      this.#release();
      if (this.#senders.size === 0 || !this.#hasRoom()) return;
      this.#admitFirst();
    }
  }

  /** Turns away everybody who waits; what was kept behind them stays. */
  dismiss(): void {
    while (this.#senders.size > 0) {
      const sender = this.#senders.shift() as Sender<T>; // Invariant 1.
      sender.refused();
      this.#release();
    }
  }

  /**
   * Gives away all values but those that stay, in order, of which `onLeave` hears
   * before those that stay are back. Who waits goes on waiting.
   */
  drain(
    stays: (value: T) => boolean = () => false,
    onLeave?: (values: T[]) => void,
  ): T[] {
    const values: T[] = [];
    const staying: T[] = [];
    for (const value of this.#takeAll()) {
      if (this.#counts(value)) (stays(value) ? staying : values).push(value);
    }
    for (const value of this.#senders.takeKept(stays)) {
      if (this.#counts(value)) values.push(value);
    }
    onLeave?.(values);
    this.#putBack(staying);
    return values;
  }

  #hasRoom(): boolean {
    const used = this.size + this.#reserved;
    const { capacity } = this.#queue;
    return used < capacity || used < capacity + (this.#idle?.() ?? 0);
  }

  /**
   * Evicts what is next until there is room. False if there is none. A queue
   * that can't give anything now has to hold one more.
   */
  #makeRoom(): boolean {
    while (!this.#hasRoom()) {
      if (this.whenFull === "refuse") return false;
      const value = this.shift();
      if (value === NONE) break;
      this.#onEvict?.(value);
    }
    return true;
  }

  /** Takes in what the queue was ready to take when it was brought. */
  #again(value: T): void {
    const queue = this.#queue;
    if (queue instanceof OwnQueue) queue.pushAgain(value);
    else queue.push(value);
  }

  /** Takes out what was just peeked at and forgotten before. */
  #discard(value: T): void {
    const queue = this.#queue;
    if (queue instanceof OwnQueue) return queue.discard();
    queue.shift();
    queue.done?.(value);
  }

  /** What the queue won't take is for the call to know that brings it. */
  #vet(value: T): void {
    if (this.#queue instanceof OwnQueue) this.#queue.vet(value);
  }

  #counts(value: T): boolean {
    if (this.#forgotten === 0 || this.#isLive!(value)) return true;
    this.#forgotten--;
    return false;
  }

  /** Invariant 1: what is kept behind nobody belongs into the queue. */
  #release(): void {
    const senders = this.#senders;
    for (let v = senders.shiftKept(); v !== NONE; v = senders.shiftKept()) {
      this.#again(v);
    }
  }

  /**
   * With nothing in the queue there is always room for what a taker takes.
   * False if nobody can be let in. A place that is held is the taker's, too;
   * only what was kept behind who waits can't wait for it.
   */
  #admitForTaker(): boolean {
    if (this.#senders.size === 0) return false;
    if (this.#reserved > 0 && this.size === 0) return false;
    this.#admitFirst();
    this.#release();
    return true;
  }

  #admitFirst(): void {
    const sender = this.#senders.shift() as Sender<T>; // Invariant 1.
    if (sender.isGone) return sender.refused();
    if (sender.value === NONE) this.#reserved++;
    else this.#again(sender.value);
    sender.admitted();
  }

  /** Invariant 3. Kept values are few, and come up by themselves. */
  #sweep(): void {
    this.#putBack(this.#takeAll().filter((value) => this.#counts(value)));
  }

  #takeAll(): T[] {
    return [...this.#queue.drain(), ...this.#moving.splice(0).reverse()];
  }

  #putBack(values: T[]): void {
    const moving = this.#moving;
    for (const value of values.reverse()) moving.push(value);
    while (moving.length > 0) this.#again(moving.pop() as T);
  }
}
