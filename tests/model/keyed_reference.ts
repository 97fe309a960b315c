// deno-coverage-ignore-file

/**
 * Tasks of one key start in the order in which they came, and no more than
 * `perKey` of them have begun and not ended. The keys take turns: the one that
 * has been able to give a task for the longest time gives the next one.
 *
 * If the keys have governors, a task starts only with a permit of its key's; then any
 * key may be the next one that could start its first task, and has to.
 *
 * Two things are left open. Of several tasks of one key that wait for another
 * attempt in the queue any may be the first. And a task that was withdrawn may
 * keep its key's place among the others.
 *
 * @module
 */

import {
  isSame,
  type Placed,
  type Queued,
  type QueueModel,
} from "./queue_reference.ts";
import type { QueueSpec } from "./program.ts";

/** Since when a key could give a task: some time between these two. */
interface Turn {
  readonly earliest: number;
  readonly latest: number;
}

/** A task without a key is alone with it. */
const keyOf = (job: Placed): unknown => job.key ?? job;

export class KeyedModel<J extends Placed> implements QueueModel<J> {
  readonly whenFull = "wait";
  readonly keepsBehind = false;
  readonly #perKey: number;
  readonly #keys: QueueSpec["keys"];
  readonly #turns = new Map<unknown, Turn>();
  /** When each key gave its last task. */
  readonly #given = new Map<unknown, number>();
  /** Keys of which a task was withdrawn. */
  readonly #loose = new Set<unknown>();
  #time = 0;
  /** When the model looked last, and before. */
  #looked = 0;
  #lookedBefore = 0;
  #isLooking = false;

  constructor({ perKey, keys }: QueueSpec) {
    this.#perKey = perKey;
    this.#keys = keys;
  }

  next(queued: Queued<J>): readonly J[] {
    const turns = [...this.#turns];
    if (this.#keys !== undefined) {
      return turns.flatMap(([key]) => firstOf(key, queued.jobs))
        .filter((job) => this.#hasPermit(job, queued.begun));
    }
    return turns
      .filter(([, { earliest }]) =>
        turns.every(([, { latest }]) => earliest <= latest)
      )
      .flatMap(([key]) => firstOf(key, queued.jobs));
  }

  mayRun(job: J, { begun }: Queued<J>): boolean {
    return this.#hasPlace(keyOf(job), begun) && this.#hasPermit(job, begun);
  }

  mayClear(given: readonly J[], jobs: readonly J[]): boolean {
    const keys = new Set(jobs.map(keyOf));
    return given.length === jobs.length && [...keys].every((key) => {
      const [mine, wanted] = [given, jobs].map((jobs) => {
        const ofKey = jobs.filter((job) => keyOf(job) === key);
        const again = ofKey.filter(({ attempt }) => attempt > 0);
        const fresh = ofKey.filter(({ attempt }) => attempt === 0);
        return { ofKey, all: [...again.toSorted(byId), ...fresh], again };
      });
      return isSame(mine!.all, wanted!.all) &&
        mine!.ofKey.slice(0, mine!.again.length).every(({ attempt }) =>
          attempt > 0
        );
    });
  }

  changed({ jobs, begun }: Queued<J>): void {
    const time = ++this.#time;
    const ready = new Set(
      jobs.map(keyOf).filter((key) => this.#hasPlace(key, begun)),
    );
    for (const key of this.#turns.keys()) {
      if (!ready.has(key)) this.#turns.delete(key);
    }
    for (const key of ready) {
      if (this.#turns.has(key)) continue;
      const earliest = this.#loose.has(key)
        ? this.#given.get(key) ?? 0
        : this.#isLooking
        ? this.#lookedBefore
        : time;
      this.#turns.set(key, { earliest, latest: time });
    }
  }

  looks(isLooking: boolean): void {
    this.#isLooking = isLooking;
    if (!isLooking) return;
    this.#lookedBefore = this.#looked;
    this.#looked = this.#time;
  }

  left(job: J, how: "started" | "withdrawn"): void {
    const key = keyOf(job);
    if (how === "withdrawn") this.#loose.add(key);
    else {
      this.#turns.delete(key);
      this.#given.set(key, ++this.#time);
      this.#delay(this.#looked);
    }
  }

  cleared(): void {
    this.#delay(0);
  }

  /** Keys that could give a task since then may be behind the next that can. */
  #delay(since: number): void {
    for (const [key, { earliest, latest }] of this.#turns) {
      if (latest <= since) continue;
      this.#turns.set(key, { earliest, latest: this.#time + 1 });
    }
  }

  #hasPermit({ key, weight }: J, begun: readonly J[]): boolean {
    const keys = this.#keys;
    if (keys === undefined || key === undefined) return true;
    let held = weight;
    for (const job of begun) {
      const isHolding = job.state === "running" && job.key !== undefined &&
        (keys.isShared || job.key === key);
      if (isHolding) held += job.weight;
    }
    return held <= keys.limit;
  }

  #hasPlace(key: unknown, begun: readonly J[]): boolean {
    const mine = begun.filter((job) => keyOf(job) === key);
    return mine.length < this.#perKey;
  }
}

/** The first task of a key: one that was begun before, if there is one. */
function firstOf<J extends Placed>(key: unknown, jobs: readonly J[]): J[] {
  const mine = jobs.filter((job) => keyOf(job) === key);
  const again = mine.filter(({ attempt }) => attempt > 0);
  return again.length > 0 ? again : mine.slice(0, 1);
}

const byId = (a: Placed, b: Placed): number => a.id - b.id;
