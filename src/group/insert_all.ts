/**
 * `insertAll`: tasks from an iterable, as fast as there is room for them.
 *
 * Invariants:
 * 1. A place is held before each pull, so that there is room for what comes. It is given
 *    up when a task is in it, when none will come, or when the group has ended.
 * 2. However it ends, the feed leaves the group, closes the source, and waits until that
 *    is closed and the last pull is answered.
 * 3. Each task that was pulled is accepted, skipped, refused by the queue, or
 *    handed back; also a task that comes after the promise was settled (law 1).
 * 4. The promise has the first error; later ones go to `onError`.
 *
 * @module
 */

import type { Item } from "./entry.ts";
import type { Feed, Group } from "./group.ts";
import { CoGroupClosedError } from "../base/errors.ts";
import { type Intake, WaitingInsert } from "./intake.ts";
import {
  type Deferred,
  deferred,
  ignore,
  keep,
  type Maybe,
  NONE,
} from "../base/promises.ts";
import { NOWHERE } from "./runner.ts";
import {
  type AnyIterable,
  LATER,
  type Puller,
  Source,
} from "../base/source.ts";
import type { QueuedTask, Task } from "../task.ts";
import { Turn } from "../base/turn.ts";

type Given = Task | QueuedTask;

/** After so many tasks that come without a wait, the workers may start some. */
const AT_ONCE = 8;

/** Feeds the group; resolves with how many tasks were accepted. */
export function insertAll(
  group: Group,
  intake: Intake,
  tasks: AnyIterable<Given>,
): Promise<number> {
  try {
    const feed = new TaskFeed(group, intake, tasks);
    feed.run();
    return feed.all.promise;
  } catch (error) {
    return Promise.reject(error);
  }
}

class TaskFeed implements Feed, Puller<Given> {
  readonly all: Deferred<number>;
  readonly #intake: Intake;
  readonly #group: Group;
  readonly #source: Source<Given>;
  readonly #turn: Turn;
  #accepted = 0;
  #error: Maybe<unknown> = NONE;
  #isSettled = false;
  /** Resolves when the source is closed; undefined until the feed stops. */
  #closed: Promise<void> | undefined = undefined;
  /** The last one that has waited for a place. */
  #sender: WaitingInsert | undefined = undefined;
  /** Whether a place is held for what is being pulled. */
  #isHolding = false;
  /** Ends the wait for the pull under way: it was answered, or the feed has stopped. */
  #goOn: (() => void) | undefined = undefined;

  constructor(group: Group, intake: Intake, tasks: AnyIterable<Given>) {
    this.#intake = intake;
    this.#group = group;
    this.#source = new Source("insertAll", tasks, this);
    this.#turn = new Turn(group.settings.slice);
    this.all = group.diagnosis?.deferred(
      "insertAll",
      () => this.#sender?.list === undefined ? "source" : "worker",
      (error) => this.#giveUp(error),
    ) ?? deferred();
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const source = this.#source;
    const { backlog, feeds, state } = this.#group;
    const turn = this.#turn;
    let atHand = 0;
    if (state.isClosed) this.stop();
    feeds.add(this);
    turn.enter();
    try {
      while (!source.isOver) {
        if (!turn.mayStart()) { // Law 10: a source may have all its tasks at hand.
          await turn.turned();
          // Stopped meanwhile: the backlog dismisses senders once, and would not do so again.
          if (source.isOver) break;
        }
        if (backlog.reserve() || await this.#place()) {
          this.#isHolding = true;
          const value = source.pull();
          // Awaited only if need be: a task at hand costs no microtask.
          if (value === LATER) await this.#answer();
          else this.#put(value);
          // Lets the workers start some: a source may have all its tasks at hand.
          if (++atHand % AT_ONCE === 0) await undefined;
        }
      }
    } catch (error) {
      this.#fail(error);
    }
    this.stop();
    feeds.delete(this);
    await this.#closed;
    this.#settle();
  }

  stop(): void {
    this.#letGo();
    this.#turn.leave(); // Or each feed that has ended would wait for a turn of the loop.
    this.#source.stop();
    this.#group.workers.look(); // The queue may have thrown: its place is free.
    this.#closed ??= this.#source.closed(true).catch((e) => this.#fail(e));
  }

  comes(value: Maybe<Given>): void {
    try {
      this.#put(value);
      this.#letGo();
    } catch (error) {
      this.fails(error);
    }
  }

  fails(error: unknown): void {
    this.#fail(error);
    this.stop();
  }

  lost(error: unknown): void {
    const task = () => this.#source.given;
    this.#group.runner.report(error, { task }, NOWHERE);
  }

  /** Waits for a place to be held; false if there will be none. */
  #place(): Promise<boolean> {
    const isHeld = new Promise<boolean>(keep);
    const { backlog, diagnosis } = this.#group;
    backlog.join(this.#sender = new WaitingInsert(this.#group, NONE));
    diagnosis?.look();
    return isHeld;
  }

  /** It waits for room that will never be there. */
  #giveUp(error: Error): void {
    const sender = this.#sender!;
    this.#fail(error);
    this.#group.backlog.leave(sender);
    sender.refused();
    this.stop();
  }

  /** Resolves when the pull under way is answered, or the feed is stopped. */
  #answer(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
      if (this.#source.isOver) this.#letGo(); // The call of `next` has stopped it.
    });
  }

  #letGo(): void {
    this.#vacate();
    this.#goOn?.();
  }

  /** Takes in what was pulled; or hands it back, if the group has ended. */
  #put(value: Maybe<Given>): void {
    const item = value === NONE ? NONE : this.#intake.pulled(value);
    if (item === NONE) return this.#vacate();
    // Asked only now: `pulled` may have run the user's code.
    if (!this.#isHolding) return this.#handBack(item, value as Given);
    this.#isHolding = false;
    if (this.#intake.fill(item)) this.#accepted++;
  }

  /** The task was not accepted, so the counts know nothing of it. */
  #handBack(item: Item, value: Given): void {
    if (this.#group.state.isAborted) return this.#group.handBack(item);
    const error = new CoGroupClosedError(
      "Cannot insertAll: the group is closed",
      value,
    );
    this.#fail(error);
  }

  #vacate(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#group.backlog.vacate();
    this.#group.workers.look();
  }

  /** Keeps invariant 4. */
  #fail(error: unknown): void {
    if (this.#error === NONE && !this.#isSettled) this.#error = error;
    else this.lost(error);
  }

  #settle(): void {
    this.#isSettled = true;
    const { promise, resolve, reject } = this.all;
    // That the group was closed is no failure (law 6).
    if (this.#error instanceof CoGroupClosedError) promise.catch(ignore);
    if (this.#error === NONE) resolve(this.#accepted);
    else reject(this.#error);
  }
}
