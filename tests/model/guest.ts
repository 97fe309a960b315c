// deno-coverage-ignore-file

/**
 * Another group, which shares the governor of the one that is played with.
 *
 * @module
 */

import type { CoGroup } from "../../mod.ts";
import { clock } from "./clock.ts";
import type { Governed } from "./governors.ts";
import { must } from "./jobs.ts";
import type { GovernorHost, Way } from "./ways.ts";

/** How many of its tasks run at once. */
const CONCURRENCY = 2;

export class Guest {
  readonly #group: CoGroup;
  readonly #way: Way;
  readonly #host: GovernorHost;
  #queue: number[] = [];
  readonly #running: Map<number, (isWell: boolean) => void> = new Map();
  #added = 0;
  #failures = 0;
  #isAborted = false;
  #isPaused = false;

  constructor(
    mod: typeof import("../../mod.ts"),
    governed: Governed,
    host: GovernorHost,
  ) {
    this.#host = host;
    this.#way = governed.guestWay(host, () => this.#running.size);
    this.#group = new mod.CoGroup({
      concurrency: CONCURRENCY,
      governor: this.#way.governor,
      onError: () => {},
    });
  }

  get isAtRest(): boolean {
    return this.#running.size === 0 && this.#queue.length === 0;
  }

  /** A task that has the CPU for so many milliseconds. */
  add(work: number): void {
    const id = this.#added;
    if (this.#group.add(() => this.#run(id, work))) {
      must(!this.#isAborted, "law 5: the guest takes more after the abort");
      this.#queue.push(id);
      this.#added++;
    } else must(this.#isAborted, "the guest takes no more");
  }

  end(which: number, isWell: boolean): void {
    const running = [...this.#running.values()];
    running[which % running.length]?.(isWell);
  }

  pause(): void {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) {
      this.#group.pause();
      this.#way.lapses();
    } else this.#group.resume();
  }

  abort(): void {
    this.#isAborted = true;
    this.#queue = [];
    this.#group.abort();
  }

  /** Ends what there is to end, and whatever else keeps it from its end. */
  finish(): void {
    if (this.#isPaused) this.pause();
    for (const end of [...this.#running.values()]) end(true);
  }

  /** The group looks: whether it is still one that waits for its governor. */
  look(isBlocked: boolean): void {
    if (isBlocked || !this.#hasNext) this.#way.lapses();
  }

  get #hasNext(): boolean {
    return this.#queue.length > 0 && !this.#isPaused &&
      this.#running.size < CONCURRENCY;
  }

  standsStill(): void {
    this.#way.standsStill(this.#hasNext ? 1 : undefined, this.#failures);
    const { size, inFlight } = this.#group;
    must(
      size === this.#queue.length && inFlight === this.#running.size,
      "law 1: the guest's books are wrong",
    );
  }

  #run(id: number, work: number): Promise<void> {
    const running = this.#running;
    return new Promise((resolve, reject) => {
      running.set(id, (isWell) => {
        running.delete(id);
        if (isWell) return resolve();
        this.#failures++;
        reject(new Error("of the guest"));
      });
      this.#host.guard(() => {
        this.#host.look();
        must(this.#queue.shift() === id, "law 4: the guest starts another one");
        must(running.size <= CONCURRENCY, "law 2: the guest runs too many");
        this.#way.begins(1);
      });
      clock.worked += work;
    });
  }
}
