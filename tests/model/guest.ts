// deno-coverage-ignore-file

/**
 * Another group, which shares the governor of the one that is played with.
 *
 * @module
 */

import type { CoGroup } from "../../mod.ts";
import {
  type Governed,
  type GovernorHost,
  WatchedGovernor,
} from "./governors.ts";
import { must } from "./jobs.ts";

/** How many of its tasks run at once. */
const CONCURRENCY = 2;

export class Guest {
  readonly #group: CoGroup;
  readonly #governor: WatchedGovernor;
  readonly #host: GovernorHost;
  #queue: number[] = [];
  readonly #running: Map<number, (isWell: boolean) => void> = new Map();
  #added = 0;
  #failures = 0;
  #isCancelled = false;
  #isPaused = false;

  constructor(
    mod: typeof import("../../mod.ts"),
    governed: Governed,
    host: GovernorHost,
  ) {
    this.#host = host;
    this.#governor = new WatchedGovernor(governed, host);
    this.#group = new mod.CoGroup({
      concurrency: CONCURRENCY,
      governor: this.#governor,
      onError: () => {},
    });
  }

  get isAtRest(): boolean {
    return this.#running.size === 0 && this.#queue.length === 0;
  }

  add(): void {
    const id = this.#added;
    if (this.#group.add(() => this.#run(id))) {
      must(!this.#isCancelled, "law 5: the guest takes more after the abort");
      this.#queue.push(id);
      this.#added++;
    } else must(this.#isCancelled, "the guest takes no more");
  }

  end(which: number, isWell: boolean): void {
    const running = [...this.#running.values()];
    running[which % running.length]?.(isWell);
  }

  pause(): void {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) this.#group.pause();
    else this.#group.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#queue = [];
    this.#group.cancel();
  }

  /** Ends what there is to end, and whatever else keeps it from its end. */
  finish(): void {
    if (this.#isPaused) this.pause();
    for (const end of [...this.#running.values()]) end(true);
  }

  standsStill(): void {
    const hasNext = this.#queue.length > 0 && !this.#isPaused &&
      this.#running.size < CONCURRENCY;
    this.#governor.standsStill(this.#running.size, hasNext, this.#failures);
    const { size, inFlight } = this.#group;
    must(
      size === this.#queue.length && inFlight === this.#running.size,
      "law 1: the guest's books are wrong",
    );
  }

  #run(id: number): Promise<void> {
    const running = this.#running;
    return new Promise((resolve, reject) => {
      this.#host.guard(() => {
        must(this.#queue.shift() === id, "law 4: the guest starts another one");
        must(running.size < CONCURRENCY, "law 2: the guest runs too many");
        must(
          this.#governor.out > running.size,
          "the guest starts one without a permit",
        );
      });
      running.set(id, (isWell) => {
        running.delete(id);
        if (isWell) return resolve();
        this.#failures++;
        reject(new Error("of the guest"));
      });
    });
  }
}
