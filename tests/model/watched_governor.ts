// deno-coverage-ignore-file

/**
 * A governor that looks on how a group uses another one; a foreign one to the group.
 *
 * @module
 */

import type { AcquireOptions, Governor, Permit } from "../../mod.ts";
import {
  AdaptiveModel,
  type Ask,
  type GovernorModel,
} from "./governor_reference.ts";
import { must } from "./jobs.ts";
import type { GovernorHost, Way } from "./ways.ts";

/** The governor that it looks at, and what that should do. */
interface Watched {
  readonly real: Governor;
  readonly model: GovernorModel;
}

/** One that is watched while the group uses it. */
export class WatchedGovernor implements Governor, Way {
  readonly #governed: Watched;
  readonly #host: GovernorHost;
  readonly #held: () => number;
  readonly #asks = new Set<Ask>();
  /** What the permits weigh that the group has. */
  #out = 0;
  /** How many it gave back as failed. */
  #failures = 0;

  constructor(governed: Watched, host: GovernorHost, held: () => number) {
    this.#governed = governed;
    this.#host = host;
    this.#held = held;
  }

  get governor(): Governor {
    return this;
  }

  begins(): void {
    must(this.#out >= this.#held(), "a task begins without a permit");
  }

  lapses(): void {}

  /** Whether the group waits for a permit. */
  get #isWaiting(): boolean {
    return this.#asks.size > 0;
  }

  tryAcquire(options: AcquireOptions): Permit | undefined {
    const { real, model } = this.#governed;
    const { guard } = this.#host;
    this.#isCalled();
    const { weight = 1 } = options;
    const offer = model.offer(weight);
    const permit = real.tryAcquire!(options);
    guard(() =>
      must(
        offer === "either" || (permit !== undefined) === (offer === "yes"),
        `tryAcquire() gives ${permit === undefined ? "none" : "a permit"}`,
      )
    );
    if (permit === undefined) return undefined;
    model.take(weight);
    return this.#hold(permit, weight);
  }

  acquire(options: AcquireOptions): Promise<Permit> {
    const { real, model } = this.#governed;
    const { guard } = this.#host;
    this.#isCalled();
    const { weight = 1 } = options;
    const ask = model.ask(weight);
    this.#asks.add(ask);
    // Before the governor listens, so that the model hears of it before.
    options.signal!.addEventListener("abort", () => {
      model.giveUp(ask);
      this.#asks.delete(ask);
    });
    return real.acquire(options).then((permit) => {
      this.#asks.delete(ask);
      guard(() => model.answered(ask));
      return this.#hold(permit, weight);
    }, (reason) => {
      model.refused(ask);
      throw reason;
    });
  }

  standsStill(next: number | undefined, failures: number): void {
    const held = this.#held();
    const hasNext = next !== undefined;
    must(
      this.#out === held,
      `permits of ${this.#out} are out, tasks of ${held} have them`,
    );
    must(
      this.#isWaiting === hasNext,
      hasNext ? "nobody asks for a permit" : "a permit is waited for in vain",
    );
    for (const { state } of this.#asks) {
      must(state === "waits", "a permit that was freed is not given");
    }
    must(
      this.#failures === failures,
      `${this.#failures} permits were given back as failed, not ${failures}`,
    );
  }

  #isCalled(): void {
    this.#host.guard(() => {
      must(this.#host.isHome(), "law 13: the governor is called elsewhere");
      must(!this.#isWaiting, "the governor is asked by who waits");
    });
    this.#host.nest();
  }

  #hold(permit: Permit, weight: number): Permit {
    const { model } = this.#governed;
    const { guard, isHome, nest } = this.#host;
    let isHeld = true;
    this.#out += weight;
    const release = (failed = false) => {
      guard(() => {
        must(isHeld, "a permit was given back twice");
        must(isHome(), "law 13: a permit is given back elsewhere");
      });
      isHeld = false;
      this.#out -= weight;
      if (failed) this.#failures++;
      nest();
      model.release(weight);
      permit.release(failed);
      if (model instanceof AdaptiveModel) guard(() => model.released(failed));
    };
    return { release, [Symbol.dispose]: () => release() };
  }
}
