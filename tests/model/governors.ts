// deno-coverage-ignore-file

/**
 * A governor that is watched while a group uses it, and the one behind it,
 * which two groups may share.
 *
 * @module
 */

import type { AcquireOptions, Governor, Permit } from "../../mod.ts";
import {
  AdaptiveModel,
  type Ask,
  type GovernorModel,
  RateModel,
  SemaphoreModel,
} from "./governor_reference.ts";
import { must } from "./jobs.ts";
import type { GovernorSpec } from "./program.ts";

/** A governor, and what it should do. */
export interface Governed {
  readonly real: Governor;
  readonly model: GovernorModel;
}

/** The governor of a program, if it has one. */
export function govern(
  mod: typeof import("../../mod.ts"),
  spec: GovernorSpec,
  now: () => number,
): Governed | undefined {
  switch (spec.type) {
    case "none":
      return undefined;
    case "semaphore": {
      const { limit } = spec;
      return {
        real: new mod.Semaphore(limit),
        model: new SemaphoreModel(limit),
      };
    }
    case "rate":
      return { real: mod.rateLimit(spec), model: new RateModel(spec, now) };
    case "adaptive": {
      const real = mod.adaptiveLimit(spec);
      const limit = () => real.limit;
      return { real, model: new AdaptiveModel(spec.min, spec.max, limit) };
    }
  }
}

/** What the governor needs of the program. */
export interface GovernorHost {
  guard(check: () => void): void;
  /** What is done in its calls. */
  nest(): void;
  /** Whether this is the async context of the group. */
  isHome(): boolean;
}

/** A group's own way to the governor. */
export class WatchedGovernor implements Governor {
  readonly #governed: Governed;
  readonly #host: GovernorHost;
  readonly #asks = new Set<Ask>();
  /** How many permits the group has. */
  out = 0;
  /** How many it gave back as failed. */
  failures = 0;

  constructor(governed: Governed, host: GovernorHost) {
    this.#governed = governed;
    this.#host = host;
  }

  /** Whether the group waits for a permit. */
  get isWaiting(): boolean {
    return this.#asks.size > 0;
  }

  tryAcquire(): Permit | undefined {
    const { real, model } = this.#governed;
    const { guard } = this.#host;
    this.#isCalled();
    const { offer } = model;
    const permit = real.tryAcquire();
    guard(() =>
      must(
        offer === "either" || (permit !== undefined) === (offer === "yes"),
        `tryAcquire() gives ${permit === undefined ? "none" : "a permit"}`,
      )
    );
    if (permit === undefined) return undefined;
    model.take();
    return this.#hold(permit);
  }

  acquire(options: AcquireOptions): Promise<Permit> {
    const { real, model } = this.#governed;
    const { guard } = this.#host;
    this.#isCalled();
    const ask = model.ask();
    this.#asks.add(ask);
    // Before the governor listens, so that the model hears of it before.
    options.signal!.addEventListener("abort", () => {
      model.giveUp(ask);
      this.#asks.delete(ask);
    });
    return real.acquire(options).then((permit) => {
      this.#asks.delete(ask);
      guard(() => model.answered(ask));
      return this.#hold(permit);
    }, (reason) => {
      model.refused(ask);
      throw reason;
    });
  }

  /** When nothing moves any more; the group has so many tasks in flight. */
  standsStill(running: number, hasNext: boolean, failures: number): void {
    must(
      this.out === running,
      `${this.out} permits are out, ${running} tasks are in flight`,
    );
    must(
      this.isWaiting === hasNext,
      hasNext ? "nobody asks for a permit" : "a permit is waited for in vain",
    );
    for (const { state } of this.#asks) {
      must(state === "waits", "a permit that was freed is not given");
    }
    must(
      this.failures === failures,
      `${this.failures} permits were given back as failed, not ${failures}`,
    );
    this.#governed.model.standsStill();
  }

  #isCalled(): void {
    this.#host.guard(() => {
      must(this.#host.isHome(), "law 13: the governor is called elsewhere");
      must(!this.isWaiting, "the governor is asked by who waits");
    });
    this.#host.nest();
  }

  #hold(permit: Permit): Permit {
    const { model } = this.#governed;
    const { guard, isHome, nest } = this.#host;
    let isHeld = true;
    this.out++;
    const release = (failed = false) => {
      guard(() => {
        must(isHeld, "a permit was given back twice");
        must(isHome(), "law 13: a permit is given back elsewhere");
      });
      isHeld = false;
      this.out--;
      if (failed) this.failures++;
      nest();
      model.release();
      permit.release(failed);
      if (model instanceof AdaptiveModel) guard(() => model.released(failed));
    };
    return { release, [Symbol.dispose]: () => release() };
  }
}
